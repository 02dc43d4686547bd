//! The burn rate against what the list of samples says, and what is wrong with a configuration.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{Sample, faults, faults_of, groups_of, listed, open, parsed, samples_of, store, within};

fn read(keys: &str, grouped: bool, samples: &[Sample], now: i64) -> (Box<dyn Rule>, Vec<Reading>) {
    let mut rule = open(&*parsed(&format!("type = \"burn_rate\"\n{keys}")), grouped);
    let readings = rule.evaluate(&store(samples), Timestamp::from_secs(now));
    (rule, readings)
}

fn more(reading: &Reading, wanted: &str) -> Option<f64> {
    reading.more.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number)
}

/// The share of bad ones in a window by a quarter; none without samples.
fn naive_burn(samples: &[Sample], by_bad: bool, group: Option<&str>, length: i64, now: i64) -> Option<f64> {
    let all = within(samples, "ok", group, now - length, now);
    let bad = if by_bad {
        within(samples, "bad", group, now - length, now).len()
    } else {
        all.iter().filter(|value| **value == 0.0).count()
    };
    (!all.is_empty()).then(|| bad as f64 / all.len() as f64 * 4.0)
}

proptest! {
    #[test]
    fn it_holds_when_the_list_of_samples_says_so(
        samples in samples_of(300, &["ok", "bad"], &[0.0, 1.0, 1.0]),
        now in 0_i64..=330,
        (long, short) in (11_i64..200, 1_i64..11),
        (long_2, short_2) in (11_i64..200, 1_i64..11),
        (by_bad, grouped) in any::<(bool, bool)>(),
    ) {
        // No share of so few samples is exactly at these factors.
        let toml = format!(
            "objective = 0.75\nperiod = \"1h\"\nmetric = \"ok\"\n{}windows = [
               {{ long = \"{long}s\", short = \"{short}s\", factor = 2.1234, level = \"critical\" }},
               {{ long = \"{long_2}s\", short = \"{short_2}s\", factor = 1.1234 }}]",
            if by_bad { "bad = \"bad\"\n" } else { "" }
        );
        let (_, readings) = read(&toml, grouped, &samples, now);
        let mut expected = BTreeMap::new();
        for (group, labels) in groups_of(grouped) {
            let burn = |length| naive_burn(&samples, by_bad, group, length, now);
            let pairs = [(long, short, 2.1234, Some(Level::Critical)), (long_2, short_2, 1.1234, None)];
            if grouped && pairs.iter().all(|(long, ..)| burn(*long).is_none()) {
                continue;
            }
            let holds = pairs.map(|(long, short, factor, level)| match (burn(long), burn(short)) {
                (Some(long), Some(short)) => (Some(long > factor && short > factor), level),
                (Some(long), None) if long <= factor => (Some(false), level),
                _ => (None, level),
            });
            let level = holds.iter().filter(|(holds, _)| *holds == Some(true)).map(|(_, level)| *level).max();
            let verdict = match level {
                Some(_) => Verdict::Breached,
                None if holds.iter().any(|(holds, _)| holds.is_none()) => Verdict::NoData,
                None => Verdict::Clear,
            };
            expected.insert(labels, (verdict, level.flatten()));
        }
        for reading in &readings {
            let Some(value) = reading.value else { continue };
            let group = reading.labels.get("g").map_or("", Text::as_str);
            let length = more(reading, "long").expect("with a value") as i64;
            let burn = naive_burn(&samples, by_bad, grouped.then_some(group), length, now).expect("samples");
            prop_assert!((value - burn).abs() < 1e-9, "{value} {burn}");
            prop_assert_eq!(reading.verdict == Verdict::Breached && reading.limit > Some(2.0), reading.level.is_some());
        }
        let found: BTreeMap<_, _> =
            readings.into_iter().map(|reading| (reading.labels, (reading.verdict, reading.level))).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn both_ends_belong_to_a_window_and_the_comparison_is_strict() {
    let one = "objective = 0.5\nwindows = [{ long = \"10s\", short = \"1s\", factor = 1 }]";
    let verdict = |samples: &[_], now| read(one, false, &listed(samples), now).1[0].verdict;
    let of = |second, value| (second, "success_rate", value, "");
    assert_eq!(verdict(&[of(0, 1.0), of(10, 0.0)], 10), Verdict::Clear, "a burn rate of 1 is not above it");
    assert_eq!(verdict(&[of(0, 1.0), of(9, 0.0), of(10, 0.0)], 10), Verdict::Breached);
    assert_eq!(verdict(&[of(0, 1.0), of(10, 0.0)], 11), Verdict::Breached);
    assert_eq!(verdict(&[of(0, 1.0), of(10, 0.0)], 12), Verdict::NoData, "nobody knows whether it goes on");
    assert_eq!(verdict(&[of(0, 1.0)], 10), Verdict::Clear);
    assert_eq!(verdict(&[of(0, 1.0)], 11), Verdict::NoData);
}

#[test]
fn what_is_told() {
    let samples = (0..1_000).map(|at| (at, "success_rate", f64::from(at % 5 != 0), ""));
    let samples = listed(&samples.collect::<Vec<_>>());
    let (rule, readings) = read("objective = 0.99", false, &samples, 999);
    let [reading] = readings.as_slice() else { panic!("{readings:?}") };
    assert_eq!((reading.verdict, reading.level), (Verdict::Breached, Some(Level::Critical)));
    assert_eq!(reading.limit, Some(14.4));
    assert_eq!(
        rule.message(reading).as_deref(),
        Some(
            "20% errors in 1h burn the error budget at 20 times the rate it is made for, above 14.4; \
              the budget for 30days is used up"
        )
    );
    let names: Vec<&str> = reading.more.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| NAMES.contains(name)) && names.len() == NAMES.len(), "{names:?}");
    assert!((more(reading, "budget_left").expect("a period") + 19.0).abs() < 1e-9);
}

#[test]
fn a_metric_that_is_no_share_is_no_data_and_doubted() {
    let samples = listed(&[(5, "success_rate", 3.0, "")]);
    let (rule, readings) =
        read("objective = 0.9\nwindows = [{ long = \"5m\", short = \"1m\", factor = 2 }]", false, &samples, 10);
    assert_eq!(readings[0].verdict, Verdict::NoData);
    assert!(rule.doubt().expect("a doubt").contains("not between 0 and 1"));
    let (rule, _) = read("objective = 0.99\nmetric = \"sucess_rate\"", false, &samples, 10);
    assert_eq!(rule.doubt().as_deref(), Some("no metric `sucess_rate`; did you mean `success_rate`?"));
}

#[test]
fn bad_input() {
    let wrong = |keys: &str| faults(&format!("type = \"burn_rate\"\n{keys}"));
    let pair = |pair: &str| wrong(&format!("objective = 0.99\nwindows = [{pair}]"));
    for (said, expected) in [
        (wrong("objective = 99"), "must be between 0 and 1, as 0.99"),
        (wrong("objective = nan"), "must be between 0 and 1, as 0.99"),
        (wrong("objective = 0.99\nmetric = \"m{\""), "`m{` is not a metric"),
        (wrong("objective = 0.99\nbad = \"m{\""), "`m{` is not a metric"),
        (wrong("objective = 0.99\nperiod = \"0s\""), "must be longer than nothing"),
        (wrong("objective = 0.9"), "a burn rate above 14.4 never comes: if every event is bad it is 10; set `windows`"),
        (pair(""), "must have at least one pair"),
        (
            pair("{ long = \"5m\", short = \"5m\", factor = 1 }"),
            "the short window, 5m, must be shorter than the long one, 5m",
        ),
        (pair("{ long = \"5m\", short = \"0s\", factor = 1 }"), "must be longer than nothing"),
        (pair("{ long = \"5m\", short = \"1m\", factor = 0 }"), "`factor` must be a number above 0"),
        (pair("{ long = \"5m\", short = \"1m\", factor = 100 }"), "a burn rate above 100 never comes"),
        (pair("{ long = \"5m\", short = \"1m\" }"), "`factor` must be set"),
        (pair("{ long = \"5m\", short = \"1m\", factor = 1, level = \"loud\" }"), "unknown value `loud`"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(parsed("type = \"burn_rate\"\nobjective = 0.99").reach(), Some(Duration::from_secs(3 * 86_400)));
    assert_eq!(faults_of(DEFINITION.sample), "");
}
