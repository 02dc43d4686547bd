//! Data frames of the recorded run, aggregated by polars, against what the Python reference answered once a minute.

use std::path::Path;
use std::time::Duration;

use monitor_core::component::{Answer, sink_fn};
use monitor_core::frame::polars_core::prelude::*;
use monitor_core::frame::{events_frame, samples_frame};
use monitor_core::read::{LineParser, Lines, Next, open_recording};
use monitor_core::sample::{Deriver, Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Selector, Store, Window};
use monitor_core::{
    Alert, AlertState, Evaluation, Event, Generation, Level, Log, Metric, Monitor, Timestamp, Tokens, Zone,
};
use serde_json::Value;

fn recording(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/afterimage-run").join(name)
}

fn golden() -> Value {
    let text = std::fs::read_to_string(recording("golden.json")).expect("the golden file");
    serde_json::from_str(&text).expect("JSON")
}

fn events(name: &str) -> Vec<Event> {
    let mut parser = LineParser::new(Zone::UTC);
    let mut lines = Lines::new(open_recording(&recording(name)).expect("the recording is there"));
    let mut events = Vec::new();
    loop {
        match lines.next(true).expect("it can be read") {
            Next::Line(line) => events.extend(parser.parse(line, Timestamp::MIN).expect("every line is an event")),
            Next::TooLong(_) => panic!("no line is that long"),
            Next::End => return events,
        }
    }
}

fn samples(events: &[Event]) -> Samples {
    let mut deriver = Deriver::new(&[]);
    let mut samples = Samples::default();
    for event in events {
        deriver.derive(event, &mut samples);
    }
    samples
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect()
}

/// The rows of the five minutes up to `now`, both ends included.
fn last_five_minutes(frame: &DataFrame, now: &Value) -> DataFrame {
    let now = Timestamp::parse(now.as_str().expect("text"), &Zone::UTC).expect("a timestamp");
    let window = Window::last(Duration::from_secs(300), now);
    let times = frame.column("timestamp").and_then(Column::datetime).expect("timestamps").physical();
    let within = &times.gt_eq(window.start.as_micros()) & &times.lt_eq(window.end.as_micros());
    frame.filter(&within).expect("the mask is as long as the frame")
}

fn of_metric(frame: &DataFrame, metric: &str) -> DataFrame {
    frame.filter(&frame.column("metric").and_then(Column::str).expect("names").equal(metric)).expect("as long")
}

/// Compares the column of a frame with the aggregates of the reference; gives back how many numbers were compared.
fn compare(frame: &DataFrame, column: &str, expected: &Value) -> usize {
    let column = frame.column(column).expect("it is there").cast(&DataType::Float64).expect("numbers");
    let values = column.f64().expect("was just cast");
    let count = values.len() - values.null_count();
    if expected.as_object().is_some_and(serde_json::Map::is_empty) {
        // Without data in its window the reference answers an empty object.
        assert_eq!(count, 0);
        return 0;
    }
    let ours = [("mean", values.mean()), ("min", values.min()), ("max", values.max()), ("count", Some(count as f64))];
    for (aggregate, ours) in ours {
        let (ours, theirs) = (ours.expect("there is data"), expected[aggregate].as_f64().expect("a number"));
        assert!((ours - theirs).abs() <= 1e-9, "{aggregate} of {}: {ours}, not {theirs}", column.name());
    }
    ours.len()
}

#[test]
fn samples_agree_with_every_number_of_the_reference() {
    let frame = samples_frame(samples(&events("metrics.jsonl.gz")).iter()).expect("no label is called as a column");
    assert_eq!(frame.height(), 25_115);
    let golden = golden();
    let mut compared = 0;
    for minute in golden["minutes"].as_array().expect("minutes") {
        let window = last_five_minutes(&frame, &minute["now"]);
        for (metric, expected) in minute["get_metrics"].as_object().expect("metrics") {
            compared += compare(&of_metric(&window, metric), "value", expected);
        }
    }
    // 28 minutes of 8 metrics of 4 numbers, less the windows without an error_rate.
    assert_eq!(compared, 892);

    // What the reference puts into the name is a label here.
    let usage = of_metric(&frame, "model_usage");
    let models = usage.column("model_name").and_then(Column::str).expect("names");
    for model in ["deepseek-chat", "gemini-2.5-flash"] {
        let expected = golden["metric_counts"][format!("model_usage:{model}")].as_u64().expect("a count");
        assert_eq!(models.equal(model).sum().map(u64::from), Some(expected), "{model}");
    }
}

