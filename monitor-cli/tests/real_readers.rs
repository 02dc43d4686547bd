//! Programs of other people read what we write, and find in it what the reference found: DuckDB and pandas.
//!
//! Needs the feature `real-components` and a Python that has them: `pip install duckdb pandas`, then
//! `MONITOR_TEST_PYTHON=path/to/python cargo test -p monitor-cli --features real-components`.
#![cfg(feature = "real-components")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{Dir, recording};

/// What both answer: lines, token sums by model, samples by metric, mean latency, and the zone-aware time span.
const READ: &str = r#"
import duckdb, json, pandas, sys
folder = sys.argv[1]
events, metrics = f"{folder}/events.jsonl", f"{folder}/metrics.jsonl"
def rows(sql):
    return {key: value for key, value in duckdb.sql(sql).fetchall()}
by_duckdb = {
    "events": rows(f"select type, count(*) from read_json('{events}', format='newline_delimited') group by 1"),
    "tokens": rows(f"select coalesce(model_name, 'unknown'), sum(value)::bigint from read_json('{metrics}', format='newline_delimited', sample_size=-1) where metric = 'total_token_count' group by 1"),
    "samples": rows(f"select metric, count(*) from read_json('{metrics}', format='newline_delimited', sample_size=-1) group by 1"),
}
table = pandas.read_json(metrics, lines=True)
whole = pandas.read_json(events, lines=True)
tokens = table[table.metric == "total_token_count"]
by_pandas = {
    "events": whole.groupby("type").size().to_dict(),
    "tokens": tokens.groupby(tokens.model_name.fillna("unknown")).value.sum().astype(int).to_dict(),
    "samples": table.groupby("metric").size().to_dict(),
}
print(json.dumps({"duckdb": by_duckdb, "pandas": by_pandas}))
"#;

#[test]
fn duckdb_and_pandas_find_what_the_reference_found() {
    let python = std::env::var("MONITOR_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let dir = Dir::new();
    dir.write(
        "monitor.toml",
        "timezone = \"UTC\"\n[sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\n\
         [sinks.metrics]\ntype = \"jsonl\"\npath = \"metrics.jsonl\"\ncontent = \"samples\"\n",
    );
    let log = recording("afterimage.log.gz").canonicalize().expect("the recorded run");
    let run = dir.monitor(&["run", &log.display().to_string()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let output = Command::new(&python).args(["-c", READ]).arg(dir.path().join("monitoring")).output();
    let output = output.unwrap_or_else(|error| panic!("{python}: {error}; install it, and pip install duckdb pandas"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "pip install duckdb pandas, and name that Python in MONITOR_TEST_PYTHON:\n{stderr}"
    );
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read["duckdb"], read["pandas"]);

    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(recording("golden.json")).expect("the golden file"))
            .expect("JSON");
    let events = serde_json::json!({ "evaluation": 1_888, "generation": 2_756, "log": 6 });
    assert_eq!(read["duckdb"]["events"], events);
    for model in golden["total_token_usage"]["by_model"].as_array().expect("models") {
        let name = model["model_name"].as_str().expect("a name");
        assert_eq!(read["duckdb"]["tokens"][name], model["total_tokens"], "{name}");
    }
    for metric in ["generation_time", "success_rate", "prompt_token_count", "conversation_length", "evaluation_time"] {
        assert_eq!(read["duckdb"]["samples"][metric], golden["metric_counts"][metric], "{metric}");
    }
}
