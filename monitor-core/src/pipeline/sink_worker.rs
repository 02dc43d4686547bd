//! One thread a sink: it batches, tries again with back-off, restarts what panicked, changes to another sink when it is told
//! to, and knows what became of each event.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::breaker::Breaker;
use super::builder::SinkOptions;
use super::control::{Control, Order};
use super::counters::SinkCounters;
use super::filter::Screen;
use super::instant;
use super::ledger::{DeadLetters, Ledger};
use crate::Text;
use crate::bus::{Batch, Committed, Cursor, Next};
use crate::component::{Answer, BoxError, Delivery, Item, Sink, WritesInDoubt};

/// What a sink that is not required may take for a batch.
const OPTIONAL_TRIES: u32 = 5;
/// What was written is brought home at least this often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// More than this many events are never held, or a restart would write too much again, and the bus fill up with what is
/// only held; nor more than this many bytes, but for one batch.
const UNFLUSHED: usize = 16_384;
const UNFLUSHED_BYTES: usize = 64 << 20;
/// What is only in the write-ahead log of the spool is brought home so often while a sink fails.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// Opens the sink anew after a panic; `None` where there is only the one.
pub(super) type Reopen = Option<Box<dyn Fn() -> Result<Box<dyn Sink>, BoxError> + Send>>;

/// The end of patience, shared by all workers: set when the pipeline wants to end.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    /// Nothing more is waited for.
    pub(super) passed: AtomicBool,
    /// The engine is to leave out what it has not taken in.
    pub(super) engine: AtomicBool,
    /// When the bus was closed: nothing more comes.
    pub(super) closed: OnceLock<Instant>,
    /// How long a failing sink is borne with once nothing more comes, in milliseconds.
    patience: AtomicU64,
}

impl Deadline {
    pub(super) fn set_patience(&self, patience: Duration) {
        self.patience.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

pub(super) struct SinkWorker {
    pub(super) name: Text,
    /// None after a panic, until it could be opened anew.
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) reopen: Reopen,
    pub(super) cursor: Cursor,
    pub(super) options: SinkOptions,
    pub(super) counters: Arc<SinkCounters>,
    pub(super) position: Arc<AtomicU64>,
    pub(super) deadline: Arc<Deadline>,
    pub(super) control: Arc<Control>,
    /// Its books, if they outlive the process.
    pub(super) ledger: Option<Ledger>,
    /// Where events go that can never be written, if they are kept.
    pub(super) dead_letters: Option<DeadLetters>,
    /// The number of the first event that it was to get in this process.
    pub(super) begin: u64,
    /// The sink has all events before this one.
    pub(super) has: u64,
    pub(super) screen: Screen,
    pub(super) state: Writing,
}

/// What the worker holds.
#[derive(Default)]
pub(super) struct Writing {
    /// Read, not flushed; from `fresh` on not written either. After a panic all of it is written again.
    held: Vec<Held>,
    held_events: usize,
    held_bytes: usize,
    fresh: usize,
    fresh_events: usize,
    /// Since when the first fresh batch waits.
    waiting_since: Option<Instant>,
    tally: Tally,
    last_flush: Option<Instant>,
    last_settled: Option<Instant>,
    /// The books are not told yet how far it is.
    unsettled: bool,
    panics: u32,
    /// The sink has failed for good.
    dead: bool,
    /// What is held stays in the spool, for the next process.
    left: bool,
    /// Since when every try has failed.
    failing_since: Option<Instant>,
    breaker: Breaker,
    /// It ends once it has written all before this event, or at that moment.
    ending: Option<(u64, Option<Instant>)>,
}

/// A batch, as the sink may see it, and the places of the events that it gets.
#[derive(Clone)]
struct Held {
    batch: Arc<Batch>,
    places: Arc<[u32]>,
}

/// What became of the held events, to be counted with the next flush.
#[derive(Default)]
struct Tally {
    written: u64,
    dead_letter: u64,
    rejected: u64,
    given_up: u64,
}

/// All that is held is to be written anew: the sink panicked, and its state is not to be trusted, or there is another one.
struct Anew;

/// A sink may ask for this much of a pause at most.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

impl SinkWorker {
    /// Runs until the bus is closed and all is written, or time is up.
    pub(super) fn run(mut self) {
        loop {
            if self.control.waits() {
                // What the old sink can still bring home is not written twice.
                self.flush();
                if self.obey() {
                    self.flush();
                }
            }
            if self.state.ending.is_some_and(|(before, _)| self.cursor.at() >= before) {
                break;
            }
            match self.cursor.next(self.pause()) {
                Next::Batch(batch) => {
                    self.hold(batch);
                    if self.state.fresh_events >= self.options.batch {
                        self.write_fresh();
                    }
                }
                Next::Idle => self.idle(),
                Next::End => break,
            }
            if self.state.waiting_since.is_some_and(|since| since.elapsed() >= self.options.linger) {
                self.write_fresh();
            }
            let full =
                self.state.held_events >= UNFLUSHED.max(self.options.batch) || self.state.held_bytes >= UNFLUSHED_BYTES;
            let due = self.state.last_flush.is_none_or(|last| last.elapsed() >= FLUSH_EVERY);
            // What only waits for a batch to fill goes on waiting.
            if full || (due && self.state.tally.written > 0) || self.wants_turn() {
                self.flush();
                self.turn(false);
            }
            if self.state.left {
                self.rest();
            }
            if (self.state.left && !self.control.waits()) || (self.ledger.is_some() && self.out_of_time()) {
                break;
            }
        }
        self.idle();
        self.end();
        if self.state.held.is_empty()
            && let Some(ledger) = &mut self.ledger
        {
            // All of it is noted: nothing is to be cut off.
            ledger.set_clean();
            self.commit();
            self.idle();
        }
    }

