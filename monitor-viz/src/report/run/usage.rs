//! Tokens and what they cost.

use std::collections::BTreeMap;

use monitor_core::Text;
use monitor_core::store::Usage;

use super::charts;
use super::latency::{ROWS, left_out};
use super::look::Look;
use crate::report::page::{Block, Cell, Section, Table};
use crate::report::{ReportError, words};

pub(super) fn section(look: &Look<'_>) -> Result<Section, ReportError> {
    let mut blocks = charts::beside([
        charts::sums(look, "total_token_count", "model_name", "Tokens by model", "tokens")?,
        charts::spent(look)?,
    ]);
    let by = |label: &str| look.run.store.token_usage_by(label, look.window);
    let models = by("model_name");
    let lead = lead(&models);
    blocks.extend(table("Tokens and cost by model", "model", &models).map(Block::Table));
    let operations = by("operation");
    if operations.len() > 1 {
        blocks.extend(table("Tokens and cost by operation", "operation", &operations).map(Block::Table));
    }
    let evaluators = by("evaluator_type");
    if evaluators.len() > 2 {
        blocks.extend(table("Tokens and cost by evaluator", "evaluator", &evaluators).map(Block::Table));
    }
    Ok(Section { id: "usage", title: "Tokens and cost".to_owned(), lead, blocks })
}

/// The sum over all.
pub(super) fn total(usages: &BTreeMap<Text, Usage>) -> Usage {
    usages.values().fold(Usage::default(), |all, usage| Usage {
        prompt_tokens: all.prompt_tokens.saturating_add(usage.prompt_tokens),
        completion_tokens: all.completion_tokens.saturating_add(usage.completion_tokens),
        total_tokens: all.total_tokens.saturating_add(usage.total_tokens),
        cached_tokens: all.cached_tokens.saturating_add(usage.cached_tokens),
        reasoning_tokens: all.reasoning_tokens.saturating_add(usage.reasoning_tokens),
        calls: all.calls.saturating_add(usage.calls),
        cost_usd: match (all.cost_usd, usage.cost_usd) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0.0) + other.unwrap_or(0.0)),
        },
        unpriced_calls: all.unpriced_calls.saturating_add(usage.unpriced_calls),
    })
}

fn lead(models: &BTreeMap<Text, Usage>) -> String {
    let all = total(models);
    let Some(cost) = all.cost_usd.filter(|_| all.calls > 0) else { return String::new() };
    let dearest = models.iter().filter_map(|(model, usage)| Some((model, usage.cost_usd?)));
    let dearest = dearest.max_by(|one, other| one.1.total_cmp(&other.1).then_with(|| other.0.cmp(one.0)));
    let most = dearest
        .filter(|(_, of_it)| *of_it > 0.0 && models.len() > 1)
        .map_or_else(String::new, |(model, of_it)| format!(", {} of it by {model}", words::percent(of_it / cost)));
    let unpriced = match all.unpriced_calls {
        0 => String::new(),
        calls => format!(" {} without a price are in no sum.", words::counted(calls, "call", "calls")),
    };
    format!("{} in all{most}, by list prices.{unpriced}", words::usd(cost))
}

/// Columns of which all is zero are left out.
fn table(caption: &str, name: &str, usages: &BTreeMap<Text, Usage>) -> Option<Table> {
    let all = total(usages);
    if all.total_tokens + all.prompt_tokens + all.completion_tokens == 0 {
        return None;
    }
    let per_thousand = |usage: &Usage| {
        let priced = usage.calls.saturating_sub(usage.unpriced_calls);
        usage.cost_usd.filter(|_| priced > 0).map(|cost| cost * 1e3 / priced as f64)
    };
    let mut columns = vec![name, "#calls", "#prompt", "#completion"];
    let [cached, reasoning, cost, unpriced] =
        [all.cached_tokens > 0, all.reasoning_tokens > 0, all.cost_usd.is_some(), all.unpriced_calls > 0];
    columns.extend(
        [
            (cached, "#cached"),
            (reasoning, "#reasoning"),
            (true, "#tokens"),
            (true, "#of all"),
            (cost, "#cost"),
            (cost, "#per 1,000 calls"),
            (unpriced, "#unpriced calls"),
        ]
        .into_iter()
        .filter_map(|(shown, name)| shown.then_some(name)),
    );
    let mut table = Table::new(caption, &columns);
    let row = |value: &str, usage: &Usage| {
        let mut row = vec![
            Cell::text(value),
            Cell::count(usage.calls),
            Cell::count(usage.prompt_tokens),
            Cell::count(usage.completion_tokens),
        ];
        row.extend(cached.then(|| Cell::count(usage.cached_tokens)));
        row.extend(reasoning.then(|| Cell::count(usage.reasoning_tokens)));
        row.push(Cell::count(usage.total_tokens));
        row.push(Cell::share(usage.total_tokens as f64, all.total_tokens as f64));
        row.extend(cost.then(|| Cell::number(usage.cost_usd, words::usd)));
        row.extend(cost.then(|| Cell::number(per_thousand(usage), words::usd)));
        let mood = if usage.unpriced_calls > 0 { "bad" } else { "" };
        row.extend(unpriced.then(|| Cell::count(usage.unpriced_calls).mood(mood)));
        row
    };
    let mut order: Vec<_> = usages.iter().collect();
    order.sort_by(|one, other| other.1.total_tokens.cmp(&one.1.total_tokens).then_with(|| one.0.cmp(other.0)));
    table.rows = order.iter().take(ROWS).map(|(value, usage)| row(value, usage)).collect();
    table.note = left_out(usages.len());
    Some(table)
}
