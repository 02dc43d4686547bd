//! The view `metrics` against the samples that monitor-core derives; the other views against naive sums; and which index a
//! question takes.

use std::collections::BTreeMap;

use monitor_core::bus::Batch;
use monitor_core::component::{Answer, Content, Delivery};
use monitor_core::event::Body;
use monitor_core::sample::BUILTIN_LABELS;
use monitor_core::{Evaluation, Event, Text, Timestamp};
use proptest::prelude::*;
use rusqlite::types::Value;

use super::given::events;
use super::{batch, cells, items, recorded, rows, sink_of};

/// The samples as the view is to show them, in any order.
fn derived(batch: &Batch) -> Vec<String> {
    let mut derived: Vec<String> = batch
        .samples()
        .iter()
        .map(|sample| {
            let labels = BUILTIN_LABELS.map(|label| sample.series.labels().get(label).map(Text::as_str));
            // SQLite does not tell -0.0 from 0.0.
            let value = sample.value + 0.0;
            format!("{} {:?} {value:?} {labels:?} {:?}", sample.time, sample.name(), sample.feedback.map(Text::as_str))
        })
        .collect();
    derived.sort_unstable();
    derived
}

fn shown(folder: &std::path::Path) -> Vec<String> {
    let columns = format!("SELECT timestamp, metric, value, feedback, {} FROM metrics", BUILTIN_LABELS.join(", "));
    let connection = rusqlite::Connection::open(folder.join(super::NAME)).expect("a database");
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone()),
        other => panic!("{other:?} is no text"),
    };
    let mut shown: Vec<String> = cells(&connection, &columns)
        .iter()
        .map(|row| {
            let [Value::Text(time), Value::Text(metric), Value::Real(value), feedback, labels @ ..] = &row[..] else {
                panic!("{row:?}")
            };
            format!(
                "{time} {metric:?} {value:?} {:?} {:?}",
                labels.iter().map(text).collect::<Vec<_>>(),
                text(feedback)
            )
        })
        .collect();
    shown.sort_unstable();
    shown
}

fn assert_same(events: Vec<Event>, content: Content) {
    let folder = tempfile::tempdir().expect("a folder");
    let batch = batch(0, events);
    let answer = sink_of(folder.path(), content).write(&Delivery::new(&items(&batch)));
    assert!(matches!(answer, Answer::Ok), "{answer:?}");
    let (derived, shown) = (derived(&batch), shown(folder.path()));
    let differing: Vec<_> = derived.iter().zip(&shown).filter(|(derived, shown)| derived != shown).take(3).collect();
    assert!(derived.len() == shown.len() && differing.is_empty(), "{}, {}: {differing:#?}", derived.len(), shown.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_view_has_the_samples_of_any_events(events in events(), samples in any::<bool>()) {
        assert_same(events, if samples { Content::Samples } else { Content::Events });
    }
}

#[test]
fn the_view_has_the_samples_of_the_recorded_run() {
    for content in [Content::Events, Content::Samples] {
        assert_same(recorded(), content);
    }
}

#[test]
fn what_is_no_sample_is_in_no_view_and_in_its_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut twice = Evaluation::new("E", f64::INFINITY, true).score("same", 1.0).score("same", 2.0);
    twice.tokens.total = Some(i64::MAX as u64);
    let events = [f64::NAN, f64::INFINITY, 1e151].map(|value| monitor_core::Metric::new("n", value).into());
    let events = events.into_iter().chain([twice.into()]).map(|body: Body| Event::new(Timestamp::from_secs(1), body));
    let batch = batch(0, events.collect());
    let answer = sink_of(folder.path(), Content::Events).write(&Delivery::new(&items(&batch)));
    assert!(matches!(answer, Answer::Ok), "{answer:?}");
    assert_eq!(shown(folder.path()), derived(&batch));
    assert_eq!(rows(folder.path(), "SELECT value FROM samples"), ["-", "inf", "1e151"]);
    assert_eq!(rows(folder.path(), "SELECT total_tokens FROM token_usage_by_model"), [i64::MAX.to_string()]);
}