    /// Waits for a sink in the place of one that has failed for good; what it has not got is in the spool.
    fn rest(&self) {
        while self.state.dead
            && self.state.ending.is_none()
            && !self.control.waits()
            && !self.out_of_time()
            && self.deadline.closed.get().is_none()
        {
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Does what others want. Tells whether all that is held is to be written anew.
    fn obey(&mut self) -> bool {
        match self.control.take() {
            None => false,
            Some(Order::End { before, deadline }) => {
                self.state.ending = Some((before, deadline));
                false
            }
            Some(Order::Change { reopen, options }) => {
                self.change(reopen, *options);
                true
            }
        }
    }

    fn change(&mut self, reopen: Reopen, options: SinkOptions) {
        // Its files are complete, whatever the next one is called.
        self.turn(true);
        self.begin_anew();
        (self.state.dead, self.state.left, self.state.panics) = (false, false, 0);
        self.control.note_failed(false);
        (self.state.failing_since, self.state.breaker) = (None, Breaker::default());
        self.let_go();
        (self.reopen, self.options) = (reopen, options);
        self.screen.clear();
        tracing::info!(sink = %self.name, "goes on as the changed configuration says");
        if let Err(error) = self.open_sink().map(drop) {
            // It is opened again with the next write, and again until it works.
            self.failed(&error, None);
        }
    }

    fn wants_turn(&self) -> bool {
        // One that fails is not asked over and over.
        self.state.failing_since.is_none() && self.sink.as_ref().is_some_and(Sink::wants_turn)
    }

    /// Has the sink turn over if it wants to, or at the end, once all that it was given is flushed and noted. Tells whether
    /// there is nothing left to do.
    fn turn(&mut self, at_end: bool) -> bool {
        if !self.sink.as_ref().is_some_and(|sink| at_end || sink.wants_turn()) {
            return true;
        }
        if !self.state.held.is_empty() || !self.state.breaker.rest().is_zero() || self.note_place().is_err() {
            return false;
        }
        let Some(sink) = &mut self.sink else { return true };
        self.control.note_writing(true);
        let turned = catch_unwind(AssertUnwindSafe(|| (sink.turn(at_end), sink.mark())));
        self.note_back();
        let Ok((turned, mark)) = turned else {
            self.restart();
            return false;
        };
        // Where it failed it may have begun another file already.
        if let Some(ledger) = &mut self.ledger {
            ledger.set_mark(mark);
            ledger.unnoted = true;
            self.commit();
        }
        if let Err(error) = turned {
            self.failed(&error, None);
            return false;
        }
        self.moved();
        // What fails here is tried again before anything is written.
        self.note_place().is_ok()
    }

    /// Makes sure that the spool knows where the sink is: what it does next no mark can undo.
    fn note_place(&mut self) -> Result<(), BoxError> {
        if let Some(ledger) = &mut self.ledger
            && !seeded_bug!("turn_before_noted")
        {
            ledger.backlog.flush_synced()?;
            ledger.unnoted = false;
        }
        Ok(())
    }

    /// Has the sink complete what it is at, for as long as there is time.
    fn end(&mut self) {
        while !self.state.dead && self.state.held.is_empty() {
            // It may have panicked over it.
            match self.open_sink().map(drop) {
                Ok(()) if self.turn(true) => break,
                Ok(()) => {}
                Err(error) => self.failed(&error, None),
            }
            if self.out_of_time() {
                tracing::error!(sink = %self.name, "could not complete its files: the next start does");
                self.control.note_failed(true);
                break;
            }
            self.wait(self.state.breaker.rest().max(Duration::from_millis(1)));
        }
    }

    /// Brings home what was written, and the books.
    fn idle(&mut self) {
        self.flush();
        if self.state.unsettled {
            self.commit();
        }
        if let Some(ledger) = &self.ledger {
            // What fails is said, and tried again.
            drop(ledger.backlog.flush());
        }
        self.turn(false);
    }

    fn pause(&self) -> Duration {
        match self.state.waiting_since {
            Some(since) => self.options.linger.saturating_sub(since.elapsed()).max(Duration::from_millis(1)),
            None if !self.state.held.is_empty() => self.options.linger.max(Duration::from_millis(1)),
            None => FLUSH_EVERY,
        }
    }

    fn hold(&mut self, batch: Arc<Batch>) {
        if seeded_bug!("dropped_uncounted") && batch.first() % 7 == 3 {
            return;
        }
        let filter = &self.options.filter;
        let places: Arc<[u32]> = (0..batch.len()).filter(|at| filter.passes(&batch, *at)).map(|at| at as u32).collect();
        self.counters.filtered.add((batch.len() - places.len()) as u64);
        if places.is_empty() && self.state.held.is_empty() {
            return self.commit();
        }
        self.state.waiting_since.get_or_insert_with(instant);
        self.state.fresh_events += places.len();
        self.state.held_events += batch.len();
        self.state.held_bytes += batch.bytes();
        let batch = self.screen.shown(filter, batch, &places);
        self.state.held.push(Held { batch, places });
        if seeded_bug!("cursor_ahead_of_sink") {
            self.commit();
        }
    }

    /// Writes what is fresh, or all that is held if the sink panics over it, for as long as it takes.
    fn write_fresh(&mut self) {
        loop {
            if self.state.fresh < self.state.held.len() && self.state.breaker.rest().is_zero() {
                // One that is opened anew may have some of it. If it cannot be opened, that shows when it is written to.
                drop(self.open_sink());
            }
            let batches = self.state.held[self.state.fresh..].to_vec();
            let items = self.items(&batches);
            let batch = self.options.batch;
            if items.chunks(batch).all(|chunk| self.write(chunk).is_ok()) {
                break;
            }
        }
        self.state.fresh = self.state.held.len();
        self.state.fresh_events = 0;
        self.state.waiting_since = None;
    }

    /// The events that the sink is to get, without those that it has.
    fn items<'a>(&mut self, held: &'a [Held]) -> Vec<Item<'a>> {
        let all = held.iter().flat_map(|held| held.places.iter().map(|at| Item::new(&held.batch, *at as usize)));
        let (has, accepted): (Vec<_>, Vec<_>) = all.partition(|item| item.sequence() < self.has);
        if !has.is_empty() {
            tracing::info!(sink = %self.name, "had {} events already that were not noted", has.len());
        }
        self.state.tally.written += has.len() as u64;
        accepted
    }

