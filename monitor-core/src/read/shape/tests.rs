//! Whatever the lines before were like, a line is read as it is read alone: the same event to the last bit, or the same
//! refusal.

use std::io::BufRead;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::bus::Draft;
use crate::event::{Body, Event, Tokens};
use crate::read::{LineParser, Refusal, open_recording};
use crate::sample::{Deriver, EventSamples, Sample};
use crate::{Metadata, Text, Timestamp, Zone};

type Read = Result<Option<Event>, Refusal>;

/// An event to the last bit: of its floats `==` does not tell -0.0 from 0.0, and of its attributes not the order.
fn exactly(read: &Read) -> String {
    fn attributes(metadata: &Metadata) -> (usize, String, String) {
        let labels: Vec<_> = metadata.iter().map(|(name, _)| metadata.label(name)).collect();
        let texts: Vec<_> = metadata.iter().map(|(name, _)| metadata.text(name)).collect();
        (metadata.approximate_bytes(), format!("{metadata:?}"), format!("{labels:?} {texts:?}"))
    }
    let written = read.as_ref().map(|event| event.as_ref().map(|event| json!(event).to_string()));
    let metadata = read.as_ref().ok().and_then(Option::as_ref).and_then(Event::metadata).map(attributes);
    let bits = match read.as_ref().ok().and_then(Option::as_ref).map(|event| &event.body) {
        Some(Body::Generation(generation)) => vec![generation.duration.to_bits()],
        Some(Body::Metric(metric)) => vec![metric.value.to_bits()],
        Some(Body::Evaluation(evaluation)) => {
            let scores = evaluation.scores.iter().map(|score| score.value.map_or(u64::MAX, f64::to_bits));
            scores.chain([evaluation.duration.to_bits()]).collect()
        }
        _ => Vec::new(),
    };
    format!("{read:?}\n{written:?}\n{metadata:?}\n{bits:?}")
}

/// What the samples of an event are, to the last bit.
fn told(samples: EventSamples<'_>) -> Vec<String> {
    let one = |sample: Sample<'_>| {
        let Sample { time, value, series, feedback } = sample;
        format!("{time} {} {}{} {feedback:?}", value.to_bits(), series.metric(), series.labels())
    };
    samples.iter().map(one).collect()
}

/// Reads lines one after another, each both ways; gives back how many were read the short way.
fn compare<'a>(zone: &Zone, lines: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let mut parser = LineParser::new(zone.clone());
    let mut of_drafts = LineParser::new(zone.clone());
    let labels = ["tone", "score", "request_id", "user", "message"].map(Text::new_static);
    let (mut of_lines, mut of_events) = (Deriver::new(&labels), Deriver::new(&labels));
    let mut predicted = 0;
    for line in lines {
        let arrival = Timestamp::from_secs(1);
        let alone = parser.parse_alone(line, arrival);
        let short = parser.parse_predicted(line, arrival);
        predicted += usize::from(short.is_some());
        let parsed = parser.parse(line, arrival);
        assert_eq!(parsed, alone, "{}", String::from_utf8_lossy(line));
        assert_eq!(exactly(&parsed), exactly(&alone), "{}", String::from_utf8_lossy(line));

        let mut draft = Draft::default();
        let read = draft.push_line(line, arrival, &mut of_drafts, &mut of_lines);
        assert_eq!(read, alone.as_ref().map(Option::is_some).map_err(Clone::clone));
        if let Ok(Some(event)) = &alone {
            let made = Draft::new(vec![event.clone()], &mut of_events);
            assert!(draft.missing_scores().eq(made.missing_scores()), "{}", String::from_utf8_lossy(line));
            let (late, early) = (draft.numbered(7), made.numbered(7));
            assert_eq!(told(late.samples_of(0)), told(early.samples_of(0)), "{}", String::from_utf8_lossy(line));
            assert_eq!((late.time(0), late.kind(0)), (event.time, event.kind()));
            assert_eq!(exactly(&Ok(Some(late.event(0).clone()))), exactly(&alone));
        }
    }
    predicted
}

