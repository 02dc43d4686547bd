//! `monitor status` and `monitor audit`: the books of a data folder as people and programs get to see them.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use support::{Dir, Ended};

const CONFIG: &str = r#"
[sources.app]
type = "file"
path = "app.jsonl"
follow = true
poll = "5ms"

[sinks.events]
type = "jsonl"
path = "events.jsonl"
"#;

const LINES: &str = "{\"metric\":\"m\",\"value\":1}\nno event\n{\"metric\":\"m\",\"value\":2}\n";

/// Runs the program until the books say so, and ends it.
#[cfg(unix)]
fn run_until(dir: &Dir, holds: impl Fn(&Value) -> bool) {
    let child = dir.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut books = Value::Null;
    let held = (0..2_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        let status = dir.monitor(&["status", "monitoring", "--format", "json"]);
        books = serde_json::from_str(&status.stdout).unwrap_or_default();
        holds(&books)
    });
    assert!(held, "{books:#}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn they_tell_the_level_and_what_became_of_every_event() {
    let dir = Dir::new();
    dir.write("monitor.toml", CONFIG);
    dir.write("app.jsonl", LINES);
    run_until(&dir, |books| books["accepted"] == 2 && books["sinks"]["events"]["pending"] == 0);
    insta::assert_snapshot!("status", dir.monitor(&["status", "monitoring"]).whole());
    insta::assert_snapshot!("audit", dir.monitor(&["audit", "monitoring"]).whole());
    dir.write("monitor.toml", format!("{CONFIG}[durability]\nlevel = \"L2\"\n"));
    run_until(&dir, |books| books["level"] == "L2");
    // Without a spool nothing is kept from then on.
    dir.write("monitor.toml", format!("{CONFIG}[durability]\nlevel = \"L0\"\n"));
    run_until(&dir, |books| books["level"] == "L0");
}

#[test]
fn where_there_is_none_that_is_said() {
    let ended = Dir::new().monitor(&["status", "monitoring"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("failed to find a spool in `monitoring`: no pipeline"), "{}", ended.stderr);
}

/// A line that is no event was read as well as one that is: it is not read again.
#[cfg(unix)]
#[test]
fn what_is_rejected_is_counted_once() {
    let dir = Dir::new();
    dir.write("monitor.toml", CONFIG);
    for rejected in 2..5 {
        dir.write("app.jsonl", format!("{LINES}{}", "nor is this\n".repeat(rejected - 1)));
        // Also while it runs, though no event has come since.
        run_until(&dir, |books| books["offered"] == rejected + 2 && books["rejected"]["invalid_json"] == rejected);
    }
    assert_eq!(dir.read("monitoring/rejected.jsonl").lines().count(), 4);
}

#[cfg(unix)]
#[test]
fn an_audit_finds_what_is_not_where_the_books_say() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{CONFIG}[sinks.other]\ntype = \"jsonl\"\npath = \"other.jsonl\"\n"));
    dir.write("app.jsonl", LINES);
    run_until(&dir, |books| books["accepted"] == 2 && books["sinks"]["other"]["pending"] == 0);
    let tampered = |sql: &str| {
        let spool = Connection::open(dir.path().join("monitoring/spool.db")).expect("the spool");
        assert!(spool.execute(sql, []).expect("the table is there") > 0, "{sql}");
        let audit = dir.monitor(&["audit", "monitoring"]);
        assert_eq!(audit.code, Some(4), "{}", audit.whole());
        let faults = audit.stdout.lines().filter(|line| line.starts_with("sink") || line.contains("offered, and"));
        faults.map(|line| format!("{line}\n")).collect::<String>()
    };
    let faults = [
        "UPDATE sink SET delivered = 1 WHERE name = 'events'",
        "UPDATE sink SET filtered = 1 WHERE name = 'other'",
        "UPDATE meta SET value = 7 WHERE key = 'offered'",
        "UPDATE sink SET delivered = 0, dead_letter = 2, dead_letter_bytes = 0 WHERE name = 'events'",
    ];
    dir.write("monitoring/dead_letter/events.jsonl", "{}\n");
    insta::assert_snapshot!("faults", faults.map(tampered).join("\n"));
}
