//! Events as lines for people.

use std::io::Write;

use monitor_core::sample::Sample;
use monitor_core::template::thousands;
use monitor_core::time::format_duration;
use monitor_core::{Alert, AlertState, Body, Evaluation, Event, Generation, Level, Metadata, Timestamp, Zone};

/// Writes events as lines for people.
#[derive(Clone, Debug)]
pub struct Text {
    zone: Zone,
    colour: bool,
}

impl Text {
    /// Lines in the local time of `zone`, coloured or not.
    pub fn new(zone: Zone, colour: bool) -> Self {
        Self { zone, colour }
    }

    /// Appends an event.
    pub fn event(&self, out: &mut Vec<u8>, event: &Event) {
        let line = match &event.body {
            Body::Generation(generation) => generation_line(generation),
            Body::Evaluation(evaluation) => evaluation_line(evaluation),
            Body::Metric(metric) => {
                format!("metric      {} {}{}", metric.key.name, metric.value, extra(&metric.key.metadata))
            }
            Body::Log(log) => {
                let level = self.level(log.level, &format!("{:<11}", log.level.as_str()));
                format!("{level} {}{}", clean(&log.message), clean(&extra(&log.metadata)))
            }
            Body::Alert(alert) => self.alert_line(alert, event.time),
        };
        let line = if matches!(event.body, Body::Log(_) | Body::Alert(_)) { line } else { clean(&line) };
        self.line(out, event.time, &line);
    }

    /// Appends a sample.
    pub fn sample(&self, out: &mut Vec<u8>, sample: Sample<'_>) {
        let line = format!("{} {} {}", sample.name(), sample.value, sample.series.labels());
        self.line(out, sample.time, clean(&line).trim_end());
    }

    fn line(&self, out: &mut Vec<u8>, time: Timestamp, line: &str) {
        let time = time.to_local(&self.zone).format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "{time} {line}").expect("memory takes it");
    }

    fn alert_line(&self, alert: &Alert, now: Timestamp) -> String {
        let labels =
            if alert.labels.is_empty() { String::new() } else { format!(" {}", clean(&alert.labels.to_string())) };
        let name = clean(&alert.name);
        match alert.state {
            AlertState::Firing => {
                let state = self.level(alert.level, "FIRING     ");
                let message = clean(&alert.message);
                format!("{state} {name}{labels} [{}] {message}{}", alert.level, clean(&beside(alert)))
            }
            AlertState::Resolved => {
                let lasted = format_duration(now.since(alert.since));
                let resolved = self.paint("32", "RESOLVED   ");
                format!("{resolved} {name}{labels} after {lasted}{}", clean(&beside(alert)))
            }
        }
    }

    fn level(&self, level: Level, text: &str) -> String {
        match level {
            Level::Debug | Level::Info => text.to_owned(),
            Level::Warning => self.paint("33", text),
            Level::Error | Level::Critical => self.paint("1;31", text),
        }
    }

    /// Colours text, by the code of ECMA-48 (SGR).
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn generation_line(generation: &Generation) -> String {
    let outcome = if generation.success { "ok" } else { "failed" };
    let mut line = format!("generation  {outcome} {}", seconds(generation.duration));
    for part in [&generation.model_name, &generation.finish_reason].into_iter().flatten() {
        line.push(' ');
        line.push_str(part);
    }
    if let Some(total) = generation.tokens.total {
        line.push_str(&format!(" {} tokens", thousands(total as i64)));
    }
    if let Some(turns) = generation.conversation_length {
        line.push_str(&format!(" {turns} turns"));
    }
    if let Some(error) = &generation.error {
        line.push_str(&format!(" error={error:?}"));
    }
    line + &extra(&generation.metadata)
}

fn evaluation_line(evaluation: &Evaluation) -> String {
    let outcome = if evaluation.success { "ok" } else { "failed" };
    let mut line = format!("evaluation  {outcome} {} {}", seconds(evaluation.duration), evaluation.evaluator_type);
    for score in &evaluation.scores {
        let value = score.value.map_or_else(|| "missing".to_owned(), |value| format!("{value:.3}"));
        line.push_str(&format!(" {}={value}", score.name));
    }
    if let Some(error) = evaluation.error.as_deref().filter(|error| !error.is_empty()) {
        line.push_str(&format!(" error={error:?}"));
    }
    line + &extra(&evaluation.metadata)
}

