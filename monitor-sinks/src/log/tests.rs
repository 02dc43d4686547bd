//! What is written, against the reader and the reference's own file.

use monitor_core::read::LineParser;
use monitor_core::{Evaluation, Generation, Log, Metric, Timestamp, Tokens};

use super::*;

fn line(event: &Event) -> String {
    let mut out = Vec::new();
    write_line(&mut out, event, &Zone::UTC);
    String::from_utf8(out).expect("text").trim_end().to_owned()
}

#[test]
fn the_form_is_the_references() {
    for expected in [
        r#"2026-05-04 14:00:02,881 - {"message": "Model info set", "model_provider": "gemini", "num_api_keys": 3, "level": "info"}"#,
        r#"2026-05-04 14:00:02,881 - {"message": "Generation metrics", "data": {"timestamp": "2026-05-04T14:00:02.881194", "duration": 2.7811943369201004, "success": true, "model_name": "gemini-2.5-flash", "prompt_token_count": 420, "metadata": {"operation": "x"}}, "level": "info"}"#,
        r#"2026-05-04 14:00:02,881 - {"message": "late", "level": "error"}"#,
    ] {
        let event = LineParser::new(Zone::UTC).parse(expected.as_bytes(), Timestamp::MIN).expect("an event");
        assert_eq!(line(&event.expect("not blank")), expected);
    }
}

#[test]
fn calls_come_back_as_they_were() {
    let time = Timestamp::from_micros(1_777_903_202_881_194);
    for event in [
        Event::new(time, Generation::new(0.5, false).error("429").with("error_type", "ClientError")),
        Event::new(
            time,
            Evaluation::new("E", 1.5, true).score_with_feedback("tone", 0.5, "ok").tokens(Tokens::of(1, 2)),
        ),
    ] {
        let read = LineParser::new(Zone::UTC).parse(line(&event).as_bytes(), Timestamp::MIN);
        assert_eq!(read, Ok(Some(event)));
    }
}

#[test]
fn attributes_do_not_overwrite_the_line() {
    let log = Log::new(Level::Info, "m").with("level", "x").with("message", "y");
    assert_eq!(
        line(&Event::new(Timestamp::from_secs(1), log)),
        r#"1970-01-01 00:00:01,000 - {"message": "m", "metadata_level": "x", "metadata_message": "y", "level": "info"}"#
    );
    assert_eq!(
        line(&Event::new(Timestamp::from_secs(1), Metric::new("depth", 7.0))),
        r#"1970-01-01 00:00:01,000 - {"message": "Metric", "metric": "depth", "value": 7.0, "level": "info"}"#
    );
}

#[test]
fn an_alert_says_all_that_people_are_told() {
    let mut alert = Alert {
        name: "slow".into(),
        state: AlertState::Firing,
        level: Level::Critical,
        message: "it is slow".into(),
        labels: monitor_core::sample::Labels::NONE,
        annotations: monitor_core::sample::Labels::NONE,
        value: Some(9.5),
        data: None,
        since: Timestamp::from_secs(1),
        key: "k".into(),
        repeat: 0,
        chart: None,
    };
    let told = |alert: &Alert| line(&Event::new(Timestamp::from_secs(1), alert.clone()));
    assert_eq!(
        told(&alert),
        r#"1970-01-01 00:00:01,000 - {"message": "it is slow", "alert": "slow", "state": "firing", "labels": {}, "value": 9.5, "level": "critical"}"#
    );
    alert.annotations = [("runbook", "https://r")].into_iter().collect();
    (alert.repeat, alert.chart) = (2, Some("plots/slow.png".into()));
    assert_eq!(
        told(&alert),
        r#"1970-01-01 00:00:01,000 - {"message": "it is slow", "alert": "slow", "state": "firing", "labels": {}, "value": 9.5, "annotations": {"runbook": "https://r"}, "repeat": 2, "chart": "plots/slow.png", "level": "critical"}"#
    );
}