fn recording(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/afterimage-run").join(name);
    let reader = open_recording(&path).expect("the recording is there");
    reader.split(b'\n').map(|line| line.expect("gzip")).collect()
}

/// The recorded events in our own form.
fn ours(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let parser = LineParser::new(Zone::UTC);
    let event = |line: &Vec<u8>| parser.parse_alone(line, Timestamp::MIN).expect("valid").expect("an event");
    lines.iter().map(|line| serde_json::to_vec(&event(line)).expect("an event is JSON")).collect()
}

#[test]
fn the_recorded_run_is_read_the_same_and_most_of_it_the_short_way() {
    let (metrics, log) = (recording("metrics.jsonl.gz"), recording("afterimage.log.gz"));
    let (our_metrics, our_events) = (ours(&metrics), ours(&log));
    let zone: Zone = "Europe/Berlin".parse().expect("a zone");
    for lines in [&metrics[..5_000], &log, &our_metrics[..5_000], &our_events] {
        let predicted = compare(&zone, lines.iter().map(Vec::as_slice));
        assert!(predicted * 100 > lines.len() * 95, "{predicted} of {}", lines.len());
    }
}

#[test]
fn a_minute_that_no_event_can_have_is_refused_each_time() {
    for minute in ["1969-12-31T23:59", "0001-01-01T00:00", "2026-13-04T14:00"] {
        let line = |minute: &str, second: u32| {
            let time = format!("{minute}:{second:02}.000000Z");
            format!(r#"{{"type":"generation","timestamp":"{time}","duration":1,"success":true}}"#)
        };
        let good = |second| line("2026-05-04T14:00", second);
        let lines = [good(1), good(2), line(minute, 3), line(minute, 4), good(5), line(minute, 6)];
        assert_eq!(compare(&Zone::UTC, lines.iter().map(String::as_bytes)), 2, "{minute}");
    }
    let last = ["58.000000", "59.999999"].map(|seconds| {
        format!(r#"{{"type":"generation","timestamp":"9999-12-31T23:59:{seconds}Z","duration":1,"success":true}}"#)
    });
    assert_eq!(compare(&Zone::UTC, last.iter().map(String::as_bytes)), 1);
}

#[test]
fn a_key_that_became_a_field_is_no_attribute_of_a_predicted_line() {
    for (name, _) in Tokens::default().named() {
        let line = |count| format!(r#"{{"type":"generation","duration":1,"success":true,"{name}":{count}}}"#);
        assert_eq!(compare(&Zone::UTC, [line(3).as_bytes(), line(4).as_bytes()]), 1, "{name}");
    }
}

#[test]
fn what_stands_beside_an_event_in_the_log_is_not_part_of_it() {
    let line = |beside: &str| {
        let data = r#"{"duration": 2, "success": true, "evaluator_type": "E", "turns": 3}"#;
        format!(r#"2026-05-04 14:00:02,881 - {{"message": "Evaluation metrics", "data": {data}, {beside}}}"#)
    };
    for (beside, predicted) in [
        (r#""level": "info""#, 1),
        (r#""metadata": "x", "scores": 1"#, 1),
        (r#""metadata": {"operation": "x", "n": null}"#, 0),
        (r#""scores": {"tone": 0.5}"#, 0),
        (r#""scores": {"tone": {"score": 0.5}}"#, 0),
        (r#""metadata": {}"#, 0),
    ] {
        let line = line(beside);
        assert_eq!(compare(&Zone::UTC, [line.as_bytes(); 2]), predicted, "{beside}");
    }
}

fn name() -> impl Strategy<Value = String> {
    let fields = select(vec![
        "type",
        "timestamp",
        "duration",
        "success",
        "model_name",
        "finish_reason",
        "conversation_length",
        "error",
        "evaluator_type",
        "scores",
        "metadata",
        "metric",
        "value",
        "level",
        "message",
        "data",
        "score",
        "feedback",
        "operation",
        "error_type",
        "user",
        "name",
        "state",
        "since",
        "",
    ]);
    let counts = select(Tokens::default().named().map(|(name, _)| name).to_vec());
    prop_oneof![
        6 => fields.prop_map(str::to_owned),
        4 => counts.prop_map(str::to_owned),
        4 => "[a-z]{1,2}|[a-z]{3}|[a-z]é|\\PC{1,4}|\\\\u00e9|a\\\\n",
    ]
}

/// One of these, as it stands.
fn word(words: &[&'static str]) -> BoxedStrategy<String> {
    select(words.to_vec()).prop_map(str::to_owned).boxed()
}

fn text() -> impl Strategy<Value = String> {
    let known =
        word(&["stop", "gpt-4o", "meta-llama/llama-3.3-70b-instruct:free", "generation", "metric", "warning", ""]);
    prop_oneof![
        12 => known,
        4 => "\\PC{0,30}".prop_map(|text| text.replace(['"', '\\'], "")),
        2 => r#"[a-z]{0,9}(\\n|\\"|\\\\|\\u00e9|\\ud83d\\ude00|\x7f|é|😀)[a-z]{0,9}"#,
        1 => r"[a-z]{0,9}(\\ud83d|\\x|\x01|\t)[a-z]{0,9}",
    ]
    .prop_map(|text| format!("\"{text}\""))
}

fn number() -> impl Strategy<Value = String> {
    let odd = [
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1e5",
        "1E-5",
        "1e-400",
        "1e150",
        "9007199254740992",
        "9007199254740992.0",
        "12.0",
        "123456789012345",
        "1234567890123456",
        "0.123456789012345",
        "0.1234567890123456",
        "2.7811943369201004",
        "1777903202",
        "1777903202.881194",
        "4e-324",
        "18446744073709551615",
        "18446744073709551616",
        "1.1e150",
    ];
    let wrong = [
        "01",
        "1.",
        ".5",
        "1e400",
        "-1",
        "-1.5",
        "9007199254740993",
        "-9223372036854775808",
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "0x1",
        "1e",
        "-",
        "--1",
        "1.5.2",
    ];
    prop_oneof![
        6 => word(&odd),
        1 => word(&wrong),
        4 => "(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?",
        1 => "-?[0-9]{1,3}\\.?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?",
        2 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        9 => (0..5_000_u32).prop_map(|value| value.to_string()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let other = word(&["true", "false", "null", "true", "false", "null", "nul", "[]", "{}", "[1,\"a\"]", "[[null]]"]);
    let leaf = prop_oneof![3 => text(), 3 => number(), 2 => other];
    leaf.prop_recursive(2, 8, 3, |value| {
        proptest::collection::vec((name(), value), 0..4).prop_map(|pairs| object(&pairs, ",", ":"))
    })
}

fn object(pairs: &[(String, String)], comma: &str, colon: &str) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
    format!("{{{}}}", pairs.join(comma))
}

/// Values with which an event of any kind is possible.
fn likely(name: &str) -> BoxedStrategy<String> {
    let likely = match name {
        "duration" | "value" | "score" => number().boxed(),
        "success" => word(&["true", "false"]),
        "timestamp" => prop_oneof![
            9 => word(&[
                "\"2026-05-04T14:00:02.881194Z\"", "\"2026-05-04T16:00:02+02:00\"", "\"2026-05-04T14:00:02.881194\"",
                "\"2026-05-04 14:00:02,881\"", "1777903202.5", "null", " \" 2026-05-04T14:00:02 \"",
            ]),
            1 => word(&[
                "\"1969-12-31T23:59:58.000000Z\"", "\"1970-01-01T00:00:00.000000Z\"", "\"9999-12-31T23:59:59.999999Z\"",
                "\"2026-05-04T14:00:60.000000Z\"", "\"2026-05-04T14:00:02.88119xZ\"", "\"2026-05-04T14:00:02.8811944\"",
            ]),
            1 => word(&["\"2026-13-04T14:00:02\"", "\"1969-12-31T23:59:59Z\"", "1e300", "-1", "true"]),
        ].boxed(),
        "level" => word(&["\"info\"", "\"WARN\"", "null", "\"loud\""]),
        "metadata" | "scores" => word(&["null", "{}"]),
        _ if name.ends_with("count") || name == "conversation_length" => {
            prop_oneof![6 => (0..5_000_u32).prop_map(|count| count.to_string()), 1 => Just("null".to_owned()), 1 => number()].boxed()
        }
        _ => prop_oneof![9 => text(), 1 => Just("null".to_owned())].boxed(),
    };
    prop_oneof![24 => likely, 1 => value()].boxed()
}

/// A key, and the keys of the object under it, if it leads to one.
type Key = (String, Vec<String>);

fn key() -> impl Strategy<Value = Key> {
    let inner = prop_oneof![9 => word(&["operation", "request_id", "tone", "score", "feedback"]), 1 => name()];
    (name(), proptest::collection::vec(inner, 0..4)).prop_map(|(name, inner)| {
        let leads = matches!(name.as_str(), "metadata" | "scores" | "tone" | "data");
        (name, if leads { inner } else { Vec::new() })
    })
}

/// The value of a key in a form, which every line draws anew.
fn value_of((name, inner): &Key) -> BoxedStrategy<String> {
    if inner.is_empty() {
        return likely(name);
    }
    let inner = inner.clone();
    let values = proptest::collection::vec(
        prop_oneof![2 => number().boxed(), 5 => text().boxed(), 2 => word(&["null", "true"])],
        inner.len(),
    );
    values.prop_map(move |values| object(&inner.iter().cloned().zip(values).collect::<Vec<_>>(), ", ", ": ")).boxed()
}

/// The keys of a line and how it is written; what stands between them is drawn anew for every line.
#[derive(Clone, Debug)]
struct Form {
    before: &'static str,
    begins: &'static [(&'static str, &'static str)],
    keys: Vec<Key>,
    comma: &'static str,
    colon: &'static str,
}

fn form() -> impl Strategy<Value = Form> {
    const GENERATION: &[(&str, &str)] = &[("type", "\"generation\""), ("duration", "1"), ("success", "true")];
    let begins: Vec<&'static [(&str, &str)]> = vec![
        GENERATION,
        GENERATION,
        &[("type", "\"generation\"")],
        &[("type", "\"evaluation\""), ("duration", "2.5"), ("success", "true"), ("evaluator_type", "\"E\"")],
        &[("type", "\"evaluation\"")],
        &[("type", "\"metric\""), ("metric", "\"m\"")],
        &[("metric", "\"m\""), ("value", "1")],
        &[("metric", "\"m\"")],
        &[("type", "\"log\""), ("message", "\"m\"")],
        &[("message", "\"m\"")],
        &[],
    ];
    let spaces = select(vec![(",", ":"), (", ", ": "), (" ,\t", " : ")]);
    let before = select(vec!["", "", "", "2026-05-04 14:00:02,881 - ", "\u{feff} "]);
    (before, select(begins), proptest::collection::vec(key(), 0..6), spaces)
        .prop_map(|(before, begins, keys, (comma, colon))| Form { before, begins, keys, comma, colon })
}

/// Lines of one form, and that form as the data of a log line.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    form().prop_flat_map(|form| {
        let fixed = form
            .begins
            .iter()
            .map(|(name, value)| prop_oneof![24 => Just((*value).to_owned()), 1 => likely(name)].boxed());
        let values: Vec<_> = fixed.chain(form.keys.iter().map(value_of)).collect();
        let begins = form.begins.iter().map(|(name, _)| (*name).to_owned());
        let names: Vec<String> = begins.chain(form.keys.iter().map(|(name, _)| name.clone())).collect();
        let begins = form.begins.len();
        let tracked = any::<bool>();
        let message = select(vec!["Generation metrics", "Evaluation metrics"]);
        let inner = proptest::collection::vec(word(&["operation", "tone"]), 1..3);
        let fields = (word(&["metadata", "scores"]), inner);
        let beside = prop_oneof![key(), fields]
            .prop_flat_map(|key| value_of(&key).prop_map(move |value| (key.0.clone(), value)));
        let beside = proptest::collection::vec(beside, 0..2);
        (proptest::collection::vec(values, 2..5), tracked, message, beside, mutations()).prop_map(
            move |(lines, tracked, message, beside, mutations)| {
                let mut written: Vec<Vec<u8>> = lines
                    .into_iter()
                    .map(|values| {
                        let pairs: Vec<(String, String)> = names.iter().cloned().zip(values).collect();
                        let inner = object(&pairs[usize::from(begins > 2 && tracked)..], form.comma, form.colon);
                        let (comma, colon) = (form.comma, form.colon);
                        if tracked && form.before.len() > 20 {
                            let event = [("message".to_owned(), format!("\"{message}\"")), ("data".to_owned(), inner)];
                            let pairs: Vec<_> = event.into_iter().chain(beside.iter().cloned()).collect();
                            format!("{}{}", form.before, object(&pairs, comma, colon))
                        } else {
                            format!("{}{}", form.before, object(&pairs, comma, colon))
                        }
                        .into_bytes()
                    })
                    .collect();
                // Twice the same teaches what the mutated ones are measured by.
                written.extend(written.clone());
                for (line, at, byte) in mutations {
                    let line = line % written.len();
                    let mut line = written[line].clone();
                    if !line.is_empty() {
                        let at = at % line.len();
                        line[at] = byte;
                    }
                    written.push(line);
                }
                written
            },
        )
    })
}

fn mutations() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
    let byte = prop_oneof![any::<u8>(), select(b"\"\\{}[],: 0e.-x\t\x1f\xff".to_vec())];
    proptest::collection::vec((any::<usize>(), any::<usize>(), byte), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_is_read_as_if_it_came_alone(mut lines in proptest::collection::vec(lines(), 1..3), turn in any::<usize>()) {
        let mut mixed: Vec<Vec<u8>> = lines.drain(..).flatten().collect();
        let turn = turn % mixed.len();
        mixed.rotate_left(turn);
        compare(&Zone::UTC, mixed.iter().map(Vec::as_slice));
    }

    #[test]
    fn any_byte_of_a_line_may_be_another(at in any::<usize>(), byte in any::<u8>(), which in 0..4_usize, cut in any::<bool>()) {
        let lines: [&[u8]; 4] = [
            br#"{"type":"generation","timestamp":"2026-05-04T14:00:02.881194Z","duration":2.75,"success":true,"model_name":"meta-llama/llama-3.3-70b-instruct:free","finish_reason":null,"prompt_token_count":420,"error":"a \"b\"","metadata":{"operation":"x","n":-1.5e3}}"#,
            br#"{"type":"evaluation","timestamp":"2026-05-04T14:00:02.881194Z","duration":1.9,"success":true,"evaluator_type":"E","scores":{"a":0.82,"tone":{"score":0.74,"feedback":"Too terse."},"none":null},"error":null,"extra":false}"#,
            br#"{"metric": "m", "value": 2.7811943369201004, "model_name": "x", "timestamp": "2026-05-04T14:00:02.881194"}"#,
            br#"2026-05-04 14:00:02,881 - {"message": "Generation metrics", "data": {"timestamp": "2026-05-04T14:00:02.881194", "duration": 2, "success": true, "model_name": null, "turns": 3}, "level": "info"}"#,
        ];
        let mut changed = lines[which].to_vec();
        let at = at % changed.len();
        if cut { changed.truncate(at) } else { changed[at] = byte }
        compare(&Zone::UTC, [lines[which], &changed, lines[which]]);
    }
}
