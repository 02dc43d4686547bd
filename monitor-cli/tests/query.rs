//! `monitor query`: what it answers, for people and for programs, and how it says that it cannot.

mod support;

use std::process::Stdio;

use serde_json::{Value, json};
use support::{Dir, Ended, recording};

fn rows(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("a JSON list")
}

/// `monitor query METRIC FILE` and then these.
fn ask(dir: &Dir, metric: &str, file: &str, more: &[&str]) -> Ended {
    dir.monitor(&[&["query", metric, file], more].concat())
}

const SKETCHED: &str = "percentiles are within 1% of the samples; --exact looks at every sample\n";

fn log() -> String {
    recording("afterimage.log.gz").display().to_string()
}

/// `queue` each minute from 14:00 but for 14:02, by worker: a has 1, 2, -, 4; b has 10 at 14:03 alone.
fn queue(dir: &Dir) {
    let line = |minute, value, worker: &str| {
        json!({"type": "metric", "metric": "queue", "value": value, "timestamp": format!("2026-05-04T14:0{minute}:00Z"),
               "metadata": {"worker": worker}})
        .to_string()
            + "\n"
    };
    dir.write("queue.jsonl", [line(0, 1, "a"), line(1, 2, "a"), line(3, 4, "a"), line(3, 10, "b")].concat());
}

#[test]
fn every_minute_of_every_metric_agrees_with_the_reference() {
    let dir = Dir::new();
    let text = std::fs::read_to_string(recording("golden.json")).expect("the golden file");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let minutes = golden["minutes"].as_array().expect("minutes");
    let now = |minute: &Value| minute["now"].as_str().expect("a time").to_owned();
    let (first, last) = (now(&minutes[0]), now(&minutes[27]));
    let samples = recording("metrics.jsonl.gz").display().to_string();
    let mut compared = 0;
    for metric in minutes[0]["get_metrics"].as_object().expect("metrics").keys() {
        let times = ["--window", "5m", "--step", "1m", "--since", &first, "--until", &last];
        let answers = rows(&ask(&dir, metric, &samples, &[&times[..], &["--format", "json"]].concat()));
        assert_eq!(answers.len(), minutes.len());
        for (minute, answer) in minutes.iter().zip(&answers) {
            assert_eq!(answer["end"], format!("{}.000000Z", now(minute)));
            let expected = minute["get_metrics"][metric].as_object().expect("aggregates");
            if expected.is_empty() {
                assert_eq!(
                    (&answer["count"], &answer["mean"]),
                    (&0.into(), &Value::Null),
                    "{metric} at {}",
                    now(minute)
                );
                continue;
            }
            for aggregate in ["count", "mean", "min", "max"] {
                let [theirs, ours] =
                    [&expected[aggregate], &answer[aggregate]].map(|value| value.as_f64().expect("a number"));
                assert!(
                    (theirs - ours).abs() <= 1e-9,
                    "{aggregate} of {metric} at {}: {ours}, not {theirs}",
                    now(minute)
                );
                compared += 1;
            }
        }
    }
    // 28 minutes of 8 metrics of 4 numbers, less the windows without an error_rate.
    assert_eq!(compared, 892);
}

