//! One series: what readers see of it, and how the writer brings it forward.

use super::Window;
use super::node::{CHUNK, Detail, Node, Press};
use super::open::Open;
use super::sync::{Arc, Shared};
use crate::sample::SeriesKey;

/// Room of a series that begins: many never get further.
const FIRST_ROOM: usize = 4;
/// Room after a chunk was put to rest.
const NEXT_ROOM: usize = 64;

/// A series as readers see it.
#[derive(Debug)]
pub(super) struct Series {
    key: Arc<SeriesKey>,
    state: Shared<State>,
}

/// All samples of a series at one moment. It does not change, but that `open` gets longer.
#[derive(Debug)]
pub(super) struct State {
    /// Buckets of what is older than raw samples are kept, in the order of time.
    pub(super) buckets: Arc<Vec<Arc<Node>>>,
    /// Chunks, and spans of chunks, in the order in which they were put to rest.
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) open: Arc<Open>,
}

/// A series as the writer has it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) series: Arc<Series>,
    pub(super) state: Arc<State>,
    /// That of the state, at hand for the next sample.
    open: Arc<Open>,
    /// Bytes of everything.
    bytes: usize,
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
        let open = self.open.iter().map(|(time, _)| (time, time));
        at_rest.chain(open).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
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
        let at_rest = times.into_iter().zip(values);
        out.extend(at_rest.chain(self.open.iter()).filter(|(time, _)| start <= *time && *time <= end));
    }

    /// How many samples.
    pub(super) fn count(&self) -> u64 {
        let at_rest: u64 = self.buckets.iter().chain(&self.nodes).map(|node| node.summary.count).sum();
        at_rest + self.open.len() as u64
    }
}

impl Written {
    pub(super) fn new(key: Arc<SeriesKey>) -> Self {
        let open = Arc::new(Open::with_room(FIRST_ROOM));
        let state = Arc::new(State { buckets: Arc::default(), nodes: Vec::new(), open });
        Self::restored(key, state)
    }

    /// A series that a snapshot tells of.
    pub(super) fn restored(key: Arc<SeriesKey>, state: Arc<State>) -> Self {
        let series = Arc::new(Series { key, state: Shared::new(Arc::clone(&state)) });
        let open = Arc::clone(&state.open);
        let mut written = Self { series, state, open, bytes: 0 };
        written.bytes = written.count_bytes();
        written
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a sample; true if the bytes that the series takes have changed.
    #[inline]
    pub(super) fn push(&mut self, time: i64, value: f64, press: &mut Press) -> bool {
        if self.open.push(time, value) {
            return false;
        }
        self.make_room(press);
        assert!(self.open.push(time, value), "there is room now");
        true
    }

    #[cold]
    fn make_room(&mut self, press: &mut Press) {
        if self.state.open.room() >= CHUNK {
            return self.seal(press, NEXT_ROOM);
        }
        let open = Open::with_room(2 * self.state.open.room());
        for (time, value) in self.state.open.iter() {
            open.push(time, value);
        }
        let State { buckets, nodes, .. } = &*self.state;
        let (buckets, nodes) = (Arc::clone(buckets), nodes.clone());
        self.set(Arc::new(State { buckets, nodes, open: Arc::new(open) }));
    }

    /// Puts the open samples to rest.
    pub(super) fn seal(&mut self, press: &mut Press, next_room: usize) {
        let (mut times, mut values): (Vec<i64>, Vec<f64>) = self.state.open.iter().unzip();
        if times.is_empty() {
            return;
        }
        let mut nodes = self.state.nodes.clone();
        // A small chunk, sealed before it was full, is filled up.
        if let Some(last) = nodes.last()
            && matches!(last.detail, Detail::Samples(_))
            && last.summary.count as usize + times.len() <= CHUNK
        {
            let (mut more_times, mut more_values) = (Vec::new(), Vec::new());
            last.decode(&mut more_times, &mut more_values).expect("what the store has compressed");
            nodes.pop();
            more_times.append(&mut times);
            more_values.append(&mut values);
            (times, values) = (more_times, more_values);
        }
        if !times.is_sorted() {
            let mut samples: Vec<_> = times.into_iter().zip(values).collect();
            // Stable: samples of one time stay in the order in which they came.
            samples.sort_by_key(|(time, _)| *time);
            (times, values) = samples.into_iter().unzip();
        }
        let chunk = press.chunk(&times, &values).expect("there are samples");
        press.append(&mut nodes, chunk);
        let buckets = Arc::clone(&self.state.buckets);
        self.set(Arc::new(State { buckets, nodes, open: Arc::new(Open::with_room(next_room)) }));
    }

    /// Puts the open samples to rest, if that saves room.
    pub(super) fn squeeze(&mut self, press: &mut Press) {
        const WORTH_IT: usize = 16;
        if self.state.open.len() >= WORTH_IT || self.state.open.room() > 4 * self.state.open.len().max(FIRST_ROOM) {
            self.seal(press, FIRST_ROOM);
        }
    }

    /// Makes a new state of the old one, for readers to see from now on.
    pub(super) fn set(&mut self, state: Arc<State>) {
        self.open = Arc::clone(&state.open);
        self.state = state;
        self.series.state.set(Arc::clone(&self.state));
        self.bytes = self.count_bytes();
    }

    fn count_bytes(&self) -> usize {
        // What the maps and lists of the store hold of a series, beside itself.
        const AROUND: usize = 96;
        let key = &self.series.key;
        let labels = key.labels().iter().map(|(name, value)| 48 + beyond_inline(name) + beyond_inline(value));
        let nodes = self.state.buckets.iter().chain(&self.state.nodes).map(|node| 8 + node.bytes);
        AROUND
            + size_of::<Self>()
            + size_of::<Series>()
            + size_of::<SeriesKey>()
            + beyond_inline(key.metric())
            + labels.sum::<usize>()
            + size_of::<State>()
            + size_of::<Open>()
            + 16 * self.state.open.room()
            + nodes.sum::<usize>()
    }
}

/// Bytes of a text that does not fit into its own 24.
fn beyond_inline(text: &crate::Text) -> usize {
    if text.is_heap_allocated() { text.len() + 16 } else { 0 }
}
