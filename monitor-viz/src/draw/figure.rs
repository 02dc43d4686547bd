//! What is to be drawn, in the units of the data. Plain values: whoever has numbers can fill these in.

use super::color::Color;
use super::zone::Zone;

/// A chart.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// The heading; may be empty.
    pub title: String,
    /// The name of the axis across; may be empty.
    pub x_label: String,
    /// The name of the axis upwards, which stands over it; may be empty.
    pub y_label: String,
    /// A small line under the axes, for example "2,756 samples, 14:00 to 14:29"; may be empty.
    pub caption: String,
    /// What is drawn between the axes.
    pub plot: Plot,
    /// The zone of the time labels.
    pub zone: Zone,
}

/// The kinds of charts.
#[derive(Debug, Clone)]
pub enum Plot {
    /// Values over time.
    Lines(Lines),
    /// Numbers over numbers.
    Curves(Curves),
    /// How often values of some size occur.
    Histogram(Histogram),
    /// A value, or several, for each of some names.
    Bars(Bars),
    /// What adds up, in stretches of time.
    Stacked(Stacked),
    /// How often values of some size occur, in stretches of time.
    Heatmap(Heatmap),
    /// Five numbers of each of some groups.
    Boxes(Boxes),
}

impl Default for Plot {
    fn default() -> Self {
        Self::Lines(Lines::default())
    }
}

/// Values over time.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The lines, in the order of the legend. Later ones lie above earlier ones.
    pub lines: Vec<Line>,
    /// Times that are marked behind the lines.
    pub shades: Vec<Shade>,
    /// The ends of the value axis. `None`: from the data, with headroom, and from zero where zero is near.
    pub y_range: Option<(f64, f64)>,
}

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// The name in the legend; an empty one has no entry there.
    pub label: String,
    /// The colour. It is drawn a little lighter or darker where it would vanish in the theme's background.
    pub color: Color,
    /// `(microseconds since the epoch, value)` in order of time. A value that is not finite is a
    /// gap, which is not bridged.
    pub points: Vec<(i64, f64)>,
    /// Faint dots behind the line, for example the samples of which the line is the rolling mean;
    /// may be empty.
    pub raw: Vec<(i64, f64)>,
    /// `(moment, least, greatest)`: a faint band behind the line; may be empty. Gaps as in `points`.
    pub band: Vec<(i64, f64, f64)>,
}

/// A stretch of time that is marked, for example one in which an alert fired.
#[derive(Debug, Clone, Default)]
pub struct Shade {
    /// What it was; stretches of the same name have one entry in the legend.
    pub label: String,
    /// The colour.
    pub color: Color,
    /// Its first moment, in microseconds since the epoch.
    pub from: i64,
    /// Its last moment.
    pub to: i64,
}

/// Numbers over numbers.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    /// The curves, in the order of the legend.
    pub curves: Vec<Curve>,
    /// Whether the axis across is logarithmic: then what is not above zero is left out.
    pub log: bool,
    /// The ends of the axis upwards. `None`: from the data.
    pub y_range: Option<(f64, f64)>,
}

/// One curve.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// The name in the legend; an empty one has no entry there.
    pub label: String,
    /// The colour.
    pub color: Color,
    /// Places across and upwards, in the order of the first.
    pub points: Vec<(f64, f64)>,
}

/// How often values of some size occur.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// Where the bins begin, and where the last one ends: one more than there are counts, ascending.
    pub edges: Vec<f64>,
    /// How many values each bin has.
    pub counts: Vec<u64>,
    /// The colour of the bars.
    pub color: Color,
    /// Whether the axis across is logarithmic: then all edges are above zero.
    pub log: bool,
    /// Values that are marked with a name, as percentiles are.
    pub marks: Vec<(String, f64)>,
}

/// A value, or several, for each of some names: horizontal bars, so that long names read well.
#[derive(Debug, Clone, Default)]
pub struct Bars {
    /// The names, from the top.
    pub categories: Vec<String>,
    /// The values of each. What is not finite is no bar.
    pub series: Vec<Values>,
    /// Whether the bars of a name follow each other rather than stand beside each other.
    pub stacked: bool,
}

/// Named values.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The name in the legend; an empty one has no entry there.
    pub label: String,
    /// The colour.
    pub color: Color,
    /// One for each category or stretch of time.
    pub values: Vec<f64>,
}

/// What adds up, in stretches of time.
#[derive(Debug, Clone, Default)]
pub struct Stacked {
    /// Where the stretches begin, and where the last one ends, in microseconds since the epoch.
    pub edges: Vec<i64>,
    /// The values of each stretch, from the bottom. Only those above zero are drawn.
    pub series: Vec<Values>,
}

/// How often values of some size occur, in stretches of time.
#[derive(Debug, Clone, Default)]
pub struct Heatmap {
    /// Where the stretches of time begin, and where the last one ends, in microseconds since the epoch.
    pub times: Vec<i64>,
    /// Where the bins of values begin, and where the last one ends.
    pub values: Vec<f64>,
    /// How many values each cell has: the bins of the first stretch, then those of the next.
    pub counts: Vec<u64>,
    /// Whether the value axis is logarithmic: then all edges are above zero.
    pub log: bool,
}

/// Five numbers of each of some groups.
#[derive(Debug, Clone, Default)]
pub struct Boxes {
    /// The groups, from the top.
    pub boxes: Vec<Summary>,
}

/// Five numbers of a group, and what lies far from them.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The name of the group.
    pub label: String,
    /// The colour.
    pub color: Color,
    /// The end of the lower whisker, the lower quartile, the median, the upper quartile, the end of the upper whisker.
    pub five: [f64; 5],
    /// What lies beyond the whiskers.
    pub outliers: Vec<f64>,
    /// How many values there are.
    pub count: u64,
}
