//! What is posted, over a real socket, and when it is posted again.

use std::sync::mpsc::Receiver;

use monitor_core::Event;
use monitor_core::event::Level;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Request, answers, open, open_at, serve, write};

fn config(toml: &str) -> Config {
    toml::from_str(toml).expect("keys")
}

fn alert(state: AlertState, level: Level) -> Alert {
    Alert {
        name: "failing_calls".into(),
        state,
        level,
        message: "16.3% of 215".into(),
        labels: [("model_name", "gpt")].into_iter().collect(),
        annotations: [("runbook", "https://r")].into_iter().collect(),
        value: Some(0.163),
        data: None,
        since: Timestamp::from_secs(1_777_903_200),
        key: "k-1".into(),
        repeat: 0,
        chart: None,
    }
}

/// Seconds after the alert began.
fn at(seconds: i64, alert: Alert) -> Event {
    Event::new(Timestamp::from_secs(1_777_903_200 + seconds), alert)
}

fn told(requests: &Receiver<Request>) -> Value {
    let request = requests.try_recv().expect("it came");
    assert_eq!(request.path, "/prefix/api/v2/alerts");
    serde_json::from_str(&request.text()).expect("JSON")
}

/// A server that takes all, and keys that lead to it.
fn taking() -> (String, Receiver<Request>) {
    let (url, requests) = serve(|_| answers("200 OK", "", ""));
    (format!("url = \"{}\"\n", url.replace("/hook/secret", "/prefix/")), requests)
}

#[test]
fn an_alert_fires_and_resolves_as_the_api_wants_it() {
    let (keys, requests) = taking();
    let folder = tempfile::tempdir().expect("a folder");
    let keys = format!(
        "{keys}generator_url = \"https://d/\"\nuser = \"me\"\npassword = \"pass:word\"\nheaders = {{ x-team = \"m\" }}"
    );
    let config = config(&keys);
    config.validate().expect("keys");
    let mut sink = open(&config, folder.path());
    assert!(matches!(write(&mut *sink, vec![at(60, alert(AlertState::Firing, Level::Error))]), Answer::Ok));
    let request = requests.try_recv().expect("it came");
    assert_eq!(
        (request.header("authorization"), request.header("x-team"), request.header("content-type")),
        (Some("Basic bWU6cGFzczp3b3Jk"), Some("m"), Some("application/json"))
    );
    let mut expected = json!({
        "labels": { "alertname": "failing_calls", "severity": "error", "model_name": "gpt" },
        "annotations": { "summary": "16.3% of 215", "value": "0.163", "runbook": "https://r" },
        "startsAt": "2026-05-04T14:00:00.000000Z",
        "generatorURL": "https://d/",
    });
    assert_eq!(serde_json::from_str::<Value>(&request.text()).expect("JSON"), json!([expected]));
    assert!(matches!(write(&mut *sink, vec![at(90, alert(AlertState::Resolved, Level::Error))]), Answer::Ok));
    expected["endsAt"] = "2026-05-04T14:01:30.000000Z".into();
    assert_eq!(told(&requests), json!([expected]));
    assert!(!sink.wants_turn());
}

#[test]
fn one_that_rises_ends_as_what_it_was() {
    let (keys, requests) = taking();
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = open(&config(&keys), folder.path());
    let (firing, resolved) = (AlertState::Firing, AlertState::Resolved);
    let events = vec![at(0, alert(firing, Level::Warning)), at(60, alert(firing, Level::Critical))];
    assert!(matches!(write(&mut *sink, events), Answer::Ok));
    let seen = |posted: &Value| -> Vec<(String, bool)> {
        let seen =
            |one: &Value| (one["labels"]["severity"].as_str().expect("text").to_owned(), one["endsAt"].is_null());
        posted.as_array().expect("a list").iter().map(seen).collect()
    };
    let fires = |level: &str, fires| (level.to_owned(), fires);
    assert_eq!(seen(&told(&requests)), [fires("warning", true), fires("warning", false), fires("critical", true)]);
    // Whatever level it resolves with.
    assert!(matches!(write(&mut *sink, vec![at(90, alert(resolved, Level::Warning))]), Answer::Ok));
    assert_eq!(seen(&told(&requests)), [fires("critical", false), fires("warning", false)]);
    assert!(!sink.wants_turn());
}

