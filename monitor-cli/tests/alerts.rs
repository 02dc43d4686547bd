//! Alerts of a pipeline that runs: each change is told once, also if the process is killed; silences hold while it runs.
#![cfg(unix)]

mod support;

use serde_json::Value;
use support::Dir;
use support::running::{SOURCE, append, end, eventually, kill, start, status};

const SETTINGS: &str = "metrics_interval = \"50ms\"\n\n[store]\nlabels = [\"group\"]\n\n";
const TOLD: &str = "[sinks.told]\ntype = \"jsonl\"\npath = \"told.jsonl\"\naccept = [\"alert\"]\nlinger = \"1ms\"\n\n";
const RULE: &str = "[alerts.much]\ntype = \"threshold\"\nmetric = \"m\"\naggregate = \"last\"\nabove = 1\nby = [\"group\"]\n\
                    no_data = \"keep\"\nmessage = \"it is {{ value | number(0) }}\"\n";

fn house() -> Dir {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SETTINGS}{SOURCE}{TOLD}{RULE}"));
    dir.write("app.jsonl", "");
    dir
}

fn send(dir: &Dir, group: &str, value: u32) {
    append(dir, &format!("{{\"metric\":\"m\",\"value\":{value},\"group\":\"{group}\"}}\n"));
}

/// What people were told: the group and the state.
fn told(dir: &Dir) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(dir.path().join("monitoring/told.jsonl")).unwrap_or_default();
    let line = |line: &str| {
        let alert: Value = serde_json::from_str(line).expect("an alert");
        (
            alert["labels"]["group"].as_str().expect("a group").to_owned(),
            alert["state"].as_str().expect("a state").to_owned(),
        )
    };
    text.lines().map(line).collect()
}

fn until(dir: &Dir, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(group, state)| ((*group).to_owned(), (*state).to_owned())).collect();
    eventually(&format!("people are told {expected:?}"), dir, || told(dir) == expected);
}

#[test]
fn a_change_is_told_once_whenever_the_process_ends() {
    let dir = house();
    let child = start(&dir);
    send(&dir, "a", 2);
    until(&dir, &[("a", "firing")]);
    let firing = status(&dir)["alerts"].clone();
    assert_eq!((&firing[0]["rule"], &firing[0]["phase"]), (&"much".into(), &"firing".into()), "{firing}");
    kill(child);
    // The store begins empty, and the rule stands where it stood.
    let child = start(&dir);
    send(&dir, "b", 2);
    until(&dir, &[("a", "firing"), ("b", "firing")]);
    kill(child);
    let child = start(&dir);
    send(&dir, "a", 0);
    until(&dir, &[("a", "firing"), ("b", "firing"), ("a", "resolved")]);
    let ended = end(child);
    let summary: Value = serde_json::from_str(&ended.stdout).expect("a summary");
    assert_eq!((&summary["fired"], &summary["resolved"]), (&0.into(), &1.into()));
    // A rule that is gone is over.
    dir.write("monitor.toml", format!("{SETTINGS}{SOURCE}{TOLD}"));
    let child = start(&dir);
    until(&dir, &[("a", "firing"), ("b", "firing"), ("a", "resolved"), ("b", "resolved")]);
    assert_eq!(end(child).code, Some(0));
    assert_eq!(status(&dir)["alerts"], Value::Array(Vec::new()));
    assert_eq!(dir.monitor(&["audit"]).code, Some(0));
}

#[test]
fn a_silence_holds_while_the_pipeline_runs() {
    let dir = house();
    let early = dir.monitor(&["silence", "add", "--rule", "much", "--for", "1h", "--reason", "x"]);
    assert!(
        early.code == Some(1) && early.stderr.contains("failed to find the data folder `monitoring`"),
        "{}",
        early.stderr
    );
    for (rule, reason) in [("", "x"), ("much", " ")] {
        let empty = dir.monitor(&["silence", "add", "--rule", rule, "--for", "1h", "--reason", reason]);
        assert!(empty.code == Some(64) && empty.stderr.contains("it must not be empty"), "{}", empty.whole());
    }
    let child = start(&dir);
    send(&dir, "none", 0);
    eventually("it runs", &dir, || dir.path().join("monitoring/spool.db").exists());
    let add = ["silence", "add", "--rule", "mu*", "--where", "group=a", "--for", "1h", "--reason", "we know\u{1b}[31m"];
    let added = dir.monitor(&add);
    assert!(added.stdout.starts_with("silence 1: mu* where group=a until "), "{}", added.whole());
    assert!(added.stdout.contains("(we know\\u{1b}[31m)"), "{}", added.whole());
    send(&dir, "a", 2);
    send(&dir, "b", 2);
    until(&dir, &[("b", "firing")]);
    let held =
        || status(&dir)["alerts"].as_array().is_some_and(|all| all.iter().any(|one| one["held"]["silence"] == 1));
    eventually("what is held back is listed", &dir, held);
    let listed: Value =
        serde_json::from_str(&dir.monitor(&["silence", "list", "--format", "json"]).stdout).expect("JSON");
    assert_eq!((&listed[0]["id"], &listed[0]["where"]), (&1.into(), &serde_json::json!(["group=a"])));
    assert_eq!(
        dir.monitor(&["silence", "end", "7"]).stderr,
        "error: failed to end the silence: there is no silence 7\n"
    );
    assert!(dir.monitor(&["silence", "end", "1"]).stdout.starts_with("silence 1 has ended: mu*"));
    until(&dir, &[("b", "firing"), ("a", "firing")]);
    assert_eq!(dir.monitor(&["silence", "list"]).stdout, "no silence holds in `monitoring`\n");
    let summary: Value = serde_json::from_str(&end(child).stdout).expect("a summary");
    assert_eq!(summary["held_back"], serde_json::json!([{ "rule": "much", "reason": "silence", "count": 1 }]));
    let usage = dir.monitor(&["silence", "add", "--rule", "a[", "--for", "1h", "--reason", "x"]);
    assert!(usage.code == Some(64) && usage.stderr.contains("`a[` is no pattern of rules"), "{}", usage.stderr);
}

#[test]
fn a_chart_is_drawn_when_its_rule_fires() {
    let dir = house();
    let chart = "chart = \"numbers\"\n\n[charts.numbers]\ntype = \"line\"\nseries = [{ metric = \"m\" }]\n";
    dir.write("monitor.toml", format!("{SETTINGS}{SOURCE}{TOLD}{RULE}{chart}"));
    let child = start(&dir);
    send(&dir, "a", 2);
    until(&dir, &[("a", "firing")]);
    let alert: Value = serde_json::from_str(&dir.read("monitoring/told.jsonl")).expect("an alert");
    let path = alert["chart"].as_str().expect("a picture");
    assert_eq!(&std::fs::read(dir.path().join(path)).expect("it is there")[1..4], b"PNG");
    send(&dir, "a", 0);
    until(&dir, &[("a", "firing"), ("a", "resolved")]);
    assert_eq!(end(child).code, Some(0));
}
