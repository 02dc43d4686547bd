//! How long calls took: percentiles over time and by model, and the slowest of them.

use monitor_core::store::{Group, Percentiles};

use super::charts;
use super::look::{Look, label};
use crate::report::page::{Block, Cell, Section, Table};
use crate::report::{ReportError, words};

/// Rows of a table at most.
pub(super) const ROWS: usize = 100;

pub(super) fn section(look: &Look<'_>) -> Result<Section, ReportError> {
    let mut blocks = charts::beside([
        charts::percentiles(look, "generation_time", "Generation time")?,
        charts::histogram(look, "generation_time", "How long calls took")?,
        charts::cumulated(look, "generation_time", "model_name", "How long calls took, by model")?,
        charts::percentiles(look, "evaluation_time", "Evaluation time")?,
    ]);
    for (metric, by, caption) in [
        ("generation_time", "model_name", "Generation time by model"),
        ("generation_time", "operation", "Generation time by operation"),
        ("evaluation_time", "evaluator_type", "Evaluation time by evaluator"),
    ] {
        blocks.extend(percentiles(look, metric, by, caption).map(Block::Table));
    }
    blocks.extend(slowest(look).map(Block::Table));
    let lead = look.metric("generation_time").map_or_else(String::new, |stats| {
        let [p50, p95, p99] = [stats.p50, stats.p95, stats.p99].map(words::seconds);
        format!("Half of the calls took {p50} or less, 95% of them {p95} or less, 99% {p99} or less.")
    });
    Ok(Section { id: "latency", title: "Latency".to_owned(), lead, blocks })
}

fn percentiles(look: &Look<'_>, metric: &str, by: &str, caption: &str) -> Option<Table> {
    let groups = look.by(metric, by, Percentiles::Sketched);
    if groups.is_empty() || (groups.len() == 1 && by != "model_name") {
        return None;
    }
    let name = by.split('_').next().unwrap_or(by);
    let mut table = Table::new(caption, &[name, "#calls", "#mean", "#p50", "#p90", "#p95", "#p99", "#max"]);
    let row = |Group { labels, stats }: &Group| {
        let times = [stats.mean, stats.p50, stats.p90, stats.p95, stats.p99, stats.max];
        let mut row = vec![Cell::text(label(labels, by)), Cell::count(stats.count)];
        row.extend(times.map(|time| Cell::number(time, words::seconds)));
        row
    };
    table.rows = groups.iter().take(ROWS).map(row).collect();
    table.note = left_out(groups.len());
    Some(table)
}

/// Says that there are more rows than are shown.
pub(super) fn left_out(all: usize) -> String {
    match all.checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("{} more are not shown.", words::count(more as u64)),
    }
}

fn slowest(look: &Look<'_>) -> Option<Table> {
    let slowest = &look.run.findings.slowest;
    if slowest.is_empty() {
        return None;
    }
    let mut table = Table::new("The slowest calls", &["when", "#took", "model", "operation", "#tokens", "outcome"]);
    table.rows = slowest
        .iter()
        .map(|slow| {
            let text = |text: &Option<monitor_core::Text>| {
                Cell::text(text.as_ref().map_or_else(|| words::NONE.to_owned(), ToString::to_string))
            };
            let time =
                Cell { value: Some(slow.time.as_micros() as f64), ..Cell::text(words::moment(slow.time, look.zone)) };
            let outcome = if slow.success { Cell::text("ok") } else { Cell::text("failed").mood("bad") };
            vec![
                time,
                Cell::number(slow.seconds, words::seconds),
                text(&slow.model),
                text(&slow.operation),
                Cell::number(slow.tokens, |tokens| words::count(tokens as u64)),
                outcome,
            ]
        })
        .collect();
    Some(table)
}
