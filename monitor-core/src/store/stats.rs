//! Statistics of a window, exact over its samples.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use super::series::Slice;
use crate::Timestamp;

/// Statistics of the samples in a window. There is at least one: an empty window has no statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowStats {
    /// How many samples.
    pub count: u64,
    /// Their sum, compensated (Neumaier 1974).
    pub sum: f64,
    /// Their arithmetic mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The sample standard deviation (n - 1); zero for one sample.
    pub stddev: f64,
    /// Half of the samples are not larger. Percentiles interpolate between neighbours, as numpy and pandas do by default
    /// (type 7 of Hyndman and Fan 1996).
    pub p50: f64,
    /// Nine tenths of the samples are not larger.
    pub p90: f64,
    /// 95 % of the samples are not larger.
    pub p95: f64,
    /// 99 % of the samples are not larger.
    pub p99: f64,
    /// Samples a second of the window; for a window without length, the count.
    pub rate: f64,
    /// The value of the earliest sample.
    pub first: f64,
    /// The value of the latest sample.
    pub last: f64,
    /// When the earliest sample was taken.
    pub first_time: Timestamp,
    /// When the latest sample was taken.
    pub last_time: Timestamp,
}

impl WindowStats {
    pub(super) fn of<'a>(slices: impl IntoIterator<Item = Slice<'a>>, window: Window) -> Option<Self> {
        let mut values = Vec::new();
        let mut first: Option<(i64, f64)> = None;
        let mut last: Option<(i64, f64)> = None;
        for slice in slices {
            let (Some(from), Some(to)) = (slice.times.first(), slice.times.last()) else {
                continue;
            };
            if first.is_none_or(|(time, _)| *from < time) {
                first = Some((*from, slice.values[0]));
            }
            if last.is_none_or(|(time, _)| *to >= time) {
                last = Some((*to, slice.values[slice.values.len() - 1]));
            }
            values.extend_from_slice(slice.values);
        }
        let ((first_time, first), (last_time, last)) = (first?, last?);
        let count = values.len() as f64;
        let sum = compensated_sum(values.iter().copied());
        let mean = sum / count;
        let squares = compensated_sum(values.iter().map(|value| (value - mean) * (value - mean)));
        values.sort_unstable_by(f64::total_cmp);
        let seconds = window.seconds();
        Some(Self {
            count: values.len() as u64,
            sum,
            mean,
            min: values[0],
            max: values[values.len() - 1],
            stddev: if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 },
            p50: percentile(&values, 0.5),
            p90: percentile(&values, 0.9),
            p95: percentile(&values, 0.95),
            p99: percentile(&values, 0.99),
            rate: if seconds > 0.0 { count / seconds } else { count },
            first,
            last,
            first_time: Timestamp::from_micros(first_time),
            last_time: Timestamp::from_micros(last_time),
        })
    }

    /// One of the statistics by name.
    pub fn get(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            Aggregate::Count => self.count as f64,
            Aggregate::Sum => self.sum,
            Aggregate::Mean => self.mean,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Stddev => self.stddev,
            Aggregate::P50 => self.p50,
            Aggregate::P90 => self.p90,
            Aggregate::P95 => self.p95,
            Aggregate::P99 => self.p99,
            Aggregate::Rate => self.rate,
            Aggregate::First => self.first,
            Aggregate::Last => self.last,
        }
    }
}

fn compensated_sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + lost
}

fn percentile(sorted: &[f64], rank: f64) -> f64 {
    let place = rank * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

/// The name of a statistic, as in `aggregate = "p99"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// How many samples.
    Count,
    /// Their sum.
    Sum,
    /// Their arithmetic mean.
    #[default]
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The sample standard deviation.
    Stddev,
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// Samples a second.
    Rate,
    /// The earliest sample.
    First,
    /// The latest sample.
    Last,
}

impl Aggregate {
    /// Every statistic, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Count,
        Self::Sum,
        Self::Mean,
        Self::Min,
        Self::Max,
        Self::Stddev,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::Rate,
        Self::First,
        Self::Last,
    ];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Stddev => "stddev",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Rate => "rate",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no statistic.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown aggregate `{0}`: there are count, sum, mean, min, max, stddev, p50, p90, p95, p99, rate, first and last"
)]
pub struct UnknownAggregate(pub String);

impl FromStr for Aggregate {
    type Err = UnknownAggregate;

    fn from_str(text: &str) -> Result<Self, UnknownAggregate> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| UnknownAggregate(text.to_owned()))
    }
}
