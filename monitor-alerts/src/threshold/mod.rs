//! `threshold`: an aggregate of a metric above or below a limit.

use std::time::Duration;

use monitor_core::component::{BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate};
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

#[cfg(test)]
mod tests {
    use monitor_core::component::Verdict;
    use monitor_core::sample::{Samples, SeriesKey, SeriesSet};
    use monitor_core::store::Limits;

    use super::*;

    fn store(values: &[(i64, f64, &str)]) -> Store {
        let store = Store::new(Limits::default());
        for (second, value, model) in values {
            let labels = [("model_name", *model)].into_iter().collect();
            let series = SeriesSet::new([SeriesKey::new("m", labels).into()]);
            let mut samples = Samples::default();
            samples.push(Timestamp::from_secs(*second), &series, &[*value]);
            store.insert(&samples, Timestamp::MAX);
        }
        store
    }

    fn verdicts(config: &Config, by: &[&str], store: &Store, now: i64) -> Vec<(String, Verdict, Option<f64>)> {
        let mut rule = config.rule(by.iter().map(Text::new).collect()).expect("valid");
        let readings = rule.evaluate(store, Timestamp::from_secs(now));
        readings.into_iter().map(|r| (r.labels.to_string(), r.verdict, r.value)).collect()
    }

    #[test]
    fn comparison_is_strict_and_both_ends_belong_to_the_window() {
        let config = Config::on("m").above(2.0).window(Duration::from_secs(10));
        let store = store(&[(0, 1.0, "a"), (10, 3.0, "a")]);
        let one = |verdict, value| vec![(String::new(), verdict, value)];
        assert_eq!(verdicts(&config, &[], &store, 10), one(Verdict::Clear, Some(2.0)));
        assert_eq!(verdicts(&config, &[], &store, 11), one(Verdict::Breached, Some(3.0)));
        assert_eq!(verdicts(&config, &[], &store, 20), one(Verdict::Breached, Some(3.0)));
        assert_eq!(verdicts(&config, &[], &store, 21), one(Verdict::NoData, None));
        assert_eq!(verdicts(&Config::on("unknown").below(1.0), &[], &store, 10), one(Verdict::NoData, None));
    }

    #[test]
    fn each_group_has_a_reading_of_its_own() {
        let config = Config::on("m").below(2.0).aggregate(Aggregate::Max);
        let store = store(&[(1, 1.0, "a"), (2, 3.0, "b")]);
        assert_eq!(
            verdicts(&config, &["model_name"], &store, 10),
            [
                ("{model_name=a}".to_owned(), Verdict::Breached, Some(1.0)),
                ("{model_name=b}".to_owned(), Verdict::Clear, Some(3.0)),
            ]
        );
    }

    #[test]
    fn a_misspelt_metric_is_doubted_one_that_has_not_come_is_not() {
        let store = store(&[(1, 1.0, "a")]);
        let doubt = |metric: &str| {
            let mut rule = Config::on(metric).above(1.0).build().expect("valid");
            rule.evaluate(&store, Timestamp::from_secs(1));
            rule.doubt()
        };
        assert_eq!(doubt("mm"), Some("no metric `mm`; did you mean `m`?".to_owned()));
        assert_eq!((doubt("m"), doubt("something_else")), (None, None));
    }

    #[test]
    fn one_limit_it_must_have() {
        let wrong = |config: Config| config.build().map(drop).expect_err("no rule").to_string();
        assert_eq!(wrong(Config::on("m")), "set one of `above` and `below`");
        assert_eq!(
            wrong(Config::on("m").above(1.0).below(2.0)),
            "`above` and `below` cannot both be set: make two rules of it"
        );
        assert_eq!(wrong(Config::on("m").above(f64::NAN)), "must be a finite number");
        assert!(wrong(Config::on("m{a").above(1.0)).starts_with("`m{a` is not a metric"));
    }
}
