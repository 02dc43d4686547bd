//! Conditions against the same ones in Rust over the list of samples, and what is wrong with a configuration.

use proptest::prelude::*;

use super::*;
use crate::testing::{Sample, faults, faults_of, groups_of, listed, open, parsed, samples_of, store, within};

fn config(keys: &str) -> Box<dyn RuleConfig> {
    parsed(&format!("type = \"expression\"\n{keys}"))
}

fn read(config: &dyn RuleConfig, grouped: bool, samples: &[Sample], now: i64) -> (Box<dyn Rule>, Vec<Reading>) {
    let mut rule = open(config, grouped);
    let readings = rule.evaluate(&store(samples), Timestamp::from_secs(now));
    (rule, readings)
}

/// A condition in words, and what it says of `a` and `b`; none where nobody can say.
type Condition = (&'static str, fn(Option<f64>, Option<f64>) -> Option<bool>);

const CONDITIONS: [Condition; 7] = [
    ("a > 2 and b > 1", |a, b| if a? > 2.0 { Some(b? > 1.0) } else { Some(false) }),
    ("a > 2 or b > 1", |a, b| if a? > 2.0 { Some(true) } else { Some(b? > 1.0) }),
    ("b / a < 0.7", |a, b| {
        let (a, b) = (a?, b?);
        (a != 0.0).then(|| b / a < 0.7)
    }),
    ("a | default(0) >= b | default(1)", |a, b| Some(a.unwrap_or(0.0) >= b.unwrap_or(1.0))),
    ("a is defined and not (b is defined)", |a, b| Some(a.is_some() && b.is_none())),
    ("(a - b) | abs * 2 >= 4", |a, b| Some((a? - b?).abs() * 2.0 >= 4.0)),
    ("(a if b > 2 else -b) < 0", |a, b| {
        let b = b?;
        Some(if b > 2.0 { a? < 0.0 } else { -b < 0.0 })
    }),
];

proptest! {
    #[test]
    fn it_holds_when_the_same_condition_over_the_list_does(
        samples in samples_of(100, &["x", "y"], &[-1.0, 0.0, 0.5, 1.0, 3.0]),
        now in 0_i64..=110,
        (of_a, of_b) in (0..60_i64, 1..60_i64),
        at in 0..CONDITIONS.len(),
        grouped in any::<bool>(),
    ) {
        let (holds, naive) = CONDITIONS[at];
        let of_a = of_a.max(1);
        let config = config(&format!(
            "holds = \"{holds}\"\n[alerts.a.values]\na = {{ metric = \"x\", aggregate = \"sum\", window = \"{of_a}s\" }}
             b = {{ metric = \"y\", aggregate = \"count\", window = \"{of_b}s\" }}"
        ));
        let (_, readings) = read(&*config, grouped, &samples, now);
        let values = |metric: &str, group: Option<&str>, length: i64| {
            Some(within(&samples, metric, group, now - length, now)).filter(|values| !values.is_empty())
        };
        let mut expected = Vec::new();
        for (group, labels) in groups_of(grouped) {
            let a = values("x", group, of_a).map(|values| values.iter().sum());
            let b = values("y", group, of_b).map(|values| values.len() as f64);
            if grouped && a.is_none() && b.is_none() {
                continue;
            }
            let verdict = match naive(a, b) {
                Some(true) => Verdict::Breached,
                Some(false) => Verdict::Clear,
                None => Verdict::NoData,
            };
            expected.push((labels, verdict));
        }
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        let found: Vec<_> = readings.into_iter().map(|reading| (reading.labels, reading.verdict)).collect();
        prop_assert_eq!(found, expected);
    }
}

const TWO: &str = "[alerts.a.values]\nerrors = { metric = \"errors\", aggregate = \"sum\" }\ncalls = { metric = \"calls\", aggregate = \"count\" }";

#[test]
fn what_is_told() {
    let config = config(&format!(
        "holds = \"errors / calls > 0.1\"\nvalue = \"errors / calls\"\ncritical = \"errors > 2\"\n{TWO}"
    ));
    let (rule, readings) =
        read(&*config, false, &listed(&[(1, "errors", 1.0, ""), (1, "calls", 1.0, ""), (2, "calls", 1.0, "")]), 10);
    let [reading] = readings.as_slice() else { panic!("{readings:?}") };
    assert_eq!((reading.verdict, reading.value, reading.level), (Verdict::Breached, Some(0.5), None));
    assert_eq!(rule.message(reading).as_deref(), Some("errors / calls > 0.1 (calls 2, errors 1)"));
    assert_eq!(config.names(), ["calls", "errors"]);
    // What is critical holds by itself.
    let (_, readings) = read(&*config, false, &listed(&[(1, "errors", 3.0, "")]), 10);
    assert_eq!((readings[0].verdict, readings[0].level), (Verdict::Breached, Some(Level::Critical)));
    assert_eq!(rule.message(&readings[0]).as_deref(), Some("errors > 2 (errors 3)"));
}

#[test]
fn the_only_number_is_the_value_and_its_samples_count() {
    let config = config("holds = \"x > 1\"\n[alerts.a.values]\nx = { metric = \"m\" }");
    let (_, readings) = read(&*config, false, &listed(&[(1, "m", 2.0, ""), (2, "m", 4.0, "")]), 10);
    assert_eq!((readings[0].value, readings[0].stats.map(|stats| stats.count)), (Some(3.0), Some(2)));
}

#[test]
fn no_answer_although_every_number_is_there_is_doubted() {
    let config = config(&format!("holds = \"calls / errors > 1\"\n{TWO}"));
    let (rule, readings) = read(&*config, false, &listed(&[(1, "errors", 0.0, ""), (1, "calls", 1.0, "")]), 10);
    assert_eq!(readings[0].verdict, Verdict::NoData);
    let doubt = rule.doubt().expect("a doubt");
    assert!(doubt.starts_with("`calls / errors > 1` gives no answer: "), "{doubt}");
    let (rule, _) = read(&*config, false, &listed(&[(1, "errors", 0.0, "")]), 10);
    assert_eq!(rule.doubt(), None, "a number that is not there yet is no fault");
}

#[test]
fn bad_input() {
    let wrong = |keys: &str| faults(&format!("type = \"expression\"\n{keys}"));
    let holds = |holds: &str| wrong(&format!("holds = \"{holds}\"\n{TWO}"));
    let further = |key: &str| wrong(&format!("holds = \"errors > 1\"\n{key}\n{TWO}"));
    let values = |values: &str| wrong(&format!("holds = \"x > 1\"\n[alerts.a.values]\n{values}"));
    for (said, expected) in [
        (holds("error > 1"), "unknown value `error`: did you mean `errors`?"),
        (holds("errors >"), "syntax error: "),
        (holds("errors / calls"), "is a number, not a condition: compare it with something"),
        (holds("errors > 1 or calls"), "is a number, not a condition"),
        (holds("1 > 2"), "names none of `values`, so it would always say the same"),
        (holds("errors / 0 > 1"), "invalid operation: unable to calculate 2.1 / 0"),
        (holds("errors / (calls - calls) > 1"), "invalid operation: unable to calculate"),
        (holds("errors | percent > 1"), "unknown filter: filter percent is unknown"),
        (holds("range(10**9) == errors"), "unknown value `range`: there are calls and errors"),
        (holds("errors == 'x' * 10**9"), "`'` has no place in it"),
        (holds("errors.x > 1"), "undefined value"),
        (further("critical = \"errors\""), "is a number, not a condition"),
        (further("value = \"errors > 1\""), "is a condition, not a number"),
        (further("value = \"10.0 ** 400 * errors\""), "it is no finite number"),
        (values(""), "must name at least one aggregate"),
        (values("'x y' = { metric = \"m\" }"), "`x y` is no name"),
        (values("1x = { metric = \"m\" }"), "`1x` is no name"),
        (values("level = { metric = \"m\" }"), "`level` means something else already"),
        (values("x = { metric = \"m{\" }"), "`x`: `m{` is not a metric"),
        (values("x = { metric = \"m\", window = \"0s\" }"), "`x`: must be longer than nothing"),
        (values("x = { metric = \"m\", aggregat = \"sum\" }"), "unknown key `aggregat`"),
        (values("x = { metric = \"m\", aggregate = \"p98\" }"), "unknown value `p98`"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(faults_of(DEFINITION.sample), "");
}
