//! The samples of one series, in the order of time.

use super::Window;
use crate::Timestamp;

/// Times and values side by side, sorted by time; samples of one time keep the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Points {
    times: Vec<i64>,
    values: Vec<f64>,
    /// Up to where they are sorted, while they are not.
    sorted: Option<usize>,
}

/// The part of a series that lies in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
}

impl Points {
    /// Adds a sample. True if it is the first since the last [`Points::sort`] that came out of order.
    pub(super) fn insert(&mut self, time: Timestamp, value: f64) -> bool {
        let time = time.as_micros();
        let late = self.times.last().is_some_and(|last| *last > time);
        let first = late && self.sorted.is_none();
        if first {
            self.sorted = Some(self.times.len());
        }
        self.times.push(time);
        self.values.push(value);
        first
    }

    /// Brings what came out of order to its place, all of it in one go.
    pub(super) fn sort(&mut self) {
        let Some(sorted) = self.sorted.take() else { return };
        let earliest = self.times[sorted..].iter().copied().min().unwrap_or(i64::MAX);
        let from = self.times[..sorted].partition_point(|time| *time <= earliest);
        let mut rest: Vec<(i64, f64)> = self.times.drain(from..).zip(self.values.drain(from..)).collect();
        // Stable, and quick where runs are in order already.
        rest.sort_by_key(|(time, _)| *time);
        for (time, value) in rest {
            self.times.push(time);
            self.values.push(value);
        }
    }

    pub(super) fn slice(&self, window: Window) -> Slice<'_> {
        let from = self.times.partition_point(|time| *time < window.start.as_micros());
        let to = self.times.partition_point(|time| *time <= window.end.as_micros()).max(from);
        Slice { times: &self.times[from..to], values: &self.values[from..to] }
    }

    /// Lets go of what is older than `oldest`, and says how much that was.
    pub(super) fn expire(&mut self, oldest: Timestamp) -> u64 {
        let count = self.times.partition_point(|time| *time < oldest.as_micros());
        if count > 0 {
            self.times.drain(..count);
            self.values.drain(..count);
            if self.times.capacity() > 4 * self.times.len().max(16) {
                self.times.shrink_to_fit();
                self.values.shrink_to_fit();
            }
        }
        count as u64
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn first(&self) -> Option<i64> {
        self.times.first().copied()
    }

    pub(super) fn last(&self) -> Option<i64> {
        self.times.last().copied()
    }
}

impl<'a> Slice<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = (Timestamp, f64)> + 'a {
        self.times.iter().map(|time| Timestamp::from_micros(*time)).zip(self.values.iter().copied())
    }
}
