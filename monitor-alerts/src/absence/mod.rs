//! `absence`: a metric that has ceased to come, or has never come.

use std::time::Duration;

use monitor_core::component::{
    BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate, Verdict,
};
use monitor_core::config::DurationText;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Store, Window};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "absence"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "absence",
    "holds while no sample of a metric has come for so long",
    include_str!("sample.toml"),
);

/// The keys of an `absence` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// It holds once no sample has come for longer than this.
    #[serde(default = "ten_minutes")]
    pub window: DurationText,
    /// Whether a metric that has never come is missed, too, after as long.
    #[serde(default = "yes")]
    pub expected: bool,
    /// A group, or a metric that is not expected, that has been absent for longer than this is missed no more.
    #[serde(default = "a_day")]
    pub forget_after: DurationText,
}

fn ten_minutes() -> DurationText {
    DurationText(Duration::from_secs(600))
}

fn yes() -> bool {
    true
}

fn a_day() -> DurationText {
    DurationText(Duration::from_secs(86_400))
}

impl Config {
    /// A rule on a metric of which something is expected every ten minutes.
    pub fn on(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), window: ten_minutes(), expected: true, forget_after: a_day() }
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When its metric cannot be read, or it forgets sooner than it misses.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(Vec::new())
    }

    fn rule(&self, by: Vec<Text>) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Absence {
            measure: Measure::new(&self.metric, by)?,
            config: self.clone(),
            watched_since: None,
            whole: true,
        }))
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("metric", &self.metric)?;
        check_length("window", self.window.0)?;
        if self.forget_after.0 <= self.window.0 {
            let window = format_duration(self.window.0);
            return Err(Invalid::key(
                "forget_after",
                format!("must be longer than `window`, {window}, or what is absent is forgotten before it is missed"),
            ));
        }
        Ok(())
    }
}

impl RuleConfig for Config {
    fn reach(&self) -> Option<Duration> {
        Some(self.forget_after.0)
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(context.by.clone())
    }
}

struct Absence {
    measure: Measure,
    config: Config,
    /// Silence from before the first evaluation says nothing: nobody was there to hear.
    watched_since: Option<Timestamp>,
    /// Whether the last reading was of the metric as a whole.
    whole: bool,
}

impl Absence {
    /// What it means that the latest sample is from then, or that there is none.
    fn reading(&self, labels: Labels, last: Option<Timestamp>, watched_since: Timestamp, now: Timestamp) -> Reading {
        let window = self.config.window.0;
        let silent = |since: Timestamp| now.since(since) > window;
        let verdict = match last {
            Some(last) if !silent(last) => Verdict::Clear,
            _ if !silent(watched_since) => Verdict::NoData,
            None if !self.config.expected => Verdict::NoData,
            _ => Verdict::Breached,
        };
        let value = last.map(|last| now.since(last).as_secs_f64());
        Reading { value, limit: Some(window.as_secs_f64()), ..Reading::new(labels, verdict) }
    }
}

impl Rule for Absence {
    // The store remembers which groups there were: so the rule finds them again after a reload and a restart.
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let since = *self.watched_since.get_or_insert(now);
        let known = self.measure.groups(store, Window::last(self.config.forget_after.0, now), Aggregate::Last);
        let was_whole = std::mem::replace(&mut self.whole, known.is_empty());
        let mut readings: Vec<Reading> = Vec::new();
        if known.is_empty() {
            readings.push(self.reading(Labels::NONE, None, since, now));
        } else if was_whole && !known.contains_key(&Labels::NONE) {
            // As a whole the metric is there again; from here on each group counts for itself.
            readings.push(Reading::new(Labels::NONE, Verdict::Clear));
        }
        let known = known.into_iter().map(|(labels, stats)| self.reading(labels, Some(stats.last_time), since, now));
        readings.extend(known);
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let Config { metric, window, .. } = &self.config;
        Some(match reading.value {
            Some(seconds) => {
                let silent = Duration::from_secs(seconds as u64);
                format!("no {metric} for {}, longer than {}", format_duration(silent), format_duration(window.0))
            }
            None => format!("no {metric} has come for longer than {}", format_duration(window.0)),
        })
    }

    fn doubt(&self) -> Option<String> {
        self.measure.doubt()
    }
}

#[cfg(all(test, feature = "default"))]
mod tests;
