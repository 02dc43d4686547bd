//! Reports: one HTML file about a run, or about what differs between two. It needs no network, no script to be read, and says
//! nothing of when it was made: the same recording gives the same bytes.
//!
//! [`Findings`] looks at the events while a recording is read, the store answers the rest; both go into a [`Run`], and a [`Report`] is
//! made of one or two of them. What a page holds is plain data (`page`), shown by one template, so the figures of a report are its
//! JSON as well.

mod compare;
mod findings;
mod html;
mod page;
mod run;
mod words;

use monitor_core::Zone;
use monitor_core::component::BoxError;
use monitor_core::pipeline::Summary;
use monitor_core::store::{Store, Window};

pub use findings::Findings;
use page::Page;

/// A recording that was read.
#[derive(Debug)]
pub struct Run<'a> {
    /// What it is called.
    pub name: String,
    /// Its samples.
    pub store: &'a Store,
    /// What was seen of its events.
    pub findings: &'a Findings,
    /// The account of the pipeline that read it; its incidents are those of the rules.
    pub summary: &'a Summary,
    /// What the rules are called: "the preset recommended".
    pub rules: String,
    /// What of it is meant. [`Window::ALL`]: all.
    pub window: Window,
}

/// How a report looks.
#[derive(Clone, Debug)]
pub struct Options {
    /// The heading; by the names of the runs without it.
    pub title: Option<String>,
    /// Dark on light, light on dark, or as the reader has it.
    pub theme: ReportTheme,
    /// The zone of times shown.
    pub zone: Zone,
}

/// The inks of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportTheme {
    /// As whoever reads it has set.
    #[default]
    Auto,
    /// Dark ink on white.
    Light,
    /// Light ink on near-black.
    Dark,
}

/// Why there is no report. Messages read after "failed to report: ".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is nothing to tell of.
    #[error("{name} holds no samples{}", if *windowed { " in the window that is meant" } else { "" })]
    NoData {
        /// The run.
        name: String,
        /// Whether only a part of it was meant.
        windowed: bool,
    },
    /// A chart could not be drawn.
    #[error("draw {chart}: {error}")]
    Chart {
        /// Its title.
        chart: String,
        /// Why not.
        error: BoxError,
    },
}

/// A report. See the module.
#[derive(Debug)]
pub struct Report {
    page: Page,
    theme: ReportTheme,
}

impl Report {
    /// About one run.
    ///
    /// # Errors
    /// When it holds no samples.
    pub fn of(run: &Run<'_>, options: &Options) -> Result<Self, ReportError> {
        Ok(Self { page: run::page(run, options)?, theme: options.theme })
    }

    /// About what differs between two runs: what `b` has that `a` had not.
    ///
    /// # Errors
    /// When one of them holds no samples.
    pub fn comparison(a: &Run<'_>, b: &Run<'_>, options: &Options) -> Result<Self, ReportError> {
        Ok(Self { page: compare::page(a, b, options)?, theme: options.theme })
    }

    /// The whole file.
    pub fn html(&self) -> String {
        html::html(&self.page, self.theme)
    }

    /// The figures: tiles, and sections with their tables, as they stand in the page.
    pub fn json(&self) -> serde_json::Value {
        let mut page = serde_json::to_value(&self.page).expect("a page is JSON");
        let sections = page["sections"].as_array_mut().into_iter().flatten();
        for blocks in sections.filter_map(|section| section["blocks"].as_array_mut()) {
            blocks.retain(|block| block["kind"] != "charts");
        }
        page
    }

    /// The heading, the tiles and the leads of the sections, for a terminal.
    pub fn text(&self) -> String {
        html::text(&self.page)
    }
}
