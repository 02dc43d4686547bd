//! The picture in characters, for a terminal that shows no images: eight dots of Braille a cell, in the colours of the series.
//!
//! A cell counts as 8 by 16 pixels of the design, so the plots' own measures hold here, too.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::color::Color;
use super::error::DrawError;
use super::figure::Figure;
use super::plots::{Key, Mark, Page};
use super::scale::{Frame, Scale};
use super::scene::{Anchor, Ink, Point, Shape};
use super::style::Theme;
use super::text::clean;
use super::time_ticks::time_ticks;
use super::value_ticks::{log_ticks, value_ticks};

/// The pixels of a cell, and of a dot.
const CELL: (f64, f64) = (8.0, 16.0);
const DOT: f64 = 4.0;
/// Fewer cells than this hold no chart.
const SMALLEST: (u16, u16) = (24, 8);
/// More cells than this no terminal has.
const LARGEST: (u16, u16) = (1_000, 500);
/// Fainter shapes than this are left out: a dot of Braille is there or not.
const FAINTEST: f64 = 0.25;
/// Rows of the legend at most.
const LEGEND: usize = 2;
/// The signs of series where there is no Braille.
const SIGNS: [char; 8] = ['*', '+', 'o', 'x', '#', '@', '%', '&'];

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters in a row.
    pub columns: u16,
    /// Rows of the whole picture.
    pub rows: u16,
    /// Dark ink on white, or light ink on black; colours are chosen to be seen on it.
    pub theme: Theme,
    /// Whether colours are written, as one of 256.
    pub colors: bool,
    /// Whether there are characters beyond ASCII.
    pub unicode: bool,
}

/// Draws a figure in characters, a line of text a row, without anything at the ends of rows.
///
/// # Errors
/// [`DrawError::NoData`] if there is nothing to show; otherwise a size or range that cannot be drawn.
pub fn terminal(figure: &Figure, screen: &Screen) -> Result<String, DrawError> {
    let (columns, rows) = (screen.columns, screen.rows);
    if columns < SMALLEST.0 || rows < SMALLEST.1 || columns > LARGEST.0 || rows > LARGEST.1 {
        return Err(DrawError::Screen { columns, rows });
    }
    let plot = figure.plot.inner();
    let (across, upwards) = plot.axes()?;
    let mut cells = Sheet::new(usize::from(columns), usize::from(rows), screen);
    let mut top = 0;
    for (text, ink) in [(&figure.title, screen.theme.heading()), (&figure.y_label, screen.theme.ink())] {
        let text = clean(text);
        if !text.is_empty() {
            cells.write(0, top, &fit(&text, usize::from(columns)), ink);
            top += 1;
        }
    }
    top += cells.legend(&plot.keys(screen.theme), top);
    top += plot.headroom();
    let below = 1 + 1 + usize::from(matches!(across, Scale::Time(..))) + usize::from(!figure.caption.is_empty());
    let bottom = usize::from(rows).saturating_sub(below).max(top + 2);

    let marks = marks_upwards(&upwards, &plot.rows(), bottom - top, usize::from(columns) / 3);
    let left = marks.iter().map(|(_, label)| label.width()).max().unwrap_or(0) + 2;
    let frame = Frame {
        left: left as f64 * CELL.0,
        top: top as f64 * CELL.1,
        right: f64::from(columns) * CELL.0 - 1.0,
        bottom: bottom as f64 * CELL.1 - 1.0,
        across,
        upwards,
    };
    cells.axes(&frame, &marks, left, bottom, figure);
    cells.write(
        0,
        usize::from(rows) - 1,
        &fit(&clean(&figure.caption), usize::from(columns)),
        screen.theme.faint_ink(),
    );
    let drawn = plot.draw(&Page { frame: &frame, theme: screen.theme, zone: &figure.zone });
    let mut series = 0;
    for layer in &drawn.layers {
        cells.sign = SIGNS[series % SIGNS.len()];
        series += usize::from(layer.series.is_some());
        layer.shapes.iter().for_each(|shape| cells.draw(shape));
    }
    Ok(cells.text())
}

