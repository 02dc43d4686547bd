//! Why a figure could not be drawn: one type, so that a caller can tell "nothing to show yet" from
//! a wrong setting.

use std::fmt;

/// Why there is no picture. Messages read after "failed to draw …: ".
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DrawError {
    /// No series has a finite point. Usually no fault: nothing has been recorded yet.
    NoData,
    /// The picture's size cannot hold a chart, or would need more memory than a chart is worth.
    Size {
        /// The width asked for, in pixels.
        width: u32,
        /// The height asked for, in pixels.
        height: u32,
    },
    /// A terminal's size cannot hold a chart.
    Screen {
        /// The characters of a row.
        columns: u16,
        /// The rows.
        rows: u16,
    },
    /// The scale is not a positive number.
    Scale(f64),
    /// The range of the value axis is empty, upside down or not finite.
    Range {
        /// The lower end asked for.
        low: f64,
        /// The upper end asked for.
        high: f64,
    },
    /// The writer of the picture failed; its own words.
    Backend(String),
}

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoData => f.write_str("there is nothing to draw: no series has a finite value"),
            Self::Size { width, height } => write!(
                f,
                "a picture of {width} × {height} pixels is not possible: at scale 1 it needs at least 240 × 160, and at most 16,384 either way"
            ),
            Self::Screen { columns, rows } => write!(
                f,
                "a chart of {columns} × {rows} characters is not possible: it needs at least 24 × 8, and at most 1,000 × 500"
            ),
            Self::Scale(scale) => {
                write!(f, "the scale must be a number from 0.1 to 10, not {scale}")
            }
            Self::Range { low, high } => write!(
                f,
                "the value axis cannot run from {low} to {high}: give two finite numbers, the lower one first"
            ),
            Self::Backend(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DrawError {}
