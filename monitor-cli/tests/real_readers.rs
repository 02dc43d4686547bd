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

/// What `monitor sql` and DuckDB both understand; every answer has an order.
#[cfg(feature = "polars")]
const QUERIES: [&str; 12] = [
    "select coalesce(model_name, 'none') as model, avg(value) as mean, count(*) as n from generation_time group by 1 order by 1",
    "select metric, count(*) as n, sum(value) as s, min(value) as a, max(value) as b from samples group by metric order by metric",
    "select median(value) as m, quantile_cont(value, 0.9) as p, stddev(value) as s, variance(value) as v from evaluation_time",
    "select case when value < 1 then 'short' when value < 5 then 'usual' else 'long' end as length, count(*) as n
        from generation_time group by 1 order by 1",
    "select strftime(date_trunc('minute', timestamp), '%H:%M') as minute, count(*) as n, max(value) as slowest
        from generation_time group by 1 order by 1",
    "select count(*) as n, sum(p.value) as tokens, max(t.value) as slowest from generation_time t
        join prompt_token_count p on t.timestamp = p.timestamp and t.model_name = p.model_name where t.value > 2",
    "select model, place, value from (select coalesce(model_name, 'none') as model, value,
        row_number() over (partition by model_name order by value desc) as place from generation_time) as ranked
        where place <= 3 order by model, place",
    "with failed as (select timestamp from error_rate where value = 1)
        select count(*) as n from generation_time where timestamp in (select timestamp from failed)",
    "select extract(minute from timestamp) as minute, count(distinct model_name) as models,
        sum(value) filter (where value > 100) as many from total_token_count
        where timestamp between '2026-05-04 14:05:00' and '2026-05-04 14:10:00' group by 1 order by 1",
    "select upper(model_name) as model, cast(sum(value) as bigint) as tokens from completion_token_count
        where model_name like '%g%' and model_name not in ('gpt-4o') group by 1 having count(*) > 10 order by tokens desc",
    "select evaluator_type, round(avg(value), 4) as mean from \"evaluation_score_overall\" group by 1 order by 1",
    "select 'calls' as what, count(*) as n from generation_time union all
        select 'checks' as what, count(*) as n from evaluation_time order by what",
];

/// Rows of DuckDB over an export, where families of metrics have their labels in their names.
#[cfg(feature = "polars")]
const ANSWERED: &str = r#"
import duckdb, json, sys
path, queries = sys.argv[1:]
duckdb.sql(f"""
    create view samples as select * replace (make_timestamp(epoch_us("timestamp")) as "timestamp"),
        regexp_replace(metric_name, '^(model_usage|finish_reason):.*', '\\1') as metric from '{path}'""")
for (metric,) in duckdb.sql("select distinct metric from samples").fetchall():
    duckdb.sql(f"""create view "{metric}" as select * from samples where metric = '{metric}'""")
print(json.dumps([[list(row) for row in duckdb.sql(query).fetchall()] for query in json.load(open(queries))]))
"#;

#[cfg(feature = "polars")]
#[test]
fn duckdb_answers_sql_as_we_do() {
    let dir = Dir::new();
    let log = recording("afterimage.log.gz").display().to_string();
    let export = dir.monitor(&["export", &log, "--out", "run.parquet"]);
    assert_eq!(export.code, Some(0), "{}", export.stderr);
    let queries = dir.write("queries.json", serde_json::to_string(&QUERIES).expect("text"));
    let theirs = python(ANSWERED, &[dir.path().join("run.parquet"), queries]);
    let mut numbers = 0;
    for (query, theirs) in QUERIES.iter().zip(theirs.as_array().expect("answers")) {
        for data in [log.as_str(), "run.parquet"] {
            let ours = dir.monitor(&["sql", query, data, "--format", "json"]);
            assert_eq!(ours.code, Some(0), "{query}: {}", ours.stderr);
            let ours: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&ours.stdout).expect("JSON");
            let theirs = theirs.as_array().expect("rows");
            assert!(!ours.is_empty() && ours.len() == theirs.len(), "{query} of {data}: {ours:?}, not {theirs:?}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                for ((name, ours), theirs) in ours.iter().zip(theirs.as_array().expect("a row")) {
                    match (ours.as_f64(), theirs.as_f64()) {
                        (Some(ours), Some(theirs)) => {
                            assert!(
                                (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
                                "{query} of {data}: {ours}, not {theirs}"
                            );
                            numbers += 1;
                        }
                        _ => assert_eq!(ours, theirs, "{name} of {query} of {data}"),
                    }
                }
            }
        }
    }
    assert!(numbers > 400, "{numbers}");
}
