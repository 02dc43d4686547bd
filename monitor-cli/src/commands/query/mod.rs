//! `monitor query`: recordings into a store, and a question to it.

mod list;
pub(super) mod rows;
pub(super) mod text;
pub(super) mod unit;

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::pipeline::{Builder, Summary};
use monitor_core::sample::Labels;
use monitor_core::store::{
    Aggregate, Group, GroupRange, Limits, Percentiles, Query, RangeError, Selector, Store, Window, WindowStats,
};
use monitor_core::suggest::hint;
use monitor_core::time::format_duration;
use monitor_core::{Text, Zone};

use super::times::{Asked, Flags, Times};
use super::{add_data, drive, judged};
use crate::args::{QueryArgs, RowFormat};
use crate::exit::{Failure, Outcome};
use crate::summary;
use rows::Row;

/// What is asked, but for the time.
struct Question {
    selector: Selector,
    by: Vec<Text>,
    aggregates: Vec<Aggregate>,
    query: Query,
    zone: Zone,
}

/// Answers the question over the recordings.
pub(crate) fn query(args: &QueryArgs) -> Outcome {
    if args.list {
        return list::list(args);
    }
    let question = Question::parse(args)?;
    let times = Times::parse(&Flags {
        since: args.since.as_ref(),
        until: args.until.as_ref(),
        at: args.at.as_ref(),
        window: args.window,
        step: args.step,
        zone: &args.timezone,
        at_and_step: true,
    })?;
    // What is named is to be told apart by, so it is a label, whatever it is elsewhere.
    let labels: Vec<Text> = question.by.iter().chain(question.selector.labels()).cloned().collect();
    let (summary, store) = read(&args.timezone, &args.data, labels)?;
    question.check(&store)?;
    let data =
        store.extent().ok_or_else(|| Failure::Run(vec!["answer: there are no samples in the data".to_owned()]))?;
    let asked = times.over(data)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let metric = question.selector.name();
    let exactness = match args.format {
        RowFormat::Text => {
            let (text, groups) = text::text(&store, &question, &asked)?;
            out.write_all(text.as_bytes())?;
            inexact(groups.iter().map(|group| &group.stats))
        }
        format => {
            let rows = question.rows(&store, &asked)?;
            match format {
                RowFormat::Csv => rows::csv(&mut out, metric, &question.by, &question.aggregates, &rows)?,
                _ => rows::json(&mut out, metric, &question.aggregates, &rows)?,
            }
            inexact(rows.iter().filter_map(|row| row.stats.as_ref()))
        }
    };
    out.flush()?;
    // The process ends here: to take the store apart would only take time.
    std::mem::forget(store);
    tell(&exactness);
    judged(&summary)
}

/// Recordings into a store that keeps all of them, as a replay reads them; without rules. What could not be read is told.
pub(super) fn read(zone: &Zone, data: &[PathBuf], labels: Vec<Text>) -> Result<(Summary, Arc<Store>), Failure> {
    let builder = Builder::new().zone(zone.clone()).event_time();
    let builder = builder.limits(Limits::whole_recording()).labels(labels);
    let (summary, store) = drive(add_data(builder, data)?, |_, _| {})?;
    if summary.interrupted {
        return Err(Failure::Run(vec!["read all of it: it was interrupted".to_owned()]));
    }
    let mut notes = String::new();
    summary::not_used(&summary, &mut notes).expect("memory takes it");
    tell(&notes);
    Ok((summary, store))
}

/// To whoever watches; what the answer goes to holds nothing else.
pub(super) fn tell(notes: &str) {
    // Nobody is left to tell if even this cannot be written.
    drop(std::io::stderr().write_all(notes.as_bytes()));
}

