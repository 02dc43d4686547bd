//! Horizontal bars: a row a name, the value written at its end.

use super::super::error::DrawError;
use super::super::figure::{Bars, Values};
use super::super::layout::NUMBERS;
use super::super::scale::Scale;
use super::super::scene::{Anchor, Drawing, Hint, Layer, Point, Shape};
use super::super::style::Theme;
use super::super::text;
use super::super::value_ticks::in_words;
use super::{Draw, Key, Mark, Page};

/// The share of a row that bars take, and how thick they are at most, in pixels.
const SHARE: f64 = 0.66;
const THICKEST: f64 = 52.0;
/// Rows lower than this have no room for a value.
const LOWEST: f64 = 11.0;
/// The share of the axis that is kept free for values.
const FREE: f64 = 0.1;

impl Bars {
    /// Where each bar of a row begins and ends.
    fn ends(&self, row: usize) -> Vec<Option<(f64, f64)>> {
        let (mut above, mut below) = (0.0, 0.0);
        let end = |series: &Values| {
            let value = series.values.get(row).copied().filter(|value| value.is_finite())?;
            if !self.stacked {
                return Some((0.0, value));
            }
            let base = if value < 0.0 { &mut below } else { &mut above };
            let begin = *base;
            *base += value;
            Some((begin, *base))
        };
        self.series.iter().map(end).collect()
    }
}

impl Draw for Bars {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let rows = self.categories.len();
        let ends = (0..rows).flat_map(|row| self.ends(row)).flatten().flat_map(|(from, to)| [from, to]);
        let ends: Vec<f64> = ends.collect();
        if ends.is_empty() {
            return Err(DrawError::NoData);
        }
        let scale = match Scale::of_numbers(ends.into_iter().chain([0.0]))? {
            Scale::Number(low, high) if high > 0.0 => Scale::Number(low, high + (high - low) * FREE),
            other => other,
        };
        Ok((scale, Scale::Rows(rows)))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        self.series.iter().map(|series| Key { label: series.label.clone(), mark: Mark::Field(series.color) }).collect()
    }

    fn rows(&self) -> Vec<&str> {
        self.categories.iter().map(String::as_str).collect()
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let frame = page.frame;
        let mut layers: Vec<Layer> = self.series.iter().map(|series| Layer::of(&series.label, Vec::new())).collect();
        let (mut values, mut hints) = (Vec::new(), Vec::new());
        for (row, category) in self.categories.iter().enumerate() {
            let (top, bottom) = frame.row(row);
            let lanes = if self.stacked { 1 } else { self.series.len().max(1) };
            let thickness = ((bottom - top) * SHARE).min(THICKEST * lanes as f64);
            let lane = thickness / lanes as f64;
            let first = f64::midpoint(top, bottom) - thickness / 2.0;
            let mut write = |end: f64, middle: f64, value: f64| {
                let label = in_words(value);
                let x = if value < 0.0 { frame.x(0.0) } else { frame.x(end) } + 6.0;
                if lane >= LOWEST && x + text::width(&label, NUMBERS) <= frame.right + 20.0 {
                    values.push(Shape::word((x, middle), label, NUMBERS, page.theme.faint_ink(), Anchor::Left));
                }
            };
            let ends = self.ends(row);
            for (at, end) in ends.iter().enumerate() {
                let Some((from, to)) = *end else { continue };
                let color = page.theme.visible(self.series[at].color);
                let place = if self.stacked { 0.0 } else { at as f64 * lane };
                let (left, right) = (frame.x(from.min(to)), frame.x(from.max(to)));
                let corners: (Point, Point) = ((left, first + place), (right, first + place + lane));
                if right > left {
                    layers[at].shapes.push(Shape::rect(corners.0, corners.1, color));
                }
                let value = self.series[at].values[row];
                if !self.stacked {
                    write(to, first + place + lane / 2.0, value);
                }
                let name = &self.series[at].label;
                let text = if name.is_empty() {
                    format!("{category}: {}", in_words(value))
                } else {
                    format!("{category}, {name}: {}", in_words(value))
                };
                hints.push(Hint { from: corners.0, to: (right.max(left + 3.0), corners.1.1), text });
            }
            if self.stacked {
                let sum: f64 = ends.iter().flatten().map(|(from, to)| to - from).sum();
                let end = ends.iter().flatten().map(|(_, to)| *to).fold(0.0, f64::max);
                write(end, first + thickness / 2.0, sum);
            }
        }
        layers.push(Layer::plain(values));
        Drawing { layers, hints }
    }
}
