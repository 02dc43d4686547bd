//! The store without its lock: series by metric, and the bounds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::series::Points;
use super::{Bounds, Limits, MetricSummary, NoSuchMetric, Selector, Window, no_such_metric};
use crate::sample::{Labels, Sample, SeriesKey, family};
use crate::{Text, Timestamp};

/// Bytes of a sample: its time and its value.
const SAMPLE_BYTES: u64 = 16;

#[derive(Debug)]
pub(super) struct Inner {
    limits: Limits,
    series: Vec<(Arc<SeriesKey>, Points)>,
    places: HashMap<Arc<SeriesKey>, usize, RandomState>,
    metrics: BTreeMap<Text, Vec<usize>>,
    newest: Timestamp,
    /// Nothing older than this is held.
    oldest: Timestamp,
    bounds: Bounds,
    /// Series that got samples out of order, each once.
    unsorted: Vec<usize>,
    /// Samples that came since the bounds were last seen to.
    unchecked: u64,
}

impl Inner {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            series: Vec::new(),
            places: HashMap::default(),
            metrics: BTreeMap::new(),
            newest: Timestamp::MIN,
            oldest: Timestamp::MIN,
            bounds: Bounds::default(),
            unsorted: Vec::new(),
            unchecked: 0,
        }
    }

    pub(super) fn insert_all(&mut self, samples: &[Sample], now: Timestamp) {
        for sample in samples {
            self.insert(sample);
        }
        for place in std::mem::take(&mut self.unsorted) {
            self.series[place].1.sort();
        }
        self.keep_bounds(now);
    }

    fn insert(&mut self, sample: &Sample) {
        if sample.time < self.oldest {
            self.bounds.too_old += 1;
            return;
        }
        let place = match self.places.get(&sample.series) {
            Some(place) => *place,
            None => self.place_of_new(&sample.series),
        };
        if self.series[place].1.insert(sample.time, sample.value) {
            self.unsorted.push(place);
        }
        self.newest = self.newest.max(sample.time);
        self.bounds.samples += 1;
        self.unchecked += 1;
    }

    fn place_of_new(&mut self, key: &Arc<SeriesKey>) -> usize {
        if self.series.len() < self.limits.max_series {
            return self.add_series(Arc::clone(key));
        }
        self.bounds.overflowed += 1;
        // Metrics without end overflow too: the last resort is one series for all of them.
        let name = if self.metrics.contains_key(key.metric()) { key.metric().as_str() } else { "overflow" };
        let other = Arc::new(SeriesKey::new(name, Labels::new(vec![("overflow".into(), "other".into())])));
        match self.places.get(&other) {
            Some(place) => *place,
            None => self.add_series(other),
        }
    }

    fn add_series(&mut self, key: Arc<SeriesKey>) -> usize {
        let place = self.series.len();
        self.places.insert(Arc::clone(&key), place);
        self.metrics.entry(key.metric().clone()).or_default().push(place);
        self.series.push((key, Points::default()));
        place
    }

    /// Lets go of what is too old or too much. Looks at the series only now and then: the bounds may be passed by the
    /// samples of one batch, or by a sixteenth.
    fn keep_bounds(&mut self, now: Timestamp) {
        let most = self.limits.max_bytes / SAMPLE_BYTES;
        if self.bounds.samples > most {
            while self.bounds.samples > most && self.oldest < self.newest {
                let eighth = self.newest.since(self.extent_start()).max(Duration::from_micros(8)) / 8;
                let oldest = self.extent_start().plus(eighth);
                self.bounds.evicted += self.expire(oldest);
            }
            self.unchecked = 0;
        }
        let keep_from = self.newest.min(now).minus(self.limits.raw_retention);
        if keep_from > self.oldest && self.unchecked > self.bounds.samples / 16 {
            self.bounds.expired += self.expire(keep_from);
            self.unchecked = 0;
        }
    }

    fn extent_start(&self) -> Timestamp {
        self.extent().map_or(self.oldest, |extent| extent.start)
    }

    fn expire(&mut self, oldest: Timestamp) -> u64 {
        self.oldest = oldest;
        let gone = self.series.iter_mut().map(|(_, points)| points.expire(oldest)).sum();
        self.bounds.samples -= gone;
        self.forget_empty();
        gone
    }

    /// Lets go of series without samples, once they are many: others need their room. Their metrics stay known.
    fn forget_empty(&mut self) {
        let empty = self.series.iter().filter(|(_, points)| points.len() == 0).count();
        if empty * 4 <= self.series.len() {
            return;
        }
        self.series.retain(|(_, points)| points.len() > 0);
        self.places.clear();
        self.metrics.values_mut().for_each(Vec::clear);
        for (place, (key, _)) in self.series.iter().enumerate() {
            self.places.insert(Arc::clone(key), place);
            self.metrics.entry(key.metric().clone()).or_default().push(place);
        }
    }

    pub(super) fn select(&self, selector: &Selector) -> Result<Vec<&(Arc<SeriesKey>, Points)>, NoSuchMetric> {
        let unknown = || no_such_metric(selector.name(), self.metrics.keys().map(Text::as_str));
        let places = self.metrics.get(selector.stored_metric()).ok_or_else(unknown)?;
        let series: Vec<_> =
            places.iter().map(|place| &self.series[*place]).filter(|(key, _)| selector.matches(key.labels())).collect();
        // A member of a family that was never seen is as unknown as a metric that was never seen.
        if series.is_empty() && family(selector.name()).is_some() {
            return Err(unknown());
        }
        Ok(series)
    }

    pub(super) fn metrics(&self) -> Vec<MetricSummary> {
        self.metrics
            .iter()
            .map(|(name, places)| MetricSummary {
                name: name.clone(),
                series: places.len(),
                samples: places.iter().map(|place| self.series[*place].1.len()).sum(),
            })
            .collect()
    }

    pub(super) fn extent(&self) -> Option<Window> {
        let start = self.series.iter().filter_map(|(_, points)| points.first()).min()?;
        let end = self.series.iter().filter_map(|(_, points)| points.last()).max()?;
        Some(Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) })
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { series: self.series.len(), ..self.bounds }
    }
}
