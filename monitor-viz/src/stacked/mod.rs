//! `stacked`: counts or sums over time, by a label.

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::{ChartSettings, DurationText};
use monitor_core::store::{Aggregate, Store};
use monitor_core::time::format_duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Figure, Plot, Stacked, Values};
use crate::numbers::{caption, extent, joined, stretch_of, stretches, unit};
use crate::series::{SeriesConfig, Top, choose, validate};

/// The definition of `type = "stacked"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "stacked",
    "draws counts or sums over time by a label, as columns",
    include_str!("sample.toml"),
);

/// The keys of a `stacked` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "error_rate{error_type!=\"\"}".
    pub metric: String,
    /// The label whose values are told apart.
    pub by: Text,
    /// What the height of a column is.
    #[serde(default)]
    pub aggregate: Adds,
    /// How long the time of a column is; without it, so long that there are no more than sixty.
    #[serde(default)]
    pub step: Option<DurationText>,
    /// So many values of the label at most, the largest; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
}

/// What adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Adds {
    /// How many samples.
    #[default]
    Count,
    /// The sum of their values.
    Sum,
}

/// Columns at most, where nobody says how long they are.
const MOST: usize = 60;

impl Config {
    /// How many samples of a metric, by a label.
    pub fn of(metric: impl Into<String>, by: impl Into<Text>) -> Self {
        Self { metric: metric.into(), by: by.into(), aggregate: Adds::Count, step: None, top: crate::series::twelve() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        validate(&[SeriesConfig::of(&self.metric)], Some(&self.by), self.top).map_err(|invalid| Invalid {
            key: invalid.key.map(|key| if key == "series" { "metric" } else { key }),
            ..invalid
        })?;
        if self.step.as_ref().is_some_and(|step| step.0.is_zero()) {
            return Err(Invalid::key("step", "must be longer than nothing"));
        }
        Ok(())
    }
}

impl ChartConfig for Config {
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError> {
        Ok(open(self, context, settings))
    }
}

impl ToFigure for Config {
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError> {
        let aggregate = if self.aggregate == Adds::Sum { Aggregate::Sum } else { Aggregate::Count };
        let top = Top { by: Some(&self.by), most: self.top, aggregate };
        let choice = choose(&[SeriesConfig::of(&self.metric)], top, store, scope.window)?;
        let runs: Vec<_> = choice.chosen.iter().map(|one| (one, one.points(store, scope.window))).collect();
        let Some(span) = extent(runs.iter().map(|(_, points)| points.as_slice())) else { return Ok(None) };
        let (first, last) = (span.start.as_micros(), span.end.as_micros());
        let step = self.step.as_ref().map(|step| step.0);
        let edges = stretches(first, last, step, MOST, &scope.zone);
        let mut samples = 0;
        let series = runs.iter().map(|(one, points)| {
            samples += points.len();
            let mut values = vec![0.0; edges.len() - 1];
            for (at, value) in points {
                if let Some(stretch) = stretch_of(&edges, *at) {
                    values[stretch] += if self.aggregate == Adds::Sum { *value } else { 1.0 };
                }
            }
            Values { label: one.label.clone(), color: one.color, values }
        });
        let series: Vec<Values> = series.collect();
        if series.iter().all(|series| series.values.iter().all(|value| *value <= 0.0)) {
            return Ok(None);
        }
        let length = Duration::from_micros((edges[1] - edges[0]).unsigned_abs());
        let columns = Some(format!("a column is {}", format_duration(length)));
        let counted = if self.aggregate == Adds::Sum { unit(&self.metric) } else { "" };
        Ok(Some(Figure {
            title: format!("{} by {}", self.metric, self.by),
            x_label: "Time".to_owned(),
            y_label: if counted.is_empty() { "Count".to_owned() } else { counted.to_owned() },
            caption: joined([Some(caption(samples, span, &scope.zone)), columns, choice.remark]),
            plot: Plot::Stacked(Stacked { edges, series }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
