//! Changes against a naive evaluator.

use monitor_core::component::Verdict;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    aggregate, any_aggregate, check, faults, faults_of, groups, open, plain, read, read_one, samples, store, within,
};

fn seconds(seconds: i64) -> DurationText {
    DurationText(Duration::from_secs(seconds.unsigned_abs()))
}

fn config(window: i64, ago: Option<i64>, r#as: As) -> Config {
    Config { window: seconds(window), ago: ago.map(seconds), r#as, above: Some(1.5), ..Config::on("m") }
}

proptest! {
    #[test]
    fn as_by_two_windows(
        samples in samples(60, 60),
        what in any_aggregate(),
        window in 1..20_i64,
        more in prop::option::of(0..30_i64),
        is_factor: bool,
        grouped: bool,
        now in 0..100_i64,
    ) {
        let r#as = if is_factor { As::Factor } else { As::Difference };
        let ago = more.map(|more| window + more);
        let config = Config { aggregate: what, critical: Some(3.0), ..config(window, ago, r#as) };
        let mut rule = open(&config, grouped);
        let naive = |group| {
            let at = |end: i64| aggregate(&within(&samples, "m", group, end - window, end), what, window as f64);
            let (now, base) = (at(now)?, at(now - ago.unwrap_or(window))?);
            if is_factor { (base != 0.0).then_some(now / base) } else { Some(now - base) }
        };
        let expected: Vec<_> = groups(grouped).into_iter().map(|(group, labels)| (labels, naive(group))).collect();
        check(&read(&mut *rule, &store(&samples), now), &expected, 1.5, 3.0)?;
    }
}

#[test]
fn a_sample_on_the_border_is_in_both_windows() {
    let mut rule = open(&config(10, None, As::Factor), false);
    let border = store(&plain(&[(10, 2.0)]));
    assert_eq!(read_one(&mut *rule, &border, 20), (Verdict::Clear, None, Some(1.0)));
    assert_eq!(read_one(&mut *rule, &border, 21), (Verdict::NoData, None, None));
    assert_eq!(read_one(&mut *rule, &border, 19), (Verdict::NoData, None, None));
}

#[test]
fn nothing_is_a_multiple_of_zero() {
    let from_zero = store(&plain(&[(5, 0.0), (15, 2.0)]));
    let mut factor = open(&config(9, Some(10), As::Factor), false);
    assert_eq!(read_one(&mut *factor, &from_zero, 19), (Verdict::NoData, None, None));
    let mut difference = open(&config(9, Some(10), As::Difference), false);
    assert_eq!(read_one(&mut *difference, &from_zero, 19), (Verdict::Breached, None, Some(2.0)));
}

#[test]
fn it_says_what_it_was() {
    let message = |config: &Config, samples| {
        let mut rule = open(config, false);
        let readings = read(&mut *rule, &store(&plain(samples)), 19);
        rule.message(&readings[0]).expect("has both")
    };
    let (up, down) = ([(5, 2.0), (15, 4.0)], [(5, 4.0), (15, 1.0)]);
    assert_eq!(
        message(&config(9, Some(10), As::Factor), &up),
        "mean of m is 4, 2 times the 2 of 10s before, above 1.5"
    );
    let difference = config(9, Some(10), As::Difference);
    assert_eq!(message(&difference, &up), "mean of m is 4, 2 more than the 2 of 10s before, above 1.5");
    let below = Config { above: None, below: Some(-2.0), ..difference };
    assert_eq!(message(&below, &down), "mean of m is 1, 3 less than the 4 of 10s before, below -2");
}

#[test]
fn bad_keys_are_told() {
    assert_eq!(faults_of(DEFINITION.sample), "");
    assert_eq!(config(60, Some(3_600), As::Factor).reach(), Some(Duration::from_secs(3_660)));
    let fault = |keys: &str| faults(&format!("type = \"change\"\nmetric = \"m\"\n{keys}"));
    for (keys, words) in [
        ("", "set one of `above` and `below`"),
        ("above = 1.5\ncritical = 1.2", "must be above 1.5"),
        ("above = 1.5\nwindow = \"0s\"", "longer than nothing"),
        ("above = 1.5\nago = \"1m\"", "must be at least `window`, 5m, or the two windows overlap"),
        ("above = 1.5\nago = \"0s\"", "the two windows overlap"),
        ("above = 1.5\nago = \"yesterday\"", "is not a length of time"),
        ("above = 1.5\nas = \"percent\"", "factor"),
        ("above = 1.5\nagainst = \"1d\"", "unknown key `against`"),
    ] {
        assert!(fault(keys).contains(words), "{keys}: {}", fault(keys));
    }
}