#[test]
fn what_people_ask_is_what_they_would_count_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = recorded();
    let batch = batch(0, events.clone());
    let answer = sink_of(folder.path(), Content::Events).write(&Delivery::new(&items(&batch)));
    assert!(matches!(answer, Answer::Ok), "{answer:?}");
    let calls = || {
        events.iter().filter_map(|event| match &event.body {
            Body::Generation(call) => Some((event.time, &**call)),
            _ => None,
        })
    };
    let model = |model: Option<&Text>| model.map_or("unknown", Text::as_str).to_owned();

    let mut latencies: BTreeMap<(String, Option<&str>), Vec<f64>> = BTreeMap::new();
    let mut reasons: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut errors: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut hours: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (time, call) in calls() {
        let name = model(call.model_name.as_ref());
        latencies.entry((name.clone(), call.metadata.text("operation"))).or_default().push(call.duration);
        if let Some(reason) = &call.finish_reason {
            *reasons.entry((name.clone(), reason)).or_default() += 1;
        }
        let hour = hours.entry(format!("{}:00:00Z", &time.to_rfc3339()[..13])).or_default();
        hour.0 += 1;
        if !call.success {
            hour.1 += 1;
            let kind = call.metadata.text("error_type").unwrap_or("unknown").to_owned();
            *errors.entry((kind, name)).or_default() += 1;
        }
    }
    assert!(latencies.len() > 3 && !reasons.is_empty() && !errors.is_empty() && !hours.is_empty());

    let expected = latencies.into_iter().map(|((name, operation), mut durations)| {
        durations.sort_by(f64::total_cmp);
        let rank = |percent: usize| durations[(durations.len() * percent).div_ceil(100) - 1];
        let operation = operation.unwrap_or("-");
        format!("{name}|{operation}|{}|{:?}|{:?}|{:?}", durations.len(), rank(50), rank(95), rank(100))
    });
    let latency = "SELECT model_name, operation, calls, p50_s, p95_s, max_s FROM latency_by_model";
    assert_eq!(rows(folder.path(), latency), expected.collect::<Vec<_>>());

    let mut expected: Vec<String> =
        reasons.iter().map(|((name, reason), calls)| format!("{name}|{reason}|{calls}")).collect();
    let mut found = rows(folder.path(), "SELECT model_name, finish_reason, calls FROM finish_reasons");
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let shares = rows(folder.path(), "SELECT round(sum(share), 9) FROM finish_reasons GROUP BY model_name");
    assert!(!shares.is_empty() && shares.iter().all(|share| share == "1.0"), "{shares:?}");

    let mut expected: Vec<String> =
        errors.iter().map(|((kind, name), errors)| format!("{kind}|{name}|{errors}")).collect();
    let mut found = rows(folder.path(), "SELECT error_type, model_name, errors FROM errors_by_type");
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);

    let expected = hours.into_iter().map(|(hour, (calls, errors))| format!("{hour}|{calls}|{errors}"));
    let found = rows(folder.path(), "SELECT hour, calls, errors FROM success_by_hour");
    assert_eq!(found, expected.collect::<Vec<_>>());

    let mut scores: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    for event in &events {
        let Body::Evaluation(judged) = &event.body else { continue };
        for score in &judged.scores {
            let known = scores.entry(&score.name).or_default();
            known.0.extend(score.value);
            known.1 += usize::from(score.value.is_none());
        }
    }
    let expected = scores.into_iter().map(|(name, (values, missing))| {
        let largest =
            |values: Vec<f64>| values.into_iter().reduce(f64::max).map_or("-".to_owned(), |max| format!("{max:?}"));
        let negated = values.iter().map(|value| -value).collect();
        let (max, min) = (largest(values.clone()), largest(negated).replacen('-', "", 1));
        format!("{name}|{}|{}|{max}|{missing}", values.len(), if min.is_empty() { "-" } else { &min })
    });
    let found = rows(folder.path(), "SELECT name, count, min, max, missing FROM evaluation_scores");
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(
        rows(folder.path(), "SELECT sum(calls), sum(unpriced_calls) FROM daily_cost"),
        rows(folder.path(), "SELECT sum(calls), sum(unpriced_calls) FROM token_usage_by_model")
    );
}

/// What stands in the README to be copied.
fn examples() -> Vec<&'static str> {
    let lines = include_str!("../README.md").lines().filter(|line| line.starts_with("sqlite3 "));
    lines.map(|line| line.split('"').nth(1).expect("a question in quotes")).collect()
}

#[test]
fn every_example_of_the_readme_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = super::write(&mut *sink_of(folder.path(), Content::Events), 0, recorded());
    assert!(matches!(answer, Answer::Ok));
    let examples = examples();
    for view in rows(folder.path(), "SELECT name FROM sqlite_schema WHERE type = 'view'") {
        assert!(examples.iter().any(|example| example.contains(&view)), "`{view}` has no example");
    }
    for example in examples {
        // The run has neither alerts nor logs.
        let found = rows(folder.path(), example);
        assert!(!found.is_empty() || ["alerts", "logs"].iter().any(|table| example.contains(table)), "{example}");
    }
}

#[test]
fn a_question_takes_its_index() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(sink_of(folder.path(), Content::Events));
    let questions: Vec<&str> = examples().into_iter().filter(|question| question.contains(" where ")).collect();
    let mut used: Vec<String> = Vec::new();
    for question in &questions {
        let plan = rows(folder.path(), &format!("EXPLAIN QUERY PLAN {question}")).join("\n");
        // The view is put together of its arms; those of other metrics end before they begin.
        let scans = plan.lines().any(|line| line.contains("SCAN") && !line.ends_with("SCAN metrics"));
        assert!(plan.contains("SEARCH") && !scans, "{question}\n{plan}");
        used.extend(plan.split_whitespace().filter(|word| word.contains("_by_")).map(String::from));
    }
    let indices = rows(folder.path(), "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");
    assert_eq!(indices.len(), 5);
    for index in indices {
        assert!(used.contains(&index), "nobody asks for `{index}`");
    }
}
