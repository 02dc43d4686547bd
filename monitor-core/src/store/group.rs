//! Series that get samples together: the samples of an event are a row of one table, and at rest their times are kept once.

use super::codec::Times;
use super::node::{CHUNK, Detail, Node, append};
use super::open::{Column, Growing, Open};
use super::series::Written;
use super::sync::Arc;

/// Rows of a group that begins: many never get further.
const FIRST_ROOM: usize = 4;
/// Rows after a chunk was put to rest.
const NEXT_ROOM: usize = 128;

/// A group as the writer has it.
#[derive(Debug)]
pub(super) struct Group {
    /// The places of its series in the writer's list, in order.
    members: Box<[usize]>,
    table: Arc<Growing>,
    /// What the table is now, at hand for the next row.
    open: Arc<Open>,
}

impl Group {
    /// A group of these series, which are told of it.
    pub(super) fn new(members: Box<[usize]>, series: &mut [Written]) -> Self {
        let open = Arc::new(Open::with_room(FIRST_ROOM, members.len()));
        let table = Arc::new(Growing::new(Arc::clone(&open)));
        for (at, member) in members.iter().enumerate() {
            series[*member].change(|state| state.open.push(Column { table: Arc::clone(&table), at }));
        }
        Self { members, table, open }
    }

    pub(super) fn members(&self) -> &[usize] {
        &self.members
    }

    /// Adds a row; false if there is no room for it.
    #[inline]
    pub(super) fn push(&self, time: i64, values: &[f64]) -> bool {
        self.open.push(time, values)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.len() == 0
    }

