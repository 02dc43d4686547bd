//! Which series there are, by metric. The writer brings it forward; readers take it as it was published last.
//!
//! It is in small parts that are shared until they change, so that a series more costs the same whether there are ten or a
//! hundred thousand.

use std::collections::BTreeMap;

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
    segments: Vec<Arc<Vec<Arc<Series>>>>,
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
        match self.segments.last_mut().filter(|last| last.len() < SEGMENT) {
            Some(last) => Arc::make_mut(last).push(series),
            None => self.segments.push(Arc::new(vec![series])),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.segments.iter().flat_map(|segment| segment.iter())
    }

    pub(super) fn len(&self) -> usize {
        let full = self.segments.len().saturating_sub(1) * SEGMENT;
        full + self.segments.last().map_or(0, |last| last.len())
    }

    fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }
}
