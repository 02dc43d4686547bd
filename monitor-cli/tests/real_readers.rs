//! Programs of other people read what we write, and find in it what the reference found: DuckDB and pandas.
//!
//! Needs the feature `real-components` and a Python that has them: `pip install duckdb openpyxl pandas pyarrow`, then
//! `MONITOR_TEST_PYTHON=path/to/python cargo test -p monitor-cli --features real-components`.
#![cfg(feature = "real-components")]

mod support;

use serde_json::Value;
use support::{Dir, python, recording};

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

/// The same windows and groups by DuckDB from the samples; how many numbers there are, and how far off the farthest is.
const COMPARED: &str = r#"
import duckdb, json, pandas, sys
folder, answer = sys.argv[1:]
theirs = duckdb.sql(f"""
    with answer as (select distinct "start", "end" from read_csv('{answer}')),
    samples as (
        select coalesce(model_name, '') as model_name, value, "timestamp"::timestamptz as time
        from read_json('{folder}/metrics.jsonl', format='newline_delimited', sample_size=-1)
        where metric = 'total_token_count')
    select model_name, "end", count(*) as count, sum(value) as sum, avg(value) as mean, min(value) as min, max(value) as max,
        coalesce(stddev_samp(value), 0) as stddev, quantile_cont(value, 0.5) as p50, quantile_cont(value, 0.9) as p90,
        quantile_cont(value, 0.95) as p95, quantile_cont(value, 0.99) as p99, count(*) / 120 as rate,
        arg_min(value, time) as first, arg_max(value, time) as last
    from samples join answer on time between "start" and "end" group by all
""").df()
ours = pandas.read_csv(answer, parse_dates=["end"], keep_default_na=True)
ours["model_name"] = ours.model_name.fillna("")
empty = ours[ours["count"] == 0]
assert empty["mean"].isna().all() and len(empty) > 0
ours = ours[ours["count"] > 0].set_index(["model_name", "end"]).sort_index()
theirs["end"] = theirs["end"].dt.tz_convert("UTC").astype(ours.index.levels[1].dtype)
theirs = theirs.set_index(["model_name", "end"]).sort_index()
assert list(ours.index) == list(theirs.index)
names = list(theirs.columns)
off = ((ours[names] - theirs[names]).abs() / theirs[names].abs().clip(lower=1)).max().max()
print(json.dumps({"numbers": ours[names].size, "off": float(off)}))
"#;

#[test]
fn duckdb_and_pandas_answer_as_the_query_does() {
    let dir = recorded();
    let all = "count,sum,mean,min,max,stddev,p50,p90,p95,p99,rate,first,last";
    let metrics = "monitoring/metrics.jsonl";
    let steps = ["--by", "model_name", "--step", "1m", "--window", "2m", "--agg", all, "--exact", "--format", "csv"];
    let answer = dir.monitor(&[&["query", "total_token_count", metrics], &steps[..]].concat());
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let answer = dir.write("answer.csv", answer.stdout);
    let compared = python(COMPARED, &[dir.path().join("monitoring"), answer]);
    assert!(compared["numbers"].as_u64().is_some_and(|numbers| numbers > 1_000), "{compared}");
    assert!(compared["off"].as_f64().is_some_and(|off| off < 1e-9), "{compared}");
}

/// The recorded run as our sinks write it.
fn recorded() -> Dir {
    let dir = Dir::new();
    dir.write(
        "monitor.toml",
        "timezone = \"UTC\"\n[sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\n\
         [sinks.metrics]\ntype = \"jsonl\"\npath = \"metrics.jsonl\"\ncontent = \"samples\"\n",
    );
    let log = recording("afterimage.log.gz").canonicalize().expect("the recorded run");
    let run = dir.monitor(&["run", &log.display().to_string()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    dir
}

#[test]
fn duckdb_and_pandas_find_what_the_reference_found() {
    let dir = recorded();
    let read = python(READ, &[dir.path().join("monitoring")]);
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
