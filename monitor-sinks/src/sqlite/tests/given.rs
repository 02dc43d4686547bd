//! Events of every kind, as odd as they may be.

use monitor_core::event::{Alert, AlertData, AlertState, Body, Level, Score};
use monitor_core::{Evaluation, Event, Generation, Log, Metadata, Metric, Text, Timestamp, Tokens};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// Names that do harm where somebody takes them for something else.
pub(super) const ODD: [&str; 10] = [
    "o'; DROP TABLE samples; --",
    "\"quoted\" `and` [bracketed]",
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://x\")",
    "../../etc/passwd",
    "a\0b",
    "\u{202e}\u{feff}ä🦀",
    "{\"type\":\"log\"}",
    "line\nbreak\r\ttab",
    "%s?1:name@x$y",
];

pub(super) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        2 => select(vec!["gpt-4o", "gpt-4o-mini", "new-model", "stop", "unknown", "true", "7"]).prop_map(String::from),
        1 => select(ODD.to_vec()).prop_map(String::from),
        1 => any::<String>(),
    ]
    .boxed()
}

/// A text that is not empty.
fn name() -> impl Strategy<Value = Text> {
    text().prop_map(|text| if text.is_empty() { "x".into() } else { Text::new(text) })
}

fn metric_name() -> impl Strategy<Value = Text> {
    let families = ["model_usage", "finish_reason", "model_usage:gpt-4o", "finish_reason:", "cost_usd", "success_rate"];
    prop_oneof![name(), select(families.to_vec()).prop_map(Text::new_static)]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        select(vec![0.0, -0.0, 1.0, 1e150, -1e150, f64::MIN_POSITIVE, 5e-324, 0.1 + 0.2, 9_007_199_254_740_993.0]),
        any::<f64>().prop_filter("finite", |number| number.abs() <= 1e150),
    ]
}

fn count() -> impl Strategy<Value = Option<u64>> {
    of(prop_oneof![0_u64..100, Just(1 << 53), 0_u64..1 << 53])
}

fn tokens() -> impl Strategy<Value = Tokens> {
    (count(), count(), count(), count(), count()).prop_map(|(prompt, completion, total, cached, reasoning)| Tokens {
        prompt,
        completion,
        total,
        cached,
        reasoning,
    })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        number().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(text(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let known = [
        "operation",
        "error_type",
        "model_name",
        "success",
        "finish_reason",
        "evaluator_type",
        "feedback",
        "timestamp",
    ];
    let key = prop_oneof![text(), select(known.to_vec()).prop_map(String::from)];
    btree_map(key, value, 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn generation() -> impl Strategy<Value = Body> {
    let optional = || of(text().prop_map(Text::new));
    let facts = (number(), any::<bool>(), optional(), optional(), tokens(), count(), optional(), metadata());
    facts.prop_map(|(duration, success, model_name, finish_reason, tokens, conversation_length, error, metadata)| {
        let duration = duration.abs();
        let call =
            Generation { duration, success, model_name, finish_reason, tokens, conversation_length, error, metadata };
        call.into()
    })
}

fn evaluation() -> impl Strategy<Value = Body> {
    let optional = || of(text().prop_map(Text::new));
    let scores = btree_map(text(), (of(number()), optional()), 0..4);
    (number(), any::<bool>(), name(), scores, optional(), tokens(), optional(), metadata()).prop_map(
        |(duration, success, evaluator_type, scores, model_name, tokens, error, metadata)| {
            let score = |(name, (value, feedback)): (String, _)| Score { name: name.into(), value, feedback };
            let scores = scores.into_iter().map(score).rev().collect();
            let duration = duration.abs();
            Evaluation { duration, success, evaluator_type, scores, model_name, tokens, error, metadata }.into()
        },
    )
}

fn level() -> impl Strategy<Value = Level> {
    select(vec![Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical])
}

fn alert() -> impl Strategy<Value = Body> {
    let labels = || btree_map(text(), text(), 0..3).prop_map(|labels| labels.into_iter().collect());
    let data = of((number(), number(), number(), 0_u64..1 << 53).prop_map(|(mean, min, max, count)| AlertData {
        mean,
        min,
        max,
        count,
    }));
    let state = select(vec![AlertState::Firing, AlertState::Resolved]);
    let chart = of(text().prop_map(Text::new));
    let repeat = prop_oneof![Just(0), 0_u64..1 << 53];
    (name(), state, level(), text(), (labels(), labels()), of(number()), data, (time(), text(), repeat, chart))
        .prop_map(|(name, state, level, message, (labels, annotations), value, data, (since, key, repeat, chart))| {
            let (message, key) = (message.into(), key.into());
            Alert { name, state, level, message, labels, annotations, value, data, since, key, repeat, chart }.into()
        })
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        // Several of one second.
        (0_i64..3_000_000).prop_map(|micros| Timestamp::from_micros(1_777_903_200_000_000 + micros)),
        (0..=Timestamp::MAX.as_micros()).prop_map(Timestamp::from_micros),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let metric = (metric_name(), number(), metadata());
    let log = (level(), text(), metadata());
    let body = prop_oneof![
        3 => generation(),
        3 => evaluation(),
        3 => metric.prop_map(|(name, value, metadata)| Metric::with_metadata(name, value, metadata).into()),
        1 => log.prop_map(|(level, message, metadata)| Log { level, message: message.into(), metadata }.into()),
        1 => alert(),
    ];
    (time(), body).prop_map(|(time, body)| Event { time, body })
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(event(), 1..24)
}
