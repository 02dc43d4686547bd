//! How far the numbers can be relied on: what was not read, not priced, not kept, and what looks as if it came twice.

use monitor_core::store::Percentiles;

use super::look::{Look, label};
use super::usage;
use crate::report::page::{Block, Cell, Quote, Section, Table};
use crate::report::words;

pub(super) fn section(look: &Look<'_>) -> Section {
    let (summary, findings) = (look.run.summary, look.run.findings);
    let mut table = Table::new("What was read, and what is wrong with it", &["check", "#count", "what it means"]);
    let mut faults = 0_u64;
    let mut check = |name: &str, count: u64, meaning: &str| {
        faults += u64::from(count > 0);
        let mood = if count > 0 { "bad" } else { "quiet" };
        table.rows.push(vec![Cell::text(name), Cell::count(count).mood(mood), Cell::text(meaning)]);
    };
    let bounds = &summary.store;
    check("rejected lines", summary.rejected, "not events, by the reasons below; nothing of them is in this report");
    let dropped = summary.dropped.values().sum();
    check("dropped events", dropped, "came in and were not taken");
    check(
        "repeated events",
        findings.repeated,
        "equal to one before in time, labels and every number; counted all the same",
    );
    check(
        "out of order",
        findings.out_of_order,
        "earlier than an event before; charts and windows have them where they belong",
    );
    let usage = usage::total(&look.run.store.token_usage_by("model_name", look.window));
    check("unpriced calls", usage.unpriced_calls, "used tokens of a model without a price; their cost is in no sum");
    check("missing scores", summary.missing_scores.values().sum(), "were announced by an evaluator and not given");
    let lost = bounds.too_old + bounds.evicted + bounds.expired;
    check("samples not kept", lost, "too old, or let go for want of room: sums are too small by them");
    check(
        "samples in the series `other`",
        bounds.overflowed,
        "there were too many series of a metric to be told apart",
    );
    let mut blocks = vec![Block::Table(table)];
    if !summary.rejected_by_reason.is_empty() && summary.rejected > 0 {
        let mut table = Table::new("Rejected lines by reason", &["reason", "#lines", "#of rejected"]);
        let mut reasons: Vec<_> = summary.rejected_by_reason.iter().filter(|(_, count)| **count > 0).collect();
        reasons.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        let row = |(reason, count): (&&str, &u64)| {
            vec![Cell::text(*reason), Cell::count(*count), Cell::share(*count as f64, summary.rejected as f64)]
        };
        table.rows = reasons.into_iter().map(row).collect();
        blocks.push(Block::Table(table));
    }
    if !summary.rejected_examples.is_empty() {
        let texts = summary.rejected_examples.iter().take(5).map(|example| (without_folder(example), String::new()));
        let quote = Quote { title: "Some of them".to_owned(), texts: texts.collect(), note: String::new() };
        blocks.push(Block::Quotes { title: "Rejected lines".to_owned(), quotes: vec![quote] });
    }
    if usage.unpriced_calls > 0 {
        let mut table = Table::new("Models without a price", &["model", "#calls"]);
        for group in look.by("unpriced_calls", "model_name", Percentiles::Off) {
            table.rows.push(vec![Cell::text(label(&group.labels, "model_name")), Cell::count(group.stats.count)]);
        }
        table.rows.truncate(super::latency::ROWS);
        blocks.push(Block::Table(table));
    }
    if !summary.doubts.is_empty() {
        let text = summary.doubts.join("; ");
        blocks.push(Block::Note { text: format!("Rules in doubt: {text}.") });
    }
    let gap = findings.gap.filter(|(gap, _)| !gap.is_zero()).map_or_else(String::new, |(gap, from)| {
        let gap = words::seconds(gap.as_secs_f64());
        format!(" The longest time without an event was {gap}, from {}.", words::moment(from, look.zone))
    });
    let found = match faults {
        0 => "Nothing to object to.".to_owned(),
        found => format!("{} found something.", words::counted(found, "check", "checks")),
    };
    Section { id: "quality", title: "Data quality".to_owned(), lead: format!("{found}{gap}"), blocks }
}

/// `run.jsonl:12: …` and not where on somebody's disk that is.
fn without_folder(example: &str) -> String {
    let (path, rest) = example.split_once(':').unwrap_or((example, ""));
    let name = path.rsplit('/').next().unwrap_or(path);
    if rest.is_empty() { name.to_owned() } else { format!("{name}:{rest}") }
}
