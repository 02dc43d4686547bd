//! Percentiles of many samples in little room: a DDSketch (Masson, Rim and Lee 2019, <https://arxiv.org/abs/1908.10693>).
//!
//! Every value falls into a bin whose bounds differ by a factor of gamma = (1 + e) / (1 - e), so what a bin stands for is
//! right to a relative error of e. Bins are integers; merging is adding, in whatever order.
//!
//! A series has thousands of sketches at rest, of a few dozen bins each, so at rest they are two bytes a bin. (The crate
//! `sketches-ddsketch` keeps a dense vector of kilobytes each, and its bins to itself.)

use serde::{Deserialize, Serialize};

/// How values fall into bins: as fine as the error that is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bins {
    /// Bins for a doubling of the number, as [`log`] counts them.
    density: f64,
    error: f64,
    /// The bins of numbers above zero begin behind this, those of numbers below zero before its negative.
    shift: f64,
}

/// The counts of a sketch while it is added to. Zero lies far from all other bins, and so do numbers of the other sign.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// By the negative of the bin.
    below_zero: Run,
    zero: u64,
    above_zero: Run,
}

/// The counts of bins that follow each other.
#[derive(Clone, Debug, Default)]
struct Run {
    /// The bin of the first count.
    start: i32,
    counts: Vec<u64>,
}

/// A sketch at rest: the difference to the bin before and the count, as variable-length integers, bin by bin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sketch(Box<[u8]>);

/// The smallest number that is told from zero.
const SMALLEST: f64 = f64::MIN_POSITIVE;

impl Bins {
    /// Bins for a relative error, say 0.01.
    pub(super) fn new(error: f64) -> Self {
        let gamma = (1.0 + error) / (1.0 - error);
        // `log` rises by at least 10/7 where the natural logarithm rises by one, so no bin is wider than gamma.
        let density = 0.7 / gamma.ln();
        // So that every bin of a number above zero is above zero.
        let shift = -(density * log(SMALLEST)).floor();
        Self { density, error, shift }
    }

    /// The relative error of what a bin stands for.
    pub(super) fn error(&self) -> f64 {
        self.error
    }

    /// The bin of a finite number. Bins are in the order of the numbers.
    #[inline]
    fn of(&self, value: f64) -> i32 {
        let size = value.abs();
        if size < SMALLEST {
            return 0;
        }
        let bin = self.of_normal(size);
        if value < 0.0 { -bin } else { bin }
    }

    /// The bin of a number that is told from zero, and above it.
    #[inline]
    fn of_normal(&self, size: f64) -> i32 {
        (self.density * log(size) + self.shift) as i32 + 1
    }

    /// The number that stands for a bin: none in it is further away than the error.
    fn value(&self, bin: i32) -> f64 {
        if bin == 0 {
            return 0.0;
        }
        let end = (f64::from(bin.abs()) - self.shift) / self.density;
        let (low, high) = (exp(end - 1.0 / self.density), exp(end));
        let size = 2.0 * low / (1.0 + low / high);
        if bin < 0 { -size } else { size }
    }
}

// The coefficients of the cubic between two powers of two that keeps closest to the logarithm, from the authors of the
// paper (`CubicallyInterpolatedMapping` of `sketches-java`): it takes one percent more bins, and no call of `ln`.
const CUBIC: [f64; 3] = [6.0 / 35.0, -3.0 / 5.0, 10.0 / 7.0];
const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1_023;

/// The logarithm to base two of a normal number above zero, nearly: right at powers of two, and cubic between them.
#[inline]
fn log(number: f64) -> f64 {
    let bits = number.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let beyond = f64::from_bits((bits & MANTISSA) | 1.0_f64.to_bits()) - 1.0;
    let [a, b, c] = CUBIC;
    f64::from(exponent) + ((a * beyond + b) * beyond + c) * beyond
}

/// The number of which this is the [`log`].
fn exp(log: f64) -> f64 {
    let exponent = log.floor();
    let target = log - exponent;
    let [a, b, c] = CUBIC;
    // Newton's method, on a curve that is nearly straight.
    let mut beyond = target;
    for _ in 0..6 {
        let (at, slope) = (((a * beyond + b) * beyond + c) * beyond, (3.0 * a * beyond + 2.0 * b) * beyond + c);
        beyond -= (at - target) / slope;
    }
    (1.0 + beyond) * exponent.exp2()
}

impl Counts {
    pub(super) fn clear(&mut self) {
        self.below_zero.counts.clear();
        self.zero = 0;
        self.above_zero.counts.clear();
    }

    pub(super) fn add(&mut self, bins: &Bins, value: f64, count: u64) {
        self.add_bin(bins.of(value), count);
    }

    pub(super) fn add_all(&mut self, bins: &Bins, values: &[f64]) {
        for value in values {
            self.add_bin(bins.of(*value), 1);
        }
    }

