//! `anomaly`: a metric further from what it is used to be than its own spread explains.

mod baseline;
mod score;

use std::time::Duration;

use monitor_core::component::{Bound, BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
use monitor_core::config::DurationText;
use monitor_core::store::{Aggregate, Store};
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{Limits, short};
use crate::measure::{Measure, check_length, check_metric};
use baseline::Baseline;
use score::Score;

/// The definition of `type = "anomaly"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "anomaly",
    "holds while a metric is further from its rolling baseline than its spread explains",
    include_str!("sample.toml"),
);

/// The keys of an `anomaly` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// What of each window is compared.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// How far out is measured: "mad" finds one window that is far out, "ewma" a small shift that lasts.
    #[serde(default)]
    pub method: Method,
    /// It holds while the distance, in deviations, is above this; without it 3.5 for "mad" and 3 for "ewma".
    pub above: Option<f64>,
    /// Past this many deviations its alerts are critical.
    pub critical: Option<f64>,
    /// Which side counts.
    #[serde(default)]
    pub direction: Direction,
    /// Over how long the aggregate is taken, now and in the baseline.
    #[serde(default = "five_minutes")]
    pub window: DurationText,
    /// How long before the last window the baseline is.
    #[serde(default = "a_day")]
    pub baseline: DurationText,
    /// With fewer windows of the baseline that have samples there is no data.
    #[serde(default = "twelve")]
    pub min_windows: usize,
    /// A deviation is never taken to be smaller than this, in the metric's own unit: what differs by less than that many times
    /// the limit is no anomaly, however steady the baseline is.
    #[serde(default)]
    pub min_deviation: f64,
    /// For "ewma": the weight of the newest window, above 0 and at most 1.
    #[serde(default = "a_fifth")]
    pub smoothing: f64,
}

/// How far out is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The modified z-score of the last window: its distance from the baseline's median in median absolute deviations
    /// (Iglewicz and Hoaglin 1993).
    #[default]
    Mad,
    /// The exponentially weighted moving average up to the last window, against control limits around the baseline's mean
    /// (Roberts 1959).
    Ewma,
}

/// Which side of what is expected counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Only what is larger.
    Above,
    /// Only what is smaller.
    Below,
    /// Either.
    #[default]
    Both,
}

/// Windows of a baseline at most: two weeks of five minutes are 4,032.
const MOST_WINDOWS: u128 = 5_000;

fn five_minutes() -> DurationText {
    DurationText(Duration::from_secs(300))
}

fn a_day() -> DurationText {
    DurationText(Duration::from_secs(86_400))
}

fn twelve() -> usize {
    12
}

fn a_fifth() -> f64 {
    0.2
}

impl Config {
    /// A rule on the mean of a metric over five minutes against those of a day, by the modified z-score, to both sides.
    pub fn on(metric: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            aggregate: Aggregate::Mean,
            method: Method::Mad,
            above: None,
            critical: None,
            direction: Direction::Both,
            window: five_minutes(),
            baseline: a_day(),
            min_windows: twelve(),
            min_deviation: 0.0,
            smoothing: a_fifth(),
        }
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When its metric cannot be read, or the windows do not fit into the baseline.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(Vec::new())
    }

    fn rule(&self, by: Vec<Text>) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Anomaly {
            measure: Measure::new(&self.metric, by)?,
            limits: self.limits()?,
            baseline: Baseline::new(self.window.0, self.windows() as usize, self.aggregate),
            config: self.clone(),
        }))
    }

    /// How many windows the baseline has.
    fn windows(&self) -> u128 {
        self.baseline.0.as_micros().checked_div(self.window.0.as_micros()).unwrap_or(0)
    }

    fn limits(&self) -> Result<Limits, Invalid> {
        let usual = match self.method {
            Method::Mad => 3.5,
            Method::Ewma => 3.0,
        };
        let above = self.above.unwrap_or(usual);
        if above < 0.0 {
            return Err(Invalid::key(
                "above",
                "must not be below 0: it is a number of deviations; for the side set `direction`",
            ));
        }
        Limits::new(Some(above), None, self.critical)
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("metric", &self.metric)?;
        check_length("window", self.window.0)?;
        let (windows, few) = (self.windows(), self.min_windows as u128);
        if windows > MOST_WINDOWS {
            let message =
                format!("has {windows} windows, more than {MOST_WINDOWS}: make it shorter, or `window` longer");
            return Err(Invalid::key("baseline", message));
        }
        if windows < 3 {
            return Err(Invalid::key(
                "baseline",
                "must be at least three times `window`: fewer windows have no spread",
            ));
        }
        if !(3..=windows).contains(&few) {
            let message = format!("must be at least 3, and at most {windows}: so many windows the baseline has");
            return Err(Invalid::key("min_windows", message));
        }
        if !(self.min_deviation.is_finite() && self.min_deviation >= 0.0) {
            return Err(Invalid::key("min_deviation", "must be a finite number, at least 0"));
        }
        if !(self.smoothing > 0.0 && self.smoothing <= 1.0) {
            return Err(Invalid::key("smoothing", "must be above 0 and at most 1, as in 0.2"));
        }
        self.limits().map(drop)
    }
}