    /// Whether what cannot be written now is written by the next process.
    fn leaves(&self) -> bool {
        self.ledger.is_some() && (self.state.dead || self.out_of_time())
    }

    /// Whether what cannot be written now is lost to a sink that need not have it.
    fn gives_up(&self) -> bool {
        let breaker = &self.state.breaker;
        let tired = breaker.is_open() && !breaker.rest().is_zero();
        !self.options.required && (tired || self.state.panics >= OPTIONAL_TRIES)
    }

    /// Writes one batch, for as long as it takes.
    fn write(&mut self, mut items: &[Item<'_>]) -> Result<(), Anew> {
        while !items.is_empty() {
            if self.leaves() {
                self.state.left = true;
                break;
            }
            if self.state.dead || self.gives_up() || self.out_of_time() {
                self.state.tally.given_up += items.len() as u64;
                break;
            }
            let rest = self.state.breaker.rest();
            if !rest.is_zero() {
                if self.obey() {
                    return Err(Anew);
                }
                self.wait(rest);
                continue;
            }
            let part = if self.state.breaker.is_open() { &items[..1] } else { items };
            match self.call(part)? {
                Answer::Ok => {
                    self.state.tally.written += part.len() as u64;
                    items = &items[part.len()..];
                    self.moved();
                }
                Answer::Rejected { indices, error } => {
                    let rejected = self.rejected(indices, part, &error);
                    self.state.tally.written += part.len() as u64 - rejected;
                    items = &items[part.len()..];
                    self.moved();
                }
                Answer::Retry { accepted, after, error } => {
                    let accepted = accepted.min(part.len());
                    self.state.tally.written += accepted as u64;
                    items = &items[(accepted + usize::from(seeded_bug!("retry_skips_one"))).min(items.len())..];
                    if accepted > 0 {
                        self.moved();
                    }
                    self.failed(&error, after.map(|after| after.min(LONGEST_ASKED)));
                }
                Answer::Fatal(error) => self.die(&error),
            }
        }
        Ok(())
    }

    /// Has the sink write these, once.
    fn call(&mut self, items: &[Item<'_>]) -> Result<Answer, Anew> {
        let control = Arc::clone(&self.control);
        let has = self.has;
        if let Err(error) = self.open_sink() {
            return Ok(Answer::retry(error));
        }
        if has != self.has {
            // It was opened just now, and may have some of these.
            self.begin_anew();
            return Err(Anew);
        }
        // What is written now is cut off by the next process only if that knows where it begins.
        if self.ledger.as_ref().is_some_and(|ledger| ledger.unnoted)
            && let Err(error) = self.note_place()
        {
            return Ok(Answer::retry(error));
        }
        let Some(sink) = &mut self.sink else { return Ok(Answer::retry("it cannot be opened")) };
        control.note_writing(true);
        let answer = catch_unwind(AssertUnwindSafe(|| sink.write(&Delivery::new(items))));
        self.note_back();
        answer.map_err(|_| {
            self.restart();
            Anew
        })
    }

    fn note_back(&self) {
        if let Some(took) = self.control.note_writing(false) {
            tracing::warn!(sink = %self.name, "is back from a write that took {} s", took.as_secs());
        }
    }

    /// Keeps the events at these places apart, and tells how many they are.
    fn rejected(&mut self, mut indices: Vec<usize>, items: &[Item<'_>], error: &BoxError) -> u64 {
        indices.retain(|index| *index < items.len());
        indices.sort_unstable();
        indices.dedup();
        let error = error.to_string();
        for index in &indices {
            let kept = self.dead_letters.as_mut().map(|letters| letters.add(&self.name, &items[*index], &error));
            match kept {
                Some(Ok(())) => self.state.tally.dead_letter += 1,
                Some(Err(error)) => {
                    tracing::error!(sink = %self.name, "failed to keep an event that can never be written: {error}");
                    self.state.tally.rejected += 1;
                }
                None => self.state.tally.rejected += 1,
            }
        }
        tracing::warn!(sink = %self.name, "failed to write {} events, they are given up: {error}", indices.len());
        self.counters.note(&error);
        indices.len() as u64
    }

    /// Writes what is fresh and flushes all, for as long as it takes; only then is it delivered.
    fn flush(&mut self) {
        if self.control.waits() && seeded_bug!("reload_drops_in_flight") {
            (self.state.held, self.state.fresh) = (Vec::new(), 0);
        }
        self.state.last_flush = Some(instant());
        loop {
            self.write_fresh();
            if self.state.left {
                return;
            }
            if self.state.tally.written == 0 || self.state.dead {
                break;
            }
            let Some(sink) = &mut self.sink else { break };
            self.control.note_writing(true);
            let flushed = catch_unwind(AssertUnwindSafe(|| {
                if seeded_bug!("delivered_unflushed") { Ok(sink.mark()) } else { sink.flush().map(|()| sink.mark()) }
            }));
            self.note_back();
            match flushed {
                Ok(Ok(mark)) => {
                    self.state.panics = 0;
                    self.moved();
                    if let Some(ledger) = &mut self.ledger {
                        ledger.set_mark(mark);
                    }
                    break;
                }
                Ok(Err(error)) => {
                    self.failed(&error, None);
                    if error.is::<WritesInDoubt>() && self.reopen.is_some() {
                        self.begin_anew();
                        self.let_go();
                    }
                }
                Err(_) => self.restart(),
            }
            if self.obey() {
                continue;
            }
            if self.leaves() {
                self.state.left = true;
                return;
            }
            if self.out_of_time() || (!self.options.required && self.state.breaker.is_open()) {
                self.state.tally.given_up += std::mem::take(&mut self.state.tally.written);
                break;
            }
            self.wait(self.state.breaker.rest());
        }
        if self.state.dead {
            self.state.tally.given_up += std::mem::take(&mut self.state.tally.written);
        }
        self.settle();
    }

    /// The fate of all that is held is known: it is counted, and the bus may let go of it.
    fn settle(&mut self) {
        let Tally { written, dead_letter, rejected, given_up } = std::mem::take(&mut self.state.tally);
        self.counters.delivered.add(if seeded_bug!("delivered_counted_twice") { 2 * written } else { written });
        self.counters.dead_letter.add(dead_letter);
        self.counters.rejected.add(rejected);
        self.counters.given_up.add(given_up);
        self.state.held.clear();
        (self.state.held_events, self.state.held_bytes) = (0, 0);
        self.state.fresh = 0;
        self.state.panics = 0;
        self.commit();
    }

    fn commit(&mut self) {
        let Committed { at, lost, gone } = self.cursor.commit();
        self.counters.note_losses(lost, gone);
        let position = self.begin + self.counters.settled();
        self.counters.note_difference(at.cast_signed() - position.cast_signed());
        if let Some(ledger) = &self.ledger {
            let synced = self.dead_letters.as_mut().map_or(Ok(()), DeadLetters::sync);
            if self.state.unsettled != synced.is_err()
                && let Err(error) = &synced
            {
                tracing::error!(sink = %self.name, "failed to bring dead letters home, trying again: {error}");
            }
            self.state.unsettled = synced.is_err();
            if synced.is_ok() {
                let dead_letter_bytes = self.dead_letters.as_ref().map_or(0, DeadLetters::length);
                ledger.settle(at, &self.counters, dead_letter_bytes);
            }
        }
        self.position.store(position, Ordering::Release);
    }

    /// Lets go of a sink that panicked; all that is held will be written again, to a new one.
    fn restart(&mut self) {
        self.counters.restarts.add(1);
        self.state.panics += 1;
        self.state.failing_since.get_or_insert_with(instant);
        self.state.breaker.failed(None);
        self.begin_anew();
        let held = self.state.held_events;
        tracing::error!(sink = %self.name, "panicked; it is restarted, and up to {held} events are written again");
        self.counters.note("it panicked");
        if self.reopen.is_some() {
            self.let_go();
        }
    }

    /// All that is held is as if it had not been written.
    fn begin_anew(&mut self) {
        self.state.fresh = 0;
        self.state.tally = Tally::default();
    }

    /// Before a new sink is opened, or two would want the same port. What the old one says at its end does not matter.
    fn let_go(&mut self) {
        let old = self.sink.take();
        drop(catch_unwind(AssertUnwindSafe(|| drop(old))));
    }

    /// Takes a sink to where the last one was. Gives back the number of the event before which it has all.
    fn has(&self, sink: &mut dyn Sink) -> Result<u64, BoxError> {
        let Some(ledger) = &self.ledger else { return Ok(0) };
        catch_unwind(AssertUnwindSafe(|| ledger.resume(sink)))
            .unwrap_or_else(|_| Err("it panicked while it was taken to where it was".into()))
    }

    /// The sink, opened anew if the last one panicked.
    fn open_sink(&mut self) -> Result<&mut Box<dyn Sink>, BoxError> {
        if self.sink.is_none()
            && let Some(reopen) = &self.reopen
        {
            let opened = catch_unwind(AssertUnwindSafe(reopen));
            let mut sink = opened.unwrap_or_else(|_| Err("it panicked while it was opened".into()))?;
            self.has = self.has(&mut *sink)?;
            if let Some(ledger) = &mut self.ledger {
                // It may be another file by now: where it begins is safe before anything is written to it.
                let mark = catch_unwind(AssertUnwindSafe(|| sink.mark()));
                ledger.set_mark(mark.map_err(|_| "it panicked while it was asked where it is")?);
                let dead_letter_bytes = self.dead_letters.as_ref().map_or(0, DeadLetters::length);
                ledger.settle(self.position.load(Ordering::Acquire), &self.counters, dead_letter_bytes);
                ledger.backlog.flush()?;
            }
            self.sink = Some(sink);
        }
        self.sink.as_mut().ok_or_else(|| "it cannot be opened".into())
    }

    /// Something was written: patience begins anew, unless the sink only gets again and again to where it panics.
    fn moved(&mut self) {
        if self.state.panics == 0 {
            self.state.failing_since = None;
            if self.state.breaker.succeeded() {
                tracing::info!(sink = %self.name, "works again");
            }
        }
    }

    fn failed(&mut self, error: &BoxError, after: Option<Duration>) {
        let first = self.state.failing_since.is_none();
        self.state.failing_since.get_or_insert_with(instant);
        self.counters.retries.add(1);
        self.counters.note(&error.to_string());
        if self.state.breaker.failed(after) {
            tracing::warn!(sink = %self.name, "goes on failing: it is tried with one event now and then: {error}");
        } else if first {
            tracing::warn!(sink = %self.name, "failed to write, trying again: {error}");
        }
        if let Some(ledger) = &self.ledger
            && self.state.last_settled.is_none_or(|last| last.elapsed() >= SETTLE_EVERY)
        {
            self.state.last_settled = Some(instant());
            // The disk may be full, of what the spool has written twice. What fails here is said, and tried again.
            drop(ledger.backlog.settle_down());
        }
    }

    fn die(&mut self, error: &BoxError) {
        let fate = if self.ledger.is_some() { "wait for the next start" } else { "are counted as lost from now on" };
        tracing::error!(sink = %self.name, "failed for good, its events {fate}: {error}");
        self.counters.note(&error.to_string());
        self.state.dead = true;
        self.control.note_failed(true);
    }

    fn out_of_time(&self) -> bool {
        if self.deadline.passed.load(Ordering::Relaxed) {
            return true;
        }
        if let Some((_, Some(deadline))) = self.state.ending
            && instant() >= deadline
        {
            return true;
        }
        let (Some(closed), Some(failing)) = (self.deadline.closed.get(), self.state.failing_since) else {
            return false;
        };
        failing.max(*closed).elapsed() > Duration::from_millis(self.deadline.patience.load(Ordering::Relaxed))
    }

    /// Pauses, but wakes early when time is up, or when something is wanted.
    fn wait(&self, pause: Duration) {
        let began = instant();
        while began.elapsed() < pause && !self.out_of_time() && !self.control.waits() {
            std::thread::park_timeout(pause.saturating_sub(began.elapsed()).min(Duration::from_millis(20)));
        }
    }
}
