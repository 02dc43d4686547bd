//! The statistics of a window while its series are gone through, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::node::{Detail, Node};
use super::open::Column;
use super::series::Series;
use super::sketch::{Bins, Counts};
use super::stats::WindowStats;
use super::summary::{Summary, merge};
use super::{Percentiles, Window};

/// Up to so many samples percentiles are exact without being asked to be: they cost little more than from sketches.
const MANY: u64 = 2_048;

pub(super) struct Gather<'a> {
    window: Window,
    bins: &'a Bins,
    percentiles: Percentiles,
    summary: Option<Summary>,
    /// The values, if percentiles are to be exact.
    values: Vec<f64>,
    /// What takes their place where there are too many, or only buckets.
    counts: Option<Counts>,
    /// The widest bucket at an edge.
    resolution: i64,
    scratch: (Vec<i64>, Vec<f64>),
}

impl<'a> Gather<'a> {
    pub(super) fn new(window: Window, bins: &'a Bins, percentiles: Percentiles) -> Self {
        Self {
            window,
            bins,
            percentiles,
            summary: None,
            values: Vec::new(),
            counts: None,
            resolution: 0,
            scratch: Default::default(),
        }
    }

    /// As [`new`](Self::new), for how often each value occurs: of few samples, too, only what bin they fall into.
    pub(super) fn counting(window: Window, bins: &'a Bins) -> Self {
        Self { counts: Some(Counts::default()), ..Self::new(window, bins, Percentiles::Sketched) }
    }

    /// Goes through the series.
    pub(super) fn all(&mut self, series: &[Arc<Series>]) {
        if self.window.start > self.window.end {
            return;
        }
        if self.percentiles == Percentiles::Sketched && self.are_many(series) {
            self.counts = Some(Counts::default());
        }
        for series in series {
            self.series(series);
        }
    }

    /// Whether what lies wholly in the window are too many samples to keep their values: then no value needs to be kept.
    fn are_many(&self, series: &[Arc<Series>]) -> bool {
        let mut count = 0;
        series.iter().any(|series| {
            count += series.state().nodes.iter().map(|node| self.inside(node)).sum::<u64>();
            count > MANY
        })
    }

    fn inside(&self, node: &Node) -> u64 {
        let (first, last) = (node.summary.first.0, node.summary.last.0);
        let (start, end) = (self.window.start.as_micros(), self.window.end.as_micros());
        match &node.detail {
            _ if last < start || first > end => 0,
            _ if start <= first && last <= end => node.summary.count,
            Detail::Span { nodes, .. } => nodes.iter().map(|node| self.inside(node)).sum(),
            Detail::Samples(_) | Detail::Bucket { .. } => 0,
        }
    }

    /// Whether percentiles stay exact with so many samples more.
    fn keeps_values(&self, more: u64) -> bool {
        let few = self.values.len() as u64 + more <= MANY;
        self.counts.is_none() && (few || self.percentiles == Percentiles::Exact)
    }

    fn series(&mut self, series: &Series) {
        let state = series.state();
        // Buckets follow each other: those before the window need not be looked at.
        let start = self.window.start.as_micros();
        let from = state.buckets.partition_point(|node| node.summary.last.0 < start);
        let end = self.window.end.as_micros();
        for node in state.buckets[from..].iter().take_while(|node| node.summary.first.0 <= end).chain(&state.nodes) {
            self.node(node);
        }
        state.open.iter().for_each(|column| self.open(column));
    }

