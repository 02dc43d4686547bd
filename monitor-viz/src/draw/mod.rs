//! The drawing core: turns plain numbers into a picture, as SVG text or PNG bytes.
//!
//! It stands alone so that what a chart looks like can be worked on, tested and looked at without
//! the rest of the product: data come in as [`Figure`], bytes go out, and nothing here knows a
//! store, a config or a file.
//!
//! The way a figure goes: `layout` measures the text and decides where everything lies, `paint`
//! draws that once, through plotters, onto either of two backends: plotters' own SVG writer or
//! `canvas`, which differs from plotters' bitmap in that it smooths lines and sets type properly.
//! Both speak tenths of a pixel (`UNITS_PER_PIXEL`), so that plotters' whole-number coordinates are
//! fine enough for a smooth curve.

mod canvas;
mod clip;
mod color;
mod decimate;
mod error;
mod figure;
mod frame;
mod layout;
mod legend;
mod mask;
mod paint;
mod png;
mod style;
mod svg;
mod text;
mod time_steps;
mod time_ticks;
mod value_ticks;
mod zone;

#[cfg(test)]
mod tests;

pub use self::color::{Color, UnknownColor};
pub use self::error::DrawError;
pub use self::figure::{Figure, Line};
pub use self::png::png;
pub use self::style::{Style, Theme};
pub use self::svg::svg;
pub use self::zone::Zone;

/// How many of the painter's whole-number coordinates make one pixel (at scale 1).
const UNITS_PER_PIXEL: f64 = 10.0;
