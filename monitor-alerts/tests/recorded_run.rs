//! The presets over the recorded run: what fires, and when it resolves.

use std::path::{Path, PathBuf};

use monitor_core::component::{Registry, SourceConfig};
use monitor_core::config::Config;
use monitor_core::pipeline::Builder;
use monitor_core::sources::file;
use monitor_core::{AlertState, Body, Event, Zone};

/// Replays a recording under a configuration: the alerts.
fn alerts(rules: &str, recording: &str) -> Vec<Event> {
    let mut registry = Registry::new();
    monitor_alerts::register(&mut registry).expect("no type twice");
    let text = format!("timezone = \"UTC\"\n{rules}");
    let config = Config::parse(&text, "test", PathBuf::new(), &registry).expect("the rules are valid");
    let builder = Builder::for_replay(config).expect("opens");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run").join(recording);
    let source = file::Config::once(vec![path]).open(&builder.context(&"recording".into())).expect("is there");
    builder.source("recording", source).start().expect("starts").wait().alerts
}

/// Replays a recording under a preset: `HH:MM state level name: message` for every change.
fn replay(preset: &str, recording: &str) -> Vec<String> {
    let line = |event: &Event| match &event.body {
        Body::Alert(alert) => {
            let time = event.time.to_local(&Zone::UTC).format("%H:%M");
            format!("{time} {} {} {}: {}", alert.state.as_str(), alert.level, alert.name, alert.message)
        }
        _ => unreachable!("rules make alerts"),
    };
    alerts(&format!("presets = [\"{preset}\"]"), recording).iter().map(line).collect()
}

#[test]
fn the_reference_preset_over_the_references_samples() {
    // The reference's own check fires `high_error_rate` 27 times here, for its samples say that every call fails.
    assert_eq!(
        replay("reference", "metrics.jsonl.gz"),
        [
            "14:01 firing error high_error_rate: Error rate increased to 100.0%",
            "14:23 firing warning high_generation_time: Average generation time: 54.1s",
            "14:26 resolved warning high_generation_time: high_generation_time resolved after 3m",
        ]
    );
}

#[test]
fn the_reference_preset_over_the_events() {
    assert_eq!(
        replay("reference", "afterimage.log.gz"),
        [
            "14:23 firing warning high_generation_time: Average generation time: 54.1s",
            "14:26 resolved warning high_generation_time: high_generation_time resolved after 3m",
        ]
    );
}

#[test]
fn the_recommended_preset_tells_of_each_incident_once() {
    // The quota storm lasts from 14:10 to 14:13, the slowdown from 14:18 to 14:24.
    for recording in ["afterimage.log.gz", "metrics.jsonl.gz"] {
        assert_eq!(replay("recommended", recording), RECOMMENDED, "{recording}");
    }
}

const RECOMMENDED: [&str; 4] = [
    "14:12 firing error failing_calls: 16.3% of 215 generations failed within 2 minutes",
    "14:17 resolved error failing_calls: failing_calls resolved after 5m",
    "14:21 firing warning slow_calls: Half of the generations take 32s or longer",
    "14:28 resolved warning slow_calls: slow_calls resolved after 7m",
];

/// The Python class as its later version checks: every minute, and an alert at each minute at which a condition holds.
#[test]
fn rules_that_repeat_themselves_fire_at_the_minutes_of_the_reference() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run/golden.json");
    let golden = std::fs::read_to_string(golden).expect("the golden file");
    let golden: serde_json::Value = serde_json::from_str(&golden).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let minutes = golden["minutes"].as_array().expect("a list");
    let mut expected: Vec<[String; 4]> = minutes
        .iter()
        .flat_map(|minute| minute["alerts"].as_array().expect("a list").iter().map(move |alert| (minute, alert)))
        .map(|(minute, alert)| {
            [text(&minute["now"]), text(&alert["name"]), text(&alert["level"]), text(&alert["message"])]
        })
        .collect();
    assert_eq!((minutes.len(), expected.len()), (28, 30));
    let firing = |event: &Event| match &event.body {
        Body::Alert(alert) if alert.state == AlertState::Firing => {
            let minute = event.time.to_local(&Zone::UTC).format("%Y-%m-%dT%H:%M:%S").to_string();
            Some([minute, alert.name.to_string(), alert.level.to_string(), alert.message.to_string()])
        }
        _ => None,
    };
    let found = alerts(include_str!("imitation.toml"), "metrics.jsonl.gz");
    let mut found: Vec<[String; 4]> = found.iter().filter_map(firing).collect();
    // Within a minute they come in no order.
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
