//! What is to be drawn, in the units of the data. Plain values: whoever has numbers can fill these in.

use super::color::Color;
use super::zone::Zone;

/// A chart of values over time.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// The heading; may be empty.
    pub title: String,
    /// The name of the time axis; may be empty.
    pub x_label: String,
    /// The name of the value axis, which stands over it; may be empty.
    pub y_label: String,
    /// A small line under the axes, for example "2,756 samples, 14:00 to 14:29"; may be empty.
    pub caption: String,
    /// The curves, in the order of the legend. Later ones lie above earlier ones.
    pub series: Vec<Line>,
    /// The ends of the value axis. `None`: from the data, with headroom, and from zero where zero is near.
    pub y_range: Option<(f64, f64)>,
    /// The zone of the time labels.
    pub zone: Zone,
}

/// One curve.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// The name in the legend; an empty one has no entry there.
    pub label: String,
    /// The colour. It is drawn a little lighter or darker where it would vanish in the theme's background.
    pub color: Color,
    /// `(microseconds since the epoch, value)` in order of time. A value that is not finite is a
    /// gap, which is not bridged.
    pub points: Vec<(i64, f64)>,
    /// Faint dots behind the curve, for example the samples of which the curve is the rolling mean;
    /// may be empty.
    pub raw: Vec<(i64, f64)>,
}

impl Figure {
    /// Every finite point, of the curves and of the dots behind them.
    pub(super) fn finite(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.series
            .iter()
            .flat_map(|line| line.points.iter().chain(&line.raw))
            .copied()
            .filter(|(_, value)| value.is_finite())
    }
}
