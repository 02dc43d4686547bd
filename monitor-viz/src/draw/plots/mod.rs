//! A module a plot: from data to axes, entries of the legend, and shapes.

mod bars;
mod boxes;
mod curves;
mod heatmap;
mod histogram;
mod lines;
mod stacked;

pub(super) use self::histogram::MARK_ROW;
use super::color::Color;
use super::error::DrawError;
use super::figure::Plot;
use super::scale::{Frame, Scale};
use super::scene::Drawing;
use super::style::Theme;
use super::zone::{Zone, calendar};

/// How a plot is drawn.
pub(super) trait Draw {
    /// The axis across and the axis upwards.
    fn axes(&self) -> Result<(Scale, Scale), DrawError>;

    /// The entries of the legend.
    fn keys(&self, theme: Theme) -> Vec<Key>;

    /// The names along an axis of rows, from the top.
    fn rows(&self) -> Vec<&str> {
        Vec::new()
    }

    /// How many rows of words are needed above the plot.
    fn headroom(&self) -> usize {
        0
    }

    /// The data.
    fn draw(&self, page: &Page<'_>) -> Drawing;
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) label: String,
    pub(super) mark: Mark,
}

/// What stands before a name in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: it is a remark.
    None,
    /// A piece of a line.
    Stroke(Color),
    /// A field.
    Field(Color),
}

/// What a plot is drawn on.
pub(super) struct Page<'a> {
    pub(super) frame: &'a Frame,
    pub(super) theme: Theme,
    pub(super) zone: &'a Zone,
}

impl Page<'_> {
    /// A moment in words.
    fn time(&self, at: i64) -> String {
        let moment = calendar(self.zone.to_local(at));
        moment.map_or_else(String::new, |moment| moment.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// A stretch of time in words: the end without the date, if that is the same.
    fn times(&self, from: i64, to: i64) -> String {
        let (begin, end) = (self.time(from), self.time(to));
        let same = begin.get(..10).is_some_and(|date| end.starts_with(date));
        format!("{begin} to {}", if same { &end[11..] } else { &end })
    }
}

impl Plot {
    /// How it is drawn.
    pub(super) fn inner(&self) -> &dyn Draw {
        match self {
            Self::Lines(plot) => plot,
            Self::Curves(plot) => plot,
            Self::Histogram(plot) => plot,
            Self::Bars(plot) => plot,
            Self::Stacked(plot) => plot,
            Self::Heatmap(plot) => plot,
            Self::Boxes(plot) => plot,
        }
    }

    /// Its name, as `data-kind` of the SVG has it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Lines(_) => "lines",
            Self::Curves(_) => "curves",
            Self::Histogram(_) => "histogram",
            Self::Bars(_) => "bars",
            Self::Stacked(_) => "stacked",
            Self::Heatmap(_) => "heatmap",
            Self::Boxes(_) => "boxes",
        }
    }
}
