//! The commands as a user gives them: what they print, what they write, how they end.

mod support;

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use support::{Dir, Ended, recording};

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("one JSON object")
}

fn default_config(dir: &Dir) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor.toml")).expect("monitor.toml");
    let path = recording("afterimage.log.gz").canonicalize().expect("the recorded run");
    let adapted = text.replace("monitor-core/testdata/afterimage-run/afterimage.log.gz", &path.display().to_string());
    assert_ne!(text, adapted);
    dir.write("monitor.toml", adapted);
}

#[test]
fn the_default_configuration_ends_with_alerts_files_and_charts() {
    let dir = Dir::new();
    default_config(&dir);
    assert_eq!(dir.monitor(&["check"]).stdout, "monitor.toml is fine: 1 source, 4 sinks, 3 rules, 7 charts\n");
    let ended = dir.monitor(&["run"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "2026-05-04 14:12:00 FIRING      failing_calls [error] 16.3% of 215 generations failed within 2 minutes\n\
         2026-05-04 14:17:00 RESOLVED    failing_calls after 5m\n\
         2026-05-04 14:21:00 FIRING      slow_calls [warning] Half of the generations take 32s or longer\n\
         2026-05-04 14:28:00 RESOLVED    slow_calls after 7m\n"
    );
    // In a pipe, lines of events stay alone on standard output, and nothing moves a cursor.
    assert!(ended.stderr.contains("4,650 events in (1,888 evaluation, 2,756 generation, 6 log)"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\x1b') && !ended.stderr.contains('\r'));
    let count = |name: &str| dir.read(name).lines().count();
    assert_eq!(count("monitoring/events.jsonl"), 4_654);
    assert_eq!(count("monitoring/metrics.jsonl"), 30_010);
    assert_eq!(count("monitoring/afterimage.log"), 4_654);
    assert!(dir.read("monitoring/plots/success_error_rate.svg").contains("<title>Success and error rate</title>"));
    let png = std::fs::read(dir.path().join("monitoring/plots/success_error_rate.png")).expect("the chart");
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert!(!dir.path().join("monitoring/rejected.jsonl").exists());
}

#[test]
fn two_runs_of_one_recording_write_the_same() {
    let files = |dir: &Dir| {
        default_config(dir);
        assert_eq!(dir.monitor(&["run"]).code, Some(0));
        ["events.jsonl", "metrics.jsonl", "afterimage.log", "plots/success_error_rate.svg"]
            .map(|name| dir.read(&format!("monitoring/{name}")))
    };
    let (first, second) = (files(&Dir::new()), files(&Dir::new()));
    assert!(first == second);
    // An alert stands behind the batch in which its tick came.
    let alert = first[0].lines().position(|line| line.contains("failing_calls")).expect("an alert");
    let after = first[0].lines().skip(alert).any(|line| line.contains("\"2026-05-04T14:15:"));
    assert!(after, "the alert of 14:12 stands in line {alert}");
}

/// Token usage with its costs rounded: in another order, numbers have another sum in their last digits.
fn to_the_cent(usage: &Value) -> Value {
    let rounded = |value: &Value| value.as_f64().map(|cost| (cost * 100.0).round());
    let mut usage = usage.clone();
    usage["total_cost_usd"] = rounded(&usage["total_cost_usd"]).into();
    for model in usage["by_model"].as_array_mut().expect("models") {
        model["cost_usd"] = rounded(&model["cost_usd"]).into();
    }
    usage
}

#[test]
fn what_a_run_writes_can_be_replayed() {
    let dir = Dir::new();
    default_config(&dir);
    dir.monitor(&["run"]);
    let replayed = |name: &str| json(&dir.monitor(&["replay", "--format", "json", "--preset", "recommended", name]));
    let original = recording("afterimage.log.gz");
    let original = replayed(&original.display().to_string());
    for name in ["monitoring/events.jsonl", "monitoring/afterimage.log", "monitoring/metrics.jsonl"] {
        let again = replayed(name);
        for key in ["alerts", "samples", "rejected"] {
            assert_eq!(again[key], original[key], "{key} of {name}");
        }
        assert_eq!(to_the_cent(&again["token_usage"]), to_the_cent(&original["token_usage"]), "{name}");
    }
    // Beside the events, the samples would count twice.
    let both = dir.monitor(&["replay", "monitoring/metrics.jsonl", "monitoring/events.jsonl", "--format", "json"]);
    assert!(both.stderr.contains('`'), "{}", both.stderr);
    assert!(both.stderr.contains("it is skipped"), "{}", both.stderr);
    assert_eq!(json(&both)["samples"], original["samples"]);
}

#[test]
fn a_replay_is_one_json_object() {
    let dir = Dir::new();
    let golden: Value =
        serde_json::from_str(&std::fs::read_to_string(recording("golden.json")).expect("the golden file"))
            .expect("JSON");
    let log = recording("afterimage.log.gz").display().to_string();
    let replay = json(&dir.monitor(&["replay", &log, "--format", "json"]));
    assert_eq!(
        (&replay["events"], &replay["rejected"], &replay["samples"]),
        (&4_650.into(), &0.into(), &30_010.into())
    );
    // The reference says nothing of cost; what it costs is checked where the prices are.
    let tokens = |usage: &Value, key: &str| {
        usage["by_model"].as_array().map(|models| models.iter().map(|model| model[key].clone()).collect::<Vec<_>>())
    };
    for key in ["model_name", "prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(tokens(&replay["token_usage"], key), tokens(&golden["total_token_usage"], key));
    }
    assert!((replay["token_usage"]["total_cost_usd"].as_f64().expect("a cost") - 3.424_152_48).abs() < 1e-9);
    assert_eq!(replay["token_usage"]["total_unpriced_calls"], 0);
    let alerts = replay["alerts"].as_array().expect("a list");
    assert_eq!(alerts.len(), 2);
    insta::assert_snapshot!("an_alert_as_json", serde_json::to_string_pretty(&alerts[0]).expect("JSON"));
    let metrics = recording("metrics.jsonl.gz").display().to_string();
    let replay = json(&dir.monitor(&["replay", &metrics, "--format", "json"]));
    let firing = |alert: &&Value| alert["name"] == "high_error_rate" && alert["state"] == "firing";
    assert_eq!(replay["alerts"].as_array().expect("a list").iter().filter(firing).count(), 1);
    assert_eq!(replay["firing"], serde_json::json!(["high_error_rate"]));
    // A replay leaves nothing behind.
    assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
}

#[test]
fn a_replay_for_people() {
    let log = recording("afterimage.log.gz").display().to_string();
    let ended = Dir::new().monitor(&["replay", &log]);
    let (alerts, summary) = ended.stdout.split_once("\n\n").expect("alerts, then the summary");
    assert_eq!(
        alerts,
        "2026-05-04 14:23:00 FIRING      high_generation_time [warning] Average generation time: 54.1s\n\
         2026-05-04 14:26:00 RESOLVED    high_generation_time after 3m"
    );
    assert!(summary.contains("gpt-4o-mini                               904,106     153,696  1,057,802"), "{summary}");
    assert!(summary.contains("1 alert fired, 1 resolved"), "{summary}");
}

/// A file with every class of bad line, a good one before and after each.
fn bad_lines() -> (Vec<u8>, u64) {
    let bad: [&[u8]; 16] = [
        br#"{"type":"generation","duration":1.5,"succ"#,
        br#"{"type":"generation","duration":"fast","success":true}"#,
        br#"{"type":"generation","duration":-1,"success":true}"#,
        br#"{"type":"generation","duration":NaN,"success":true}"#,
        br#"{"type":"generation","duration":Infinity,"success":true}"#,
        br#"{"type":"generation","duration":1e999,"success":true}"#,
        br#"{"type":"metric","metric":"m","value":1e200}"#,
        br#"{"type":"generation","duration":1,"success":true,"timestamp":"soon"}"#,
        br#"{"type":"generation","duration":1,"success":true,"timestamp":"9999-01-01T00:00:00Z"}"#,
        br#"{"type":"trace","duration":1}"#,
        br#"{"hello":"world"}"#,
        br#"["a","list"]"#,
        b"plain text",
        b"\0\0\0\0",
        b"{\"metric\":\"\xff\xfe\",\"value\":1}",
        br#"{"type":"log"}"#,
    ];
    let mut bad: Vec<Vec<u8>> = bad.iter().map(|line| line.to_vec()).collect();
    bad.push(format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes());
    bad.push(format!("{{\"metric\":\"{}\",\"value\":1}}", "x".repeat(10 << 20)).into_bytes());
    let mut text = "\u{feff}".as_bytes().to_vec();
    let mut good = 0;
    let mut good_line = |text: &mut Vec<u8>| {
        good += 1;
        let line =
            format!("{{\"metric\":\"good\",\"value\":1,\"timestamp\":\"2026-05-04T14:00:{:02}Z\"}}\r\n\n", good % 60);
        text.extend_from_slice(line.as_bytes());
    };
    for line in bad {
        good_line(&mut text);
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    good_line(&mut text);
    (text, good)
}

#[test]
fn bad_lines_are_counted_and_kept_and_cost_no_good_one() {
    let dir = Dir::new();
    let (text, good) = bad_lines();
    dir.write("events.jsonl", text);
    dir.write("monitor.toml", "[sources.in]\ntype = \"file\"\npath = \"events.jsonl\"\n");
    let run = json(&dir.monitor(&["run", "--format", "json"]));
    assert_eq!((&run["events"], &run["rejected"]), (&good.into(), &18.into()));
    insta::assert_snapshot!(
        "rejected_by_reason",
        serde_json::to_string_pretty(&run["rejected_by_reason"]).expect("JSON")
    );
    let kept = dir.read("monitoring/rejected.jsonl");
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let shown: Vec<String> = kept
        .iter()
        .map(|line| {
            format!(
                "{}: {} ({}, {} characters)",
                line["line"],
                line["error"],
                line["reason"],
                line["text"].as_str().expect("text").len()
            )
        })
        .collect();
    insta::assert_snapshot!("rejected_lines", shown.join("\n"));
    assert!(
        kept.iter()
            .all(|line| line["source"] == "in" && line["file"].as_str().is_some_and(|f| f.ends_with("events.jsonl")))
    );
    // Kept or not, a replay says the same.
    let replay = json(&dir.monitor(&["replay", "--format", "json", "events.jsonl"]));
    assert_eq!(replay["rejected_by_reason"], run["rejected_by_reason"]);
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    let dir = Dir::new();
    for arguments in [&["frobnicate"][..], &["run", "--frobnicate"], &["replay"], &[], &["--log-level", "loud", "man"]]
    {
        let ended = dir.monitor(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["--version"]] {
        assert_eq!(dir.monitor(arguments).code, Some(0), "{arguments:?}");
    }
    insta::assert_snapshot!("unknown_component", dir.monitor(&["explain", "sink.jsnl"]).whole());
    let notify = dir.monitor(&["explain", "notify"]);
    assert!(
        notify.stderr.ends_with("source, sink, rule, chart, config, metrics, prices and test\n"),
        "{}",
        notify.whole()
    );
    insta::assert_snapshot!("unknown_preset_of_replay", dir.monitor(&["replay", "--preset", "refrence", "x"]).whole());
}

#[test]
fn what_the_world_does_not_have_is_1() {
    let dir = Dir::new();
    dir.write("folder/x", "");
    dir.write("file", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).expect("links");
    let here = dir.path().canonicalize().expect("here").display().to_string();
    let says = |arguments: &[&str]| dir.monitor(arguments).whole().replace(&here, "HERE");
    insta::assert_snapshot!("missing_recording", says(&["replay", "nowhere.jsonl"]));
    insta::assert_snapshot!("folder_instead_of_a_recording", says(&["replay", "folder"]));
    insta::assert_snapshot!("unreadable_recording", says(&["replay", "loop"]));
    dir.write("monitor.toml", "[sources.in]\ntype = \"file\"\npath = \"nowhere.jsonl\"\n");
    assert_eq!(dir.monitor(&["check"]).code, Some(0));
    insta::assert_snapshot!("missing_source", says(&["run"]));
    dir.write("monitor.toml", "[sinks.out]\ntype = \"jsonl\"\npath = \"../file/x.jsonl\"\n");
    insta::assert_snapshot!("sink_that_cannot_be_opened", says(&["run", "file"]));
    dir.write("monitor.toml", "");
    insta::assert_snapshot!("nothing_to_do", says(&["run"]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_the_run_and_says_what_is_missing() {
    let dir = Dir::new();
    dir.write("in.jsonl", "{\"metric\":\"m\",\"value\":1}\n".repeat(10));
    dir.write(
        "monitor.toml",
        "shutdown_timeout = \"100ms\"\n[sinks.full]\ntype = \"jsonl\"\npath = \"/dev/full\"\n\
         [sinks.out]\ntype = \"jsonl\"\npath = \"out.jsonl\"\n",
    );
    let ended = dir.monitor(&["run", "in.jsonl"]);
    assert_eq!(ended.code, Some(1));
    let error =
        "error: failed to complete the run: sink `full` did not get 10 events: No space left on device (os error 28)\n";
    assert!(ended.stderr.ends_with(error), "{}", ended.stderr);
    assert_eq!(dir.read("monitoring/out.jsonl").lines().count(), 10);
}

#[test]
fn recordings_named_on_the_command_line_take_the_place_of_the_sources() {
    let dir = Dir::new();
    default_config(&dir);
    dir.write("one.jsonl", "{\"metric\":\"m\",\"value\":1}\n");
    let run = dir.monitor(&["run", "one.jsonl", "--format", "json"]);
    // A sink writes lines to standard output: the summary is not mixed with them.
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    let object = run.stderr.find("{\n").expect("an object behind the log");
    let run: Value = serde_json::from_str(&run.stderr[object..]).expect("one JSON object");
    assert_eq!(run["events"], 1);
    assert_eq!(dir.read("monitoring/events.jsonl").lines().count(), 1);
}

const STDIN: &str =
    "clock = \"system\"\n[sources.in]\ntype = \"stdin\"\n[sinks.out]\ntype = \"jsonl\"\npath = \"out.jsonl\"\n";

#[test]
fn standard_input_is_read_to_its_end() {
    let dir = Dir::new();
    dir.write("monitor.toml", STDIN);
    let mut child = dir
        .command(&["run", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"{\"metric\":\"m\",\"value\":1}\nrubbish\n{\"metric\":\"m\",\"value\":2}").expect("writes");
    drop(stdin);
    let run = json(&Ended::from(child.wait_with_output().expect("ends")));
    assert_eq!((&run["events"], &run["rejected"]), (&2.into(), &1.into()));
}

#[test]
fn a_recording_comes_through_standard_input_too_plain_or_gzip() {
    let dir = Dir::new();
    dir.write("monitor.toml", STDIN);
    let compressed = std::fs::File::open(recording("afterimage.log.gz")).expect("the recorded run");
    let output = dir.command(&["run", "--format", "json"]).stdin(compressed).output().expect("runs");
    assert_eq!(json(&Ended::from(output))["events"], 4_650);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    let dir = Dir::new();
    let pipe = dir.path().join("pipe").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        let bytes = std::fs::read(recording("metrics.jsonl.gz")).expect("the recorded run");
        move || std::fs::write(pipe, bytes)
    });
    let replay = json(&dir.monitor(&["replay", "--format", "json", &pipe]));
    assert_eq!((&replay["events"], &replay["rejected"]), (&25_115.into(), &0.into()));
    writer.join().expect("no panic").expect("writes");
}

#[cfg(unix)]
#[test]
fn a_signal_drains_and_prints_the_summary() {
    for (signal, config) in [
        ("-TERM", STDIN.to_owned()),
        ("-INT", STDIN.to_owned()),
        (
            "-INT",
            STDIN.replace("type = \"stdin\"", "type = \"file\"\npath = \"in.jsonl\"\nfollow = true\npoll = \"5ms\""),
        ),
    ] {
        let dir = Dir::new();
        dir.write("monitor.toml", &config);
        dir.write("in.jsonl", "{\"metric\":\"m\",\"value\":1}\n");
        let mut child = dir
            .command(&["run", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // Half a line behind a whole one holds nothing up.
        stdin.write_all(b"{\"metric\":\"m\",\"value\":1}\n{\"metric\":").expect("writes");
        let out = dir.path().join("monitoring/out.jsonl");
        // The event is on the disk while the pipe is still open.
        let arrived = || std::fs::metadata(&out).map_or(0, |file| file.len()) > 0;
        for _ in 0..10_000 {
            if arrived() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        assert!(arrived(), "nothing arrives");
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        let run = json(&Ended::from(child.wait_with_output().expect("ends")));
        assert_eq!((&run["events"], &run["sinks"][0]["delivered"]), (&1.into(), &1.into()));
        drop(stdin);
    }
}

#[test]
fn what_somebody_else_appends_after_a_clean_end_stays() {
    let dir = Dir::new();
    dir.write("monitor.toml", STDIN);
    let run = |line: &str| {
        let input = std::fs::File::open(dir.write("in.jsonl", line)).expect("opens");
        let ended = Ended::from(dir.command(&["run"]).stdin(input).output().expect("runs"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    run("{\"metric\":\"m\",\"value\":1}\n");
    let first = dir.read("monitoring/out.jsonl");
    dir.write("monitoring/out.jsonl", format!("{first}a line of somebody else\n"));
    run("{\"metric\":\"m\",\"value\":2}\n");
    let text = dir.read("monitoring/out.jsonl");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("a line of somebody else\n"), "{text}");
}

#[cfg(unix)]
fn end(child: std::process::Child) -> Ended {
    let ended = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(ended.expect("kill runs").success());
    Ended::from(child.wait_with_output().expect("ends"))
}

/// Waits until a file has so many lines.
#[cfg(unix)]
fn until_lines(dir: &Dir, name: &str, lines: usize) {
    let count = || std::fs::read_to_string(dir.path().join(name)).unwrap_or_default().lines().count();
    for _ in 0..10_000 {
        if count() >= lines {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    panic!("`{name}` has {} lines instead of {lines}", count());
}

#[cfg(unix)]
#[test]
fn what_was_taken_from_a_pipe_is_not_lost_when_the_program_is_ended() {
    let dir = Dir::new();
    dir.write("monitor.toml", STDIN);
    let mut child = dir
        .command(&["run", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        let lines: String = (0..20_000).map(|at| format!("{{\"metric\":\"m\",\"value\":{at}}}\n")).collect();
        // Until nobody reads any more.
        let mut written = 0;
        while let Ok(more @ 1..) = stdin.write(&lines.as_bytes()[written..lines.len().min(written + 4_096)]) {
            written += more;
        }
        // What is in the pipe still was not taken.
        written
    });
    until_lines(&dir, "monitoring/out.jsonl", 1);
    let run = json(&end(child));
    let written = writer.join().expect("no panic") as u64;
    let (events, emitted) = (run["events"].as_u64().expect("a number"), run["sources"][0]["events"].as_u64());
    assert_eq!((Some(events), run["dropped"].as_object().map(serde_json::Map::len)), (emitted, Some(0)), "{run:#}");
    assert_eq!(dir.read("monitoring/out.jsonl").lines().count() as u64, events);
    // A pipe holds 64 KiB, and one chunk may be under way.
    let taken = events * 26;
    assert!(taken + (256 << 10) >= written, "{taken} of {written} bytes");
}

#[cfg(unix)]
#[test]
fn a_followed_file_is_not_read_again_when_its_disk_was_mounted_anew() {
    let dir = Dir::new();
    dir.write(
        "monitor.toml",
        STDIN.replace("\"stdin\"", "\"file\"\npath = \"in.jsonl\"\nfollow = true\npoll = \"5ms\""),
    );
    dir.write("in.jsonl", "{\"metric\":\"m\",\"value\":1}\n".repeat(10));
    let run = |lines: usize| {
        let child = dir.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        until_lines(&dir, "monitoring/out.jsonl", lines);
        assert_eq!(end(child).code, Some(0));
    };
    run(10);
    let spool = rusqlite::Connection::open(dir.path().join("monitoring/spool.db")).expect("the spool");
    let (key, value): (String, String) =
        spool.query_row("SELECT key, value FROM position", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a row");
    let (device, inode) = key.split_once(':').expect("two numbers");
    let other = value.replace(&format!("[{device},{inode}]"), &format!("[{device}1,{inode}]"));
    assert_ne!(value, other);
    spool.execute("UPDATE position SET key = ?1, value = ?2", [format!("{device}1:{inode}"), other]).expect("a row");
    drop(spool);
    dir.write("in.jsonl", "{\"metric\":\"m\",\"value\":1}\n".repeat(11));
    run(11);
    assert_eq!(dir.read("monitoring/out.jsonl").lines().count(), 11);
}

#[test]
fn shells_and_manuals_are_served() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = dir.monitor(&["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains("replay"), "{shell}");
    }
    let page = dir.monitor(&["man"]).stdout;
    assert!(page.starts_with('.') && page.contains("monitor replay"), "{page}");
}

#[test]
fn a_run_goes_on_from_the_snapshot_of_the_one_before() {
    let dir = Dir::new();
    let config = |on: bool| format!("clock = \"system\"\n[sources.in]\ntype = \"stdin\"\n[store]\nsnapshot = {on}\n");
    let call = r#"{"type":"generation","duration":1,"success":true,"model_name":"m","total_token_count":1111}"#;
    let tokens = |on: bool| {
        dir.write("monitor.toml", config(on));
        let input = std::fs::File::open(dir.write("in.jsonl", call)).expect("opens");
        let ended = Ended::from(dir.command(&["run"]).stdin(input).output().expect("runs"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ["1,111", "2,222", "3,333"].into_iter().rfind(|tokens| ended.stdout.contains(tokens))
    };
    assert_eq!([tokens(true), tokens(true), tokens(true)], [Some("1,111"), Some("2,222"), Some("3,333")]);
    // Switched off it is neither read nor written, and a replay has nothing to do with it.
    let before = std::fs::read(dir.path().join("monitoring/snapshot.bin")).expect("a snapshot");
    assert_eq!(tokens(false), Some("1,111"));
    dir.write("monitor.toml", config(true));
    let replayed = json(&dir.monitor(&["replay", "-c", "monitor.toml", "in.jsonl", "--format", "json"]));
    assert_eq!(replayed["token_usage"]["total_tokens"], 1_111);
    assert_eq!(std::fs::read(dir.path().join("monitoring/snapshot.bin")).expect("a snapshot"), before);
}

#[test]
fn what_there_is_and_what_it_means() {
    let dir = Dir::new();
    insta::assert_snapshot!("components", dir.monitor(&["components"]).whole());
    for rule in ["budget", "burn_rate", "expression"] {
        insta::assert_snapshot!(
            format!("explain_rule_{rule}"),
            dir.monitor(&["explain", &format!("rule.{rule}")]).whole()
        );
    }
    insta::assert_snapshot!("explain_rule_threshold", dir.monitor(&["explain", "rule.threshold"]).whole());
    insta::assert_snapshot!("explain_config", dir.monitor(&["explain", "config"]).whole());
    insta::assert_snapshot!("explain_metrics", dir.monitor(&["explain", "metrics"]).whole());
    insta::assert_snapshot!("explain_sink", dir.monitor(&["explain", "sink"]).whole());
}

#[test]
fn the_log_is_json_when_asked() {
    let dir = Dir::new();
    dir.write("a/metrics.jsonl", "{\"metric\":\"generation_time\",\"value\":1}\n");
    dir.write("a/events.jsonl", "{\"type\":\"generation\",\"duration\":1,\"success\":true}\n");
    let arguments = ["--log-format", "json", "replay", "a/metrics.jsonl", "a/events.jsonl"];
    let ended = dir.monitor(&arguments);
    let logged: Value = serde_json::from_str(ended.stderr.trim()).expect("one line of JSON");
    assert_eq!(logged["level"], "WARN");
    let quiet = dir.command(&arguments).env("MONITOR_LOG", "error").output().expect("runs");
    assert_eq!(Ended::from(quiet).stderr, "");
}

/// Prices of a file and of the configuration go before the built-in ones, and what has none is told by model.
#[test]
fn costs_by_prices_of_ones_own() {
    let dir = Dir::new();
    let call = |model: &str| {
        format!(
            "{{\"type\":\"generation\",\"timestamp\":\"2026-05-04T14:00:00Z\",\"duration\":1,\"success\":true,\"model_name\":\"{model}\",\
             \"prompt_token_count\":1000000,\"completion_token_count\":100000,\"cached_token_count\":500000}}\n"
        )
    };
    dir.write("events.jsonl", ["gpt-4o", "mine", "org/mine-2", "new"].map(call).concat());
    dir.write(
        "prices.toml",
        "[models]\n\"gpt-4o\" = { input = 1, output = 1 }\n\"org/*\" = { input = 2, output = 4 }\n",
    );
    let config = "timezone = \"UTC\"\n[prices]\nfile = \"prices.toml\"\n\
                  [prices.models.\"mine\"]\ninput = 1.0\noutput = 2.0\ncached_input = 0.1\n\
                  [alerts.budget]\ntype = \"threshold\"\nmetric = \"cost_usd\"\naggregate = \"sum\"\nabove = 3.0\nwindow = \"1h\"\n\
                  message = \"{{ sum | usd }} within an hour\"\n";
    dir.write("monitor.toml", config);
    let replay = dir.monitor(&["replay", "-c", "monitor.toml", "events.jsonl"]);
    insta::assert_snapshot!(
        "costs_for_people",
        replay.stdout.lines().filter(|line| !line.contains("events in")).collect::<Vec<_>>().join("\n")
    );
    dir.write("monitor.toml", "[prices]\nenabled = false\n");
    let replay = json(&dir.monitor(&["replay", "-c", "monitor.toml", "events.jsonl", "--format", "json"]));
    let usage = &replay["token_usage"];
    assert_eq!(
        (&usage["total_cost_usd"], &usage["total_unpriced_calls"], &usage["total_calls"]),
        (&Value::Null, &0.into(), &4.into())
    );
    let table = dir.monitor(&["explain", "prices"]).stdout;
    assert!(table.contains("date = \"2026-11-12\""), "{table}");
}

#[cfg(not(feature = "polars"))]
#[test]
fn without_polars_sql_says_how_to_get_it() {
    let dir = Dir::new();
    let sql = dir.monitor(&["sql", "select 1", "run.parquet"]);
    assert_eq!((sql.code, sql.stdout.as_str(), sql.stderr.lines().count()), (Some(64), "", 1));
    assert!(sql.stderr.contains("cargo install --path monitor-cli --features polars"), "{}", sql.stderr);
    assert!(!dir.monitor(&["--help"]).stdout.contains("sql"));
}

#[test]
fn a_view_needs_something_to_show_and_a_terminal_to_show_it_on() {
    let dir = Dir::new();
    let refused = |arguments: &[&str], why: [&str; 2]| {
        let ended = dir.monitor(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.whole());
        assert!(why.iter().all(|why| ended.stderr.contains(why)), "{}", ended.whole());
    };
    refused(&["top"], ["failed to show `monitoring`: it does not exist", "monitor run --top"]);
    dir.write("monitoring/notes.txt", "nothing to be read");
    refused(&["top"], ["neither a recording in it nor a spool", "[sinks.events] with type = \"jsonl\""]);
    dir.write("monitoring/events.jsonl", "{\"metric\":\"n\",\"value\":1}\n");
    refused(&["top"], ["standard output is no terminal", "`monitor query`"]);
    dir.write("monitor.toml", "[sources.app]\ntype = \"file\"\npath = \"monitoring/events.jsonl\"\n");
    refused(&["run", "--top"], ["standard output is no terminal", "leave --top out"]);
}
