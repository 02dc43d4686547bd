//! What the bounds of the store, and its questions, must survive.

use super::tests::{SECOND, all, sample};
use super::*;
use crate::sample::{Labels, SeriesKey, SeriesSet};

const MIB: u64 = 1 << 20;

#[test]
fn room_for_small_series_is_made_little_by_little() {
    let store = Store::new(Limits { max_bytes: 4 * MIB, ..Limits::default() });
    for at in 0..30_000_i64 {
        let before = store.bounds();
        let request = at.to_string();
        store.insert(&sample(&format!("m{}", at % 10), &[("request", &request)], at * SECOND, 1.0), Timestamp::MAX);
        let bounds = store.bounds();
        assert!(bounds.samples >= before.samples / 2, "{before:?} {bounds:?}");
    }
    let bounds = store.bounds();
    assert!(bounds.evicted > 0 && bounds.too_old == 0, "{bounds:?}");
}

#[test]
fn a_label_longer_than_the_store_costs_nothing_else() {
    let store = Store::new(Limits { max_bytes: MIB, ..Limits::default() });
    for at in 0..20_000_i64 {
        store.insert(&sample("m", &[], at * SECOND, at as f64), Timestamp::MAX);
    }
    let long = "x".repeat(5 << 20);
    store.insert(&sample("m", &[("l", &long)], 20_000 * SECOND, 1.0), Timestamp::MAX);
    let bounds = store.bounds();
    assert_eq!((bounds.samples, bounds.overflowed, bounds.too_old), (20_001, 1, 0), "{bounds:?}");
}

#[test]
fn one_sample_from_the_past_or_the_future_does_not_cost_the_others() {
    for outlier in [0, Timestamp::MAX.as_micros()] {
        let store = Store::new(Limits { max_bytes: MIB, ..Limits::whole_recording() });
        let start = 1_777_903_202 * SECOND;
        store.insert(&sample("m", &[], outlier, 1.0), Timestamp::from_micros(start));
        let mut random = 1_u64;
        for at in 0..200_000_i64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let time = start + at * SECOND / 100;
            let before = store.bounds();
            store.insert(&sample("m", &[], time, random as f64), Timestamp::from_micros(time));
            let bounds = store.bounds();
            assert!(bounds.samples > before.samples / 2, "{before:?} {bounds:?}");
        }
        assert_eq!(store.bounds().too_old, 0);
    }
}

#[test]
fn a_sample_from_the_future_does_not_have_small_series_refused() {
    let store = Store::new(Limits { max_bytes: MIB, ..Limits::default() });
    let start = 1_777_903_202 * SECOND;
    store.insert(&sample("future", &[], Timestamp::MAX.as_micros(), 1.0), Timestamp::from_micros(start));
    for at in 0..10_000_i64 {
        let time = start + at * SECOND;
        let request = at.to_string();
        store.insert(&sample("m", &[("request", &request)], time, 1.0), Timestamp::from_micros(time));
    }
    let bounds = store.bounds();
    assert!(bounds.evicted > 0 && bounds.too_old == 0, "{bounds:?}");
}

#[test]
fn a_store_with_room_for_next_to_nothing_still_takes_what_comes() {
    let store = Store::new(Limits { max_bytes: 4_000, ..Limits::default() });
    for at in 0..100_i64 {
        store.insert(&sample("m", &[("l", &at.to_string())], SECOND, 1.0), Timestamp::from_micros(SECOND));
    }
    let bounds = store.bounds();
    assert!(bounds.evicted > 0 && bounds.too_old == 0, "{bounds:?}");
}

#[test]
fn the_ends_of_time_neither_stop_nor_overflow_anything() {
    let cramped = Limits { max_bytes: 4_000, ..Limits::default() };
    let for_ever = Limits { raw_retention: Duration::MAX, ..Limits::default() };
    for limits in [cramped, for_ever, Limits::default()] {
        for time in [i64::MIN, i64::MIN + 86_520 * SECOND, 0, i64::MAX] {
            let store = Store::new(limits.clone());
            for at in 0..100_i64 {
                store.insert(&sample("m", &[("l", &at.to_string())], time, 1.0), Timestamp::MAX);
            }
            let bounds = store.bounds();
            let kept = bounds.samples + bounds.in_buckets;
            assert_eq!(kept + bounds.expired + bounds.evicted + bounds.too_old, 100, "{time} {bounds:?}");
        }
    }
    let end = Window::ALL.end;
    let steps = Steps { start: end, end, step: Duration::from_secs(1), window: Duration::from_secs(1) };
    assert_eq!(steps.windows().expect("one").count(), 1);
}

