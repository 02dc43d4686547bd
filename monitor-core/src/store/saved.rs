//! A store as it is written down, to be taken up again by the next process.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::codec::Times;
use super::node::{CHUNK, Detail, Node, append};
use super::series::{State, Written};
use super::sketch::Bins;
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

/// Nothing has been counted so often, and what is added to it never overflows.
const MOST: u64 = 1 << 62;

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
        let Bounds { expired, evicted, too_old, not_finite, overflowed, .. } = saved.bounds;
        let mut counts = vec![expired, evicted, too_old, not_finite, overflowed];
        counts.extend(saved.overflowing.values());
        if saved.evicted_to > saved.newest || counts.iter().any(|count| *count > MOST) {
            return Err(Unusable::Damaged);
        }
        let store = Self::new(limits);
        let mut writer = store.write();
        let (mut times, mut keys) = (HashSet::new(), HashSet::new());
        let (mut raw, mut in_buckets) = (0, 0_u64);
        for mut series in saved.series {
            let key = Arc::new(SeriesKey::new(&series.metric, Labels::new(std::mem::take(&mut series.labels))));
            if !series.is_sound(&store.bins) || !keys.insert(Arc::clone(&key)) {
                return Err(Unusable::Damaged);
            }
            let mut nodes = series.nodes;
            for node in Arc::get_mut(&mut series.buckets).into_iter().flatten().chain(&mut nodes) {
                settle(node, &mut times);
            }
            for chunk in series.open.chunks(CHUNK) {
                let (at, values): (Vec<i64>, Vec<f64>) = chunk.iter().copied().unzip();
                let packed = shared(&Arc::new(Times::new(&at, 1)), &mut times);
                let chunk = Node::chunk(&at, &packed, &values).expect("there are samples");
                append(&mut nodes, chunk);
            }
            let written = Written::restored(key, State { buckets: series.buckets, nodes, open: Vec::new() });
            raw += written.state.raw_count();
            in_buckets = in_buckets.saturating_add(written.state.bucket_count());
            writer.add_series(written);
        }
        if in_buckets > MOST {
            return Err(Unusable::Damaged);
        }
        writer.newest = saved.newest;
        writer.earliest = i64::MIN;
        writer.evicted_to = saved.evicted_to;
        writer.oldest = saved.evicted_to;
        writer.overflowing = Arc::new(saved.overflowing);
        writer.bounds = Bounds { bytes: writer.bounds.bytes, samples: raw, in_buckets, ..saved.bounds };
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

impl SavedSeries {
    /// Whether it is one that the store could have written.
    fn is_sound(&self, bins: &Bins) -> bool {
        let is_bucket = |node: &Arc<Node>| matches!(node.detail, Detail::Bucket { .. });
        // The count of a bucket is only said.
        let in_buckets = self.buckets.iter().try_fold(0_u64, |sum, node| sum.checked_add(node.summary.count));
        self.open.is_sorted_by_key(|(time, _)| *time)
            && self.open.iter().all(|(_, value)| value.abs() <= LARGEST)
            && in_buckets.is_some()
            && self.buckets.iter().all(is_bucket)
            && self.buckets.is_sorted_by(|a, b| a.summary.last.0 < b.summary.first.0)
            && !self.nodes.iter().any(is_bucket)
            && self.buckets.iter().chain(&self.nodes).all(|node| node.is_sound(bins))
    }
}

/// These times, or the same that are known already.
fn shared(times: &Arc<Times>, known: &mut HashSet<Arc<Times>>) -> Arc<Times> {
    if let Some(known) = known.get(times) {
        return Arc::clone(known);
    }
    known.insert(Arc::clone(times));
    Arc::clone(times)
}

/// Chunks with the same times share them again, and what a node takes is what it takes here.
fn settle(node: &mut Arc<Node>, known: &mut HashSet<Arc<Times>>) {
    let Some(node) = Arc::get_mut(node) else { return };
    match &mut node.detail {
        Detail::Samples(encoded) => encoded.share(&shared(encoded.times(), known)),
        Detail::Span { nodes, .. } => nodes.iter_mut().for_each(|node| settle(node, known)),
        Detail::Bucket { .. } => {}
    }
    node.bytes = node.measured();
}

