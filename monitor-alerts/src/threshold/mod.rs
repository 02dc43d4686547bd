//! `threshold`: an aggregate of a metric above or below a limit.

#[cfg(all(test, feature = "default"))]
mod tests;

use std::time::Duration;

use monitor_core::component::{Bound, BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
use monitor_core::config::DurationText;
use monitor_core::store::{Aggregate, Store, WindowStats};
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::{Limits, short};
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "threshold"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "threshold",
    "holds while an aggregate of a metric is above or below a limit",
    include_str!("sample.toml"),
);

/// The keys of a `threshold` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// What of it is compared.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// It holds while the aggregate is above this.
    pub above: Option<f64>,
    /// It holds while the aggregate is below this.
    pub below: Option<f64>,
    /// Past this, further out than `above` or `below`, its alerts are critical.
    pub critical: Option<f64>,
    /// Over how long.
    #[serde(default = "five_minutes")]
    pub window: DurationText,
}

fn five_minutes() -> DurationText {
    DurationText(Duration::from_secs(300))
}

impl Config {
    /// A rule on the mean of a metric over five minutes, without a limit yet.
    pub fn on(metric: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            aggregate: Aggregate::Mean,
            above: None,
            below: None,
            critical: None,
            window: five_minutes(),
        }
    }

    /// It holds while the aggregate is above `limit`.
    pub fn above(mut self, limit: f64) -> Self {
        self.above = Some(limit);
        self
    }

    /// It holds while the aggregate is below `limit`.
    pub fn below(mut self, limit: f64) -> Self {
        self.below = Some(limit);
        self
    }

    /// Its alerts are critical while the aggregate is past `limit`.
    pub fn critical(mut self, limit: f64) -> Self {
        self.critical = Some(limit);
        self
    }

    /// Over how long.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = DurationText(window);
        self
    }

    /// What of the metric is compared.
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = aggregate;
        self
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When it has no limit or two, or its metric cannot be read.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(Vec::new())
    }

    fn rule(&self, by: Vec<Text>) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Threshold {
            measure: Measure::new(&self.metric, by)?,
            metric: self.metric.clone(),
            aggregate: self.aggregate,
            limits: self.limits()?,
            window: self.window.0,
        }))
    }

    fn limits(&self) -> Result<Limits, Invalid> {
        Limits::new(self.above, self.below, self.critical)
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("metric", &self.metric)?;
        check_length("window", self.window.0)?;
        self.limits().map(drop)
    }
}

impl RuleConfig for Config {
    fn bound(&self) -> Option<Bound> {
        self.limits().ok().map(Limits::bound)
    }

    fn reach(&self) -> Option<Duration> {
        Some(self.window.0)
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(context.by.clone())
    }
}

struct Threshold {
    measure: Measure,
    metric: String,
    aggregate: Aggregate,
    limits: Limits,
    window: Duration,
}

impl Rule for Threshold {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let groups = self.measure.read_last(store, self.window, now).into_iter();
        let reading = |(labels, stats): (_, Option<WindowStats>)| {
            let value = stats.map(|stats| stats.get(self.aggregate));
            Reading { stats, ..self.limits.reading(labels, value) }
        };
        groups.map(reading).collect()
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let (aggregate, value) = (self.aggregate.as_str(), short(reading.value?));
        Some(format!("{aggregate} of {} is {value}, {}", self.metric, self.limits.words(reading)))
    }

    fn doubt(&self) -> Option<String> {
        self.measure.doubt()
    }
}