    /// As [`add_all`](Self::add_all), where the least and the largest of the values are known.
    pub(super) fn add_between(&mut self, bins: &Bins, values: &[f64], least: f64, largest: f64) {
        // Nearly all numbers are above zero, and then there is room for all of them once there is for two.
        if least < SMALLEST {
            return self.add_all(bins, values);
        }
        let run = &mut self.above_zero;
        run.add(bins.of(least), 0);
        run.add(bins.of(largest), 0);
        for value in values {
            let at = bins.of_normal(*value).wrapping_sub(run.start) as usize;
            if let Some(count) = run.counts.get_mut(at) {
                *count += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, sketch: &Sketch) {
        sketch.for_each(|bin, count| self.add_bin(bin, count));
    }

    fn add_bin(&mut self, bin: i32, count: u64) {
        match bin {
            1.. => self.above_zero.add(bin, count),
            0 => self.zero += count,
            ..0 => self.below_zero.add(-bin, count),
        }
    }

    /// The value of this rank among all, counted from zero.
    pub(super) fn at_rank(&self, bins: &Bins, rank: u64) -> f64 {
        let mut up_to = 0;
        let found = self.iter().find(|(_, count)| {
            up_to += count;
            up_to > rank
        });
        found.map_or(0.0, |(bin, _)| bins.value(bin))
    }

    /// What the bins that are not empty stand for, and their counts, in the order of the numbers.
    pub(super) fn values(&self, bins: &Bins) -> Vec<(f64, u64)> {
        self.iter().map(|(bin, count)| (bins.value(bin), count)).collect()
    }

    /// The bins that are not empty, and their counts, in the order of the numbers.
    fn iter(&self) -> impl Iterator<Item = (i32, u64)> {
        let below = self.below_zero.iter().rev().map(|(bin, count)| (-bin, count));
        below.chain(std::iter::once((0, self.zero))).chain(self.above_zero.iter()).filter(|(_, count)| *count > 0)
    }

    /// The sketch at rest.
    pub(super) fn pack(&self) -> Sketch {
        let mut bytes = Vec::with_capacity(64);
        let mut before = 0;
        for (bin, count) in self.iter() {
            let step = i64::from(bin) - i64::from(before);
            // Only the first step can be negative.
            push(&mut bytes, ((step << 1) ^ (step >> 63)).cast_unsigned());
            push(&mut bytes, count);
            before = bin;
        }
        Sketch(bytes.into())
    }
}

impl Run {
    #[inline]
    fn add(&mut self, bin: i32, count: u64) {
        let at = i64::from(bin) - i64::from(self.start);
        match usize::try_from(at).ok().and_then(|at| self.counts.get_mut(at)) {
            Some(known) => *known += count,
            None => self.widen(bin, count),
        }
    }

    /// Makes room for a bin outside of those so far, and some more for its neighbours.
    #[cold]
    fn widen(&mut self, bin: i32, count: u64) {
        const MARGIN: i32 = 64;
        let (mut first, mut last) = (bin - MARGIN, bin + MARGIN);
        if !self.counts.is_empty() {
            let known_last = self.start + self.counts.len() as i32 - 1;
            first = if bin < self.start { first } else { self.start };
            last = if bin > known_last { last } else { known_last };
        }
        let mut counts = vec![0; (last - first + 1) as usize];
        if !self.counts.is_empty() {
            let at = (self.start - first) as usize;
            counts[at..at + self.counts.len()].copy_from_slice(&self.counts);
        }
        counts[(bin - first) as usize] += count;
        self.start = first;
        self.counts = counts;
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        self.counts.iter().enumerate().map(|(at, count)| (self.start + at as i32, *count))
    }
}

impl Sketch {
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether these are bins of so many numbers between `min` and `max`, in their order.
    pub(super) fn is_sound(&self, bins: &Bins, count: u64, min: f64, max: f64) -> bool {
        let (mut rest, mut bin, mut counted) = (&*self.0, 0_i64, 0_u64);
        let (mut from, to) = (i64::from(bins.of(min)), i64::from(bins.of(max)));
        while !rest.is_empty() {
            let (Some(step), Some(more)) = (pull(&mut rest), pull(&mut rest)) else { return false };
            bin = bin.wrapping_add(signed(step));
            let Some(sum) = counted.checked_add(more) else { return false };
            if !(from..=to).contains(&bin) {
                return false;
            }
            (from, counted) = (bin + 1, sum);
        }
        counted == count
    }

    fn for_each(&self, mut with: impl FnMut(i32, u64)) {
        let mut rest = &*self.0;
        let mut bin = 0_i64;
        while let (Some(step), Some(count)) = (pull(&mut rest), pull(&mut rest)) {
            bin += signed(step);
            with(bin as i32, count);
        }
    }
}

/// A step as it was before it was packed.
fn signed(step: u64) -> i64 {
    (step >> 1).cast_signed() ^ -(step & 1).cast_signed()
}

/// Little-endian base 128, as in Protocol Buffers.
fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all are small.
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Some(u64::from(*byte));
    }
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn a_rank_is_right_within_the_error(
            values in prop::collection::vec(prop_oneof![-1e150..1e150_f64, -10.0..10.0_f64, 1e-300..1e-200_f64, Just(0.0)], 1..100),
            parts in 1..5_usize,
            error in prop_oneof![Just(0.01), Just(0.05), Just(0.2)],
        ) {
            let bins = Bins::new(error);
            let mut whole = Counts::default();
            for part in values.chunks(values.len().div_ceil(parts)) {
                let mut counts = Counts::default();
                counts.add_all(&bins, part);
                whole.merge(&counts.pack());
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(whole.iter().map(|(_, count)| count).sum::<u64>(), values.len() as u64);
            for (rank, exact) in sorted.iter().enumerate() {
                let got = whole.at_rank(&bins, rank as u64);
                prop_assert!((got - exact).abs() <= exact.abs() * (error + 1e-9), "{got} is not {exact}");
            }
        }
    }

    #[test]
    fn a_bin_takes_two_bytes() {
        let bins = Bins::new(0.01);
        let mut counts = Counts::default();
        counts.add_all(&bins, &(1..=1_000).map(f64::from).collect::<Vec<_>>());
        let filled = counts.iter().count();
        assert!(counts.pack().bytes() <= 2 * filled + 2, "{} bytes for {filled} bins", counts.pack().bytes());
    }
}
