//! What others want of a sink's worker, and how they see that it hangs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::builder::SinkOptions;
use super::instant;
use super::sink_worker::Reopen;

/// The line to a worker.
#[derive(Default)]
pub(super) struct Control {
    waiting: AtomicBool,
    order: Mutex<Option<Order>>,
    /// Since when the sink has been in a write.
    writing: Mutex<Option<Instant>>,
    /// It has been in there for too long, and that was said.
    stalled: AtomicBool,
    /// The sink has failed for good.
    failed: AtomicBool,
}

/// What a worker is to do.
pub(super) enum Order {
    /// Let go of the sink, and go on with the one that is opened by this. What is not flushed is written again, to it.
    Change { reopen: Reopen, options: Box<SinkOptions> },
    /// Write what was published before this event, and end.
    End {
        before: u64,
        /// Or at this moment, whatever is left.
        deadline: Option<Instant>,
    },
}

impl Control {
    /// Gives an order; one that the worker has not seen yet is not carried out any more.
    pub(super) fn give(&self, order: Order) {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
        self.waiting.store(true, Ordering::Release);
    }

    /// Whether there is an order that the worker has not taken.
    pub(super) fn waits(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Option<Order> {
        if !self.waits() {
            return None;
        }
        self.waiting.store(false, Ordering::Release);
        self.order.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The sink is called, or has come back. Tells how long it took, if that was said to be too long.
    pub(super) fn note_writing(&self, writing: bool) -> Option<Duration> {
        let now = instant();
        let mut since = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let took = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        *since = writing.then_some(now);
        (!writing && self.stalled.swap(false, Ordering::Relaxed)).then_some(took)
    }

    /// Whether the sink has been in a write for longer than this, of which nobody knew yet.
    pub(super) fn stalls(&self, longest: Duration) -> bool {
        let since = *self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let late = since.is_some_and(|since| instant().saturating_duration_since(since) > longest);
        late && !self.stalled.swap(true, Ordering::Relaxed)
    }

    pub(super) fn note_failed(&self, failed: bool) {
        self.failed.store(failed, Ordering::Relaxed);
    }

    /// Whether the sink has failed for good.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the sink has been in a write for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }
}
