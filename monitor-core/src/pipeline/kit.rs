//! What it takes to start a component: at the start of the pipeline, and whenever its configuration is reloaded.

use std::sync::Arc;

use super::builder::{NewSink, StartError};
use super::ledger::{DEAD_LETTERS, DeadLetters, Ledger};
use crate::bus::{Backlog, Lane};
use crate::component::{ComponentKind, Context};
use crate::sample::Deriver;

/// What all components of a pipeline share.
pub(super) struct Kit {
    /// What every component is told.
    pub(super) base: Context,
    /// Whether the clock follows the events.
    pub(super) event_time: bool,
    pub(super) deriver: Deriver,
    /// What outlives the process, if anything does.
    pub(super) backlog: Option<Arc<dyn Backlog>>,
    pub(super) keep_refused: bool,
}

impl Kit {
    pub(super) fn lane(&self) -> Lane {
        if self.event_time { Lane::InputInStep } else { Lane::Input }
    }

    /// Takes a sink to where it was when the last process ended.
    pub(super) fn resume(&self, mut new: NewSink) -> Result<ResumedSink, StartError> {
        let mut ledger = self.backlog.as_ref().map(|backlog| Ledger::open(Arc::clone(backlog), new.name.clone()));
        let mut has = 0;
        if let (Some(ledger), Some(sink)) = (&mut ledger, &mut new.sink) {
            has = ledger.resume(&mut **sink).map_err(|error| StartError::Open {
                kind: ComponentKind::Sink,
                name: new.name.clone(),
                error,
            })?;
            ledger.begin(&mut **sink);
        }
        let dead_letters = (self.keep_refused || ledger.is_some()).then(|| {
            let path = self.base.dirs.data.join(DEAD_LETTERS).join(format!("{}.jsonl", new.name));
            DeadLetters::new(path, ledger.as_ref().map_or(u64::MAX, Ledger::dead_letter_bytes), self.base.durability)
        });
        Ok(ResumedSink { new, ledger, has, dead_letters })
    }

    /// The same while the pipeline runs, with so many events published.
    pub(super) fn resume_late(&self, new: NewSink, published: u64) -> Result<ResumedSink, StartError> {
        let name = new.name.clone();
        let close_account = || {
            if let Some(backlog) = &self.backlog {
                backlog.retire(&name, published);
            }
        };
        let resumed = self.resume(new).inspect_err(|_| close_account())?;
        if resumed.has <= published {
            return Ok(resumed);
        }
        close_account();
        let error = "it has events that the spool does not know of: restart, so that their numbers are not given again";
        Err(StartError::Open { kind: ComponentKind::Sink, name, error: error.into() })
    }
}

/// A sink that is where it was when the last process ended.
pub(super) struct ResumedSink {
    pub(super) new: NewSink,
    pub(super) ledger: Option<Ledger>,
    /// It has all events before this one.
    pub(super) has: u64,
    pub(super) dead_letters: Option<DeadLetters>,
}

impl ResumedSink {
    /// Before anything is published: a sink may know of more events than the spool does, which then are not to be anything
    /// else.
    pub(super) fn learn(&self, backlog: &dyn Backlog) {
        let known = backlog.next_sequence();
        if self.has > known {
            tracing::error!(
                sink = %self.new.name,
                "has {} events that the spool does not know of any more: it is damaged, or an older copy; what is read \
                 again may be delivered again",
                self.has - known
            );
            backlog.advance(self.has);
        }
    }
}
