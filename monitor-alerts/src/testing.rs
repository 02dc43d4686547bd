//! Samples for the tests of rules: once in a store, and once as the plain list that naive evaluators read.

use std::path::PathBuf;

use monitor_core::bus::Durability;
use monitor_core::component::{Content, Context, Dirs, Reading, Registry, Rule, RuleConfig, Verdict};
use monitor_core::config::Config;
use monitor_core::event::{KindSet, Level};
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Aggregate, Limits, Store};
use monitor_core::{Clock, Text, Timestamp, Zone};
use proptest::prelude::*;

/// One sample, of a series with the label `g`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) second: i64,
    pub(crate) metric: &'static str,
    pub(crate) group: &'static str,
    pub(crate) value: f64,
}

/// The groups that there are.
pub(crate) const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Samples of the metrics `m` and `n` in the first `seconds`, at whole seconds, so that some lie on borders. The values are
/// quarters: their sums are exact in any order.
pub(crate) fn samples(seconds: i64, count: usize) -> impl Strategy<Value = Vec<Sample>> {
    let sample = (0..=seconds, prop_oneof![Just("m"), Just("n")], prop::sample::select(&GROUPS[..]), -8..40_i32);
    let sample = sample.prop_map(|(second, metric, group, quarters)| Sample {
        second,
        metric,
        group,
        value: f64::from(quarters.max(0)) / 4.0,
    });
    prop::collection::vec(sample, 0..count)
}

/// Samples of these metrics, with these values, of these groups or none.
pub(crate) fn samples_of(
    seconds: i64,
    metrics: &'static [&'static str],
    values: &'static [f64],
) -> impl Strategy<Value = Vec<Sample>> {
    let select = prop::sample::select::<&'static str>;
    let sample = (0..=seconds, select(metrics), select(&["", "a", "b"][..]), prop::sample::select(values));
    let sample = sample.prop_map(|(second, metric, group, value)| Sample { second, metric, group, value });
    prop::collection::vec(sample, 0..60)
}

/// The groups that they have; the only one, of all of them, where a rule is not grouped.
pub(crate) fn groups_of(grouped: bool) -> Vec<(Option<&'static str>, Labels)> {
    if grouped {
        ["", "a", "b"].map(|group| (Some(group), labelled(group))).to_vec()
    } else {
        vec![(None, Labels::NONE)]
    }
}

/// The labels of a group.
pub(crate) fn labelled(group: &str) -> Labels {
    [("g", group)].into_iter().filter(|(_, group)| !group.is_empty()).collect()
}

/// Samples by second, metric, value and group.
pub(crate) fn listed(samples: &[(i64, &'static str, f64, &'static str)]) -> Vec<Sample> {
    samples.iter().map(|&(second, metric, value, group)| Sample { second, metric, group, value }).collect()
}

/// Samples of `m` without a group, at these seconds.
pub(crate) fn plain(samples: &[(i64, f64)]) -> Vec<Sample> {
    samples.iter().map(|(second, value)| Sample { second: *second, metric: "m", group: "", value: *value }).collect()
}

/// A store that holds them.
pub(crate) fn store(samples: &[Sample]) -> Store {
    let store = Store::new(Limits::default());
    insert(&store, samples);
    store
}

pub(crate) fn insert(store: &Store, samples: &[Sample]) {
    for Sample { second, metric, group, value } in samples {
        let series = SeriesSet::new([SeriesKey::new(metric, labelled(group)).into()]);
        let mut samples = Samples::default();
        samples.push(Timestamp::from_secs(*second), &series, &[*value]);
        store.insert(&samples, Timestamp::MAX);
    }
}

/// The values of a metric from one second to another, both included, of one group or of all.
pub(crate) fn within(samples: &[Sample], metric: &str, group: Option<&str>, from: i64, to: i64) -> Vec<f64> {
    let meant = |sample: &&Sample| {
        sample.metric == metric
            && group.is_none_or(|group| sample.group == group)
            && (from..=to).contains(&sample.second)
    };
    samples.iter().filter(meant).map(|sample| sample.value).collect()
}

/// An aggregate by its definition; `None` of nothing.
pub(crate) fn aggregate(values: &[f64], aggregate: Aggregate, seconds: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
    Some(match aggregate {
        Aggregate::Count => count,
        Aggregate::Sum => sum,
        Aggregate::Mean => sum / count,
        Aggregate::Max => values.iter().copied().fold(f64::MIN, f64::max),
        Aggregate::P50 => median(values),
        Aggregate::Rate => count / seconds,
        other => unreachable!("{other} is not tested here"),
    })
}

