//! What went wrong: how often, of which type, when, and in which words.

use monitor_core::Text;
use monitor_core::event::Kind;
use monitor_core::sample::Labels;
use monitor_core::store::{Group, Percentiles};

use super::charts;
use super::latency::{ROWS, left_out};
use super::look::{Look, label};
use crate::report::findings::{Errors, Words};
use crate::report::page::{Block, Cell, Quote, Section, Table};
use crate::report::{ReportError, words};

/// So many ways to say an error are quoted.
const QUOTED: usize = 3;
/// Of so many types.
const TYPES: usize = 12;

pub(super) fn section(look: &Look<'_>) -> Result<Section, ReportError> {
    let types = types(look);
    let failed = look.failed();
    let mut blocks = Vec::new();
    if !types.is_empty() {
        blocks = charts::beside([
            charts::sums(look, "error_rate", "error_type", "Errors by type", "errors")?,
            charts::sums(look, "finish_reason", "finish_reason", "Finish reasons", "calls")?,
        ]);
        blocks.push(Block::Table(by_type(look, &types)));
    }
    blocks.extend(by_model(look).map(Block::Table));
    blocks.extend(finish_reasons(look).map(Block::Table));
    let quotes = quotes(look);
    if !quotes.is_empty() {
        blocks.push(Block::Quotes { title: "What they say".to_owned(), quotes });
    }
    let judged = look.run.findings.errors.iter().filter(|((kind, _), _)| *kind == Kind::Evaluation);
    let judged = judged.map(|(_, errors)| errors.count).sum();
    let mut lead = match (look.calls(), failed) {
        (0, _) => String::new(),
        (_, 0) => "No call failed.".to_owned(),
        (calls, failed) => {
            let share = words::percent(failed as f64 / calls as f64);
            format!("{} of {}, {share}, failed.", words::count(failed), words::counted(calls, "call", "calls"))
        }
    };
    if judged > 0 {
        lead += &format!(" So did {}.", words::counted(judged, "evaluation", "evaluations"));
    }
    Ok(Section { id: "errors", title: "Errors".to_owned(), lead, blocks })
}

/// Errors by type, the most frequent first.
pub(in crate::report) fn types(look: &Look<'_>) -> Vec<(Labels, u64)> {
    let groups = look.by("error_rate", "error_type", Percentiles::Off).into_iter();
    let mut types: Vec<_> = groups
        .map(|Group { labels, stats }| (labels, stats.sum.round() as u64))
        .filter(|(_, errors)| *errors > 0)
        .collect();
    types.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    types
}

fn by_type(look: &Look<'_>, types: &[(Labels, u64)]) -> Table {
    let mut table = Table::new("Errors by type", &["type", "#errors", "#of errors", "#of calls", "first", "last"]);
    let (all, calls) = (types.iter().map(|(_, errors)| errors).sum::<u64>() as f64, look.calls() as f64);
    table.rows = types
        .iter()
        .take(ROWS)
        .map(|(labels, errors)| {
            let name = labels.get("error_type").cloned().unwrap_or_default();
            let seen = look.run.findings.errors.get(&(Kind::Generation, name));
            let time = |time: Option<monitor_core::Timestamp>| match time {
                Some(time) => {
                    Cell { value: Some(time.as_micros() as f64), ..Cell::text(words::moment(time, look.zone)) }
                }
                None => Cell::text(words::NONE),
            };
            vec![
                Cell::text(label(labels, "error_type")),
                Cell::count(*errors),
                Cell::share(*errors as f64, all),
                Cell::number(*errors as f64 / calls, words::percent),
                time(seen.map(|errors| errors.first)),
                time(seen.map(|errors| errors.last)),
            ]
        })
        .collect();
    table.note = left_out(types.len());
    table
}

/// Failed calls often name no model, so this tells of those that do.
fn by_model(look: &Look<'_>) -> Option<Table> {
    let groups = look.by("success_rate", "model_name", Percentiles::Off);
    if groups.len() < 2 {
        return None;
    }
    let mut table = Table::new("Success by model", &["model", "#calls", "#succeeded", "#failed", "#success rate"]);
    let row = |Group { labels, stats }: &Group| {
        let succeeded = (stats.sum.round() as u64).min(stats.count);
        vec![
            Cell::text(label(labels, "model_name")),
            Cell::count(stats.count),
            Cell::count(succeeded),
            Cell::count(stats.count - succeeded),
            Cell::share(succeeded as f64, stats.count as f64),
        ]
    };
    table.rows = groups.iter().take(ROWS).map(row).collect();
    table.note = left_out(groups.len());
    if groups.iter().any(|group| group.labels.is_empty()) {
        let note = "Calls that failed before a model answered often name none.";
        table.note = format!("{note} {}", table.note);
        table.note.truncate(table.note.trim_end().len());
    }
    Some(table)
}

fn finish_reasons(look: &Look<'_>) -> Option<Table> {
    let groups = look.by("finish_reason", "finish_reason", Percentiles::Off);
    if groups.is_empty() {
        return None;
    }
    let all: u64 = groups.iter().map(|group| group.stats.count).sum();
    let mut table = Table::new("Finish reasons", &["reason", "#calls", "#of calls that name one"]);
    let row = |Group { labels, stats }: &Group| {
        vec![
            Cell::text(label(labels, "finish_reason")),
            Cell::count(stats.count),
            Cell::share(stats.count as f64, all as f64),
        ]
    };
    table.rows = groups.iter().take(ROWS).map(row).collect();
    table.note = left_out(groups.len());
    Some(table)
}

/// The words of the most frequent types.
fn quotes(look: &Look<'_>) -> Vec<Quote> {
    let mut types: Vec<_> = look.run.findings.errors.iter().filter(|(_, errors)| !errors.words.is_empty()).collect();
    types.sort_by(|one, other| other.1.count.cmp(&one.1.count).then_with(|| one.0.cmp(other.0)));
    let quote = |((kind, name), errors): (&(Kind, Text), &Errors)| {
        let mut said: Vec<&Words> = errors.words.values().collect();
        said.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
        let more = said.len().saturating_sub(QUOTED) as u64;
        let texts = said.iter().take(QUOTED).map(|words| {
            let model = words.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
            let times = if words.count == 1 { String::new() } else { format!("{} times; ", words::count(words.count)) };
            let first = if words.count == 1 { "" } else { "first " };
            (words.text.clone(), format!("{times}{first}{}{model}", words::moment(words.first, look.zone)))
        });
        Quote {
            title: format!(
                "{}{}",
                if name.is_empty() { "unknown" } else { name },
                if *kind == Kind::Evaluation { ", of evaluations" } else { "" }
            ),
            texts: texts.collect(),
            note: match (more, errors.more) {
                (0, false) => String::new(),
                (_, true) => "and further ones".to_owned(),
                (more, false) => format!("and {more} other {}", if more == 1 { "wording" } else { "wordings" }),
            },
        }
    };
    types.into_iter().take(TYPES).map(quote).collect()
}
