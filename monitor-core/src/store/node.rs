//! What a series has put to rest: chunks of samples, buckets of older ones, and spans that sum up many of them.
//!
//! Every node knows its extent and its summary. A window takes a node that lies inside of it whole, passes over one that
//! lies outside, and looks into the others: two at its edges, however long the history is.

use std::cell::Cell;
use std::sync::OnceLock;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::codec::{Damaged, Encoded, Times};
use super::rollup::{COARSE, FINE};
use super::sketch::{Bins, Counts, Sketch};
use super::summary::{Summary, merge};
use super::sync::Arc;
use crate::read::LARGEST;

/// Samples of a chunk at most: two of them are decompressed for a window.
pub(super) const CHUNK: usize = 512;
/// Nodes of a span.
const SPAN: usize = 4;
/// About what the sketch of a span takes, once it has been made; counted from the beginning.
const SKETCH: usize = 256;

/// A run of samples at rest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) summary: Summary,
    pub(super) detail: Detail,
    /// Bytes of memory, of what lies below too.
    pub(super) bytes: usize,
}

/// What a node holds beside its summary.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Detail {
    /// The samples, in the order of time.
    Samples(Encoded),
    /// A sketch of them: those of one whole bucket of time, so many microseconds wide.
    Bucket { width: i64, sketch: Sketch },
    /// Nodes of the level below; chunks are level 0.
    Span {
        level: u8,
        #[serde(deserialize_with = "not_deep")]
        nodes: Vec<Arc<Node>>,
        /// Made by the first reader who needs it: nobody may ever, and the writer has no time to lose.
        #[serde(skip)]
        sketch: OnceLock<Sketch>,
    },
}

thread_local! {
    /// How many spans lie around the one that is being read.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Reads the nodes of a span. Every level takes its share of the stack, and damaged bytes may tell of any number of levels.
fn not_deep<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<Node>>, D::Error> {
    const DEEPEST: u32 = 32;
    let depth = DEPTH.get();
    if depth == DEEPEST {
        return Err(D::Error::custom("spans in spans without end"));
    }
    DEPTH.set(depth + 1);
    let nodes = Vec::deserialize(deserializer);
    DEPTH.set(depth);
    nodes
}

/// What makes buckets: it is kept from one to the next.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) bins: Bins,
    counts: Counts,
}

impl Press {
    pub(super) fn new(bins: Bins) -> Self {
        Self { bins, counts: Counts::default() }
    }

    /// A bucket of samples in the order of time; `None` for no samples.
    pub(super) fn bucket(&mut self, width: i64, times: &[i64], values: &[f64]) -> Option<Node> {
        let summary = Summary::of(times, values)?;
        self.counts.clear();
        count(&mut self.counts, &self.bins, &summary, values);
        Some(Node::new(summary, Detail::Bucket { width, sketch: self.counts.pack() }))
    }

    /// Several buckets as one; `None` for none.
    pub(super) fn wider(&mut self, width: i64, buckets: &[Arc<Node>]) -> Option<Node> {
        self.counts.clear();
        for bucket in buckets {
            bucket.count(&self.bins, &mut self.counts);
        }
        Some(Node::new(merged(buckets)?, Detail::Bucket { width, sketch: self.counts.pack() }))
    }
}

/// Appends a node to a list, and makes a span of the last ones where they are enough.
pub(super) fn append(list: &mut Vec<Arc<Node>>, node: Node) {
    list.push(Arc::new(node));
    while let Some(from) = list.len().checked_sub(SPAN) {
        let level = list[from].level();
        if list[from..].iter().any(|node| node.level() != level) {
            break;
        }
        let nodes = list.split_off(from);
        list.push(Arc::new(Node::span(nodes)));
    }
}

fn merged(nodes: &[Arc<Node>]) -> Option<Summary> {
    let mut summary = None;
    for node in nodes {
        merge(&mut summary, &node.summary);
    }
    summary
}

