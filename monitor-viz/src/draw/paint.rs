//! Puts shapes onto a backend of plotters; the same strokes for SVG and bitmap. It knows nothing of plots.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle};
use plotters_backend::DrawingBackend;

use super::UNITS_PER_PIXEL;
use super::error::DrawError;
use super::scene::{Anchor, Ink, Point, Shape};
use super::text::{CAP_HEIGHT, FAMILY, X_HEIGHT};

/// plotters' SVG writer divides a type size by this.
pub(super) const SVG_FONT_FACTOR: f64 = 1.24;

/// Draws the shapes, the first ones at the back.
pub(super) fn paint<'a, B: DrawingBackend>(
    backend: B,
    shapes: impl IntoIterator<Item = &'a Shape>,
) -> Result<(), DrawError> {
    let area = backend.into_drawing_area();
    let all = || -> Painted<B> {
        shapes.into_iter().try_for_each(|shape| one(&area, shape))?;
        area.present()
    };
    all().map_err(|error| DrawError::Backend(error.to_string()))
}

type Painted<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

fn one<B: DrawingBackend>(area: &DrawingArea<B, Shift>, shape: &Shape) -> Painted<B> {
    match shape {
        Shape::Path { points, width, ink } => path(area, points, *width, *ink),
        Shape::Area { points, ink } => {
            area.draw(&Polygon::new(points.iter().copied().map(units).collect::<Vec<_>>(), rgba(*ink)))
        }
        Shape::Rect { from, to, ink } => area.draw(&Rectangle::new([units(*from), units(*to)], fill(*ink))),
        Shape::Dot { at, radius, ink } => area.draw(&Circle::new(units(*at), length(*radius), fill(*ink))),
        Shape::Word { at, text, size, ink, anchor } => word(area, *at, text, *size, *ink, *anchor),
    }
}

fn path<B: DrawingBackend>(area: &DrawingArea<B, Shift>, path: &[Point], width: f64, ink: Ink) -> Painted<B> {
    let mut points: Vec<_> = path.iter().copied().map(units).collect();
    // Two equal points at least: a stroke of no length is still a dot.
    if points.len() > 2 {
        points.dedup();
        if let [only] = points[..] {
            points.push(only);
        }
    }
    area.draw(&PathElement::new(points, ShapeStyle { stroke_width: length(width) as u32, ..fill(ink) }))
}

/// Writes a word with its capitals' middle at the place.
fn word<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    (x, y): Point,
    text: &str,
    size: f64,
    ink: Ink,
    anchor: Anchor,
) -> Painted<B> {
    if text.is_empty() {
        return Ok(());
    }
    let font = FontDesc::new(FontFamily::Name(FAMILY), type_size(size), FontStyle::Normal);
    // Backends put the middle of a small x at the place.
    let middle = y + size * (CAP_HEIGHT - X_HEIGHT) / 2.0;
    let anchor = match anchor {
        Anchor::Left => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    let style = font.color(&rgba(ink)).pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(text, units((x, middle)), style))
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

fn units((x, y): Point) -> (i32, i32) {
    ((x * UNITS_PER_PIXEL).round() as i32, (y * UNITS_PER_PIXEL).round() as i32)
}

fn length(pixels: f64) -> i32 {
    (pixels * UNITS_PER_PIXEL).round() as i32
}

fn rgba(Ink { color, opacity }: Ink) -> RGBAColor {
    RGBAColor(color.red, color.green, color.blue, opacity)
}

fn fill(ink: Ink) -> ShapeStyle {
    ShapeStyle { color: rgba(ink), filled: true, stroke_width: 1 }
}
