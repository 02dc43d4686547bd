//! What becomes of samples that are older than raw ones are kept: buckets of a minute, later of an hour, later nothing.
//!
//! Where samples come so seldom that buckets would take more room than they do, they stay as they are.

use super::node::{Detail, Node, Press};
use super::series::Written;
use super::sync::Arc;

/// Microseconds of a bucket that is young.
pub(super) const FINE: i64 = 60_000_000;
/// And of one that is old.
pub(super) const COARSE: i64 = 3_600_000_000;
/// About how many bytes a bucket takes, with its sketch and its place in the list.
const BUCKET_BYTES: i64 = size_of::<Node>() as i64 + 48;

/// Samples that were let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) raw: u64,
    pub(super) in_buckets: u64,
}

impl Written {
    /// Makes buckets, so wide, of the chunks that lie before `cut`, where that saves room; says how many samples these are.
    pub(super) fn roll_up(&mut self, cut: i64, width: i64, press: &mut Press) -> u64 {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let nodes = sift(&self.state.nodes, cut, &mut |chunk| {
            let goes = saves_room(chunk, width);
            if goes {
                chunk.decode(&mut times, &mut values).expect("what the store has compressed");
            }
            goes
        });
        let Some(nodes) = nodes else { return 0 };
        let mut samples: Vec<(i64, f64)> = times.into_iter().zip(values).collect();
        samples.sort_by_key(|(time, _)| *time);
        let mut buckets = (*self.state.buckets).clone();
        for run in samples.chunk_by(|a, b| a.0.div_euclid(width) == b.0.div_euclid(width)) {
            let (times, values): (Vec<i64>, Vec<f64>) = run.iter().copied().unzip();
            let bucket = press.bucket(width, &times, &values).expect("a run has samples");
            insert(&mut buckets, bucket, press);
        }
        let count = samples.len() as u64;
        self.change(|state| (state.buckets, state.nodes) = (Arc::new(buckets), nodes));
        count
    }

    /// Makes wide buckets of what lies before `cut`, unless these would be larger, and says how many samples these are.
    pub(super) fn shrink(&mut self, cut: i64, press: &mut Press) -> u64 {
        let (before, bytes) = (Arc::clone(&self.state), self.bytes());
        let rolled_up = self.roll_up(hours_before(cut), COARSE, press) + self.roll_up(cut, FINE, press);
        self.coarsen(cut, press);
        if self.bytes() < bytes {
            return rolled_up;
        }
        if !Arc::ptr_eq(&before, &self.state) {
            self.set(before);
        }
        0
    }

    /// Where its nodes end and how many bytes they take; its own bytes go with the last of them, or of what is open.
    pub(super) fn parts(&self, out: &mut Vec<(i64, usize)>) {
        fn leaves(node: &Node, out: &mut Vec<(i64, usize)>) {
            match &node.detail {
                Detail::Span { nodes, .. } => nodes.iter().for_each(|node| leaves(node, out)),
                Detail::Samples(_) | Detail::Bucket { .. } => out.push((node.summary.last.0, node.bytes)),
            }
        }
        let (from, mut own) = (out.len(), self.bytes());
        self.state.buckets.iter().chain(&self.state.nodes).for_each(|node| leaves(node, out));
        let (mut times, mut values) = (Vec::new(), Vec::new());
        self.state.read_open(&mut times, &mut values);
        if let Some(last) = times.into_iter().max() {
            out.push((last, 0));
        }
        own = own.saturating_sub(out[from..].iter().map(|(_, bytes)| bytes).sum());
        if let Some(last) = out[from..].iter_mut().max_by_key(|(last, _)| *last) {
            last.1 += own;
        }
    }

    /// Merges the buckets that lie before `cut` into wider ones.
    pub(super) fn coarsen(&mut self, cut: i64, press: &mut Press) {
        let cut = hours_before(cut);
        let all = &self.state.buckets;
        let end = all.partition_point(|node| node.summary.last.0 < cut);
        let Some(begin) = all[..end].iter().position(|node| width(node) < COARSE) else { return };
        let mut buckets = all[..begin].to_vec();
        let hour = |node: &Arc<Node>| node.summary.first.0.div_euclid(COARSE);
        for run in all[begin..end].chunk_by(|a, b| hour(a) == hour(b)) {
            match run {
                [wide] if width(wide) == COARSE => buckets.push(Arc::clone(wide)),
                _ => {
                    let merged = press.wider(COARSE, run);
                    buckets.push(Arc::new(merged.expect("a run has buckets")));
                }
            }
        }
        buckets.extend(all[end..].iter().cloned());
        self.change(|state| state.buckets = Arc::new(buckets));
    }

