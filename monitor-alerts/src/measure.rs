//! What rules read of the store: a metric over a window, for all or for each group.

use std::time::Duration;

use monitor_core::component::{BoxError, Invalid};
use monitor_core::sample::Labels;
use monitor_core::store::{NoSuchMetric, Selector, Store, Window, WindowStats};
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
        self.unknown = None;
        if self.by.is_empty() {
            let stats = store.stats(&self.selector, window).map_err(|unknown| self.unknown = Some(unknown));
            return vec![(Labels::NONE, stats.ok().flatten())];
        }
        let groups = store.stats_by(&self.selector, window, &self.by).map_err(|unknown| self.unknown = Some(unknown));
        groups.unwrap_or_default().into_iter().map(|group| (group.labels, Some(group.stats))).collect()
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