#[test]
fn a_window_without_data_has_count_0_and_null_aggregates() {
    let dir = Dir::new();
    queue(&dir);
    let steps = ["--step", "1m", "--window", "30s", "--agg", "mean,rate,max"];
    let whole = json!([
        ["2026-05-04T14:00:00.000000Z", 1, 1.0, 1.0 / 30.0, 1.0],
        ["2026-05-04T14:01:00.000000Z", 1, 2.0, 1.0 / 30.0, 2.0],
        ["2026-05-04T14:02:00.000000Z", 0, null, null, null],
        ["2026-05-04T14:03:00.000000Z", 2, 7.0, 2.0 / 30.0, 10.0],
    ]);
    let told = |answers: &[Value]| {
        answers
            .iter()
            .map(|row| json!([row["end"], row["count"], row["mean"], row["rate"], row["max"]]))
            .collect::<Value>()
    };
    let answers = rows(&ask(&dir, "queue", "queue.jsonl", &[&steps[..], &["--format", "json"]].concat()));
    assert_eq!(told(&answers), whole);
    assert_eq!((&answers[0]["metric"], &answers[0]["labels"]), (&"queue".into(), &json!({})));
    assert_eq!(answers[0]["start"], "2026-05-04T13:59:30.000000Z");
    assert!(answers[0]["count"].is_u64());

    // In a group there are gaps, too; a group with nothing is left out.
    let by = [&steps[..], &["--by", "worker", "--format", "csv"]].concat();
    insta::assert_snapshot!("gaps_as_csv", ask(&dir, "queue", "queue.jsonl", &by).stdout);
    let nothing = ["--since", "2026-05-03T00:00:00Z", "--until", "2026-05-03T01:00:00Z", "--format", "json"];
    let answers = rows(&ask(&dir, "queue", "queue.jsonl", &[&nothing[..], &["--step", "30m"]].concat()));
    assert_eq!(answers.iter().map(|row| row["count"].clone()).collect::<Value>(), json!([0, 0, 0]));
    assert_eq!(rows(&ask(&dir, "queue", "queue.jsonl", &nothing))[0]["p99"], Value::Null);
    assert_eq!(
        rows(&ask(&dir, "queue", "queue.jsonl", &[&nothing[..], &["--by", "worker"]].concat())),
        [] as [Value; 0]
    );
    insta::assert_snapshot!("nothing_for_people", ask(&dir, "queue", "queue.jsonl", &nothing[..4]).whole());
}

#[test]
fn times_in_every_form() {
    let dir = Dir::new();
    queue(&dir);
    let extent = |more: &[&str]| {
        let answers = rows(&ask(&dir, "queue", "queue.jsonl", &[more, &["--format", "json"]].concat()));
        let time = |row: &Value, key: &str| row[key].as_str().expect("a time")[11..19].to_owned();
        let (first, last) = (&answers[0], &answers[answers.len() - 1]);
        format!("{}: {} {}", answers.len(), time(first, "start"), time(last, "end"))
    };
    assert_eq!(extent(&[]), "1: 14:00:00 14:03:00");
    assert_eq!(extent(&["--window", "90s"]), "1: 14:01:30 14:03:00");
    assert_eq!(extent(&["--at", "-1m", "--window", "1m"]), "1: 14:01:00 14:02:00");
    assert_eq!(extent(&["--since", "-2m"]), "1: 14:01:00 14:03:00");
    assert_eq!(extent(&["--at", "2026-05-04T16:02:00+02:00"]), "1: 14:00:00 14:02:00");
    assert_eq!(extent(&["--at", "1777903320"]), "1: 14:00:00 14:02:00");
    assert_eq!(extent(&["--at", "2026-05-04 14:02:00"]), "1: 14:00:00 14:02:00");
    let berlin = ["--at", "2026-05-04 16:02:00", "--timezone", "Europe/Berlin"];
    assert_eq!(extent(&berlin), "1: 14:00:00 14:02:00");
    // Where nothing is said of them, steps are whole and hold every sample.
    assert_eq!(extent(&["--step", "2m"]), "3: 13:58:00 14:04:00");
    assert_eq!(extent(&["--step", "1d"]), "1: 00:00:00 00:00:00");
    assert_eq!(extent(&["--step", "1m", "--since", "2026-05-04T14:00:30Z"]), "4: 13:59:30 14:03:30");
    assert_eq!(extent(&["--step", "1m", "--until", "2026-05-04T14:02:30Z"]), "3: 13:59:00 14:02:00");
}

