//! `drift`: the distribution of a metric, or of a label, is not what it was in a baseline.

mod distance;

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::component::{Bound, BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
use monitor_core::config::DurationText;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Store, Window};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{Limits, short};
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "drift"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "drift",
    "holds while the distribution of a metric or of a label differs from that of a baseline",
    include_str!("sample.toml"),
);

/// The keys of a `drift` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// The label of its series of which the distribution is meant: how many samples each of its values has. Without it, the
    /// distribution of the metric's own values.
    pub label: Option<Text>,
    /// How two distributions are compared.
    #[serde(default)]
    pub method: Method,
    /// It holds while the distance is above this.
    #[serde(default = "a_quarter")]
    pub above: f64,
    /// Past this its alerts are critical.
    pub critical: Option<f64>,
    /// Over how long.
    #[serde(default = "an_hour")]
    pub window: DurationText,
    /// How long the baseline is, which lies just before the window.
    #[serde(default = "a_day")]
    pub baseline: DurationText,
    /// With fewer samples than this in the window or in the baseline there is no data.
    #[serde(default = "a_hundred")]
    pub min_each: u64,
}

/// How two distributions are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The population stability index over the deciles of the baseline, or over the values of the label.
    #[default]
    Psi,
    /// The statistic of Kolmogorov and Smirnov for two samples: the largest difference of their cumulative shares, from 0 to 1. Not
    /// for labels.
    Ks,
}

fn a_quarter() -> f64 {
    0.25
}

fn an_hour() -> DurationText {
    DurationText(Duration::from_secs(3_600))
}

fn a_day() -> DurationText {
    DurationText(Duration::from_secs(86_400))
}

fn a_hundred() -> u64 {
    100
}

impl Config {
    /// A rule on the values of a metric in an hour against those of the day before, by the population stability index.
    pub fn on(metric: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            label: None,
            method: Method::Psi,
            above: a_quarter(),
            critical: None,
            window: an_hour(),
            baseline: a_day(),
            min_each: a_hundred(),
        }
    }

    /// The rule, for a program that composes its own pipeline.
    ///
    /// # Errors
    /// When its metric cannot be read, or it can never hold.
    pub fn build(&self) -> Result<Box<dyn Rule>, BoxError> {
        self.validate()?;
        self.rule(&[])
    }

    fn rule(&self, by: &[Text]) -> Result<Box<dyn Rule>, BoxError> {
        let of_label = match &self.label {
            Some(label) if by.contains(label) => {
                return Err(format!(
                    "`by` holds `{label}`, the label of the distribution: each group has one value of it"
                )
                .into());
            }
            Some(label) => {
                let by = by.iter().chain([label]).cloned().collect();
                Some(OfLabel { label: label.clone(), measure: Measure::new(&self.metric, by)?, is_seen: true })
            }
            None => None,
        };
        let (measure, limits) = (Measure::new(&self.metric, by.to_vec())?, self.limits()?);
        Ok(Box::new(Drift { measure, of_label, by: by.to_vec(), limits, config: self.clone() }))
    }

    fn limits(&self) -> Result<Limits, Invalid> {
        Limits::new(Some(self.above), None, self.critical)
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        check_metric("metric", &self.metric)?;
        check_length("window", self.window.0)?;
        if self.baseline.0 < self.window.0 {
            let window = format_duration(self.window.0);
            return Err(Invalid::key(
                "baseline",
                format!("must be at least `window`, {window}: it tells what is usual"),
            ));
        }
        if self.label.as_ref().is_some_and(Text::is_empty) {
            return Err(Invalid::key("label", "must be the name of a label, as in \"finish_reason\""));
        }
        if self.label.is_some() && self.method == Method::Ks {
            return Err(Invalid::key(
                "method",
                "\"ks\" compares numbers, which have an order: for a label take \"psi\"",
            ));
        }
        if self.above < 0.0 {
            return Err(Invalid::key("above", "must be at least 0: no distance is less, so it would always hold"));
        }
        if self.method == Method::Ks {
            for (key, limit) in [("above", Some(self.above)), ("critical", self.critical)] {
                if limit.is_some_and(|limit| limit >= 1.0) {
                    return Err(Invalid::key(
                        key,
                        "must be below 1: no distance of \"ks\" is more, so it could never hold",
                    ));
                }
            }
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
        vec![Text::new_static("baseline")]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(&context.by)
    }
}

struct Drift {
    measure: Measure,
    of_label: Option<OfLabel>,
    by: Vec<Text>,
    limits: Limits,
    config: Config,
}

