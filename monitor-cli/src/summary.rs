//! The final summary for people.

use std::fmt::Write;

use monitor_core::bus::Durability;
use monitor_core::pipeline::{StopReason, Summary};
use monitor_core::store::{TokenUsage, Usage};
use monitor_core::template::thousands;

use crate::table::{self, clean};

pub(crate) fn number(count: u64) -> String {
    thousands(count as i64)
}

/// The account of a run as text.
pub(crate) fn text(summary: &Summary) -> String {
    let mut out = String::new();
    input(summary, &mut out).and_then(|()| output(summary, &mut out)).expect("memory takes it");
    out
}

fn input(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let kinds: Vec<String> = summary
        .events_by_kind
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| format!("{} {kind}", number(*count)))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let rate = summary.events as f64 / summary.seconds.max(1e-9);
    let events = if summary.events == 1 { "event" } else { "events" };
    writeln!(out, "{} {events} in{kinds}, {:.2}s, {}/s", number(summary.events), summary.seconds, number(rate as u64))?;
    let samples = if summary.samples == 1 { "sample" } else { "samples" };
    writeln!(out, "{} {samples}", number(summary.samples))?;
    not_used(summary, out)?;
    if !summary.missing_scores.is_empty() {
        let names: Vec<String> =
            summary.missing_scores.iter().map(|(name, count)| format!("{} {}", number(*count), clean(name))).collect();
        writeln!(out, "scores that were announced and not given: {}", names.join(", "))?;
    }
    Ok(())
}

/// What of the input is not in the store, and why.
pub(crate) fn not_used(summary: &Summary, out: &mut String) -> std::fmt::Result {
    if summary.interrupted {
        writeln!(out, "interrupted: the recordings were not read to their ends")?;
    }
    let bounds = &summary.store;
    for (count, what) in [
        (bounds.too_old, "older than what the store keeps"),
        (bounds.evicted, "let go to stay within max_bytes"),
        (bounds.overflowed, "beyond max_series, counted under overflow=other"),
    ] {
        if count > 0 {
            writeln!(out, "{} samples {what}", number(count))?;
        }
    }
    if summary.rejected > 0 {
        let reasons: Vec<String> =
            summary.rejected_by_reason.iter().map(|(reason, count)| format!("{} {reason}", number(*count))).collect();
        let lines = if summary.rejected == 1 { "line" } else { "lines" };
        let kept =
            summary.rejected_file.as_ref().map_or_else(String::new, |file| format!(", kept in {}", file.display()));
        writeln!(out, "{} {lines} rejected ({}){kept}", number(summary.rejected), reasons.join(", "))?;
        for example in &summary.rejected_examples {
            writeln!(out, "  {}", clean(example))?;
        }
    }
    Ok(())
}

fn output(summary: &Summary, out: &mut String) -> std::fmt::Result {
    if !summary.sinks.is_empty() {
        let rows = summary.sinks.iter().map(|sink| {
            let counts = [sink.delivered, sink.filtered, sink.dead_letter, sink.lost_total(), sink.pending];
            let mut row = vec![table::name(&sink.name)];
            row.extend(counts.map(number));
            row
        });
        let head = ["sink", "delivered", "filtered", "dead letter", "lost", "pending"];
        writeln!(out, "\n{}", table::table(&head, 1.., rows))?;
    }
    let waiting: u64 = summary.sinks.iter().map(|sink| sink.pending).sum();
    if waiting > 0 && summary.durability > Durability::L0 {
        writeln!(out, "what is pending is in the spool, and is delivered at the next start")?;
    }
    usage(&summary.token_usage, out)?;
    let alerts = if summary.fired == 1 { "alert" } else { "alerts" };
    write!(out, "\n{} {alerts} fired, {} resolved", summary.fired, summary.resolved)?;
    match summary.firing.as_slice() {
        [] => writeln!(out)?,
        firing => writeln!(out, "; still firing: {}", clean(&firing.join(", ")))?,
    }
    if !summary.held_back.is_empty() {
        let held = summary.held_back.iter();
        let held = held.map(|held| format!("{} {} ({})", number(held.count), clean(&held.rule), held.reason));
        writeln!(out, "messages held back: {}", held.collect::<Vec<_>>().join(", "))?;
    }
    if let Some(StopReason { rule, message, time }) = &summary.stopped {
        writeln!(out, "told to stop at {time} by rule `{}`: {}", clean(rule), clean(message))?;
    }
    for doubt in &summary.doubts {
        writeln!(out, "{}", clean(doubt))?;
    }
    for chart in &summary.charts {
        if let Some(path) = &chart.path {
            writeln!(out, "chart {}: {}", clean(&chart.name), path.display())?;
        }
    }
    Ok(())
}

/// Tokens and cost by model. Columns of which all is zero are left out.
fn usage(usage: &TokenUsage, out: &mut String) -> std::fmt::Result {
    if usage.by_model.is_empty() {
        return Ok(());
    }
    let all = Usage {
        prompt_tokens: usage.total_prompt_tokens,
        completion_tokens: usage.total_completion_tokens,
        total_tokens: usage.total_tokens,
        cached_tokens: usage.total_cached_tokens,
        reasoning_tokens: usage.total_reasoning_tokens,
        calls: usage.total_calls,
        cost_usd: usage.total_cost_usd,
        unpriced_calls: usage.total_unpriced_calls,
    };
    let columns: [Column; 7] = [
        ("prompt", true, |usage| number(usage.prompt_tokens)),
        ("completion", true, |usage| number(usage.completion_tokens)),
        ("total", true, |usage| number(usage.total_tokens)),
        ("cached", all.cached_tokens > 0, |usage| number(usage.cached_tokens)),
        ("reasoning", all.reasoning_tokens > 0, |usage| number(usage.reasoning_tokens)),
        ("cost", all.cost_usd.is_some(), |usage| usage.cost_usd.map_or_else(String::new, |cost| format!("${cost:.4}"))),
        ("unpriced calls", all.unpriced_calls > 0, |usage| number(usage.unpriced_calls)),
    ];
    let columns: Vec<_> = columns.into_iter().filter(|(_, shown, _)| *shown).collect();
    let mut head = vec!["tokens by model"];
    head.extend(columns.iter().map(|(title, ..)| *title));
    let models = usage.by_model.iter().map(|model| (model.model_name.as_str(), &model.usage));
    let rows = models.chain([("all", &all)]).map(|(name, usage)| {
        let mut row = vec![table::name(name)];
        row.extend(columns.iter().map(|(.., show)| show(usage)));
        row
    });
    writeln!(out, "\n{}", table::table(&head, 1.., rows))?;
    if all.unpriced_calls > 0 {
        writeln!(out, "the cost is without the unpriced calls; give their models a price under [prices.models]")?;
    }
    Ok(())
}

/// The title of a column, whether it is shown, and what stands in it.
type Column = (&'static str, bool, fn(&Usage) -> String);
