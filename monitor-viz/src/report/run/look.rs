//! Asking the store, with "no such metric" and "no data" as the same answer: there is nothing to show of either.

use std::time::Duration;

use monitor_core::sample::Labels;
use monitor_core::store::{Distribution, Group, Percentiles, Query, Selector, Steps, Window, WindowStats};
use monitor_core::{Text, Timestamp, Zone};

use crate::report::{ReportError, Run};

/// A run, and what of it is meant.
pub(crate) struct Look<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) zone: &'a Zone,
    /// From the first to the last moment that there is something of.
    pub(crate) window: Window,
    /// How many windows the charts have, and how long they are.
    steps: Steps,
}

/// A group of series and its numbers, one a step.
pub(crate) struct OverTime {
    pub(crate) labels: Labels,
    /// The middle of the step, and what it holds.
    pub(crate) steps: Vec<(Timestamp, Option<WindowStats>)>,
}

/// A step of a chart: as short as it can be with so many of them at most.
const MOST_STEPS: u128 = 96;

/// Lengths that divide what people count time by, in seconds.
const STEPS: [u64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    2_592_000, 31_536_000,
];

impl<'a> Look<'a> {
    pub(crate) fn at(run: &'a Run<'a>, zone: &'a Zone) -> Result<Self, ReportError> {
        let nothing = || ReportError::NoData { name: run.name.clone(), windowed: run.window != Window::ALL };
        // Not as the store has it: it holds what the pipeline says of itself, too.
        let window = run.findings.extent.filter(|_| run.summary.samples > 0).ok_or_else(nothing)?;
        let length = window.end.since(window.start);
        let fits = |step: &Duration| length.as_micros() / step.as_micros() < MOST_STEPS;
        let step = STEPS.into_iter().map(Duration::from_secs).find(fits);
        // Centuries, of which one date is wrong.
        let step = step.unwrap_or_else(|| length / MOST_STEPS as u32 + Duration::from_secs(1));
        let start = window.start.floor(step).plus(step);
        let end = window.end.floor(step).plus(step);
        // Whole steps, the last of which ends with the data or after it. Windows include both of their ends, so they are a
        // microsecond shorter than the steps: nothing is counted twice.
        let steps = Steps { start, end, step, window: step.saturating_sub(Duration::from_micros(1)) };
        Ok(Self { run, zone, window, steps })
    }

    pub(crate) fn stats(&self, selector: &Selector) -> Option<WindowStats> {
        self.run.store.stats(selector, self.window).ok().flatten()
    }

    pub(crate) fn metric(&self, name: &str) -> Option<WindowStats> {
        self.stats(&Selector::metric(name))
    }

    /// By the values of a label, the largest group first.
    pub(crate) fn by(&self, metric: &str, label: &str, percentiles: Percentiles) -> Vec<Group> {
        let query = Query::new(Selector::metric(metric)).by(&[Text::new(label)]).percentiles(percentiles);
        let mut groups = self.run.store.query(&query, self.window).unwrap_or_default();
        groups
            .sort_by(|one, other| other.stats.count.cmp(&one.stats.count).then_with(|| one.labels.cmp(&other.labels)));
        groups
    }

    /// One answer a step.
    pub(crate) fn over_time(&self, query: &Query) -> Vec<OverTime> {
        let groups = self.run.store.range(query, &self.steps).unwrap_or_default();
        let half = self.steps.step / 2;
        let of = |(window, stats): (Window, Option<WindowStats>)| (window.end.minus(half), stats);
        groups
            .into_iter()
            .map(|group| OverTime { labels: group.labels, steps: group.windows.into_iter().map(of).collect() })
            .collect()
    }

    /// How often each value occurs.
    pub(crate) fn distributions(&self, metric: &str, labels: &[&str]) -> Vec<Distribution> {
        let labels: Vec<Text> = labels.iter().map(Text::new).collect();
        self.run.store.distributions(&Selector::metric(metric), self.window, &labels).unwrap_or_default()
    }

    /// Where the steps begin, and where the last one ends, in microseconds since the epoch.
    pub(crate) fn edges(&self) -> Vec<i64> {
        let ends = self.steps.windows().into_iter().flatten().map(|window| window.end.as_micros());
        std::iter::once(self.steps.start.minus(self.steps.step).as_micros()).chain(ends).collect()
    }

    pub(crate) fn step(&self) -> Duration {
        self.steps.step
    }

    /// Without percentiles, which is quicker.
    pub(crate) fn plain(&self, metric: &str) -> Option<WindowStats> {
        let query = Query::new(Selector::metric(metric)).percentiles(Percentiles::Off);
        let groups = self.run.store.query(&query, self.window).unwrap_or_default();
        groups.into_iter().next().map(|group| group.stats)
    }

    /// How many generations there were.
    pub(crate) fn calls(&self) -> u64 {
        self.plain("success_rate").or_else(|| self.plain("generation_time")).map_or(0, |stats| stats.count)
    }

    /// How many of them failed.
    pub(crate) fn failed(&self) -> u64 {
        self.plain("success_rate").map_or(0, |stats| stats.count - (stats.sum.round() as u64).min(stats.count))
    }

    /// Whether percentiles may be a little off.
    pub(crate) fn inexact(&self) -> bool {
        ["generation_time", "evaluation_time"]
            .iter()
            .any(|metric| self.metric(metric).is_some_and(|stats| stats.percentile_error > 0.0))
    }

    /// Seconds that the zone is east of UTC, as of the end.
    pub(crate) fn offset(&self) -> i32 {
        self.zone.offset_seconds(self.window.end.to_utc())
    }

    /// What the zone is called.
    pub(crate) fn zone(&self) -> String {
        match self.zone {
            Zone::Local => {
                let seconds = self.offset();
                let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
                format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            Zone::Named(zone) => zone.to_string(),
            Zone::Fixed(offset) => format!("UTC{offset}"),
        }
    }
}

/// The value of a label; `unknown` if there is none, as the store has it.
pub(crate) fn label(labels: &Labels, name: &str) -> String {
    labels.get(name).filter(|value| !value.is_empty()).map_or_else(|| "unknown".to_owned(), ToString::to_string)
}
