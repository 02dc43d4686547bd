//! Which events a sink gets, and what of them, by the keys that every sink has; what it does not get is counted.

use std::sync::mpsc::{Receiver, channel};

use monitor_core::component::{Answer, Delivery, Sink, sink_fn};
use monitor_core::config::SinkSettings;
use monitor_core::event::{Body, Level};
use monitor_core::pipeline::{Filter, SinkOptions};
use monitor_core::{Evaluation, Event, Generation, Kind, Log, Metadata, Metric, Monitor, Timestamp, Tokens};
use proptest::prelude::*;
use serde_json::json;

/// What a sink has got: events, and samples as text.
type Got = (Vec<Event>, Vec<String>);

fn collector() -> (Box<dyn Sink>, Receiver<Got>) {
    let (home, got) = channel();
    let sink = sink_fn(move |delivery: &Delivery<'_>| {
        let samples = delivery.samples();
        let samples = samples.map(|sample| format!("{}{} {}", sample.name(), sample.series.labels(), sample.value));
        home.send((delivery.events().cloned().collect(), samples.collect())).expect("the test listens");
        Answer::Ok
    });
    (sink, got)
}

/// Sends these through a pipeline to a sink with these keys; gives back what it got, and how many were filtered.
fn through(settings: &SinkSettings, events: Vec<Body>) -> (Got, u64) {
    let (sink, got) = collector();
    let options = SinkOptions::from(settings);
    let monitor = Monitor::builder().labels(["tenant"]).sink_with("s", sink, options).start().expect("starts");
    for body in events {
        monitor.record(Event::new(Timestamp::from_secs(1), body));
    }
    let summary = monitor.shutdown().expect("ends once");
    assert!(summary.sinks[0].closes(), "{:?}", summary.sinks[0]);
    let all = got.iter().fold(Got::default(), |mut all, (events, samples)| {
        all.0.extend(events);
        all.1.extend(samples);
        all
    });
    assert_eq!(summary.sinks[0].delivered, all.0.len() as u64);
    (all, summary.sinks[0].filtered)
}

fn settings(toml: &str) -> SinkSettings {
    toml::from_str(toml).expect("keys of a sink")
}

fn call(model: &str, tenant: &str) -> Body {
    let tokens = Tokens::of(400, 600);
    Generation::new(1.0, true).model(model).tokens(tokens).error("no\nsuch key sk-1").with("tenant", tenant).into()
}

fn some_of_all() -> Vec<Body> {
    vec![
        call("gpt-4o", "a"),
        call("gpt-4o-mini", "b"),
        Evaluation::new("Tone", 0.5, true).score_with_feedback("tone", 0.7, "as the user said: hunter2").into(),
        Metric::with_metadata("queue", 3.0, [("tenant", "a")].into_iter().collect::<Metadata>()).into(),
        Log::new(Level::Error, "hunter2").with("tenant", "a").with("model_name", "gpt-4o").into(),
    ]
}

