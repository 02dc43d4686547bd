//! What the store keeps at most, and what that has cost.

use std::time::Duration;

/// What the store keeps at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Samples older than this, seen from the newest, are summed up in buckets where that saves room.
    pub raw_retention: Duration,
    /// What is older than this, seen from the newest sample, is let go.
    pub bucket_retention: Duration,
    /// A sample that comes this much later than the newest is not taken.
    pub lateness: Duration,
    /// Series beyond this many are counted in one series of their metric, labelled `overflow=other`.
    pub max_series: usize,
    /// The same, for the series of one metric.
    pub max_series_per_metric: usize,
    /// Bytes of everything; beyond them the oldest is let go, whatever its age.
    pub max_bytes: u64,
    /// The relative error of percentiles that do not come from the samples themselves: at least 0.001, at most 0.5.
    pub percentile_error: f64,
}

impl Default for Limits {
    /// A day of samples and 30 days of buckets, samples as late as samples are kept, 100,000 series, 10,000 of a metric,
    /// 512 MiB, and 1 %.
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self {
            raw_retention: day,
            bucket_retention: 30 * day,
            lateness: day,
            max_series: 100_000,
            max_series_per_metric: 10_000,
            max_bytes: 512 << 20,
            percentile_error: 0.01,
        }
    }
}

impl Limits {
    /// Limits for a recording, which is looked at as a whole: its samples are kept as they are, up to `max_bytes`.
    pub fn whole_recording() -> Self {
        let ever = Duration::from_secs(100_000 * 86_400);
        Self { raw_retention: ever, bucket_retention: ever, lateness: ever, ..Self::default() }
    }
}

/// What the store holds and what its bounds have cost. Every sample that came is in one of `samples`, `in_buckets`,
/// `expired`, `evicted`, `too_old` and `not_finite`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Bounds {
    /// Series held.
    pub series: usize,
    /// Samples held one by one.
    pub samples: u64,
    /// Samples held in buckets.
    pub in_buckets: u64,
    /// Bytes that this takes, but for what the allocator adds.
    pub bytes: u64,
    /// Samples let go for their age.
    pub expired: u64,
    /// Samples let go to stay within `max_bytes`.
    pub evicted: u64,
    /// Samples that came in too late, or older than what is kept.
    pub too_old: u64,
    /// Samples that are NaN, infinite, or beyond ±1e150: they would spoil every aggregate.
    pub not_finite: u64,
    /// Samples counted under `overflow=other`, as there were too many series.
    pub overflowed: u64,
}
