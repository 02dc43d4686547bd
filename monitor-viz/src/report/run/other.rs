//! Metrics of one's own: whatever was recorded by name.

use monitor_core::Text;
use monitor_core::pipeline::{ALERT_FIRING, OWN_METRICS};

use super::charts;
use super::latency::{ROWS, left_out};
use super::look::Look;
use crate::report::page::{Block, Cell, Section, Table};
use crate::report::{ReportError, words};

/// What other sections tell of.
const KNOWN: [&str; 15] = [
    "generation_time",
    "success_rate",
    "error_rate",
    "model_usage",
    "finish_reason",
    "evaluation_time",
    "evaluation_error_rate",
    "prompt_token_count",
    "completion_token_count",
    "total_token_count",
    "cached_token_count",
    "reasoning_token_count",
    "cost_usd",
    "unpriced_calls",
    "conversation_length",
];

pub(super) fn section(look: &Look<'_>) -> Result<Section, ReportError> {
    let metrics = metrics(look);
    let mut blocks = Vec::new();
    if !metrics.is_empty() {
        // Two that have nothing to do with each other share no axis.
        let charts = metrics
            .iter()
            .take(charts::SERIES)
            .map(|name| charts::means(look, std::slice::from_ref(name), name, "mean"));
        blocks = charts::beside(charts.collect::<Result<Vec<_>, _>>()?);
        blocks.push(Block::Table(table(look, &metrics)));
    }
    Ok(Section { id: "metrics", title: "Other metrics".to_owned(), lead: String::new(), blocks })
}

/// The metrics that no other section tells of, those with most samples first.
pub(in crate::report) fn metrics(look: &Look<'_>) -> Vec<Text> {
    let mut all = look.run.store.metrics();
    // What the pipeline says of itself is no part of the recording.
    let own = |name: &str| OWN_METRICS.iter().chain([&ALERT_FIRING]).any(|own| own.name == name);
    all.retain(|metric| {
        let name = metric.name.as_str();
        !KNOWN.contains(&name) && !name.starts_with("evaluation_score_") && !own(name) && look.metric(name).is_some()
    });
    all.sort_by(|one, other| other.samples.cmp(&one.samples).then_with(|| one.name.cmp(&other.name)));
    all.into_iter().map(|metric| metric.name).collect()
}

fn table(look: &Look<'_>, metrics: &[Text]) -> Table {
    let mut table =
        Table::new("Metrics recorded by name", &["metric", "#count", "#mean", "#min", "#p50", "#p95", "#max", "#sum"]);
    let rows = metrics.iter().take(ROWS).filter_map(|name| {
        let stats = look.metric(name)?;
        let numbers = [stats.mean, stats.min, stats.p50, stats.p95, stats.max, stats.sum];
        let mut row = vec![Cell::text(name.as_str()), Cell::count(stats.count)];
        row.extend(numbers.map(|number| Cell::number(number, |number| words::digits(number, 4))));
        Some(row)
    });
    table.rows = rows.collect();
    table.note = left_out(metrics.len());
    table
}
