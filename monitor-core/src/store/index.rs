//! Which series there are, by metric. The writer brings it forward; readers take it as it was published last.
//!
//! It is in small parts that are shared until they change, so that a series more costs the same whether there are ten or a
//! hundred thousand.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use super::selector::Selector;
use super::series::Series;
use super::sync::Arc;
use crate::Text;

/// The metrics and their series.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// By a number made of the metric's name.
    shards: Box<[Arc<BTreeMap<Text, List>>]>,
}

/// The series of a metric, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    segments: Vec<Arc<Segment>>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    series: Vec<Arc<Series>>,
    /// Digests of the labels of all of them, sorted. Of a segment that is full, once somebody has asked: most questions are of
    /// few series, and to ask each one for its labels takes longer than anything else that a question takes.
    digests: OnceLock<Box<[u64]>>,
}

const SHARDS: usize = 64;
const SEGMENT: usize = 128;

impl Default for Index {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Arc::default()).collect() }
    }
}

impl Index {
    fn shard(metric: &str) -> usize {
        metric.bytes().fold(0, |number: usize, byte| number.wrapping_mul(31).wrapping_add(byte.into())) % SHARDS
    }

    pub(super) fn get(&self, metric: &str) -> Option<&List> {
        self.shards[Self::shard(metric)].get(metric)
    }

    /// Metrics and their series, sorted by name.
    pub(super) fn sorted(&self) -> Vec<(&Text, &List)> {
        let mut all: Vec<_> = self.shards.iter().flat_map(|shard| shard.iter()).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// The names of the metrics, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &Text> {
        self.shards.iter().flat_map(|shard| shard.keys())
    }

    pub(super) fn push(&mut self, series: Arc<Series>) {
        let metric = series.key().metric();
        let shard = Arc::make_mut(&mut self.shards[Self::shard(metric)]);
        match shard.get_mut(metric) {
            Some(list) => list.push(series),
            None => shard.entry(metric.clone()).or_default().push(series),
        }
    }

    /// Knows a metric from now on, whether or not it has series.
    pub(super) fn know(&mut self, metric: Text) {
        Arc::make_mut(&mut self.shards[Self::shard(&metric)]).entry(metric).or_default();
    }

    /// An index of these series. Of the metrics known before that have none among them, so many stay known.
    pub(super) fn rebuilt(&self, series: impl Iterator<Item = Arc<Series>>, most_gone: usize) -> Self {
        let mut index = Self::default();
        series.for_each(|series| index.push(series));
        let gone: Vec<&Text> = self.names().filter(|name| index.get(name).is_none()).take(most_gone).collect();
        for name in gone {
            index.know(name.clone());
        }
        index
    }

    /// The metrics that have no series.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Text> {
        let all = self.shards.iter().flat_map(|shard| shard.iter());
        all.filter(|(_, list)| list.is_empty()).map(|(name, _)| name)
    }
}

impl List {
    fn push(&mut self, series: Arc<Series>) {
        match self.segments.last_mut().filter(|last| !last.is_full()) {
            Some(last) => Arc::make_mut(last).series.push(series),
            None => self.segments.push(Arc::new(Segment { series: vec![series], digests: OnceLock::new() })),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.segments.iter().flat_map(|segment| segment.series.iter())
    }

    /// Those that a selector means.
    pub(super) fn matching<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = &'a Arc<Series>> {
        let wanted: Vec<u64> = selector.exact().map(digest).collect();
        let segments = self.segments.iter().filter(move |segment| segment.may_have(&wanted));
        segments.flat_map(|segment| segment.series.iter()).filter(|series| selector.matches(series.key().labels()))
    }

    pub(super) fn len(&self) -> usize {
        let full = self.segments.len().saturating_sub(1) * SEGMENT;
        full + self.segments.last().map_or(0, |last| last.series.len())
    }

    fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}

impl Segment {
    fn is_full(&self) -> bool {
        self.series.len() >= SEGMENT
    }

    /// Whether there may be series with all of these labels.
    fn may_have(&self, wanted: &[u64]) -> bool {
        if wanted.is_empty() || !self.is_full() {
            return true;
        }
        let digests = self.digests.get_or_init(|| {
            let labels = self.series.iter().flat_map(|series| series.key().labels().iter());
            let mut digests: Vec<u64> = labels.map(digest).collect();
            digests.sort_unstable();
            digests.dedup();
            digests.into()
        });
        wanted.iter().all(|digest| digests.binary_search(digest).is_ok())
    }
}

/// A label in eight bytes. Two may have the same one: then a segment is looked through in vain.
fn digest(label: (&Text, &Text)) -> u64 {
    foldhash::fast::FixedState::default().hash_one((label.0.as_str(), label.1.as_str()))
}
