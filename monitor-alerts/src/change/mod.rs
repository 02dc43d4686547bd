//! `change`: an aggregate of a metric against what it was an hour, a day or a window ago.

use std::time::Duration;

use monitor_core::component::{Bound, BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
use monitor_core::config::DurationText;
use monitor_core::store::{Aggregate, Store, Window};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{Limits, short};
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "change"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "change",
    "holds while an aggregate of a metric has changed too much since a window, an hour or a day ago",
    include_str!("sample.toml"),
);

/// The keys of a `change` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// What of it is compared.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// What the change is: how many times what it was, or how much more.
    #[serde(default)]
    pub r#as: As,
    /// It holds while the change is above this.
    pub above: Option<f64>,
    /// It holds while the change is below this.
    pub below: Option<f64>,
    /// Past this, further out than `above` or `below`, its alerts are critical.
    pub critical: Option<f64>,
    /// Over how long, then and now.
    #[serde(default = "five_minutes")]
    pub window: DurationText,
    /// How long before the window the one that it is compared with is: "1h", "1d", "7d". Without it, as long as `window`: it
    /// is the one just before.
    pub ago: Option<DurationText>,
}

/// What a change is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum As {
    /// How many times what it was it is: 1 is no change, 1.5 half as much again, 0.5 half of it.
    #[default]
    Factor,
    /// How much more it is than it was, in the metric's own unit: 0 is no change, less than 0 is less.
    Difference,
}

fn five_minutes() -> DurationText {
    DurationText(Duration::from_secs(300))
}

impl Config {
    /// A rule on the mean of a metric over five minutes as a multiple of the five minutes before, without a limit yet.
    pub fn on(metric: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            aggregate: Aggregate::Mean,
            r#as: As::Factor,
            above: None,
            below: None,
            critical: None,
            window: five_minutes(),
            ago: None,
        }
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When it has no limit or two, its metric cannot be read, or the windows overlap.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(Vec::new())
    }

    fn rule(&self, by: Vec<Text>) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Change {
            measure: Measure::new(&self.metric, by)?,
            limits: self.limits()?,
            ago: self.ago(),
            config: self.clone(),
        }))
    }

    fn ago(&self) -> Duration {
        self.ago.as_ref().unwrap_or(&self.window).0
    }

    fn limits(&self) -> Result<Limits, Invalid> {
        Limits::new(self.above, self.below, self.critical)
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("metric", &self.metric)?;
        check_length("window", self.window.0)?;
        if self.ago() < self.window.0 {
            let window = format_duration(self.window.0);
            return Err(Invalid::key(
                "ago",
                format!("must be at least `window`, {window}, or the two windows overlap"),
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
        Some(self.ago().saturating_add(self.window.0))
    }

    fn names(&self) -> Vec<Text> {
        vec![Text::new_static("base"), Text::new_static("now")]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(context.by.clone())
    }
}

struct Change {
    measure: Measure,
    limits: Limits,
    ago: Duration,
    config: Config,
}

impl Rule for Change {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let Config { aggregate, r#as, window, .. } = &self.config;
        let bases = self.measure.groups(store, Window::last(window.0, now.minus(self.ago)), *aggregate);
        let mut readings = Vec::new();
        for (labels, stats) in self.measure.read_last(store, window.0, now) {
            let now = stats.map(|stats| stats.get(*aggregate));
            let base = bases.get(&labels).map(|stats| stats.get(*aggregate));
            let value = now.zip(base).and_then(|(now, base)| match r#as {
                As::Factor => (base != 0.0).then(|| now / base),
                As::Difference => Some(now - base),
            });
            let more = [("base", base), ("now", now)];
            let more = more.into_iter().filter_map(|(name, number)| Some((Text::new_static(name), number?))).collect();
            readings.push(Reading { stats, more, ..self.limits.reading(labels, value) });
        }
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let Config { metric, aggregate, r#as, .. } = &self.config;
        let number = |name| reading.more.iter().find(|(known, _)| known == name).map(|(_, number)| short(*number));
        let (now, base, value) = (number("now")?, number("base")?, reading.value?);
        let (ago, limit) = (format_duration(self.ago), self.limits.words(reading));
        let change = match r#as {
            As::Factor => format!("{} times", short(value)),
            As::Difference if value < 0.0 => format!("{} less than", short(-value)),
            As::Difference => format!("{} more than", short(value)),
        };
        Some(format!("{aggregate} of {metric} is {now}, {change} the {base} of {ago} before, {limit}"))
    }

    fn doubt(&self) -> Option<String> {
        self.measure.doubt()
    }
}

#[cfg(all(test, feature = "default"))]
mod tests;
