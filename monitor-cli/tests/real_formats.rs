//! Programs of other people read every format that `export` writes, and find in all of them the same, which is what the
//! reference counted: DuckDB, pandas, pyarrow, openpyxl, and SQLite as Python has it. What they assert stands in `real_formats/`.
//!
//! Needs what `real_readers.rs` needs.
#![cfg(feature = "real-components")]

mod support;

use std::path::PathBuf;

use serde_json::json;
use support::{Dir, python, recording};

/// Exports what is at `data` into the folder of the test.
fn export(dir: &Dir, data: &str, out: &str, flags: &[&str]) {
    let ended = dir.monitor(&[&["export", data, "--out", out], flags].concat());
    assert_eq!(ended.code, Some(0), "{out}: {}", ended.stderr);
}

/// The folder of a test, and where the recorded run is for a program that runs in it.
fn place(name: &str) -> (Dir, String) {
    (Dir::new(), recorded(name).display().to_string())
}

fn recorded(name: &str) -> PathBuf {
    recording(name).canonicalize().expect("the recorded run")
}

#[test]
fn every_program_reads_the_same_of_every_format() {
    let (dir, log) = place("afterimage.log.gz");
    for out in ["run.parquet", "run.json", "run.xlsx", "run.db", "parts/run.csv"] {
        export(&dir, &log, out, &[]);
    }
    export(&dir, &log, "one.csv", &["--by", "none"]);
    let read = python(include_str!("real_formats/read_all.py"), &[dir.path().into(), recorded("golden.json")]);
    assert_eq!((&read["rows"], &read["metrics"], &read["readers"]), (&json!(30_010), &json!(29), &json!(9)), "{read}");
    assert_eq!(read["listed"], json!([2_756, 2_756]));
}

#[test]
fn folders_of_parquet_are_one_table() {
    let (dir, log) = place("afterimage.log.gz");
    export(&dir, &log, "run.parquet", &[]);
    for (by, parts) in [("date", 1), ("metric", 29), ("success", 2)] {
        export(&dir, &log, &format!("{by}/run.parquet"), &["--by", by]);
        let read = python(include_str!("real_formats/folders.py"), &[dir.path().into(), by.into()]);
        assert_eq!(read, parts, "{by}");
    }
}

#[test]
fn views_say_what_is_counted_by_hand() {
    let (dir, log) = place("afterimage.log.gz");
    let presets = "presets = [\"recommended\"]\n[sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\n";
    dir.write("monitor.toml", format!("timezone = \"UTC\"\n{presets}"));
    assert_eq!(dir.monitor(&["run", &log]).code, Some(0));
    // One alert is over by then, and one is not.
    for out in ["run.db", "run.ndjson"] {
        export(&dir, "monitoring/events.jsonl", out, &["--until", "2026-05-04T14:25:00Z"]);
    }
    let files = ["run.ndjson", "run.db"].map(|name| dir.path().join(name));
    let counted = python(include_str!("real_formats/views.py"), &files);
    assert_eq!((&counted["active_alerts"], &counted["evaluation_scores"]), (&json!(1), &json!(9)), "{counted}");
}

#[test]
fn the_json_is_the_one_of_the_reference() {
    let (dir, samples) = place("metrics.jsonl.gz");
    // Its times have no zone: they are those of the one that is named.
    for zone in ["UTC", "Europe/Berlin"] {
        let out = format!("{}.json", zone.replace('/', "_"));
        export(&dir, &samples, &out, &["--timezone", zone]);
        let read = python(
            include_str!("real_formats/reference.py"),
            &[recorded("metrics.jsonl.gz"), dir.path().join(&out), "0".into()],
        );
        assert_eq!((&read["samples"], &read["metrics"]), (&json!(25_115), &json!(29)), "{zone}: {read}");
    }
    // Of a time with its zone the clocks of Berlin show another one.
    export(&dir, &samples, "utc.ndjson", &["--timezone", "UTC"]);
    export(&dir, "utc.ndjson", "berlin.json", &["--timezone", "Europe/Berlin"]);
    let arguments = [recorded("metrics.jsonl.gz"), dir.path().join("berlin.json"), "2".into()];
    python(include_str!("real_formats/reference.py"), &arguments);
}

#[test]
fn formulas_are_text_to_whoever_computes() {
    let dir = Dir::new();
    let texts = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "=cmd|' /C calc'!A0", "'=1+1", "plain"];
    let events = texts.iter().enumerate().map(|(second, user)| {
        let metadata = json!({ "user": user, "offset": -2, "=evil": 1 });
        let time = format!("2026-05-04T14:00:0{second}Z");
        json!({ "metric": "=SUM(A1)", "value": -1.5, "timestamp": time, "metadata": metadata }).to_string() + "\n"
    });
    dir.write("events.jsonl", events.collect::<String>());
    for (out, by) in [("run.xlsx", "none"), ("one.csv", "none"), ("parts/run.csv", "metric")] {
        export(&dir, "events.jsonl", out, &["--by", by]);
    }
    assert_eq!(python(include_str!("real_formats/formulas.py"), &[dir.path().into()]), texts.len());
}
