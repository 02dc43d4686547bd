//! `monitor sql`: what it answers, for people and for programs, what SQL it knows, and how it says that it cannot.

mod support;

use serde_json::{Value, json};
use support::{Dir, Ended, recording};

fn rows(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("a JSON list")
}

fn ask(dir: &Dir, query: &str, data: &str, more: &[&str]) -> Ended {
    dir.monitor(&[&["sql", query, data], more].concat())
}

fn answer(dir: &Dir, query: &str, data: &str) -> Vec<Value> {
    rows(&ask(dir, query, data, &["--format", "json"]))
}

fn log() -> String {
    recording("afterimage.log.gz").display().to_string()
}

/// Four samples of `queue`, the last without a worker, and a call that failed.
fn queue(dir: &Dir) {
    let line = |time: &str, value: f64, metadata: Value| json!({"type": "metric", "metric": "queue", "value": value, "timestamp": time, "metadata": metadata});
    let lines = [
        line("2026-05-04T14:00:10Z", 1.0, json!({"worker": "a"})),
        line("2026-05-04T14:00:50Z", 2.5, json!({"worker": "a"})),
        line("2026-05-04T23:30:00Z", -4.25, json!({"worker": "Bee"})),
        line("2026-05-05T00:30:00Z", 10.0, json!({})),
        json!({"type": "generation", "duration": 7.5, "success": false, "error": "429", "total_token_count": 7, "timestamp": "2026-05-05T00:31:00Z",
               "model_name": "gpt-4o"}),
    ];
    dir.write("queue.jsonl", lines.map(|line| line.to_string() + "\n").concat());
}

