//! Samples in columns: those of one event share its time and their series, so an event costs one look-up, not eight.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Sample, SeriesKey};
use crate::{Text, Timestamp};

/// Series that get samples together, in order. All events that yield the same samples share one.
#[derive(Debug)]
pub struct SeriesSet {
    id: u64,
    keys: Box<[Arc<SeriesKey>]>,
}

impl SeriesSet {
    /// A set of these series.
    pub fn new(keys: impl IntoIterator<Item = Arc<SeriesKey>>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), keys: keys.into_iter().collect() })
    }

    /// No other set of this process has the same.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The series, in order.
    pub fn keys(&self) -> &[Arc<SeriesKey>] {
        &self.keys
    }
}

/// The samples of many events, in their order: a row an event, also for one that yields none.
///
/// ```
/// use monitor_core::Timestamp;
/// use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
///
/// let latency = SeriesSet::new([SeriesKey::new("latency", Labels::NONE).into()]);
/// let mut samples = Samples::default();
/// samples.push(Timestamp::from_secs(2), &latency, &[0.5]);
/// samples.push(Timestamp::from_secs(3), &latency, &[1.5]);
/// let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
/// assert_eq!(values, [0.5, 1.5]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Samples {
    rows: Vec<Row>,
    values: Vec<f64>,
    /// Few samples have one: by their place among the values, in order.
    feedback: Vec<(usize, Text)>,
}

#[derive(Clone, Debug)]
struct Row {
    time: Timestamp,
    /// `None` without samples.
    series: Option<Arc<SeriesSet>>,
    /// Where its values end.
    end: usize,
}

/// The samples of one event.
#[derive(Clone, Copy, Debug)]
pub struct EventSamples<'a> {
    time: Timestamp,
    series: Option<&'a SeriesSet>,
    values: &'a [f64],
    /// Where the values begin among those of all events.
    begin: usize,
    feedback: &'a [(usize, Text)],
}

impl Samples {
    /// None, with room for so many.
    pub(crate) fn with_room(events: usize, samples: usize) -> Self {
        Self { rows: Vec::with_capacity(events), values: Vec::with_capacity(samples), feedback: Vec::new() }
    }

    /// Adds the samples of an event: a value for each of the series, in their order.
    ///
    /// # Panics
    /// When there are more series than values, or fewer.
    pub fn push(&mut self, time: Timestamp, series: &Arc<SeriesSet>, values: &[f64]) {
        assert_eq!(series.keys.len(), values.len(), "a value for each series");
        self.values.extend_from_slice(values);
        self.end_row(time, Some(Arc::clone(series)));
    }

    /// Adds an event without samples.
    pub(crate) fn push_none(&mut self, time: Timestamp) {
        self.end_row(time, None);
    }

    /// Adds a value to the row that [`end_row`](Self::end_row) will make.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Says something of the value that is added next.
    pub(super) fn add_feedback(&mut self, feedback: Text) {
        self.feedback.push((self.values.len(), feedback));
    }

    /// Makes a row of the values added since the last one.
    #[inline]
    pub(super) fn end_row(&mut self, time: Timestamp, series: Option<Arc<SeriesSet>>) {
        self.rows.push(Row { time, series, end: self.values.len() });
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many events they are of.
    pub fn events(&self) -> usize {
        self.rows.len()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        let feedback = self.feedback.iter().map(|(_, text)| size_of::<(usize, Text)>() + text.len());
        self.rows.len() * size_of::<Row>() + self.values.len() * 8 + feedback.sum::<usize>()
    }

    /// The samples of the event at a place.
    #[inline]
    pub fn of(&self, event: usize) -> EventSamples<'_> {
        let row = &self.rows[event];
        let begin = self.begin(event);
        EventSamples {
            time: row.time,
            series: row.series.as_deref(),
            values: &self.values[begin..row.end],
            begin,
            feedback: &self.feedback,
        }
    }

    /// The samples of some of the events, event by event.
    pub fn of_each(&self, events: Range<usize>) -> impl Iterator<Item = EventSamples<'_>> {
        events.map(|event| self.of(event))
    }

    /// All samples.
    pub fn iter(&self) -> impl Iterator<Item = Sample<'_>> {
        self.of_each(0..self.rows.len()).flat_map(EventSamples::iter)
    }

    /// Adds the samples of an event among others.
    pub(crate) fn push_from(&mut self, others: &Self, event: usize) {
        let (row, begin) = (&others.rows[event], others.begin(event));
        let at = self.values.len();
        self.values.extend_from_slice(&others.values[begin..row.end]);
        let from = others.feedback.partition_point(|(place, _)| *place < begin);
        let feedback = others.feedback[from..].iter().take_while(|(place, _)| *place < row.end);
        self.feedback.extend(feedback.map(|(place, text)| (place - begin + at, text.clone())));
        self.end_row(row.time, row.series.clone());
    }

    /// The same events with a part of their samples: of each set of series the one that `part` gives, in the same order.
    pub(crate) fn only(&self, mut part: impl FnMut(&SeriesSet) -> Arc<SeriesSet>) -> Self {
        let mut only = Self::with_room(self.rows.len(), self.values.len());
        for (event, row) in self.rows.iter().enumerate() {
            let Some(series) = &row.series else {
                only.push_none(row.time);
                continue;
            };
            let part = part(series);
            let mut wanted = part.keys.iter().peekable();
            for sample in self.of(event).iter() {
                if wanted.next_if(|key| Arc::ptr_eq(key, sample.series)).is_some() {
                    if let Some(feedback) = sample.feedback {
                        only.add_feedback(feedback.clone());
                    }
                    only.add(sample.value);
                }
            }
            only.end_row(row.time, (!part.keys.is_empty()).then_some(part));
        }
        only
    }

    /// Takes the samples of the last event out.
    pub(crate) fn pop(&mut self) {
        if let Some(last) = self.rows.len().checked_sub(1) {
            let begin = self.begin(last);
            self.values.truncate(begin);
            self.feedback.truncate(self.feedback.partition_point(|(place, _)| *place < begin));
            self.rows.truncate(last);
        }
    }

    fn begin(&self, event: usize) -> usize {
        event.checked_sub(1).map_or(0, |before| self.rows[before].end)
    }
}

/// The events of several, one behind the other.
impl FromIterator<Self> for Samples {
    fn from_iter<I: IntoIterator<Item = Self>>(parts: I) -> Self {
        let mut all = Self::default();
        for part in parts {
            (0..part.events()).for_each(|event| all.push_from(&part, event));
        }
        all
    }
}

impl<'a> EventSamples<'a> {
    /// When the event happened.
    pub fn time(self) -> Timestamp {
        self.time
    }

    /// How many samples.
    pub fn len(self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn series(self) -> Option<&'a SeriesSet> {
        self.series
    }

    pub(crate) fn values(self) -> &'a [f64] {
        self.values
    }

    /// The samples.
    pub fn iter(self) -> impl Iterator<Item = Sample<'a>> {
        let keys = self.series.map(SeriesSet::keys).unwrap_or_default();
        keys.iter().zip(self.values).enumerate().map(move |(at, (series, value))| {
            let place = self.begin + at;
            let feedback = self.feedback.binary_search_by_key(&place, |(place, _)| *place).ok();
            let feedback = feedback.map(|at| &self.feedback[at].1);
            Sample { time: self.time, value: *value, series, feedback }
        })
    }
}
