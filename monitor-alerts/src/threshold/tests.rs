//! Thresholds against a naive evaluator.

use std::time::Duration;

use monitor_core::component::Verdict;
use monitor_core::store::Aggregate;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    Sample, aggregate, any_aggregate, check, groups, open, plain, read, read_one, samples, store, within,
};

proptest! {
    #[test]
    fn as_by_definition(
        samples in samples(60, 40),
        what in any_aggregate(),
        window in 1..40_i64,
        grouped: bool,
        now in 0..100_i64,
    ) {
        let length = Duration::from_secs(window.unsigned_abs());
        let config = Config::on("m").aggregate(what).above(2.0).critical(5.0).window(length);
        let mut rule = open(&config, grouped);
        let naive = |group| aggregate(&within(&samples, "m", group, now - window, now), what, window as f64);
        let expected: Vec<_> = groups(grouped).into_iter().map(|(group, labels)| (labels, naive(group))).collect();
        check(&read(&mut *rule, &store(&samples), now), &expected, 2.0, 5.0)?;
    }
}

#[test]
fn comparison_is_strict_and_both_ends_belong_to_the_window() {
    let mut rule = open(&Config::on("m").above(2.0).window(Duration::from_secs(10)), false);
    let samples = store(&plain(&[(0, 1.0), (10, 3.0)]));
    assert_eq!(read_one(&mut *rule, &samples, 10), (Verdict::Clear, None, Some(2.0)));
    assert_eq!(read_one(&mut *rule, &samples, 11), (Verdict::Breached, None, Some(3.0)));
    assert_eq!(read_one(&mut *rule, &samples, 20), (Verdict::Breached, None, Some(3.0)));
    assert_eq!(read_one(&mut *rule, &samples, 21), (Verdict::NoData, None, None));
    let mut unknown = open(&Config::on("unknown").below(1.0), false);
    assert_eq!(read_one(&mut *unknown, &samples, 10), (Verdict::NoData, None, None));
}

#[test]
fn each_group_has_a_reading_of_its_own() {
    let of = |second, group, value| Sample { second, metric: "m", group, value };
    let mut rule = open(&Config::on("m").below(2.0).aggregate(Aggregate::Max), true);
    let readings = read(&mut *rule, &store(&[of(1, "a", 1.0), of(2, "b", 3.0)]), 10);
    let readings: Vec<_> = readings.iter().map(|r| (r.labels.to_string(), r.verdict, r.value)).collect();
    let expected = [("{g=a}", Verdict::Breached, Some(1.0)), ("{g=b}", Verdict::Clear, Some(3.0))];
    assert_eq!(readings, expected.map(|(labels, verdict, value)| (labels.to_owned(), verdict, value)));
}

#[test]
fn it_says_what_it_found() {
    let mut rule = open(&Config::on("m").above(2.0).critical(30.0), false);
    let samples = store(&plain(&[(1, 3.271_83)]));
    let said = |rule: &mut dyn Rule, store| {
        let readings = read(rule, store, 1);
        rule.message(&readings[0])
    };
    assert_eq!(said(&mut *rule, &samples).as_deref(), Some("mean of m is 3.272, above 2"));
    assert_eq!(said(&mut *rule, &store(&plain(&[(1, 31.0)]))).as_deref(), Some("mean of m is 31, above 30"));
}

#[test]
fn a_misspelt_metric_is_doubted_one_that_has_not_come_is_not() {
    let samples = store(&plain(&[(1, 1.0)]));
    let doubt = |metric: &str| {
        let mut rule = Config::on(metric).above(1.0).build().expect("valid");
        rule.evaluate(&samples, Timestamp::from_secs(1));
        rule.doubt()
    };
    assert_eq!(doubt("mm"), Some("no metric `mm`; did you mean `m`?".to_owned()));
    assert_eq!((doubt("m"), doubt("something_else")), (None, None));
}

#[test]
fn one_limit_it_must_have() {
    let wrong = |config: Config| config.build().map(drop).expect_err("no rule").to_string();
    assert_eq!(wrong(Config::on("m")), "set one of `above` and `below`");
    assert_eq!(
        wrong(Config::on("m").above(1.0).below(2.0)),
        "`above` and `below` cannot both be set: make two rules of it"
    );
    assert_eq!(wrong(Config::on("m").above(f64::NAN)), "must be a finite number");
    assert!(wrong(Config::on("m{a").above(1.0)).starts_with("`m{a` is not a metric"));
}
