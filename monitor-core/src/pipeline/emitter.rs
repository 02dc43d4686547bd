//! What a source is given: it emits events and refuses lines; batching, numbering and back-pressure are done for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::counters::SourceCounters;
use super::refusals::Refusals;
use crate::event::Event;
use crate::read::{LineParser, Reason, Refusal};
use crate::{Clock, Text, Timestamp};

/// Events are handed on by this many.
const BATCH: usize = 1_024;
/// Or when they take this much memory.
const BATCH_BYTES: usize = 4 << 20;
/// A timestamp this far ahead of the clock is not believed.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(86_400);

/// Takes a batch of events on; an error says that nobody wants more.
pub(super) type Output = Box<dyn FnMut(Vec<Event>) -> Result<(), Stopped> + Send>;

/// The pipeline wants no more events.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pipeline has stopped")]
pub struct Stopped;

/// Where a line comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The file.
    pub file: Option<&'a Path>,
    /// The number of the line, from 1.
    pub line: Option<u64>,
}

/// Makes events of lines, and refuses the bad ones. Cheap to clone.
#[derive(Clone)]
pub struct LineReader {
    pub(super) source: Text,
    pub(super) parser: LineParser,
    pub(super) clock: Clock,
    pub(super) refusals: Arc<Refusals>,
    /// Whether the clock follows the events.
    pub(super) event_time: bool,
    /// When the last event happened.
    pub(super) last: Option<Timestamp>,
}

impl LineReader {
    /// The event of a line; `None` for a blank line, and for a bad one, which is refused.
    pub fn read(&mut self, line: &[u8], place: Place<'_>) -> Option<Event> {
        let refusal = match self.parser.parse(line, self.arrival()) {
            Ok(None) => return None,
            Ok(Some(event)) if self.is_from_the_future(event.time) => {
                let error = format!("`timestamp` lies more than a day ahead of the clock: {}", event.time);
                Refusal::new(Reason::Future, error)
            }
            Ok(Some(event)) => {
                self.last = Some(event.time);
                return Some(event);
            }
            Err(refusal) => refusal,
        };
        self.refuse(&refusal, line, place);
        None
    }

    /// Whether a timestamp is not to be believed. A recording is judged by its own times (see the file source), not by a
    /// clock that it has nothing to do with.
    fn is_from_the_future(&self, time: Timestamp) -> bool {
        !self.event_time && time > self.clock.now().plus(TOLERANCE)
    }

    /// For a recording: it begins at this time, so an event without one, before any other, happened then.
    pub(crate) fn begin_at(&mut self, begins: Option<Timestamp>) {
        self.last = self.last.or(begins);
    }

    /// When an event without a timestamp happened: now; in a recording, when the one before it did, for what the machine's
    /// clock shows has nothing to do with it.
    fn arrival(&self) -> Timestamp {
        match self.last {
            Some(last) if self.event_time => last,
            _ => self.clock.now(),
        }
    }

    /// Counts and keeps a line that is no event.
    pub fn refuse(&self, refusal: &Refusal, line: &[u8], place: Place<'_>) {
        self.refusals.add(&self.source, place, refusal, line);
    }

    /// The parser, with the pipeline's time zone.
    pub fn parser(&self) -> &LineParser {
        &self.parser
    }
}

/// What a source emits to.
pub struct Emitter {
    pub(super) lines: LineReader,
    pub(super) counters: Arc<SourceCounters>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) output: Output,
    pub(super) batch: Vec<Event>,
    pub(super) batch_bytes: usize,
}

impl Emitter {
    /// Whether the source should come to its end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The time of arrival, for events without a timestamp.
    pub fn now(&self) -> Timestamp {
        self.lines.clock.now()
    }

    /// What makes events of lines.
    pub fn lines(&self) -> &LineReader {
        &self.lines
    }

    /// Emits an event. Waits while the bus is full.
    ///
    /// # Errors
    /// When nobody wants more.
    pub fn emit(&mut self, event: Event) -> Result<(), Stopped> {
        if self.lines.is_from_the_future(event.time) {
            self.lines.refusals.count(Reason::Future);
            return Ok(());
        }
        self.push(event)
    }

    /// Parses a line and emits its event; a bad line is refused.
    ///
    /// # Errors
    /// When nobody wants more.
    pub fn line(&mut self, line: &[u8], place: Place<'_>) -> Result<(), Stopped> {
        match self.lines.read(line, place) {
            Some(event) => self.push(event),
            None => Ok(()),
        }
    }

    /// Counts and keeps a line that is no event.
    pub fn refuse(&self, refusal: &Refusal, line: &[u8], place: Place<'_>) {
        self.lines.refuse(refusal, line, place);
    }

    /// Emits an event that came from [`LineReader::read`], and was judged there.
    pub(crate) fn push(&mut self, event: Event) -> Result<(), Stopped> {
        self.batch_bytes += event.approximate_bytes();
        self.batch.push(event);
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands on what was emitted, so that it does not wait for more to come.
    ///
    /// # Errors
    /// When nobody wants more.
    pub fn flush(&mut self) -> Result<(), Stopped> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.counters.events.add(self.batch.len() as u64);
        self.batch_bytes = 0;
        let next = Vec::with_capacity(self.batch.len());
        (self.output)(std::mem::replace(&mut self.batch, next))
    }

    /// Hands on a whole batch that the source has made itself.
    pub(crate) fn emit_batch(&mut self, events: Vec<Event>) -> Result<(), Stopped> {
        self.flush()?;
        self.counters.events.add(events.len() as u64);
        (self.output)(events)
    }
}
