//! Drift against a naive evaluator.

use monitor_core::component::Verdict;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    GROUPS, Sample, check, context, faults, faults_of, groups, open, plain, read, read_one, samples, store, within,
};

fn config(method: Method, window: i64, baseline: i64, min_each: u64) -> Config {
    let seconds = |seconds: i64| DurationText(Duration::from_secs(seconds.unsigned_abs()));
    let (window, baseline) = (seconds(window), seconds(baseline));
    Config { method, window, baseline, min_each, critical: Some(0.75), ..Config::on("m") }
}

/// From one side and the other, bin by bin: the index as it stands in the README, over bins that either side has.
fn index(bins: &[(f64, f64)]) -> f64 {
    let bins: Vec<_> = bins.iter().filter(|(p, q)| p + q > 0.0).map(|(p, q)| (p + 0.5, q + 0.5)).collect();
    let (all_p, all_q) = (bins.iter().map(|bin| bin.0).sum::<f64>(), bins.iter().map(|bin| bin.1).sum::<f64>());
    bins.iter().map(|(p, q)| (q / all_q - p / all_p) * ((q / all_q) / (p / all_p)).ln()).sum()
}

fn naive_psi(before: &[f64], now: &[f64]) -> f64 {
    let mut sorted = before.to_vec();
    sorted.sort_by(f64::total_cmp);
    // A decile is the smallest value that so many tenths of the values do not exceed.
    let mut ends: Vec<f64> = (1..10).map(|tenth| sorted[(tenth * sorted.len()).div_ceil(10) - 1]).collect();
    ends.dedup();
    let own: Vec<f64> = {
        let mut values = sorted.clone();
        values.dedup();
        let often =
            |value: &f64| before.iter().filter(|other| other.total_cmp(value).is_eq()).count() * 10 >= before.len();
        values.into_iter().filter(often).collect()
    };
    // Which bin a value is in: how many ends are below it, apart from those that are a bin of their own.
    let bin = |value: f64| (ends.iter().chain(&own).filter(|end| **end < value).count(), own.contains(&value));
    let mut bins: BTreeMap<(usize, bool), (f64, f64)> = BTreeMap::new();
    for value in before {
        bins.entry(bin(*value)).or_default().0 += 1.0;
    }
    for value in now {
        bins.entry(bin(*value)).or_default().1 += 1.0;
    }
    index(&bins.into_values().collect::<Vec<_>>())
}

