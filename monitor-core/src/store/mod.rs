//! The windowed store: the samples of the recent past, by series, and the answers about any window of them.
//!
//! One thread writes (whoever drains the bus), any number read. It is bounded in age, in series and in bytes; what the
//! bounds cost is counted in [`Bounds`].

mod codec;
mod gather;
mod group;
mod index;
mod limits;
mod node;
mod open;
mod query;
mod rollup;
mod saved;
mod selector;
mod series;
mod sketch;
mod stats;
mod summary;
mod sync;
mod tokens;
mod writer;

pub use limits::{Bounds, Limits};
pub use query::{Distribution, Group, GroupRange, MOST_STEPS, Percentiles, Query, RangeError, Steps};
pub(crate) use saved::{SavedStore, Unusable};
pub use selector::{ParseSelectorError, Selector};
pub use stats::{Aggregate, UnknownAggregate, WindowStats};
pub use tokens::{ModelTokens, TokenUsage, Usage};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use index::{Index, List};
use node::Press;
use series::Series;
use sketch::Bins;
use sync::{Arc, Shared};
use writer::Writer;

use crate::sample::{Samples, SeriesKey, family};
use crate::suggest::nearest;
use crate::{Text, Timestamp};

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

    fn of_micros((start, end): (i64, i64)) -> Self {
        Self { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
    }

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

/// A metric that the store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricSummary {
    /// Its name.
    pub name: Text,
    /// How many series it has.
    pub series: usize,
    /// How many samples are held, one by one or in buckets.
    pub samples: u64,
    /// The labels of its series, and how many values each has.
    pub labels: BTreeMap<Text, usize>,
    /// From its earliest sample to its latest.
    pub extent: Option<Window>,
}

impl MetricSummary {
    fn of(name: &Text, series: &List) -> Self {
        let mut values: BTreeMap<&Text, BTreeSet<&Text>> = BTreeMap::new();
        for (label, value) in series.iter().flat_map(|series| series.key().labels().iter()) {
            values.entry(label).or_default().insert(value);
        }
        let extents = series.iter().filter_map(|series| series.state().extent());
        let extent = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        Self {
            name: name.clone(),
            series: series.len(),
            samples: series.iter().map(|series| series.state().count()).sum(),
            labels: values.into_iter().map(|(label, values)| (label.clone(), values.len())).collect(),
            extent: extent.map(Window::of_micros),
        }
    }
}

/// The windowed store. See the module.
#[derive(Debug)]
pub struct Store {
    /// What readers go by.
    index: Shared<Index>,
    bins: Bins,
    writer: Mutex<Writer>,
    /// What the writer has last said of itself: whoever asks for it waits for no batch.
    told: Mutex<Told>,
}