#[test]
fn a_burst_is_let_go_although_little_comes_after_it() {
    let store = Store::new(Limits::default());
    for at in 0..100_000_i64 {
        store.insert(&sample("burst", &[], at * SECOND / 1_000, 1.0), Timestamp::MAX);
    }
    for hour in 1..100 * 24 {
        store.insert(&sample("trickle", &[], hour * 3_600 * SECOND, 1.0), Timestamp::MAX);
    }
    assert_eq!(store.stats(&Selector::metric("burst"), Window::ALL), Ok(None));
    let bounds = store.bounds();
    assert!(bounds.expired >= 100_000 && bounds.evicted + bounds.too_old == 0, "{bounds:?}");
}

#[test]
fn a_clock_that_was_ahead_makes_nothing_too_old() {
    let store = Store::new(Limits::default());
    let now = 1_777_903_202 * SECOND;
    for time in [now + 3 * 86_400 * SECOND, now] {
        store.insert(&sample("m", &[], time, 1.0), Timestamp::from_micros(time));
    }
    store.insert(&sample("m", &[], now + SECOND, 1.0), Timestamp::from_micros(now + SECOND));
    let bounds = store.bounds();
    // What came while the clock told the truth is there; the one beside the jump may have come too late.
    assert!(bounds.too_old <= 1, "{bounds:?}");
    assert!(store.stats(&Selector::metric("m"), Window::ALL).expect("seen").is_some_and(|stats| stats.count >= 2));
}

#[test]
fn numbers_too_large_for_a_deviation_are_in_no_aggregate() {
    let store = Store::new(Limits::default());
    for (at, value) in [1e200, 1.0, -f64::MAX, 1e150].into_iter().enumerate() {
        store.insert(&sample("m", &[], at as i64, value), Timestamp::MAX);
    }
    let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats.count, store.bounds().not_finite), (2, 2));
    assert!(stats.stddev.is_finite() && stats.sum.is_finite());
}

#[test]
fn a_member_of_a_family_with_a_condition_that_nothing_meets_is_known() {
    let store = Store::new(Limits::default());
    store.insert(&sample("model_usage:a", &[("operation", "x")], 1, 1.0), Timestamp::MAX);
    let stats = |text: &str| store.stats(&text.parse().expect("a selector"), Window::ALL);
    assert_eq!(stats("model_usage:a{operation=y}"), Ok(None));
    assert!(stats("model_usage:b").is_err());
}

#[test]
fn expressions_match_whole_values_of_several_lines() {
    let two_lines = [("l", "a\nb")].into_iter().collect();
    assert!(Selector::metric("m").matching("l", ".*").expect("an expression").matches(&two_lines));
    assert!(!Selector::metric("m").matching("l", "a").expect("an expression").matches(&two_lines));
    assert!(Selector::metric("m").matching("l", "a)|(?:b").is_err());
}