fn seconds(duration: f64) -> String {
    format!("{duration:.2}s")
}

fn extra(metadata: &Metadata) -> String {
    metadata.iter().map(|(name, value)| format!(" {name}={value}")).collect()
}

/// What an alert has beside its message.
fn beside(alert: &Alert) -> String {
    let mut text = if alert.repeat > 0 { format!(" (reminder {})", alert.repeat) } else { String::new() };
    text.extend(alert.annotations.iter().map(|(name, value)| format!(" {name}={value}")));
    text.extend(alert.chart.iter().map(|chart| format!(" chart={chart}")));
    text
}

/// Shows control characters and marks of direction instead of obeying them: a label must neither move the cursor nor turn around
/// what stands beside it.
pub fn clean(text: &str) -> String {
    if !text.contains(is_obeyed) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if is_obeyed(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Whether a terminal does something at this character rather than show it.
pub(super) fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use monitor_core::{AlertData, Log, Metric, Tokens};

    use super::*;

    fn shown(body: impl Into<Body>) -> String {
        let mut out = Vec::new();
        Text::new(Zone::UTC, false).event(&mut out, &Event::new(Timestamp::from_secs(1_777_903_202), body));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_an_event() {
        let call = Generation::new(2.781, true).model("gpt-4o").finish_reason("stop").tokens(Tokens::of(1_000, 484));
        assert_eq!(
            shown(call.with("operation", "answer")),
            "2026-05-04 14:00:02 generation  ok 2.78s gpt-4o stop 1,484 tokens operation=\"answer\"\n"
        );
        assert_eq!(
            shown(Evaluation::new("Judge", 1.0, true).score("tone", 0.5)),
            "2026-05-04 14:00:02 evaluation  ok 1.00s Judge tone=0.500\n"
        );
        assert_eq!(shown(Metric::new("depth", 7.0)), "2026-05-04 14:00:02 metric      depth 7\n");
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(
            shown(Log::new(Level::Warning, "a\x1b[2Jb\r\nc")),
            "2026-05-04 14:00:02 warning     a\\u{1b}[2Jb\\r\\nc\n"
        );
        assert_eq!(
            shown(Log::new(Level::Warning, "a\u{202e}b\u{2066}c\u{200f} שלום é")),
            "2026-05-04 14:00:02 warning     a\\u{202e}b\\u{2066}c\\u{200f} שלום é\n"
        );
    }

    #[test]
    fn alerts_stand_out() {
        let alert = Alert {
            name: "low".into(),
            state: AlertState::Firing,
            level: Level::Error,
            message: "it is low".into(),
            labels: [("model_name", "m")].into_iter().collect(),
            annotations: monitor_core::sample::Labels::NONE,
            value: Some(0.1),
            data: Some(AlertData { mean: 0.1, min: 0.0, max: 1.0, count: 3 }),
            since: Timestamp::from_secs(1_777_903_082),
            key: "k".into(),
            repeat: 0,
            chart: None,
        };
        assert_eq!(shown(alert.clone()), "2026-05-04 14:00:02 FIRING      low {model_name=m} [error] it is low\n");
        let resolved = Alert { state: AlertState::Resolved, ..alert.clone() };
        assert_eq!(shown(resolved), "2026-05-04 14:00:02 RESOLVED    low {model_name=m} after 2m\n");
        let odd = |text: &str| format!("{text}\x1b]0;title\x07\u{9b}2J\n");
        let reminder = Alert {
            name: odd("low").into(),
            labels: [(odd("l"), odd("v"))].into_iter().collect(),
            message: odd("it is low").into(),
            annotations: [(odd("runbook"), odd("https://r"))].into_iter().collect(),
            repeat: 2,
            chart: Some(odd("low.png").into()),
            ..alert
        };
        for state in [AlertState::Firing, AlertState::Resolved] {
            let line = shown(Alert { state, ..reminder.clone() });
            assert!(line.contains(" (reminder 2) runbook\\u{1b}]0;title\\u{7}\\u{9b}2J\\n=https://r"), "{line}");
            assert!(line.contains(" chart=low.png\\u{1b}"), "{line}");
            assert_eq!(line.chars().filter(|c| c.is_control()).collect::<String>(), "\n");
        }
    }
}
