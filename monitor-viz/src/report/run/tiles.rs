//! The numbers that one looks at first.

use super::look::{Look, label};
use super::{alerts, errors, usage};
use crate::report::page::Tile;
use crate::report::words;

pub(super) fn tiles(look: &Look<'_>) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let (calls, failed) = (look.calls(), look.failed());
    let minutes = look.window.seconds() / 60.0;
    if calls > 0 {
        if let Some(stats) = look.plain("success_rate") {
            tiles.push(Tile {
                name: "Success rate".to_owned(),
                text: words::percent(stats.mean),
                value: Some(stats.mean),
                note: format!("{} of {} failed", words::count(failed), words::counted(calls, "call", "calls")),
                mood: if failed == 0 { "good" } else { "" },
            });
        }
        let rate = if minutes > 0.0 {
            format!("{} a minute", words::digits(calls as f64 / minutes, 3))
        } else {
            String::new()
        };
        tiles.push(tile("Calls", words::compact(calls), calls as f64, rate));
    }
    if let Some(stats) = look.metric("generation_time") {
        tiles.push(tile(
            "Median latency",
            words::seconds(stats.p50),
            stats.p50,
            format!("mean {}", words::seconds(stats.mean)),
        ));
        tiles.push(tile(
            "95th percentile",
            words::seconds(stats.p95),
            stats.p95,
            format!("99th {}", words::seconds(stats.p99)),
        ));
    }
    let used = usage::total(&look.run.store.token_usage_by("model_name", look.window));
    let tokens = used.total_tokens.max(used.prompt_tokens.saturating_add(used.completion_tokens));
    if tokens > 0 {
        let note =
            format!("{} read, {} written", words::compact(used.prompt_tokens), words::compact(used.completion_tokens));
        tiles.push(tile("Tokens", words::compact(tokens), tokens as f64, note));
    }
    if let Some(cost) = used.cost_usd {
        let note = match used.unpriced_calls {
            0 => "by list prices".to_owned(),
            calls => format!("{} without a price", words::counted(calls, "call", "calls")),
        };
        tiles.push(tile("Cost", words::usd(cost), cost, note));
    }
    if calls > 0 && look.plain("error_rate").is_some() {
        let types = errors::types(look);
        let most = types.first().map_or_else(
            || "none".to_owned(),
            |(labels, count)| {
                format!("most: {} ({})", words::shortened(&label(labels, "error_type"), 40), words::count(*count))
            },
        );
        let mood = if failed > 0 { "bad" } else { "good" };
        tiles.push(Tile { mood, ..tile("Errors", words::compact(failed), failed as f64, most) });
    }
    if calls == 0
        && let Some(stats) = look.metric("evaluation_time")
    {
        tiles.push(tile("Evaluations", words::compact(stats.count), stats.count as f64, String::new()));
    }
    let incidents = alerts::incidents(look);
    let longest = incidents.iter().max_by_key(|incident| incident.lasted(look.window.end));
    let note = longest.map_or_else(
        || "no rule fired".to_owned(),
        |longest| {
            let lasted = words::seconds(longest.lasted(look.window.end).as_secs_f64());
            format!("longest: {}, {lasted}", words::shortened(&longest.rule, 40))
        },
    );
    let mood = if incidents.is_empty() { "good" } else { "bad" };
    tiles.push(Tile { mood, ..tile("Incidents", words::count(incidents.len() as u64), incidents.len() as f64, note) });
    if calls == 0 && tiles.len() < 3 {
        tiles.push(tile(
            "Samples",
            words::compact(look.run.summary.samples),
            look.run.summary.samples as f64,
            String::new(),
        ));
    }
    tiles
}

fn tile(name: &str, text: String, value: f64, note: String) -> Tile {
    Tile { name: name.to_owned(), text, value: Some(value), note, mood: "" }
}
