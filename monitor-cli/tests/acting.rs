//! A run that watches a program: how it ends, by itself, by a rule, by a signal; and that what was written until then arrives.
#![cfg(unix)]

mod support;

use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::running::{EVENTS, audit, eventually, lines, numbers};
use support::{Dir, Ended};

const STDIN: &str = "metrics_interval = \"20ms\"\n[sources.stdin]\ntype = \"stdin\"\n";
const BUDGET: &str = "[alerts.budget]\ntype = \"threshold\"\nmetric = \"n\"\naggregate = \"count\"\nwindow = \"1h\"\nabove = 4.5\n\
                      action = \"stop\"\nmessage = \"{{ count }} are too many\"\n";
/// Five of them are one too many.
const EVENT: &str = r#"{"metric":"n","value":1}"#;
/// Its last words, where it has some.
const LAST: &str = "{\"metric\":\"n\",\"value\":99}\n";
/// And so it goes until somebody ends it.
const ON_AND_ON: &str = "while :; do sleep 0.01; done";

fn start(dir: &Dir, script: &str, arguments: &[&str]) -> Child {
    let arguments = [&["run", "--format", "json", "--log-level", "error"], arguments, &["--", "sh", "-c", script]];
    let mut command = dir.command(&arguments.concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

/// Waits for the end of it, and of all who could write to its streams.
fn ended(child: Child) -> Ended {
    Ended::from(child.wait_with_output().expect("ends"))
}

fn run(dir: &Dir, script: &str, arguments: &[&str]) -> Ended {
    ended(start(dir, script, arguments))
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill").success());
}

fn summary(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.whole()))
}

/// The lines that are no alerts.
fn events(dir: &Dir) -> Vec<String> {
    let text = dir.read("monitoring/events.jsonl");
    text.lines().filter(|line| !line.contains(r#""type":"alert""#)).map(str::to_owned).collect()
}

fn written(dir: &Dir, name: &str) -> bool {
    dir.path().join(name).exists()
}

#[test]
fn a_rule_stops_the_program_and_its_last_words_arrive() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    dir.write("last", LAST);
    let script = format!("trap 'cat last; exit 0' TERM; while :; do echo '{EVENT}'; echo . >> made; sleep 0.01; done");
    let ended = run(&dir, &script, &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
    let summary = summary(&ended);
    assert_eq!(summary["stopped"]["rule"], "budget");
    let message = summary["stopped"]["message"].as_str().expect("words");
    assert!(message.ends_with(" are too many"), "{message}");
    // Before it, a shell may tell of what was ended beside it.
    assert!(ended.stderr.ends_with(&format!("stopped by rule `budget`: {message}\n")), "{}", ended.stderr);
    let numbers = numbers(&events(&dir).join("\n"));
    assert_eq!(numbers.last(), Some(&99));
    // Where it was told to end, it may have written and not yet counted.
    let made = dir.read("made").lines().count();
    assert!((made + 1..=made + 2).contains(&numbers.len()), "{made} {}", numbers.len());
    assert_eq!(summary["events"], numbers.len());
    assert_eq!(summary["interrupted"], false);
    audit(&dir);
}

#[test]
fn what_does_not_end_by_itself_is_killed_with_all_that_it_has_started() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    // The run is over when nobody holds its streams any more: one that lives on writes where it can be seen.
    let stubborn = format!(
        "trap '' TERM; (sleep 20; echo alive > alive) & for n in 1 2 3 4 5; do echo '{EVENT}'; done; {ON_AND_ON}"
    );
    let ended = run(&dir, &stubborn, &["--grace", "100ms"]);
    assert_eq!((ended.code, written(&dir, "alive")), (Some(3), false), "{}", ended.whole());
    assert_eq!(events(&dir).len(), 5);
    // It ends at once, and leaves something behind that wants to end in its own time.
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    dir.write("last", LAST);
    let leaves = format!(
        "(trap 'cat last; exit' TERM; : > ready; {ON_AND_ON}) &\n\
         until [ -e ready ]; do sleep 0.01; done; for n in 1 2 3 4 5; do echo '{EVENT}'; done; sleep 60"
    );
    let ended = run(&dir, &leaves, &["--grace", "60s"]);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
    assert_eq!(numbers(&events(&dir).join("\n")), [1, 1, 1, 1, 1, 99]);
    audit(&dir);
}

#[test]
fn what_it_leaves_in_the_background_is_stopped_too() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    let ended = run(&dir, &format!("(while :; do echo '{EVENT}'; sleep 0.01; done) & exit 0"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
    assert!(events(&dir).len() >= 5);
    audit(&dir);
}

#[test]
fn a_program_that_fails_gives_its_exit_code() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    for (script, code, said) in [
        ("exit 0", 0, ""),
        ("exit 7", 7, "`sh` has failed: exit status: 7\n"),
        ("kill -9 $$", 137, "`sh` has failed: signal: 9 (SIGKILL)\n"),
    ] {
        let ended = run(&dir, &format!("echo '{EVENT}'; {script}"), &[]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), said), "{script}");
        assert_eq!(summary(&ended)["events"], 1);
    }
    assert_eq!(events(&dir).len(), 3);
    audit(&dir);
    // What has failed of the pipeline comes after: it is another's fault.
    dir.write("monitor.toml", format!("{STDIN}[sinks.no]\ntype = \"command\"\nshell = \"exit 65\"\n"));
    let ended = run(&dir, &format!("echo '{EVENT}'; exit 7"), &[]);
    assert_eq!(ended.code, Some(7), "{}", ended.whole());
    assert!(ended.stderr.contains("sink `no` did not get 1 events"), "{}", ended.stderr);
    assert_eq!(run(&dir, &format!("echo '{EVENT}'"), &[]).code, Some(1));
}

