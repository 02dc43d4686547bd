//! The table: a row a group.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Span;

use super::layout::{Column, Columns, GAP};
use super::pen::Pen;
use super::{View, take};
use crate::top::board::Row;
use crate::top::state::{Grouping, Sort};
use crate::top::units::{NONE, count, length, or_none, percent, rate, seconds, usd};

impl View<'_> {
    /// Draws it, and says how far it can be scrolled.
    pub(super) fn table(&self, pen: &mut Pen<'_>, mut area: Rect) -> usize {
        let look = pen.look;
        let rows = self.state.sorted(self.board);
        let heading = take(&mut area, 1);
        let head = take(&mut area, 1);
        let room = usize::from(area.height);
        let most = rows.len().saturating_sub(room);
        let first = self.state.scroll.min(most);
        let what = match self.state.grouping {
            Grouping::None => "all",
            Grouping::Evaluator => "evaluations by evaluator",
            Grouping::Error => "failed calls by error",
            Grouping::Operation => "calls by operation",
            Grouping::Model => "calls by model",
        };
        let end = match rows.len() {
            all if all > room && room > 0 => format!("{}–{} of {all}", first + 1, first + room),
            _ => String::new(),
        };
        pen.rule(heading, &[Span::raw(what)], &end);
        let columns = Columns::of(area.width);
        self.head(pen, head, &columns);
        if rows.is_empty() {
            let none = match self.board.newest {
                None => "no samples yet".to_owned(),
                Some(newest) => {
                    let ago = length(self.board.window.end.since(newest));
                    format!("none within this window; the newest sample of all is of {ago} ago: 5 shows all")
                }
            };
            pen.left(take(&mut area, 1), &none, look.faint());
        }
        // All rows by one measure.
        let most_calls = rows.iter().flat_map(|row| row.trend.iter().flatten()).copied().fold(0.0, f64::max);
        for row in rows.into_iter().skip(first).take(room) {
            let line = take(&mut area, 1);
            self.row(pen, line, &columns, row, most_calls);
        }
        most
    }

    fn head(&self, pen: &mut Pen<'_>, mut area: Rect, columns: &Columns) {
        let look = pen.look;
        let sort = self.state.sort;
        let style = |sorted: bool| {
            if sorted { look.accent().add_modifier(Modifier::BOLD) } else { look.faint() }
        };
        let label = self.state.grouping.label().unwrap_or("");
        let mark = if sort == Sort::Name { " ▼" } else { "" };
        pen.left(Rect { width: columns.name, ..area }, &format!("{label}{mark}"), style(sort == Sort::Name));
        area.x += columns.name;
        for column in &columns.shown {
            let sorted = column.title() == sort.as_str();
            let text = if sorted { format!("▼{}", column.title()) } else { column.title().to_owned() };
            pen.right(Rect { width: column.width(), ..area }, &text, style(sorted));
            area.x += column.width();
        }
        if columns.trend > 0 {
            area.x += GAP;
            pen.left(Rect { width: columns.trend, ..area }, "calls over the window", look.faint());
        }
    }

    fn row(&self, pen: &mut Pen<'_>, mut area: Rect, columns: &Columns, row: &Row, most_calls: f64) {
        let look = pen.look;
        let unnamed = if self.state.grouping == Grouping::None { "all" } else { "unnamed" };
        let name_style = if row.name.is_none() { look.faint() } else { look.strong() };
        let name = row.name.as_deref().unwrap_or(unnamed);
        pen.left(Rect { width: columns.name, ..area }, name, name_style);
        area.x += columns.name;
        for column in &columns.shown {
            let text = self.cell(*column, row);
            // What is zero, or not known, steps back.
            let quiet = [NONE, "0", "0%", "$0"].contains(&text.as_str());
            let style = if quiet { look.faint() } else { ratatui::style::Style::new() };
            pen.right(Rect { width: column.width(), ..area }, &text, style);
            area.x += column.width();
        }
        if columns.trend > 0 {
            area.x += GAP;
            let place = Rect { width: columns.trend, ..area };
            pen.trend(place, &row.trend, most_calls, look.accent(), self.board.trends.open);
        }
    }

    fn cell(&self, column: Column, row: &Row) -> String {
        let calls = &row.calls;
        match column {
            Column::Calls => count(calls.count),
            Column::Rate if self.board.seconds < 1.0 => NONE.to_owned(),
            Column::Rate => rate(calls.count as f64 / self.board.seconds),
            Column::Failed => or_none(calls.failed_share(), percent),
            Column::P50 => seconds(calls.p50),
            Column::P95 => seconds(calls.p95),
            Column::P99 => seconds(calls.p99),
            Column::Tokens => or_none(row.tokens, |tokens| count(tokens.total)),
            Column::Cost => or_none(row.tokens.and_then(|tokens| tokens.cost), usd),
        }
    }
}
