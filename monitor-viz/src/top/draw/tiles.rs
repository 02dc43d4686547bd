//! The numbers of all calls: in tiles with a trend each, or, where there is little room, in lines.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::pen::Pen;
use super::{View, layout, take};
use crate::top::board::Calls;
use crate::top::units::{NONE, count, or_none, percent, rate, seconds, usd};

/// A number, what it is, and what goes with it.
struct Tile<'a> {
    title: &'static str,
    number: String,
    /// Shown as far as there is room.
    more: Vec<(String, Style)>,
    trend: &'a [Option<f64>],
    style: Style,
}

impl View<'_> {
    fn all(&self, pen: &Pen<'_>) -> [Tile<'_>; 5] {
        let (board, look) = (self.board, pen.look);
        let faint = look.faint();
        // Over less than a second anything can be.
        let a_second = |amount: f64| Some(amount / board.seconds).filter(|_| board.seconds >= 1.0);
        let (calls, tokens, trends) = (board.calls.as_ref(), board.tokens.as_ref(), &board.trends);
        let mut calls_more = vec![(or_none(calls.and_then(|calls| a_second(calls.count as f64)), rate), faint)];
        if let Some(evaluations) = board.evaluations.filter(|_| !board.only_evaluations) {
            calls_more.push((format!("{} evaluations", count(evaluations)), faint));
        }
        let failed = calls.and_then(|calls| calls.failed);
        let failed_more = failed.map(|(failed, of)| (format!("{} of {}", count(failed), count(of)), faint));
        let time = |which: &str, of: Option<f64>| (format!("{which} {}", or_none(of, seconds)), faint);
        let tokens_more = match tokens {
            Some(tokens) => vec![
                (or_none(a_second(tokens.total as f64), rate), faint),
                (format!("in {}", count(tokens.prompt)), faint),
                (format!("out {}", count(tokens.completion)), faint),
            ],
            None => Vec::new(),
        };
        let cost = tokens.and_then(|tokens| tokens.cost);
        let mut cost_more = Vec::new();
        if let Some(unpriced) = tokens.map(|tokens| tokens.unpriced).filter(|unpriced| *unpriced > 0) {
            // The sum is too small.
            cost_more.push((format!("{} unpriced", count(unpriced)), look.warning()));
        }
        if let Some(a_second) = cost.and_then(a_second) {
            cost_more.push((format!("{}/h", usd(a_second * 3_600.0)), faint));
        }
        [
            Tile {
                title: if board.only_evaluations { "evaluations" } else { "calls" },
                number: or_none(calls, |calls| count(calls.count)),
                more: calls_more,
                trend: &trends.calls,
                style: look.accent(),
            },
            Tile {
                title: "failed",
                number: or_none(calls.and_then(Calls::failed_share), percent),
                more: failed_more.into_iter().collect(),
                trend: &trends.failed,
                style: look.warning(),
            },
            Tile {
                title: "p50 time",
                number: or_none(calls.map(|calls| calls.p50), seconds),
                more: vec![time("p95", calls.map(|calls| calls.p95)), time("p99", calls.map(|calls| calls.p99))],
                trend: &trends.p50,
                style: look.accent(),
            },
            Tile {
                title: "tokens",
                number: or_none(tokens, |tokens| count(tokens.total)),
                more: tokens_more,
                trend: &trends.tokens,
                style: look.accent(),
            },
            Tile {
                title: "cost",
                number: or_none(cost, usd),
                more: cost_more,
                trend: &trends.cost,
                style: look.accent(),
            },
        ]
    }

    pub(super) fn tiles(&self, pen: &mut Pen<'_>, mut area: Rect) {
        let width = layout::tile(area.width + 2);
        for tile in self.all(pen) {
            let mut place = Rect { width, ..area };
            pen.left(take(&mut place, 1), tile.title, pen.look.faint());
            pen.left(take(&mut place, 1), &tile.number, pen.look.strong());
            let more = tile.more.into_iter().map(|(text, style)| Span::styled(text, style)).collect();
            pen.line(take(&mut place, 1), &flow(more, "  ", width).into_iter().next().unwrap_or_default());
            let largest = tile.trend.iter().flatten().copied().fold(0.0, f64::max);
            pen.trend(place, tile.trend, largest, tile.style, self.board.trends.open);
            area.x += width + layout::BETWEEN;
        }
    }

    /// The same where there is little room: as many in a line as fit.
    pub(super) fn lines(&self, pen: &mut Pen<'_>, area: &mut Rect) {
        let (strong, faint) = (pen.look.strong(), pen.look.faint());
        let mut spans = Vec::new();
        for tile in self.all(pen) {
            spans.push(Line::from(vec![
                Span::styled(format!("{} ", tile.title.split(' ').next().unwrap_or_default()), faint),
                Span::styled(tile.number.clone(), if tile.number == NONE { faint } else { strong }),
            ]));
            if tile.title == "p50 time" {
                let p99 = self.board.calls.map(|calls| calls.p99);
                spans.push(Line::from(vec![Span::styled("p99 ", faint), Span::styled(or_none(p99, seconds), strong)]));
            }
        }
        let mut line = Line::default();
        let width = super::inner(*area).width;
        for part in spans {
            if line.width() > 0 && line.width() + part.width() + 2 > usize::from(width) {
                pen.line(super::inner(take(area, 1)), &line);
                line = Line::default();
            }
            if line.width() > 0 {
                line.push_span("  ");
            }
            line.spans.extend(part.spans);
        }
        pen.line(super::inner(take(area, 1)), &line);
    }
}

/// Parts in lines of so many columns, as many in each as fit, and always one.
fn flow<'a>(parts: Vec<Span<'a>>, between: &'a str, width: u16) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + between.len() + part.width() <= usize::from(width) => {
                line.push_span(between);
                line.push_span(part);
            }
            _ => lines.push(Line::from(part)),
        }
    }
    lines
}
