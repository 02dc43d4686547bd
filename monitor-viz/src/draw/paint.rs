//! Puts a measured figure onto a backend of plotters; the same strokes for SVG and bitmap.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle};
use plotters_backend::DrawingBackend;

use super::UNITS_PER_PIXEL;
use super::clip::clip;
use super::color::Color;
use super::decimate::{m4, thin};
use super::error::DrawError;
use super::figure::{Figure, Line};
use super::layout::{AXIS_NAME, CAPTION, HEADING, Layout, NUMBERS, Placed};
use super::legend;
use super::style::Theme;
use super::text::{self, CAP_HEIGHT, FAMILY, X_HEIGHT};

/// plotters' SVG writer divides a type size by this.
pub(super) const SVG_FONT_FACTOR: f64 = 1.24;

/// Widths of strokes and radii of dots in design pixels.
const CURVE: f64 = 2.0;
const LONE_POINT: f64 = 3.0;
const DOT: f64 = 1.6;
/// More dots than this, of all series together, make a picture heavy and no clearer.
const MOST_DOTS: usize = 6_000;

/// Draws everything.
pub(super) fn paint<B: DrawingBackend>(
    backend: B,
    figure: &Figure,
    layout: &Layout,
    theme: Theme,
) -> Result<(), DrawError> {
    let painter = Painter { area: backend.into_drawing_area(), theme };
    painter.everything(figure, layout).map_err(|error| DrawError::Backend(error.to_string()))
}

type Painted<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

struct Painter<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    theme: Theme,
}

impl<B: DrawingBackend> Painter<B> {
    fn everything(&self, figure: &Figure, layout: &Layout) -> Painted<B> {
        let (width, height) = layout.size;
        let paper = [units((0.0, 0.0)), units((width, height))];
        self.area.draw(&Rectangle::new(paper, fill(self.theme.background(), 1.0)))?;
        self.axes(layout)?;
        let dotted = figure.series.iter().filter(|line| !line.raw.is_empty());
        let most = MOST_DOTS / dotted.clone().count().max(1);
        for line in dotted {
            self.dots(line, layout, most)?;
        }
        for line in &figure.series {
            self.curve(line, layout)?;
        }
        self.words(layout)?;
        self.area.present()
    }

    fn axes(&self, layout: &Layout) -> Painted<B> {
        let frame = &layout.frame;
        for tick in &layout.values {
            let y = sharp(frame.y(tick.at));
            let is_zero_inside = tick.at == 0.0 && frame.value.0 < 0.0;
            let ink = if is_zero_inside { self.theme.axis() } else { self.theme.grid() };
            self.path(&[(frame.left, y), (frame.right, y)], 1.0, ink)?;
            let place = Placed { x: frame.left - 10.0, y, text: tick.label.clone() };
            self.write(&place, NUMBERS, self.theme.faint_ink(), HPos::Right)?;
        }
        let base = sharp(frame.bottom);
        self.path(&[(frame.left, base), (frame.right, base)], 1.0, self.theme.axis())?;
        for tick in &layout.times {
            let x = sharp(frame.x(tick.at));
            self.path(&[(x, base), (x, base + 5.0)], 1.0, self.theme.axis())?;
            self.centred(&Placed { x, y: base + 16.0, text: tick.label.clone() }, layout)?;
        }
        layout.dates.iter().try_for_each(|date| self.centred(date, layout))
    }

    /// A label under the time axis, moved inwards where it would leave the picture.
    fn centred(&self, place: &Placed, layout: &Layout) -> Painted<B> {
        let half = text::width(&place.text, NUMBERS) / 2.0;
        let x = place.x.min(layout.size.0 - half - 8.0).max(half + 8.0);
        self.write(&Placed { x, ..place.clone() }, NUMBERS, self.theme.faint_ink(), HPos::Center)
    }

    fn dots(&self, line: &Line, layout: &Layout, most: usize) -> Painted<B> {
        let frame = &layout.frame;
        let (low, high) = frame.value;
        let seen = line.raw.iter().filter(|(_, value)| (low..=high).contains(value));
        let places: Vec<_> = seen.map(|(at, value)| (frame.x(*at) - frame.left, frame.y(*value) - frame.top)).collect();
        let size = (frame.right - frame.left, frame.bottom - frame.top);
        let style = fill(self.theme.visible(line.color), self.theme.dot_opacity());
        for (x, y) in thin(&places, size, most) {
            self.area.draw(&Circle::new(units((x + frame.left, y + frame.top)), length(DOT), style))?;
        }
        Ok(())
    }

