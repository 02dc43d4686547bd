//! What rules read of the store: a metric over a window, for all or for each group.

use std::time::Duration;

use monitor_core::component::{BoxError, Invalid};
use monitor_core::sample::Labels;
use monitor_core::store::{NoSuchMetric, Percentiles, Query, Selector, Store, Window, WindowStats};
use monitor_core::{Text, Timestamp};

/// A metric, and how it is grouped.
pub(crate) struct Measure {
    query: Query,
    by: Vec<Text>,
    unknown: Option<NoSuchMetric>,
}

impl Measure {
    /// A metric as it stands in a configuration: "generation_time{operation=answer_generation}".
    pub(crate) fn new(metric: &str, by: Vec<Text>) -> Result<Self, BoxError> {
        Ok(Self { query: Query::new(metric.parse()?).by(&by), by, unknown: None })
    }

    /// Does not find percentiles, which are not a number then: they are what costs most.
    pub(crate) fn without_percentiles(mut self) -> Self {
        self.query = self.query.percentiles(Percentiles::Off);
        self
    }

    /// Its statistics in the window: of each group that has samples there, or one without group, which may have none.
    pub(crate) fn read(&mut self, store: &Store, window: Window) -> Vec<(Labels, Option<WindowStats>)> {
        let groups = store.query(&self.query, window);
        self.unknown = groups.as_ref().err().cloned();
        let groups = groups.unwrap_or_default().into_iter().map(|group| (group.labels, Some(group.stats)));
        let mut groups: Vec<_> = groups.collect();
        if groups.is_empty() && self.by.is_empty() {
            groups.push((Labels::NONE, None));
        }
        groups
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
