//! `cdf`: which share of the values is no larger than each.

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Aggregate, Store};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Curve, Curves, Figure, Plot};
use crate::numbers::{caption, extent, joined, unit};
use crate::series::{SeriesConfig, Top, choose, validate};

/// The definition of `type = "cdf"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "cdf",
    "draws which share of the values is no larger than each",
    include_str!("sample.toml"),
);

/// The keys of a `cdf` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// A label: a curve for each of its values.
    #[serde(default)]
    pub by: Option<Text>,
    /// So many curves at most; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
    /// The axis across by powers of ten; values that are not above zero are not drawn, but counted.
    #[serde(default)]
    pub log: bool,
}

impl Config {
    /// A chart of a metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { series: vec![SeriesConfig::of(metric)], by: None, top: crate::series::twelve(), log: false }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        validate(&self.series, self.by.as_deref(), self.top)
    }
}

impl ChartConfig for Config {
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError> {
        Ok(open(self, context, settings))
    }
}

/// The steps of the empirical distribution of sorted values: at each value from the share of those before it to the share that is
/// no larger.
pub(crate) fn steps(sorted: &[f64]) -> Vec<(f64, f64)> {
    let count = sorted.len() as f64;
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let mut before = 0;
    for run in sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
        let after = before + run.len();
        steps.push((run[0], before as f64 / count));
        steps.push((run[0], after as f64 / count));
        before = after;
    }
    steps
}

impl ToFigure for Config {
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError> {
        let top = Top { by: self.by.as_deref(), most: self.top, aggregate: Aggregate::Count };
        let choice = choose(&self.series, top, store, scope.window)?;
        let (mut curves, mut ends, mut samples) = (Vec::new(), Vec::new(), 0);
        for one in choice.chosen {
            let points = one.points(store, scope.window);
            ends.extend(points.first().copied().zip(points.last().copied()).map(|(first, last)| [first, last]));
            samples += points.len();
            let mut values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
            values.sort_unstable_by(f64::total_cmp);
            if !values.is_empty() {
                curves.push(Curve { label: one.label, color: one.color, points: steps(&values) });
            }
        }
        let Some(span) = extent(ends.iter().map(<[_; 2]>::as_slice)) else { return Ok(None) };
        let metric = &self.series[0].metric;
        Ok(Some(Figure {
            title: format!("{metric}, cumulative"),
            x_label: unit(metric).to_owned(),
            y_label: "Share no larger".to_owned(),
            caption: joined([Some(caption(samples, span, &scope.zone)), choice.remark]),
            plot: Plot::Curves(Curves { curves, log: self.log, y_range: Some((0.0, 1.0)) }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
