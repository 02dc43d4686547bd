//! Samples at rest: times and values of a chunk, compressed without loss.
//!
//! Times are differences. Values that are decimals of few digits, as durations, counts and scores mostly are, become
//! integers first (as in ALP, Afroozeh, Kuffo and Boncz 2023). Both are what they have beyond the least of them, in as many
//! bits as the largest needs. Values that are all the same take no room; those that are no decimals go through `pco`. Its
//! integers take as much room at its quickest level, and twenty bytes and a dozen allocations a chunk besides.

use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use serde::{Deserialize, Serialize};

use super::node::CHUNK;
use super::sync::Arc;

/// The samples of a chunk, compressed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Encoded {
    times: Arc<Times>,
    values: Values,
}

/// Times in their order, compressed, and how many series share them.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Times {
    first: i64,
    /// From each to the next.
    steps: Packed,
    shared_by: usize,
}

#[derive(Debug, Serialize, Deserialize)]
enum Values {
    /// All of them this one.
    Same(f64),
    /// Integers that are to be divided by a power of ten.
    Decimals { digits: u8, integers: Packed },
    /// Anything else.
    Floats(Box<[u8]>),
}

/// Integers, each as what it has beyond the least of them.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Packed {
    least: i64,
    words: Box<[u64]>,
    count: u32,
    /// For each of them.
    bits: u8,
}

impl Packed {
    fn new(integers: &[i64]) -> Self {
        let least = integers.iter().copied().min().unwrap_or_default();
        let largest = integers.iter().copied().max().unwrap_or_default();
        let bits = u64::BITS - largest.wrapping_sub(least).cast_unsigned().leading_zeros();
        let mut words = Vec::with_capacity(words_for(integers.len(), bits));
        let (mut word, mut filled) = (0, 0);
        for integer in integers.iter().filter(|_| bits > 0) {
            let beyond = integer.wrapping_sub(least).cast_unsigned();
            word |= beyond << filled;
            filled += bits;
            if filled >= u64::BITS {
                words.push(word);
                filled -= u64::BITS;
                word = beyond.unbounded_shr(bits - filled);
            }
        }
        if filled > 0 {
            words.push(word);
        }
        let count = u32::try_from(integers.len()).expect("a chunk is small");
        Self { least, words: words.into(), count, bits: bits as u8 }
    }

    /// The integers; their number and their bits must be those of their words.
    fn iter(&self) -> impl Iterator<Item = i64> {
        let mask = u64::MAX.unbounded_shr(u64::BITS - u32::from(self.bits));
        (0..self.count as usize).map(move |at| {
            let begin = at * usize::from(self.bits);
            let (word, shift) = (begin / 64, (begin % 64) as u32);
            let low = self.words.get(word).copied().unwrap_or_default() >> shift;
            // A whole word away if it lies in one, and nothing is left of it.
            let high = self.words.get(word + 1).copied().unwrap_or_default().unbounded_shl(u64::BITS - shift);
            self.least.wrapping_add(((low | high) & mask).cast_signed())
        })
    }

    fn is_sound(&self) -> bool {
        let (count, bits) = (self.count as usize, u32::from(self.bits));
        bits <= u64::BITS && count <= CHUNK && self.words.len() == words_for(count, bits)
    }

    fn bytes(&self) -> usize {
        8 * self.words.len()
    }
}

fn words_for(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(64)
}

impl Times {
    /// Compresses times, which are in order; there is at least one.
    pub(super) fn new(times: &[i64], shared_by: usize) -> Self {
        let steps: Vec<i64> = times.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        Self { first: times.first().copied().unwrap_or_default(), steps: Packed::new(&steps), shared_by }
    }

    fn decode(&self, times: &mut Vec<i64>) -> Result<(), Damaged> {
        if !self.steps.is_sound() {
            return Err(Damaged);
        }
        times.reserve(self.steps.count as usize + 1);
        times.push(self.first);
        let mut time = self.first;
        times.extend(self.steps.iter().map(|step| {
            time = time.wrapping_add(step);
            time
        }));
        Ok(())
    }
}

/// Bytes that are no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of samples is damaged")]
pub(super) struct Damaged;

/// Up to this every whole number is exact as a float.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
/// All exact; costs have up to fifteen digits behind the point.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

impl Encoded {
    /// Compresses values; their times are compressed already.
    pub(super) fn new(times: &Arc<Times>, values: &[f64]) -> Self {
        Self { times: Arc::clone(times), values: Values::new(values) }
    }

    pub(super) fn times(&self) -> &Arc<Times> {
        &self.times
    }

    /// Has its times shared with another chunk that has the same.
    pub(super) fn share(&mut self, times: &Arc<Times>) {
        self.times = Arc::clone(times);
    }

