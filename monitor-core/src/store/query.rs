//! Questions to the store: one window or many, in groups, the largest first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::gather::Gather;
use super::{Aggregate, NoSuchMetric, Selector, Series, Store, Window, WindowStats};
use crate::sample::Labels;
use crate::{Text, Timestamp};

/// How percentiles are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Percentiles {
    /// Not at all, which is quicker; in the answer they are not a number.
    Off,
    /// From the samples where these are few, else from sketches, within the error of the store's limits.
    #[default]
    Sketched,
    /// From the samples, as far as they are kept.
    Exact,
}

/// A question: which series, in which groups, with which percentiles.
///
/// ```
/// use monitor_core::store::{Aggregate, Query, Selector};
///
/// let slowest_models = Query::new(Selector::metric("generation_time"))
///     .by(&["model_name".into()])
///     .top(3, Aggregate::P99);
/// # let _ = slowest_models;
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    selector: Selector,
    by: Vec<Text>,
    percentiles: Percentiles,
    top: Option<(usize, Aggregate)>,
}

/// A group of series and the statistics of its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The labels that were grouped by, as far as the series have them.
    pub labels: Labels,
    /// The statistics.
    pub stats: WindowStats,
}

/// How the samples of a group of series are distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The labels that were grouped by, as far as the series have them.
    pub labels: Labels,
    /// Values, the smallest first, and how many samples have each. Values that are closer to each other than the error of
    /// the store's percentiles may be counted as one; whatever the window, the same ones are.
    pub values: Vec<(f64, u64)>,
}

/// A group of series and its statistics in one window after the other; `None` where a window has no samples.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRange {
    /// The labels that were grouped by, as far as the series have them.
    pub labels: Labels,
    /// The windows and their statistics.
    pub windows: Vec<(Window, Option<WindowStats>)>,
}

/// Windows of one length that end at `start`, `start + step`, … up to `end`. A window includes both of its ends, so a
/// sample at the end of one is also in the next where `step` is as long as `window`.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Where the first window ends.
    pub start: Timestamp,
    /// No window ends later.
    pub end: Timestamp,
    /// From the end of a window to that of the next.
    pub step: Duration,
    /// How long a window is.
    pub window: Duration,
}

/// Windows in a range at most, as in Prometheus.
pub const MOST_STEPS: u64 = 11_000;

/// A range that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The store has never seen the metric.
    #[error(transparent)]
    NoSuchMetric(#[from] NoSuchMetric),
    /// Too many windows, or a step of zero.
    #[error("from {start} to {end} in steps of {step:?} are more than 11,000 windows: make the step longer")]
    TooManySteps {
        /// Where the first window ends.
        start: Timestamp,
        /// No window ends later.
        end: Timestamp,
        /// From the end of a window to that of the next.
        step: Duration,
    },
}

impl Query {
    /// All series that `selector` selects, as one group.
    pub fn new(selector: Selector) -> Self {
        Self { selector, by: Vec::new(), percentiles: Percentiles::default(), top: None }
    }

    /// A group for every combination of the values of these labels.
    pub fn by(mut self, labels: &[Text]) -> Self {
        self.by = labels.to_vec();
        self
    }

    /// How percentiles are found.
    pub fn percentiles(mut self, percentiles: Percentiles) -> Self {
        self.percentiles = percentiles;
        self
    }

    /// Only the `count` groups of which `aggregate` is largest, the largest first.
    pub fn top(mut self, count: usize, aggregate: Aggregate) -> Self {
        self.top = Some((count, aggregate));
        self
    }
}

impl Steps {
    /// The windows, the earliest first.
    ///
    /// # Errors
    /// When there would be more than 11,000.
    pub fn windows(&self) -> Result<impl Iterator<Item = Window> + use<>, RangeError> {
        let Self { start, end, step, window } = *self;
        let steps = end.since(start).as_micros().checked_div(step.as_micros());
        match steps {
            Some(steps) if steps < u128::from(MOST_STEPS) => {
                let mut next = Some(start);
                Ok(std::iter::from_fn(move || {
                    let end_here = next.filter(|next| *next <= end)?;
                    // Nothing comes after the end of time.
                    next = Some(end_here.plus(step)).filter(|next| *next > end_here);
                    Some(Window::last(window, end_here))
                }))
            }
            _ => Err(RangeError::TooManySteps { start, end, step }),
        }
    }
}