#[test]
fn labels_kinds_and_metrics_choose_events() {
    use Kind::{Evaluation, Generation, Log, Metric};
    let kinds = |toml: &str| {
        let ((events, _), filtered) = through(&settings(toml), some_of_all());
        assert_eq!(events.len() as u64 + filtered, 5);
        events.iter().map(Event::kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(""), [Generation, Generation, Evaluation, Metric, Log]);
    assert_eq!(kinds(r#"where = ["model_name=gpt-4o"]"#), [Generation, Log]);
    assert_eq!(kinds(r#"where = ["model_name=~gpt-4o.*", "tenant!=a"]"#), [Generation]);
    assert_eq!(kinds("where = [\"tenant=a\"]\naccept = [\"metric\", \"log\"]"), [Metric, Log]);
    assert_eq!(kinds(r#"where = ["tenant="]"#), [Evaluation], "one without it has an empty one");
    assert_eq!(kinds(r#"metrics = ["model_usage:gpt-4o", "queue"]"#), [Generation, Metric]);
}

#[test]
fn of_the_metrics_only_the_wanted_samples_come() {
    let ((events, samples), filtered) =
        through(&settings(r#"metrics = ["*_token_count", "evaluation_score_*"]"#), some_of_all());
    assert_eq!((events.len(), filtered), (3, 2));
    let name = |sample: &String| sample.split(['{', ' ']).next().map(ToOwned::to_owned);
    let tokens = ["prompt_token_count", "completion_token_count", "total_token_count"];
    let expected: Vec<_> = [&tokens[..], &tokens[..], &["evaluation_score_tone"]].concat();
    assert_eq!(samples.iter().filter_map(name).collect::<Vec<_>>(), expected);
    assert!(samples[0].ends_with(" 400") && samples[6].ends_with(" 0.7"), "{samples:?}");
}

#[test]
fn an_event_tells_its_source_whatever_is_hidden_of_it() {
    for keys in ["", "redact = [\"key\"]", "metrics = [\"queue\"]"] {
        let (home, got) = channel();
        let sink = sink_fn(move |delivery: &Delivery<'_>| {
            let sources = delivery.items().iter().map(|item| item.source().map(str::to_owned));
            home.send(sources.collect::<Vec<_>>()).expect("the test listens");
            Answer::Ok
        });
        let options = SinkOptions::from(&settings(keys));
        let monitor = Monitor::builder().sink_with("s", sink, options).start().expect("starts");
        monitor.record(Event::new(Timestamp::from_secs(1), Metric::new("queue", 1.0)));
        monitor.shutdown();
        // That is what a program which records itself is called.
        assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [Some("monitor".to_owned())], "{keys}");
    }
}

#[test]
fn what_nobody_is_to_see_is_not_there() {
    let nested =
        Log::new(Level::Info, "kept").with("request", json!({"user": {"key": "hunter2"}, "list": [{"key": 1}]}));
    let events = [some_of_all(), vec![nested.into()]].concat();
    let redacting = r#"redact = ["error", "feedback", "message", "key", "tenant"]"#;
    let ((shown, samples), filtered) = through(&settings(redacting), events.clone());
    let json = serde_json::to_string(&shown).expect("events are JSON");
    assert_eq!((shown.len(), filtered), (6, 0));
    assert!(!json.contains("hunter2") && !json.contains("sk-1"), "{json}");
    assert!(json.contains(r#""request":{"user":{"key":"***"},"list":[{"key":"***"}]}"#), "{json}");
    assert!(samples.iter().filter(|sample| sample.contains("tenant=***")).count() > 10, "{samples:?}");
    assert!(!samples.iter().any(|sample| sample.contains("tenant=a")), "{samples:?}");
    // Costs and all other numbers are as they were.
    let numbers = |samples: &[String]| -> Vec<_> {
        samples
            .iter()
            .filter_map(|sample| Some((sample.split('{').next()?.to_owned(), sample.rsplit(' ').next()?.to_owned())))
            .collect()
    };
    let ((_, all), _) = through(&settings(""), events.clone());
    assert!(all.iter().any(|sample| sample.contains("cost_usd")), "{all:?}");
    assert_eq!(numbers(&samples), numbers(&all));
    // Of the fields only some.
    let ((shown, _), _) = through(&settings(r#"fields = ["tenant", "feedback"]"#), events);
    let json = serde_json::to_string(&shown).expect("events are JSON");
    assert!(json.contains("hunter2") && json.contains(r#""tenant":"a""#), "{json}");
    assert!(!json.contains("sk-1") && !json.contains("request") && !json.contains("kept"), "{json}");
}

#[test]
fn one_in_so_many_is_the_same_one_in_every_run_and_the_rest_is_counted() {
    let numbers = |sample: u64| {
        let events = (0..4_000).map(|n| Metric::new(if n % 2 == 0 { "even" } else { "odd" }, f64::from(n)).into());
        let ((events, samples), filtered) = through(&settings(&format!("sample = {sample}")), events.collect());
        assert_eq!(events.len() as u64 + filtered, 4_000);
        samples
    };
    let tenth = numbers(10);
    assert!((330..470).contains(&tenth.len()), "{}", tenth.len());
    assert_eq!(tenth, numbers(10));
    // What alternates is not cut in half.
    let odd = tenth.iter().filter(|sample| sample.starts_with("odd")).count();
    assert!((140..260).contains(&odd), "{odd} of {}", tenth.len());
    assert_eq!(numbers(1).len(), 4_000);
}

proptest! {
    /// Whatever the filter, each event is passed on or counted, and in order.
    #[test]
    fn every_event_is_somewhere(sample in 1_u64..5, kinds in 0_usize..3, negated: bool, count in 1_usize..200) {
        let accept = [&[Kind::Metric][..], &[Kind::Metric, Kind::Log], &Kind::ALL][kinds];
        let selector = if negated { "*{tenant!=a}" } else { "*{tenant=a}" };
        let filter = Filter { sample, labels: selector.parse().ok(), ..Filter::of_kinds(accept) };
        let (sink, got) = collector();
        let options = SinkOptions { filter, ..SinkOptions::default() };
        let monitor = Monitor::builder().labels(["tenant"]).sink_with("s", sink, options).start().expect("starts");
        for at in 0..count {
            let tenant = if at % 3 == 0 { "a" } else { "b" };
            let metadata: Metadata = [("tenant", tenant)].into_iter().collect();
            monitor.record(Event::new(Timestamp::from_secs(at as i64), Metric::with_metadata("m", at as f64, metadata)));
        }
        let summary = monitor.shutdown().expect("ends once");
        let events: Vec<Event> = got.iter().flat_map(|(events, _)| events).collect();
        prop_assert_eq!(summary.sinks[0].delivered, events.len() as u64);
        prop_assert_eq!(summary.sinks[0].delivered + summary.sinks[0].filtered, count as u64);
        prop_assert!(events.is_sorted_by_key(|event| event.time));
        let all_wanted = events.iter().all(|event| {
            let tenant = event.metadata().and_then(|metadata| metadata.text("tenant"));
            (tenant == Some("a")) != negated
        });
        prop_assert!(all_wanted);
        if sample == 1 {
            let wanted = (0..count).filter(|at| (at % 3 == 0) != negated).count();
            prop_assert_eq!(events.len(), wanted);
        }
    }
}