/// The metric by the values of the label, beside the groups.
struct OfLabel {
    label: Text,
    measure: Measure,
    /// Whether any series has the label.
    is_seen: bool,
}

/// How many samples the baseline and the window have of each bin.
type Pairs = Vec<(u64, u64)>;

impl OfLabel {
    fn counts(&mut self, store: &Store, window: Window, by: &[Text]) -> BTreeMap<Labels, BTreeMap<Text, u64>> {
        let mut groups: BTreeMap<Labels, BTreeMap<Text, u64>> = BTreeMap::new();
        for (labels, stats) in self.measure.groups(store, window, Aggregate::Count) {
            let value = labels.get(&self.label).cloned().unwrap_or_default();
            groups.entry(labels.only(by)).or_default().insert(value, stats.count);
        }
        groups
    }

    fn pairs(&mut self, store: &Store, baseline: Window, window: Window, by: &[Text]) -> BTreeMap<Labels, Pairs> {
        let (before, mut now) = (self.counts(store, baseline, by), self.counts(store, window, by));
        let mut values = before.values().chain(now.values()).flat_map(BTreeMap::keys).peekable();
        self.is_seen = values.peek().is_none() || values.any(|value| !value.is_empty());
        let pair = |(labels, before): (Labels, BTreeMap<Text, u64>)| {
            let mut now = now.remove(&labels).unwrap_or_default();
            let mut pairs: Pairs =
                before.iter().map(|(value, count)| (*count, now.remove(value).unwrap_or(0))).collect();
            pairs.extend(now.into_values().map(|count| (0, count)));
            (labels, pairs)
        };
        before.into_iter().map(pair).collect()
    }
}

impl Drift {
    /// Of each group: how many samples the baseline has, and the distance if both have enough.
    fn distances(&mut self, store: &Store, now: Timestamp) -> BTreeMap<Labels, (u64, Option<f64>)> {
        let Config { method, window, baseline, min_each, .. } = &self.config;
        let (window, baseline) = (Window::last(window.0, now), Window::last(baseline.0, now.minus(window.0)));
        let total = |pairs: &Pairs| pairs.iter().fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        let rated = |(labels, pairs): (Labels, Pairs), distance: fn(&[(u64, u64)]) -> f64| {
            let (before, now) = total(&pairs);
            let is_enough = before.min(now) >= (*min_each).max(1);
            (labels, (before, is_enough.then(|| distance(&pairs))))
        };
        if let Some(of_label) = &mut self.of_label {
            let pairs = of_label.pairs(store, baseline, window, &self.by);
            return pairs.into_iter().map(|pairs| rated(pairs, distance::psi)).collect();
        }
        let before = self.measure.distributions(store, baseline);
        let mut now: BTreeMap<Labels, Vec<(f64, u64)>> =
            self.measure.distributions(store, window).into_iter().map(|group| (group.labels, group.values)).collect();
        let distances = before.into_iter().map(|before| {
            let now = now.remove(&before.labels).unwrap_or_default();
            match method {
                Method::Psi => rated((before.labels, distance::by_deciles(&before.values, &now)), distance::psi),
                Method::Ks => rated((before.labels, distance::by_values(&before.values, &now)), distance::ks),
            }
        });
        distances.collect()
    }
}

impl Rule for Drift {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let distances = self.distances(store, now);
        let mut readings = Vec::new();
        for (labels, stats) in self.measure.read_last(store, self.config.window.0, now) {
            let (before, distance) = distances.get(&labels).copied().unwrap_or((0, None));
            let more = vec![(Text::new_static("baseline"), before as f64)];
            readings.push(Reading { stats, more, ..self.limits.reading(labels, distance) });
        }
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let Config { metric, label, method, window, baseline, .. } = &self.config;
        let what = label.as_ref().map_or_else(|| metric.clone(), |label| format!("{label} of {metric}"));
        let (window, baseline) = (format_duration(window.0), format_duration(baseline.0));
        let name = match method {
            Method::Psi => "PSI",
            Method::Ks => "KS",
        };
        let (value, limit) = (short(reading.value?), self.limits.words(reading));
        Some(format!(
            "{what} in {window} is distributed otherwise than in the {baseline} before: {name} is {value}, {limit}"
        ))
    }

    fn doubt(&self) -> Option<String> {
        let unlabelled = self.of_label.as_ref().filter(|of_label| !of_label.is_seen);
        let unlabelled = unlabelled
            .map(|OfLabel { label, .. }| format!("no series of `{}` has the label `{label}`", self.config.metric));
        self.measure.doubt().or(unlabelled)
    }
}

#[cfg(all(test, feature = "default"))]
mod tests;
