//! What rules read of the store: a metric over a window, for all or for each group.

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::component::{BoxError, Invalid};
use monitor_core::sample::Labels;
use monitor_core::store::{
    Aggregate, Distribution, GroupRange, NoSuchMetric, Percentiles, Query, RangeError, Selector, Steps, Store, Window,
    WindowStats,
};
use monitor_core::{Text, Timestamp};

/// A metric, and how it is grouped.
pub(crate) struct Measure {
    selector: Selector,
    by: Vec<Text>,
    unknown: Option<NoSuchMetric>,
}

impl Measure {
    /// A metric as it stands in a configuration: "generation_time{operation=answer_generation}".
    pub(crate) fn new(metric: &str, by: Vec<Text>) -> Result<Self, BoxError> {
        Ok(Self { selector: metric.parse()?, by, unknown: None })
    }

    /// Its statistics in the window: of each group that has samples there, or one without group, which may have none.
    pub(crate) fn read(&mut self, store: &Store, window: Window) -> Vec<(Labels, Option<WindowStats>)> {
        if self.by.is_empty() {
            return vec![(Labels::NONE, self.known(store.stats(&self.selector, window)))];
        }
        let groups = self.known(store.stats_by(&self.selector, window, &self.by));
        groups.into_iter().map(|group| (group.labels, Some(group.stats))).collect()
    }

    /// As [`read`](Self::read), of the last `window` up to `now`.
    pub(crate) fn read_last(
        &mut self,
        store: &Store,
        window: Duration,
        now: Timestamp,
    ) -> Vec<(Labels, Option<WindowStats>)> {
        self.read(store, Window::last(window, now))
    }

    /// The groups that have samples in the window, with percentiles only if `aggregate` is one.
    pub(crate) fn groups(
        &mut self,
        store: &Store,
        window: Window,
        aggregate: Aggregate,
    ) -> BTreeMap<Labels, WindowStats> {
        let groups = self.known(store.query(&self.query(aggregate), window));
        groups.into_iter().map(|group| (group.labels, group.stats)).collect()
    }

    /// As [`groups`](Self::groups), in one window after the other.
    pub(crate) fn range(&mut self, store: &Store, steps: &Steps, aggregate: Aggregate) -> Vec<GroupRange> {
        match store.range(&self.query(aggregate), steps) {
            Err(RangeError::NoSuchMetric(unknown)) => self.known(Err(unknown)),
            answer => answer.unwrap_or_default(),
        }
    }

    /// The values of each group that has samples in the window.
    pub(crate) fn distributions(&mut self, store: &Store, window: Window) -> Vec<Distribution> {
        self.known(store.distributions(&self.selector, window, &self.by))
    }

    fn query(&self, aggregate: Aggregate) -> Query {
        let percentiles = if aggregate.is_percentile() { Percentiles::Sketched } else { Percentiles::Off };
        Query::new(self.selector.clone()).by(&self.by).percentiles(percentiles)
    }

    fn known<T: Default>(&mut self, answer: Result<T, NoSuchMetric>) -> T {
        self.unknown = None;
        answer.map_err(|unknown| self.unknown = Some(unknown)).unwrap_or_default()
    }

    /// Whether the store has never seen the metric, as of what was read last.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    /// What makes it doubtful that it is meant: there is no such metric, but one of a similar name. A metric that nobody has
    /// sent yet is no mistake; one that is misspelt is.
    pub(crate) fn doubt(&self) -> Option<String> {
        self.unknown.as_ref().filter(|unknown| unknown.nearest.is_some()).map(ToString::to_string)
    }
}

/// Whether a key holds a metric.
pub(crate) fn check_metric(key: &'static str, metric: &str) -> Result<(), Invalid> {
    metric.parse::<Selector>().map(drop).map_err(|error| Invalid::key(key, error.to_string()))
}

/// Whether a key holds a length of time that is one.
pub(crate) fn check_length(key: &'static str, length: Duration) -> Result<(), Invalid> {
    if length.is_zero() { Err(Invalid::key(key, "must be longer than nothing")) } else { Ok(()) }
}