#[cfg(test)]
mod tests {
    use super::super::node::Press;
    use super::super::rollup::FINE;
    use super::super::summary::Summary;
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
            refused(|series| change(&mut series.nodes[0], |node| node.summary.count += 1)),
            refused(|series| change(&mut series.nodes[0], |node| node.summary.max = -1.0)),
            refused(|series| series.buckets = Arc::new(vec![bucket(), bucket()])),
            refused(|series| series.buckets = Arc::new(vec![changed(|bucket| bucket.count = 0)])),
            refused(|series| series.buckets = Arc::new(vec![changed(|bucket| bucket.count = u64::MAX)])),
            // The list of all bins up to that of its samples would be as long as memory.
            refused(|series| series.buckets = Arc::new(vec![changed(|bucket| bucket.max = 0.5)])),
        ];
        assert_eq!(damaged, [Unusable::Damaged; 8]);
        assert!(Store::restored(Limits::default(), filled(Limits::default(), 2_000).saved()).is_ok());
        let mut saved = filled(Limits::default(), 10).saved();
        saved.series[0].buckets = Arc::new(vec![bucket()]);
        assert!(Store::restored(Limits::default(), saved).is_ok());
        let mut saved = filled(Limits::default(), 10).saved();
        saved.bounds.too_old = u64::MAX;
        assert!(Store::restored(Limits::default(), saved).is_err());
    }

    #[test]
    fn what_is_held_is_counted_anew() {
        let store = filled(Limits::default(), 2_000);
        let mut saved = store.saved();
        (saved.bounds.samples, saved.bounds.in_buckets) = (0, 7);
        change(&mut saved.series[0].nodes[0], |node| node.bytes = usize::MAX);
        let bounds = Store::restored(Limits::default(), saved).expect("no sample is damaged").bounds();
        assert_eq!((bounds.samples, bounds.in_buckets), (2_000, 0));
        assert!(bounds.bytes <= store.bounds().bytes, "{bounds:?}");
    }

    #[test]
    fn spans_in_spans_without_end_are_refused_and_not_gone_into() {
        let chunk = || filled(Limits::default(), 2_000).saved().series[0].nodes[0].clone();
        let mut node = chunk();
        for _ in 0..100 {
            node = Arc::new(Node::span(vec![node]));
        }
        let written = postcard::to_allocvec(&node).expect("a node is written");
        assert!(postcard::from_bytes::<Node>(&written).is_err());
        let written = postcard::to_allocvec(&chunk()).expect("a node is written");
        assert!(postcard::from_bytes::<Node>(&written).is_ok());
    }

    #[test]
    fn metrics_that_have_gone_stay_known_beside_any_number_of_others() {
        let mut saved = filled(Limits::default(), 10).saved();
        saved.metrics = std::iter::repeat_n(Text::from("m"), 10_000).chain(["gone".into()]).collect();
        let restored = Store::restored(Limits::default(), saved).expect("as it was");
        assert_eq!(restored.stats(&Selector::metric("gone"), Window::ALL), Ok(None));
    }

    fn change(node: &mut Arc<Node>, change: impl FnOnce(&mut Node)) {
        let copy = postcard::to_allocvec(&**node).expect("a node is written");
        let mut copy: Node = postcard::from_bytes(&copy).expect("and read");
        change(&mut copy);
        *node = Arc::new(copy);
    }

    fn bucket() -> Arc<Node> {
        let bucket = Press::new(Bins::new(Limits::default().percentile_error)).bucket(FINE, &[1, 2], &[0.25, 1.0]);
        Arc::new(bucket.expect("there are samples"))
    }

    fn changed(spoil: impl FnOnce(&mut Summary)) -> Arc<Node> {
        let mut bucket = bucket();
        change(&mut bucket, |node| spoil(&mut node.summary));
        bucket
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
