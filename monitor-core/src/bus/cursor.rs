//! A subscriber's place in the log.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Batch, Bus};

/// A subscriber's place in the log. What it has read stays in the log until it commits it; dropping it frees all.
#[derive(Debug)]
pub struct Cursor {
    bus: Bus,
    id: usize,
    input_only: bool,
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

impl Cursor {
    pub(super) fn new(bus: Bus, id: usize, input_only: bool) -> Self {
        Self { bus, id, input_only }
    }

    /// The next batch, waiting up to `timeout` for one.
    pub fn next(&mut self, timeout: Duration) -> Next {
        let shared = &self.bus.shared;
        let log = shared.lock();
        let ended = |log: &super::Log| {
            if self.input_only { log.input_ended() } else { log.closed() }
        };
        let (mut log, _) = shared
            .published
            .wait_timeout_while(log, timeout, |log| !log.has_next(self.id) && !ended(log))
            .unwrap_or_else(PoisonError::into_inner);
        match log.next(self.id) {
            Some(batch) => Next::Batch(batch),
            None if ended(&log) => Next::End,
            None => Next::Idle,
        }
    }

    /// Everything read so far is done with.
    pub fn commit(&mut self) {
        self.bus.shared.lock().commit(self.id);
        self.bus.shared.moved.notify_all();
    }

    /// What the bus knows it by.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// How many events this subscriber lost because it was too slow.
    pub fn lost(&self) -> u64 {
        self.bus.shared.lock().lost(self.id)
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
        self.bus.shared.lock().unsubscribe(self.id);
        self.bus.shared.moved.notify_all();
    }
}
