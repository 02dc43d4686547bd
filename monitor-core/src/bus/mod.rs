//! The bus: an ordered log of batches with one cursor a subscriber, bounded and counted.
//!
//! Batches get their sequence numbers here. The log lives in memory; what stands before it (sources) and behind it
//! (store, sinks) only knows [`Bus::publish`] and [`Cursor`], so that a spool on disk can take the place of its older part.

mod backlog;
mod batch;
mod cursor;
mod intake;
mod log;

pub(crate) use backlog::AccountKey;
pub(crate) use backlog::Backlog;
#[cfg(feature = "spool")]
pub(crate) use backlog::{BacklogError, BacklogState};
pub use backlog::{Durability, SinkAccount};
pub use batch::{Batch, Draft, Position};
pub(crate) use batch::{ROWS, Room};
pub use cursor::{Committed, Cursor, Next};
pub use intake::Intake;
pub use log::Size;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::Log;

/// How a subscriber that falls behind is dealt with when the bus is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Whoever publishes waits for it; if it does not move for this long, it counts as stalled and loses the oldest batches
    /// until it moves again. Nobody waits for a stalled one.
    Block(Duration),
    /// It loses the oldest batches. Nobody waits.
    DropOldest,
    /// It keeps the oldest, and loses what comes until it has read them. Nobody waits.
    DropNewest,
    /// It gets the oldest batches from the disk, and loses none. Nobody waits. Only where there is a spool; else as
    /// [`Overflow::Block`] with half a minute.
    Spill,
}

/// How long is waited for one that would spill where there is no spool.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// How long until it is tried again to write to the backlog.
const AGAIN: Duration = Duration::from_millis(100);

/// Which lane a batch takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Waits for room.
    Input,
    /// Waits for room, and until what was published before has been taken in by who reads the input alone: alerts then
    /// stand right behind the batch that they come from, in the same place in every run.
    InputInStep,
    /// Alerts: never waits, or the thread that makes them could wait for itself.
    Alerts,
}

/// The bus was closed: nothing can be published any more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus is closed")]
pub struct Closed;

/// An ordered log of batches. Clones are handles to the same bus.
#[derive(Clone, Debug)]
pub struct Bus {
    shared: Arc<Shared>,
    /// What is older than memory holds, if it is kept.
    backlog: Option<Arc<dyn Backlog>>,
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    /// Who has it publishes: batches are in the same order in the backlog as in memory.
    turn: Mutex<()>,
    /// Something was published, or the bus ended.
    published: Condvar,
    /// A cursor moved, or the bus ended.
    moved: Condvar,
}

