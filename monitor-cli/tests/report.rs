//! `monitor report` with the real binary: its figures against a plain reading of the recording, two runs against each other, and what
//! is wrong on purpose.

mod support;

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;
use support::{Dir, Ended};

fn recording(name: &str) -> String {
    support::recording(name).to_string_lossy().into_owned()
}

/// The events of the recorded run's log, read line by line and by nothing of ours.
fn events(message: &str) -> Vec<Value> {
    let file = std::fs::File::open(support::recording("afterimage.log.gz")).expect("the recording");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let event = |line: &str| serde_json::from_str::<Value>(line.split_once(" - ")?.1).ok();
    let events = text.lines().filter_map(event).filter(|event| event["message"] == message);
    events.map(|mut event| event["data"].take()).collect()
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn tile(report: &Value, name: &str) -> f64 {
    let tiles = report["tiles"].as_array().expect("tiles");
    let tile = tiles.iter().find(|tile| tile["name"] == name);
    tile.and_then(|tile| tile["value"].as_f64()).unwrap_or_else(|| panic!("{name}: {tiles:#?}"))
}

/// A tile that counts.
fn count(report: &Value, name: &str) -> u64 {
    tile(report, name) as u64
}

/// A table by its caption: each row by the text of its first cell, the values by the name of their column.
fn table(report: &Value, caption: &str) -> BTreeMap<String, BTreeMap<String, Value>> {
    let blocks = report["sections"].as_array().into_iter().flatten().filter_map(|section| section["blocks"].as_array());
    let table =
        blocks.flatten().find(|block| block["caption"] == caption).unwrap_or_else(|| panic!("no table {caption}"));
    let columns: Vec<&str> =
        table["columns"].as_array().into_iter().flatten().filter_map(|column| column["name"].as_str()).collect();
    let rows = table["rows"].as_array().into_iter().flatten().filter_map(Value::as_array);
    let row = |row: &Vec<Value>| {
        let name = row[0]["text"].as_str().unwrap_or_default().to_owned();
        let cells = columns.iter().zip(row).map(|(column, cell)| {
            let value = if cell["value"].is_null() { cell["text"].clone() } else { cell["value"].clone() };
            ((*column).to_owned(), value)
        });
        (name, cells.collect())
    };
    rows.map(row).collect()
}

#[test]
fn the_figures_are_those_of_the_recording() {
    let dir = Dir::new();
    let report =
        json(&dir.monitor(&["report", &recording("afterimage.log.gz"), "--format", "json", "--timezone", "UTC"]));
    let calls = events("Generation metrics");
    let failed: Vec<&Value> = calls.iter().filter(|call| call["success"] == false).collect();
    assert_eq!(count(&report, "Calls"), calls.len() as u64);
    assert_eq!(count(&report, "Errors"), failed.len() as u64);
    let rate = 1.0 - failed.len() as f64 / calls.len() as f64;
    assert!((tile(&report, "Success rate") - rate).abs() < 1e-12);
    let mut times: Vec<f64> = calls.iter().filter_map(|call| call["duration"].as_f64()).collect();
    times.sort_by(f64::total_cmp);
    let median = f64::midpoint(times[(times.len() - 1) / 2], times[times.len() / 2]);
    assert!((tile(&report, "Median latency") / median - 1.0).abs() < 0.01, "{median}");
    // Tokens by model.
    let mut tokens: BTreeMap<&str, u64> = BTreeMap::new();
    let evaluations = events("Evaluation metrics");
    for call in calls.iter().chain(&evaluations) {
        let model = call["model_name"].as_str().unwrap_or("unknown");
        if let Some(count) = call["total_token_count"].as_u64() {
            *tokens.entry(model).or_default() += count;
        }
    }
    let by_model = table(&report, "Tokens and cost by model");
    for (model, count) in &tokens {
        assert_eq!(by_model[*model]["tokens"].as_f64(), Some(*count as f64), "{model}");
    }
    assert_eq!(count(&report, "Tokens"), tokens.values().sum::<u64>());
    // Errors by type.
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    for call in &failed {
        *types.entry(call["metadata"]["error_type"].as_str().unwrap_or("unknown")).or_default() += 1;
    }
    let by_type = table(&report, "Errors by type");
    let found: BTreeMap<&str, u64> =
        by_type.iter().map(|(name, row)| (name.as_str(), row["errors"].as_f64().unwrap_or(0.0) as u64)).collect();
    assert_eq!(found, types);
    // The two incidents that a replay of the same rules finds.
    let incidents = table(&report, "Incidents");
    assert_eq!(incidents.keys().collect::<Vec<_>>(), ["failing_calls", "slow_calls"]);
}

#[test]
fn the_same_data_give_the_same_file() {
    let dir = Dir::new();
    let data = recording("afterimage.log.gz");
    for out in ["one.html", "other.html"] {
        let made = dir.monitor(&["report", &data, "--out", out]);
        assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    }
    let one = dir.read("one.html");
    assert_eq!(one, dir.read("other.html"));
    assert!(one.len() < 1_000_000, "{} bytes", one.len());
    // Nothing in it is anywhere else.
    for away in ["src=", "url(", "@import", "<link", "<iframe"] {
        assert!(!one.contains(away), "{away}");
    }
    let links = one.match_indices("href=\"").filter(|(at, _)| !one[at + 6..].starts_with('#'));
    assert_eq!(links.count(), 0);
}

#[test]
fn a_run_differs_from_itself_by_nothing() {
    let dir = Dir::new();
    let data = recording("afterimage.log.gz");
    let report = json(&dir.monitor(&["report", &data, &data, "--format", "json"]));
    for caption in ["Outcomes", "Latency", "Tokens and cost", "Scores", "By model"] {
        let rows = table(&report, caption);
        assert!(!rows.is_empty());
        for (name, row) in rows {
            assert_eq!(row["B − A"].as_f64(), Some(0.0), "{name}");
            let verdict = row["verdict"].as_str().expect("a verdict");
            assert!(["likely noise", "too few"].contains(&verdict), "{name}: {verdict}");
        }
    }
}

/// Of calls that take twice as long the tests say so, and of what has not changed they do not.
#[test]
fn what_was_changed_is_found_and_the_rest_is_noise() {
    let dir = Dir::new();
    let run = |factor: f64, seed: u64| {
        let mut lines = String::new();
        for at in 0..1_500_u64 {
            // Well mixed, and another for each run.
            let mixed = (at + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            let share = mixed as f64 / (1_u64 << 24) as f64;
            let duration = factor * (0.5 + 4.0 * share * share);
            let success = !mixed.is_multiple_of(25);
            lines += &format!(
                "{{\"type\":\"generation\",\"timestamp\":{},\"duration\":{duration:.4},\"success\":{success},\"model_name\":\"gpt-4o\",\
                 \"prompt_token_count\":{},\"completion_token_count\":100}}\n",
                1_777_903_200 + at,
                400 + mixed % 200
            );
        }
        lines
    };
    dir.write("before.jsonl", run(1.0, 0));
    dir.write("after.jsonl", run(1.4, 10_000));
    let report = json(&dir.monitor(&["report", "before.jsonl", "after.jsonl", "--format", "json"]));
    let latency = table(&report, "Latency");
    for name in ["Mean generation time", "Median generation time", "P95 of generation time"] {
        assert_eq!(latency[name]["verdict"], "worse", "{name}: {:?}", latency[name]);
    }
    for (caption, name) in [("Outcomes", "Success rate"), ("Tokens and cost", "Prompt tokens a call")] {
        let rows = table(&report, caption);
        assert_eq!(rows[name]["verdict"], "likely noise", "{name}: {:?}", rows[name]);
    }
    let text = dir.monitor(&["report", "before.jsonl", "after.jsonl"]);
    assert!(text.stdout.starts_with("after.jsonl against before.jsonl\n"), "{}", text.stdout);
}

/// The samples of the Python class do not tell types of errors: nothing is said of how often each came.
#[test]
fn what_one_run_does_not_tell_is_not_compared() {
    let dir = Dir::new();
    let [a, b] = ["afterimage.log.gz", "metrics.jsonl.gz"].map(recording);
    let report = json(&dir.monitor(&["report", &a, &b, "--format", "json"]));
    let outcomes = table(&report, "Outcomes");
    assert!(outcomes.contains_key("Success rate"));
    assert!(!outcomes.keys().any(|name| name.starts_with("Errors of type")), "{outcomes:?}");
}

#[test]
fn a_part_of_the_recording() {
    let dir = Dir::new();
    let data = recording("afterimage.log.gz");
    let part = |more: &[&str]| {
        let arguments = [&["report", &data, "--format", "json", "--timezone", "UTC"], more].concat();
        json(&dir.monitor(&arguments))
    };
    let since = part(&["--since", "2026-05-04T14:10:00Z", "--until", "2026-05-04T14:15:00Z"]);
    let within = |call: &&Value| {
        let time = call["timestamp"].as_str().unwrap_or_default();
        ("2026-05-04T14:10:00".."2026-05-04T14:15:00").contains(&time)
    };
    let counted = events("Generation metrics").iter().filter(within).count();
    assert!(counted > 100, "{counted}");
    assert_eq!(count(&since, "Calls"), counted as u64);
    let (whole, last) = (tile(&part(&[]), "Calls"), tile(&part(&["--window", "10m"]), "Calls"));
    assert!(0.0 < last && last < whole, "{last} of {whole}");
}

#[test]
fn what_is_wrong_is_told_and_leaves_no_file() {
    let dir = Dir::new();
    dir.write("empty.jsonl", "");
    dir.write("there.html", "mine");
    let data = recording("metrics.jsonl.gz");
    let cases: [(&[&str], i32, &str); 8] = [
        (&["report", "empty.jsonl", "--out", "r.html"], 1, "empty.jsonl holds no samples; nothing is written"),
        (&["report", "missing.jsonl", "--out", "r.html"], 1, "missing.jsonl"),
        (&["report", &data, "--out", "there.html"], 1, "--force replaces it"),
        (&["report", &data, "--out", "r.docx"], 64, "does not tell the format"),
        (&["report", &data, &data, &data], 64, "--together"),
        (&["report", &data, "--out", "r.html", "--since", "2030-01-01T00:00:00Z"], 1, "no samples in the window"),
        (&["report", &data, "--out", "r.html", "--until", "2020-01-01T00:00:00Z"], 1, "no samples in the window"),
        (&["report", &data, "--rules", "missing.toml", "--out", "r.html"], 78, "missing.toml"),
    ];
    for (arguments, code, said) in cases {
        let ended = dir.monitor(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
        assert!(!dir.path().join("r.html").exists(), "{arguments:?}");
    }
    assert_eq!(dir.read("there.html"), "mine");
    assert_eq!(dir.monitor(&["report", &data, "--out", "there.html", "--force"]).code, Some(0));
    assert!(dir.read("there.html").starts_with("<!DOCTYPE html>"));
}

/// What is wrong with a recording, each fault made on purpose, and what its errors say.
#[test]
fn faults_of_the_data_are_counted_and_errors_quoted() {
    let dir = Dir::new();
    let call = |second: u32, more: &str| {
        format!("{{\"type\":\"generation\",\"timestamp\":\"2026-05-04T14:00:{second:02}Z\",\"duration\":1.5,{more}}}")
    };
    let fine = "\"success\":true,\"model_name\":\"gpt-4o\",\"prompt_token_count\":10,\"completion_token_count\":5";
    let failed = |id: u32| {
        format!(
            "\"success\":false,\"error\":\"request req-{id} timed out\",\"metadata\":{{\"error_type\":\"Timeout\"}}"
        )
    };
    let lines = [
        call(1, fine),
        call(1, fine),
        call(9, fine),
        call(5, fine),
        call(10, "\"success\":true,\"model_name\":\"my-own\",\"prompt_token_count\":10,\"completion_token_count\":5"),
        call(11, &failed(7_001)),
        call(12, &failed(7_002)),
        call(13, "\"success\":false,\"error\":\"refused\",\"metadata\":{\"error_type\":\"Timeout\"}"),
        "no event".to_owned(),
        r#"{"type":"evaluation","timestamp":"2026-05-04T14:00:59Z","duration":1,"success":true,"evaluator_type":"E","scores":{"tone":{"score":0.2,"feedback":"Too terse."},"other":null}}"#.to_owned(),
        r#"{"type":"evaluation","timestamp":"2026-05-04T14:01:00Z","duration":1,"success":true,"evaluator_type":"E","scores":{"tone":{"score":0.9,"feedback":"Good."}}}"#.to_owned(),
    ];
    dir.write("run.jsonl", lines.join("\n"));
    let report = json(&dir.monitor(&["report", "run.jsonl", "--format", "json"]));
    let checks = table(&report, "What was read, and what is wrong with it");
    let count = |name: &str| checks[name]["count"].as_f64();
    for (name, expected) in [
        ("rejected lines", 1.0),
        ("repeated events", 1.0),
        ("out of order", 1.0),
        ("unpriced calls", 1.0),
        ("missing scores", 1.0),
        ("dropped events", 0.0),
    ] {
        assert_eq!(count(name), Some(expected), "{name}");
    }
    assert_eq!(table(&report, "Models without a price").keys().collect::<Vec<_>>(), ["my-own"]);
    let all = report.to_string();
    // What differs by numbers alone is one wording, told as it came first.
    assert!(all.contains("request req-7001 timed out") && !all.contains("req-7002"), "{all}");
    assert!(all.contains("2 times; first 2026-05-04 14:00:11"), "{all}");
    assert!(all.contains("Too terse.") && !all.contains("Good."), "{all}");
}
