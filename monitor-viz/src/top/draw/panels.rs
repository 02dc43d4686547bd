//! What stands around the table: the rules that hold, errors, scores, sinks.

use monitor_core::Level;
use monitor_core::alerting::{self, Standing};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::pen::{Pen, clean, fitting};
use super::{View, inner, layout, take};
use crate::top::account::SinkLine;
use crate::top::units::{count, length, number};

/// Rows of a panel in which it tells anything.
const FEWEST: u16 = 3;

/// Draws a panel of a view.
type Panel<V> = fn(&V, &mut Pen<'_>, Rect);

impl View<'_> {
    /// The rules that hold, a line each as far as there is room; or that none does, or that nobody knows.
    pub(super) fn firing(&self, pen: &mut Pen<'_>, area: &mut Rect, rows: u16) {
        let look = pen.look;
        let spacious = rows >= 20;
        if spacious {
            take(area, 1);
        }
        let holding = self.account.holding();
        let room = match rows {
            ..12 => 1,
            12..28 => 3,
            28..44 => 5,
            _ => 8,
        };
        if holding.is_empty() {
            // Where there is little room, silence says the same; and a note says why nobody knows.
            if rows >= 12 && (self.account.rules.is_some() || self.account.notes.is_empty() || !spacious) {
                let text = match &self.account.rules {
                    Some(_) => "no rule fires",
                    None => "rules: not known from outside",
                };
                pen.left(inner(take(area, 1)), text, look.faint());
            }
        } else {
            let more = holding.len() > room;
            let shown = if more && room > 1 { room - 1 } else { room };
            let names = names(holding.iter().take(shown).copied(), area.width);
            for standing in holding.iter().take(shown) {
                let line = self.standing(pen, standing, names);
                pen.line(inner(take(area, 1)), &line);
            }
            if more && room > 1 {
                let text = format!("and {} more: a shows all", holding.len() - shown);
                pen.left(inner(take(area, 1)), &text, look.warning());
            }
        }
        if let Some(note) = self.account.notes.first().filter(|_| spacious) {
            pen.left(inner(take(area, 1)), note, look.faint());
        }
        if spacious {
            take(area, 1);
        }
    }

    /// A rule in a line: how grave, which, in so many columns, since when, with what value.
    pub(super) fn standing(&self, pen: &Pen<'_>, standing: &Standing, names: u16) -> Line<'static> {
        let look = pen.look;
        let level = standing.level.unwrap_or(Level::Warning);
        let (mark, style, verb) = match standing.phase {
            alerting::Phase::Firing => ("▲", look.level(level), "fires"),
            alerting::Phase::Pending => ("△", look.warning(), "holds"),
            alerting::Phase::Inactive => (" ", look.faint(), ""),
        };
        let now = self.board.window.end;
        let word = if standing.phase == alerting::Phase::Inactive { "ok" } else { level.as_str() };
        let (rule, labels) = (clean(&standing.rule), clean(&standing.labels.to_string()));
        let name = fitting(&format!("{rule}{labels}"), names);
        let (rule, labels) = name.split_at_checked(rule.len()).unwrap_or((&name, ""));
        let missing = usize::from(names).saturating_sub(Span::raw(&name).width());
        let mut spans = vec![
            Span::styled(format!("{mark} {word:<8}"), style),
            Span::styled(format!("  {rule}"), look.strong()),
            Span::raw(format!("{labels}{}", " ".repeat(missing))),
        ];
        if !verb.is_empty() {
            spans.push(Span::raw(format!("  {verb} for {:<7}", length(now.since(standing.since)))));
        }
        if let Some(held) = &standing.held {
            spans.push(Span::styled(clean(&format!("  not told: {held}")), look.faint()));
        }
        if let Some(value) = standing.value {
            spans.push(Span::styled(format!("  value {}", number(value)), look.faint()));
        }
        Line::from(spans)
    }

    /// Every sink in one line.
    pub(super) fn sinks_in_a_line(&self, pen: &mut Pen<'_>, area: Rect) {
        let look = pen.look;
        let Some(sinks) = &self.account.sinks else { return };
        let mut spans = vec![Span::styled("sinks", look.faint())];
        for (at, sink) in sinks.iter().enumerate() {
            spans.push(Span::styled(if at == 0 { "  " } else { "  ·  " }, look.faint()));
            spans.push(Span::raw(clean(&sink.name)));
            spans.extend(fate(sink, pen).into_iter().map(|(text, style)| Span::styled(format!(" {text}"), style)));
        }
        pen.line(area, &Line::from(spans));
    }

    /// The panels under each other.
    pub(super) fn panels_below(&self, pen: &mut Pen<'_>, mut area: Rect) {
        for rows in self.wanted() {
            if area.height < FEWEST {
                return;
            }
            let (draw, rows) = rows;
            draw(self, pen, take(&mut area, rows + 1));
            take(&mut area, 1);
        }
    }

    /// The panels beside each other.
    pub(super) fn panels_beside(&self, pen: &mut Pen<'_>, area: Rect) {
        let wanted = self.wanted();
        let count = u16::try_from(wanted.len()).unwrap_or(1).max(1);
        let width = (area.width + layout::BETWEEN) / count;
        for (at, (draw, _)) in (0..).zip(wanted) {
            let place = Rect { x: area.x + at * width, width: width.saturating_sub(layout::BETWEEN), ..area };
            draw(self, pen, place);
        }
    }

    /// Which panels there are, and how many rows each wants at most.
    fn wanted(&self) -> Vec<(Panel<Self>, u16)> {
        let rows = |count: usize| u16::try_from(count.clamp(1, 8)).unwrap_or(8);
        let mut panels: Vec<(Panel<Self>, u16)> = vec![(Self::errors, rows(self.board.errors.len()))];
        if !self.board.scores.is_empty() {
            panels.push((Self::scores, rows(self.board.scores.len())));
        }
        if let Some(sinks) = &self.account.sinks {
            panels.push((Self::sinks, rows(sinks.len())));
        }
        panels
    }

    fn errors(&self, pen: &mut Pen<'_>, mut area: Rect) {
        let look = pen.look;
        pen.rule(take(&mut area, 1), &[Span::raw("errors")], "");
        let all: u64 = self.board.errors.iter().map(|(_, count)| count).sum();
        if all == 0 {
            pen.left(take(&mut area, 1), "none within this window", look.faint());
        }
        for (name, times) in self.board.errors.iter().take(usize::from(area.height)) {
            let line = take(&mut area, 1);
            let bar = line.width / 4;
            let numbers = Rect { width: line.width.saturating_sub(bar + 1), ..line };
            pen.right(numbers, &count(*times), Style::new());
            let style = if name.is_some() { Style::new() } else { look.faint() };
            let name = name.as_deref().unwrap_or("unnamed");
            pen.left(Rect { width: numbers.width.saturating_sub(8), ..numbers }, name, style);
            let bar = Rect { x: line.x + line.width - bar, width: bar, ..line };
            pen.bar(bar, *times as f64 / all as f64, look.warning());
        }
    }

    fn scores(&self, pen: &mut Pen<'_>, mut area: Rect) {
        pen.rule(take(&mut area, 1), &[Span::raw("mean scores")], "");
        for score in self.board.scores.iter().take(usize::from(area.height)) {
            let line = take(&mut area, 1);
            pen.right(line, &count(score.count), pen.look.faint());
            let means = Rect { width: line.width.saturating_sub(8), ..line };
            pen.right(means, &number(score.mean), Style::new());
            pen.left(Rect { width: means.width.saturating_sub(8), ..means }, &score.name, Style::new());
        }
    }

    fn sinks(&self, pen: &mut Pen<'_>, mut area: Rect) {
        pen.rule(take(&mut area, 1), &[Span::raw("sinks")], "");
        for sink in self.account.sinks.iter().flatten().take(usize::from(area.height)) {
            let line = take(&mut area, 1);
            let fate = fate(sink, pen);
            let spans: Vec<Span<'_>> =
                fate.into_iter().map(|(text, style)| Span::styled(format!(" {text}"), style)).collect();
            let fate = Line::from(spans);
            let width = u16::try_from(fate.width()).unwrap_or(line.width).min(line.width);
            pen.left(Rect { width: line.width - width, ..line }, &sink.name, Style::new());
            pen.line(Rect { x: line.x + line.width - width, width, ..line }, &fate);
        }
    }
}

/// The columns that the names of these rules take, of so many that there are.
pub(super) fn names<'a>(standings: impl Iterator<Item = &'a Standing>, columns: u16) -> u16 {
    let widths = standings.map(|it| Span::raw(clean(&format!("{}{}", it.rule, it.labels))).width());
    u16::try_from(widths.max().unwrap_or(0)).unwrap_or(u16::MAX).min(columns / 2)
}

/// What became of the events for a sink: losses are told, and what waits; what has arrived is as it should be.
fn fate(sink: &SinkLine, pen: &Pen<'_>) -> Vec<(String, Style)> {
    let look = pen.look;
    let mut fate = vec![(count(sink.delivered), look.faint())];
    if sink.pending > 0 {
        fate.push((format!("{} waiting", count(sink.pending)), Style::new()));
    }
    if sink.lost > 0 {
        fate.push((format!("{} lost", count(sink.lost)), look.bad()));
    }
    if sink.failed {
        fate.push(("failed".to_owned(), look.bad()));
    }
    fate
}
