//! One series: what readers see of it, and how the writer brings it forward.

use super::Window;
use super::node::{Detail, Node};
use super::open::Column;
use super::sync::{Arc, Shared};
use crate::sample::SeriesKey;

/// A series as readers see it.
#[derive(Debug)]
pub(super) struct Series {
    key: Arc<SeriesKey>,
    state: Shared<State>,
}

/// All samples of a series at one moment. It does not change, but that what is open gets longer.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Buckets of what is older than raw samples are kept, in the order of time.
    pub(super) buckets: Arc<Vec<Arc<Node>>>,
    /// Chunks, and spans of chunks, in the order in which they were put to rest.
    pub(super) nodes: Vec<Arc<Node>>,
    /// The youngest samples: a column in each group that the series belongs to; nearly always it is one.
    pub(super) open: Vec<Column>,
}

/// A series as the writer has it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) series: Arc<Series>,
    pub(super) state: Arc<State>,
    /// Bytes of everything but what is open.
    bytes: usize,
    /// Of these, those of the key and of what is around a series.
    own_bytes: usize,
    /// And those of the buckets, which are many and seldom change.
    bucket_bytes: usize,
}

impl Series {
    pub(super) fn shared_key(&self) -> &Arc<SeriesKey> {
        &self.key
    }

    pub(super) fn key(&self) -> &SeriesKey {
        &self.key
    }

    pub(super) fn state(&self) -> impl std::ops::Deref<Target = Arc<State>> {
        self.state.get()
    }
}

impl State {
    /// The extent of the samples; `None` if there is none.
    pub(super) fn extent(&self) -> Option<(i64, i64)> {
        let at_rest = self.buckets.iter().chain(&self.nodes);
        let at_rest = at_rest.map(|node| (node.summary.first.0, node.summary.last.0));
        let (mut times, mut values) = (Vec::new(), Vec::new());
        self.read_open(&mut times, &mut values);
        at_rest.chain(times.into_iter().map(|time| (time, time))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Appends the open samples.
    pub(super) fn read_open(&self, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        self.open.iter().for_each(|column| column.read(times, values));
    }

    /// The samples in a window that are held one by one, appended in no order.
    pub(super) fn points(&self, window: Window, out: &mut Vec<(i64, f64)>) {
        let (start, end) = (window.start.as_micros(), window.end.as_micros());
        let mut nodes: Vec<&Node> = self.nodes.iter().rev().map(|node| &**node).collect();
        let (mut times, mut values) = (Vec::new(), Vec::new());
        while let Some(node) = nodes.pop() {
            if node.summary.last.0 < start || node.summary.first.0 > end {
                continue;
            }
            if let Detail::Span { nodes: below, .. } = &node.detail {
                nodes.extend(below.iter().rev().map(|node| &**node));
                continue;
            }
            node.decode(&mut times, &mut values).expect("what the store has compressed");
        }
        self.read_open(&mut times, &mut values);
        out.extend(times.into_iter().zip(values).filter(|(time, _)| start <= *time && *time <= end));
    }

    /// How many samples are held one by one.
    pub(super) fn raw_count(&self) -> u64 {
        let at_rest: u64 = self.nodes.iter().map(|node| node.summary.count).sum();
        at_rest + self.open.iter().map(|column| column.len() as u64).sum::<u64>()
    }

    /// How many samples are held in buckets.
    pub(super) fn bucket_count(&self) -> u64 {
        self.buckets.iter().map(|node| node.summary.count).sum()
    }

    /// How many samples.
    pub(super) fn count(&self) -> u64 {
        self.raw_count() + self.bucket_count()
    }

    /// Whether there is no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.nodes.is_empty() && self.open.iter().all(|column| column.len() == 0)
    }
}

impl Written {
    pub(super) fn new(key: Arc<SeriesKey>) -> Self {
        Self::restored(key, State::default())
    }

    /// A series that a snapshot tells of.
    pub(super) fn restored(key: Arc<SeriesKey>, state: State) -> Self {
        let state = Arc::new(state);
        let series = Arc::new(Series { key, state: Shared::new(Arc::clone(&state)) });
        let own_bytes = own_bytes(&series.key);
        let mut written = Self { series, state, bytes: 0, own_bytes, bucket_bytes: 0 };
        written.count_buckets();
        written.bytes = written.count_bytes();
        written
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes a new state of the old one, for readers to see from now on.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = State::clone(&self.state);
        change(&mut state);
        self.set(Arc::new(state));
    }

    pub(super) fn set(&mut self, state: Arc<State>) {
        let same = Arc::ptr_eq(&self.state.buckets, &state.buckets);
        self.state = state;
        self.series.state.set(Arc::clone(&self.state));
        if !same {
            self.count_buckets();
        }
        self.bytes = self.count_bytes();
    }

    fn count_buckets(&mut self) {
        self.bucket_bytes = self.state.buckets.iter().map(|node| 8 + node.bytes).sum();
    }

    fn count_bytes(&self) -> usize {
        let nodes: usize = self.state.nodes.iter().map(|node| 8 + node.bytes).sum();
        self.own_bytes + size_of::<Column>() * self.state.open.len() + self.bucket_bytes + nodes
    }
}

fn own_bytes(key: &SeriesKey) -> usize {
    // What the maps and lists of the store hold of a series, beside itself.
    const AROUND: usize = 96;
    let labels = key.labels().iter().map(|(name, value)| 48 + beyond_inline(name) + beyond_inline(value));
    AROUND
        + size_of::<Written>()
        + size_of::<Series>()
        + size_of::<State>()
        + size_of::<SeriesKey>()
        + beyond_inline(key.metric())
        + labels.sum::<usize>()
}

/// Bytes of a text that does not fit into its own 24.
pub(super) fn beyond_inline(text: &crate::Text) -> usize {
    if text.is_heap_allocated() { text.len() + 16 } else { 0 }
}
