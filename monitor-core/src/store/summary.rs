//! What is known of a set of samples without the samples: count, sum, extremes, spread, and the first and the last.

use serde::{Deserialize, Serialize};

/// The moments of at least one sample. Two of them merge into that of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: Sum,
    pub(super) min: f64,
    pub(super) max: f64,
    /// The sum of the squared distances from the mean.
    pub(super) squares: f64,
    pub(super) first: (i64, f64),
    pub(super) last: (i64, f64),
}

/// A compensated sum (Neumaier 1974): what rounding lost is kept aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.lost += other.lost;
    }

    pub(super) fn total(self) -> f64 {
        self.sum + self.lost
    }
}

impl Summary {
    /// The summary of samples in any order of time; of two at one time the earlier in the list is the first.
    pub(super) fn of(times: &[i64], values: &[f64]) -> Option<Self> {
        let mut first = (*times.first()?, *values.first()?);
        let mut last = first;
        let (mut min, mut max) = (first.1, first.1);
        let mut sum = Sum::default();
        for (time, value) in times.iter().copied().zip(values.iter().copied()) {
            if time < first.0 {
                first = (time, value);
            }
            if time >= last.0 {
                last = (time, value);
            }
            min = min.min(value);
            max = max.max(value);
            sum.add(value);
        }
        let count = values.len() as u64;
        let mean = sum.total() / count as f64;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Some(Self { count, sum, min, max, squares, first, last })
    }

    /// Adds the samples of another, which came later: Chan, Golub and LeVeque 1983 for the squares.
    pub(super) fn merge(&mut self, other: &Self) {
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let apart = other.mean() - self.mean();
        self.squares += other.squares + apart * apart * ours * theirs / (ours + theirs);
        self.count += other.count;
        self.sum.merge(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.first.0 < self.first.0 {
            self.first = other.first;
        }
        if other.last.0 >= self.last.0 {
            self.last = other.last;
        }
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum.total() / self.count as f64
    }
}

/// Adds to a summary that may not have begun.
pub(super) fn merge(into: &mut Option<Summary>, other: &Summary) {
    match into {
        Some(known) => known.merge(other),
        None => *into = Some(*other),
    }
}
