//! The store against a naive model, and its bounds.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::sample::SeriesKey;

fn sample(metric: &str, labels: &[(&str, &str)], micros: i64, value: f64) -> Sample {
    let labels = labels.iter().map(|(name, value)| (*name, *value)).collect();
    Sample {
        time: Timestamp::from_micros(micros),
        value,
        series: Arc::new(SeriesKey::new(metric, labels)),
        feedback: None,
    }
}

fn window(start: i64, end: i64) -> Window {
    Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
}

#[test]
fn no_metric_and_no_data_are_two_answers() {
    let store = Store::new(Limits::default());
    store.insert(&[sample("latency", &[("model_name", "a")], 10, 1.0)], Timestamp::MAX);
    let stats = |name: &str, window| store.stats(&name.parse().expect("a selector"), window);
    let unknown = stats("latencey", Window::ALL).expect_err("never seen");
    assert_eq!(unknown.to_string(), "no metric `latencey`; did you mean `latency`?");
    assert_eq!(stats("latency", window(11, 20)), Ok(None));
    assert_eq!(stats("latency{model_name=b}", Window::ALL), Ok(None));
    assert_eq!(stats("latency", window(10, 10)).map(|stats| stats.map(|stats| stats.count)), Ok(Some(1)));
    assert_eq!(stats("model_usage:x", Window::ALL).map_err(|error| error.name), Err("model_usage:x".into()));
}

#[test]
fn a_family_member_is_a_name_like_any_other() {
    let store = Store::new(Limits::default());
    store.insert(
        &[
            sample("model_usage", &[("model_name", "a"), ("operation", "x")], 1, 1.0),
            sample("model_usage:a", &[], 2, 1.0),
            sample("model_usage:b", &[], 3, 1.0),
        ],
        Timestamp::MAX,
    );
    let count = |name: &str| store.stats(&Selector::metric(name), Window::ALL).map(|stats| stats.map(|s| s.count));
    assert_eq!(
        [count("model_usage:a"), count("model_usage:b"), count("model_usage")],
        [Ok(Some(2)), Ok(Some(1)), Ok(Some(3))]
    );
    assert!(count("model_usage:c").is_err());
}

#[test]
fn retention_holds_by_age_and_by_bytes() {
    let limits = Limits { raw_retention: Duration::from_micros(100), ..Limits::default() };
    let store = Store::new(limits);
    for time in 0..1_000 {
        store.insert(&[sample("m", &[], time, 1.0)], Timestamp::MAX);
    }
    let bounds = store.bounds();
    assert_eq!(bounds.samples + bounds.expired, 1_000);
    assert!(bounds.samples <= 101 + 101 / 8, "{bounds:?}");
    store.insert(&[sample("m", &[], 5, 1.0)], Timestamp::MAX);
    assert_eq!(store.bounds().too_old, 1);

    let store = Store::new(Limits { max_bytes: 16 * 64, ..Limits::default() });
    for time in 0..1_000 {
        store.insert(&[sample("m", &[], time, 1.0), sample("n", &[], time, 1.0)], Timestamp::MAX);
    }
    let bounds = store.bounds();
    assert_eq!(bounds.samples + bounds.evicted, 2_000);
    assert!((40..=64).contains(&bounds.samples), "{bounds:?}");
}

#[test]
fn a_sample_from_the_future_makes_no_other_old() {
    let limits = Limits { raw_retention: Duration::from_micros(100), ..Limits::default() };
    let store = Store::new(limits);
    for time in 0..500 {
        store.insert(&[sample("m", &[], time, 1.0), sample("m", &[], 10_000, 1.0)], Timestamp::from_micros(time));
    }
    assert_eq!(store.bounds().too_old, 0);
    assert!(
        store.stats(&Selector::metric("m"), window(401, 499)).expect("seen").is_some_and(|stats| stats.count == 99)
    );
}

#[test]
fn series_that_have_expired_make_room_for_others() {
    let limits = Limits { raw_retention: Duration::from_micros(10), max_series: 3, ..Limits::default() };
    let store = Store::new(limits);
    for n in 0..1_000_i64 {
        store.insert(&[sample("m", &[("user", &(n / 100).to_string())], n, 1.0)], Timestamp::MAX);
    }
    assert_eq!(store.bounds().overflowed, 0);
    assert!(store.bounds().series <= 3);
    let last = store.stats(&Selector::metric("m").with("user", "9"), Window::ALL).expect("seen");
    assert!(last.is_some());
    assert_eq!(store.stats(&Selector::metric("m").with("user", "0"), Window::ALL), Ok(None));
}

#[test]
fn series_without_end_leave_the_totals_right() {
    let store = Store::new(Limits { max_series: 10, ..Limits::default() });
    for n in 0..1_000 {
        store.insert(&[sample("m", &[("user", &n.to_string())], n, 1.0)], Timestamp::MAX);
    }
    let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats.count, stats.sum), (1_000, 1_000.0));
    assert_eq!((store.bounds().series, store.bounds().overflowed), (11, 990));
    let other =
        store.stats(&Selector::metric("m").with("overflow", "other"), Window::ALL).expect("seen").expect("data");
    assert_eq!(other.count, 990);
}

proptest! {
    #[test]
    fn agrees_with_a_naive_model(
        samples in prop::collection::vec((0..3_u8, 0..200_i64, -1e6..1e6_f64), 1..200),
        start in -10..210_i64,
        length in 0..100_i64,
    ) {
        let store = Store::new(Limits::default());
        let labels = ["a", "b", "c"];
        for (label, time, value) in &samples {
            store.insert(&[sample("m", &[("l", labels[usize::from(*label)])], *time, *value)], Timestamp::MAX);
        }
        let window = window(start, start + length);
        let inside = |label: Option<u8>| {
            let mut values: Vec<f64> = samples
                .iter()
                .filter(|(l, time, _)| label.is_none_or(|label| label == *l) && (start..=start + length).contains(time))
                .map(|(_, _, value)| *value)
                .collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let check = |stats: Option<&WindowStats>, values: &[f64]| {
            prop_assert_eq!(stats.map_or(0, |stats| stats.count), values.len() as u64);
            let Some(stats) = stats else { return Ok(()) };
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            prop_assert_eq!((stats.min, stats.max), (values[0], values[values.len() - 1]));
            prop_assert!((stats.mean - mean).abs() < 1e-6);
            if values.len() > 1 {
                let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
                prop_assert!((stats.stddev - variance.sqrt()).abs() < 1e-6);
            }
            let not_larger = values.iter().filter(|value| **value <= stats.p90).count() as f64;
            prop_assert!(not_larger >= 0.9 * (count - 1.0));
            Ok(())
        };
        check(store.stats(&Selector::metric("m"), window).expect("seen").as_ref(), &inside(None))?;
        let groups = store.stats_by(&Selector::metric("m"), window, &["l".into()]).expect("seen");
        for (at, label) in labels.iter().enumerate() {
            let group = groups.iter().find(|group| group.labels.get("l").is_some_and(|value| value == label));
            check(group.map(|group| &group.stats), &inside(Some(at as u8)))?;
        }
        let points = store.points(&Selector::metric("m"), window).expect("seen");
        prop_assert!(points.is_sorted_by_key(|(time, _)| *time));
        prop_assert_eq!(points.len(), inside(None).len());
    }
}