#[test]
fn a_selector_is_written_as_it_reads() {
    for value in ["a,b", "~x", "\"q\"", " a ", "a\"b", "a\\b", "\\\"", "}", ""] {
        let selector = Selector::metric("m").with("l", value);
        assert_eq!(selector.to_string().parse(), Ok(selector));
        let selector = Selector::metric("m").matching("l", r#"gpt-4\.1|"a, b""#).expect("an expression");
        assert_eq!(selector.to_string().parse(), Ok(selector));
    }
    let any: Selector = Selector::metric("m").with_any("l", ["gpt-4.1", "o3"]).to_string().parse().expect("a selector");
    assert!(any.matches(&[("l", "gpt-4.1")].into_iter().collect()));
    assert!(!any.matches(&[("l", "gpt-4x1")].into_iter().collect()));
    // Where would the value end?
    assert!(r#"m{a"=b, c="d"}"#.parse::<Selector>().is_err());
}

#[test]
fn the_top_by_a_percentile_asks_for_percentiles() {
    let store = Store::new(Limits::default());
    store.insert(&all([sample("m", &[("l", "a")], 1, 1.0), sample("m", &[("l", "b")], 1, 9.0)]), Timestamp::MAX);
    let query = Query::new(Selector::metric("m")).by(&["l".into()]).percentiles(Percentiles::Off);
    let top = store.query(&query.top(1, Aggregate::P99), Window::ALL).expect("seen");
    assert_eq!(top[0].labels.to_string(), "{l=b}");
}

#[test]
fn names_without_end_are_not_kept_for_ever() {
    let store = Store::new(Limits { max_bytes: 4 * MIB, ..Limits::default() });
    for at in 0..25_000_i64 {
        store.insert(&sample(&format!("metric {at}"), &[], at * SECOND, 1.0), Timestamp::MAX);
        assert!(store.bounds().bytes <= 4 * MIB + 4_096, "{:?}", store.bounds());
    }
    let (bounds, known) = (store.bounds(), store.metrics().len());
    assert!(bounds.evicted > 0 && known >= bounds.series && known <= bounds.series + 10_000, "{known} {bounds:?}");
    assert!(store.stats(&Selector::metric("metric 24999"), Window::ALL).is_ok_and(|stats| stats.is_some()));
}

#[test]
fn series_that_come_together_in_ever_other_company() {
    let store = Store::new(Limits::default());
    let keys: Vec<Arc<SeriesKey>> =
        (0..12).map(|at| Arc::new(SeriesKey::new(&format!("score {at}"), Labels::NONE))).collect();
    let mut expected = [(0, 0.0); 12];
    for round in 0..6_000_i64 {
        let chosen = ((round * 2_654_435_761) >> 7) as usize % 4_095 + 1;
        let chosen: Vec<usize> = (0..keys.len()).filter(|at| chosen >> at & 1 == 1).collect();
        let values: Vec<f64> = chosen.iter().map(|at| (round + *at as i64) as f64).collect();
        let mut samples = Samples::default();
        let set = SeriesSet::new(chosen.iter().map(|at| Arc::clone(&keys[*at])));
        samples.push(Timestamp::from_secs(round), &set, &values);
        store.insert(&samples, Timestamp::MAX);
        for (at, value) in chosen.into_iter().zip(values) {
            expected[at].0 += 1;
            expected[at].1 += value;
        }
    }
    for (at, (count, sum)) in expected.into_iter().enumerate() {
        let stats = store.stats(&Selector::metric(format!("score {at}")), Window::ALL).expect("seen").expect("data");
        assert_eq!((stats.count, stats.sum), (count, sum), "score {at}");
    }
    let bounds = store.bounds();
    assert!(bounds.bytes < 2 * MIB, "as many tables as there are choices would take more: {bounds:?}");
}

#[test]
fn a_series_in_ever_new_company_is_in_few_groups() {
    let store = Store::new(Limits::default());
    let time = Arc::new(SeriesKey::new("evaluation_time", Labels::NONE));
    for at in 0..2_000_i64 {
        let tone = Arc::new(SeriesKey::new(&format!("evaluation_score_{at}"), Labels::NONE));
        let set = SeriesSet::new([Arc::clone(&time), tone]);
        let mut samples = Samples::default();
        samples.push(Timestamp::from_secs(at), &set, &[1.0, at as f64]);
        samples.push(Timestamp::from_secs(at), &set, &[2.0, at as f64]);
        store.insert(&samples, Timestamp::MAX);
    }
    let found = store.select(&Selector::metric("evaluation_time")).expect("seen");
    assert!(found[0].state().open.len() <= 33, "{} tables", found[0].state().open.len());
    let stats = |metric: &str| store.stats(&Selector::metric(metric), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats("evaluation_time").count, stats("evaluation_time").sum), (4_000, 6_000.0));
    assert_eq!((stats("evaluation_score_1999").count, stats("evaluation_score_1999").sum), (2, 3_998.0));
}

#[test]
fn the_ages_of_many_series_are_seen_to_little_by_little() {
    let limits = Limits {
        raw_retention: Duration::from_secs(60),
        bucket_retention: Duration::from_secs(60),
        ..Limits::default()
    };
    let store = Store::new(limits);
    let count = 5_000;
    for at in 0..count {
        store.insert(&sample("m", &[("l", &at.to_string())], SECOND, 1.0), Timestamp::MAX);
    }
    let mut before = store.bounds();
    let mut rounds = 0;
    while before.expired < count {
        store.insert(&sample("other", &[], (1_000 + rounds) * SECOND, 1.0), Timestamp::MAX);
        let bounds = store.bounds();
        assert!(bounds.expired - before.expired <= 1_024, "all at once: {before:?} {bounds:?}");
        before = bounds;
        rounds += 1;
        assert!(rounds < 100, "it does not come to an end: {bounds:?}");
    }
    assert!(rounds >= 5 && store.bounds().series <= 2, "{rounds} {:?}", store.bounds());
}

#[test]
fn several_of_an_event_that_overflow_into_one_series_are_all_counted() {
    let store = Store::new(Limits { max_series: 2, ..Limits::default() });
    let keys = ["a", "b", "c", "d"].map(|metric| Arc::new(SeriesKey::new(metric, Labels::NONE)));
    let set = SeriesSet::new(keys);
    for second in 0..2_000 {
        let mut samples = Samples::default();
        samples.push(Timestamp::from_secs(second), &set, &[1.0, 2.0, 3.0, 4.0]);
        store.insert(&samples, Timestamp::MAX);
    }
    let stats = |metric| store.stats(&Selector::metric(metric), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats("a").sum, stats("b").sum), (2_000.0, 4_000.0));
    assert_eq!((stats("overflow").count, stats("overflow").sum), (4_000, 14_000.0));
    let bounds = store.bounds();
    assert_eq!((bounds.samples, bounds.overflowed), (8_000, 4_000));
    // One by one they take about the same.
    assert!(bounds.bytes < 100_000, "{bounds:?}");
}

