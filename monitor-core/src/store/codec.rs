//! Samples at rest: times and values of a chunk, compressed without loss by `pco`.
//!
//! Times are differences. Values that are decimals of few digits, as durations, counts and scores mostly are, become
//! integers first (as in ALP, Afroozeh, Kuffo and Boncz 2023); values that are all the same take no room.

use pco::standalone::{simple_compress, simple_decompress};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use serde::{Deserialize, Serialize};

use super::sync::Arc;

/// The samples of a chunk, compressed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Encoded {
    times: Arc<Times>,
    values: Values,
}

/// Times, compressed, and how many series share them.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Times {
    bytes: Box<[u8]>,
    shared_by: usize,
}

impl Times {
    pub(super) fn new(times: &[i64], shared_by: usize) -> Self {
        Self { bytes: compress(times, DeltaSpec::TryConsecutive(1)), shared_by }
    }
}

#[derive(Debug, Serialize, Deserialize)]
enum Values {
    /// All of them this one.
    Same(f64),
    /// Integers that are to be divided by a power of ten.
    Decimals { digits: u8, integers: Box<[u8]> },
    /// Anything else.
    Floats(Box<[u8]>),
}

/// Bytes that are no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of samples is damaged")]
pub(super) struct Damaged;

const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

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
        let decoded = simple_decompress::<i64>(&self.times.bytes).map_err(|_| Damaged)?;
        self.decode_values(decoded.len(), values)?;
        times.extend(decoded);
        Ok(())
    }

    /// The values alone, of which there are so many.
    pub(super) fn decode_values(&self, count: usize, values: &mut Vec<f64>) -> Result<(), Damaged> {
        let before = values.len();
        match &self.values {
            Values::Same(value) => values.extend(std::iter::repeat_n(*value, count)),
            Values::Floats(bytes) => values.extend(simple_decompress::<f64>(bytes).map_err(|_| Damaged)?),
            Values::Decimals { digits, integers } => {
                let power = *POWERS.get(usize::from(*digits)).ok_or(Damaged)?;
                let integers = simple_decompress::<i64>(integers).map_err(|_| Damaged)?;
                values.extend(integers.into_iter().map(|integer| integer as f64 / power));
            }
        }
        if values.len() - before == count { Ok(()) } else { Err(Damaged) }
    }

    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Same(_) => 0,
            Values::Decimals { integers, .. } => integers.len(),
            Values::Floats(bytes) => bytes.len(),
        };
        self.times.bytes.len().div_ceil(self.times.shared_by.max(1)) + values
    }
}

impl Values {
    fn new(values: &[f64]) -> Self {
        let first = values.first().copied().unwrap_or_default();
        if values.iter().all(|value| value.to_bits() == first.to_bits()) {
            return Self::Same(first);
        }
        match decimals(values) {
            Some((digits, integers)) => Self::Decimals { digits, integers: compress(&integers, DeltaSpec::NoOp) },
            None => Self::Floats(compress(values, DeltaSpec::NoOp)),
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
            // One digit more, and all over again: it happens at most six times, and nearly always at the first values.
            digits += 1;
            if digits == POWERS.len() {
                return None;
            }
            integers.clear();
            at = 0;
        }
    }
    Some((digits as u8, integers))
}

/// Level 0, and no search for a better mode: a chunk is compressed on the thread that ingests.
fn compress<T: pco::data_types::Number>(numbers: &[T], delta: DeltaSpec) -> Box<[u8]> {
    let config =
        ChunkConfig::default().with_compression_level(0).with_mode_spec(ModeSpec::Classic).with_delta_spec(delta);
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
            decimals in prop::collection::vec((-99_999_i64..99_999, 0..7_usize), 1..200),
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
