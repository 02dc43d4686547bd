//! What a rule reads while it is evaluated, noted on the way to its host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use monitor_core::component::{BoxError, Context, Reading, Rule, RuleConfig, Verdict};
use monitor_core::config::{Entry, RuleSettings};
use monitor_core::sample::Labels;
use monitor_core::store::Store;
use monitor_core::{Text, Timestamp};

/// What a rule has read.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// At the last evaluation, of all groups the one that was farthest past its limit, or least within it; none without data.
    pub(super) last: Option<Read>,
    /// The same over all evaluations.
    pub(super) worst: Option<Read>,
}

/// One reading.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) time: Timestamp,
    pub(super) value: Option<f64>,
    pub(super) limit: Option<f64>,
    pub(super) labels: Labels,
    /// How far past the limit; less than zero within it.
    past: f64,
}

impl Read {
    fn of(reading: &Reading, time: Timestamp) -> Self {
        let distance = reading.value.zip(reading.limit).map_or(0.0, |(value, limit)| (value - limit).abs());
        let past = if reading.verdict == Verdict::Breached { distance } else { -distance };
        Self { time, value: reading.value, limit: reading.limit, labels: reading.labels.clone(), past }
    }

    fn or_worse(self, other: Self) -> Self {
        if other.past.total_cmp(&self.past).is_gt() { other } else { self }
    }
}

/// Has a rule observed from when it is opened.
pub(super) fn observe(entry: &mut Entry<dyn RuleConfig, RuleSettings>) -> Arc<Mutex<Observed>> {
    let observed = Arc::new(Mutex::new(Observed::default()));
    let min_samples = entry.settings.min_samples;
    replace(&mut entry.config, |config| Box::new(Observing { config, min_samples, observed: Arc::clone(&observed) }));
    observed
}

fn replace(config: &mut Box<dyn RuleConfig>, by: impl FnOnce(Box<dyn RuleConfig>) -> Box<dyn RuleConfig>) {
    struct Nothing;
    impl RuleConfig for Nothing {
        fn open(&self, _: &Context) -> Result<Box<dyn Rule>, BoxError> {
            Err("it is only held for a moment".into())
        }
    }
    *config = by(std::mem::replace(config, Box::new(Nothing)));
}

struct Observing {
    config: Box<dyn RuleConfig>,
    min_samples: u64,
    observed: Arc<Mutex<Observed>>,
}

impl RuleConfig for Observing {
    fn reach(&self) -> Option<Duration> {
        self.config.reach()
    }

    fn names(&self) -> Vec<Text> {
        self.config.names()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        let rule = self.config.open(context)?;
        Ok(Box::new(ObservedRule { rule, min_samples: self.min_samples, observed: Arc::clone(&self.observed) }))
    }
}

struct ObservedRule {
    rule: Box<dyn Rule>,
    min_samples: u64,
    observed: Arc<Mutex<Observed>>,
}

impl Rule for ObservedRule {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let readings = self.rule.evaluate(store, now);
        // As the host judges it.
        let enough = |reading: &&Reading| {
            reading.verdict != Verdict::NoData && reading.stats.is_none_or(|stats| stats.count >= self.min_samples)
        };
        let worst = readings.iter().filter(enough).map(|reading| Read::of(reading, now)).reduce(Read::or_worse);
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.worst = [observed.worst.take(), worst.clone()].into_iter().flatten().reduce(Read::or_worse);
        observed.last = worst;
        drop(observed);
        readings
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        self.rule.message(reading)
    }

    fn doubt(&self) -> Option<String> {
        self.rule.doubt()
    }
}