#[test]
fn an_ageing_goes_on_when_series_are_let_go_meanwhile() {
    let minute = Duration::from_secs(60);
    let store = Store::new(Limits { raw_retention: minute, bucket_retention: minute, ..Limits::default() });
    let count = 5_000;
    for at in 0..count {
        store.insert(&sample("m", &[("l", &at.to_string())], SECOND, 1.0), Timestamp::MAX);
    }
    // Ten times a thousand groups and series.
    for _ in 0..11 {
        store.insert(&sample("other", &[], 1_000 * SECOND, 1.0), Timestamp::MAX);
        store.write().drop_empty(1);
    }
    let bounds = store.bounds();
    assert_eq!((bounds.expired, bounds.series), (count, 1), "{bounds:?}");
}

#[test]
fn times_that_a_series_has_alone_are_counted_in_full() {
    let keys: Vec<Arc<SeriesKey>> =
        (0..20).map(|at| Arc::new(SeriesKey::new(&format!("m{at}"), Labels::NONE))).collect();
    let put = |store: &Store, keys: &[Arc<SeriesKey>], seconds: Range<i64>| {
        let set = SeriesSet::new(keys.iter().cloned());
        let mut samples = Samples::default();
        for second in seconds {
            let values: Vec<f64> = keys.iter().map(|_| second as f64).collect();
            samples.push(Timestamp::from_secs(second * second % 997), &set, &values);
        }
        store.insert(&samples, Timestamp::MAX);
        store.compact();
    };
    let bytes = |store: &Store| {
        let found = store.select(&Selector::metric("m7")).expect("seen");
        let state = found[0].state();
        state.nodes.iter().map(|node| node.bytes).sum::<usize>()
    };
    let (together, alone) = (Store::new(Limits::default()), Store::new(Limits::default()));
    for (at, key) in keys.iter().enumerate() {
        // So each has another chunk that is filled up.
        for store in [&together, &alone] {
            put(store, std::slice::from_ref(key), 0..20 + at as i64);
        }
    }
    put(&together, &keys, 100..300);
    for key in &keys {
        put(&alone, std::slice::from_ref(key), 100..300);
    }
    assert_eq!(bytes(&together), bytes(&alone));
}