/// What the bounds have cost.
#[derive(Clone, Debug, Default)]
struct Told {
    bounds: Bounds,
    overflowing: Arc<BTreeMap<Text, u64>>,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        let bins = Bins::new(limits.percentile_error.clamp(1e-3, 0.5));
        let writer = Writer::new(limits, Press::new(bins));
        let index = Shared::new(Arc::new(Index::default()));
        Self { index, bins, writer: Mutex::new(writer), told: Mutex::default() }
    }

    /// Adds samples, in any order of time. Age is seen from the newest sample, but from no later than `now`: a sample from
    /// the future does not make all others old.
    pub fn insert(&self, samples: &Samples, now: Timestamp) {
        self.insert_some(samples, 0..samples.events(), now);
    }

    /// Adds the samples of some of the events.
    pub(crate) fn insert_some(&self, samples: &Samples, events: Range<usize>, now: Timestamp) {
        let mut writer = self.write();
        writer.insert(samples, events, now);
        self.publish(&mut writer);
    }

    /// Compresses what has come since, where that saves room. Not needed for anything but to free memory early.
    pub fn compact(&self) {
        let mut writer = self.write();
        writer.squeeze();
        self.publish(&mut writer);
    }

    /// Statistics of all series that `selector` selects, as one. `Ok(None)`: the metric is known, but has no samples in
    /// the window.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn stats(&self, selector: &Selector, window: Window) -> Result<Option<WindowStats>, NoSuchMetric> {
        let groups = self.query(&Query::new(selector.clone()), window)?;
        Ok(groups.into_iter().next().map(|group| group.stats))
    }

    /// Statistics by the values of `labels`, sorted by them; groups without samples in the window are left out.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn stats_by(&self, selector: &Selector, window: Window, labels: &[Text]) -> Result<Vec<Group>, NoSuchMetric> {
        self.query(&Query::new(selector.clone()).by(labels), window)
    }

    /// The samples in a window, in the order of time. What is only kept in buckets is not among them.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn points(&self, selector: &Selector, window: Window) -> Result<Vec<(Timestamp, f64)>, NoSuchMetric> {
        let mut points = Vec::new();
        for series in self.select(selector)? {
            series.state().points(window, &mut points);
        }
        points.sort_by_key(|(time, _)| *time);
        Ok(points.into_iter().map(|(time, value)| (Timestamp::from_micros(time), value)).collect())
    }

    /// Shows the samples in a window, series by series in the order of their names and labels, those of a series in the
    /// order of time. What is only kept in buckets is not among them.
    pub fn each_series(&self, window: Window, mut each: impl FnMut(&SeriesKey, &[(Timestamp, f64)])) {
        let index = self.index.get();
        let (mut points, mut shown) = (Vec::new(), Vec::new());
        for (_, series) in index.sorted() {
            let mut series: Vec<&Arc<Series>> = series.iter().collect();
            series.sort_by_cached_key(|series| series.key().labels().to_string());
            for series in series {
                points.clear();
                series.state().points(window, &mut points);
                points.sort_by_key(|(time, _)| *time);
                shown.clear();
                shown.extend(points.iter().map(|(time, value)| (Timestamp::from_micros(*time), *value)));
                each(series.key(), &shown);
            }
        }
    }

    /// The metrics that the store holds, sorted by name.
    pub fn metrics(&self) -> Vec<MetricSummary> {
        let index = self.index.get();
        index.sorted().into_iter().map(|(name, series)| MetricSummary::of(name, series)).collect()
    }

    /// The earliest and the latest moment of which samples are held.
    pub fn extent(&self) -> Option<Window> {
        let index = self.index.get();
        let series = index.sorted().into_iter().flat_map(|(_, series)| series.iter());
        let extents = series.filter_map(|series| series.state().extent());
        extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).map(Window::of_micros)
    }

    /// What is held and what the bounds have cost.
    pub fn bounds(&self) -> Bounds {
        self.told().bounds
    }

    /// Metrics with more series than are kept apart, and how many of their samples are counted under `overflow=other`;
    /// the first hundred of them.
    pub fn overflowing(&self) -> Vec<(Text, u64)> {
        self.told().overflowing.iter().map(|(metric, count)| (metric.clone(), *count)).collect()
    }

    fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn select(&self, selector: &Selector) -> Result<Vec<Arc<Series>>, NoSuchMetric> {
        let index = self.index.get();
        let unknown = || no_such_metric(selector.name(), index.names().map(Text::as_str));
        let of_metric = index.get(selector.stored_metric()).ok_or_else(unknown)?;
        let series: Vec<_> = of_metric.matching(selector).cloned().collect();
        // A member of a family that was never seen is as unknown as a metric that was never seen.
        let is_known = || of_metric.iter().any(|series| selector.is_named(series.key().labels()));
        if series.is_empty() && family(selector.name()).is_some() && !is_known() {
            return Err(unknown());
        }
        Ok(series)
    }

    /// Shows readers the series that have come and gone, and what is held.
    fn publish(&self, writer: &mut Writer) {
        if std::mem::take(&mut writer.index_changed) {
            self.index.set(Arc::new(writer.index.clone()));
        }
        let told = Told { bounds: writer.bounds(), overflowing: Arc::clone(&writer.overflowing) };
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    // A panic while writing leaves at worst the samples of one batch half in.
    fn write(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_metric<'a>(name: &Text, known: impl Iterator<Item = &'a str>) -> NoSuchMetric {
    NoSuchMetric { name: name.clone(), nearest: nearest(name, known).map(Text::new) }
}

#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod tests;
