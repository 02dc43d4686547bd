//! Anomalies against a naive evaluator, tick by tick, with samples that come late.

use monitor_core::component::Verdict;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    Sample, aggregate, any_aggregate, check, faults, faults_of, groups, insert, median, open, plain, read, read_one,
    samples, store, within,
};

const WINDOW: i64 = 10;
const WINDOWS: i64 = 8;

fn config(method: Method, direction: Direction) -> Config {
    let seconds = |seconds: i64| DurationText(Duration::from_secs(seconds.unsigned_abs()));
    let (window, baseline) = (seconds(WINDOW), seconds(WINDOW * WINDOWS));
    Config {
        method,
        direction,
        window,
        baseline,
        min_windows: 3,
        above: Some(2.0),
        critical: Some(6.0),
        ..Config::on("m")
    }
}

/// By the book: the values of the windows one after the other, and the formulas as they stand in the README.
fn naive(config: &Config, samples: &[Sample], group: Option<&str>, now: i64) -> Option<f64> {
    let of = |from, to| aggregate(&within(samples, "m", group, from, to), config.aggregate, (to - from) as f64);
    let latest = of(now - WINDOW, now)?;
    let end = (now - WINDOW).div_euclid(WINDOW) * WINDOW;
    let baseline: Vec<f64> =
        (1..=WINDOWS).rev().filter_map(|back| of(end - back * WINDOW, end - (back - 1) * WINDOW)).collect();
    let count = baseline.len() as f64;
    if baseline.len() < config.min_windows {
        return None;
    }
    let mean = baseline.iter().sum::<f64>() / count;
    let (number, expected, deviation) = match config.method {
        Method::Mad => {
            let middle = median(&baseline);
            let distances: Vec<f64> = baseline.iter().map(|value| (value - middle).abs()).collect();
            let mad = median(&distances);
            let deviation = if mad > 0.0 { mad / 0.6745 } else { 1.253_314 * distances.iter().sum::<f64>() / count };
            (latest, middle, deviation)
        }
        Method::Ewma => {
            let weight = config.smoothing;
            let (mut average, mut variance) = (mean, 0.0);
            for value in baseline.iter().chain([&latest]) {
                average = weight * value + (1.0 - weight) * average;
            }
            for value in &baseline {
                variance += (value - mean) * (value - mean) / (count - 1.0);
            }
            (average, mean, (variance * weight / (2.0 - weight)).sqrt())
        }
    };
    let least = 1e-9 * if expected == 0.0 { 1.0 } else { expected.abs() };
    let score = (number - expected) / deviation.max(config.min_deviation).max(least);
    Some(match config.direction {
        Direction::Above => score,
        Direction::Below => -score,
        Direction::Both => score.abs(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn as_by_the_book(
        samples in samples(200, 150),
        late in samples(200, 10),
        what in any_aggregate(),
        is_mad: bool,
        direction in prop_oneof![Just(Direction::Above), Just(Direction::Below), Just(Direction::Both)],
        // With a floor, for else rounding is amplified a billion times where a baseline does not move at all.
        min_deviation in 0.1..1.0_f64,
        grouped: bool,
        start in 0..120_i64,
        step in 1..25_usize,
    ) {
        let method = if is_mad { Method::Mad } else { Method::Ewma };
        let config = Config { aggregate: what, min_deviation, ..config(method, direction) };
        let mut rule = open(&config, grouped);
        let store = store(&[]);
        let mut in_order = samples.clone();
        in_order.sort_by_key(|sample| sample.second);
        let mut here: Vec<Sample> = Vec::new();
        for now in (start..260).step_by(step) {
            let come: Vec<Sample> = in_order[here.len()..].iter().copied().take_while(|sample| sample.second <= now).collect();
            insert(&store, &come);
            here.extend(come);
            let expected: Vec<_> =
                groups(grouped).into_iter().map(|(group, labels)| (labels, naive(&config, &here, group, now))).collect();
            check(&read(&mut *rule, &store, now), &expected, 2.0, 6.0)?;
        }
        // What comes late counts once every window has had its turn.
        insert(&store, &late);
        let all = [here, late].concat();
        for _ in 0..WINDOWS {
            read(&mut *rule, &store, 210);
        }
        let expected: Vec<_> =
            groups(grouped).into_iter().map(|(group, labels)| (labels, naive(&config, &all, group, 210))).collect();
        check(&read(&mut *rule, &store, 210), &expected, 2.0, 6.0)?;
    }
}

#[test]
fn what_comes_three_windows_late_counts_at_once() {
    let samples: Vec<(i64, f64)> = (0..11).map(|at| (at * 10 + 5, (at % 3) as f64)).collect();
    let store = store(&plain(&samples));
    let config = config(Method::Mad, Direction::Both);
    let mut rule = open(&config, false);
    let before = read_one(&mut *rule, &store, 110);
    let late = plain(&[(75, 9.0), (85, 9.0), (95, 9.0)]);
    insert(&store, &late);
    let after = read_one(&mut *rule, &store, 110);
    let all = [plain(&samples), late].concat();
    assert_eq!(after.2, naive(&config, &all, None, 110));
    assert_ne!(before.2, after.2);
}

#[test]
fn a_clock_that_goes_back_or_leaps_starts_anew() {
    let samples: Vec<(i64, f64)> = (0..400).map(|at| (at, f64::from(at as i32 % 7))).collect();
    let (samples, config) = (plain(&samples), config(Method::Ewma, Direction::Both));
    let (store, mut rule) = (store(&samples), open(&config, false));
    for now in [200, 390, 150, 155, 399, 120] {
        let (got, expected) = (read_one(&mut *rule, &store, now).2, naive(&config, &samples, None, now));
        assert!((got.expect("data") - expected.expect("data")).abs() < 1e-9, "{now}: {got:?} {expected:?}");
    }
}

#[test]
fn a_metric_that_never_moved_is_an_anomaly_when_it_does() {
    let mut samples: Vec<(i64, f64)> = (0..100).map(|second| (second, 1.0)).collect();
    samples.extend((100..110).map(|second| (second, 0.99)));
    let store = store(&plain(&samples));
    for method in [Method::Mad, Method::Ewma] {
        let mut rule = open(&config(method, Direction::Below), false);
        assert_eq!(read_one(&mut *rule, &store, 99).0, Verdict::Clear);
        assert_eq!(read_one(&mut *rule, &store, 109).0, Verdict::Breached, "{method:?}");
        let mut rule = open(&Config { min_deviation: 0.01, ..config(method, Direction::Below) }, false);
        assert_eq!(read_one(&mut *rule, &store, 109).0, Verdict::Clear, "{method:?}");
    }
}

#[test]
fn the_table_of_a_book() {
    // NIST/SEMATECH e-Handbook 6.3.2.4: mean 50, a standard deviation of 2.0539 and a weight of 0.3 make limits at 52.5884 and
    // 47.4115, and these are the averages after each of the twenty values.
    let values = [
        52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4,
        53.6, 52.1,
    ];
    let averages = [
        50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52, 50.05, 49.38, 49.92,
        50.73, 51.23, 51.94, 51.99,
    ];
    let mut average = 50.0;
    for (value, expected) in values.into_iter().zip(averages) {
        // Two values whose mean is where the average stands, so that it begins there; their spread is that of the book.
        let score = Score::ewma(&[average], value, 2.0539 * (0.3_f64 / 1.7).sqrt(), 0.3);
        average = score.now;
        assert!((average - expected).abs() < 0.006, "{average} is not {expected}");
        assert!((3.0 * score.deviation - 2.5884).abs() < 1e-3);
    }
}

#[test]
fn it_says_how_far() {
    let mut samples: Vec<(i64, f64)> = (0..10).map(|at| (10 * at + 5, (at % 3 + 1) as f64)).collect();
    samples.push((115, 9.0));
    let store = store(&plain(&samples));
    let message = |method| {
        let mut rule = open(&Config { critical: None, ..config(method, Direction::Both) }, false);
        let readings = read(&mut *rule, &store, 115);
        rule.message(&readings[0]).expect("data")
    };
    assert_eq!(message(Method::Mad), "mean of m is 9, 4.721 deviations above the usual 2; the limit is 2");
    assert!(message(Method::Ewma).starts_with("mean of m, smoothed, is 3."), "{}", message(Method::Ewma));
}

#[test]
fn bad_keys_are_told() {
    assert_eq!(faults_of(DEFINITION.sample), "");
    let fault = |keys: &str| faults(&format!("type = \"anomaly\"\nmetric = \"m\"\n{keys}"));
    assert_eq!(fault(""), "");
    for (keys, words) in [
        ("window = \"0s\"", "longer than nothing"),
        ("window = \"1ns\"", "must be at least three times `window`"),
        ("baseline = \"4m\"", "must be at least three times `window`"),
        ("baseline = \"30m\"", "must be at least 3, and at most 6"),
        ("min_windows = 2", "must be at least 3, and at most 288"),
        ("window = \"1s\"", "86400 windows, more than 5000"),
        ("above = -1", "for the side set `direction`"),
        ("above = nan", "must be a finite number"),
        ("critical = 2", "must be above 3.5"),
        ("method = \"ewma\"\ncritical = 2", "must be above 3"),
        ("min_deviation = -0.1", "at least 0"),
        ("min_deviation = nan", "at least 0"),
        ("smoothing = 0", "above 0 and at most 1"),
        ("smoothing = 1.5", "above 0 and at most 1"),
        ("direction = \"up\"", "above"),
        ("method = \"arima\"", "mad"),
        ("below = 3", "unknown key `below`"),
    ] {
        assert!(fault(keys).contains(words), "{keys}: {}", fault(keys));
    }
}