/// Where the marks upwards are, as shares from the top, and what is written there.
fn marks_upwards(scale: &Scale, names: &[&str], rows: usize, room: usize) -> Vec<(f64, String)> {
    let ticks = match *scale {
        Scale::Number(low, high) => value_ticks((low, high), (rows / 3).clamp(2, 10)),
        Scale::Log(low, high) => log_ticks((low, high), (rows / 3).clamp(2, 10)),
        Scale::Rows(count) => {
            let every = count.div_ceil(rows.max(1)).max(1);
            let seen = names.iter().enumerate().filter(|(row, _)| row.is_multiple_of(every));
            let place = |row: usize| (row as f64 + 0.5) / count.max(1) as f64;
            return seen.map(|(row, name)| (place(row), fit(&clean(name), room))).collect();
        }
        Scale::Time(..) => Vec::new(),
    };
    ticks.into_iter().map(|tick| (1.0 - scale.share(tick.at), tick.label)).collect()
}

/// A text of so many columns at most, the last one telling that there is more.
fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = |letter: &char| {
        let width = letter.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// What stands in a cell.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// The dots that are set, as Unicode numbers them from U+2800.
    dots: u8,
    letter: Option<char>,
    ink: Option<Color>,
    /// The right half of a wide letter.
    covered: bool,
}

struct Sheet<'a> {
    screen: &'a Screen,
    columns: usize,
    cells: Vec<Cell>,
    /// What stands for a dot where there is no Braille.
    sign: char,
}

impl<'a> Sheet<'a> {
    fn new(columns: usize, rows: usize, screen: &'a Screen) -> Self {
        Self { screen, columns, cells: vec![Cell::default(); columns * rows], sign: SIGNS[0] }
    }

    fn cell(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        if column < self.columns { self.cells.get_mut(row * self.columns + column) } else { None }
    }

    fn write(&mut self, column: usize, row: usize, text: &str, ink: Color) {
        let mut at = column;
        for letter in text.chars() {
            let width = letter.width().unwrap_or(0);
            if width == 0 || at + width > self.columns {
                continue;
            }
            if let Some(cell) = self.cell(at, row) {
                *cell = Cell { letter: Some(letter), ink: Some(ink), ..Cell::default() };
            }
            if let Some(next) = self.cell(at + 1, row).filter(|_| width > 1) {
                *next = Cell { covered: true, ..Cell::default() };
            }
            at += width;
        }
    }

    /// The names of the series; how many rows they take.
    fn legend(&mut self, keys: &[Key], top: usize) -> usize {
        let (mut column, mut row) = (0, 0);
        let named: Vec<_> = keys.iter().filter(|key| !clean(&key.label).is_empty()).collect();
        for (at, key) in named.iter().enumerate() {
            let label = fit(&clean(&key.label), (self.columns / 2).max(12));
            let width = label.width() + 4;
            if column > 0 && column + width > self.columns {
                (column, row) = (0, row + 1);
            }
            if row == LEGEND {
                let more = format!("+{}", named.len() - at);
                self.write(self.columns - more.len(), top + row - 1, &more, self.screen.theme.faint_ink());
                return row;
            }
            let (sign, ink) = match key.mark {
                Mark::None => (' ', self.screen.theme.faint_ink()),
                Mark::Stroke(color) | Mark::Field(color) if !self.screen.unicode => (SIGNS[at % SIGNS.len()], color),
                Mark::Stroke(color) => ('━', color),
                Mark::Field(color) => ('■', color),
            };
            let ink = self.screen.theme.visible(ink);
            self.write(column, top + row, &sign.to_string(), ink);
            self.write(column + 2, top + row, &label, self.screen.theme.ink());
            column += width;
        }
        if named.is_empty() { 0 } else { row + 1 }
    }