impl Shared {
    /// The log is consistent between calls, so a panic elsewhere leaves it usable.
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus {
    /// A bus that holds at most so much of what some subscriber still needs; one batch it always takes.
    pub fn new(capacity: Size) -> Self {
        Self::with_backlog(capacity, None)
    }

    /// As [`Bus::new`], with a backlog in which every batch is before anybody sees it.
    pub(crate) fn with_backlog(capacity: Size, backlog: Option<Arc<dyn Backlog>>) -> Self {
        let next = backlog.as_ref().map_or(0, |backlog| backlog.next_sequence());
        let shared = Shared {
            log: Mutex::new(Log::new(capacity, next)),
            turn: Mutex::new(()),
            published: Condvar::new(),
            moved: Condvar::new(),
        };
        Self { shared: Arc::new(shared), backlog }
    }

    /// Adds a subscriber. It sees every batch published from now on.
    pub fn subscribe(&self, overflow: Overflow) -> Cursor {
        let id = self.shared.lock().subscribe(self.overflow(overflow));
        Cursor::new(self.clone(), id, false)
    }

    /// Adds a subscriber that sees every event from this one on, as far as the backlog has them.
    pub(crate) fn subscribe_at(&self, overflow: Overflow, sequence: u64) -> Cursor {
        let id = self.shared.lock().subscribe_at(self.overflow(overflow), sequence);
        Cursor::new(self.clone(), id, false)
    }

    fn overflow(&self, overflow: Overflow) -> Overflow {
        match overflow {
            Overflow::Spill if self.backlog.is_none() => Overflow::Block(STALLED_AFTER),
            overflow => overflow,
        }
    }

    /// Adds a subscriber to the input alone: it is at its end as soon as [`Bus::end_input`] was called, while alerts may
    /// still be published. The store and the rules read this way.
    pub fn subscribe_input(&self, overflow: Overflow) -> Cursor {
        let id = self.shared.lock().subscribe_input(overflow);
        Cursor::new(self.clone(), id, true)
    }

    /// Appends a batch and gives back the sequence number of its first event. Waits for room in the input lane.
    ///
    /// # Errors
    /// When the bus is closed, or the input has ended.
    pub fn publish(&self, draft: Draft, lane: Lane) -> Result<u64, Closed> {
        self.publish_unless(draft, lane, &|| false)
    }

    /// As [`Bus::publish`], but does not wait any longer once `stopped` says so; it is asked a few times a second.
    pub(crate) fn publish_unless(&self, draft: Draft, lane: Lane, stopped: &dyn Fn() -> bool) -> Result<u64, Closed> {
        let mut log = self.shared.lock();
        if lane != Lane::Alerts {
            log = self.wait_for_room(log, Size { events: draft.len(), bytes: draft.bytes() }, stopped).ok_or(Closed)?;
            while lane == Lane::InputInStep && !log.input_taken_in() && !log.input_ended() {
                log = self.shared.moved.wait(log).unwrap_or_else(PoisonError::into_inner);
            }
            if log.input_ended() {
                return Err(Closed);
            }
        }
        let first = match &self.backlog {
            None => log.append(draft).ok_or(Closed)?,
            Some(backlog) => {
                drop(log);
                self.append(&**backlog, draft, lane, stopped)?
            }
        };
        self.shared.published.notify_all();
        Ok(first)
    }

    /// Appends to the backlog, and then to what subscribers see. While the backlog cannot be written to, input waits; alerts
    /// are not held up.
    fn append(
        &self,
        backlog: &dyn Backlog,
        draft: Draft,
        lane: Lane,
        stopped: &dyn Fn() -> bool,
    ) -> Result<u64, Closed> {
        loop {
            let turn = self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let next = self.shared.lock().next_sequence();
            let kept = backlog.append(next, &draft).is_ok() || seeded_bug!("acknowledged_uncommitted");
            if !kept && lane == Lane::Alerts {
                // With what is written next.
                backlog.note(draft.intake(), draft.positions());
            }
            if kept || lane == Lane::Alerts {
                let mut log = self.shared.lock();
                if log.closed() && kept {
                    // It is delivered by the next process. Its numbers are taken.
                    log.skip(draft.len() as u64);
                    return Ok(next);
                }
                return log.append(draft).ok_or(Closed);
            }
            drop(turn);
            let log = self.shared.lock();
            let (log, _) = self
                .shared
                .moved
                .wait_timeout_while(log, AGAIN, |log| !log.input_ended())
                .unwrap_or_else(PoisonError::into_inner);
            if log.input_ended() || stopped() {
                return Err(Closed);
            }
        }
    }

    /// `None` once nobody wants to wait any more.
    fn wait_for_room<'a>(
        &'a self,
        mut log: MutexGuard<'a, Log>,
        more: Size,
        stopped: &dyn Fn() -> bool,
    ) -> Option<MutexGuard<'a, Log>> {
        while !log.input_ended()
            && let Some(wait) = log.make_room(more, instant())
        {
            if stopped() {
                return None;
            }
            log = self.shared.moved.wait_timeout(log, wait.min(AGAIN)).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(log)
    }

    /// From now on the subscriber `id` is dealt with like this.
    pub(crate) fn set_overflow(&self, id: usize, overflow: Overflow) {
        self.shared.lock().set_overflow(id, self.overflow(overflow));
        self.shared.moved.notify_all();
    }

    /// No more input comes. Alerts can still be published.
    pub fn end_input(&self) {
        self.shared.lock().end_input();
        self.notify_all();
    }

    /// Nothing more comes at all.
    pub fn close(&self) {
        self.shared.lock().close();
        self.notify_all();
    }

    /// How many events the subscriber `id` has lost for being too slow; of one that has ended nobody knows.
    pub(crate) fn lost(&self, id: usize) -> u64 {
        self.shared.lock().lost(id)
    }

    /// How many events that were to be kept for the subscriber `id` are gone.
    pub(crate) fn gone(&self, id: usize) -> u64 {
        self.shared.lock().gone(id)
    }

    /// Notes what came to the door without an event that was taken in, and how far its source is with it.
    pub(crate) fn note(&self, intake: &Intake, positions: &[Position]) {
        if let Some(backlog) = &self.backlog {
            backlog.note(intake, positions);
        }
    }

    /// Writes down what comes without an event and should not wait for one. If that fails it is said, and written with the
    /// next batch.
    pub(crate) fn note_now(&self, positions: &[Position]) {
        if let Some(backlog) = &self.backlog {
            backlog.note(&Intake::default(), positions);
            drop(backlog.flush());
        }
    }

    /// Nobody waits for the subscriber `id` any more, until it moves.
    pub(crate) fn stall(&self, id: usize) {
        self.shared.lock().stall(id);
        self.shared.moved.notify_all();
    }

    /// The subscriber `id` is not to hold anything up any more, whatever has become of its cursor.
    pub(crate) fn unsubscribe(&self, id: usize) {
        self.shared.lock().unsubscribe(id);
        self.shared.moved.notify_all();
    }

    /// Subscribers that wait look up.
    pub(crate) fn wake(&self) {
        self.shared.lock().wake();
        self.shared.published.notify_all();
    }

    /// How many events were published, in whatever process.
    pub fn published(&self) -> u64 {
        self.shared.lock().next_sequence()
    }

    fn notify_all(&self) {
        self.shared.published.notify_all();
        self.shared.moved.notify_all();
    }
}

#[expect(clippy::disallowed_methods, reason = "a wait is measured by the machine, whatever the pipeline's clock shows")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
