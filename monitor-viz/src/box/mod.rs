//! `box`: how the values of metrics are spread, a box a metric or a value of a label.

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Aggregate, Store};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Boxes, Color, Figure, Plot, Summary};
use crate::numbers::{caption, extent, joined, quantile, unit};
use crate::series::{SeriesConfig, Top, choose, validate};

/// The definition of `type = "box"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "box",
    "draws how values are spread, a box a group: scores by evaluator",
    include_str!("sample.toml"),
);

/// The keys of a `box` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// A label: a box for each of its values.
    #[serde(default)]
    pub by: Option<Text>,
    /// So many boxes a metric at most, those of the most samples; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
}

impl Config {
    /// A chart of a metric, or of all that a `*` in its name stands for.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { series: vec![SeriesConfig::of(metric)], by: None, top: crate::series::twelve() }
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

/// The five numbers of sorted values, and those that lie beyond the whiskers, which end at the last value within 1.5 times the
/// distance of the quartiles from them (Tukey, "Exploratory Data Analysis", 1977).
pub(crate) fn summary(label: String, color: Color, sorted: &[f64]) -> Option<Summary> {
    let (first, last) = (sorted.first()?, sorted.last()?);
    let [lower, median, upper] = [0.25, 0.5, 0.75].map(|share| quantile(sorted, share));
    let reach = 1.5 * (upper - lower);
    let from = sorted.partition_point(|value| *value < lower - reach);
    let to = sorted.partition_point(|value| *value <= upper + reach);
    let low = sorted.get(from).unwrap_or(first).min(lower);
    let high = sorted[..to].last().unwrap_or(last).max(upper);
    let outliers = sorted[..from].iter().chain(&sorted[to..]).copied().collect();
    Some(Summary { label, color, five: [low, lower, median, upper, high], outliers, count: sorted.len() as u64 })
}

impl ToFigure for Config {
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError> {
        let top = Top { by: self.by.as_deref(), most: self.top, aggregate: Aggregate::Count };
        let choice = choose(&self.series, top, store, scope.window)?;
        let (mut boxes, mut ends, mut samples) = (Vec::new(), Vec::new(), 0);
        for one in choice.chosen {
            let points = one.points(store, scope.window);
            ends.extend(points.first().copied().zip(points.last().copied()).map(|(first, last)| [first, last]));
            samples += points.len();
            let mut values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
            values.sort_unstable_by(f64::total_cmp);
            boxes.extend(summary(one.label, one.color, &values));
        }
        let Some(span) = extent(ends.iter().map(<[_; 2]>::as_slice)) else { return Ok(None) };
        let metric = &self.series[0].metric;
        let by = self.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        Ok(Some(Figure {
            title: format!("{metric}{by}"),
            x_label: unit(metric).to_owned(),
            y_label: String::new(),
            caption: joined([Some(caption(samples, span, &scope.zone)), choice.remark]),
            plot: Plot::Boxes(Boxes { boxes }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
