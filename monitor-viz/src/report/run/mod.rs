//! The page about one run: what matters as tiles, then a section for each question that one asks of it.

mod alerts;
pub(super) mod charts;
pub(super) mod errors;
mod latency;
mod look;
pub(super) mod other;
mod quality;
pub(super) mod scores;
pub(super) mod spread;
mod tiles;
mod usage;

pub(super) use look::Look;

use super::page::{Page, Section};
use super::{Options, ReportError, Run, words};

/// The page about a run.
pub(super) fn page(run: &Run<'_>, options: &Options) -> Result<Page, ReportError> {
    let look = Look::at(run, &options.zone)?;
    let sections = [
        overview(&look)?,
        latency::section(&look)?,
        usage::section(&look)?,
        errors::section(&look)?,
        scores::section(&look)?,
        other::section(&look)?,
        alerts::section(&look),
        quality::section(&look),
    ];
    let events = words::counted(run.findings.events, "event", "events");
    let (from, to) = (look.window.start, look.window.end);
    let about = format!("{events} in {}, {}", words::length(from, to), words::span(from, to, look.zone));
    Ok(Page {
        title: options.title.clone().unwrap_or_else(|| run.name.clone()),
        offset: look.offset(),
        about: if options.title.is_some() { format!("{}: {about}", run.name) } else { about },
        tiles: tiles::tiles(&look),
        sections: sections.into_iter().filter(|section| !section.blocks.is_empty()).collect(),
        foot: foot(&look),
    })
}

fn overview(look: &Look<'_>) -> Result<Section, ReportError> {
    Ok(Section {
        id: "overview",
        title: "Overview".to_owned(),
        lead: String::new(),
        blocks: charts::beside([charts::success(look)?, charts::calls(look)?]),
    })
}

/// How it is to be read.
pub(super) fn foot(look: &Look<'_>) -> Vec<String> {
    let mut foot =
        vec![format!("Made by monitor {}. Times are those of the zone {}.", env!("CARGO_PKG_VERSION"), look.zone())];
    if look.inexact() {
        foot.push("Percentiles of many samples come from sketches, and are within 1% of a sample.".to_owned());
    }
    foot
}
