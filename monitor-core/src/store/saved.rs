//! A store as it is written down, to be taken up again by the next process.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::node::{CHUNK, Detail, Node};
use super::open::Open;
use super::rollup::{COARSE, FINE};
use super::series::{State, Written};
use super::{Bounds, Limits, Store};
use crate::Text;
use crate::sample::{Labels, SeriesKey};

/// Everything that a store holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedStore {
    percentile_error: f64,
    newest: i64,
    evicted_to: i64,
    bounds: Bounds,
    overflowing: BTreeMap<Text, u64>,
    /// All metrics, those without a series too: they stay known.
    metrics: Vec<Text>,
    series: Vec<SavedSeries>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedSeries {
    metric: Text,
    labels: Vec<(Text, Text)>,
    buckets: Arc<Vec<Arc<Node>>>,
    nodes: Vec<Arc<Node>>,
    open: Vec<(i64, f64)>,
}

/// Why a store cannot be taken up again.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Unusable {
    /// It is not what a store writes.
    #[error("its samples are damaged")]
    Damaged,
    /// Its sketches have other bins.
    #[error("it was written with `percentile_error = {0}`, which is another one now")]
    PercentileError(f64),
}

impl Store {
    /// What the store holds, to be written down.
    pub(crate) fn saved(&self) -> SavedStore {
        let writer = self.write();
        let series = writer.series.iter().map(|written| {
            let key = written.series.key();
            SavedSeries {
                metric: key.metric().clone(),
                labels: key.labels().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                buckets: Arc::clone(&written.state.buckets),
                nodes: written.state.nodes.clone(),
                open: written.state.open.iter().collect(),
            }
        });
        SavedStore {
            percentile_error: writer.limits.percentile_error,
            newest: writer.newest,
            evicted_to: writer.evicted_to,
            bounds: writer.bounds(),
            overflowing: writer.overflowing.clone(),
            metrics: self.index.get().keys().cloned().collect(),
            series: series.collect(),
        }
    }

    /// A store that goes on from what was written down.
    pub(crate) fn restored(limits: Limits, saved: SavedStore) -> Result<Self, Unusable> {
        if saved.percentile_error.to_bits() != limits.percentile_error.to_bits() {
            return Err(Unusable::PercentileError(saved.percentile_error));
        }
        let store = Self::new(limits);
        let mut writer = store.write();
        for series in saved.series {
            let whole = series.open.len() <= CHUNK
                && series.buckets.iter().all(|node| matches!(node.detail, Detail::Bucket { .. }))
                && series.buckets.iter().chain(&series.nodes).all(|node| is_sound(node));
            if !whole {
                return Err(Unusable::Damaged);
            }
            let open = Open::with_room(series.open.len().next_power_of_two().clamp(4, CHUNK));
            for (time, value) in series.open {
                assert!(open.push(time, value), "there is room for all of them");
            }
            let key = Arc::new(SeriesKey::new(&series.metric, Labels::new(series.labels)));
            let state = State { buckets: series.buckets, nodes: series.nodes, open: Arc::new(open) };
            writer.add_series(Written::restored(key, Arc::new(state)));
        }
        writer.newest = saved.newest;
        writer.evicted_to = saved.evicted_to;
        writer.overflowing = saved.overflowing;
        writer.bounds = Bounds { bytes: writer.bounds.bytes, ..saved.bounds };
        writer.know(saved.metrics);
        store.publish(&mut writer);
        drop(writer);
        Ok(store)
    }
}

/// Whether a node is one that the store could have made.
fn is_sound(node: &Node) -> bool {
    match &node.detail {
        Detail::Bucket { width } => *width == FINE || *width == COARSE,
        Detail::Span { nodes, .. } => {
            nodes.iter().map(|node| node.summary.count).sum::<u64>() == node.summary.count
                && nodes.iter().all(|node| is_sound(node))
        }
        Detail::Samples(_) => {
            let (mut times, mut values) = (Vec::new(), Vec::new());
            node.decode(&mut times, &mut values).is_ok()
                && times.len() as u64 == node.summary.count
                && times.is_sorted()
        }
    }
}
