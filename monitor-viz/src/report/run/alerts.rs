//! When rules fired, as a timeline and a table: the rules that the report was made with, and the alerts that the recording holds.

use std::collections::BTreeMap;

use monitor_core::alerting::Incident;
use monitor_core::event::AlertState;
use monitor_core::{Text, Timestamp};

use super::latency::{ROWS, left_out};
use super::look::Look;
use crate::report::findings::Told;
use crate::report::page::{Block, Cell, Section, Span, Table, Timeline, TimelineLine};
use crate::report::words;

pub(super) fn section(look: &Look<'_>) -> Section {
    let incidents = incidents(look);
    let told = &look.run.findings.alerts;
    let mut lines = rules(look, &incidents);
    lines.extend(recorded(look, told));
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        let caption = format!("When rules fired, {}", words::span(look.window.start, look.window.end, look.zone));
        blocks.push(Block::Timeline(Timeline { caption, lines, ticks: ticks(look) }));
    }
    if !incidents.is_empty() {
        blocks.push(Block::Table(table(look, &incidents)));
    }
    if !told.is_empty() {
        blocks.push(Block::Table(told_table(look, told)));
    }
    let rules = &look.run.rules;
    let lead = match incidents.len() as u64 {
        0 => format!("Nothing would have fired under {rules}."),
        fired => format!("{} under {rules}, as they would have fired.", words::counted(fired, "incident", "incidents")),
    };
    if blocks.is_empty() {
        blocks.push(Block::Note { text: "No rule fired, and the recording holds no alerts of its own.".to_owned() });
    }
    Section { id: "alerts", title: "Alerts".to_owned(), lead, blocks }
}

/// Those that touch what is meant, the earliest first.
pub(super) fn incidents<'a>(look: &Look<'a>) -> Vec<&'a Incident> {
    let within = |incident: &&Incident| {
        incident.fired <= look.window.end && incident.until.is_none_or(|until| until >= look.window.start)
    };
    let mut incidents: Vec<&Incident> = look.run.summary.incidents.iter().filter(within).collect();
    incidents.sort_by(|one, other| (one.fired, &one.rule, &one.labels).cmp(&(other.fired, &other.rule, &other.labels)));
    incidents
}

fn rules(look: &Look<'_>, incidents: &[&Incident]) -> Vec<TimelineLine> {
    let mut lines: BTreeMap<(Text, String), Vec<Span>> = BTreeMap::new();
    for incident in incidents {
        let key = (incident.rule.clone(), incident.labels.to_string());
        let until = incident
            .until
            .map_or_else(|| "still firing".to_owned(), |until| format!("until {}", words::moment(until, look.zone)));
        let end = incident.until.unwrap_or(look.window.end);
        let lasted = words::length(incident.fired, end);
        let text = format!("{}, from {} {until} ({lasted})", incident.level, words::moment(incident.fired, look.zone));
        lines.entry(key).or_default().push(span(look, incident.fired, end, incident.level.as_str(), text));
    }
    lines
        .into_iter()
        .take(ROWS)
        .map(|((rule, labels), spans)| TimelineLine { name: format!("{rule}{labels}"), spans })
        .collect()
}

/// What the recording says: from each alert that fires to the one that is over.
fn recorded(look: &Look<'_>, told: &[Told]) -> Vec<TimelineLine> {
    let mut lines: BTreeMap<&Text, (Vec<Span>, Option<&Told>)> = BTreeMap::new();
    let text = |fired: &Told, until: &str| {
        format!("{}, from {} {until}: {}", fired.level, words::moment(fired.time, look.zone), fired.message)
    };
    for alert in told {
        let (spans, open) = lines.entry(&alert.rule).or_default();
        match (alert.state, *open) {
            (AlertState::Firing, None) => *open = Some(alert),
            (AlertState::Resolved, Some(fired)) => {
                let until = format!("until {}", words::moment(alert.time, look.zone));
                spans.push(span(look, fired.time, alert.time, fired.level.as_str(), text(fired, &until)));
                *open = None;
            }
            _ => {}
        }
    }
    let line =
        |(rule, (mut spans, open)): (&Text, (Vec<Span>, Option<&Told>))| {
            spans.extend(open.map(|fired| {
                span(look, fired.time, look.window.end, fired.level.as_str(), text(fired, "still firing"))
            }));
            TimelineLine { name: format!("{rule} (recorded)"), spans }
        };
    lines.into_iter().take(ROWS).map(line).collect()
}

fn span(look: &Look<'_>, from: Timestamp, to: Timestamp, level: &str, text: String) -> Span {
    let (left, right) = (place(look, from), place(look, to));
    Span { left, width: (right - left).max(0.0), level: level.to_owned(), text }
}

/// Where a moment is, from 0 to 100.
fn place(look: &Look<'_>, time: Timestamp) -> f64 {
    let all = look.window.seconds();
    let share = if all > 0.0 { time.since(look.window.start).as_secs_f64() / all } else { 0.0 };
    (share.clamp(0.0, 1.0) * 1e4).round() / 100.0
}

/// The beginning, the middle and the end.
fn ticks(look: &Look<'_>) -> Vec<(String, f64)> {
    let (start, length) = (look.window.start, look.window.end.since(look.window.start));
    let days = length.as_secs() >= 2 * 86_400;
    (0..=4)
        .map(|quarter| {
            let time = start.plus(length * quarter / 4);
            let text = time.to_local(look.zone).format(if days { "%m-%d %H:%M" } else { "%H:%M:%S" });
            (text.to_string(), f64::from(quarter) * 25.0)
        })
        .collect()
}

fn moment(look: &Look<'_>, time: Timestamp) -> Cell {
    Cell { value: Some(time.as_micros() as f64), ..Cell::text(words::moment(time, look.zone)) }
}

/// A level in its colour.
fn level(level: monitor_core::event::Level) -> Cell {
    use monitor_core::event::Level;
    let mood = match level {
        Level::Error | Level::Critical => "bad",
        Level::Warning => "warning",
        _ => "quiet",
    };
    Cell { value: Some(f64::from(level as u8)), ..Cell::text(level.as_str()).mood(mood) }
}

fn table(look: &Look<'_>, incidents: &[&Incident]) -> Table {
    let mut table = Table::new("Incidents", &["rule", "level", "fired", "until", "#lasted", "#value", "#messages"]);
    table.rows = incidents
        .iter()
        .take(ROWS)
        .map(|incident| {
            let lasted = incident.lasted(look.window.end).as_secs_f64();
            vec![
                Cell::text(format!("{}{}", incident.rule, incident.labels)),
                level(incident.level),
                moment(look, incident.fired),
                incident.until.map_or_else(|| Cell::text("still firing").mood("bad"), |until| moment(look, until)),
                Cell::number(lasted, words::seconds),
                Cell::number(incident.value, |value| words::digits(value, 4)),
                Cell::count(incident.messages),
            ]
        })
        .collect();
    table.note = left_out(incidents.len());
    table
}

fn told_table(look: &Look<'_>, told: &[Told]) -> Table {
    let mut table = Table::new("Alerts that the recording holds", &["when", "rule", "state", "level", "message"]);
    table.rows = told
        .iter()
        .take(ROWS)
        .map(|alert| {
            let firing = alert.state == AlertState::Firing;
            let state = Cell::text(alert.state.as_str()).mood(if firing { "bad" } else { "good" });
            vec![
                moment(look, alert.time),
                Cell::text(alert.rule.as_str()),
                state,
                level(alert.level),
                Cell::text(alert.message.as_str()),
            ]
        })
        .collect();
    table.note = left_out(told.len());
    table
}
