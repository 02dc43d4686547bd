//! How good what was generated is: the scores of evaluations.

use monitor_core::Text;
use monitor_core::store::{Group, Percentiles, Selector};

use super::charts;
use super::latency::{ROWS, left_out};
use super::look::{Look, label};
use crate::report::page::{Block, Cell, Quote, Section, Table};
use crate::report::{ReportError, words};

pub(super) fn section(look: &Look<'_>) -> Result<Section, ReportError> {
    let scores = metrics(look);
    let mut blocks =
        charts::beside([charts::means(look, &scores, "Scores", "mean score")?, charts::boxes(look, &scores)?]);
    if !scores.is_empty() {
        blocks.push(Block::Table(table(look, &scores)));
    }
    let quotes: Vec<Quote> = scores.iter().filter_map(|score| quote(look, score)).collect();
    if !quotes.is_empty() {
        blocks.push(Block::Quotes { title: "Why the lowest were given".to_owned(), quotes });
    }
    let lead = look.metric("evaluation_time").map_or_else(String::new, |stats| {
        let (judged, names) = (words::counted(stats.count, "evaluation", "evaluations"), scores.len() as u64);
        format!("{judged} gave {}.", words::counted(names, "kind of score", "kinds of scores"))
    });
    Ok(Section { id: "scores", title: "Scores".to_owned(), lead, blocks })
}

/// The metrics of scores, by name.
pub(in crate::report) fn metrics(look: &Look<'_>) -> Vec<Text> {
    let all = look.run.store.metrics().into_iter().map(|metric| metric.name);
    all.filter(|name| name.starts_with("evaluation_score_") && look.metric(name).is_some()).collect()
}

fn table(look: &Look<'_>, scores: &[Text]) -> Table {
    let columns = ["score", "evaluator", "#count", "#mean", "#deviation", "#min", "#p50", "#p90", "#max"];
    let mut table = Table::new("Scores by evaluator", &columns);
    let rows = scores.iter().flat_map(|score| {
        look.by(score, "evaluator_type", Percentiles::Sketched).into_iter().map(move |Group { labels, stats }| {
            let numbers = [stats.mean, stats.stddev, stats.min, stats.p50, stats.p90, stats.max];
            let mut row = vec![
                Cell::text(words::score(score)),
                Cell::text(label(&labels, "evaluator_type")),
                Cell::count(stats.count),
            ];
            row.extend(numbers.map(|number| Cell::number(number, |number| words::digits(number, 3))));
            row
        })
    });
    let rows: Vec<_> = rows.collect();
    table.note = left_out(rows.len());
    table.rows = rows.into_iter().take(ROWS).collect();
    table
}

fn quote(look: &Look<'_>, score: &Text) -> Option<Quote> {
    let judged = look.run.findings.lowest.get(score)?;
    let highest = look.stats(&Selector::metric(score.clone()))?.max;
    // Where all is as good as it gets, nothing is low.
    let low = judged.iter().filter(|judged| judged.value < highest);
    let texts: Vec<_> = low
        .map(|judged| {
            let value = words::digits(judged.value, 3);
            (judged.feedback.clone(), format!("{value}, {}", words::moment(judged.time, look.zone)))
        })
        .collect();
    (!texts.is_empty()).then(|| Quote { title: words::score(score), texts, note: String::new() })
}
