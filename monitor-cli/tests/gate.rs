//! Recordings held against rules: what breaks one, what does not, and how it is told.

mod support;

use serde_json::Value;
use support::{Dir, recording};

const MEAN: &str = "metrics_interval = \"10s\"\ntimezone = \"UTC\"\n[alerts.mean]\ntype = \"threshold\"\nmetric = \"n\"\nwindow = \"10s\"\n";

/// A value a second from noon on.
fn recorded(values: &[f64]) -> String {
    let line = |(at, value)| format!("{{\"metric\":\"n\",\"value\":{value},\"timestamp\":{}}}\n", 1_777_896_000 + at);
    values.iter().enumerate().map(line).collect()
}

fn gate(dir: &Dir, rules: &str) -> (Option<i32>, Value) {
    dir.write("slo.toml", rules);
    let ended = dir.monitor(&["gate", "run.jsonl", "--rules", "slo.toml", "--format", "json"]);
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.whole()));
    (ended.code, report)
}

#[test]
fn a_rule_is_broken_if_it_fired_at_any_time() {
    let dir = Dir::new();
    // Twenty good ones, ten bad ones, thirty good ones.
    let values: Vec<f64> = (0..60).map(|at| if (20..30).contains(&at) { 9.0 } else { 1.0 }).collect();
    dir.write("run.jsonl", recorded(&values));
    let (code, report) = gate(&dir, &format!("{MEAN}above = 5\n"));
    assert_eq!((code, &report["open"], &report["events"]), (Some(2), &false.into(), &60.into()));
    let rule = &report["rules"][0];
    assert_eq!((&rule["state"], &rule["broken"]["times"]), (&"broken".into(), &1.into()));
    assert_eq!(rule["broken"]["since"], "2026-05-04T12:00:30.000000Z");
    // Of the ticks, at 10 s, 20 s and so on, and both ends of a window count.
    let mean = |until: usize| {
        values[until - 10..=until.min(59)].iter().sum::<f64>() / (11.0 - f64::from(u8::from(until == 60)))
    };
    let worst = (1..=5).map(|tick| mean(tick * 10)).fold(f64::MIN, f64::max);
    assert_eq!((rule["worst"]["value"].as_f64(), rule["limit"].as_f64()), (Some(worst), Some(5.0)));
    assert_eq!((&rule["last"]["value"], &rule["last"]["time"]), (&1.0.into(), &"2026-05-04T12:00:59.000000Z".into()));

    let (code, report) = gate(&dir, &format!("{MEAN}above = 9\n"));
    assert_eq!((code, &report["open"], &report["rules"][0]["state"]), (Some(0), &true.into(), &"ok".into()));
    assert_eq!(report["rules"][0]["worst"]["value"].as_f64(), Some(worst));
    // For longer than it lasted.
    assert_eq!(gate(&dir, &format!("{MEAN}above = 5\nfor = \"30s\"\n")).0, Some(0));
    // From below, the worst is the smallest.
    let (code, report) = gate(&dir, &format!("{MEAN}below = 0.5\n"));
    assert_eq!((code, report["rules"][0]["worst"]["value"].as_f64()), (Some(0), Some(1.0)));
}

#[test]
fn the_end_counts_also_between_two_ticks() {
    let dir = Dir::new();
    dir.write("run.jsonl", recorded(&[1.0, 9.0, 9.0]));
    let (code, report) = gate(&dir, &format!("{MEAN}above = 5\n").replace("10s\"\nt", "1h\"\nt"));
    assert_eq!((code, &report["rules"][0]["broken"]["since"]), (Some(2), &"2026-05-04T12:00:02.000000Z".into()));
}

#[test]
fn no_data_breaks_nothing_unless_it_is_to() {
    let dir = Dir::new();
    dir.write("run.jsonl", recorded(&[1.0; 30]));
    let other = format!("{MEAN}above = 5\n").replace("\"n\"", "\"other\"");
    let (code, report) = gate(&dir, &other);
    assert_eq!((code, &report["rules"][0]["state"]), (Some(0), &"no_data".into()));
    let (code, report) = gate(&dir, &format!("{other}no_data = \"alert\"\n"));
    assert_eq!((code, &report["rules"][0]["state"]), (Some(2), &"broken".into()));
    // Too little is none.
    let (code, report) = gate(&dir, &format!("{MEAN}above = 0.5\nmin_samples = 100\n"));
    assert_eq!((code, &report["rules"][0]["state"]), (Some(0), &"no_data".into()));
}