    /// The lines at the edges, with marks and what they say.
    fn axes(&mut self, frame: &Frame, marks: &[(f64, String)], left: usize, bottom: usize, figure: &Figure) {
        let (faint, line) = (self.screen.theme.faint_ink(), self.screen.theme.axis());
        let (upright, level, corner, mark, below) =
            if self.screen.unicode { ("│", "─", "└", "┤", "┬") } else { ("|", "-", "+", "+", "+") };
        let top = (frame.top / CELL.1) as usize;
        (top..bottom).for_each(|row| self.write(left - 1, row, upright, line));
        self.write(left - 1, bottom, corner, line);
        (left..self.columns).for_each(|column| self.write(column, bottom, level, line));
        for (share, label) in marks {
            let row = (((frame.top + share * frame.height()) / CELL.1) as usize).clamp(top, bottom - 1);
            self.write(left - 1, row, mark, line);
            self.write((left - 2).saturating_sub(label.width()), row, label, faint);
        }
        let room = self.columns - left;
        let ticks: Vec<(f64, String, Option<String>)> = match frame.across {
            Scale::Time(from, to) => time_ticks((from, to), &figure.zone, |label| room / (label.width() + 4))
                .into_iter()
                .map(|tick| (frame.x_of_time(tick.at), tick.label, tick.context))
                .collect(),
            Scale::Number(low, high) => value_ticks((low, high), (room / 12).max(2))
                .into_iter()
                .map(|tick| (frame.x(tick.at), tick.label, None))
                .collect(),
            Scale::Log(low, high) => log_ticks((low, high), (room / 10).max(2))
                .into_iter()
                .map(|tick| (frame.x(tick.at), tick.label, None))
                .collect(),
            Scale::Rows(_) => Vec::new(),
        };
        let mut free = [0, 0];
        for (x, label, context) in ticks {
            let column = (x / CELL.0) as usize;
            self.write(column, bottom, below, line);
            for (at, text) in [Some(label), context].into_iter().enumerate() {
                let Some(text) = text else { continue };
                let begin = column.saturating_sub(text.width() / 2).min(self.columns.saturating_sub(text.width()));
                if begin >= free[at] {
                    self.write(begin, bottom + 1 + at, &text, faint);
                    free[at] = begin + text.width() + 1;
                }
            }
        }
        let name = fit(&clean(&figure.x_label), room / 2);
        let begin = self.columns.saturating_sub(name.width());
        // At the end of the marks' row, where there is room left.
        if begin > free[0] {
            self.write(begin, bottom + 1, &name, self.screen.theme.ink());
        }
    }

    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Path { points, ink, .. } => {
                points.windows(2).for_each(|pair| self.stroke(pair[0], pair[1], *ink));
            }
            Shape::Area { points, ink } => {
                points.windows(2).for_each(|pair| self.stroke(pair[0], pair[1], *ink));
            }
            Shape::Dot { at, ink, .. } => self.dot(*at, *ink),
            Shape::Rect { from, to, ink } => {
                // A rectangle has half a cell at least in each direction, or it would not be seen.
                let last = |from: f64, to: f64| ((to / DOT).ceil() as i64).max((from / DOT) as i64 + 1);
                for y in (from.1 / DOT) as i64..last(from.1, to.1) {
                    for x in (from.0 / DOT) as i64..last(from.0, to.0) {
                        self.dot((x as f64 * DOT, y as f64 * DOT), *ink);
                    }
                }
            }
            Shape::Word { at, text, ink, anchor, .. } => {
                let (column, width) = ((at.0 / CELL.0).max(0.0) as usize, text.width());
                let begin = match anchor {
                    Anchor::Left => column,
                    Anchor::Middle => column.saturating_sub(width / 2),
                    Anchor::Right => column.saturating_sub(width),
                };
                self.write(begin, (at.1 / CELL.1).max(0.0) as usize, text, ink.color);
            }
        }
    }

    fn stroke(&mut self, from: Point, to: Point, ink: Ink) {
        let steps = ((to.0 - from.0).abs().max((to.1 - from.1).abs()) / DOT).ceil().clamp(1.0, 10_000.0);
        for step in 0..=steps as u32 {
            let share = f64::from(step) / steps;
            self.dot((from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share), ink);
        }
    }

    fn dot(&mut self, (x, y): Point, ink: Ink) {
        /// The bits of the dots of a cell: four rows of two.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        if ink.opacity < FAINTEST || x < 0.0 || y < 0.0 {
            return;
        }
        let (x, y) = ((x / DOT) as usize, (y / DOT) as usize);
        let (sign, theme, unicode) = (self.sign, self.screen.theme, self.screen.unicode);
        let Some(cell) = self.cell(x / 2, y / 4).filter(|cell| !cell.covered) else { return };
        if !unicode {
            *cell = Cell { letter: Some(sign), ..*cell };
        } else if cell.letter.is_none() {
            cell.dots |= BITS[y % 4][x % 2];
        }
        if cell.letter.is_none() || !unicode {
            cell.ink = Some(ink.color.mix(theme.background(), 1.0 - ink.opacity));
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for row in self.cells.chunks(self.columns) {
            let seen = |cell: &Cell| cell.letter.is_some() || cell.dots > 0 || cell.covered;
            let end = row.iter().rposition(seen).map_or(0, |last| last + 1);
            let mut ink = None;
            for cell in row[..end].iter().filter(|cell| !cell.covered) {
                let letter = cell
                    .letter
                    .or_else(|| (cell.dots > 0).then(|| char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ')));
                if self.screen.colors && letter.is_some() && cell.ink != ink {
                    ink = cell.ink;
                    let code = ink.map_or_else(|| "0".to_owned(), |ink| format!("38;5;{}", of_256(ink)));
                    let written = write!(text, "\x1b[{code}m");
                    debug_assert!(written.is_ok(), "writing into a String cannot fail");
                }
                text.push(self.spelled(letter.unwrap_or(' ')));
            }
            if ink.is_some() {
                text.push_str("\x1b[0m");
            }
            text.push('\n');
        }
        text
    }

    /// The letter, or what stands for it where there is only ASCII.
    fn spelled(&self, letter: char) -> char {
        match letter {
            _ if self.screen.unicode || letter.is_ascii() => letter,
            '−' => '-',
            '…' => '~',
            _ => '?',
        }
    }
}

/// The nearest of the 216 colours and 24 shades of grey that terminals number from 16 (xterm, "256colres.h").
fn of_256(color: Color) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |channel: u8| (0..6).min_by_key(|step| STEPS[*step].abs_diff(channel)).unwrap_or(0);
    let [red, green, blue] = [color.red, color.green, color.blue].map(nearest);
    let far = |to: [u8; 3]| {
        let square = |(a, b): (u8, u8)| u32::from(a.abs_diff(b)).pow(2);
        [color.red, color.green, color.blue].into_iter().zip(to).map(square).sum::<u32>()
    };
    let cube = far([STEPS[red], STEPS[green], STEPS[blue]]);
    let grey = (0..24).min_by_key(|shade| far([8 + shade * 10; 3])).unwrap_or(0);
    if far([8 + grey * 10; 3]) < cube { 232 + grey } else { (16 + 36 * red + 6 * green + blue) as u8 }
}

