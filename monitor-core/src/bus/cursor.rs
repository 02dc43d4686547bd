//! A subscriber's place in the log.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::log::Found;
use super::{Batch, Bus};

/// A subscriber's place in the log. What it has read stays in the log until it commits it; dropping it frees all.
#[derive(Debug)]
pub struct Cursor {
    bus: Bus,
    id: usize,
    input_only: bool,
    /// The spool cannot be read, which was said.
    failing: bool,
}

/// What a read came to.
#[derive(Debug)]
pub enum Next {
    /// The next batch.
    Batch(Arc<Batch>),
    /// Nothing within the time given.
    Idle,
    /// Nothing more will come.
    End,
}

/// Where a subscriber is, all of it at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The number of the event that it reads next.
    pub at: u64,
    /// Events before it that it lost because it was too slow.
    pub lost: u64,
    /// Events before it that were to be kept for it, and are gone.
    pub gone: u64,
}

impl Cursor {
    pub(super) fn new(bus: Bus, id: usize, input_only: bool) -> Self {
        Self { bus, id, input_only, failing: false }
    }

    /// The next batch, waiting up to `timeout` for one.
    pub fn next(&mut self, timeout: Duration) -> Next {
        let shared = &self.bus.shared;
        let ended = |log: &super::Log| {
            if self.input_only { log.input_ended() } else { log.closed() }
        };
        loop {
            let log = shared.lock();
            let woken = log.woken();
            let (mut log, _) = shared
                .published
                .wait_timeout_while(log, timeout, |log| !log.has_next(self.id) && !ended(log) && log.woken() == woken)
                .unwrap_or_else(PoisonError::into_inner);
            let (at, before) = match log.next(self.id) {
                Found::Batch(batch) => return Next::Batch(batch),
                Found::Nothing if ended(&log) => return Next::End,
                Found::Nothing => return Next::Idle,
                Found::Behind(at, before) => (at, before),
            };
            // Others go on while the disk is read.
            drop(log);
            let read = self.bus.backlog.as_ref().map_or(Ok(None), |backlog| backlog.read(at));
            match read {
                Ok(Some(batch)) => {
                    self.failing = false;
                    shared.lock().caught_up(self.id, batch.first(), batch.first() + batch.len() as u64);
                    return Next::Batch(Arc::new(batch));
                }
                Ok(None) => shared.lock().nothing_behind(self.id, before),
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!("failed to read the spool, trying again: {error}");
                    }
                    std::thread::park_timeout(timeout);
                    return if ended(&shared.lock()) { Next::End } else { Next::Idle };
                }
            }
        }
    }

    /// Everything read so far is done with.
    pub fn commit(&mut self) -> Committed {
        let committed = self.bus.shared.lock().commit(self.id);
        self.bus.shared.moved.notify_all();
        committed
    }

    /// The number of the event that it reads next.
    pub(crate) fn at(&self) -> u64 {
        self.bus.shared.lock().at(self.id)
    }

    /// What the bus knows it by.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// How many events this subscriber lost because it was too slow.
    pub fn lost(&self) -> u64 {
        self.bus.shared.lock().lost(self.id)
    }

    /// How many events that were to be kept for it are gone: the disk had no more room for them, or was damaged.
    pub fn gone(&self) -> u64 {
        self.bus.shared.lock().gone(self.id)
    }

    /// How many events it has not read yet.
    pub fn unread(&self) -> u64 {
        self.bus.shared.lock().unread(self.id)
    }

    /// Whether nobody waits for it any more.
    pub fn stalled(&self) -> bool {
        self.bus.shared.lock().stalled(self.id)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.bus.unsubscribe(self.id);
    }
}
