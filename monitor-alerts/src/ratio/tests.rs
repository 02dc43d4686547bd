//! Ratios against a naive evaluator.

use std::time::Duration;

use monitor_core::component::Verdict;
use monitor_core::config::DurationText;
use monitor_core::store::Aggregate;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    Sample, aggregate, any_aggregate, check, faults, faults_of, groups, open, plain, read, read_one, samples, store,
    within,
};

fn config(of_aggregate: Aggregate, over_aggregate: Aggregate, window: i64) -> Config {
    let window = DurationText(Duration::from_secs(window.unsigned_abs()));
    Config { of_aggregate, over_aggregate, window, above: Some(0.5), critical: Some(2.0), ..Config::of("m", "n") }
}

proptest! {
    #[test]
    fn as_by_division(
        samples in samples(60, 40),
        of in any_aggregate(),
        over in any_aggregate(),
        window in 1..40_i64,
        grouped: bool,
        now in 0..100_i64,
    ) {
        let mut rule = open(&config(of, over, window), grouped);
        let naive = |group| {
            let part = |metric, what| aggregate(&within(&samples, metric, group, now - window, now), what, window as f64);
            let zero = [Aggregate::Sum, Aggregate::Count, Aggregate::Rate].contains(&of).then_some(0.0);
            let (of, over) = (part("m", of).or(zero)?, part("n", over)?);
            (over != 0.0).then_some(of / over)
        };
        let expected: Vec<_> = groups(grouped).into_iter().map(|(group, labels)| (labels, naive(group))).collect();
        check(&read(&mut *rule, &store(&samples), now), &expected, 0.5, 2.0)?;
    }
}

#[test]
fn what_is_not_there_is_zero_or_no_data() {
    let at = |second, metric, value| Sample { second, metric, group: "", value };
    let mut sums = open(&config(Aggregate::Sum, Aggregate::Count, 10), false);
    let mut means = open(&config(Aggregate::Mean, Aggregate::Count, 10), false);
    let of_alone = store(&[at(5, "m", 3.0)]);
    assert_eq!(read_one(&mut *sums, &of_alone, 10), (Verdict::NoData, None, None));
    let over_alone = store(&[at(5, "n", 3.0)]);
    assert_eq!(read_one(&mut *sums, &over_alone, 10), (Verdict::Clear, None, Some(0.0)));
    assert_eq!(read_one(&mut *means, &over_alone, 10), (Verdict::NoData, None, None));
    let over_zero = store(&[at(5, "m", 3.0), at(5, "n", 0.0)]);
    let mut of_sums = open(&config(Aggregate::Sum, Aggregate::Sum, 10), false);
    assert_eq!(read_one(&mut *of_sums, &over_zero, 10), (Verdict::NoData, None, None));
    assert_eq!(read_one(&mut *sums, &store(&[]), 10), (Verdict::NoData, None, None));
}

#[test]
fn it_says_what_over_what_and_counts_the_samples_below() {
    let both = store(
        &[plain(&[(1, 1.0), (2, 0.0), (3, 1.0)]), vec![Sample { second: 3, metric: "n", group: "", value: 8.0 }]]
            .concat(),
    );
    let mut rule = open(&Config { critical: None, ..config(Aggregate::Sum, Aggregate::Count, 10) }, false);
    let readings = read(&mut *rule, &both, 10);
    assert_eq!(rule.message(&readings[0]).as_deref(), Some("sum of m over count of n is 2, above 0.5"));
    assert_eq!(readings[0].stats.map(|stats| stats.count), Some(1));
    assert_eq!(readings[0].more, [("of".into(), 2.0), ("over".into(), 1.0)]);
    let mut misspelt = open(&Config::of("mm", "n").above(), false);
    read(&mut *misspelt, &both, 10);
    assert_eq!(misspelt.doubt().as_deref(), Some("no metric `mm`; did you mean `m`?"));
}

impl Config {
    fn above(self) -> Self {
        Self { above: Some(1.0), ..self }
    }
}

#[test]
fn bad_keys_are_told() {
    assert_eq!(faults_of(DEFINITION.sample), "");
    let fault = |keys: &str| faults(&format!("type = \"ratio\"\n{keys}"));
    for (keys, words) in [
        ("of = \"a\"\nabove = 1", "over"),
        ("of = \"a{\"\nover = \"b\"\nabove = 1", "`a{` is not a metric"),
        ("of = \"a\"\nover = \"\"\nabove = 1", "`` is not a metric"),
        ("of = \"a\"\nover = \"b\"", "set one of `above` and `below`"),
        ("of = \"a\"\nover = \"b\"\nabove = 1\nbelow = 0", "make two rules of it"),
        ("of = \"a\"\nover = \"b\"\nabove = 1\ncritical = 0.5", "must be above 1"),
        ("of = \"a\"\nover = \"b\"\nbelow = 1\ncritical = 2", "must be below 1"),
        ("of = \"a\"\nover = \"b\"\nabove = inf", "must be a finite number"),
        ("of = \"a\"\nover = \"b\"\nabove = 1\nwindow = \"0s\"", "longer than nothing"),
        ("of = \"a\"\nover = \"a\"\nabove = 1", "the ratio is always 1"),
        ("of = \"a\"\nover = \"b\"\nabove = 1\nof_aggregate = \"p98\"", "did you mean `p90`?"),
        ("of = \"a\"\nover = \"b\"\nabove = 1\novr_aggregate = \"sum\"", "did you mean `over_aggregate`?"),
    ] {
        assert!(fault(keys).contains(words), "{keys}: {}", fault(keys));
    }
}
