//! The log behind the bus, as plain data: batches, places of subscribers, room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Batch, Draft, Overflow};

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
}

#[derive(Debug)]
struct Place {
    /// The batch that is read next.
    next: u64,
    /// The first batch that is still needed.
    needed: u64,
    overflow: Overflow,
    /// Since when a publisher has waited for it, without its moving.
    waited_for: Option<Instant>,
    stalled: bool,
    lost: u64,
    /// Events before `next`: all that were read, lost, or published before it subscribed.
    passed: u64,
}

impl Log {
    pub(super) fn new(capacity: Size) -> Self {
        Self {
            batches: VecDeque::new(),
            front: 0,
            held: Size::default(),
            capacity,
            next_sequence: 0,
            places: Vec::new(),
            input: None,
            input_ended: false,
            closed: false,
        }
    }

    pub(super) fn subscribe(&mut self, overflow: Overflow) -> usize {
        let next = self.end();
        let passed = self.next_sequence;
        self.places.push(Some(Place {
            next,
            needed: next,
            overflow,
            waited_for: None,
            stalled: false,
            lost: 0,
            passed,
        }));
        self.places.len() - 1
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
                    place.next += 1;
                    place.lost += size;
                    place.passed += size;
                }
            }
            self.trim();
        }
        None
    }

    pub(super) fn has_next(&self, id: usize) -> bool {
        self.place(id).is_some_and(|place| place.next < self.end())
    }

    pub(super) fn next(&mut self, id: usize) -> Option<Arc<Batch>> {
        let front = self.front;
        let place = self.places.get_mut(id)?.as_mut()?;
        let batch = self.batches.get(usize::try_from(place.next - front).ok()?)?;
        place.next += 1;
        place.passed += batch.len() as u64;
        Some(Arc::clone(batch))
    }

    pub(super) fn commit(&mut self, id: usize) {
        if let Some(place) = self.places[id].as_mut() {
            place.needed = place.next;
            place.stalled = false;
            place.waited_for = None;
        }
        self.trim();
    }

    pub(super) fn lost(&self, id: usize) -> u64 {
        self.place(id).map_or(0, |place| place.lost)
    }

    pub(super) fn unread(&self, id: usize) -> u64 {
        self.place(id).map_or(0, |place| self.next_sequence - place.passed)
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