    fn curve(&self, line: &Line, layout: &Layout) -> Painted<B> {
        let frame = &layout.frame;
        let color = self.theme.visible(line.color);
        let columns = (frame.right - frame.left) as usize;
        for run in line.points.split(|(_, value)| !value.is_finite()).filter(|run| !run.is_empty()) {
            let path: Vec<_> =
                m4(run, frame.time, columns).iter().map(|(at, value)| (frame.x(*at), frame.y(*value))).collect();
            for part in clip(&path, frame.top, frame.bottom) {
                match part[..] {
                    [only] => self.area.draw(&Circle::new(units(only), length(LONE_POINT), fill(color, 1.0)))?,
                    _ => self.path(&part, CURVE, color)?,
                }
            }
        }
        Ok(())
    }

    fn words(&self, layout: &Layout) -> Painted<B> {
        self.write(&layout.heading, HEADING, self.theme.heading(), HPos::Left)?;
        let (left, top) = layout.legend_at;
        for entry in &layout.legend {
            let y = top + (entry.row as f64 + 0.5) * legend::ROW;
            if let Some(color) = entry.color {
                let from = left + entry.x;
                let stroke = [(from + 1.5, y), (from + legend::STROKE - 1.5, y)];
                self.path(&stroke, 3.0, self.theme.visible(color))?;
            }
            let place = Placed { x: left + entry.text_x(), y, text: entry.label.clone() };
            self.write(&place, legend::TYPE, self.theme.ink(), HPos::Left)?;
        }
        self.write(&layout.y_name, AXIS_NAME, self.theme.ink(), HPos::Left)?;
        self.write(&layout.x_name, AXIS_NAME, self.theme.ink(), HPos::Right)?;
        self.write(&layout.caption, CAPTION, self.theme.faint_ink(), HPos::Left)
    }

    fn path(&self, path: &[(f64, f64)], width: f64, color: Color) -> Painted<B> {
        let mut points: Vec<_> = path.iter().copied().map(units).collect();
        // Two equal points at least: a stroke of no length is still a dot.
        if points.len() > 2 {
            points.dedup();
            if let [only] = points[..] {
                points.push(only);
            }
        }
        self.area.draw(&PathElement::new(points, ShapeStyle { stroke_width: length(width) as u32, ..fill(color, 1.0) }))
    }

    /// Writes a word with its capitals' middle at the place.
    fn write(&self, place: &Placed, size: f64, color: Color, anchor: HPos) -> Painted<B> {
        if place.text.is_empty() {
            return Ok(());
        }
        let font = FontDesc::new(FontFamily::Name(FAMILY), type_size(size), FontStyle::Normal);
        // Backends put the middle of a small x at the place.
        let middle = place.y + size * (CAP_HEIGHT - X_HEIGHT) / 2.0;
        let style = font.color(&rgba(color, 1.0)).pos(Pos::new(anchor, VPos::Center));
        self.area.draw(&Text::new(place.text.as_str(), units((place.x, middle)), style))
    }
}

/// The size that plotters' SVG writer turns into `size` exactly, so that the text of the SVG has no
/// stray digits.
fn type_size(size: f64) -> f64 {
    let wanted = size * UNITS_PER_PIXEL;
    let near = wanted * SVG_FONT_FACTOR;
    [near, near.next_up(), near.next_down()]
        .into_iter()
        .find(|candidate| (candidate / SVG_FONT_FACTOR).total_cmp(&wanted).is_eq())
        .unwrap_or(near)
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS_PER_PIXEL).round() as i32, (y * UNITS_PER_PIXEL).round() as i32)
}

fn length(pixels: f64) -> i32 {
    (pixels * UNITS_PER_PIXEL).round() as i32
}

/// The middle of a pixel, where a line of one pixel is sharp.
fn sharp(place: f64) -> f64 {
    place.floor() + 0.5
}

fn rgba(color: Color, alpha: f64) -> RGBAColor {
    RGBAColor(color.red, color.green, color.blue, alpha)
}

fn fill(color: Color, alpha: f64) -> ShapeStyle {
    ShapeStyle { color: rgba(color, alpha), filled: true, stroke_width: 1 }
}