impl Store {
    /// The groups that have samples in the window, sorted by their labels, or the top ones.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn query(&self, query: &Query, window: Window) -> Result<Vec<Group>, NoSuchMetric> {
        let groups = self.groups(query)?;
        // To go by a percentile is to ask for it.
        let by_percentile = query.top.is_some_and(|(_, aggregate)| aggregate.is_percentile());
        let sketched = Query { percentiles: Percentiles::Sketched, ..query.clone() };
        let query = if by_percentile && query.percentiles == Percentiles::Off { &sketched } else { query };
        let mut answers: Vec<Group> = groups
            .into_iter()
            .filter_map(|(labels, series)| Some(Group { labels, stats: self.gather(query, &series, window)? }))
            .collect();
        if let Some((count, aggregate)) = query.top {
            answers.sort_by(|a, b| b.stats.get(aggregate).total_cmp(&a.stats.get(aggregate)));
            answers.truncate(count);
        }
        Ok(answers)
    }

    /// One answer a step and group. Groups without a sample in any window are left out; `top` goes by the window from
    /// the start of the first to the end of the last.
    ///
    /// # Errors
    /// When the store has never seen the metric, or there would be more than 11,000 windows.
    pub fn range(&self, query: &Query, steps: &Steps) -> Result<Vec<GroupRange>, RangeError> {
        let windows: Vec<Window> = steps.windows()?.collect();
        let mut groups = self.groups(query)?;
        if query.top.is_some() {
            let whole = Window { start: steps.start.minus(steps.window), end: steps.end };
            let mut top = Vec::new();
            for group in self.query(query, whole)? {
                top.extend(groups.remove(&group.labels).map(|series| (group.labels, series)));
            }
            return Ok(self.ranges(query, &windows, top));
        }
        Ok(self.ranges(query, &windows, groups.into_iter().collect()))
    }

    /// How often each value occurs in the window, by the values of `labels`, sorted by them; groups without samples in the
    /// window are left out.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn distributions(
        &self,
        selector: &Selector,
        window: Window,
        labels: &[Text],
    ) -> Result<Vec<Distribution>, NoSuchMetric> {
        let groups = self.groups(&Query::new(selector.clone()).by(labels))?;
        let count = |(labels, series): (Labels, Vec<Found>)| {
            let mut gather = Gather::counting(window, &self.bins);
            gather.all(&series);
            Distribution { labels, values: gather.finish_counting() }
        };
        Ok(groups.into_iter().map(count).filter(|group| !group.values.is_empty()).collect())
    }

    fn ranges(&self, query: &Query, windows: &[Window], groups: Vec<(Labels, Vec<Found>)>) -> Vec<GroupRange> {
        let answer = |(labels, series): (Labels, Vec<Found>)| {
            let answers = windows.iter().map(|window| (*window, self.gather(query, &series, *window)));
            GroupRange { labels, windows: answers.collect() }
        };
        let answers = groups.into_iter().map(answer);
        answers.filter(|group| group.windows.iter().any(|(_, stats)| stats.is_some())).collect()
    }

    fn groups(&self, query: &Query) -> Result<BTreeMap<Labels, Vec<Found>>, NoSuchMetric> {
        let mut groups: BTreeMap<Labels, Vec<Found>> = BTreeMap::new();
        let found = self.select(&query.selector)?;
        if query.by.is_empty() {
            groups.insert(Labels::NONE, found);
            return Ok(groups);
        }
        for series in found {
            groups.entry(series.key().labels().only(&query.by)).or_default().push(series);
        }
        Ok(groups)
    }

    fn gather(&self, query: &Query, series: &[Found], window: Window) -> Option<WindowStats> {
        let mut gather = Gather::new(window, &self.bins, query.percentiles);
        gather.all(series);
        gather.finish()
    }
}

type Found = std::sync::Arc<Series>;
