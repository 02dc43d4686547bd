//! `ratio`: an aggregate of one metric over an aggregate of another, above or below a limit.

use std::time::Duration;

use monitor_core::component::{Bound, BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
use monitor_core::config::DurationText;
use monitor_core::store::{Aggregate, Store, Window};
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::{Limits, short};
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "ratio"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "ratio",
    "holds while one aggregate over another is above or below a limit",
    include_str!("sample.toml"),
);

/// The keys of a `ratio` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric that is divided, perhaps with labels: "error_rate{operation=answer_generation}".
    pub of: String,
    /// The metric that it is divided by.
    pub over: String,
    /// What of `of` is divided.
    #[serde(default = "sum")]
    pub of_aggregate: Aggregate,
    /// What of `over` it is divided by.
    #[serde(default = "sum")]
    pub over_aggregate: Aggregate,
    /// It holds while the ratio is above this.
    pub above: Option<f64>,
    /// It holds while the ratio is below this.
    pub below: Option<f64>,
    /// Past this, further out than `above` or `below`, its alerts are critical.
    pub critical: Option<f64>,
    /// Over how long.
    #[serde(default = "five_minutes")]
    pub window: DurationText,
}

fn sum() -> Aggregate {
    Aggregate::Sum
}

fn five_minutes() -> DurationText {
    DurationText(Duration::from_secs(300))
}

impl Config {
    /// A rule on the sum of one metric over that of another, both over five minutes, without a limit yet.
    pub fn of(of: impl Into<String>, over: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            over: over.into(),
            of_aggregate: sum(),
            over_aggregate: sum(),
            above: None,
            below: None,
            critical: None,
            window: five_minutes(),
        }
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When it has no limit or two, or a metric cannot be read.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(&[])
    }

    fn rule(&self, by: &[Text]) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Ratio {
            of: Measure::new(&self.of, by.to_vec())?,
            over: Measure::new(&self.over, by.to_vec())?,
            limits: self.limits()?,
            config: self.clone(),
        }))
    }

    fn limits(&self) -> Result<Limits, Invalid> {
        Limits::new(self.above, self.below, self.critical)
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("of", &self.of)?;
        check_metric("over", &self.over)?;
        check_length("window", self.window.0)?;
        if (&self.of, self.of_aggregate) == (&self.over, self.over_aggregate) {
            return Err(Invalid::key(
                "over",
                "is what `of` is, so the ratio is always 1: name another metric or aggregate",
            ));
        }
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

    fn names(&self) -> Vec<Text> {
        vec![Text::new_static("of"), Text::new_static("over")]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(&context.by)
    }
}

struct Ratio {
    of: Measure,
    over: Measure,
    limits: Limits,
    config: Config,
}

/// What an aggregate is where there are no samples, if that is a number at all.
fn of_nothing(aggregate: Aggregate) -> Option<f64> {
    matches!(aggregate, Aggregate::Count | Aggregate::Sum | Aggregate::Rate).then_some(0.0)
}

impl Rule for Ratio {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let Config { of_aggregate, over_aggregate, window, .. } = &self.config;
        let window = Window::last(window.0, now);
        let parts = self.of.groups(store, window, *of_aggregate);
        let mut readings = Vec::new();
        for (labels, stats) in self.over.read(store, window) {
            let Some(stats) = stats else {
                readings.push(self.limits.reading(labels, None));
                continue;
            };
            let of = parts.get(&labels).map_or(of_nothing(*of_aggregate), |part| Some(part.get(*of_aggregate)));
            let over = stats.get(*over_aggregate);
            let value = of.filter(|_| over != 0.0).map(|of| of / over);
            let of = of.map(|of| (Text::new_static("of"), of));
            let more = of.into_iter().chain([(Text::new_static("over"), over)]).collect();
            readings.push(Reading { stats: Some(stats), more, ..self.limits.reading(labels, value) });
        }
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let Config { of, over, of_aggregate, over_aggregate, .. } = &self.config;
        let (value, limit) = (short(reading.value?), self.limits.words(reading));
        Some(format!("{of_aggregate} of {of} over {over_aggregate} of {over} is {value}, {limit}"))
    }

    fn doubt(&self) -> Option<String> {
        self.of.doubt().or_else(|| self.over.doubt())
    }
}

#[cfg(all(test, feature = "default"))]
mod tests;