#[test]
fn what_fires_is_said_again_also_by_the_next_process() {
    let (keys, requests) = taking();
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(Timestamp::from_secs(1_777_903_200));
    let resume = |sink: &mut dyn Sink, mark: Option<&[u8]>| {
        assert_eq!(sink.resume(&Resume { spool: 7, mark, clean: false }).expect("it can"), Resumed::AsNoted);
    };
    let mut sink = open_at(&config(&format!("{keys}refresh = \"30s\"")), folder.path(), &clock);
    resume(&mut *sink, None);
    assert!(!sink.wants_turn(), "nothing fires");
    assert!(matches!(write(&mut *sink, vec![at(0, alert(AlertState::Firing, Level::Error))]), Answer::Ok));
    let first = told(&requests);
    for _ in 0..3 {
        assert!(!sink.wants_turn());
        clock.set(clock.now().plus(Duration::from_secs(30)));
        assert!(sink.wants_turn());
        sink.turn(false).expect("it is taken");
        assert_eq!(told(&requests), first);
    }
    sink.turn(true).expect("nothing is to be done");
    assert!(requests.try_recv().is_err());
    let mark = sink.mark();
    let mut next = open_at(&config(&keys), folder.path(), &clock);
    resume(&mut *next, mark.as_deref());
    assert!(next.wants_turn());
    next.turn(false).expect("it is taken");
    assert_eq!(told(&requests), first);
    assert!(matches!(write(&mut *next, vec![at(90, alert(AlertState::Resolved, Level::Error))]), Answer::Ok));
    assert_eq!(next.mark().as_deref(), Some(&b"{}"[..]));
    // What cannot be read is let go of.
    resume(&mut *open(&config(&keys), folder.path()), Some(b"{"));
}

#[test]
fn what_is_not_taken_does_not_fire_and_what_cannot_be_reached_is_tried_again() {
    let mut asked = 0;
    let (url, _requests) = serve(move |_| {
        asked += 1;
        answers(["400 Bad Request", "503 Busy", "200 OK", "503 Busy"][asked - 1], "retry-after: 3\r\n", "")
    });
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(Timestamp::from_secs(1_777_903_200));
    let mut sink = open_at(&config(&format!("url = \"{url}\"")), folder.path(), &clock);
    let fire = || vec![at(0, alert(AlertState::Firing, Level::Error))];
    let refused = write(&mut *sink, fire());
    assert!(matches!(&refused, Answer::Rejected { indices, .. } if *indices == [0]), "{refused:?}");
    let later = write(&mut *sink, fire());
    assert!(matches!(later, Answer::Retry { accepted: 0, after: Some(_), .. }), "{later:?}");
    assert!(!sink.wants_turn());
    assert!(matches!(write(&mut *sink, fire()), Answer::Ok));
    clock.set(clock.now().plus(Duration::from_secs(60)));
    assert!(sink.wants_turn());
    assert!(sink.turn(false).is_err());
    assert!(sink.wants_turn());
}

#[test]
fn names_become_allowed_ones_and_stay_apart() {
    let labels: Labels = [
        ("a.b", "1"),
        ("a_b", "2"),
        ("a-b", "3"),
        ("severity", "mine"),
        ("7 ü", "4"),
        ("", "5"),
        ("empty", ""),
        ("alertname_", "6"),
        ("alertname", "7"),
    ]
    .into_iter()
    .collect();
    let named = named([("alertname", "n".to_owned()), ("severity", "error".to_owned())], &labels);
    let expected = [
        ("_", "5"),
        ("_7__", "4"),
        ("a_b", "2"),
        ("a_b_", "3"),
        ("a_b__", "1"),
        ("alertname", "n"),
        ("alertname_", "6"),
        ("alertname__", "7"),
        ("severity", "error"),
        ("severity_", "mine"),
    ];
    assert_eq!(named.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
}

#[test]
fn keys_that_contradict_each_other_are_told() {
    for (toml, said) in [
        ("user = \"u\"", "needs a `password`"),
        ("password = \"p\"", "needs a `user`"),
        ("user = \"u\"\npassword = \"p\"\nbearer = \"b\"", "cannot stand beside `bearer`"),
        ("refresh = \"10ms\"", "must be at least a second"),
        ("generator_url = \"dashboard\"", "it must be a URL as https://host/path"),
    ] {
        let error = config(&format!("url = \"http://host/\"\n{toml}")).validate().expect_err(toml);
        assert!(format!("{error:?}").contains(said), "{error:?}");
    }
}
