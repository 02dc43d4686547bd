//! The log behind the bus, as plain data: batches, places of subscribers, room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Batch, Committed, Draft, Overflow};

/// How much is held, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Events.
    pub events: usize,
    /// About how many bytes of memory they take.
    pub bytes: usize,
}

/// Batches in order and the places of the subscribers. Batches are counted from 0; `front` is the first one kept.
#[derive(Debug)]
pub(super) struct Log {
    batches: VecDeque<Arc<Batch>>,
    front: u64,
    held: Size,
    capacity: Size,
    next_sequence: u64,
    places: Vec<Option<Place>>,
    /// Who reads the input alone.
    input: Option<usize>,
    input_ended: bool,
    closed: bool,
    /// How often whoever waits was to look up.
    woken: u64,
}

#[derive(Debug)]
struct Place {
    /// The batch that is read next; none in memory for one that is behind.
    next: u64,
    /// The first batch that is still needed.
    needed: u64,
    overflow: Overflow,
    /// Since when a publisher has waited for it, without its moving.
    waited_for: Option<Instant>,
    stalled: bool,
    lost: u64,
    /// Events that the backlog ought to have had.
    gone: u64,
    /// The number of the event that is read next: all before were read, lost, or not for it.
    at: u64,
    /// What it reads next is in the backlog.
    behind: bool,
    /// What one that loses the newest has yet to read, apart from the log; after that it goes on with what is new then.
    apart: VecDeque<Arc<Batch>>,
}

/// Where the next batch for a subscriber is.
#[derive(Debug)]
pub(super) enum Found {
    Batch(Arc<Batch>),
    /// In the backlog, from this event on; there should be all before that one.
    Behind(u64, u64),
    Nothing,
}

/// The place in memory of one that is behind: none.
const NOWHERE: u64 = u64::MAX;

impl Log {
    pub(super) fn new(capacity: Size, next_sequence: u64) -> Self {
        Self {
            batches: VecDeque::new(),
            front: 0,
            held: Size::default(),
            capacity,
            next_sequence,
            places: Vec::new(),
            input: None,
            input_ended: false,
            closed: false,
            woken: 0,
        }
    }

    pub(super) fn wake(&mut self) {
        self.woken += 1;
    }

    pub(super) fn woken(&self) -> u64 {
        self.woken
    }

    /// So many numbers are taken by events that nobody sees any more.
    pub(super) fn skip(&mut self, events: u64) {
        self.next_sequence += events;
    }