    /// The samples, appended to `times` and `values`.
    pub(super) fn decode(&self, times: &mut Vec<i64>, values: &mut Vec<f64>) -> Result<(), Damaged> {
        let before = times.len();
        self.times.decode(times)?;
        self.decode_values(times.len() - before, values)
    }

    /// The values alone, of which there are so many.
    pub(super) fn decode_values(&self, count: usize, values: &mut Vec<f64>) -> Result<(), Damaged> {
        let before = values.len();
        match &self.values {
            Values::Same(value) => values.extend(std::iter::repeat_n(*value, count)),
            // No more than there are times for: a few bytes can stand for millions of equal numbers.
            Values::Floats(bytes) => {
                values.resize(before + count, 0.0);
                let read = simple_decompress_into(bytes, &mut values[before..]).map_err(|_| Damaged)?;
                if !read.finished {
                    return Err(Damaged);
                }
                values.truncate(before + read.n_processed);
            }
            Values::Decimals { digits, integers } => {
                let power = *POWERS.get(usize::from(*digits)).ok_or(Damaged)?;
                if !integers.is_sound() {
                    return Err(Damaged);
                }
                values.extend(integers.iter().map(|integer| integer as f64 / power));
            }
        }
        if values.len() - before == count { Ok(()) } else { Err(Damaged) }
    }

    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Same(_) => 0,
            Values::Decimals { integers, .. } => integers.bytes(),
            Values::Floats(bytes) => bytes.len(),
        };
        (size_of::<Times>() + self.times.steps.bytes()).div_ceil(self.times.shared_by.max(1)) + values
    }
}

impl Values {
    fn new(values: &[f64]) -> Self {
        let first = values.first().copied().unwrap_or_default();
        if values.iter().all(|value| value.to_bits() == first.to_bits()) {
            return Self::Same(first);
        }
        match decimals(values) {
            Some((digits, integers)) => Self::Decimals { digits, integers: Packed::new(&integers) },
            None => Self::Floats(compress(values)),
        }
    }
}

/// The values as integers and how many digits they have behind the point, if every one comes back to the last bit.
fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut digits = 0;
    let mut integers = Vec::with_capacity(values.len());
    let mut at = 0;
    while at < values.len() {
        let power = POWERS[digits];
        // The nearest; whether it is right is seen in the next line.
        let scaled = values[at] * power;
        let integer = (scaled + 0.5_f64.copysign(scaled)) as i64;
        if (integer as f64 / power).to_bits() == values[at].to_bits() {
            integers.push(integer);
            at += 1;
        } else {
            // One digit more, for those before it, too: as long as they are exact they stay what they are.
            digits += 1;
            if digits == POWERS.len() || integers.iter().any(|integer: &i64| integer.unsigned_abs() > EXACT / 10) {
                return None;
            }
            for integer in &mut integers {
                *integer *= 10;
            }
        }
    }
    Some((digits as u8, integers))
}

/// Level 0, and no search for a better mode: a chunk is compressed on the thread that ingests.
fn compress(numbers: &[f64]) -> Box<[u8]> {
    let config = ChunkConfig::default()
        .with_compression_level(0)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::NoOp);
    simple_compress(numbers, &config).expect("pco takes any numbers at this configuration").into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(times: &[i64], values: &[f64]) {
        let encoded = Encoded::new(&Arc::new(Times::new(times, 1)), values);
        let (mut got_times, mut got_values) = (Vec::new(), Vec::new());
        assert_eq!(encoded.decode(&mut got_times, &mut got_values), Ok(()));
        assert_eq!(got_times, times);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got_values), bits(values));
    }

    proptest! {
        #[test]
        fn samples_come_back_to_the_last_bit(
            samples in prop::collection::vec((any::<i64>(), prop_oneof![any::<f64>(), (0..9_999_i32).prop_map(|v| f64::from(v) / 1e3), Just(-0.0), Just(9_007_199_254_740_993.0)]), 1..200),
            decimals in prop::collection::vec((-99_999_i64..99_999, 0..POWERS.len()), 1..200),
        ) {
            let (times, values): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
            round_trip(&times, &values);
            let values: Vec<f64> = decimals.iter().map(|(integer, digits)| *integer as f64 / POWERS[*digits]).collect();
            round_trip(&vec![7; values.len()], &values);
        }
    }

    #[test]
    fn what_is_the_same_takes_no_room() {
        let times: Vec<i64> = (0..1_000).map(|second| 1_777_903_202_000_000 + second * 1_000_000).collect();
        let times = Arc::new(Times::new(&times, 1));
        assert!(Encoded::new(&times, &[1.0; 1_000]).bytes() < 64);
        let tokens: Vec<f64> = (0..1_000).map(|at| f64::from(at * 7_919 % 4_000)).collect();
        let bytes = Encoded::new(&times, &tokens).bytes();
        assert!(bytes < 2 * 1_000, "{bytes}");
    }
}
