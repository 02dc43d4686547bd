//! `threshold`: an aggregate of a metric above or below a limit.

use std::time::Duration;

use monitor_core::component::{
    BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate, Verdict,
};
use monitor_core::config::DurationText;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, NoSuchMetric, Selector, Store, Window, WindowStats};
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

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
        Self { metric: metric.into(), aggregate: Aggregate::Mean, above: None, below: None, window: five_minutes() }
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
        let limit = match (self.above, self.below) {
            (Some(limit), None) => Limit::Above(limit),
            (None, Some(limit)) => Limit::Below(limit),
            _ => return Err("a threshold has one limit, `above` or `below`".into()),
        };
        Ok(Box::new(Threshold {
            selector: self.metric.parse()?,
            aggregate: self.aggregate,
            limit,
            window: self.window.0,
            by,
            unknown: None,
        }))
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        self.metric.parse::<Selector>().map_err(|error| Invalid::key("metric", error.to_string()))?;
        if self.window.0.is_zero() {
            return Err(Invalid::key("window", "must be longer than nothing"));
        }
        match (self.above, self.below) {
            (None, None) => Err(Invalid::table("set one of `above` and `below`")),
            (Some(_), Some(_)) => Err(Invalid::table("`above` and `below` cannot both be set: make two rules of it")),
            (Some(limit), None) if !limit.is_finite() => Err(Invalid::key("above", "must be a finite number")),
            (None, Some(limit)) if !limit.is_finite() => Err(Invalid::key("below", "must be a finite number")),
            _ => Ok(()),
        }
    }
}

impl RuleConfig for Config {
    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        self.rule(context.by.clone())
    }
}

enum Limit {
    Above(f64),
    Below(f64),
}

struct Threshold {
    selector: Selector,
    aggregate: Aggregate,
    limit: Limit,
    window: Duration,
    by: Vec<Text>,
    unknown: Option<NoSuchMetric>,
}

impl Rule for Threshold {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let window = Window::last(self.window, now);
        self.unknown = None;
        if self.by.is_empty() {
            let stats = store.stats(&self.selector, window).map_err(|unknown| self.unknown = Some(unknown));
            return vec![self.reading(Labels::NONE, stats.ok().flatten())];
        }
        let groups = store.stats_by(&self.selector, window, &self.by).map_err(|unknown| self.unknown = Some(unknown));
        groups.unwrap_or_default().into_iter().map(|group| self.reading(group.labels, Some(group.stats))).collect()
    }

    /// A metric that nobody has sent yet is no mistake; one that is misspelt is.
    fn doubt(&self) -> Option<String> {
        self.unknown.as_ref().filter(|unknown| unknown.nearest.is_some()).map(ToString::to_string)
    }
}

impl Threshold {
    fn reading(&self, labels: Labels, stats: Option<WindowStats>) -> Reading {
        let value = stats.map(|stats| stats.get(self.aggregate));
        let verdict = match (value, &self.limit) {
            (None, _) => Verdict::NoData,
            (Some(value), Limit::Above(limit)) if value > *limit => Verdict::Breached,
            (Some(value), Limit::Below(limit)) if value < *limit => Verdict::Breached,
            _ => Verdict::Clear,
        };
        Reading { labels, verdict, value, stats }
    }
}

#[cfg(test)]
mod tests {

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