impl Question {
    fn parse(args: &QueryArgs) -> Result<Self, Failure> {
        let wrong = |flag: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{flag}{error}"));
        let mut selector: Selector = args.metric.parse().map_err(|error| wrong("", &error))?;
        for condition in &args.conditions {
            selector = selector.and_text(condition).map_err(|error| wrong("--where: ", &error))?;
        }
        let (by, aggregates) = (each_once(&args.by), each_once(&args.agg));
        let order = args.order.or_else(|| aggregates.first().copied()).unwrap_or_default();
        let percentiles = match aggregates.iter().chain(args.order.iter()).any(|aggregate| aggregate.is_percentile()) {
            true if args.exact => Percentiles::Exact,
            true => Percentiles::Sketched,
            false => Percentiles::Off,
        };
        let query = Query::new(selector.clone()).by(&by).percentiles(percentiles);
        let query = if let Some(count) = args.top { query.top(count, order) } else { query };
        Ok(Self { selector, by, aggregates, query, zone: args.timezone.clone() })
    }

    /// A label that no series has groups nothing and selects nothing: it is misspelt.
    fn check(&self, store: &Store) -> Outcome {
        let metrics = store.metrics();
        let metric = self.selector.stored_metric();
        // An unknown metric is told of by the store.
        let Some(summary) = metrics.iter().find(|summary| summary.name == *metric) else { return Ok(()) };
        let known: Vec<&Text> = summary.labels.keys().collect();
        match self.by.iter().chain(self.selector.labels()).find(|label| !known.contains(label)) {
            Some(label) => {
                let hint = hint(label, &known);
                Err(Failure::Usage(format!("no series of `{metric}` has a label `{label}`: {hint}")))
            }
            None => Ok(()),
        }
    }

    /// A row for every window of every group. A question without groups is answered also where there is no data.
    fn rows(&self, store: &Store, asked: &Asked) -> Result<Vec<Row>, Failure> {
        let (ranges, windows): (Vec<GroupRange>, Vec<Window>) = match asked {
            Asked::One(window) => {
                let groups = store.query(&self.query, *window).map_err(unanswered)?.into_iter();
                let range = |Group { labels, stats }| GroupRange { labels, windows: vec![(*window, Some(stats))] };
                (groups.map(range).collect(), vec![*window])
            }
            Asked::Many(steps) => {
                let ranges = store.range(&self.query, steps).map_err(unanswered)?;
                (ranges, steps.windows().map_err(unanswered)?.collect())
            }
        };
        if ranges.is_empty() && self.by.is_empty() {
            let empty = |window| Row { labels: Labels::NONE, window, stats: None };
            return Ok(windows.into_iter().map(empty).collect());
        }
        let rows = ranges.into_iter().flat_map(|GroupRange { labels, windows }| {
            windows.into_iter().map(move |(window, stats)| Row { labels: labels.clone(), window, stats })
        });
        Ok(rows.collect())
    }
}

fn each_once<T: Clone + PartialEq>(names: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::new();
    for name in names {
        if !once.contains(name) {
            once.push(name.clone());
        }
    }
    once
}

pub(super) fn unanswered(error: impl Into<RangeError>) -> Failure {
    match error.into() {
        RangeError::NoSuchMetric(error) => {
            let see = if error.nearest.is_none() { "; `monitor query --list DATA` shows what there is" } else { "" };
            Failure::Run(vec![format!("answer: {error}{see}")])
        }
        error @ RangeError::TooManySteps { .. } => Failure::Usage(error.to_string()),
    }
}

/// How far numbers that were told may be off, in words; nothing if they are not.
fn inexact<'a>(told: impl Iterator<Item = &'a WindowStats>) -> String {
    let (mut resolution, mut error) = (Duration::ZERO, 0.0_f64);
    for stats in told {
        resolution = resolution.max(stats.resolution);
        error = error.max(stats.percentile_error);
    }
    let mut notes = String::new();
    if error > 0.0 {
        let percent = unit::number(error * 100.0, 2);
        notes += &format!("percentiles are within {percent}% of the samples; --exact looks at every sample\n");
    }
    if resolution > Duration::ZERO {
        let by = format_duration(resolution);
        notes += &format!(
            "windows may begin and end up to {by} off: for want of room some samples are only kept summed up\n"
        );
    }
    notes
}