#[test]
fn events_agree_with_the_reference() {
    let frame = events_frame(&events("afterimage.log.gz"));
    assert_eq!(frame.height(), 4_650);
    let mut compared = 0;
    for minute in golden()["minutes"].as_array().expect("minutes") {
        let window = last_five_minutes(&frame, &minute["now"]);
        let kinds = window.column("type").and_then(Column::str).expect("kinds");
        let calls = window.filter(&kinds.equal("generation")).expect("as long");
        let evaluations = window.filter(&kinds.equal("evaluation")).expect("as long");
        let metrics = &minute["get_metrics"];
        compared += compare(&calls, "duration", &metrics["generation_time"]);
        compared += compare(&calls, "success", &metrics["success_rate"]);
        compared += compare(&calls, "conversation_length", &metrics["conversation_length"]);
        compared += compare(&evaluations, "duration", &metrics["evaluation_time"]);
        for tokens in ["prompt_token_count", "completion_token_count", "total_token_count"] {
            compared += compare(&window, tokens, &metrics[tokens]);
        }
    }
    assert_eq!(compared, 28 * 7 * 4);
}

#[test]
fn a_label_that_comes_later_is_null_before() {
    let mut samples = Samples::default();
    for (second, labels) in [(3, None), (1, Some(("worker", "a"))), (2, Some(("host", "x")))] {
        let labels: Labels = labels.into_iter().collect();
        let series = SeriesSet::new([SeriesKey::new("queue_depth", labels).into()]);
        samples.push(Timestamp::from_secs(second), &series, &[second as f64]);
    }
    let frame = samples_frame(samples.iter()).expect("no label is called as a column");
    assert_eq!(names(&frame), ["timestamp", "metric", "value", "feedback", "host", "worker"]);
    let column = |name| frame.column(name).and_then(Column::str).expect("text").iter().collect::<Vec<_>>();
    assert_eq!(column("worker"), [None, Some("a"), None]);
    assert_eq!(column("host"), [None, None, Some("x")]);
    // The order is the caller's.
    assert_eq!(
        frame.column("value").and_then(Column::f64).expect("numbers").to_vec(),
        [Some(3.0), Some(1.0), Some(2.0)]
    );

    let series = SeriesSet::new([SeriesKey::new("queue_depth", [("value", "high")].into_iter().collect()).into()]);
    let mut samples = Samples::default();
    samples.push(Timestamp::from_secs(1), &series, &[1.0]);
    let clash = samples_frame(samples.iter());
    assert!(matches!(clash, Err(PolarsError::Duplicate(_))), "{clash:?}");
}

#[test]
fn what_was_said_of_a_score_stands_beside_it() {
    let mut judged = Evaluation::new("Judge", 1.5, true).score("tone", 0.25).score("depth", 0.5);
    judged.scores[0].feedback = Some("too short".into());
    let frame =
        samples_frame(samples(&[Event::new(Timestamp::from_secs(1), judged)]).iter()).expect("no label clashes");
    let column = |name| frame.column(name).and_then(Column::str).expect("text").iter();
    let said: Vec<_> = column("metric").zip(column("feedback")).filter(|(_, said)| said.is_some()).collect();
    assert_eq!(said, [(Some("evaluation_score_tone"), Some("too short"))]);
}

