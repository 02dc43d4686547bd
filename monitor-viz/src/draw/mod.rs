//! The drawing core: turns plain numbers into a picture, as SVG text or PNG bytes.
//!
//! It stands alone so that what a chart looks like can be worked on, tested and looked at without
//! the rest of the product: data come in as [`Figure`], bytes go out, and nothing here knows a
//! store, a config or a file.
//!
//! The way a figure goes: `layout` measures the text and decides where everything lies; the plot's module
//! in `plots` turns the data into a few primitive shapes, `compose` adds axes and words; `paint` puts
//! the shapes, through plotters, onto either of two backends: plotters' own SVG writer or
//! `canvas`, which differs from plotters' bitmap in that it smooths lines and sets type properly.
//! Both speak tenths of a pixel (`UNITS_PER_PIXEL`), so that plotters' whole-number coordinates are
//! fine enough for a smooth curve.

mod canvas;
mod clip;
mod color;
mod compose;
mod decimate;
mod error;
mod figure;
mod layout;
mod legend;
mod mask;
mod paint;
mod plots;
mod png;
mod scale;
mod scene;
mod style;
mod svg;
mod terminal;
mod text;
mod time_steps;
mod time_ticks;
mod value_ticks;
mod zone;

#[cfg(test)]
mod tests;

pub use self::color::{Color, UnknownColor};
pub use self::error::DrawError;
pub use self::figure::{
    Bars, Boxes, Curve, Curves, Figure, Heatmap, Histogram, Line, Lines, Plot, Shade, Stacked, Summary, Values,
};
pub use self::png::{pixels, png};
pub use self::style::{Style, Theme};
pub use self::svg::svg;
pub use self::terminal::{Screen, terminal};
pub use self::value_ticks::in_words;
pub use self::zone::Zone;

/// How many of the painter's whole-number coordinates make one pixel (at scale 1).
const UNITS_PER_PIXEL: f64 = 10.0;