#[test]
fn one_that_cannot_be_started_is_told_before_anything_is_there() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    dir.write("no-program", "");
    for (program, said) in [
        ("no-such-program", "there is no such program in any folder of PATH"),
        ("./no-such-program", "No such file or directory (os error 2)"),
        ("./no-program", "permission denied"),
        ("/", "permission denied"),
    ] {
        let ended = dir.monitor(&["run", "--", program]);
        assert_eq!(ended.whole(), format!("exit code 1\nstderr:\nerror: failed to run `{program}`: {said}\n"));
    }
    let recordings_and_a_program = dir.monitor(&["run", "monitor.toml", "--", "true"]);
    assert_eq!(recordings_and_a_program.code, Some(64));
    assert_eq!(dir.monitor(&["run", "--grace", "1s"]).code, Some(64));
    dir.write("monitor.toml", "[sources.a]\ntype = \"file\"\npath = \"a\"\n");
    let unseen = dir.monitor(&["run", "--", "true"]);
    assert_eq!(unseen.code, Some(1));
    assert!(unseen.stderr.contains("none of its sources would see what the command does"), "{}", unseen.stderr);
    assert!(!written(&dir, "monitoring"));
}

#[test]
fn one_that_closes_its_output_and_goes_on_is_waited_for() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    let script = format!("echo '{EVENT}'; exec >&-; : > closed; until [ -e go ]; do sleep 0.01; done; exit 5");
    let child = start(&dir, &script, &[]);
    eventually("it has closed its output", &dir, || {
        written(&dir, "closed") && written(&dir, "monitoring/events.jsonl") && events(&dir).len() == 1
    });
    dir.write("go", "");
    assert_eq!(ended(child).code, Some(5));
    // And a rule ends it all the same.
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    let ended = run(&dir, &format!("for n in 1 2 3 4 5; do echo '{EVENT}'; done; exec >&-; {ON_AND_ON}"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
}

#[test]
fn whatever_it_prints_is_read_and_what_is_no_event_is_counted() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    let script = format!("echo Loading; yes '{EVENT}' | head -n 200000; echo; printf 'no line break'");
    let ended = run(&dir, &script, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.whole());
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["rejected"]), (&200_000.into(), &2.into()));
    assert_eq!(events(&dir).len(), 200_000);
    audit(&dir);
}

#[test]
fn standard_input_is_the_programs_and_so_is_standard_output_if_no_source_reads_it() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    dir.write("input", lines(0..3));
    let input = |dir: &Dir| std::fs::File::open(dir.path().join("input")).expect("a file");
    let output = dir.command(&["run", "--", "cat"]).stdin(input(&dir)).output().expect("runs");
    assert_eq!(Ended::from(output).code, Some(0));
    assert_eq!(numbers(&events(&dir).join("\n")), [0, 1, 2]);

    let dir = Dir::new();
    let followed = "[sources.app]\ntype = \"file\"\npath = \"app.jsonl\"\nfollow = true\npoll = \"60s\"\n";
    dir.write("monitor.toml", format!("{followed}{EVENTS}"));
    dir.write("input", lines(0..1_000));
    let script = "echo out; echo err >&2; cat > app.jsonl";
    let output = dir.command(&["run", "--", "sh", "-c", script]).stdin(input(&dir)).output().expect("runs");
    let ended = Ended::from(output);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "out\n"), "{}", ended.whole());
    assert!(ended.stderr.starts_with("err\n\n1,000 events in"), "{}", ended.stderr);
    // All that it has written by its end, though nobody looks for a minute.
    assert!(numbers(&events(&dir).join("\n")).into_iter().eq(0..1_000));
    audit(&dir);
}

#[test]
fn signals_are_passed_on() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let dir = Dir::new();
        dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
        let child = start(&dir, &format!("echo '{EVENT}'; : > ready; {ON_AND_ON}"), &[]);
        eventually("it runs", &dir, || written(&dir, "ready"));
        signal(&child, name);
        let end = ended(child);
        assert_eq!(end.code, Some(code), "{}", end.whole());
        assert_eq!(summary(&end)["events"], 1);

        // One that ends as it should.
        dir.write("last", LAST);
        let child = start(&dir, &format!("trap 'cat last; exit 0' INT TERM; : > steady; {ON_AND_ON}"), &[]);
        eventually("it runs", &dir, || written(&dir, "steady"));
        signal(&child, name);
        let end = ended(child);
        assert_eq!(end.code, Some(0), "{}", end.whole());
        assert_eq!(events(&dir).len(), 2);
        audit(&dir);
    }
}

