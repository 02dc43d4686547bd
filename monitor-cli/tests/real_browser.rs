//! Reports in a real browser: nothing is requested, nothing is reported, tables sort, charts tell their values, and axe-core finds no
//! serious fault.
//!
//! Needs the feature `real-components`, `apt-get install chromium`, node, and `npm install playwright-core axe-core` in a folder that
//! `MONITOR_TEST_NODE` names. `MONITOR_TEST_SCREENSHOTS` names a folder for pictures, to be looked at.
#![cfg(feature = "real-components")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::Dir;

fn recording(name: &str) -> String {
    support::recording(name).to_string_lossy().into_owned()
}

/// What the browser tells of a report.
fn opened(report: &Path) -> Value {
    let modules = std::env::var("MONITOR_TEST_NODE").unwrap_or_else(|_| ".".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_browser/page.mjs");
    let screenshots = std::env::var("MONITOR_TEST_SCREENSHOTS").ok();
    let name = report.file_stem().unwrap_or_default();
    let pictures = screenshots.map(|folder| PathBuf::from(folder).join(name));
    let output = Command::new("node").arg(script).arg(modules).arg(report).args(pictures).output();
    let needed = "apt-get install chromium nodejs; npm install playwright-core axe-core, and name the folder in MONITOR_TEST_NODE";
    let output = output.unwrap_or_else(|error| panic!("node: {error}; {needed}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{needed}:\n{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What holds of every report.
fn is_sound(told: &Value) {
    let none = serde_json::json!([]);
    assert_eq!(told["messages"], none, "of the console");
    assert_eq!(told["requests"], none);
    assert_eq!(told["dialogs"], 0);
    assert_eq!(told["images"], 0);
    assert_eq!(told["scripts"], 1);
    assert_eq!(told["unsorted"], none);
    for (width, overflow) in told["overflow"].as_object().expect("widths") {
        assert!(overflow.as_i64().is_some_and(|overflow| overflow <= 0), "{width} is too narrow by {overflow}");
    }
    for (scheme, faults) in told["axe"].as_object().expect("schemes") {
        let grave = |fault: &&Value| fault["impact"] == "serious" || fault["impact"] == "critical";
        let grave: Vec<_> = faults.as_array().expect("faults").iter().filter(grave).collect();
        assert!(grave.is_empty(), "{scheme}: {grave:#?}");
    }
    for chart in told["charts"].as_array().expect("charts") {
        let told = chart["tip"].as_str().is_some_and(|tip| tip.chars().any(|letter| letter.is_ascii_digit()));
        let by_key = chart["byKey"].as_str().is_some_and(|tip| !tip.is_empty());
        assert!(told && by_key && chart["zooms"] == true && chart["resets"] == true, "{chart:#}");
    }
}

#[test]
fn the_recorded_run() {
    let dir = Dir::new();
    let made = dir.monitor(&["report", &recording("afterimage.log.gz"), "--out", "report.html"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let told = opened(&dir.path().join("report.html"));
    is_sound(&told);
    assert_eq!(told["keyboard"], true);
    assert!(told["charts"].as_array().is_some_and(|charts| charts.len() >= 10), "{}", told["charts"]);
    assert!(told["still"]["text"].as_u64().is_some_and(|letters| letters > 3_000), "{}", told["still"]);
    let success = told["charts"].as_array().into_iter().flatten().find(|chart| chart["title"] == "Success rate");
    let tip = success.and_then(|chart| chart["byKey"].as_str()).expect("a chart of the success rate");
    assert!(tip.starts_with("2026-05-04 14:00:"), "{tip}");
}

#[test]
fn two_runs() {
    let dir = Dir::new();
    let [a, b] = ["afterimage.log.gz", "metrics.jsonl.gz"].map(recording);
    let made = dir.monitor(&["report", &a, &b, "--out", "two.html", "--theme", "light"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let told = opened(&dir.path().join("two.html"));
    is_sound(&told);
    assert_eq!(told["title"], "metrics.jsonl.gz against afterimage.log.gz");
}

/// Names, errors and scores that would be markup, a script or a template are shown as they are.
#[test]
fn what_looks_like_markup_stays_text() {
    let dir = Dir::new();
    let evil = "</td></script><script>alert(1)</script><img src=x onerror=alert(2)>\\\" onmouseover=alert(3) x=\\\"{{ 7 * 7 }}";
    let lines = [
        format!(
            r#"{{"type":"generation","timestamp":"2026-05-04T14:00:00Z","duration":2.5,"success":true,"model_name":"{evil}","finish_reason":"{evil}","prompt_token_count":420,"completion_token_count":610,"metadata":{{"operation":"{evil}"}}}}"#
        ),
        format!(
            r#"{{"type":"generation","timestamp":"2026-05-04T14:01:00Z","duration":9.5,"success":false,"error":"{evil}","metadata":{{"error_type":"{evil}"}}}}"#
        ),
        format!(
            r#"{{"type":"evaluation","timestamp":"2026-05-04T14:02:00Z","duration":1.9,"success":true,"evaluator_type":"{evil}","scores":{{"{evil}":{{"score":0.2,"feedback":"{evil}"}},"b":0.9}}}}"#
        ),
        format!(r#"{{"type":"metric","metric":"{evil}","value":3,"timestamp":"2026-05-04T14:03:00Z"}}"#),
        format!(
            r#"{{"type":"alert","timestamp":"2026-05-04T14:03:40Z","name":"{evil}","state":"firing","level":"critical","message":"{evil}","labels":{{}},"value":3,"since":"2026-05-04T14:03:00Z","key":"k"}}"#
        ),
        "no event <script>alert(4)</script>".to_owned(),
    ];
    dir.write("<b>run.jsonl", lines.join("\n"));
    let made = dir.monitor(&["report", "<b>run.jsonl", "--out", "evil.html", "--title", "<u>a \u{202e}title"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let told = opened(&dir.path().join("evil.html"));
    is_sound(&told);
    assert_eq!(told["title"], "<u>a \u{fffd}title");
    assert!(!dir.read("evil.html").contains("49 "), "a template was filled in");
}
