//! Values over time: marked times, bands and dots behind, then the lines.

use super::super::clip::{clip, clip_band};
use super::super::decimate::{column, m4, m4_band, thin};
use super::super::error::DrawError;
use super::super::figure::{Line, Lines, Shade};
use super::super::scale::{Frame, Scale};
use super::super::scene::{Anchor, Drawing, Hint, Ink, Layer, Shape};
use super::super::text::{self, clean};
use super::{Draw, Key, Mark, Page};
use crate::draw::style::Theme;

/// Widths of strokes and radii of dots in design pixels.
pub(super) const CURVE: f64 = 2.0;
pub(super) const LONE_POINT: f64 = 3.0;
const DOT: f64 = 1.6;
/// More dots than this, of all lines together, make a picture heavy and no clearer.
const MOST_DOTS: usize = 6_000;
const SHADE_TYPE: f64 = 10.5;
/// Marked times narrower than this, in pixels, would not be seen.
const NARROWEST: f64 = 2.0;

impl Draw for Lines {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut see = |at: i64, least: f64, greatest: f64| {
            if least.is_finite() && greatest.is_finite() {
                (first, last) = (first.min(at), last.max(at));
                (low, high) = (low.min(least), high.max(greatest));
            }
        };
        for line in &self.lines {
            line.points.iter().chain(&line.raw).for_each(|(at, value)| see(*at, *value, *value));
            line.band.iter().for_each(|(at, least, greatest)| see(*at, *least, *greatest));
        }
        if first > last {
            return Err(DrawError::NoData);
        }
        let upwards = self.y_range.map_or_else(|| Scale::of_numbers([low, high]), Scale::asked)?;
        Ok((Scale::of_times([first, last])?, upwards))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        let lines = self.lines.iter().map(|line| Key { label: line.label.clone(), mark: Mark::Stroke(line.color) });
        let mut keys: Vec<Key> = lines.collect();
        for shade in &self.shades {
            let key = Key { label: shade.label.clone(), mark: Mark::Field(shade.color) };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let mut drawing = Drawing::default();
        for shade in &self.shades {
            shade_of(shade, page, &mut drawing);
        }
        let visible = |line: &Line| page.theme.visible(line.color);
        for line in self.lines.iter().filter(|line| !line.band.is_empty()) {
            let ink = Ink { color: visible(line), opacity: page.theme.band_opacity() };
            drawing.layers.push(Layer::plain(band(line, page.frame, ink)));
        }
        let dotted = self.lines.iter().filter(|line| !line.raw.is_empty());
        let most = MOST_DOTS / dotted.clone().count().max(1);
        for line in dotted {
            let ink = Ink { color: visible(line), opacity: page.theme.dot_opacity() };
            drawing.layers.push(Layer::plain(dots(line, page.frame, most, ink)));
        }
        for line in &self.lines {
            drawing.layers.push(Layer::of(&line.label, curve(line, page.frame, visible(line).into())));
        }
        drawing
    }
}

fn shade_of(shade: &Shade, page: &Page<'_>, drawing: &mut Drawing) {
    let frame = page.frame;
    let (left, right) = (frame.x_of_time(shade.from), frame.x_of_time(shade.to));
    if right < frame.left || left > frame.right {
        return;
    }
    let left = left.clamp(frame.left, frame.right - NARROWEST);
    let right = right.clamp(left + NARROWEST, frame.right);
    let color = page.theme.visible(shade.color);
    let mut shapes = vec![
        Shape::rect((left, frame.top), (right, frame.bottom), Ink { color, opacity: page.theme.shade_opacity() }),
        Shape::rect((left, frame.top), (right, frame.top + 3.0), Ink { color, opacity: 0.75 }),
    ];
    let label = clean(&shade.label);
    if text::width(&label, SHADE_TYPE) + 10.0 <= right - left {
        let at = (left + 5.0, frame.top + 12.0);
        shapes.push(Shape::word(at, label.clone(), SHADE_TYPE, page.theme.ink(), Anchor::Left));
    }
    drawing.layers.push(Layer::plain(shapes));
    let text = format!("{label}: {}", page.times(shade.from, shade.to));
    drawing.hints.push(Hint { from: (left, frame.top), to: (right, frame.bottom), text });
}

fn dots(line: &Line, frame: &Frame, most: usize, ink: Ink) -> Vec<Shape> {
    let seen = line.raw.iter().filter(|(_, value)| frame.upwards.holds(*value));
    let places: Vec<_> =
        seen.map(|(at, value)| (frame.x_of_time(*at) - frame.left, frame.y(*value) - frame.top)).collect();
    let kept = thin(&places, (frame.width(), frame.height()), most);
    kept.into_iter().map(|(x, y)| Shape::dot((x + frame.left, y + frame.top), DOT, ink)).collect()
}

fn curve(line: &Line, frame: &Frame, ink: Ink) -> Vec<Shape> {
    let Scale::Time(from, to) = frame.across else { return Vec::new() };
    let columns = frame.width() as usize;
    let mut shapes = Vec::new();
    for run in line.points.split(|(_, value)| !value.is_finite()).filter(|run| !run.is_empty()) {
        let kept = m4(run, columns, |at| column(at, (from, to), columns));
        let path: Vec<_> = kept.iter().map(|(at, value)| frame.at(*at, *value)).collect();
        stroke(&path, frame, ink, &mut shapes);
    }
    shapes
}

/// What of a path lies in the frame; a lone point is a dot.
pub(super) fn stroke(path: &[(f64, f64)], frame: &Frame, ink: Ink, shapes: &mut Vec<Shape>) {
    for part in clip(path, frame.top, frame.bottom) {
        shapes.push(match part[..] {
            [only] => Shape::dot(only, LONE_POINT, ink),
            _ => Shape::path(part, CURVE, ink),
        });
    }
}

fn band(line: &Line, frame: &Frame, ink: Ink) -> Vec<Shape> {
    let Scale::Time(from, to) = frame.across else { return Vec::new() };
    let columns = frame.width() as usize;
    let runs = line.band.split(|(_, low, high)| !low.is_finite() || !high.is_finite()).filter(|run| !run.is_empty());
    let area = |run: &[(i64, f64, f64)]| {
        let kept = m4_band(run, columns, |at| column(at, (from, to), columns));
        let edges: Vec<_> =
            kept.iter().map(|(at, low, high)| (frame.x_of_time(*at), frame.y(*high), frame.y(*low))).collect();
        Shape::Area { points: clip_band(&edges, frame.top, frame.bottom), ink }
    };
    runs.map(area).collect()
}
