//! A batch: an ordered run of events with the samples that they yield, derived once.

use crate::event::Event;
use crate::sample::{Deriver, Sample};

/// Events and their samples before the bus has numbered them.
#[derive(Debug, Default)]
pub struct Draft {
    events: Vec<Event>,
    samples: Vec<Sample>,
    /// For each event, where its samples end.
    ends: Vec<u32>,
    bytes: usize,
}

impl Draft {
    /// Derives the samples of `events`.
    pub fn new(events: Vec<Event>, deriver: &mut Deriver) -> Self {
        let mut samples = Vec::with_capacity(events.len());
        let mut ends = Vec::with_capacity(events.len());
        let mut bytes = 0;
        for event in &events {
            deriver.derive(event, &mut samples);
            bytes += event.approximate_bytes();
            ends.push(u32::try_from(samples.len()).expect("a batch holds far less than 2^32 samples"));
        }
        bytes += samples.len() * size_of::<Sample>();
        Self { events, samples, ends, bytes }
    }

    /// The events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many samples.
    pub fn sample_count(&self) -> usize {
        self.samples.len()
    }

    /// Gives the events their numbers.
    pub fn numbered(self, first: u64) -> Batch {
        Batch { first, draft: self }
    }
}

/// An ordered run of events with sequence numbers. Shared by all subscribers, never copied for one.
#[derive(Debug)]
pub struct Batch {
    first: u64,
    draft: Draft,
}

impl Batch {
    /// The sequence number of the first event; the others follow without a gap.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.draft.bytes
    }

    /// The events.
    pub fn events(&self) -> &[Event] {
        &self.draft.events
    }

    /// The samples of all events, in the order of the events.
    pub fn samples(&self) -> &[Sample] {
        &self.draft.samples
    }

    /// The samples of the event at `index`.
    pub fn samples_of(&self, index: usize) -> &[Sample] {
        let start = index.checked_sub(1).map_or(0, |before| self.draft.ends[before]);
        &self.draft.samples[start as usize..self.draft.ends[index] as usize]
    }
}
