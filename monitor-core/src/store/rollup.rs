//! What becomes of samples that are older than raw ones are kept: buckets of a minute, later of an hour, later nothing.

use std::sync::Arc;

use super::node::{Detail, Node, Press};
use super::series::{State, Written};

/// Microseconds of a bucket that is young.
pub(super) const FINE: i64 = 60_000_000;
/// And of one that is old.
pub(super) const COARSE: i64 = 3_600_000_000;

impl Written {
    /// Makes buckets of the chunks that lie before `cut`, and says how many samples these are.
    pub(super) fn roll_up(&mut self, cut: i64, press: &mut Press) -> u64 {
        if self.state.open.len() > 0 && self.state.open.iter().all(|(time, _)| time < cut) {
            self.seal(press, 1);
        }
        if self.state.nodes.iter().all(|node| node.summary.first.0 >= cut) {
            return 0;
        }
        let (mut times, mut values, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for node in &self.state.nodes {
            take_before(node, cut, &mut (&mut times, &mut values), &mut kept);
        }
        let mut samples: Vec<(i64, f64)> = times.into_iter().zip(values).collect();
        if samples.is_empty() {
            return 0;
        }
        samples.sort_by_key(|(time, _)| *time);
        let mut buckets = (*self.state.buckets).clone();
        for run in samples.chunk_by(|a, b| a.0.div_euclid(FINE) == b.0.div_euclid(FINE)) {
            let (times, values): (Vec<i64>, Vec<f64>) = run.iter().copied().unzip();
            let bucket = press.bucket(FINE, &times, &values).expect("a run has samples");
            insert(&mut buckets, bucket, press);
        }
        let count = samples.len() as u64;
        self.set(Arc::new(State { buckets: Arc::new(buckets), nodes: kept, open: Arc::clone(&self.state.open) }));
        count
    }

    /// Makes wide buckets of what lies before `cut`, unless these would be larger, and says how many samples these are.
    pub(super) fn shrink(&mut self, cut: i64, press: &mut Press) -> u64 {
        let (before, bytes) = (Arc::clone(&self.state), self.bytes());
        let rolled_up = self.roll_up(cut, press);
        self.coarsen(cut, press);
        if self.bytes() < bytes {
            return rolled_up;
        }
        self.set(before);
        0
    }

    /// Where its nodes end and how many bytes they take; its own bytes go with the last of them.
    pub(super) fn parts(&self, out: &mut Vec<(i64, usize)>) {
        fn leaves(node: &Node, out: &mut Vec<(i64, usize)>) {
            match &node.detail {
                Detail::Span { nodes, .. } => nodes.iter().for_each(|node| leaves(node, out)),
                Detail::Samples(_) | Detail::Bucket { .. } => out.push((node.summary.last.0, node.bytes)),
            }
        }
        let (from, mut own) = (out.len(), self.bytes());
        self.state.buckets.iter().chain(&self.state.nodes).for_each(|node| leaves(node, out));
        if let Some(last) = self.state.open.iter().map(|(time, _)| time).max() {
            out.push((last, 0));
        }
        own = own.saturating_sub(out[from..].iter().map(|(_, bytes)| bytes).sum());
        if let Some(last) = out[from..].iter_mut().max_by_key(|(last, _)| *last) {
            last.1 += own;
        }
    }

    /// Merges the buckets that lie before `cut` into wider ones.
    pub(super) fn coarsen(&mut self, cut: i64, press: &mut Press) {
        let cut = cut.saturating_sub(cut.rem_euclid(COARSE));
        let all = &self.state.buckets;
        let end = all.partition_point(|node| node.summary.last.0 < cut);
        // Wide ones come first.
        let begin =
            all[..end].partition_point(|node| matches!(node.detail, Detail::Bucket { width } if width == COARSE));
        if begin == end {
            return;
        }
        let mut buckets = all[..begin].to_vec();
        let hour = |node: &Arc<Node>| node.summary.first.0.div_euclid(COARSE);
        for run in all[begin..end].chunk_by(|a, b| hour(a) == hour(b)) {
            let merged = press.merged(run, Detail::Bucket { width: COARSE });
            buckets.push(Arc::new(merged.expect("a run has buckets")));
        }
        buckets.extend(all[end..].iter().cloned());
        self.replace_buckets(buckets);
    }

    /// Lets go of the buckets that lie before `cut`, and says how many samples these were.
    pub(super) fn forget(&mut self, cut: i64) -> u64 {
        let old = self.state.buckets.partition_point(|node| node.summary.last.0 < cut);
        if old == 0 {
            return 0;
        }
        let gone = self.state.buckets[..old].iter().map(|node| node.summary.count).sum();
        self.replace_buckets(self.state.buckets[old..].to_vec());
        gone
    }

    fn replace_buckets(&mut self, buckets: Vec<Arc<Node>>) {
        let State { nodes, open, .. } = &*self.state;
        let (nodes, open) = (nodes.clone(), Arc::clone(open));
        self.set(Arc::new(State { buckets: Arc::new(buckets), nodes, open }));
    }
}

/// Takes the samples of what lies before `cut`; the rest is kept, spans that lie on both sides in their parts.
fn take_before(
    node: &Arc<Node>,
    cut: i64,
    (times, values): &mut (&mut Vec<i64>, &mut Vec<f64>),
    kept: &mut Vec<Arc<Node>>,
) {
    if node.summary.last.0 < cut {
        node.decode(times, values).expect("what the store has compressed");
        return;
    }
    match &node.detail {
        Detail::Span { nodes, .. } if node.summary.first.0 < cut => {
            for node in nodes {
                take_before(node, cut, &mut (times, values), kept);
            }
        }
        _ => kept.push(Arc::clone(node)),
    }
}

/// Adds a bucket where it belongs; what came late joins the bucket that is there, of whatever width.
fn insert(buckets: &mut Vec<Arc<Node>>, bucket: Node, press: &mut Press) {
    let time = bucket.summary.first.0;
    let width = |node: &Node| if let Detail::Bucket { width } = node.detail { width } else { FINE };
    let covers = |node: &Node| node.summary.first.0.div_euclid(width(node)) == time.div_euclid(width(node));
    let at =
        buckets.partition_point(|node| node.summary.first.0.div_euclid(width(node)) < time.div_euclid(width(node)));
    match buckets.get(at) {
        Some(known) if covers(known) => {
            let width = width(known);
            let both = [Arc::clone(known), Arc::new(bucket)];
            buckets[at] = Arc::new(press.merged(&both, Detail::Bucket { width }).expect("two buckets"));
        }
        _ => buckets.insert(at, Arc::new(bucket)),
    }
}
