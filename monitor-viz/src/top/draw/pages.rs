//! The other pages: every rule, what was said, the keys.

use monitor_core::alerting::{Phase, Standing};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::panels::names;
use super::pen::Pen;
use super::{View, inner, take};

/// The keys, and what numbers mean.
const HELP: [(&str, &str); 18] = [
    ("w W", "the next window, the one before"),
    ("1 … 5", "1m, 5m, 15m, 1h, all there is"),
    ("g G", "rows by model, operation, evaluator, error, or all in one"),
    ("s S", "sorted by calls, failed, p50, p99, tokens, cost, name"),
    ("↑ ↓ PgUp PgDn Home End", "scroll"),
    ("a", "every rule that holds, and what people were told"),
    ("l", "what was said meanwhile"),
    ("? h", "these keys"),
    ("Esc", "back"),
    ("q", "quit; a run of its own is asked about first"),
    ("Ctrl-C", "end the run; a second time at once"),
    ("", ""),
    ("p50 p95 p99", "so many per cent of the calls took no longer"),
    ("failed", "of the calls of which it is known; by error: of all"),
    ("rate", "over the part of the window since the first sample"),
    ("blocks", "from zero up to the largest of the window; the last, faint, goes on"),
    ("–", "no data, which is not zero"),
    ("unpriced", "calls of models without a price: their cost is in no sum"),
];

impl View<'_> {
    pub(super) fn alerts(&self, pen: &mut Pen<'_>, area: &mut Rect) -> usize {
        self.header(pen, take(area, 1));
        take(area, 1);
        pen.rule(inner(take(area, 1)), &[Span::raw("rules that hold")], "");
        let Some(rules) = &self.account.rules else {
            let why = "how the rules stand is not known from outside: see the notes under ?";
            pen.left(inner(take(area, 1)), why, pen.look.faint());
            return 0;
        };
        let mut standings: Vec<&Standing> = self.account.holding();
        standings.extend(rules.iter().filter(|standing| standing.phase == Phase::Inactive));
        if standings.is_empty() {
            pen.left(inner(take(area, 1)), "none", pen.look.faint());
        }
        let mut lines: Vec<Line<'static>> = Vec::new();
        let names = names(standings.iter().copied(), area.width);
        for standing in standings {
            lines.push(self.standing(pen, standing, names));
            if standing.phase == Phase::Inactive {
                continue;
            }
            let at = |time: monitor_core::Timestamp| time.to_local(&self.account.zone).format("%H:%M:%S").to_string();
            let told = match (standing.told, &standing.held) {
                (Some(told), _) => format!("people were told at {}", at(told)),
                (None, _) => "people were not told".to_owned(),
            };
            let reminders = match standing.reminders {
                0 => String::new(),
                1 => ", and reminded once".to_owned(),
                many => format!(", and reminded {many} times"),
            };
            let text = format!("            since {}; {told}{reminders}", at(standing.since));
            lines.push(Line::styled(text, pen.look.faint()));
        }
        self.scrolled(pen, inner(*area), &lines)
    }

    pub(super) fn log(&self, pen: &mut Pen<'_>, area: &mut Rect) -> usize {
        self.header(pen, take(area, 1));
        take(area, 1);
        pen.rule(inner(take(area, 1)), &[Span::raw("what was said")], "it is printed again when the view is left");
        if self.account.log.is_empty() {
            pen.left(inner(take(area, 1)), "nothing", pen.look.faint());
        }
        let width = inner(*area).width;
        let line = |text: &String| Line::raw(super::pen::fitting(text, width));
        let lines: Vec<Line<'static>> = self.account.log.iter().map(line).collect();
        self.scrolled(pen, inner(*area), &lines)
    }

    pub(super) fn help(&self, pen: &mut Pen<'_>, area: &mut Rect) -> usize {
        self.header(pen, take(area, 1));
        take(area, 1);
        let look = pen.look;
        let names = if area.width >= 70 { 24 } else { 14 };
        let mut lines: Vec<Line<'static>> = Vec::new();
        for note in &self.account.notes {
            let width = usize::from(inner(*area).width).max(10);
            lines.extend(wrapped(note, width).into_iter().map(|text| Line::styled(text, look.warning())));
        }
        if !self.account.notes.is_empty() {
            lines.push(Line::default());
        }
        for (name, what) in HELP {
            let name = Span::styled(format!("{name:<names$}"), look.accent().add_modifier(Modifier::BOLD));
            lines.push(Line::from(vec![name, Span::raw(" "), Span::styled(what, Style::new())]));
        }
        self.scrolled(pen, inner(*area), &lines)
    }

    fn scrolled(&self, pen: &mut Pen<'_>, mut area: Rect, lines: &[Line<'_>]) -> usize {
        let room = usize::from(area.height);
        let most = lines.len().saturating_sub(room);
        for line in lines.iter().skip(self.state.scroll.min(most)).take(room) {
            pen.line(take(&mut area, 1), line);
        }
        most
    }
}

/// A text in lines of so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in super::pen::clean(text).split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