#[cfg(test)]
mod tests {
    use super::super::figure::{Bars, Line, Lines, Plot, Values};
    use super::*;

    const SCREEN: Screen = Screen { columns: 60, rows: 16, theme: Theme::Dark, colors: false, unicode: true };

    fn slope() -> Figure {
        let line = |label: &str, from: f64, to: f64| Line {
            label: label.to_owned(),
            points: vec![(1_777_903_200_000_000, from), (1_777_903_800_000_000, to)],
            ..Line::default()
        };
        Figure {
            title: "Slopes".to_owned(),
            x_label: "Time".to_owned(),
            caption: "2 points".to_owned(),
            plot: Plot::Lines(Lines {
                lines: vec![line("up", 0.0, 10.0), line("成功率", 10.0, 0.0)],
                ..Lines::default()
            }),
            ..Figure::default()
        }
    }

    /// The rows, from the top, in which a column of cells has dots.
    fn rows_with_dots(text: &str, column: usize) -> Vec<usize> {
        let braille = |letter: char| ('\u{2801}'..='\u{28FF}').contains(&letter);
        text.lines()
            .enumerate()
            .filter(|(_, row)| row.chars().nth(column).is_some_and(braille))
            .map(|(row, _)| row)
            .collect()
    }

    #[test]
    fn a_line_that_rises_rises() {
        let mut figure = slope();
        if let Plot::Lines(lines) = &mut figure.plot {
            lines.lines.truncate(1);
        }
        let text = terminal(&figure, &SCREEN).expect("it can be drawn");
        let places: Vec<_> = (6..58).filter_map(|column| rows_with_dots(&text, column).first().copied()).collect();
        assert!(places.len() > 45, "{text}");
        assert!(places.is_sorted_by(|before, after| before >= after), "{places:?}\n{text}");
    }

