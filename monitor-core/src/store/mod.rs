//! The windowed store: the samples of the recent past, by series, and the answers about any window of them.
//!
//! One thread writes (whoever drains the bus), any number read. It is bounded in age, in series and in bytes; what the
//! bounds cost is counted in [`Bounds`].

mod inner;
mod selector;
mod series;
mod stats;
mod tokens;

pub use selector::{ParseSelectorError, Selector};
pub use stats::{Aggregate, UnknownAggregate, WindowStats};
pub use tokens::{ModelTokens, TokenUsage, Usage};

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use inner::Inner;

use crate::sample::{Labels, Sample};
use crate::suggest::nearest;
use crate::{Text, Timestamp};

/// What the store keeps at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Samples older than this, seen from the newest, are let go.
    pub raw_retention: Duration,
    /// Series beyond this many are counted in one series of their metric, labelled `overflow=other`.
    pub max_series: usize,
    /// Bytes of samples; beyond them the oldest are let go, whatever their age.
    pub max_bytes: u64,
}

impl Default for Limits {
    /// A day, 100,000 series, 512 MiB.
    fn default() -> Self {
        Self { raw_retention: Duration::from_secs(86_400), max_series: 100_000, max_bytes: 512 << 20 }
    }
}

/// A window of time: `[end - length, end]`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment in it.
    pub start: Timestamp,
    /// The last moment in it.
    pub end: Timestamp,
}

impl Window {
    /// The last `length` up to `now`.
    pub fn last(length: Duration, now: Timestamp) -> Self {
        Self { start: now.minus(length), end: now }
    }

    /// All of time.
    pub const ALL: Self = Self { start: Timestamp::from_micros(i64::MIN), end: Timestamp::from_micros(i64::MAX) };

    /// Seconds from end to end.
    pub fn seconds(&self) -> f64 {
        self.end.since(self.start).as_secs_f64()
    }
}

/// The store has never seen the metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no metric `{name}`{}", nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
pub struct NoSuchMetric {
    /// What was asked for.
    pub name: Text,
    /// The nearest name there is.
    pub nearest: Option<Text>,
}

/// A group of series and the statistics of its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The labels that were grouped by, as far as the series have them.
    pub labels: Labels,
    /// The statistics.
    pub stats: WindowStats,
}

/// A metric that the store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSummary {
    /// Its name.
    pub name: Text,
    /// How many series it has.
    pub series: usize,
    /// How many samples are held.
    pub samples: usize,
}

/// What the store holds and what its bounds have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Bounds {
    /// Series held.
    pub series: usize,
    /// Samples held.
    pub samples: u64,
    /// Samples let go for their age.
    pub expired: u64,
    /// Samples let go to stay within `max_bytes`.
    pub evicted: u64,
    /// Samples that came in older than what is kept.
    pub too_old: u64,
    /// Samples counted under `overflow=other`, as there were too many series.
    pub overflowed: u64,
}

/// The windowed store. See the module.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self { inner: RwLock::new(Inner::new(limits)) }
    }

    /// Adds samples, in any order of time. Age is seen from the newest sample, but from no later than `now`: a sample from
    /// the future does not make all others old.
    pub fn insert(&self, samples: &[Sample], now: Timestamp) {
        self.write().insert_all(samples, now);
    }

    /// Statistics of all series that `selector` selects, as one. `Ok(None)`: the metric is known, but has no samples in
    /// the window.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn stats(&self, selector: &Selector, window: Window) -> Result<Option<WindowStats>, NoSuchMetric> {
        let inner = self.read();
        let series = inner.select(selector)?;
        Ok(WindowStats::of(series.iter().map(|(_, points)| points.slice(window)), window))
    }

    /// Statistics by the values of `labels`, sorted by them; groups without samples in the window are left out.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn stats_by(&self, selector: &Selector, window: Window, labels: &[Text]) -> Result<Vec<Group>, NoSuchMetric> {
        let inner = self.read();
        let mut groups: BTreeMap<Labels, Vec<_>> = BTreeMap::new();
        for (key, points) in inner.select(selector)? {
            groups.entry(key.labels().only(labels)).or_default().push(points.slice(window));
        }
        Ok(groups
            .into_iter()
            .filter_map(|(labels, slices)| Some(Group { labels, stats: WindowStats::of(slices, window)? }))
            .collect())
    }

    /// The samples in a window, in the order of time.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn points(&self, selector: &Selector, window: Window) -> Result<Vec<(Timestamp, f64)>, NoSuchMetric> {
        let inner = self.read();
        let mut points: Vec<_> =
            inner.select(selector)?.iter().flat_map(|(_, points)| points.slice(window).iter()).collect();
        points.sort_by_key(|(time, _)| *time);
        Ok(points)
    }

    /// The metrics that the store holds, sorted by name.
    pub fn metrics(&self) -> Vec<MetricSummary> {
        self.read().metrics()
    }

    /// The earliest and the latest moment of which samples are held.
    pub fn extent(&self) -> Option<Window> {
        self.read().extent()
    }

    /// What is held and what the bounds have cost.
    pub fn bounds(&self) -> Bounds {
        self.read().bounds()
    }

    // A panic while writing leaves at worst the samples of one batch half in.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_metric<'a>(name: &Text, known: impl Iterator<Item = &'a str>) -> NoSuchMetric {
    NoSuchMetric { name: name.clone(), nearest: nearest(name, known).map(Text::new) }
}

#[cfg(test)]
mod tests;
