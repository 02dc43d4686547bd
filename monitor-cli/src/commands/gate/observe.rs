//! What a rule reads while it is evaluated, noted on the way to its host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use monitor_core::component::{BoxError, Context, Reading, Rule, RuleConfig, Verdict};
use monitor_core::config::{Entry, RuleSettings};
use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::store::Store;
use monitor_core::{Text, Timestamp};

/// What a rule has read.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// At the last evaluation, of all groups the one whose value was the worst; none without data.
    pub(super) last: Option<Read>,
    /// The same over all evaluations.
    pub(super) worst: Option<Read>,
    /// Why the rule may never hold, as of the last evaluation: its metric is misspelt.
    pub(super) doubt: Option<String>,
}

/// One reading.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) time: Timestamp,
    pub(super) value: Option<f64>,
    pub(super) limit: Option<f64>,
    pub(super) labels: Labels,
    /// Its level, if it is graver than the rule.
    graver: Option<Level>,
    /// Whether the condition holds where no number tells how much.
    holds: bool,
    /// How far out the value is, on the side on which the condition holds.
    out: f64,
}

impl Read {
    fn of(reading: &Reading, level: Level, time: Timestamp) -> Self {
        let Reading { value, limit, .. } = *reading;
        // The limit can be another one each time, so values are compared with each other rather than with it.
        let out = value.filter(|_| limit.is_some()).map(|value| if reading.below { -value } else { value });
        Self {
            time,
            value,
            limit,
            labels: reading.labels.clone(),
            graver: reading.level.filter(|graver| *graver > level),
            holds: out.is_none() && reading.verdict == Verdict::Breached,
            out: out.unwrap_or(f64::NEG_INFINITY),
        }
    }

    fn or_worse(self, other: Self) -> Self {
        let order = (other.graver, other.holds).cmp(&(self.graver, self.holds)).then(other.out.total_cmp(&self.out));
        if order.is_gt() { other } else { self }
    }
}

/// Has a rule observed from when it is opened.
pub(super) fn observe(entry: &mut Entry<dyn RuleConfig, RuleSettings>) -> Arc<Mutex<Observed>> {
    let observed = Arc::new(Mutex::new(Observed::default()));
    let RuleSettings { level, min_samples, .. } = entry.settings;
    let observing = Arc::clone(&observed);
    replace(&mut entry.config, |config| Box::new(Observing { config, level, min_samples, observed: observing }));
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
    level: Level,
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
        let (rule, observed) = (self.config.open(context)?, Arc::clone(&self.observed));
        Ok(Box::new(ObservedRule { rule, level: self.level, min_samples: self.min_samples, observed }))
    }
}

struct ObservedRule {
    rule: Box<dyn Rule>,
    level: Level,
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
        let reads = readings.iter().filter(enough).map(|reading| Read::of(reading, self.level, now));
        let worst = reads.reduce(Read::or_worse);
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.worst = [observed.worst.take(), worst.clone()].into_iter().flatten().reduce(Read::or_worse);
        observed.last = worst;
        observed.doubt = self.rule.doubt();
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
