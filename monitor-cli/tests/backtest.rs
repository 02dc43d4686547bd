//! `monitor replay` with its timeline and its comparison, and `monitor test`, as the binary runs them.

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Dir, Ended, recording};

/// Without the line that tells how fast it was.
fn steady(ended: &Ended) -> String {
    ended.whole().lines().filter(|line| !line.contains(" in (")).map(|line| format!("{line}\n")).collect()
}

fn answer(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ended.whole()))
}

fn log() -> String {
    recording("afterimage.log.gz").display().to_string()
}

/// `recommended` with later limits, without one of its rules, and with one of its own.
const OLD: &str = r#"
presets = ["recommended"]

[alerts.slow_calls]
above = 40

[alerts.failing_calls]
enabled = false

[alerts.failed]
type = "threshold"
metric = "success_rate"
below = 0.9
by = ["operation"]
min_samples = 50
"#;

#[test]
fn what_would_have_fired_as_table_and_chart() {
    insta::assert_snapshot!(steady(&Dir::new().monitor(&["replay", "--preset", "recommended", &log()])));
}

#[test]
fn the_timeline_as_json() {
    let dir = Dir::new();
    dir.write("rules.toml", "presets = [\"recommended\"]");
    let preset = answer(&dir.monitor(&["replay", "--preset", "recommended", "--format", "json", &log()]));
    insta::assert_snapshot!(format!("{:#}", preset["incidents"]));
    assert_eq!((&preset["events"], &preset["alerts_left_out"]), (&json!(4_650), &json!(0)));
    // All three names of the option.
    for flag in ["--rules", "--config", "-c"] {
        let rules = answer(&dir.monitor(&["replay", flag, "rules.toml", "--format", "json", &log()]));
        assert_eq!(rules["incidents"], preset["incidents"], "{flag}");
    }
}

#[test]
fn two_sets_of_rules_as_one_comparison() {
    let dir = Dir::new();
    dir.write("old.toml", OLD);
    dir.write("new.toml", "presets = [\"recommended\"]");
    insta::assert_snapshot!(dir.monitor(&["replay", &log(), "--rules", "new.toml", "--against", "old.toml"]).whole());
}

#[test]
fn the_comparison_as_json() {
    let dir = Dir::new();
    dir.write("old.toml", OLD);
    let arguments = ["replay", &log(), "--preset", "recommended", "--against", "old.toml", "--format", "json"];
    let comparison = answer(&dir.monitor(&arguments));
    for (part, preset) in [("rules", "recommended"), ("against", "old.toml")] {
        let alone = match preset {
            "recommended" => dir.monitor(&["replay", &log(), "--preset", preset, "--format", "json"]),
            file => dir.monitor(&["replay", &log(), "--rules", file, "--format", "json"]),
        };
        assert_eq!(comparison[part]["incidents"], answer(&alone)["incidents"], "{part}");
    }
    // Every incident of either is in the difference, or is the same in both.
    let timeline = |part: &str| comparison[part]["incidents"].as_array().expect("a list").clone();
    let difference = comparison["difference"].as_array().expect("a list");
    let listed = |part: &str, incident: &Value| difference.iter().any(|one| one[part] == *incident);
    for (part, other) in [("rules", "against"), ("against", "rules")] {
        for incident in timeline(part) {
            let same = timeline(other).iter().any(|known| {
                ["rule", "labels", "fired", "until", "level"].iter().all(|key| known[*key] == incident[*key])
            });
            assert!(same != listed(part, &incident), "{part} {incident}");
        }
    }
}

#[test]
fn rules_that_do_the_same() {
    let dir = Dir::new();
    dir.write("same.toml", "presets = [\"recommended\"]");
    let same = dir.monitor(&["replay", &log(), "--preset", "recommended", "--against", "same.toml"]);
    assert!(same.code == Some(0) && same.stdout.contains("no incident differs"), "{}", same.whole());
    dir.write("none.toml", "");
    let none = dir.monitor(&["replay", &log(), "--rules", "none.toml", "--against", "none.toml"]);
    assert!(none.code == Some(0) && none.stdout.contains("no rule fires"), "{}", none.whole());
    // What can be read once only.
    let pipe = dir.monitor(&["replay", "/dev/null", "--against", "same.toml"]);
    insta::assert_snapshot!(pipe.whole());
    assert_eq!(dir.monitor(&["replay", &log(), "--against", "nowhere.toml"]).code, Some(78));
}

#[test]
fn a_chart_of_those_that_fired_of_a_thousand_rules() {
    let dir = Dir::new();
    let rule = |at: usize| {
        let limit = if at % 500 == 7 { 1 } else { 10 };
        format!("[alerts.rule_{at}]\ntype = \"threshold\"\nmetric = \"m\"\nabove = {limit}\nwindow = \"30s\"\n")
    };
    dir.write("rules.toml", (0..1_000).map(rule).collect::<String>());
    dir.write("in.jsonl", line(0, 2) + &line(200, 0));
    let ended = dir.monitor(&["replay", "in.jsonl", "--rules", "rules.toml"]);
    let chart: Vec<&str> = ended.stdout.lines().filter(|line| line.contains('█')).map(str::trim).collect();
    assert_eq!((chart.len(), ended.code), (2, Some(0)), "{}", ended.whole());
    assert!(chart[0].starts_with("rule_507") && chart[1].starts_with("rule_7"), "{chart:?}");
}