#[test]
fn the_worst_is_the_farthest_out_whichever_limit_it_is_past() {
    let dir = Dir::new();
    // Of the means over 10 s, 2.9 is farther past 1 than 3.1 is past 3.
    let values: Vec<f64> = (0..40).map(|at| [1.0, 2.9, 3.1, 0.5][at / 10]).collect();
    dir.write("run.jsonl", recorded(&values));
    let last = MEAN.replace("window", "aggregate = \"last\"\nwindow");
    let worst = |rules: &str| {
        let (code, report) = gate(&dir, &format!("{last}{rules}"));
        let rule = &report["rules"][0];
        (code, rule["worst"]["value"].as_f64(), rule["limit"].as_f64(), rule["level"].to_string())
    };
    let critical = (Some(2), Some(3.1), Some(3.0), "\"critical\"".to_owned());
    assert_eq!(worst("above = 1\ncritical = 3\n"), critical);
    assert_eq!(worst("above = 1\ncritical = 3\nlevel = \"critical\"\n"), critical);
    let from_below = (Some(2), Some(0.5), Some(0.6), "\"critical\"".to_owned());
    assert_eq!(worst("below = 2.95\ncritical = 0.6\n"), from_below);
    // The budget would not last at the rate of the first seconds; the most that was used is what was used at the end.
    let budget = "metrics_interval = \"10s\"\n[alerts.spent]\ntype = \"budget\"\nmetric = \"n\"\nlimit = 10_000\n\
                  period = \"hour\"\nwindow = \"10s\"\nforecast = true\n";
    let (code, report) = gate(&dir, budget);
    let used = report["rules"][0]["worst"]["value"].as_f64();
    assert_eq!((code, used.map(f64::round)), (Some(2), Some(values.iter().sum::<f64>().round())), "{report:#}");
}

#[test]
fn a_misspelt_metric_closes_the_gate() {
    let dir = Dir::new();
    dir.write("run.jsonl", recorded(&[1.0; 30]).replace("\"n\"", "\"errors\""));
    let rules = MEAN.replace("\"n\"", "\"erors\"") + "above = 5\n";
    let (code, report) = gate(&dir, &rules);
    let rule = &report["rules"][0];
    assert_eq!((code, &report["open"], &rule["state"]), (Some(2), &false.into(), &"doubtful".into()));
    assert_eq!(rule["doubt"], "no metric `erors`; did you mean `errors`?");
    let told = |format| dir.monitor(&["gate", "run.jsonl", "--rules", "slo.toml", "--format", format]);
    let text = told("text");
    assert_eq!((text.code, text.stderr.as_str()), (Some(2), "1 rule is broken\n"));
    assert!(text.stdout.ends_with("doubtful\nmean: no metric `erors`; did you mean `errors`?\n"), "{}", text.stdout);
    let junit = told("junit");
    let failure = "<failure message=\"no metric `erors`; did you mean `errors`?\" type=\"doubtful\">";
    assert!(junit.stdout.contains("failures=\"1\"") && junit.stdout.contains(failure), "{}", junit.stdout);
    // Also where the rule reads a number all the same.
    let ratio = "[alerts.mean]\ntype = \"ratio\"\nof = \"erors\"\nover = \"errors\"\nabove = 0.5\n";
    let (code, report) = gate(&dir, ratio);
    assert_eq!((code, &report["rules"][0]["worst"]["value"]), (Some(2), &0.0.into()), "{report:#}");
}

#[test]
fn nothing_holds_back_what_is_broken_and_alerts_of_the_recording_are_not_its_own() {
    let dir = Dir::new();
    let alert = r#"{"type":"alert","timestamp":"2026-05-04T12:00:05Z","name":"other","state":"firing","level":"error","message":"","labels":{},"value":9.0,"data":null,"since":"2026-05-04T12:00:05Z","key":"k"}"#;
    dir.write("run.jsonl", format!("{}{alert}\n", recorded(&[9.0; 30])));
    let rules = format!(
        "{MEAN}above = 5\nmutes = [\"muted\"]\n[alerts.muted]\ntype = \"threshold\"\nmetric = \"n\"\nabove = 5\n\
         [alerts.other]\ntype = \"threshold\"\nmetric = \"n\"\nabove = 10\n\
         [notify]\nquiet = [\"00:00-24:00\"]\nurgent = \"critical\"\nat_most = 1\n"
    );
    let (code, report) = gate(&dir, &rules);
    let states: Vec<&str> =
        report["rules"].as_array().expect("rules").iter().filter_map(|rule| rule["state"].as_str()).collect();
    assert_eq!((code, states), (Some(2), vec!["broken", "broken", "ok"]), "{report:#}");
}