/// Adds values of which this is the summary.
fn count(counts: &mut Counts, bins: &Bins, summary: &Summary, values: &[f64]) {
    if summary.min.to_bits() == summary.max.to_bits() {
        counts.add(bins, summary.min, summary.count);
    } else {
        counts.add_between(bins, values, summary.min, summary.max);
    }
}

impl Node {
    fn new(summary: Summary, detail: Detail) -> Self {
        let mut node = Self { summary, detail, bytes: 0 };
        node.bytes = node.measured();
        node
    }

    /// A span of nodes of one level.
    pub(super) fn span(nodes: Vec<Arc<Self>>) -> Self {
        let (summary, level) =
            merged(&nodes).zip(nodes.first().map(|node| node.level() + 1)).expect("a span has nodes");
        Self::new(summary, Detail::Span { level, nodes, sketch: OnceLock::new() })
    }

    /// Bytes of memory, of what lies below too, if those are right.
    pub(super) fn measured(&self) -> usize {
        let below = match &self.detail {
            Detail::Samples(encoded) => encoded.bytes(),
            Detail::Bucket { sketch, .. } => sketch.bytes(),
            Detail::Span { nodes, .. } => SKETCH + nodes.iter().map(|node| 8 + node.bytes).sum::<usize>(),
        };
        // With the two counts of an `Arc`.
        16 + size_of::<Self>() + below
    }

    /// Whether it is one that the store could have made: if so, nothing that is asked of it fails, and it takes no more
    /// memory than it says.
    pub(super) fn is_sound(&self, bins: &Bins) -> bool {
        let Summary { count, min, max, first, last, .. } = self.summary;
        let agrees = |other: Summary| {
            (other.count, other.first, other.last) == (count, first, last) && (other.min, other.max) == (min, max)
        };
        min.abs() <= LARGEST
            && max.abs() <= LARGEST
            && match &self.detail {
                Detail::Bucket { width, sketch } => {
                    let place = |time: i64| time.div_euclid(*width);
                    (*width == FINE || *width == COARSE)
                        && count > 0
                        && [first, last].iter().all(|(_, value)| (min..=max).contains(value))
                        && first.0 <= last.0
                        && place(first.0) == place(last.0)
                        && sketch.is_sound(bins, count, min, max)
                }
                Detail::Span { level, nodes, .. } => {
                    let below = |node: &Arc<Self>| {
                        !matches!(node.detail, Detail::Bucket { .. })
                            && node.level().checked_add(1) == Some(*level)
                            && node.is_sound(bins)
                    };
                    nodes.iter().all(below) && merged(nodes).is_some_and(agrees)
                }
                Detail::Samples(encoded) => {
                    let (mut times, mut values) = (Vec::new(), Vec::new());
                    encoded.decode(&mut times, &mut values).is_ok()
                        && times.is_sorted()
                        && values.iter().all(|value| (min..=max).contains(value))
                        && Summary::of(&times, &values).is_some_and(agrees)
                }
            }
    }

    /// A chunk of samples in the order of time, of which `packed` are the times again; `None` for no samples.
    pub(super) fn chunk(times: &[i64], packed: &Arc<Times>, values: &[f64]) -> Option<Self> {
        Some(Self::new(Summary::of(times, values)?, Detail::Samples(Encoded::new(packed, values))))
    }

    /// Adds all of its samples to a sketch.
    pub(super) fn count(&self, bins: &Bins, counts: &mut Counts) {
        match &self.detail {
            Detail::Samples(encoded) if self.summary.min.to_bits() != self.summary.max.to_bits() => {
                let mut values = Vec::with_capacity(CHUNK);
                encoded.decode_values(self.summary.count as usize, &mut values).expect("what the store has compressed");
                counts.add_between(bins, &values, self.summary.min, self.summary.max);
            }
            Detail::Samples(_) => counts.add(bins, self.summary.min, self.summary.count),
            Detail::Bucket { sketch, .. } => counts.merge(sketch),
            Detail::Span { nodes, sketch, .. } => counts.merge(sketch.get_or_init(|| {
                let mut counts = Counts::default();
                for node in nodes {
                    node.count(bins, &mut counts);
                }
                counts.pack()
            })),
        }
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
