//! What a series has put to rest: chunks of samples, buckets of older ones, and spans that sum up many of them.
//!
//! Every node knows its extent and its summary. A window takes a node that lies inside of it whole, passes over one that
//! lies outside, and looks into the others: two at its edges, however long the history is.

use serde::{Deserialize, Serialize};

use super::codec::{Damaged, Encoded, Times};
use super::sketch::{Bins, Counts, Sketch};
use super::summary::{Summary, merge};
use super::sync::Arc;

/// Samples of a chunk at most: two of them are decompressed for a window.
pub(super) const CHUNK: usize = 512;
/// Nodes of a span.
const SPAN: usize = 8;

/// A run of samples at rest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) summary: Summary,
    pub(super) sketch: Sketch,
    pub(super) detail: Detail,
    /// Bytes of memory, of what lies below too.
    pub(super) bytes: usize,
}

/// What a node holds beside its summary.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Detail {
    /// The samples, in the order of time.
    Samples(Encoded),
    /// Nothing: the samples of one whole bucket of time, so many microseconds wide.
    Bucket { width: i64 },
    /// Nodes of the level below; chunks are level 0.
    Span { level: u8, nodes: Vec<Arc<Node>> },
}

/// What is needed to put samples to rest, kept from one time to the next.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) bins: Bins,
    counts: Counts,
}

impl Press {
    pub(super) fn new(bins: Bins) -> Self {
        Self { bins, counts: Counts::default() }
    }

    fn sketch(&mut self, summary: &Summary, values: &[f64]) -> Sketch {
        self.counts.clear();
        if summary.min.to_bits() == summary.max.to_bits() {
            self.counts.add(&self.bins, summary.min, summary.count);
        } else {
            self.counts.add_between(&self.bins, values, summary.min, summary.max);
        }
        self.counts.pack()
    }

    /// A chunk of samples in the order of time; `None` for no samples.
    /// `packed` are the times again.
    pub(super) fn chunk(&mut self, times: &[i64], packed: &Arc<Times>, values: &[f64]) -> Option<Node> {
        let summary = Summary::of(times, values)?;
        Some(Node::new(summary, self.sketch(&summary, values), Detail::Samples(Encoded::new(packed, values))))
    }

    /// A bucket of samples in the order of time; `None` for no samples.
    pub(super) fn bucket(&mut self, width: i64, times: &[i64], values: &[f64]) -> Option<Node> {
        let summary = Summary::of(times, values)?;
        Some(Node::new(summary, self.sketch(&summary, values), Detail::Bucket { width }))
    }

    /// Several nodes as one; `None` for none.
    pub(super) fn merged(&mut self, nodes: &[Arc<Node>], detail: Detail) -> Option<Node> {
        let mut summary = None;
        self.counts.clear();
        for node in nodes {
            merge(&mut summary, &node.summary);
            self.counts.merge(&node.sketch);
        }
        Some(Node::new(summary?, self.counts.pack(), detail))
    }

    /// Appends a node to a list, and makes a span of the last ones where they are enough.
    pub(super) fn append(&mut self, list: &mut Vec<Arc<Node>>, node: Node) {
        list.push(Arc::new(node));
        while let Some(from) = list.len().checked_sub(SPAN) {
            let level = list[from].level();
            if list[from..].iter().any(|node| node.level() != level) {
                break;
            }
            let nodes = list.split_off(from);
            let span = self.merged(&nodes, Detail::Span { level: level + 1, nodes: nodes.clone() });
            list.push(Arc::new(span.expect("a span has nodes")));
        }
    }
}

impl Node {
    fn new(summary: Summary, sketch: Sketch, detail: Detail) -> Self {
        let below = match &detail {
            Detail::Samples(encoded) => encoded.bytes(),
            Detail::Bucket { .. } => 0,
            Detail::Span { nodes, .. } => nodes.iter().map(|node| 8 + node.bytes).sum(),
        };
        // With the two counts of an `Arc`.
        let bytes = 16 + size_of::<Self>() + sketch.bytes() + below;
        Self { summary, sketch, detail, bytes }
    }

    fn level(&self) -> u8 {
        match &self.detail {
            Detail::Samples(_) | Detail::Bucket { .. } => 0,
            Detail::Span { level, .. } => *level,
        }
    }

    /// The times of a chunk.
    pub(super) fn times(&self) -> Option<&Arc<Times>> {
        match &self.detail {
            Detail::Samples(encoded) => Some(encoded.times()),
            Detail::Bucket { .. } | Detail::Span { .. } => None,
        }
    }

    /// The values of a chunk.
    pub(super) fn decode_values(&self, values: &mut Vec<f64>) -> Result<(), Damaged> {
        match &self.detail {
            Detail::Samples(encoded) => encoded.decode_values(self.summary.count as usize, values),
            Detail::Bucket { .. } | Detail::Span { .. } => Ok(()),
        }
    }

    /// The samples of a chunk, or of all below a span.
    pub(super) fn decode(&self, times: &mut Vec<i64>, values: &mut Vec<f64>) -> Result<(), Damaged> {
        match &self.detail {
            Detail::Samples(encoded) => encoded.decode(times, values),
            Detail::Bucket { .. } => Ok(()),
            Detail::Span { nodes, .. } => nodes.iter().try_for_each(|node| node.decode(times, values)),
        }
    }
}