    #[test]
    fn what_it_looks_like() {
        insta::assert_snapshot!(terminal(&slope(), &SCREEN).expect("it can be drawn"));
    }

    #[test]
    fn what_it_looks_like_in_ascii() {
        let screen = Screen { unicode: false, ..SCREEN };
        let text = terminal(&slope(), &screen).expect("it can be drawn");
        assert!(text.is_ascii());
        insta::assert_snapshot!(text);
    }

    #[test]
    fn bars_in_characters() {
        let values =
            |label: &str, values: Vec<f64>| Values { label: label.to_owned(), color: Color::palette(1), values };
        let bars = Bars {
            categories: ["meta-llama/llama-3.3-70b-instruct:free", "gpt-4o-mini"].map(str::to_owned).to_vec(),
            series: vec![values("tokens", vec![1_200.0, 300.0])],
            stacked: false,
        };
        let figure = Figure { title: "Tokens".to_owned(), plot: Plot::Bars(bars), ..Figure::default() };
        insta::assert_snapshot!(terminal(&figure, &SCREEN).expect("it can be drawn"));
    }

    #[test]
    fn no_row_is_wider_than_the_screen_whatever_is_in_it() {
        for (columns, rows) in [(24, 8), (80, 24), (200, 60), (1_000, 500)] {
            for word in ["", "成功率 وقت שגיאה 🙂 \u{301}\u{202e}\u{1b}[31m", &"x".repeat(300)] {
                let mut figure = slope();
                for text in [&mut figure.title, &mut figure.x_label, &mut figure.y_label, &mut figure.caption] {
                    text.push_str(word);
                }
                if let Plot::Lines(lines) = &mut figure.plot {
                    let more = (0..30).map(|_| Line { label: word.to_owned(), ..lines.lines[0].clone() });
                    let more: Vec<_> = more.collect();
                    lines.lines.extend(more);
                }
                for unicode in [true, false] {
                    let text =
                        terminal(&figure, &Screen { columns, rows, unicode, ..SCREEN }).expect("it can be drawn");
                    assert_eq!(text.lines().count(), usize::from(rows));
                    assert!(text.lines().all(|row| row.width() <= usize::from(columns)), "{text}");
                    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
                }
            }
        }
        let small = Screen { columns: 5, ..SCREEN };
        assert_eq!(terminal(&slope(), &small), Err(DrawError::Screen { columns: 5, rows: 16 }));
        assert_eq!(terminal(&Figure::default(), &SCREEN), Err(DrawError::NoData));
    }

    #[test]
    fn colors_are_the_nearest_of_256() {
        let codes =
            [0x00_00_00, 0xFF_FF_FF, 0xFF_00_00, 0x80_80_80, 0x00_72_B2].map(|rgb| of_256(Color::from_rgb(rgb)));
        assert_eq!(codes, [16, 231, 196, 244, 25]);
        let colored = Screen { colors: true, ..SCREEN };
        let text = terminal(&slope(), &colored).expect("it can be drawn");
        assert!(
            text.contains("\x1b[38;5;") && text.lines().all(|row| !row.contains('\x1b') || row.ends_with("\x1b[0m"))
        );
    }
}