    /// Lets go of what lies before `cut`.
    pub(super) fn forget(&mut self, cut: i64) -> Gone {
        let mut gone = Gone::default();
        let nodes = sift(&self.state.nodes, cut, &mut |chunk| {
            gone.raw += chunk.summary.count;
            true
        });
        let old = self.state.buckets.partition_point(|node| node.summary.last.0 < cut);
        if old == 0 && nodes.is_none() {
            return gone;
        }
        gone.in_buckets = self.state.buckets[..old].iter().map(|node| node.summary.count).sum();
        self.change(|state| {
            if old > 0 {
                state.buckets = Arc::new(state.buckets[old..].to_vec());
            }
            if let Some(nodes) = nodes {
                state.nodes = nodes;
            }
        });
        gone
    }
}

/// The beginning of the hour of a moment.
pub(super) fn hours_before(cut: i64) -> i64 {
    cut.saturating_sub(cut.rem_euclid(COARSE))
}

/// Whether buckets would take less room than the samples of a chunk.
fn saves_room(chunk: &Node, width: i64) -> bool {
    let (first, last) = (chunk.summary.first.0, chunk.summary.last.0);
    let touched = last.div_euclid(width).saturating_sub(first.div_euclid(width)).saturating_add(1);
    let buckets = touched.min(chunk.summary.count.cast_signed());
    buckets.saturating_mul(BUCKET_BYTES) <= chunk.bytes as i64
}

/// The nodes without those chunks before `cut` that go; a span of which some go is kept in its parts. `None` if none goes.
fn sift(nodes: &[Arc<Node>], cut: i64, goes: &mut impl FnMut(&Node) -> bool) -> Option<Vec<Arc<Node>>> {
    let mut kept = Vec::new();
    let mut any = false;
    for node in nodes {
        let parts = match &node.detail {
            _ if node.summary.first.0 >= cut => None,
            Detail::Span { nodes, .. } => sift(nodes, cut, goes),
            Detail::Samples(_) | Detail::Bucket { .. } => (node.summary.last.0 < cut && goes(node)).then(Vec::new),
        };
        match parts {
            Some(mut parts) => {
                kept.append(&mut parts);
                any = true;
            }
            None => kept.push(Arc::clone(node)),
        }
    }
    any.then_some(kept)
}

fn width(node: &Node) -> i64 {
    if let Detail::Bucket { width, .. } = node.detail { width } else { FINE }
}

/// Adds a bucket where it belongs; it joins those that are there already for its time, as wide as the widest of them.
fn insert(buckets: &mut Vec<Arc<Node>>, bucket: Node, press: &mut Press) {
    let (time, own) = (bucket.summary.first.0, width(&bucket));
    let place = |node: &Node, time: i64| time.div_euclid(own.max(width(node)));
    let from = buckets.partition_point(|node| place(node, node.summary.first.0) < place(node, time));
    let same = buckets[from..].iter().take_while(|node| place(node, node.summary.first.0) == place(node, time)).count();
    let mut all = buckets[from..from + same].to_vec();
    all.push(Arc::new(bucket));
    let width = all.iter().map(|node| width(node)).max().expect("at least the new one");
    let merged =
        if same == 0 { all.swap_remove(0) } else { Arc::new(press.wider(width, &all).expect("at least the new one")) };
    buckets.splice(from..from + same, [merged]);
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Bins;
    use super::*;

    #[test]
    fn a_bucket_joins_those_of_its_time_as_wide_as_the_widest() {
        let mut press = Press::new(Bins::new(0.01));
        let mut bucket =
            |width: i64, minute: i64| press.bucket(width, &[minute * FINE], &[minute as f64]).expect("a sample");
        // Of the first hour one, of the second two minutes, of the third a minute.
        let fine = [(COARSE, 10), (FINE, 60), (FINE, 75), (FINE, 130)];
        let start: Vec<Arc<Node>> = fine.map(|(width, minute)| Arc::new(bucket(width, minute))).into();
        let shown = |buckets: &[Arc<Node>]| -> Vec<(i64, u64, i64)> {
            let minute = |node: &Arc<Node>| node.summary.first.0 / FINE;
            buckets.iter().map(|node| (width(node) / FINE, node.summary.count, minute(node))).collect()
        };
        let cases = [
            ((FINE, 59), vec![(60, 2, 10), (1, 1, 60), (1, 1, 75), (1, 1, 130)]),
            ((COARSE, 61), vec![(60, 1, 10), (60, 3, 60), (1, 1, 130)]),
            ((FINE, 75), vec![(60, 1, 10), (1, 1, 60), (1, 2, 75), (1, 1, 130)]),
            ((FINE, 74), vec![(60, 1, 10), (1, 1, 60), (1, 1, 74), (1, 1, 75), (1, 1, 130)]),
            ((COARSE, 181), vec![(60, 1, 10), (1, 1, 60), (1, 1, 75), (1, 1, 130), (60, 1, 181)]),
        ];
        for ((width, minute), expected) in cases {
            let mut press = Press::new(Bins::new(0.01));
            let late = press.bucket(width, &[minute * FINE], &[0.0]).expect("a sample");
            let mut buckets = start.clone();
            insert(&mut buckets, late, &mut press);
            assert_eq!(shown(&buckets), expected, "{width} {minute}");
        }
    }
}