    pub(super) fn set_overflow(&mut self, id: usize, overflow: Overflow) {
        if let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) {
            place.overflow = overflow;
            (place.waited_for, place.stalled) = (None, false);
        }
    }

    pub(super) fn subscribe(&mut self, overflow: Overflow) -> usize {
        let next = self.end();
        self.places.push(Some(Place {
            next,
            needed: next,
            overflow,
            waited_for: None,
            stalled: false,
            lost: 0,
            gone: 0,
            at: self.next_sequence,
            behind: false,
            apart: VecDeque::new(),
        }));
        self.places.len() - 1
    }

    /// A subscriber that has yet to get what the backlog holds from this event on.
    pub(super) fn subscribe_at(&mut self, overflow: Overflow, at: u64) -> usize {
        let id = self.subscribe(overflow);
        if let Some(place) = self.places[id].as_mut().filter(|place| at < place.at) {
            place.fall_behind();
            place.at = at;
        }
        id
    }

    pub(super) fn subscribe_input(&mut self, overflow: Overflow) -> usize {
        let id = self.subscribe(overflow);
        self.input = Some(id);
        id
    }

    /// Whether who reads the input has dealt with all of it; true if nobody does.
    pub(super) fn input_taken_in(&self) -> bool {
        self.input.and_then(|id| self.place(id)).is_none_or(|place| place.needed == self.end())
    }

    pub(super) fn unsubscribe(&mut self, id: usize) {
        self.places[id] = None;
        self.trim();
    }

    /// Appends a batch; `None` if the log is closed.
    pub(super) fn append(&mut self, draft: Draft) -> Option<u64> {
        if self.closed {
            return None;
        }
        let first = self.next_sequence;
        self.next_sequence += draft.len() as u64;
        self.held.events += draft.len();
        self.held.bytes += draft.bytes();
        self.batches.push_back(Arc::new(draft.numbered(first)));
        self.trim();
        Some(first)
    }

    /// Tries to have room for `more`; if a subscriber must be waited for, how long at most.
    pub(super) fn make_room(&mut self, more: Size, now: Instant) -> Option<Duration> {
        let full = |held: Size, capacity: Size| {
            held.events + more.events > capacity.events || held.bytes + more.bytes > capacity.bytes
        };
        while full(self.held, self.capacity) && !self.batches.is_empty() {
            let front = self.front;
            let size = self.batches[0].len() as u64;
            let mut wait = None;
            for place in self.places.iter_mut().flatten().filter(|place| place.needed == front && !place.stalled) {
                if let Overflow::Block(limit) = place.overflow {
                    let waited = now.saturating_duration_since(*place.waited_for.get_or_insert(now));
                    place.stalled = waited >= limit;
                    if !place.stalled {
                        let left = limit.saturating_sub(waited);
                        wait = Some(wait.map_or(left, |wait: Duration| wait.min(left)));
                    }
                }
            }
            if wait.is_some() {
                return wait;
            }
            for place in self.places.iter_mut().flatten().filter(|place| place.needed == front) {
                place.needed += 1;
                if place.next == front {
                    if place.overflow == Overflow::Spill {
                        place.fall_behind();
                        continue;
                    }
                    if place.overflow == Overflow::DropNewest {
                        place.apart.extend(self.batches.iter().cloned());
                        (place.next, place.needed) = (NOWHERE, NOWHERE);
                        continue;
                    }
                    place.next += 1;
                    place.lost += size;
                    place.at += size;
                }
            }
            self.trim();
        }
        None
    }

    pub(super) fn has_next(&self, id: usize) -> bool {
        self.place(id).is_some_and(|place| place.at < self.next_sequence)
    }

    pub(super) fn next(&mut self, id: usize) -> Found {
        let (front, end) = (self.front, self.end());
        let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) else { return Found::Nothing };
        if let Some(batch) = place.apart.pop_front() {
            place.at = batch.first() + batch.len() as u64;
            if place.apart.is_empty() {
                (place.next, place.needed) = (end, end);
                place.lost += self.next_sequence - place.at;
                place.at = self.next_sequence;
            }
            return Found::Batch(batch);
        }
        if place.behind {
            return if place.at < self.next_sequence {
                Found::Behind(place.at, self.next_sequence)
            } else {
                Found::Nothing
            };
        }
        let batch = usize::try_from(place.next - front).ok().and_then(|at| self.batches.get(at));
        let Some(batch) = batch else { return Found::Nothing };
        place.next += 1;
        place.at = batch.first() + batch.len() as u64;
        Found::Batch(Arc::clone(batch))
    }

    /// A subscriber that is behind has got the events up to `end` from the backlog, which had none from where it was up to
    /// `first`.
    pub(super) fn caught_up(&mut self, id: usize, first: u64, end: u64) {
        let front = self.front;
        let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) else { return };
        if !seeded_bug!("gap_uncounted") {
            place.gone += first.saturating_sub(place.at);
        }
        place.at = end;
        let in_memory = self.batches.partition_point(|batch| batch.first() < end);
        let joins = self.batches.get(in_memory).map_or(self.next_sequence, Batch::first_of);
        if joins == end {
            place.behind = false;
            place.next = front + in_memory as u64;
            place.needed = place.next;
        }
    }

    /// The backlog had nothing for a subscriber that is behind, though there were events before this one: it goes on with
    /// what is in memory.
    pub(super) fn nothing_behind(&mut self, id: usize, before: u64) {
        let Some(at) = self.place(id).map(|place| place.at) else { return };
        let in_memory = self.batches.iter().map(Batch::first_of).find(|first| *first >= at);
        let goes_on = in_memory.map_or(before, |first| first.min(before));
        self.caught_up(id, goes_on, goes_on);
    }

    /// What a subscriber has read is done with.
    pub(super) fn commit(&mut self, id: usize) -> Committed {
        let mut committed = Committed { at: self.next_sequence, lost: 0, gone: 0 };
        if let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) {
            place.needed = place.next;
            place.stalled = false;
            place.waited_for = None;
            committed = Committed { at: place.at, lost: place.lost, gone: place.gone };
        }
        self.trim();
        committed
    }

    pub(super) fn gone(&self, id: usize) -> u64 {
        self.place(id).map_or(0, |place| place.gone)
    }

    pub(super) fn lost(&self, id: usize) -> u64 {
        self.place(id).map_or(0, |place| place.lost)
    }

    pub(super) fn unread(&self, id: usize) -> u64 {
        self.place(id).map_or(0, |place| self.next_sequence - place.at)
    }

    /// The number of the event that a subscriber reads next.
    pub(super) fn at(&self, id: usize) -> u64 {
        self.place(id).map_or(self.next_sequence, |place| place.at)
    }

    /// Nobody waits for a subscriber any more, until it moves.
    pub(super) fn stall(&mut self, id: usize) {
        if let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) {
            place.stalled = true;
        }
    }

    pub(super) fn stalled(&self, id: usize) -> bool {
        self.place(id).is_some_and(|place| place.stalled)
    }

    pub(super) fn end_input(&mut self) {
        self.input_ended = true;
    }

    pub(super) fn close(&mut self) {
        self.input_ended = true;
        self.closed = true;
    }

    pub(super) fn input_ended(&self) -> bool {
        self.input_ended
    }

    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn place(&self, id: usize) -> Option<&Place> {
        self.places.get(id)?.as_ref()
    }

    fn end(&self) -> u64 {
        self.front + self.batches.len() as u64
    }

    /// Lets go of the batches that nobody needs.
    fn trim(&mut self) {
        let needed = self.places.iter().flatten().map(|place| place.needed).min().unwrap_or(u64::MAX);
        while self.front < needed {
            let Some(batch) = self.batches.pop_front() else {
                break;
            };
            self.front += 1;
            self.held.events -= batch.len();
            self.held.bytes -= batch.bytes();
        }
    }
}

impl Place {
    fn fall_behind(&mut self) {
        self.behind = true;
        self.next = NOWHERE;
        self.needed = NOWHERE;
    }
}

impl Batch {
    fn first_of(batch: &Arc<Self>) -> u64 {
        batch.first()
    }
}
