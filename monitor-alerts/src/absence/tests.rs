//! Absence against a naive evaluator, tick by tick.

use proptest::prelude::*;

use super::*;
use crate::testing::{GROUPS, Sample, faults, faults_of, insert, open, plain, read, read_one, samples, store};

fn config(window: i64, forget_after: i64, expected: bool) -> Config {
    let seconds = |seconds: i64| DurationText(Duration::from_secs(seconds.unsigned_abs()));
    Config { window: seconds(window), forget_after: seconds(forget_after), expected, ..Config::on("m") }
}

/// What a group is at `now`, from all samples of it that have come until then.
fn naive(config: &Config, times: &[i64], start: i64, now: i64) -> (Verdict, Option<f64>) {
    let (window, forget) = (config.window.0.as_secs().cast_signed(), config.forget_after.0.as_secs().cast_signed());
    let last = times.iter().copied().filter(|time| *time <= now && now - time <= forget).max();
    let verdict = match last {
        Some(last) if now - last <= window => Verdict::Clear,
        Some(_) if now - start > window => Verdict::Breached,
        None if now - start > window && config.expected => Verdict::Breached,
        _ => Verdict::NoData,
    };
    (verdict, last.map(|last| (now - last) as f64))
}

proptest! {
    #[test]
    fn as_by_the_latest_sample(
        samples in samples(100, 30),
        window in 1..20_i64,
        longer in 1..40_i64,
        expected: bool,
        grouped: bool,
        start in 0..60_i64,
        step in 1..7_usize,
    ) {
        let config = config(window, window + longer, expected);
        let mut rule = open(&config, grouped);
        let store = store(&[]);
        let mut come = 0;
        let mut in_order = samples.clone();
        in_order.sort_by_key(|sample| sample.second);
        for now in (start..160).step_by(step) {
            let until = in_order.partition_point(|sample| sample.second <= now);
            insert(&store, &in_order[come..until]);
            come = until;
            let times = |group: Option<&str>| -> Vec<i64> {
                let of = in_order.iter().filter(|sample| sample.metric == "m" && group.is_none_or(|g| g == sample.group));
                of.map(|sample| sample.second).collect()
            };
            let got: Vec<_> = read(&mut *rule, &store, now)
                .into_iter()
                .map(|reading| (reading.labels.to_string(), (reading.verdict, reading.value)))
                .collect();
            let whole = naive(&config, &times(None), start, now);
            if !grouped {
                prop_assert_eq!(got, vec![(String::new(), whole)]);
                continue;
            }
            let groups = GROUPS.iter().map(|group| (format!("{{g={group}}}"), naive(&config, &times(Some(group)), start, now)));
            // A group that is not known, or is no more, has no reading; and while there is none, there is one of all.
            let known: Vec<_> = groups.filter(|(_, (_, value))| value.is_some()).collect();
            if known.is_empty() {
                prop_assert_eq!(got, vec![(String::new(), whole)]);
            } else {
                let whole_again = got.first().is_some_and(|(labels, _)| labels.is_empty());
                prop_assert_eq!(&got[usize::from(whole_again)..], &known[..]);
                prop_assert!(!whole_again || got[0].1.0 == Verdict::Clear);
            }
        }
    }
}

#[test]
fn nobody_is_told_before_the_window_has_been_watched() {
    // As after a restart: the store is empty, or has what came before a long pause.
    for before in [plain(&[]), plain(&[(100, 1.0)])] {
        let mut rule = open(&config(60, 86_400, true), false);
        let store = store(&before);
        let verdict = |rule: &mut dyn Rule, now| read_one(rule, &store, now).0;
        assert_eq!(verdict(&mut *rule, 1_000), Verdict::NoData);
        assert_eq!(verdict(&mut *rule, 1_060), Verdict::NoData);
        assert_eq!(verdict(&mut *rule, 1_061), Verdict::Breached);
        insert(&store, &plain(&[(1_061, 1.0)]));
        assert_eq!(verdict(&mut *rule, 1_062), Verdict::Clear);
        assert_eq!(verdict(&mut *rule, 1_121), Verdict::Clear, "both ends belong to the window");
        assert_eq!(verdict(&mut *rule, 1_122), Verdict::Breached);
    }
}

#[test]
fn what_has_never_come_is_missed_only_if_it_is_expected() {
    let mut rule = open(&config(60, 86_400, false), false);
    let store = store(&[]);
    read(&mut *rule, &store, 0);
    assert_eq!(read_one(&mut *rule, &store, 1_000).0, Verdict::NoData);
    insert(&store, &plain(&[(1_000, 1.0)]));
    assert_eq!(read_one(&mut *rule, &store, 1_061), (Verdict::Breached, None, Some(61.0)));
}

#[test]
fn the_whole_is_well_again_with_the_first_group() {
    let mut rule = open(&config(60, 86_400, true), true);
    let store = store(&[]);
    let mut at = |store: &Store, now| -> Vec<(String, Verdict)> {
        read(&mut *rule, store, now).into_iter().map(|reading| (reading.labels.to_string(), reading.verdict)).collect()
    };
    at(&store, 0);
    assert_eq!(at(&store, 100), [(String::new(), Verdict::Breached)]);
    insert(&store, &[Sample { second: 110, metric: "m", group: "a", value: 1.0 }]);
    assert_eq!(at(&store, 120), [(String::new(), Verdict::Clear), ("{g=a}".to_owned(), Verdict::Clear)]);
    assert_eq!(at(&store, 180), [("{g=a}".to_owned(), Verdict::Breached)]);
}

#[test]
fn it_says_for_how_long() {
    let mut rule = open(&config(60, 86_400, true), false);
    let store = store(&[]);
    read(&mut *rule, &store, 0);
    let mut message = |store: &Store, now| {
        let readings = read(&mut *rule, store, now);
        rule.message(&readings[0])
    };
    assert_eq!(message(&store, 100).as_deref(), Some("no m has come for longer than 1m"));
    insert(&store, &plain(&[(110, 1.0)]));
    assert_eq!(message(&store, 260).as_deref(), Some("no m for 2m 30s, longer than 1m"));
}

#[test]
fn bad_keys_are_told() {
    assert_eq!(faults_of(DEFINITION.sample), "");
    let fault = |keys: &str| faults(&format!("type = \"absence\"\n{keys}"));
    for (keys, words) in [
        ("", "metric"),
        ("metric = \"m{\"", "`m{` is not a metric"),
        ("metric = \"m\"\nwindow = \"0s\"", "longer than nothing"),
        ("metric = \"m\"\nwindow = \"2d\"", "must be longer than `window`, 2days"),
        ("metric = \"m\"\nexpected = \"yes\"", "true"),
        ("metric = \"m\"\nabove = 3", "unknown key `above`"),
    ] {
        assert!(fault(keys).contains(words), "{keys}: {}", fault(keys));
    }
}
