//! Writing onto a buffer: texts that are cut where they find no room, rules, and lines of blocks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, SparklineBar, Widget};

use crate::top::look::{self, Look};

/// Writes onto a buffer.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    pub(super) look: Look,
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, look: Look) -> Self {
        Self { buffer, look }
    }

    /// A line from the left; what finds no room is left out.
    pub(super) fn line(&mut self, area: Rect, line: &Line<'_>) {
        let area = area.intersection(self.buffer.area);
        if !area.is_empty() {
            self.buffer.set_line(area.x, area.y, line, area.width);
        }
    }

    /// A text from the left, cut so that it is seen to be.
    pub(super) fn left(&mut self, area: Rect, text: &str, style: Style) {
        self.line(area, &Line::styled(fitting(text, area.width), style));
    }

    /// A text that ends at the right.
    pub(super) fn right(&mut self, area: Rect, text: &str, style: Style) {
        let line = Line::styled(fitting(text, area.width), style);
        let width = u16::try_from(line.width()).unwrap_or(area.width).min(area.width);
        self.line(Rect { x: area.x + area.width - width, width, ..area }, &line);
    }

    /// A rule with a title, and a word at its end.
    pub(super) fn rule(&mut self, area: Rect, title: &[Span<'_>], end: &str) {
        let (faint, strong) = (self.look.faint(), self.look.strong());
        let mut spans: Vec<Span<'_>> = title.iter().map(|span| span.clone().patch_style(strong)).collect();
        let end = if end.is_empty() { String::new() } else { format!(" {end}") };
        let written = spans.iter().map(Span::width).sum::<usize>() + 1 + Span::raw(&end).width();
        let rest = usize::from(area.width).saturating_sub(written);
        spans.push(Span::styled(format!(" {}", "─".repeat(rest)), faint));
        spans.push(Span::styled(end, faint));
        self.line(area, &Line::from(spans));
    }

    /// How numbers went, from zero to `largest`: a column each, the latest at the right, and faint if it goes on. Where there is no
    /// number there is nothing; what is a number is never nothing.
    pub(super) fn trend(&mut self, area: Rect, values: &[Option<f64>], largest: f64, style: Style, open: bool) {
        let area = area.intersection(self.buffer.area);
        let values = &values[values.len().saturating_sub(usize::from(area.width))..];
        let levels = 8 * u64::from(area.height);
        let bars = values.iter().enumerate().map(|(at, value)| {
            let level = value.map(|value| {
                let part = if largest > 0.0 { (value / largest).clamp(0.0, 1.0) } else { 0.0 };
                ((part * levels as f64).round() as u64).max(1)
            });
            let goes_on = open && at + 1 == values.len();
            SparklineBar::from(level).style(goes_on.then(|| style.add_modifier(Modifier::DIM)))
        });
        let bars: Vec<SparklineBar> = bars.collect();
        let missing = area.width - u16::try_from(bars.len()).unwrap_or(area.width).min(area.width);
        let area = Rect { x: area.x + missing, width: area.width - missing, ..area };
        if !area.is_empty() {
            Sparkline::default().data(bars).max(levels).style(style).absent_value_symbol(" ").render(area, self.buffer);
        }
    }

    /// A bar that takes this part of the area.
    pub(super) fn bar(&mut self, area: Rect, part: f64, style: Style) {
        let eighths = (part.clamp(0.0, 1.0) * f64::from(area.width) * 8.0).round() as usize;
        let mut text = "█".repeat(eighths / 8);
        if eighths == 0 && part > 0.0 {
            text.push('▏');
        } else if !eighths.is_multiple_of(8) {
            text.push(['▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8 - 1]);
        }
        self.line(area, &Line::styled(text, style));
    }

    /// Nothing that is not ASCII is left.
    pub(super) fn only_ascii(&mut self) {
        for cell in &mut self.buffer.content {
            let symbol = cell.symbol();
            if !symbol.is_ascii() {
                let mut characters = symbol.chars();
                let c = characters.next().map_or(' ', look::ascii);
                cell.set_char(if characters.next().is_some() { '?' } else { c });
            }
        }
    }
}

/// A text in so many columns, the last one telling that there is more; what a terminal would obey is shown instead.
pub(super) fn fitting(text: &str, width: u16) -> String {
    let text = clean(text);
    let width = usize::from(width);
    if Span::raw(&text).width() <= width {
        return text;
    }
    let mut cut = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += Span::raw(c.to_string()).width();
        if taken > width {
            break;
        }
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// Control characters, and marks that turn the direction of a text, as escapes.
pub(super) fn clean(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().flat_map(|c| if obeyed(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_seen_to_be() {
        assert_eq!(fitting("gpt-4o", 6), "gpt-4o");
        assert_eq!(fitting("gpt-4o-mini", 6), "gpt-4…");
        assert_eq!(fitting("模型模型", 6), "模型…");
        assert_eq!(fitting("a\x1b[2J\u{202e}b", 40), "a\\u{1b}[2J\\u{202e}b");
        assert_eq!(fitting("abc", 0), "");
    }
}
