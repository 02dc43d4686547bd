//! What a source is given: it emits events and refuses lines; batching, numbering and back-pressure are done for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::counters::SourceCounters;
use super::refusals::Refusals;
use crate::bus::{Draft, Intake, Position};
use crate::event::Event;
use crate::read::{LineParser, Reason, Refusal};
use crate::sample::Deriver;
use crate::{Clock, Text, Timestamp};

/// A timestamp this far ahead of the clock is not believed.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(86_400);

/// Takes a batch on; an error says that nobody wants more.
pub(super) type Output = Box<dyn FnMut(Draft) -> Result<(), Stopped> + Send>;

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

/// Makes events of lines, and refuses the bad ones. Cheap to clone until it has read some.
#[derive(Clone)]
pub struct LineReader {
    pub(super) source: Text,
    pub(super) parser: LineParser,
    pub(super) deriver: Deriver,
    pub(super) clock: Clock,
    pub(super) refusals: Arc<Refusals>,
    /// Refusals since a batch was handed on last, by reason.
    pub(super) rejected: Arc<Mutex<BTreeMap<Text, u64>>>,
    /// Whether the clock follows the events.
    pub(super) event_time: bool,
    /// When the last event happened.
    pub(super) last: Option<Timestamp>,
}

impl LineReader {
    /// Adds the event of a line to a batch; a bad one is refused, a blank one is none.
    pub(crate) fn read(&mut self, line: &[u8], place: Place<'_>, draft: &mut Draft) -> Line {
        let arrival = self.arrival();
        let limit = self.limit();
        let accept = |time: Timestamp| {
            if time <= limit {
                return Ok(());
            }
            let error = format!("`timestamp` lies more than a day ahead of the clock: {time}");
            Err(Refusal::new(Reason::Future, error))
        };
        match draft.push_accepted(line, arrival, &mut self.parser, &mut self.deriver, accept) {
            Ok(None) => Line::Blank,
            Ok(Some(time)) => {
                self.last = Some(time);
                Line::Event
            }
            Err(refusal) => {
                self.refuse(&refusal, line, place);
                Line::Refused
            }
        }
    }

    /// What is later is not to be believed. A recording is judged by its own times (see the file source), not by a clock
    /// that it has nothing to do with.
    fn limit(&self) -> Timestamp {
        if self.event_time { Timestamp::MAX } else { self.clock.now().plus(TOLERANCE) }
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
        self.note_rejected(refusal.reason);
        self.refusals.add(&self.source, place, refusal, line);
    }

    fn note_rejected(&self, reason: Reason) {
        let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        *rejected.entry(Text::new_static(reason.as_str())).or_default() += 1;
    }

    /// The parser, with the pipeline's time zone.
    pub fn parser(&self) -> &LineParser {
        &self.parser
    }
}

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Event,
    Blank,
    Refused,
}

/// What a source emits to.
pub struct Emitter {
    pub(super) lines: LineReader,
    pub(super) counters: Arc<SourceCounters>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) output: Output,
    pub(super) draft: Draft,
    /// It is handed on when it has so many events, or nothing more is at hand.
    pub(super) most: usize,
    /// How far the source was when the last process ended; `None` where that is not kept.
    pub(super) saved: Option<Vec<(Text, String)>>,
    /// How far it is with the draft.
    pub(super) positions: Vec<Position>,
    /// What came to the door since the last batch was handed on, as far as it came one by one.
    pub(super) intake: Intake,
}

