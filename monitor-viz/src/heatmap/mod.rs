//! `heatmap`: how often values of some size occur, over time.

use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::{ChartSettings, DurationText};
use monitor_core::store::{Selector, Store};
use monitor_core::template::thousands;
use monitor_core::time::format_duration;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Color, Figure, Heatmap, Plot};
use crate::numbers::{bin_of, caption, edges, extent, joined, stretch_of, stretches, unit};
use crate::series::{Chosen, SeriesConfig, validate};

/// The definition of `type = "heatmap"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "heatmap",
    "draws how often values of some size occur over time: latency",
    include_str!("sample.toml"),
);

/// The keys of a `heatmap` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// How many bins upwards.
    #[serde(default = "bins")]
    pub bins: usize,
    /// Bins by powers of ten; of one width, where values are not above zero.
    #[serde(default = "yes")]
    pub log: bool,
    /// How long the time of a column is; without it, so long that there are no more than sixty.
    #[serde(default)]
    pub step: Option<DurationText>,
}

fn bins() -> usize {
    24
}

fn yes() -> bool {
    true
}

/// Columns at most, where nobody says how long they are.
const MOST: usize = 60;

impl Config {
    /// A chart of a metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), bins: bins(), log: true, step: None }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        validate(&[SeriesConfig::of(&self.metric)], None, 1)
            .map_err(|invalid| Invalid::key("metric", invalid.message))?;
        if !(1..=200).contains(&self.bins) {
            return Err(Invalid::key("bins", "must be from 1 to 200"));
        }
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
        let selector: Selector = self.metric.parse()?;
        let points = Chosen { label: String::new(), color: Color::default(), selector }.points(store, scope.window);
        let Some(span) = extent([points.as_slice()]) else { return Ok(None) };
        let ends = points
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |ends, (_, value)| (ends.0.min(*value), ends.1.max(*value)));
        let log = self.log && ends.0 > 0.0;
        let values = edges(ends.0, ends.1, self.bins, log);
        let step = self.step.as_ref().map(|step| step.0);
        let times = stretches(span.start.as_micros(), span.end.as_micros(), step, MOST, &scope.zone);
        let mut counts = vec![0; (times.len() - 1) * self.bins];
        let mut left_out = 0;
        for (at, value) in &points {
            match (stretch_of(&times, *at), bin_of(&values, *value)) {
                (Some(column), Some(row)) => counts[column * self.bins + row] += 1,
                _ => left_out += 1,
            }
        }
        let length = Duration::from_micros((times[1] - times[0]).unsigned_abs());
        let caption = joined([
            Some(caption(points.len(), span, &scope.zone)),
            Some(format!("a column is {}", format_duration(length))),
            (left_out > 0).then(|| format!("{} later ones not shown", thousands(left_out))),
        ]);
        Ok(Some(Figure {
            title: format!("{} over time", self.metric),
            x_label: "Time".to_owned(),
            y_label: unit(&self.metric).to_owned(),
            caption,
            plot: Plot::Heatmap(Heatmap { times, values, counts, log }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
