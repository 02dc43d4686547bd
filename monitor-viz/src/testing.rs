//! What the tests of several charts use: stores of a few values.

use monitor_core::Timestamp;
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store};

/// 2026-05-04 14:00:00 UTC, in seconds.
pub(crate) const START: i64 = 1_777_903_200;

/// A metric, its labels, and values, of which one comes a second.
pub(crate) type Given<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [f64]);

/// A store of these series.
pub(crate) fn store_of(series: &[Given<'_>]) -> Store {
    let store = Store::new(Limits::whole_recording());
    for (metric, labels, values) in series {
        let at = values.iter().enumerate().map(|(at, value)| (START * 1_000_000 + at as i64 * 1_000_000, *value));
        add(&store, metric, labels, &at.collect::<Vec<_>>());
    }
    store
}

/// Adds samples, `(microseconds, value)`, to a store.
pub(crate) fn add(store: &Store, metric: &str, labels: &[(&str, &str)], points: &[(i64, f64)]) {
    let labels: Labels = labels.iter().map(|(name, value)| (*name, *value)).collect();
    let series = SeriesSet::new([SeriesKey::new(metric, labels).into()]);
    let mut samples = Samples::default();
    for (at, value) in points {
        samples.push(Timestamp::from_micros(*at), &series, &[*value]);
    }
    store.insert(&samples, Timestamp::MAX);
}