#[test]
fn a_timeline_that_is_not_complete_says_so() {
    let dir = Dir::new();
    dir.write(
        "rules.toml",
        "metrics_interval = \"1s\"\n[alerts.often]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nwindow = \"4h\"\nrepeat_every = \"1s\"",
    );
    dir.write("in.jsonl", line(0, 2) + &line(10_100, 2));
    let ended = dir.monitor(&["replay", "in.jsonl", "--rules", "rules.toml"]);
    assert!(
        ended.stdout.contains("\nthe first 10,000 messages are told above, and 101 more are not\n"),
        "{}",
        ended.stdout
    );
}

/// A metric, so many seconds after the start.
fn line(second: i64, value: i64) -> String {
    let second = 1_767_225_600 + second;
    format!("{{\"type\":\"metric\",\"metric\":\"m\",\"value\":{value},\"timestamp\":{second}}}\n")
}

#[test]
fn our_own_presets_pass_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-alerts/tests");
    let names = std::fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let tests: Vec<PathBuf> = names.filter(|path| path.to_string_lossy().ends_with(".test.toml")).collect();
    assert!(tests.len() >= 2, "{tests:?}");
    let files: Vec<String> = tests.iter().map(|path| path.display().to_string()).collect();
    let arguments: Vec<&str> = std::iter::once("test").chain(files.iter().map(String::as_str)).collect();
    let ended = Dir::new().monitor(&arguments);
    assert!(ended.code == Some(0) && ended.stdout.contains(" 0 failed"), "{}", ended.whole());
}

/// Rules with everything that a test can look at.
const RULES: &str = r#"
metrics_interval = "30s"

[alerts.deep]
type = "threshold"
metric = "queue_depth"
aggregate = "last"
window = "1m"
above = 10
critical = 100
for = "1m"
by = ["model_name"]
labels = { team = "a" }
message = "{{ labels.model_name }} has {{ last | number(0) }} to do"

[alerts.calls]
type = "threshold"
metric = "success_rate"
below = 0.5
window = "1m"
"#;

#[test]
fn states_levels_groups_and_messages_as_expected() {
    let dir = Dir::new();
    dir.write("rules.toml", RULES);
    dir.write(
        "calls.jsonl",
        "{\"type\":\"generation\",\"duration\":1,\"success\":false,\"timestamp\":\"2026-05-04T14:00:10Z\"}\n\
         {\"type\":\"generation\",\"duration\":1,\"success\":true,\"timestamp\":\"2026-05-04T14:02:00Z\"}\n",
    );
    dir.write(
        "rules.test.toml",
        r#"
rules = ["rules.toml"]

[[test]]
name = "pending, firing, critical, over"
messages = [
    { at = "1m", rule = "deep", labels = { model_name = "a" }, state = "firing", level = "warning", message = "a has 20 to do" },
    { at = "1m 30s", rule = "deep", labels = { model_name = "a" }, state = "firing", level = "critical" },
    { at = "3m", rule = "deep", labels = { model_name = "a" }, state = "resolved", message = "deep resolved after 3m" },
]

[[test.input]]
metric = "queue_depth"
labels = { model_name = "a" }
values = "20x2 200x2 1x3"

[[test.input]]
metric = "queue_depth"
labels = { model_name = "b" }
values = "0+1x10"

[[test.expect]]
at = "59s"
rule = "deep"
labels = { model_name = "a" }
state = "pending"
level = "warning"

[[test.expect]]
at = "1m 30s"
rule = "deep"
labels = { model_name = "a" }
state = "firing"
level = "critical"
message = "a has 200 to do"

[[test.expect]]
at = "3m"
rule = "deep"
labels = { model_name = "a" }
state = "inactive"
message = "deep resolved after 3m"

[[test.expect]]
at = "2m"
rule = "deep"
labels = { model_name = "b" }
state = "inactive"

[[test]]
name = "events of a file, from their own beginning, at an interval of its own"
interval = "10s"
messages = [
    { at = "0s", rule = "calls", state = "firing" },
    { at = "1m 10s", rule = "calls", state = "resolved" },
]

[[test.input]]
file = "calls.jsonl"

[[test]]
name = "no data in the middle"
start = "2026-03-01T00:00:00Z"

[[test.input]]
metric = "success_rate"
values = "0 _x4 0"

[[test.expect]]
at = "1m"
rule = "calls"
state = "firing"

[[test.expect]]
at = "2m"
rule = "calls"
state = "inactive"

[[test.expect]]
at = "2m 30s"
rule = "calls"
state = "firing"
"#,
    );
    let ended = dir.monitor(&["test", "rules.test.toml"]);
    assert_eq!(ended.code, Some(0));
    insta::assert_snapshot!(ended.whole());
}

