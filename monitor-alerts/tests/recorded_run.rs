//! The presets over the recorded run: what fires, and when it resolves.

use std::path::{Path, PathBuf};

use monitor_core::component::{Registry, SourceConfig};
use monitor_core::config::Config;
use monitor_core::pipeline::Builder;
use monitor_core::sources::file;
use monitor_core::{Body, Zone};

/// Replays a recording under a preset: `HH:MM state name message` for every change.
fn replay(preset: &str, recording: &str) -> Vec<String> {
    let mut registry = Registry::new();
    monitor_alerts::register(&mut registry).expect("no type twice");
    let text = format!("presets = [\"{preset}\"]\ntimezone = \"UTC\"");
    let config = Config::parse(&text, "test", PathBuf::new(), &registry).expect("the preset is valid");
    let builder = Builder::for_replay(config).expect("opens");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run").join(recording);
    let source = file::Config::once(vec![path]).open(&builder.context(&"recording".into())).expect("is there");
    let summary = builder.source("recording", source).start().expect("starts").wait();
    let line = |event: &monitor_core::Event| match &event.body {
        Body::Alert(alert) => {
            let time = event.time.to_local(&Zone::UTC).format("%H:%M");
            format!("{time} {} {} {}: {}", alert.state.as_str(), alert.level, alert.name, alert.message)
        }
        _ => unreachable!("rules make alerts"),
    };
    summary.alerts.iter().map(line).collect()
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

#[test]
fn the_firings_of_the_reference_are_those_of_the_golden_file() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run/golden.json");
    let golden = std::fs::read_to_string(golden).expect("the golden file");
    // Every message that ours gives is one that the reference gave at that minute.
    for line in replay("reference", "metrics.jsonl.gz").iter().filter(|line| line.contains(" firing ")) {
        let (minute, message) = (&line[..5], line.rsplit(": ").next().expect("a message"));
        let at = golden.find(&format!("\"now\": \"2026-05-04T{minute}:00\"")).expect("the minute");
        let end = golden[at + 1..].find("\"now\"").map_or(golden.len(), |next| at + 1 + next);
        assert!(golden[at..end].contains(message), "{minute} {message}");
    }
}
