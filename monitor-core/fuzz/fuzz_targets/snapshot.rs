//! A snapshot is taken up as it was, or refused; whatever is taken up can be asked, added to and written down again.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use monitor_core::Timestamp;
use monitor_core::fuzzing::{restore, snapshot, snapshot_head};
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Group, Limits, Percentiles, Query, Selector, Store, Window, WindowStats};

const BEGIN: i64 = 1_777_903_200_000_000;

fuzz_target!(|bytes: &[u8]| {
    // So small that buckets come about, and so does what was let go.
    let limits = Limits {
        raw_retention: Duration::from_secs(6_000),
        max_bytes: 1 << 20,
        max_series_per_metric: 3,
        ..Limits::default()
    };
    _ = restore(bytes, &limits);
    let taken_up = |content: &[u8]| restore(&[&snapshot_head(content), content].concat(), &limits);
    if let Some(store) = taken_up(bytes) {
        goes_on(&store);
    }

    let [by, at @ .., b'!'] = bytes else { return };
    let store = filled(at, &limits);
    let mut content = snapshot(&store);
    let again = taken_up(&content).expect("what a store has written");
    let (before, after) = (answers(&store, Percentiles::Exact), answers(&again, Percentiles::Exact));
    assert_eq!(before.len(), after.len());
    before.iter().flatten().zip(after.iter().flatten()).for_each(|(before, after)| same(before, after));
    // What was open is at rest now; from here on nothing changes.
    let written = snapshot(&again);
    assert_eq!(snapshot(&taken_up(&written).expect("what a store has written")), written);
    // Damaged, with a checksum that says otherwise.
    let place = at.iter().fold(0, |place: usize, byte| place.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let place = place % content.len();
    content[place] ^= *by;
    if let Some(store) = taken_up(&content) {
        goes_on(&store);
    }
});

/// A store of runs of samples, eight bytes each: how many, how far apart, of which series, from which number on, and
/// whether they are put to rest.
fn filled(runs: &[u8], limits: &Limits) -> Store {
    let store = Store::new(limits.clone());
    let (mut time, mut total) = (BEGIN, 0);
    for run in runs.as_chunks::<8>().0.iter().take(6) {
        let [count, apart, unit, series, step, value @ ..] = *run;
        let labels = [("l", series.to_string())].into_iter().collect();
        let series = SeriesSet::new([Arc::new(SeriesKey::new("m", labels))]);
        let mut value = f64::from(i16::from_le_bytes([value[0], value[1]])) / f64::from(value[2]).max(1.0);
        let mut samples = Samples::default();
        // Enough for two chunks and a little more: every comparison of two samples is looked at, which takes its time.
        let count = (usize::from(count) * 8).min(1_200 - total);
        total += count;
        for _ in 0..count {
            time += i64::from(apart) << (unit % 24);
            samples.push(Timestamp::from_micros(time), &series, &[value]);
            value += f64::from(step) / 4.0;
        }
        store.insert(&samples, Timestamp::MAX);
        if unit >= 128 {
            store.compact();
        }
    }
    store
}

/// What is asked of a store: all of it, by its labels, and both of its halves.
fn answers(store: &Store, percentiles: Percentiles) -> Vec<Vec<Group>> {
    let extent = store.extent().unwrap_or(Window::ALL);
    let half = Timestamp::from_micros(extent.start.as_micros().midpoint(extent.end.as_micros()));
    let mut answers = Vec::new();
    for metric in store.metrics() {
        let query = Query::new(Selector::metric(metric.name)).percentiles(percentiles);
        let by = query.clone().by(&metric.labels.into_keys().collect::<Vec<_>>());
        answers.extend(store.query(&by, Window::ALL));
        for window in [extent, Window { end: half, ..extent }, Window { start: half, ..extent }] {
            answers.extend(store.query(&query, window));
        }
    }
    answers
}

/// Sums of what was open are worked out in another order.
fn same(before: &Group, after: &Group) {
    let (b, a) = (before.stats, after.stats);
    let near = 1e-9 * (1.0 + b.min.abs().max(b.max.abs()));
    assert!((b.mean - a.mean).abs() <= near && (b.stddev - a.stddev).abs() <= near, "{b:?} is {a:?}");
    let (labels, stats) = (before.labels.clone(), WindowStats { sum: b.sum, mean: b.mean, stddev: b.stddev, ..a });
    assert_eq!(&Group { labels, stats }, before);
    assert_eq!(after.labels, before.labels);
}

/// A store that was taken up is one like any other.
fn goes_on(store: &Store) {
    for percentiles in [Percentiles::Off, Percentiles::Sketched, Percentiles::Exact] {
        for group in answers(store, percentiles).iter().flatten() {
            assert!(group.stats.count > 0 && group.stats.min <= group.stats.max, "{group:?}");
        }
    }
    for metric in store.metrics().into_iter().take(4) {
        let series = SeriesSet::new([Arc::new(SeriesKey::new(&metric.name, Labels::NONE))]);
        let mut samples = Samples::default();
        for hour in 0..100 {
            let time = Timestamp::from_micros(BEGIN).plus(Duration::from_secs(3_600 * hour));
            samples.push(time, &series, &[1.0]);
        }
        store.insert(&samples, Timestamp::MAX);
    }
    store.compact();
    for metric in store.metrics() {
        _ = store.points(&Selector::metric(metric.name), Window::ALL);
    }
    _ = (answers(store, Percentiles::Sketched), store.bounds(), store.overflowing(), snapshot(store));
}