#[test]
fn the_second_signal_kills() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}"));
    let child = start(&dir, &format!("trap ': > got' INT; : > ready; {ON_AND_ON}"), &["--grace", "1h"]);
    eventually("it runs", &dir, || written(&dir, "ready"));
    signal(&child, "-INT");
    eventually("it is told", &dir, || written(&dir, "got"));
    signal(&child, "-INT");
    assert_eq!(ended(child).code, Some(137));
}

#[test]
fn a_budget_that_is_used_up_is_so_after_a_restart() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}[store]\nsnapshot = true\n"));
    let script = format!("for n in 1 2 3 4 5; do echo '{EVENT}'; done; {ON_AND_ON}");
    assert_eq!(run(&dir, &script, &[]).code, Some(3));
    let again = run(&dir, ON_AND_ON, &[]);
    assert_eq!(again.code, Some(3), "{}", again.whole());
    assert_eq!(summary(&again)["stopped"]["message"], "5 are too many");
    // Where the store begins anew, so does the count.
    std::fs::remove_file(dir.path().join("monitoring/snapshot.bin")).expect("it is there");
    let anew = run(&dir, &format!("echo '{EVENT}'"), &[]);
    assert_eq!(anew.code, Some(0), "{}", anew.whole());
}

#[test]
fn a_silence_holds_back_the_alert_and_not_the_stop() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    let silence = r#"{"id":1,"rule":"*","from":"2026-01-01T00:00:00Z","until":"2999-01-01T00:00:00Z","reason":"test"}"#;
    dir.write("monitoring/silences.json", format!("[{silence}]"));
    let ended = run(&dir, &format!("for n in 1 2 3 4 5; do echo '{EVENT}'; done; {ON_AND_ON}"), &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
    assert_eq!(dir.read("monitoring/events.jsonl").lines().count(), 5);
    assert_eq!(summary(&ended)["stopped"]["message"], "5 are too many");
}

#[test]
fn without_a_program_the_run_itself_ends() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{STDIN}{EVENTS}{BUDGET}"));
    let mut child = dir.command(&["run", "--format", "json", "--log-level", "error"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut input = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, lines(0..5).as_bytes()).expect("somebody reads");
    // Standard input stays open.
    let ended = ended(child);
    drop(input);
    assert_eq!(ended.code, Some(3), "{}", ended.whole());
    assert_eq!(ended.stderr, "stopped by rule `budget`: 5 are too many\n");
    assert_eq!(events(&dir).len(), 5);
    audit(&dir);
}

#[test]
fn a_recording_is_read_as_far_as_the_rule_lets_it_each_time_the_same_and_a_replay_goes_on() {
    let dir = Dir::new();
    let line = |second: u32| format!("{{\"metric\":\"n\",\"value\":1,\"timestamp\":{}}}\n", 1_000_000 + second);
    let many: String = (0..20_000).map(line).collect();
    for name in ["one.jsonl", "other.jsonl"] {
        dir.write(name, &many);
    }
    let once = format!("data_dir = \"{{start}}\"\n{EVENTS}{BUDGET}").replace("4.5", "4000.5").replace("1h", "10d");
    // A tick a minute, at 20 s, 80 s and so on.
    for (recordings, count) in [(&["one.jsonl"][..], 21 + 67 * 60), (&["one.jsonl", "other.jsonl"], 2 * (21 + 33 * 60))]
    {
        let mut runs = Vec::new();
        for folder in ["a", "b"] {
            dir.write("monitor.toml", once.replace("{start}", folder));
            let ended = dir.monitor(&[&["run", "--format", "json"], recordings].concat());
            assert_eq!(ended.code, Some(3), "{}", ended.whole());
            let summary = summary(&ended);
            assert_eq!((&summary["interrupted"], &summary["errors"]), (&true.into(), &serde_json::json!([])));
            assert_eq!(ended.stderr, format!("stopped by rule `budget`: {count} are too many\n"));
            runs.push(dir.read(&format!("{folder}/events.jsonl")));
            std::fs::remove_dir_all(dir.path().join(folder)).expect("a folder");
        }
        assert!(runs[0] == runs[1]);
        let read = runs[0].lines().count();
        assert!((count..20_000).contains(&read), "{read}");
    }
    let replay = dir.monitor(&["replay", "-c", "monitor.toml", "one.jsonl", "--format", "json"]);
    assert_eq!(replay.code, Some(0), "{}", replay.whole());
    let summary = summary(&replay);
    assert_eq!((&summary["events"], &summary["interrupted"]), (&20_000.into(), &false.into()));
    assert_eq!(summary["stopped"]["rule"], "budget");
    let text = dir.monitor(&["replay", "-c", "monitor.toml", "one.jsonl"]).stdout;
    assert!(text.contains("told to stop at 1970-01-12T14:54:00.000000Z by rule `budget`: "), "{text}");
}
