//! What a plot becomes: a few primitive shapes in pixels of the design, which every backend can draw.

use super::color::Color;

/// A place in pixels of the design.
pub(super) type Point = (f64, f64);

/// A colour and how opaque it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ink {
    pub(super) color: Color,
    pub(super) opacity: f64,
}

impl From<Color> for Ink {
    fn from(color: Color) -> Self {
        Self { color, opacity: 1.0 }
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A stroke along a path.
    Path { points: Vec<Point>, width: f64, ink: Ink },
    /// A filled area.
    Area { points: Vec<Point>, ink: Ink },
    /// A filled rectangle between two corners, the upper left one first.
    Rect { from: Point, to: Point, ink: Ink },
    /// A filled circle.
    Dot { at: Point, radius: f64, ink: Ink },
    /// A word, its capitals' middle at the place.
    Word { at: Point, text: String, size: f64, ink: Ink, anchor: Anchor },
}

impl Shape {
    pub(super) fn path(points: impl Into<Vec<Point>>, width: f64, ink: impl Into<Ink>) -> Self {
        Self::Path { points: points.into(), width, ink: ink.into() }
    }

    pub(super) fn rect(from: Point, to: Point, ink: impl Into<Ink>) -> Self {
        Self::Rect { from, to, ink: ink.into() }
    }

    pub(super) fn dot(at: Point, radius: f64, ink: impl Into<Ink>) -> Self {
        Self::Dot { at, radius, ink: ink.into() }
    }

    pub(super) fn word(at: Point, text: impl Into<String>, size: f64, ink: Color, anchor: Anchor) -> Self {
        Self::Word { at, text: text.into(), size, ink: ink.into(), anchor }
    }
}

/// Which end of a word is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// Shapes that belong together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layer {
    /// The series that they show; none for what is not data.
    pub(super) series: Option<String>,
    pub(super) shapes: Vec<Shape>,
}

impl Layer {
    /// Shapes of a series.
    pub(super) fn of(series: &str, shapes: Vec<Shape>) -> Self {
        Self { series: Some(series.to_owned()), shapes }
    }

    /// Shapes that are no data.
    pub(super) fn plain(shapes: Vec<Shape>) -> Self {
        Self { series: None, shapes }
    }
}

/// A rectangle that tells in words what it shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hint {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) text: String,
}

/// What a plot draws.
#[derive(Debug, Clone, Default)]
pub(super) struct Drawing {
    /// From the back to the front.
    pub(super) layers: Vec<Layer>,
    pub(super) hints: Vec<Hint>,
}

/// The middle of a pixel, where a line of one pixel is sharp.
pub(super) fn sharp(place: f64) -> f64 {
    place.floor() + 0.5
}