/// Aggregates that [`aggregate`] knows.
pub(crate) fn any_aggregate() -> impl Strategy<Value = Aggregate> {
    prop::sample::select(vec![
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Mean,
        Aggregate::Max,
        Aggregate::P50,
        Aggregate::Rate,
    ])
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The rule, grouped by the label `g` or not at all.
pub(crate) fn open(config: &dyn RuleConfig, grouped: bool) -> Box<dyn Rule> {
    config.open(&context(if grouped { &["g"] } else { &[] })).expect("opens")
}

pub(crate) fn context(by: &[&str]) -> Context {
    Context {
        name: "rule".into(),
        dirs: Dirs { base: PathBuf::new(), data: PathBuf::new() },
        clock: Clock::manual(Timestamp::MIN),
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        durability: Durability::default(),
        by: by.iter().map(Text::new).collect(),
    }
}

/// What the rule reads at a second.
pub(crate) fn read(rule: &mut dyn Rule, store: &Store, second: i64) -> Vec<Reading> {
    rule.evaluate(store, Timestamp::from_secs(second))
}

/// The one reading of a rule that is not grouped: verdict, level, value.
pub(crate) fn read_one(rule: &mut dyn Rule, store: &Store, second: i64) -> (Verdict, Option<Level>, Option<f64>) {
    let [reading] = &read(rule, store, second)[..] else { panic!("one reading") };
    (reading.verdict, reading.level, reading.value)
}

/// The groups that a naive evaluator looks at, with the labels that their readings have.
pub(crate) fn groups(grouped: bool) -> Vec<(Option<&'static str>, String)> {
    if !grouped {
        return vec![(None, String::new())];
    }
    GROUPS.iter().map(|group| (Some(*group), format!("{{g={group}}}"))).collect()
}

/// Whether the readings have the expected values, group by group, and say what these mean against the limits `above` and
/// `critical`. A group without a value has no data, or no reading.
pub(crate) fn check(
    readings: &[Reading],
    expected: &[(String, Option<f64>)],
    above: f64,
    critical: f64,
) -> Result<(), TestCaseError> {
    let with_data = |reading: &&Reading| reading.verdict != Verdict::NoData;
    let groups: Vec<String> = readings.iter().filter(with_data).map(|reading| reading.labels.to_string()).collect();
    let values: Vec<(&String, f64)> = expected.iter().filter_map(|(group, value)| Some((group, (*value)?))).collect();
    prop_assert_eq!(&groups.iter().collect::<Vec<_>>(), &values.iter().map(|(group, _)| *group).collect::<Vec<_>>());
    for (reading, (_, value)) in readings.iter().filter(with_data).zip(values) {
        let got = reading.value.expect("has data");
        prop_assert!((got - value).abs() <= 1e-9 * value.abs().max(1.0), "{} is not {}", got, value);
        // Where the two have rounded differently either may be right.
        if [above, critical].iter().all(|limit| (value - limit).abs() > 1e-6 * value.abs().max(1.0)) {
            prop_assert_eq!(reading.verdict == Verdict::Breached, value > above);
            prop_assert_eq!(reading.level == Some(Level::Critical), value > critical);
        }
    }
    Ok(())
}

/// A rule by its keys.
pub(crate) fn parsed(keys: &str) -> Box<dyn RuleConfig> {
    let mut registry = Registry::new();
    crate::register(&mut registry).expect("no type twice");
    // A month is longer than what a store keeps by itself.
    let text = format!("[store]\nbucket_retention = \"32d\"\n[alerts.a]\n{keys}");
    match Config::parse(&text, "test", PathBuf::new(), &registry) {
        Ok(mut config) => config.rules.remove(0).config,
        Err(error) => panic!("{error}"),
    }
}

/// What is wrong with the keys of a rule; empty if nothing is.
pub(crate) fn faults(keys: &str) -> String {
    faults_of(&format!("[alerts.a]\n{keys}"))
}

/// What is wrong with a configuration.
pub(crate) fn faults_of(text: &str) -> String {
    let mut registry = Registry::new();
    crate::register(&mut registry).expect("no type twice");
    Config::parse(text, "test", PathBuf::new(), &registry).map_or_else(|error| error.to_string(), |_| String::new())
}
