//! What would have fired as a table, and below it as a chart.

use std::collections::BTreeMap;
use std::fmt::Write;

use monitor_core::alerting::Incident;
use monitor_core::pipeline::Summary;
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp, Zone};

use super::Replayed;
use super::chart::{Row, chart};
use crate::commands::query::text::local;
use crate::commands::query::unit;
use crate::summary::number;
use crate::table::{columns, name};

/// The timeline; nothing if nothing fired.
pub(super) fn text(replayed: &Replayed, zone: &Zone) -> String {
    let Replayed { summary, over } = replayed;
    let incidents = &summary.incidents;
    if incidents.is_empty() {
        return String::new();
    }
    let row = |incident: &Incident| {
        vec![
            name(&format!("{}{}", incident.rule, incident.labels)),
            incident.level.to_string(),
            local(incident.fired, zone),
            incident.until.map_or_else(|| "still".to_owned(), |until| local(until, zone)),
            format_duration(incident.lasted(over.end)),
            number(incident.messages),
            incident.value.map_or_else(String::new, |value| unit::number(value, 4)),
        ]
    };
    let head = ["rule", "level", "fired", "until", "for", "messages", "value"];
    let mut out = format!("\n{}\n", columns(&head, |at| at >= 4, incidents.iter().map(row)));
    left_out(summary, &mut out);
    let rows = spans(incidents, over.end).into_iter().map(|(rule, spans)| Row { cells: vec![rule.to_string()], spans });
    write!(out, "\n{}", chart(rows.collect(), *over, zone)).expect("memory takes it");
    out
}

/// When each rule fired, for whatever group.
pub(super) fn spans(incidents: &[Incident], end: Timestamp) -> BTreeMap<&Text, Vec<(Timestamp, Timestamp)>> {
    let mut spans: BTreeMap<&Text, Vec<_>> = BTreeMap::new();
    for incident in incidents {
        spans.entry(&incident.rule).or_default().push((incident.fired, incident.until.unwrap_or(end)));
    }
    spans
}

/// Says that not all messages were kept.
pub(super) fn left_out(summary: &Summary, out: &mut String) {
    if summary.alerts_left_out > 0 {
        let (kept, more) = (number(summary.alerts.len() as u64), number(summary.alerts_left_out));
        writeln!(out, "the first {kept} messages are told above, and {more} more are not").expect("memory takes it");
    }
}