#[test]
fn the_keys_of_a_file_of_tests() {
    insta::assert_snapshot!(Dir::new().monitor(&["explain", "test"]).stdout);
}

#[test]
fn what_was_not_as_expected() {
    let dir = Dir::new();
    dir.write("rules.toml", RULES);
    dir.write(
        "rules.test.toml",
        r#"
rules = ["rules.toml"]

[[test]]
name = "wrong in every way"
messages = [
    { at = "1m", rule = "deep", labels = { model_name = "a" }, state = "resolved" },
    { at = "2m", rule = "calls", state = "firing" },
]

[[test.input]]
metric = "queue_depth"
labels = { model_name = "a" }
values = "20x6"

[[test.expect]]
at = "30s"
rule = "deep"
labels = { model_name = "a" }
state = "firing"

[[test.expect]]
at = "1m"
rule = "deep"
labels = { model_name = "a" }
state = "firing"
level = "critical"
message = "a has 21 to do"

[[test.expect]]
at = "1m"
rule = "deep"
state = "pending"

[[test]]
name = "a metric that is misspelt"

[[test.input]]
metric = "sucess_rate"
values = "0x9"

[[test.expect]]
at = "2m"
rule = "calls"
state = "firing"

[[test]]
name = "right"
messages = []
"#,
    );
    let ended = dir.monitor(&["test", "rules.test.toml"]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!(ended.whole());
    let json = answer(&dir.monitor(&["test", "rules.test.toml", "--format", "json"]));
    assert_eq!((&json["passed"], &json["failed"]), (&json!(1), &json!(2)));
    insta::assert_snapshot!("what_was_not_as_expected_as_json", format!("{:#}", json["tests"][0]["failures"][0]));
}

#[test]
fn mistakes_of_a_file_of_tests() {
    let dir = Dir::new();
    dir.write("rules.toml", RULES);
    dir.write("same.toml", RULES);
    dir.write(
        "meaning.test.toml",
        r#"rules = ["rules.toml", "same.toml"]

[[test]]
name = "expects nothing"
interval = "0s"

[[test]]
name = "unknown names"
messages = [{ at = "1m", rule = "weather", state = "firing" }]
input = [
    { metric = "m", values = "1 2y3" },
    { metric = "m", labels = { model = "a" }, values = "1" },
    { metric = "m" },
    { file = "x.jsonl", every = "1s" },
    { labels = { model_name = "a" } },
    { metric = "m", every = "0s", values = "1" },
    { metric = "m", values = "stale" },
]

[[test.expect]]
at = "1m"
rule = "deeep"
state = "firing"
"#,
    );
    dir.write("key.test.toml", "rules = [\"rules.toml\"]\n\n[[test]]\nname = \"a\"\nintervall = \"1m\"\n");
    dir.write("top.test.toml", "rule = [\"rules.toml\"]\n");
    dir.write(
        "state.test.toml",
        "rules = [\"rules.toml\"]\n[[test]]\nname = \"a\"\n[[test.expect]]\nat = 5\nrule = \"deep\"\nstate = \"on\"\n",
    );
    dir.write("nothing.test.toml", "test = []\n");
    dir.write("preset.test.toml", "presets = [\"refrence\"]\ntest = []\n");
    dir.write("broken.toml", "[alerts.a]\ntype = \"treshold\"\n");
    dir.write("broken.test.toml", "rules = [\"broken.toml\"]\ntest = []\n");
    dir.write("syntax.test.toml", "rules = [\n");
    for name in ["meaning", "key", "top", "state", "nothing", "preset", "broken", "syntax", "missing"] {
        let ended = dir.monitor(&["test", &format!("{name}.test.toml")]);
        assert_eq!(ended.code, Some(78), "{name}: {}", ended.whole());
        insta::assert_snapshot!(format!("a_file_of_tests_{name}"), ended.whole());
    }
}

#[test]
fn inputs_that_cannot_be_read_fail_at_run_time() {
    let dir = Dir::new();
    dir.write("bad.jsonl", format!("{}\nno event\n", line(0, 1).trim()));
    let test = |file: &str| {
        format!(
            "presets = [\"recommended\"]\n[[test]]\nname = \"a\"\nmessages = []\n[[test.input]]\nfile = \"{file}\"\n"
        )
    };
    dir.write("bad.test.toml", test("bad.jsonl"));
    dir.write("missing.test.toml", test("nowhere.jsonl"));
    // From the start that it names to the events of its file there are more evaluations than anybody waits for.
    dir.write("late.jsonl", line(0, 1));
    dir.write("late.test.toml", test("late.jsonl").replace("messages", "start = \"1971-01-01T00:00:00Z\"\nmessages"));
    for name in ["bad", "missing", "late"] {
        let ended = dir.monitor(&["test", &format!("{name}.test.toml")]);
        assert_eq!(ended.code, Some(1), "{}", ended.whole());
        insta::assert_snapshot!(format!("an_input_{name}"), ended.stderr);
    }
}