fn naive_ks(before: &[f64], now: &[f64]) -> f64 {
    let share = |values: &[f64], up_to: f64| {
        values.iter().filter(|value| **value <= up_to).count() as f64 / values.len() as f64
    };
    before.iter().chain(now).map(|at| (share(before, *at) - share(now, *at)).abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn of_values_as_by_the_book(
        samples in samples(100, 400),
        is_psi: bool,
        window in 1..40_i64,
        longer in 0..60_i64,
        min_each in 0..20_u64,
        grouped: bool,
        now in 0..160_i64,
    ) {
        let method = if is_psi { Method::Psi } else { Method::Ks };
        let mut rule = open(&config(method, window, window + longer, min_each), grouped);
        let naive = |group| {
            let end = now - window;
            let before = within(&samples, "m", group, end - window - longer, end);
            let now = within(&samples, "m", group, end, now);
            let is_enough = before.len().min(now.len()) as u64 >= min_each.max(1);
            is_enough.then(|| if is_psi { naive_psi(&before, &now) } else { naive_ks(&before, &now) })
        };
        let expected: Vec<_> = groups(grouped).into_iter().map(|(group, labels)| (labels, naive(group))).collect();
        check(&read(&mut *rule, &store(&samples), now), &expected, 0.25, 0.75)?;
    }

    #[test]
    fn of_labels_as_by_the_book(samples in samples(100, 200), window in 1..40_i64, longer in 0..60_i64, now in 0..160_i64) {
        let config = Config { label: Some("g".into()), ..config(Method::Psi, window, window + longer, 5) };
        let mut rule = open(&config, false);
        let end = now - window;
        let count = |group, from, to| within(&samples, "m", group, from, to).len();
        let bins: Vec<(f64, f64)> = GROUPS
            .iter()
            .map(|group| (count(Some(group), end - window - longer, end) as f64, count(Some(group), end, now) as f64))
            .collect();
        let is_enough = count(None, end - window - longer, end).min(count(None, end, now)) >= 5;
        let expected = [(String::new(), is_enough.then(|| index(&bins)))];
        check(&read(&mut *rule, &store(&samples), now), &expected, 0.25, 0.75)?;
    }
}

#[test]
fn a_metric_of_one_value_that_takes_another_has_drifted_to_either_side() {
    for (value, method) in [(0.9, Method::Psi), (1.1, Method::Psi), (0.9, Method::Ks), (1.1, Method::Ks)] {
        let samples: Vec<(i64, f64)> = (0..100).map(|at| (at, if at < 80 { 1.0 } else { value })).collect();
        let mut rule = open(&config(method, 19, 80, 20), false);
        let (verdict, level, _) = read_one(&mut *rule, &store(&plain(&samples)), 99);
        assert_eq!(
            (verdict, level),
            (Verdict::Breached, Some(monitor_core::event::Level::Critical)),
            "{value} {method:?}"
        );
    }
}

#[test]
fn many_samples_of_one_distribution_have_not_drifted() {
    // Far more than are looked at one by one: from sketches, and not from the same chunks.
    let samples: Vec<(i64, f64)> = (0..20_000).map(|at| (at, f64::from((at * 7_919 % 1_000) as i32) / 10.0)).collect();
    let store = store(&plain(&samples));
    for method in [Method::Psi, Method::Ks] {
        let (verdict, _, value) = read_one(&mut *open(&config(method, 1_000, 18_000, 100), false), &store, 19_999);
        assert_eq!(verdict, Verdict::Clear);
        assert!(value.is_some_and(|value| value < 0.01), "{value:?}");
    }
}

#[test]
fn a_label_that_no_series_has_is_doubted() {
    let store = store(&[Sample { second: 1, metric: "m", group: "a", value: 1.0 }]);
    let doubt = |label: &str| {
        let mut rule = open(&Config { label: Some(label.into()), ..config(Method::Psi, 10, 10, 1) }, false);
        read(&mut *rule, &store, 5);
        rule.doubt()
    };
    assert_eq!(doubt("gg").as_deref(), Some("no series of `m` has the label `gg`"));
    assert_eq!(doubt("g"), None);
    let grouped = Config { label: Some("g".into()), ..Config::on("m") };
    let error = grouped.open(&context(&["g"])).map(drop).expect_err("one value a group");
    assert!(error.to_string().contains("`by` holds `g`"), "{error}");
}

#[test]
fn it_says_what_has_drifted() {
    let samples: Vec<(i64, f64)> = (0..100).map(|at| (at, if at < 80 { 1.0 } else { 2.0 })).collect();
    let mut rule = open(&Config { critical: None, ..config(Method::Ks, 19, 79, 20) }, false);
    let readings = read(&mut *rule, &store(&plain(&samples)), 99);
    assert_eq!(
        rule.message(&readings[0]).as_deref(),
        Some("m in 19s is distributed otherwise than in the 1m 19s before: KS is 0.9875, above 0.25")
    );
}

#[test]
fn bad_keys_are_told() {
    assert_eq!(faults_of(DEFINITION.sample), "");
    let fault = |keys: &str| faults(&format!("type = \"drift\"\nmetric = \"m\"\n{keys}"));
    assert_eq!(fault(""), "");
    for (keys, words) in [
        ("window = \"0s\"", "longer than nothing"),
        ("window = \"2d\"", "must be at least `window`, 2days"),
        ("label = \"\"", "must be the name of a label"),
        ("label = \"g\"\nmethod = \"ks\"", "for a label take \"psi\""),
        ("above = -0.1", "must be at least 0"),
        ("above = nan", "must be a finite number"),
        ("critical = 0.1", "must be above 0.25"),
        ("method = \"ks\"\nabove = 1", "could never hold"),
        ("method = \"ks\"\ncritical = 1.5", "could never hold"),
        ("method = \"chi2\"", "psi"),
        ("min_each = -1", "min_each"),
        ("below = 0.1", "unknown key `below`"),
    ] {
        assert!(fault(keys).contains(words), "{keys}: {}", fault(keys));
    }
}