#[test]
fn every_kind_of_event_has_its_fields_and_nulls_elsewhere() {
    let at = Timestamp::from_secs(1);
    let since = Timestamp::from_secs(61);
    let alert = Alert {
        name: "slow".into(),
        state: AlertState::Firing,
        level: Level::Error,
        message: "too slow".into(),
        labels: [("model_name", "gpt-4o")].into_iter().collect(),
        annotations: Labels::NONE,
        value: Some(9.5),
        data: None,
        since,
        key: "slow/1".into(),
        repeat: 0,
        chart: None,
    };
    let mut judged = Evaluation::new("Judge", 1.5, true).score("tone", 0.25).score("tone", 0.5).error("");
    judged.scores.push(monitor_core::Score { name: "missing".into(), value: None, feedback: None });
    let call = Generation::new(2.5, false).model("gpt-4o").finish_reason("length").error("429").conversation_length(2);
    let call =
        call.tokens(Tokens { prompt: Some(4), completion: None, total: Some(9), ..Tokens::default() }).with("user", 7);
    let events = [
        Event::new(at, call),
        Event::new(at, judged),
        Event::new(at, Metric::new("queue_depth", 7.0)),
        Event::new(at, Log::new(Level::Warning, "it grows")),
        Event::new(at, alert),
    ];
    let frame = events_frame(&events);

    // Each row as "column=value", without the nulls.
    let row = |at: usize| -> Vec<String> {
        let shown = |column: &Column| {
            let value = column.get(at).expect("within the frame");
            (!value.is_null()).then(|| format!("{}={}", column.name(), value.str_value()))
        };
        frame.columns()[1..].iter().filter_map(shown).collect()
    };
    assert_eq!(
        row(0),
        [
            "type=generation",
            "duration=2.5",
            "success=false",
            "model_name=gpt-4o",
            "finish_reason=length",
            "prompt_token_count=4",
            "total_token_count=9",
            "conversation_length=2",
            "error=429",
            "metadata={\"user\":7}",
        ]
    );
    assert_eq!(row(1), ["type=evaluation", "duration=1.5", "success=true", "evaluator_type=Judge", "score.tone=0.5"]);
    assert_eq!(row(2), ["type=metric", "metric=queue_depth", "value=7.0"]);
    assert_eq!(row(3), ["type=log", "level=warning", "message=it grows"]);
    assert_eq!(
        row(4),
        [
            "type=alert",
            "value=9.5",
            "level=error",
            "message=too slow",
            "name=slow",
            "state=firing",
            "since=1970-01-01 00:01:01 UTC",
            "labels={\"model_name\":\"gpt-4o\"}",
        ]
    );
    let missing = frame.column("score.missing").expect("it was announced");
    assert_eq!((missing.dtype(), missing.null_count()), (&DataType::Float64, 5));
}

#[test]
fn without_rows_the_columns_have_their_types() {
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let samples = samples_frame([]).expect("there are no labels");
    assert_eq!(samples.dtypes(), [utc.clone(), DataType::String, DataType::Float64, DataType::String]);
    let events = events_frame(&[]);
    assert_eq!((events.height(), events.width()), (0, 23));
    let types = ["timestamp", "duration", "success", "total_token_count", "error", "since"];
    let types = types.map(|name| events.column(name).expect("it is always there").dtype().clone());
    assert_eq!(types, [utc.clone(), DataType::Float64, DataType::Boolean, DataType::UInt64, DataType::String, utc]);
}

#[test]
fn a_store_gives_what_a_selector_selects_in_the_order_of_time() {
    let call = |second, model: &str| {
        Event::new(Timestamp::from_secs(second), Generation::new(second as f64, true).model(model))
    };
    let store = Store::new(Limits::default());
    store.insert(&samples(&[call(3, "a"), call(1, "a"), call(2, "b"), call(9, "a")]), Timestamp::from_secs(9));
    let window = Window { start: Timestamp::MIN, end: Timestamp::from_secs(5) };
    let frame = store.frame(&Selector::metric("generation_time").with("model_name", "a"), window).expect("it is known");
    assert_eq!(names(&frame), ["timestamp", "value"]);
    assert_eq!(frame.column("value").and_then(Column::f64).expect("numbers").to_vec(), [Some(1.0), Some(3.0)]);
    let times = frame.column("timestamp").and_then(Column::datetime).expect("times").physical().to_vec();
    assert_eq!(times, [Some(1_000_000), Some(3_000_000)]);
    assert!(store.frame(&Selector::metric("generation_tim"), Window::ALL).is_err());
}

#[test]
fn a_sink_makes_frames_of_what_it_gets() {
    let (sender, frames) = std::sync::mpsc::channel();
    let sink = sink_fn(move |delivery| {
        let sent = sender.send((events_frame(delivery.events()), samples_frame(delivery.samples())));
        sent.map_or_else(|error| Answer::Fatal(error.into()), |()| Answer::Ok)
    });
    let monitor = Monitor::builder().sink("frames", sink).start().expect("starts");
    monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
    monitor.record_metric("queue_depth", 7.0, &[("model_name", "a")]);
    monitor.shutdown();
    let rows: Vec<_> =
        frames.iter().map(|(events, samples)| (events.height(), samples.expect("fits").height())).collect();
    // A generation with a model yields its time, its success, its error and the use of its model.
    assert_eq!(rows.iter().fold((0, 0), |sum, rows| (sum.0 + rows.0, sum.1 + rows.1)), (2, 5));
}
