//! A pipeline that runs, follows a file, and is asked how far it is.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Dir, Ended};

pub const SOURCE: &str = "[sources.app]\ntype = \"file\"\npath = \"app.jsonl\"\nfollow = true\npoll = \"20ms\"\n";
pub const EVENTS: &str = "[sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\nlinger = \"1ms\"\n";
pub const DATABASE: &str = "[sinks.database]\ntype = \"sqlite\"\npath = \"metrics.db\"\nlinger = \"1ms\"\n";

pub fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("{{\"metric\":\"n\",\"value\":{number}}}\n")).collect()
}

pub fn append(dir: &Dir, text: &str) {
    let file = std::fs::File::options().create(true).append(true).open(dir.path().join("app.jsonl"));
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("room");
}

pub fn start(dir: &Dir) -> Child {
    let mut child = dir.command(&["run", "--format", "json", "--log-level", "info"]);
    child.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("starts")
}

pub fn end(child: Child) -> Ended {
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    Ended::from(child.wait_with_output().expect("ends"))
}

pub fn kill(mut child: Child) {
    child.kill().expect("a child");
    child.wait().expect("a child");
}

pub fn status(dir: &Dir) -> Value {
    serde_json::from_str(&dir.monitor(&["status", "monitoring", "--format", "json"]).stdout).unwrap_or_default()
}

pub fn eventually(what: &str, dir: &Dir, mut holds: impl FnMut() -> bool) {
    let held = (0..4_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        holds()
    });
    assert!(held, "{what}: {:#}", status(dir));
}

pub fn delivered(dir: &Dir, sink: &str, events: u64) {
    let counts = || {
        let books = status(dir);
        let number = |value: &Value| value.as_u64();
        let sink = &books["sinks"][sink];
        (number(&books["accepted"]), number(&sink["pending"])) == (Some(events), Some(0))
    };
    eventually(&format!("{events} events are with `{sink}`"), dir, counts);
}

/// The numbers in a file of lines.
pub fn numbers(text: &str) -> Vec<u32> {
    let value = |line: &str| serde_json::from_str::<Value>(line).expect("a whole line")["value"].as_f64();
    text.lines().map(|line| value(line).expect("a number") as u32).collect()
}

pub fn audit(dir: &Dir) {
    let audit = dir.monitor(&["audit", "monitoring"]);
    assert_eq!(audit.code, Some(0), "{}", audit.whole());
}