impl RuleConfig for Config {
    fn bound(&self) -> Option<Bound> {
        self.limits().ok().map(Limits::bound)
    }

    fn reach(&self) -> Option<Duration> {
        Some(self.baseline.0.saturating_add(self.window.0))
    }

    fn names(&self) -> Vec<Text> {
        ["now", "expected", "deviation", "windows"].map(Text::new_static).into()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(context.by.clone())
    }
}

struct Anomaly {
    measure: Measure,
    limits: Limits,
    baseline: Baseline,
    config: Config,
}

impl Anomaly {
    fn score(&self, values: &[f64], latest: f64) -> Score {
        let Config { method, min_deviation, smoothing, .. } = &self.config;
        match method {
            Method::Mad => Score::modified_z(values, latest, *min_deviation),
            Method::Ewma => Score::ewma(values, latest, *min_deviation, *smoothing),
        }
    }
}

impl Rule for Anomaly {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let Config { aggregate, direction, window, min_windows, .. } = self.config.clone();
        self.baseline.advance(&mut self.measure, store, now.minus(window.0));
        let mut readings = Vec::new();
        for (labels, stats) in self.measure.read_last(store, window.0, now) {
            let values = self.baseline.values(&labels);
            let latest = stats.map(|stats| stats.get(aggregate)).filter(|_| values.len() >= min_windows);
            let distance = latest.map(|latest| self.score(&values, latest));
            let value = distance.map(|distance| match direction {
                Direction::Above => distance.deviations(),
                Direction::Below => -distance.deviations(),
                Direction::Both => distance.deviations().abs(),
            });
            let more = distance.map_or_else(Vec::new, |Score { now, expected, deviation }| {
                let windows = values.len() as f64;
                let numbers = [("now", now), ("expected", expected), ("deviation", deviation), ("windows", windows)];
                numbers.map(|(name, number)| (Text::new_static(name), number)).into()
            });
            readings.push(Reading { stats, more, ..self.limits.reading(labels, value) });
        }
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let Config { metric, aggregate, method, .. } = &self.config;
        let number = |name| reading.more.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
        let (now, expected, deviation) = (number("now")?, number("expected")?, number("deviation")?);
        let smoothed = if *method == Method::Ewma { ", smoothed," } else { "" };
        let side = if now < expected { "below" } else { "above" };
        let (far, limit) = (short(((now - expected) / deviation).abs()), short(reading.limit?));
        let (now, expected) = (short(now), short(expected));
        Some(format!(
            "{aggregate} of {metric}{smoothed} is {now}, {far} deviations {side} the usual {expected}; the limit is {limit}"
        ))
    }

    fn doubt(&self) -> Option<String> {
        self.measure.doubt()
    }
}

#[cfg(all(test, feature = "default"))]
mod tests;
