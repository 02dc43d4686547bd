//! The values of a baseline's windows, kept from one evaluation to the next: only what is new is read of the store.

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::Timestamp;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Steps, Store};

use crate::measure::Measure;

/// Groups at most: as many as a rule has states for.
const MOST_GROUPS: usize = 1_000;
/// So many of the latest windows are read anew each time, for samples that come late.
const LATE: i64 = 3;

/// The last whole windows before a moment: those between multiples of their length, so that they stay the same while time
/// moves on.
pub(super) struct Baseline {
    length: Duration,
    count: i64,
    aggregate: Aggregate,
    /// The latest window that has been read, counted since the epoch.
    latest: Option<i64>,
    /// The window that was last read once more.
    turn: i64,
    /// For each group a ring of values, by the number of the window; not a number where there were no samples.
    groups: BTreeMap<Labels, Box<[f64]>>,
}

impl Baseline {
    pub(super) fn new(length: Duration, count: usize, aggregate: Aggregate) -> Self {
        Self { length, count: count as i64, aggregate, latest: None, turn: 0, groups: BTreeMap::new() }
    }

    /// Moves on to the last windows that end by `end`.
    pub(super) fn advance(&mut self, measure: &mut Measure, store: &Store, end: Timestamp) {
        let length = self.length.as_micros() as i64;
        let latest = end.as_micros().div_euclid(length) - 1;
        let oldest = latest - self.count + 1;
        // Time can go back, if the system's does.
        let known = self.latest.filter(|known| (oldest - 1..=latest).contains(known));
        let new = known.map_or(oldest, |known| known + 1);
        if known.is_none() {
            self.groups.clear();
        }
        for window in new..=latest {
            let slot = self.slot(window);
            self.groups.values_mut().for_each(|values| values[slot] = f64::NAN);
        }
        if new <= latest {
            self.groups.retain(|_, values| values.iter().any(|value| !value.is_nan()));
        }
        self.latest = Some(latest);
        self.read(measure, store, new.min(latest + 1 - LATE).max(oldest), latest);
        // And one further, in turn: so samples that come later than that are found after a while, too.
        self.turn = (self.turn + 1) % self.count;
        self.read(measure, store, oldest + self.turn, oldest + self.turn);
    }

    fn slot(&self, window: i64) -> usize {
        window.rem_euclid(self.count) as usize
    }

    /// Takes over what the store has of these windows. What it has no more, or only in buckets that are wider than a window,
    /// stays as it was read before.
    fn read(&mut self, measure: &mut Measure, store: &Store, first: i64, last: i64) {
        let length = self.length.as_micros() as i64;
        let end_of = |window: i64| Timestamp::from_micros((window + 1) * length);
        let steps = Steps { start: end_of(first), end: end_of(last), step: self.length, window: self.length };
        for group in measure.range(store, &steps, self.aggregate) {
            if !self.groups.contains_key(&group.labels) && self.groups.len() >= MOST_GROUPS {
                continue;
            }
            let none = || vec![f64::NAN; self.count as usize].into_boxed_slice();
            let values = self.groups.entry(group.labels).or_insert_with(none);
            for (window, (_, stats)) in (first..=last).zip(group.windows) {
                if let Some(stats) = stats.filter(|stats| stats.resolution <= self.length) {
                    values[window.rem_euclid(self.count) as usize] = stats.get(self.aggregate);
                }
            }
        }
    }

    /// The values of a group, in the order of time.
    pub(super) fn values(&self, labels: &Labels) -> Vec<f64> {
        let (Some(values), Some(latest)) = (self.groups.get(labels), self.latest) else { return Vec::new() };
        let in_order = (latest - self.count + 1..=latest).map(|window| values[self.slot(window)]);
        in_order.filter(|value| !value.is_nan()).collect()
    }
}
