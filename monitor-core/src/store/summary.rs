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
    /// What rounding loses is known exactly (the `TwoSum` of Knuth), without a look at which of the two is larger.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        let of_value = next - self.sum;
        self.lost += (self.sum - (next - of_value)) + (value - of_value);
        self.sum = next;
    }

    /// The sum of so many equal values.
    fn of_same(value: f64, count: u64) -> Self {
        let sum = value * count as f64;
        // What rounding lost in the product, exactly.
        Self { sum, lost: value.mul_add(count as f64, -sum) }
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
        let (first, last) = ends(times, values)?;
        let (count, value) = (values.len() as u64, first.1);
        if values.iter().all(|other| other.to_bits() == value.to_bits()) {
            let sum = Sum::of_same(value, count);
            return Some(Self { count, sum, min: value, max: value, squares: 0.0, first, last });
        }
        let mut lanes = [Lane { sum: Sum::default(), min: f64::INFINITY, max: f64::NEG_INFINITY }; LANES];
        let (blocks, rest) = values.as_chunks::<LANES>();
        for block in blocks {
            lanes.iter_mut().zip(block).for_each(|(lane, value)| lane.add(*value));
        }
        lanes.iter_mut().zip(rest).for_each(|(lane, value)| lane.add(*value));
        let [mut all, others @ ..] = lanes;
        for lane in others {
            all.sum.merge(lane.sum);
            all.min = all.min.min(lane.min);
            all.max = all.max.max(lane.max);
        }
        let Lane { sum, min, max } = all;
        let mean = sum.total() / values.len() as f64;
        let mut squares = [0.0; LANES];
        let square = |value: f64| (value - mean) * (value - mean);
        for block in blocks {
            squares.iter_mut().zip(block).for_each(|(sum, value)| *sum += square(*value));
        }
        squares.iter_mut().zip(rest).for_each(|(sum, value)| *sum += square(*value));
        Some(Self { count, sum, min, max, squares: squares.iter().sum(), first, last })
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

/// A part of the values: several are added up side by side, as one addition need not wait for another then.
#[derive(Clone, Copy)]
struct Lane {
    sum: Sum,
    min: f64,
    max: f64,
}

const LANES: usize = 4;

impl Lane {
    #[inline]
    fn add(&mut self, value: f64) {
        self.sum.add(value);
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
    }
}

/// The first and the last sample.
fn ends(times: &[i64], values: &[f64]) -> Option<((i64, f64), (i64, f64))> {
    let mut first = (*times.first()?, *values.first()?);
    if times.is_sorted() {
        return Some((first, (*times.last()?, *values.last()?)));
    }
    let mut last = first;
    for (time, value) in times.iter().copied().zip(values.iter().copied()) {
        if time < first.0 {
            first = (time, value);
        }
        if time >= last.0 {
            last = (time, value);
        }
    }
    Some((first, last))
}

/// Adds to a summary that may not have begun.
pub(super) fn merge(into: &mut Option<Summary>, other: &Summary) {
    match into {
        Some(known) => known.merge(other),
        None => *into = Some(*other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_values_nothing_is_lost_either() {
        // The nearest to three times 0.1 is larger than it is.
        let mut summary = Summary::of(&[0, 1, 2], &[0.1; 3]).expect("samples");
        assert_eq!((summary.min, summary.max, summary.squares), (0.1, 0.1, 0.0));
        summary.merge(&Summary::of(&[3], &[-0.300_000_000_000_000_04]).expect("a sample"));
        assert!(summary.sum.total() < 0.0, "{}", summary.sum.total());
    }
}