#[test]
fn every_metric_by_model_is_what_the_query_answers() {
    let dir = Dir::new();
    let listed = rows(&dir.monitor(&["query", "--list", &log(), "--format", "json"]));
    let metrics: Vec<&str> = listed.iter().map(|metric| metric["metric"].as_str().expect("a name")).collect();
    assert!(metrics.len() > 10, "{metrics:?}");
    let mut compared = 0;
    for metric in metrics {
        let aggregates = "count,sum,mean,min,max,stddev,p50,p90";
        let theirs =
            ["query", metric, &log(), "--by", "model_name", "--agg", aggregates, "--exact", "--format", "json"];
        let theirs = dir.monitor(&theirs);
        if theirs.code != Some(0) {
            assert!(theirs.stderr.contains("has a label"), "{}", theirs.stderr);
            continue;
        }
        let ours = answer(
            &dir,
            &format!(
                "select model_name, count(*) as count, sum(value) as sum, mean(value) as mean, min(value) as min,
                    max(value) as max, coalesce(stddev(value), 0) as stddev, median(value) as p50,
                    quantile_cont(value, 0.9) as p90
                 from \"{metric}\" group by 1"
            ),
            &log(),
        );
        let theirs = rows(&theirs);
        assert_eq!(ours.len(), theirs.len(), "{metric}");
        for ours in ours {
            let of_model =
                |row: &&Value| row["labels"].get("model_name").unwrap_or(&Value::Null) == &ours["model_name"];
            let theirs = theirs.iter().find(of_model).expect("the same models");
            for aggregate in aggregates.split(',') {
                let [ours, theirs] =
                    [&ours[aggregate], &theirs[aggregate]].map(|value| value.as_f64().expect("a number"));
                assert!(
                    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
                    "{aggregate} of {metric}: {ours}, {theirs}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_sql_that_people_write() {
    let dir = Dir::new();
    queue(&dir);
    let utc = "2026-05-04T14:00:00.000000Z";
    for (query, expected) in [
        ("select mean(value), count(*) as n from queue", json!([2.3125, 4])),
        ("select avg(value), count(worker) as n, count(distinct worker) as d from queue", json!([2.3125, 3, 2])),
        ("select sum(value) s, min(value) a, max(value) b from queue", json!([9.25, -4.25, 10.0])),
        (
            "select median(value) m, quantile_cont(value, 0.5) c, quantile_disc(value, 0.25) d from queue",
            json!([1.75, 1.75, -4.25]),
        ),
        ("select round(stddev(value), 6) as s, round(variance(value), 4) as v from queue", json!([5.885_629, 34.6406])),
        ("select sum(value) filter (where value > 0) as s from queue", json!([13.5])),
        ("select first(value) as f, last(value) as l from queue", json!([1.0, 10.0])),
        (
            "select round(value) r, floor(value) f, ceil(value) c, abs(value) a from queue where value < 0",
            json!([-4.0, -5.0, -4.0, 4.25]),
        ),
        (
            "select sqrt(abs(value) - 0.25) as s, value * 2 + 1 as x, -value as m from queue where value < 0",
            json!([2.0, -7.5, 4.25]),
        ),
        (
            "select lower(worker) l, upper(worker) u, length(worker) n from queue where value < 0",
            json!(["bee", "BEE", 3]),
        ),
        (
            "select concat(worker, '!') c, worker || '?' d, substr(worker, 1, 2) s from queue where value < 0",
            json!(["Bee!", "Bee?", "Be"]),
        ),
        (
            "select replace(worker, 'ee', 'us') as r, starts_with(worker, 'B') as s from queue where value < 0",
            json!(["Bus", true]),
        ),
        ("select count(*) as n from queue where worker like 'B%'", json!([1])),
        ("select count(*) as n from queue where worker ilike 'b_e'", json!([1])),
        ("select count(*) as n from queue where worker in ('a', 'c')", json!([2])),
        ("select count(*) as n from queue where worker is null", json!([1])),
        ("select count(*) as n from queue where value between 1 and 2.5", json!([2])),
        ("select count(*) as n from queue where not (value > 2 or worker = 'a')", json!([1])),
        ("select count(*) as n from queue where regexp_like(worker, '^[A-Z]')", json!([1])),
        (
            "select case when value > 5 then 'long' when value < 0 then 'odd' else 'short' end as c from queue order by value desc limit 1",
            json!(["long"]),
        ),
        (
            "select cast(value as integer) as i, cast(value as varchar) as t, value::bigint as b from queue where value > 5",
            json!([10, "10.0", 10]),
        ),
        (
            "select coalesce(worker, 'none') as w, nullif(worker, 'a') as n, ifnull(worker, '-') as i from queue where value > 5",
            json!(["none", null, "-"]),
        ),
        ("select greatest(value, 11) as g, least(value, 3) as l from queue where value > 5", json!([11.0, 3.0])),
        (
            "select date_part('hour', timestamp) as h, extract(minute from timestamp) as m from queue where value < 0",
            json!([23, 30]),
        ),
        (
            "select extract(year from timestamp) y, extract(month from timestamp) m, extract(day from timestamp) d, extract(isodow from timestamp) w from queue where value > 5",
            json!([2026, 5, 5, 2]),
        ),
        (
            "select date_trunc('minute', timestamp) as t, count(*) as n from queue group by 1 order by 1 limit 1",
            json!([utc, 2]),
        ),
        ("select date_trunc('day', timestamp) as t from queue where value = 1", json!(["2026-05-04T00:00:00.000000Z"])),
        (
            "select strftime(timestamp, '%H:%M') as t, cast(timestamp as date) as d from queue where value = 1",
            json!(["14:00", "2026-05-04"]),
        ),
        ("select count(*) as n from queue where timestamp >= '2026-05-04 23:00:00'", json!([2])),
        ("select count(*) as n from queue where timestamp between '2026-05-04' and '2026-05-05'", json!([3])),
        ("select max(timestamp) - min(timestamp) as d from queue", json!([37_790.0])),
        ("select count(*) as n from queue, (select avg(value) as mean from queue) as m where value > mean", json!([2])),
        ("select worker, count(*) as n from queue group by worker having count(*) > 1", json!(["a", 2])),
        (
            "select worker, sum(value) as s from queue where worker is not null group by all order by s limit 1",
            json!(["Bee", -4.25]),
        ),
        ("select value from queue order by timestamp desc limit 1 offset 1", json!([-4.25])),
        ("select distinct worker from queue where worker = 'a'", json!(["a"])),
        ("with slow as (select * from queue where value > 2) select count(*) as n from slow", json!([2])),
        ("select count(*) as n from (select worker from queue group by worker) as w", json!([3])),
        ("select count(*) as n from queue where worker in (select worker from queue where value < 0)", json!([1])),
        (
            "select a.value as x, b.value as y from queue a join queue b on a.worker = b.worker where a.value < b.value",
            json!([1.0, 2.5]),
        ),
        ("select count(*) as n from queue a left join queue b on a.worker = b.worker", json!([6])),
        (
            "select value from (select value, row_number() over (partition by worker order by value desc) as place, worker from queue) as t where place = 1 and worker = 'a'",
            json!([2.5]),
        ),
        ("select value, rank() over (order by value) as r from queue order by value limit 1", json!([-4.25, 1])),
        (
            "select value, sum(value) over (partition by worker) as s from queue order by timestamp limit 1",
            json!([1.0, 3.5]),
        ),
        (
            "select value, lag(value) over (order by timestamp) as l from queue order by timestamp desc limit 1",
            json!([10.0, -4.25]),
        ),
        ("select count(*) as n from (select value from queue union all select value from queue) as t", json!([8])),
        ("select type, error, duration from events where model_name is not null", json!(["generation", "429", 7.5])),
        ("select total_token_count - 10 as t from events where model_name is not null", json!([-3])),
        ("select count(*) - 5 as n, count(*) filter (where value > 1e1) - 1 as m from queue", json!([-1, -1])),
        (
            "select extract(hour from timestamp) * 60 + date_part('minute', timestamp) as m from queue where value < 0",
            json!([1_410]),
        ),
        ("select extract(epoch from timestamp) as s from queue where value < 0", json!([1_777_937_400.0])),
        ("select worker, count(*) from queue group by 1 order by 2 desc limit 1", json!(["a", 2])),
        (
            "select sum(value) as s, avg(value) as m, count(*) as n from queue where value > 1000",
            json!([null, null, 0]),
        ),
        ("select date_trunc('day', timestamp) as t from queue where value > 1000", json!([])),
        (
            "select worker, date_trunc('day', max(timestamp)) as t from queue where worker = 'a' group by 1",
            json!(["a", "2026-05-04T00:00:00.000000Z"]),
        ),
        ("select length(worker) - 4 as l from queue where value < 0", json!([-1])),
        ("select count(*) - 9 as n from (select value from queue union all select value from queue) as t", json!([-1])),
        ("select metric, value from samples where metric = 'error_rate'", json!(["error_rate", 1.0])),
        ("select count(*) as n from samples", json!([10])),
        ("select array_agg(value) as l from queue where worker = 'a'", json!([[1.0, 2.5]])),
    ] {
        let ended = ask(&dir, query, "queue.jsonl", &["--format", "json"]);
        assert_eq!(ended.code, Some(0), "{query}: {}", ended.stderr);
        let rows: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let values: Vec<&Value> =
            rows.as_array().expect("rows").iter().flat_map(|row| row.as_object().expect("a row").values()).collect();
        assert_eq!(json!(values), expected, "{query}");
    }
}

#[test]
fn a_table_for_people_and_lines_of_csv() {
    let dir = Dir::new();
    queue(&dir);
    let query = "select timestamp, worker, value from queue order by timestamp";
    let text = ask(&dir, query, "queue.jsonl", &[]);
    assert_eq!(text.code, Some(0), "{}", text.stderr);
    assert_eq!(
        text.stdout,
        "  timestamp            worker  value\n  2026-05-04 14:00:10  a           1\n  2026-05-04 14:00:50  a         2.5\n  \
         2026-05-04 23:30:00  Bee     -4.25\n  2026-05-05 00:30:00  –          10\n"
    );
    let csv = ask(&dir, query, "queue.jsonl", &["--format", "csv"]).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], "timestamp,worker,value");
    assert_eq!(lines[4], "2026-05-05T00:30:00.000000Z,,10.0");

    let many = ask(&dir, "select metric from samples", &log(), &[]);
    assert_eq!(many.code, Some(0), "{}", many.stderr);
    assert!(many.stdout.ends_with("more rows: --format csv and --format json have all\n"), "{}", many.stdout.len());
    assert_eq!(many.stdout.lines().count(), 1_003);
}

#[test]
fn days_and_hours_are_those_of_the_zone() {
    let dir = Dir::new();
    queue(&dir);
    let query =
        "select date_trunc('day', timestamp) as day, date_part('hour', timestamp) as hour from queue where value < 0";
    for (zone, shown, hour, day) in [
        ("UTC", "2026-05-04 00:00:00", 23, "2026-05-04T00:00:00.000000Z"),
        ("Europe/Berlin", "2026-05-05 00:00:00", 1, "2026-05-04T22:00:00.000000Z"),
        ("+02:00", "2026-05-05 00:00:00", 1, "2026-05-04T22:00:00.000000Z"),
        ("America/New_York", "2026-05-04 00:00:00", 19, "2026-05-04T04:00:00.000000Z"),
    ] {
        let text = ask(&dir, query, "queue.jsonl", &["--timezone", zone]);
        assert!(
            text.stdout.contains(shown) && text.stdout.contains(&hour.to_string()),
            "{zone}: {}{}",
            text.stdout,
            text.stderr
        );
        let rows = rows(&ask(&dir, query, "queue.jsonl", &["--timezone", zone, "--format", "json"]));
        assert_eq!(rows, [json!({"day": day, "hour": hour})], "{zone}");
    }
    let odd = ask(&dir, query, "queue.jsonl", &["--timezone", "+05:30"]);
    assert_eq!(odd.code, Some(64));
    let mut local = dir.command(&["sql", query, "queue.jsonl", "--format", "json"]);
    let local = Ended::from(local.env("TZ", "Asia/Tokyo").output().expect("runs"));
    assert_eq!(rows(&local)[0]["hour"], 8);
}

#[test]
fn what_is_wrong_with_a_query_is_told() {
    let dir = Dir::new();
    queue(&dir);
    for (query, code, told) in [
        ("select value from queues", 64, "error: the query: there is no table `queues`: did you mean `queue`?\n"),
        ("select values from queue", 64, "error: the query: there is no column `values`: did you mean `value`?\n"),
        (
            "select medians(value) from queue",
            64,
            "error: the query: there is no function `medians`: did you mean `median`?\n",
        ),
        (
            "select durations from events",
            64,
            "error: the query: there is no column `durations`: did you mean `duration`?\n",
        ),
        ("select date_trunc('minutes', timestamp) as t from queue", 64, "did you mean `minute`?"),
        ("choose value from queue", 64, "error: the query: "),
        ("select value from queue where", 64, "error: the query: "),
        ("select 'open", 64, "error: the query: "),
        ("select value from queue; select 1", 64, "error: the query: "),
        ("", 64, "error: the query: "),
        ("select cast(worker as integer) from queue", 64, "error: the query: conversion from `str` to `i32` failed"),
        ("select q.values from queue q", 64, "error: the query: there is no column `values`: did you mean `value`?\n"),
        ("select worker, count(*) from queue group by 1 order by count(*)", 64, "as in `order by 2 desc`"),
        ("select operation from events", 64, "error: the query: there is no column `operation`: there are timestamp, "),
    ] {
        let ended = ask(&dir, query, "queue.jsonl", &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{query}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{query}: {}", ended.stderr);
        assert!(ended.stderr.lines().count() <= 2, "{query}: {}", ended.stderr);
    }
    let missing = ask(&dir, "select 1", "no_such.jsonl", &[]);
    assert_eq!(missing.code, Some(1));
}