#[test]
fn what_cannot_be_held_against_anything_is_an_error() {
    let dir = Dir::new();
    dir.write("run.jsonl", "no event\n");
    dir.write("none.toml", "");
    dir.write("slo.toml", format!("{MEAN}above = 5\n"));
    let no_rule = dir.monitor(&["gate", "run.jsonl", "--rules", "none.toml"]);
    assert_eq!(no_rule.whole(), "exit code 78\nstderr:\nerror: `none.toml` has no rule to hold the data against\n");
    let no_event = dir.monitor(&["gate", "run.jsonl", "--rules", "slo.toml"]);
    assert_eq!(no_event.code, Some(1), "{}", no_event.whole());
    assert!(no_event.stderr.contains("there is no event in it"), "{}", no_event.stderr);
    assert_eq!(dir.monitor(&["gate", "no-such", "--rules", "slo.toml"]).code, Some(1));
    assert_eq!(dir.monitor(&["gate", "run.jsonl"]).code, Some(64));
    assert_eq!(dir.monitor(&["gate", "run.jsonl", "--rules", "no-such.toml"]).code, Some(78));
    assert!(!dir.path().join("monitoring").exists());
}

#[test]
fn the_recorded_run_in_a_table() {
    let dir = Dir::new();
    dir.write("slo.toml", "timezone = \"UTC\"\npresets = [\"recommended\"]\n[alerts.nothing]\ntype = \"threshold\"\nmetric = \"nothing\"\nabove = 1\n");
    let run = recording("afterimage.log.gz");
    let ended = dir.monitor(&["gate", run.to_str().expect("a name"), "--rules", "slo.toml"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), "2 rules are broken\n"));
    let lines: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let line = |rule: &str| lines.iter().find(|line| line[0] == rule).unwrap_or_else(|| panic!("{}", ended.stdout));
    assert_eq!(line("failing_calls")[4..], ["0.9", "broken", "2026-05-04", "14:12:00"]);
    assert_eq!(line("slow_calls")[4..], ["15", "broken", "2026-05-04", "14:21:00"]);
    assert_eq!(line("nothing")[1..], ["warning", "–", "–", "–", "no", "data"]);
    assert!(ended.stdout.contains("\nslow_calls: Half of the generations take 32s or longer\n"), "{}", ended.stdout);
}

/// What Python's reader of XML finds.
#[cfg(feature = "real-components")]
#[test]
fn ci_systems_read_it() {
    const READ: &str = r#"
import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
suites = [dict(suite.attrib) for suite in root.iter("testsuite")]
cases = {case.get("name"): [[child.tag, child.get("message"), child.get("type")] for child in case] for case in root.iter("testcase")}
print(json.dumps([suites, cases]))
"#;
    let dir = Dir::new();
    dir.write("run.jsonl", recorded(&[9.0; 30]));
    let message = r#"message = "<b> & \"c\" \u0007 ]]> ö""#;
    let fine = "[alerts.fine]\ntype = \"threshold\"\nmetric = \"n\"\nabove = 10\n[alerts.none]\ntype = \"threshold\"\nmetric = \"nothing\"\nabove = 1\n";
    dir.write("a&b.toml", format!("{MEAN}above = 5\n{message}\n{fine}"));
    let ended = dir.monitor(&["gate", "run.jsonl", "--rules", "a&b.toml", "--format", "junit"]);
    assert_eq!(ended.code, Some(2), "{}", ended.whole());
    let read = support::python(READ, &[dir.write("gate.xml", &ended.stdout)]);
    assert_eq!(
        read,
        serde_json::json!([
            [{ "name": "a&b.toml", "tests": "3", "failures": "1", "errors": "0", "skipped": "1" }],
            {
                "mean": [["failure", "<b> & \"c\" \u{fffd} ]]> ö", "warning"]],
                "fine": [["system-out", null, null]],
                "none": [["skipped", "no data", null]],
            },
        ])
    );
}