    fn node(&mut self, node: &Node) {
        let (start, end) = (self.window.start.as_micros(), self.window.end.as_micros());
        let (first, last) = (node.summary.first.0, node.summary.last.0);
        if last < start || first > end {
            return;
        }
        if start <= first && last <= end {
            return self.whole(node);
        }
        match &node.detail {
            Detail::Span { nodes, .. } => nodes.iter().for_each(|node| self.node(node)),
            Detail::Samples(_) => {
                let (mut times, mut values) = std::mem::take(&mut self.scratch);
                times.clear();
                values.clear();
                node.decode(&mut times, &mut values).expect("what the store has compressed");
                let from = times.partition_point(|time| *time < start);
                let to = times.partition_point(|time| *time <= end).max(from);
                self.samples(&times[from..to], &values[from..to]);
                self.scratch = (times, values);
            }
            // It is in or out as its middle is.
            Detail::Bucket { width, .. } => {
                self.resolution = self.resolution.max(*width);
                let middle = first + (last - first) / 2;
                if start <= middle && middle <= end {
                    self.whole(node);
                }
            }
        }
    }

    fn whole(&mut self, node: &Node) {
        merge(&mut self.summary, &node.summary);
        if self.percentiles == Percentiles::Off {
            return;
        }
        if self.keeps_values(node.summary.count) && !holds_buckets(node) {
            self.scratch.0.clear();
            node.decode(&mut self.scratch.0, &mut self.values).expect("what the store has compressed");
        } else {
            let bins = self.bins;
            node.count(bins, self.sketched());
        }
    }

    fn open(&mut self, column: &Column) {
        let (start, end) = (self.window.start.as_micros(), self.window.end.as_micros());
        let (mut times, mut values) = std::mem::take(&mut self.scratch);
        times.clear();
        values.clear();
        column.read(&mut times, &mut values);
        let inside = |time: i64| start <= time && time <= end;
        if !times.iter().all(|time| inside(*time)) {
            let mut kept = 0;
            for at in 0..times.len() {
                (times[kept], values[kept]) = (times[at], values[at]);
                kept += usize::from(inside(times[kept]));
            }
            times.truncate(kept);
            values.truncate(kept);
        }
        self.samples(&times, &values);
        self.scratch = (times, values);
    }

    fn samples(&mut self, times: &[i64], values: &[f64]) {
        let Some(summary) = Summary::of(times, values) else { return };
        merge(&mut self.summary, &summary);
        if self.percentiles == Percentiles::Off {
            return;
        }
        if self.keeps_values(summary.count) {
            self.values.extend_from_slice(values);
        } else {
            let bins = self.bins;
            self.sketched().add_all(bins, values);
        }
    }

    /// From here on percentiles come from sketches.
    fn sketched(&mut self) -> &mut Counts {
        let bins = self.bins;
        let values = &mut self.values;
        self.counts.get_or_insert_with(|| {
            let mut counts = Counts::default();
            counts.add_all(bins, values);
            values.clear();
            counts
        })
    }

    /// The values and how often each occurs.
    pub(super) fn finish_counting(self) -> Vec<(f64, u64)> {
        self.counts.map_or_else(Vec::new, |counts| counts.values(self.bins))
    }

    pub(super) fn finish(mut self) -> Option<WindowStats> {
        let summary = self.summary?;
        let resolution = Duration::from_micros(self.resolution.unsigned_abs());
        let last_rank = summary.count - 1;
        let mut stats = WindowStats::of(&summary, self.window, resolution);
        if self.percentiles == Percentiles::Off {
            return Some(stats);
        }
        let values = &mut self.values;
        let at_rank = |rank: u64| match &self.counts {
            Some(counts) => counts.at_rank(self.bins, rank).clamp(summary.min, summary.max),
            None => *values.select_nth_unstable_by(rank as usize, f64::total_cmp).1,
        };
        stats.set_percentiles(last_rank, at_rank);
        stats.percentile_error = if self.counts.is_some() { self.bins.error() } else { 0.0 };
        Some(stats)
    }
}

fn holds_buckets(node: &Node) -> bool {
    match &node.detail {
        Detail::Samples(_) => false,
        Detail::Bucket { .. } => true,
        Detail::Span { nodes, .. } => nodes.iter().any(|node| holds_buckets(node)),
    }
}