impl Emitter {
    /// Whether the source should come to its end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What says that the source should come to its end, for a thread of its own.
    pub(crate) fn stop_signal(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Says how much there is to read, in bytes or whatever the source counts by, so that whoever waits sees how far it is.
    pub fn expect_to_read(&self, amount: u64) {
        self.counters.to_read.add(amount);
    }

    /// Says how much more of it has been read.
    pub fn note_read(&self, amount: u64) {
        self.counters.read.add(amount);
    }

    /// The same, for whoever reads.
    pub(crate) fn reads(&self) -> impl Fn(u64) + Clone + Send + use<> {
        let counters = Arc::clone(&self.counters);
        move |amount| counters.read.add(amount)
    }

    /// Says that all that there was is emitted and handed on, up to now: a source that does not end by itself says so whenever it
    /// has looked, so that a run whose program has ended knows that nothing of it is left.
    pub fn note_caught_up(&self) {
        self.counters.rounds.fetch_add(1, Ordering::Release);
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
        self.intake.offered += 1;
        if event.time > self.lines.limit() {
            self.lines.note_rejected(Reason::Future);
            self.lines.refusals.count(Reason::Future);
            return Ok(());
        }
        self.draft.push(event, &mut self.lines.deriver);
        self.flush_full()
    }

    /// Parses a line and emits its event; a bad line is refused.
    ///
    /// # Errors
    /// When nobody wants more.
    pub fn line(&mut self, line: &[u8], place: Place<'_>) -> Result<(), Stopped> {
        self.read(line, place);
        self.flush_full()
    }

    fn read(&mut self, line: &[u8], place: Place<'_>) {
        if self.lines.read(line, place, &mut self.draft) != Line::Blank {
            self.intake.offered += 1;
        }
    }

    /// Counts and keeps a line that is no event.
    pub fn refuse(&mut self, refusal: &Refusal, line: &[u8], place: Place<'_>) {
        self.intake.offered += 1;
        self.lines.refuse(refusal, line, place);
    }

    /// Counts events that were dropped before they came here, by reason.
    pub(crate) fn note_dropped(&mut self, reason: &'static str, count: u64) {
        self.intake.offered += count;
        *self.intake.dropped.entry(Text::new_static(reason)).or_default() += count;
    }

    /// As [`line`](Self::line), but what was emitted is not handed on before [`flush`](Self::flush): the source wants to say
    /// how far it is with it. Tells whether it is time to.
    pub fn hold_line(&mut self, line: &[u8], place: Place<'_>) -> bool {
        self.read(line, place);
        self.draft.is_full(self.most)
    }

    /// How far this source was with its files, or whatever it reads, when the last process ended, in the words of
    /// [`set_position`](Self::set_position); `None` where that is not kept, as there is no spool.
    pub fn saved_positions(&self) -> Option<&[(Text, String)]> {
        self.saved.as_deref()
    }

    /// Says how far the source is with `key` once the events emitted so far are with the pipeline: they become safe together,
    /// so that the next process neither reads again nor leaves out. `None` forgets the key.
    pub fn set_position(&mut self, key: &str, value: Option<String>) {
        if self.saved.is_none() {
            return;
        }
        if let Some(position) = self.positions.iter_mut().find(|position| position.key == key) {
            position.value = value;
            return;
        }
        let source = self.lines.source.clone();
        self.positions.push(Position { source, key: Text::new(key), value });
    }

    fn flush_full(&mut self) -> Result<(), Stopped> {
        if self.draft.is_full(self.most) { self.flush() } else { Ok(()) }
    }

    /// Hands on what was emitted, so that it does not wait for more to come; and what was refused, for it was read, too.
    ///
    /// # Errors
    /// When nobody wants more.
    pub fn flush(&mut self) -> Result<(), Stopped> {
        if self.draft.is_empty() && self.intake.is_empty() {
            return Ok(());
        }
        let next = Draft::with_room(self.draft.room());
        let mut draft = std::mem::replace(&mut self.draft, next);
        draft.set_positions(std::mem::take(&mut self.positions));
        self.hand_on(draft)
    }

    /// Lets go of what was emitted and not handed on.
    pub(super) fn forget(&mut self) {
        (self.draft, self.intake, self.positions) = (Draft::default(), Intake::default(), Vec::new());
        self.lines.rejected.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Hands on all that there is, if it is only what was refused or dropped.
    pub(crate) fn finish(&mut self) -> Result<(), Stopped> {
        let flushed = self.flush();
        // What a source has refused that puts its drafts together itself.
        let rest = self.hand_on(Draft::default());
        flushed.and(rest)
    }

    /// Hands on events that the source has put together itself.
    pub(crate) fn emit_batch(&mut self, events: Vec<Event>) -> Result<(), Stopped> {
        self.flush()?;
        self.intake.offered += events.len() as u64;
        let draft = Draft::new(events, &mut self.lines.deriver);
        self.hand_on(draft)
    }

    /// Hands on a batch that the source has made itself, of lines that its [`LineReader`] has judged.
    pub(crate) fn emit_draft(&mut self, draft: Draft) -> Result<(), Stopped> {
        self.flush()?;
        self.hand_on(draft)
    }

    fn hand_on(&mut self, mut draft: Draft) -> Result<(), Stopped> {
        let mut intake = std::mem::take(&mut self.intake);
        intake.rejected = std::mem::take(&mut *self.lines.rejected.lock().unwrap_or_else(PoisonError::into_inner));
        if !intake.rejected.is_empty() {
            // Before the books tell of them.
            self.lines.refusals.flush();
        }
        // A source that puts its drafts together itself may have refused what stands behind this one already.
        if intake.offered == 0 {
            intake.offered = draft.len() as u64 + intake.rejected.values().sum::<u64>();
        }
        draft.set_intake(intake);
        draft.set_source(Some(self.lines.source.clone()));
        self.counters.events.add(draft.len() as u64);
        (self.output)(draft)
    }
}
