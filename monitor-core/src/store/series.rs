//! The samples of one series, in the order of time.

use super::Window;
use crate::Timestamp;

/// Times and values side by side, sorted by time; samples of one time keep the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Points {
    times: Vec<i64>,
    values: Vec<f64>,
}

/// The part of a series that lies in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
}

impl Points {
    pub(super) fn insert(&mut self, time: Timestamp, value: f64) {
        let time = time.as_micros();
        if self.times.last().is_none_or(|last| *last <= time) {
            self.times.push(time);
            self.values.push(value);
        } else {
            let at = self.times.partition_point(|known| *known <= time);
            self.times.insert(at, time);
            self.values.insert(at, value);
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