    /// The times of the first and the last sample that are not at rest yet.
    pub(super) fn extent(&self) -> Option<(i64, i64)> {
        self.open.times().map(|time| (time, time)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Bytes of memory, but for those of its series.
    pub(super) fn bytes(&self) -> usize {
        // What the maps and lists of the store hold of a group, beside itself.
        const AROUND: usize = 96;
        AROUND + size_of::<Self>() + 16 * self.members.len() + self.open.bytes()
    }

    /// Makes room for another row.
    #[cold]
    pub(super) fn make_room(&mut self, series: &mut [Written]) {
        if self.open.room() >= CHUNK {
            return self.seal(series, NEXT_ROOM);
        }
        self.open = Arc::new(self.open.resized((2 * self.open.room()).min(CHUNK)));
        self.table.grow(Arc::clone(&self.open));
    }

    /// Puts the open samples to rest. There is room for so many rows afterwards.
    pub(super) fn seal(&mut self, series: &mut [Written], room: usize) {
        if self.is_empty() {
            return;
        }
        let full = std::mem::replace(&mut self.open, Arc::new(Open::with_room(room, self.members.len())));
        let table = Arc::new(Growing::new(Arc::clone(&self.open)));
        let before = std::mem::replace(&mut self.table, Arc::clone(&table));
        let small = |written: &Written| written.state.nodes.last().filter(|last| last.is_small(full.len())).cloned();
        let lasts: Vec<Option<Arc<Node>>> = self.members.iter().map(|member| small(&series[*member])).collect();
        let mut runs: Vec<Run> = Vec::new();
        for (at, (member, last)) in self.members.iter().zip(&lasts).enumerate() {
            let (written, last) = (&mut series[*member], last.as_ref());
            let replaces = last.is_some();
            let known = runs.iter().position(|run| is_behind(run.behind.as_ref(), last));
            let run = known.unwrap_or_else(|| {
                runs.push(Run::new(last, &full, &lasts));
                runs.len() - 1
            });
            let chunk = runs[run].chunk(last, full.values(at));
            written.change(|state| {
                if replaces {
                    state.nodes.pop();
                }
                append(&mut state.nodes, chunk);
                let column =
                    state.open.iter_mut().find(|column| column.at == at && Arc::ptr_eq(&column.table, &before));
                column.expect("a member knows its column").table = Arc::clone(&table);
            });
        }
    }

    /// Puts the open samples to rest, if that saves room.
    pub(super) fn squeeze(&mut self, series: &mut [Written]) {
        const WORTH_IT: usize = 16;
        if self.open.len() >= WORTH_IT || self.open.room() > 4 * self.open.len().max(FIRST_ROOM) {
            self.seal(series, 1);
        }
    }

    /// How many samples are open.
    pub(super) fn samples(&self) -> u64 {
        (self.open.len() * self.members.len()) as u64
    }

    /// Lets go of the open samples.
    pub(super) fn forget(&mut self, series: &mut [Written]) {
        self.open = Arc::new(Open::with_room(1, self.members.len()));
        let table = Arc::new(Growing::new(Arc::clone(&self.open)));
        let before = std::mem::replace(&mut self.table, table);
        for member in &self.members {
            series[*member].change(|state| {
                let columns = state.open.iter_mut().filter(|column| Arc::ptr_eq(&column.table, &before));
                columns.for_each(|column| column.table = Arc::clone(&self.table));
            });
        }
    }

    /// Its series have moved to other places.
    pub(super) fn renumber(&mut self, places: &[usize]) {
        self.members.iter_mut().for_each(|member| *member = places[*member]);
    }

    /// Its series are told that it is no more. It must be empty.
    pub(super) fn leave(self, series: &mut [Written]) {
        for member in &self.members {
            series[*member].change(|state| state.open.retain(|column| !Arc::ptr_eq(&column.table, &self.table)));
        }
    }
}

impl Node {
    /// Whether it is a chunk that was put to rest before it was full, and can be filled up by so many samples.
    fn is_small(&self, more: usize) -> bool {
        matches!(self.detail, Detail::Samples(_)) && self.summary.count as usize + more <= CHUNK
    }
}

/// The times of samples that are put to rest together, worked out once for all series of a group whose last chunks have the
/// same times.
struct Run {
    /// Those of the small chunk that is filled up, if there is one.
    behind: Option<Arc<Times>>,
    /// For samples that did not come in the order of time: the place at which each of them came.
    order: Option<Vec<usize>>,
    times: Vec<i64>,
    packed: Arc<Times>,
    values: Vec<f64>,
}

impl Run {
    /// Of the samples of the last chunks `lasts` that it goes behind, and of what is open.
    fn new(last: Option<&Arc<Node>>, open: &Open, lasts: &[Option<Arc<Node>>]) -> Self {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        if let Some(last) = last {
            last.decode(&mut times, &mut values).expect("what the store has compressed");
        }
        times.extend(open.times());
        let mut order = None;
        if !times.is_sorted() {
            let mut places: Vec<usize> = (0..times.len()).collect();
            // Stable: samples of one time stay in the order in which they came.
            places.sort_by_key(|at| times[*at]);
            times = places.iter().map(|at| times[*at]).collect();
            order = Some(places);
        }
        let behind = last.and_then(|last| last.times());
        let shared_by = lasts.iter().filter(|other| is_behind(behind, other.as_ref())).count();
        let packed = Arc::new(Times::new(&times, shared_by));
        Self { behind: behind.cloned(), order, times, packed, values }
    }

    fn chunk(&mut self, last: Option<&Arc<Node>>, values: impl Iterator<Item = f64>) -> Node {
        self.values.clear();
        if let Some(last) = last {
            last.decode_values(&mut self.values).expect("what the store has compressed");
        }
        self.values.extend(values);
        if let Some(order) = &self.order {
            self.values = order.iter().map(|at| self.values[*at]).collect();
        }
        Node::chunk(&self.times, &self.packed, &self.values).expect("there are samples")
    }
}

/// Whether these are the times of a last chunk; none are those of none.
fn is_behind(times: Option<&Arc<Times>>, last: Option<&Arc<Node>>) -> bool {
    match (times, last.and_then(|last| last.times())) {
        (Some(known), Some(other)) => Arc::ptr_eq(known, other),
        (None, None) => true,
        _ => false,
    }
}
