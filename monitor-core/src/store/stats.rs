//! Statistics of a window, and their names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use super::summary::Summary;
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
    /// Half of the samples are not larger; not a number where no percentiles were asked for. Percentiles interpolate between neighbours, as numpy and pandas do by default
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
    /// How far the ends of the window may be off: samples older than raw ones are kept lie in buckets, and a bucket at an
    /// end is taken whole or not at all. Zero where every sample was looked at.
    pub resolution: Duration,
    /// The error of the percentiles, relative to the larger of the two samples that one lies between: zero where they come
    /// from the samples themselves.
    pub percentile_error: f64,
}

impl WindowStats {
    /// All but the percentiles.
    pub(super) fn of(summary: &Summary, window: Window, resolution: Duration) -> Self {
        let count = summary.count as f64;
        let seconds = window.seconds();
        let none = f64::NAN;
        Self {
            count: summary.count,
            sum: summary.sum.total(),
            mean: summary.mean().clamp(summary.min, summary.max),
            min: summary.min,
            max: summary.max,
            stddev: if summary.count > 1 { (summary.squares / (count - 1.0)).sqrt() } else { 0.0 },
            p50: none,
            p90: none,
            p95: none,
            p99: none,
            rate: if seconds > 0.0 { count / seconds } else { count },
            first: summary.first.1,
            last: summary.last.1,
            first_time: Timestamp::from_micros(summary.first.0),
            last_time: Timestamp::from_micros(summary.last.0),
            resolution,
            percentile_error: 0.0,
        }
    }

    /// Sets the percentiles, given the value of any rank up to `last`.
    pub(super) fn set_percentiles(&mut self, last: u64, mut at_rank: impl FnMut(u64) -> f64) {
        let mut percentile = |share: f64| {
            let place = share * last as f64;
            let below = place.floor() as u64;
            let value = at_rank(below);
            let above = if place.fract() > 0.0 { at_rank(below + 1) } else { value };
            value + (above - value) * place.fract()
        };
        self.p50 = percentile(0.5);
        self.p90 = percentile(0.9);
        self.p95 = percentile(0.95);
        self.p99 = percentile(0.99);
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

    /// Whether it takes the samples in the order of their size.
    pub const fn is_percentile(self) -> bool {
        matches!(self, Self::P50 | Self::P90 | Self::P95 | Self::P99)
    }

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
