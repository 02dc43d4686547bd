//! Counts against a naive count, percentiles against the store's, what is cut off and what is told of it.

use monitor_core::Zone;
use monitor_core::store::Window;
use proptest::prelude::*;

use super::*;
use crate::testing::store_of;

fn plotted(config: &Config, values: &[f64]) -> Option<(Histogram, Figure)> {
    config.validate().expect("valid");
    let store = store_of(&[("m", &[], values)]);
    let figure = config.figure(&store, &Scope::all(Zone::UTC)).expect("valid")?;
    let Plot::Histogram(histogram) = figure.plot.clone() else { panic!("a histogram") };
    Some((histogram, figure))
}

proptest! {
    #[test]
    fn every_value_is_in_one_bin_or_told(values in prop::collection::vec(-50.0..1e4_f64, 1..300), bins in prop::option::of(1..50_usize), log: bool) {
        let config = Config { bins, log, ..Config::of("m") };
        let Some((histogram, figure)) = plotted(&config, &values) else {
            prop_assert!(log && values.iter().all(|value| *value <= 0.0));
            return Ok(());
        };
        let edges = &histogram.edges;
        prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        for (at, count) in histogram.counts.iter().enumerate() {
            let is_last = at + 1 == histogram.counts.len();
            let inside = |value: &&f64| **value >= edges[at] && (**value < edges[at + 1] || (is_last && **value <= last));
            prop_assert_eq!(*count, values.iter().filter(inside).count() as u64);
        }
        let shown: u64 = histogram.counts.iter().sum();
        let above = values.iter().filter(|value| **value > last).count();
        let below = values.iter().filter(|value| **value < first).count();
        prop_assert_eq!(shown as usize + above + below, values.len());
        let told = |count: usize, words: &str| if count > 0 { figure.caption.contains(&format!(", {count} {words}")) } else { !figure.caption.contains(words) };
        prop_assert!(if above > 0 { figure.caption.contains(&format!(", {above} above ")) } else { !figure.caption.contains("up to") }, "{}", figure.caption);
        prop_assert!(told(below, "not above zero"), "{}", figure.caption);
    }

    #[test]
    fn percentiles_are_the_stores(values in prop::collection::vec(-1e3..1e3_f64, 1..200)) {
        let (histogram, _) = plotted(&Config::of("m"), &values).expect("data");
        let store = store_of(&[("m", &[], &values)]);
        let stats = store.stats(&"m".parse().expect("a metric"), Window::ALL).expect("known").expect("data");
        for ((_, value), expected) in histogram.marks.iter().zip([stats.p50, stats.p90, stats.p99]) {
            prop_assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
        }
    }
}

#[test]
fn what_lies_far_out_is_cut_off_and_told() {
    let mut values: Vec<f64> = (0..1_000).map(|at| f64::from(at % 100)).collect();
    values.push(5_000.0);
    let (histogram, figure) = plotted(&Config::of("m"), &values).expect("data");
    assert_eq!(histogram.edges.last(), Some(&99.0), "the 99th percentile");
    assert_eq!(histogram.marks[0], ("p50 50".to_owned(), 50.0), "percentiles are of all");
    assert!(figure.caption.ends_with(", 1 above 99 not shown, up to 5,000"), "{}", figure.caption);
    let (histogram, _) = plotted(&Config { clip: 0.0, ..Config::of("m") }, &values).expect("data");
    assert!((histogram.edges.last().expect("an edge") - 5_000.0).abs() < 1e-9);
}

#[test]
fn one_value_and_equal_values_have_a_bin_and_nothing_has_none() {
    for values in [&[3.0][..], &[3.0; 50]] {
        let (histogram, _) = plotted(&Config::of("m"), values).expect("data");
        assert_eq!(histogram.counts.iter().sum::<u64>(), values.len() as u64);
    }
    assert!(plotted(&Config::of("m"), &[]).is_none());
    assert!(plotted(&Config { log: true, ..Config::of("m") }, &[0.0, -1.0]).is_none());
}

#[test]
fn what_means_nothing_is_refused() {
    let key = |config: Config| config.validate().expect_err("refused").key;
    assert_eq!(key(Config { bins: Some(0), ..Config::of("m") }), Some("bins"));
    assert_eq!(key(Config { marks: vec![101.0], ..Config::of("m") }), Some("marks"));
    assert_eq!(key(Config { clip: f64::NAN, ..Config::of("m") }), Some("clip"));
    assert_eq!(key(Config { color: Some("gren".into()), ..Config::of("m") }), Some("metric"));
    assert_eq!(key(Config::of("m{")), Some("metric"));
}
