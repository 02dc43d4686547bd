//! A store as it is written down, to be taken up again by the next process.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::codec::Times;
use super::node::{CHUNK, Detail, Node, append};
use super::rollup::{COARSE, FINE};
use super::series::{State, Written};
use super::sync::Arc;
use super::{Bounds, Limits, Store};
use crate::Text;
use crate::read::LARGEST;
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
                open: open_samples(&written.state),
            }
        });
        SavedStore {
            percentile_error: writer.limits.percentile_error,
            newest: writer.newest,
            evicted_to: writer.evicted_to,
            bounds: writer.bounds(),
            overflowing: BTreeMap::clone(&writer.overflowing),
            metrics: self.index.get().names().cloned().collect(),
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
        let mut times = HashSet::new();
        for series in saved.series {
            let whole = series.open.is_sorted_by_key(|(time, _)| *time)
                && series.open.iter().all(|(_, value)| value.abs() <= LARGEST)
                && series.buckets.iter().all(|node| matches!(node.detail, Detail::Bucket { .. }))
                && series.buckets.iter().chain(&series.nodes).all(|node| is_sound(node));
            if !whole {
                return Err(Unusable::Damaged);
            }
            let key = Arc::new(SeriesKey::new(&series.metric, Labels::new(series.labels)));
            let mut nodes = series.nodes;
            for chunk in series.open.chunks(CHUNK) {
                let (values, times): (Vec<f64>, Vec<i64>) = chunk.iter().map(|(time, value)| (*value, *time)).unzip();
                let packed = Arc::new(Times::new(&times, 1));
                let chunk = Node::chunk(&times, &packed, &values).expect("there are samples");
                append(&mut nodes, chunk);
            }
            for node in &mut nodes {
                share_times(node, &mut times);
            }
            writer.add_series(Written::restored(key, State { buckets: series.buckets, nodes, open: Vec::new() }));
        }
        writer.newest = saved.newest;
        writer.earliest = i64::MIN;
        writer.evicted_to = saved.evicted_to;
        writer.oldest = saved.evicted_to;
        writer.overflowing = Arc::new(saved.overflowing);
        writer.bounds = Bounds { bytes: writer.bounds.bytes, ..saved.bounds };
        writer.know(saved.metrics);
        store.publish(&mut writer);
        drop(writer);
        Ok(store)
    }
}

/// The samples that are not at rest, in the order of time.
fn open_samples(state: &State) -> Vec<(i64, f64)> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    state.read_open(&mut times, &mut values);
    let mut samples: Vec<_> = times.into_iter().zip(values).collect();
    samples.sort_by_key(|(time, _)| *time);
    samples
}

/// Chunks with the same times share them again.
fn share_times(node: &mut Arc<Node>, known: &mut HashSet<Arc<Times>>) {
    let Some(node) = Arc::get_mut(node) else { return };
    match &mut node.detail {
        Detail::Samples(encoded) => match known.get(encoded.times()) {
            Some(times) => encoded.share(times),
            None => drop(known.insert(Arc::clone(encoded.times()))),
        },
        Detail::Span { nodes, .. } => nodes.iter_mut().for_each(|node| share_times(node, known)),
        Detail::Bucket { .. } => {}
    }
}

/// Whether a node is one that the store could have made.
fn is_sound(node: &Node) -> bool {
    match &node.detail {
        Detail::Bucket { width, .. } => *width == FINE || *width == COARSE,
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

#[cfg(test)]
mod tests {
    use super::super::tests::{SECOND, sample};
    use super::super::{Selector, Window, WindowStats};
    use super::*;
    use crate::Timestamp;

    fn filled(limits: Limits, count: i64) -> Store {
        let store = Store::new(limits);
        for at in 0..count {
            store.insert(&sample("m", &[], at * SECOND, (at % 1_000) as f64 / 7.0), Timestamp::MAX);
        }
        store
    }

    #[test]
    fn what_no_store_has_written_is_refused() {
        let refused = |spoil: fn(&mut SavedSeries)| {
            let mut saved = filled(Limits::default(), 2_000).saved();
            spoil(&mut saved.series[0]);
            Store::restored(Limits::default(), saved).map(|_| ()).expect_err("it is spoilt")
        };
        let damaged = [
            refused(|series| series.open = vec![(1, 1.0), (0, 1.0)]),
            refused(|series| series.buckets = Arc::new(series.nodes.clone())),
            refused(|series| count_wrong(&mut series.nodes[0])),
        ];
        assert_eq!(damaged, [Unusable::Damaged; 3]);
        assert!(Store::restored(Limits::default(), filled(Limits::default(), 2_000).saved()).is_ok());
    }

    #[test]
    fn metrics_that_have_gone_stay_known_beside_any_number_of_others() {
        let mut saved = filled(Limits::default(), 10).saved();
        saved.metrics = std::iter::repeat_n(Text::from("m"), 10_000).chain(["gone".into()]).collect();
        let restored = Store::restored(Limits::default(), saved).expect("as it was");
        assert_eq!(restored.stats(&Selector::metric("gone"), Window::ALL), Ok(None));
    }

    fn count_wrong(node: &mut Arc<Node>) {
        let copy = postcard::to_allocvec(&**node).expect("a node is written");
        let mut copy: Node = postcard::from_bytes(&copy).expect("and read");
        copy.summary.count += 1;
        *node = Arc::new(copy);
    }

    #[test]
    fn what_was_let_go_to_make_room_does_not_come_back() {
        let limits = Limits { max_bytes: 64 << 10, ..Limits::whole_recording() };
        let store = filled(limits.clone(), 200_000);
        let bounds = store.bounds();
        assert!(bounds.evicted > 0, "{bounds:?}");
        let restored = Store::restored(limits, store.saved()).expect("as it was");
        // What was open is at rest now.
        assert!(restored.bounds().bytes <= bounds.bytes);
        assert_eq!(Bounds { bytes: bounds.bytes, ..restored.bounds() }, bounds);
        let all = |store: &Store| {
            let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
            // Of what was open the deviation is worked out in another order.
            WindowStats { stddev: (stats.stddev * 1e9).round(), ..stats }
        };
        assert_eq!(all(&restored), all(&store));
        for store in [&store, &restored] {
            store.insert(&sample("m", &[], 200_000 * SECOND, 1.0), Timestamp::MAX);
            store.insert(&sample("m", &[], 0, 1.0), Timestamp::MAX);
        }
        // In the first batch, and in those after it.
        for store in [&store, &restored] {
            store.insert(&sample("m", &[], 0, 1.0), Timestamp::MAX);
        }
        assert_eq!((store.bounds().too_old, restored.bounds().too_old), (2, 2));
    }
}
