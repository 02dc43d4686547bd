//! A pipeline that runs: progress, waiting for its end, and shutting it down by a deadline.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::engine::Outcome;
use super::instant;
use super::refusals::Refusals;
use super::sink_worker::Deadline;
use super::summary::{SinkSummary, SourceSummary, Summary};
use crate::bus::Bus;
use crate::store::{Store, Window};
use crate::{Clock, Text};

/// A running assembly of components.
pub struct Pipeline {
    pub(super) bus: Bus,
    pub(super) store: Arc<Store>,
    pub(super) clock: Clock,
    pub(super) input: Arc<InputCounters>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) deadline: Arc<Deadline>,
    pub(super) sources: Vec<RunningSource>,
    pub(super) sinks: Vec<RunningSink>,
    pub(super) merge: Option<JoinHandle<()>>,
    pub(super) engine: Option<JoinHandle<Outcome>>,
    pub(super) engine_position: Arc<AtomicU64>,
    pub(super) shutdown_timeout: Duration,
    pub(super) started: Instant,
}

pub(super) struct RunningSource {
    pub(super) name: Text,
    pub(super) blocks: bool,
    pub(super) counters: Arc<SourceCounters>,
    pub(super) thread: Option<JoinHandle<()>>,
}

pub(super) struct RunningSink {
    pub(super) name: Text,
    pub(super) required: bool,
    pub(super) counters: Arc<SinkCounters>,
    pub(super) position: Arc<AtomicU64>,
    pub(super) thread: Option<JoinHandle<()>>,
}

/// How far a pipeline is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Events that came in.
    pub events: u64,
    /// Lines and events that were refused.
    pub rejected: u64,
    /// Since the start.
    pub elapsed: Duration,
}

impl Pipeline {
    /// The store, to be asked while the pipeline runs.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn shared_store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// The clock that the pipeline goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress { events: self.input.events(), rejected: self.refusals.total(), elapsed: self.started.elapsed() }
    }

    /// Whether every source has come to its end.
    pub fn finished(&self) -> bool {
        self.sources.iter().all(|source| source.counters.done.load(Ordering::Acquire))
            && self.merge.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Whether everything published so far is in the store and with the sinks.
    pub fn settled(&self) -> bool {
        let published = self.bus.published();
        self.engine_position.load(Ordering::Acquire) >= published
            && self.sinks.iter().all(|sink| sink.position.load(Ordering::Acquire) >= published)
    }

    /// Waits for the sources to come to their end, then ends the pipeline without haste.
    pub fn wait(self) -> Summary {
        while !self.finished() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        self.finish(None)
    }

    /// Stops the sources and ends the pipeline within the shutdown timeout. What is left then is counted as lost or
    /// pending.
    pub fn shutdown(self) -> Summary {
        let deadline = instant() + self.shutdown_timeout;
        self.stop.store(true, Ordering::Relaxed);
        // A source that waits in the kernel for input (a terminal, a pipe) does not notice; it is left behind.
        let grace = instant() + self.shutdown_timeout / 2;
        let moving = |source: &RunningSource| !source.blocks && !source.counters.done.load(Ordering::Acquire);
        while self.sources.iter().any(moving) && instant() < grace {
            for thread in self.sources.iter().filter_map(|source| source.thread.as_ref()) {
                thread.thread().unpark();
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if let Some(merge) = self.merge.as_ref().filter(|_| !self.sources.iter().any(|source| source.blocks)) {
            while !merge.is_finished() && instant() < grace {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        self.finish(Some(deadline))
    }

    /// Ends the input, and with it store, rules, charts and sinks, one after the other.
    fn finish(mut self, deadline: Option<Instant>) -> Summary {
        self.bus.end_input();
        let outcome = self.engine.take().and_then(|engine| engine.join().ok());
        if outcome.is_none() {
            tracing::error!("the engine panicked: rules and charts end here");
        }
        self.bus.close();
        self.deadline.closed.get_or_init(instant);
        let time_is_up = || deadline.is_some_and(|deadline| instant() >= deadline);
        let done = |sink: &RunningSink| sink.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !self.sinks.iter().all(done) && !time_is_up() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.deadline.passed.store(true, Ordering::Relaxed);
        // A sink that is between two tries sees the deadline at once; one that hangs in a write is left behind.
        let last = instant() + Duration::from_millis(200);
        while !self.sinks.iter().all(done) && instant() < last {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        for sink in self.sinks.iter().filter(|sink| !done(sink)) {
            tracing::error!(sink = %sink.name, "hangs, and is left behind");
            sink.counters.note("it hangs");
        }
        self.refusals.flush();
        self.summary(outcome.unwrap_or_default())
    }

    fn summary(&self, outcome: Outcome) -> Summary {
        let published = self.bus.published();
        Summary {
            events: self.input.events(),
            events_by_kind: self.input.by_kind(),
            rejected: self.refusals.total(),
            rejected_by_reason: self.refusals.by_reason().iter().map(|(reason, n)| (reason.as_str(), *n)).collect(),
            rejected_examples: self.refusals.examples(),
            samples: self.input.samples.get(),
            missing_scores: self.input.missing_scores.get(),
            dropped: std::collections::BTreeMap::new(),
            sources: self.sources.iter().map(RunningSource::summary).collect(),
            sinks: self.sinks.iter().map(|sink| sink.summary(published)).collect(),
            alerts: outcome.alerts,
            fired: outcome.fired,
            resolved: outcome.resolved,
            firing: outcome.firing,
            token_usage: self.store.token_usage(Window::ALL),
            charts: outcome.charts,
            seconds: self.started.elapsed().as_secs_f64(),
        }
    }
}

impl RunningSource {
    fn summary(&self) -> SourceSummary {
        SourceSummary {
            name: self.name.clone(),
            events: self.counters.events.get(),
            error: self.counters.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl RunningSink {
    fn summary(&self, published: u64) -> SinkSummary {
        let counters = &self.counters;
        let lost = [("overflow", counters.overflowed.load(Ordering::Relaxed)), ("gave_up", counters.given_up.get())];
        SinkSummary {
            name: self.name.clone(),
            accepted: published,
            delivered: counters.delivered.get(),
            filtered: counters.filtered.get(),
            rejected: counters.rejected.get(),
            lost: lost.into_iter().filter(|(_, count)| *count > 0).collect(),
            pending: published.saturating_sub(counters.settled()),
            retries: counters.retries.get(),
            restarts: counters.restarts.get(),
            required: self.required,
            error: counters.last_error(),
        }
    }
}