#[test]
fn groups_conditions_and_the_largest() {
    let dir = Dir::new();
    queue(&dir);
    let told = |more: &[&str]| {
        let answers = rows(&ask(&dir, "queue", "queue.jsonl", &[more, &["--agg", "sum", "--format", "json"]].concat()));
        // Asked for or not, it tells whether there was data.
        assert!(answers.iter().all(|row| row["count"].is_u64()), "{answers:?}");
        answers.iter().map(|row| format!("{} {}", row["labels"], row["sum"])).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(told(&["--by", "worker"]), r#"{"worker":"a"} 7.0; {"worker":"b"} 10.0"#);
    assert_eq!(told(&["--by", "worker", "--top", "1"]), r#"{"worker":"b"} 10.0"#);
    assert_eq!(told(&["--by", "worker", "--top", "1", "--order", "count"]), r#"{"worker":"a"} 7.0"#);
    assert_eq!(told(&["--where", "worker=a"]), "{} 7.0");
    assert_eq!(told(&["--where", "worker!=a"]), "{} 10.0");
    assert_eq!(told(&["--where", "worker=~a|b", "--where", "worker!~a"]), "{} 10.0");
    // A member of a family has its count as the reference counted it.
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(recording("golden.json")).expect("the golden file"))
            .expect("JSON");
    for metric in ["model_usage:gpt-4o-mini", "model_usage{model_name=gpt-4o-mini}"] {
        let answers = rows(&ask(&dir, metric, &log(), &["--format", "json"]));
        assert_eq!(answers[0]["count"], golden["metric_counts"]["model_usage:gpt-4o-mini"], "{metric}");
    }
}

#[test]
fn tables_for_people() {
    let dir = Dir::new();
    insta::assert_snapshot!("one_window", ask(&dir, "generation_time", &log(), &["--window", "5m"]).whole());
    let by = ["--by", "model_name", "--step", "1m", "--agg", "count,p50,p99,rate"];
    insta::assert_snapshot!("a_line_for_each_group", ask(&dir, "generation_time", &log(), &by).whole());
    let tokens = ["--by", "operation", "--top", "3", "--agg", "sum,mean,last"];
    let second = ["--step", "1s", "--agg", "mean"];
    insta::assert_snapshot!("more_windows_than_find_room", ask(&dir, "success_rate", &log(), &second).whole());
    insta::assert_snapshot!("largest_groups", ask(&dir, "total_token_count", &log(), &tokens).whole());
    insta::assert_snapshot!("list", dir.monitor(&["query", "--list", &log()]).whole());
    queue(&dir);
    for format in ["json", "csv"] {
        let ended = dir.monitor(&["query", "--list", "--format", format, "queue.jsonl", &log()]);
        let queue = ended.stdout.lines().filter(|line| line.contains("queue") || line.contains("samples,"));
        insta::assert_snapshot!(format!("list_as_{format}"), queue.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn csv_and_json_tell_the_same_numbers() {
    let dir = Dir::new();
    let all = "count,sum,mean,min,max,stddev,p50,p90,p95,p99,rate,first,last";
    let question = ["--by", "operation,success", "--step", "7m", "--agg", all];
    let csv = ask(&dir, "generation_time", &log(), &[&question[..], &["--format", "csv"]].concat()).stdout;
    let json = rows(&ask(&dir, "generation_time", &log(), &[&question[..], &["--format", "json"]].concat()));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some(&*format!("metric,operation,success,start,end,{all}")));
    let cell = |value: &Value| if let Some(text) = value.as_str() { text.to_owned() } else { value.to_string() };
    let expected = json.iter().map(|row| {
        let labels = ["operation", "success"].map(|label| row["labels"].get(label).map_or_else(String::new, cell));
        let times = [&row["start"], &row["end"]].map(cell);
        let numbers =
            all.split(',').map(|name| if row[name].is_null() { String::new() } else { row[name].to_string() });
        let cells = ["generation_time".to_owned()].into_iter().chain(labels).chain(times).chain(numbers);
        cells.collect::<Vec<_>>().join(",")
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert!(json.len() > 10);
}

#[cfg(unix)]
#[test]
fn nobody_need_read_it_all() {
    let dir = Dir::new();
    for format in ["csv", "json"] {
        let (log, step) = (log(), ["--step", "1s", "--format", format]);
        let mut command = dir.command(&[&["query", "generation_time", &log], &step[..]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        drop(child.stdout.take());
        let ended = Ended::from(child.wait_with_output().expect("ends"));
        assert_eq!((ended.code, ended.stderr.replace(SKETCHED, "")), (Some(0), String::new()), "{format}");
    }
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_text() {
    let dir = Dir::new();
    let values = ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\tx", "-5", "plain", "a,\"b\"\nc"];
    let line = |(at, value): (usize, &&str)| {
        json!({"metric": "=m", "value": -1.5, "timestamp": 1_777_900_000 + at, "user": value}).to_string() + "\n"
    };
    dir.write("in.jsonl", values.iter().enumerate().map(line).collect::<String>());
    let ended =
        ask(&dir, "=m", "in.jsonl", &["--by", "user", "--agg", "mean", "--at", "1777900100", "--format", "csv"]);
    insta::assert_snapshot!("cells", ended.stdout);
}

#[test]
fn what_is_told_beside_the_answer_is_not_in_it() {
    let dir = Dir::new();
    queue(&dir);
    let lines = dir.read("queue.jsonl") + "rubbish\n{\"metric\":\"queue\",\"value\":\"many\"}\n";
    dir.write("bad.jsonl", lines);
    let here = dir.path().canonicalize().expect("here").display().to_string();
    let ended = ask(&dir, "queue", "bad.jsonl", &["--format", "csv", "--agg", "count"]);
    insta::assert_snapshot!("beside_the_answer", ended.whole().replace(&here, "HERE"));
    // Percentiles of so many samples are sketched, and within what is told.
    let p99 = |more: &[&str]| {
        let ended = ask(&dir, "generation_time", &log(), &[more, &["--format", "json"]].concat());
        (rows(&ended)[0]["p99"].as_f64().expect("a number"), ended.stderr)
    };
    let ((sketched, note), (exact, silence)) = (p99(&[]), p99(&["--exact"]));
    assert_eq!(note, SKETCHED);
    assert_eq!(silence, "");
    assert!((sketched / exact - 1.0).abs() <= 0.01, "{sketched} for {exact}");
}

#[test]
fn what_cannot_be_answered_is_told_with_a_remedy() {
    let dir = Dir::new();
    queue(&dir);
    dir.write("empty.jsonl", "");
    let here = dir.path().canonicalize().expect("here").display().to_string();
    let questions: &[(&str, i32, &[&str])] = &[
        ("misspelt_metric", 1, &["quue", "queue.jsonl"]),
        ("metric_far_from_all", 1, &["generation_time", "queue.jsonl"]),
        ("member_that_never_was", 1, &["model_usage:gpt-9", "queue.jsonl"]),
        ("no_samples", 1, &["queue", "empty.jsonl"]),
        ("missing_recording", 1, &["queue", "nowhere.jsonl"]),
        ("no_metric", 64, &["queue{worker", "queue.jsonl"]),
        ("no_data", 64, &["queue"]),
        ("misspelt_label", 64, &["queue", "queue.jsonl", "--where", "worker=a", "--by", "wroker"]),
        ("label_of_no_series", 64, &["queue", "queue.jsonl", "--where", "model_name=a"]),
        ("no_condition", 64, &["queue", "queue.jsonl", "--where", "worker"]),
        ("no_expression", 64, &["queue", "queue.jsonl", "--where", "worker=~("]),
        ("no_time", 64, &["queue", "queue.jsonl", "--at", "soon"]),
        ("no_length", 64, &["queue", "queue.jsonl", "--window", "5"]),
        ("empty_window", 64, &["queue", "queue.jsonl", "--step", "0s"]),
        ("no_aggregate", 64, &["queue", "queue.jsonl", "--agg", "mean,p42"]),
        ("no_zone", 64, &["queue", "queue.jsonl", "--timezone", "Mars"]),
        ("too_many_steps", 64, &["queue", "queue.jsonl", "--step", "1ms"]),
        ("ends_before_it_begins", 64, &["queue", "queue.jsonl", "--since", "-1m", "--until", "-2m"]),
        ("begins_twice", 64, &["queue", "queue.jsonl", "--since", "-1m", "--window", "2m"]),
        ("ends_twice", 64, &["queue", "queue.jsonl", "--at", "-1m", "--until", "-1m"]),
        ("top_of_one", 64, &["queue", "queue.jsonl", "--top", "1"]),
        ("list_of_groups", 64, &["--list", "queue.jsonl", "--by", "worker"]),
    ];
    let mut told = String::new();
    for (name, code, question) in questions {
        let ended = dir.monitor(&[&["query"], *question].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(*code), ""), "{name}");
        let (error, _) = ended.stderr.split_once("\n\nFor more").unwrap_or((&ended.stderr, ""));
        told +=
            &format!("{name}\n  monitor query {}\n{}\n\n", question.join(" "), error.trim_end().replace(&here, "HERE"));
    }
    insta::assert_snapshot!("unanswered", told);
    let list = dir.monitor(&["query", "--list", "empty.jsonl"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(0), "no samples\n"));
}
