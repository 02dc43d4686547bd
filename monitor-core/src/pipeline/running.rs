//! A pipeline that runs: progress, waiting for its end, and shutting it down by a deadline.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::builder::SinkOptions;
use super::control::Control;
use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::engine::{Outcome, Reload};
use super::instant;
use super::kit::Kit;
use super::lock::Lock;
use super::refusals::Refusals;
use super::sink_worker::Deadline;
use super::standings::Standings;
use super::stop::StopSignal;
use super::summary::{SinkSummary, SourceSummary, Summary};
use super::watch::WatchedSinks;
use crate::bus::{Backlog, Bus, Durability};
use crate::component::Resource;
use crate::config::Outline;
use crate::store::{Store, Window};
use crate::{Clock, Text};

/// A running assembly of components.
pub struct Pipeline {
    pub(super) durability: Durability,
    /// The number of the first event of this process.
    pub(super) first: u64,
    pub(super) bus: Bus,
    pub(super) store: Arc<Store>,
    pub(super) clock: Clock,
    pub(super) input: Arc<InputCounters>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) deadline: Arc<Deadline>,
    pub(super) sources: Vec<RunningSource>,
    pub(super) sinks: Vec<RunningSink>,
    /// Those of them that there are now, for the watch.
    pub(super) watched: WatchedSinks,
    pub(super) merge: Option<JoinHandle<()>>,
    pub(super) engine: Option<JoinHandle<Outcome>>,
    /// Where the engine looks for a changed configuration.
    pub(super) to_engine: Option<Sender<Reload>>,
    pub(super) engine_position: Arc<AtomicU64>,
    pub(super) standings: Standings,
    pub(super) shutdown_timeout: Duration,
    pub(super) started: Instant,
    /// It was told to end before its sources had.
    pub(super) interrupted: bool,
    /// What went wrong in the pipeline itself.
    pub(super) failures: Vec<String>,
    pub(super) stop_signal: StopSignal,
    /// Whether it ends when that is set.
    pub(super) ends_on_stop: bool,
    /// What the configuration says that it goes by; none if it was put together by a program.
    pub(super) outline: Option<Outline>,
    pub(super) kit: Kit,
    /// The data folder is this pipeline's as long as it lives; where there is a spool, that has it.
    pub(super) _lock: Option<Lock>,
}

/// What hangs gets this much more, after the deadline.
pub(super) const LAST_GRACE: Duration = Duration::from_millis(200);

pub(super) struct RunningSource {
    pub(super) name: Text,
    pub(super) endless: bool,
    pub(super) can_be_replaced: bool,
    /// Whether it is to come to its end.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) counters: Arc<SourceCounters>,
    pub(super) thread: Option<JoinHandle<()>>,
}

pub(super) struct RunningSink {
    pub(super) name: Text,
    /// What the bus knows its cursor by.
    pub(super) cursor: usize,
    /// The number of the first event that it was to get in this process.
    pub(super) begin: u64,
    /// The number of the event before which it was to end, once it was taken out of the configuration.
    pub(super) end: Option<u64>,
    pub(super) options: SinkOptions,
    /// What it has for itself.
    pub(super) resources: Vec<Resource>,
    pub(super) counters: Arc<SinkCounters>,
    pub(super) control: Arc<Control>,
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
    /// How much of what there is has been read, from 0 to 1, if all sources know it.
    pub part: Option<f64>,
}

/// How far each source must come to have read what there was for it to read at a moment; see [`Pipeline::at_hand`].
#[derive(Clone, Debug)]
pub struct AtHand(Vec<(Text, u64)>);

impl Pipeline {
    /// The store, to be asked while the pipeline runs, and by those who keep it also after.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The clock that the pipeline goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The folder of its outputs.
    pub fn data_dir(&self) -> &Path {
        &self.kit.base.dirs.data
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let (events, rejected) = (self.input.events(), self.refusals.total());
        let parts = self.sources.iter().map(|source| {
            let (read, all) = (source.counters.read.get(), source.counters.to_read.get());
            (all > 0).then(|| (read as f64 / all as f64).min(1.0))
        });
        // Nobody knows how the bytes of one compare with the rows of another.
        let part = parts.sum::<Option<f64>>().filter(|_| !self.sources.is_empty());
        let part = part.map(|sum| sum / self.sources.len() as f64);
        Progress { events, rejected, elapsed: self.started.elapsed(), part }
    }

    /// Where the rules stand, while it runs and after.
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    /// What became of the events so far, for each sink that there is, or was before a reload.
    pub fn sinks(&self) -> Vec<SinkSummary> {
        let published = self.bus.published();
        self.sinks.iter().map(|sink| sink.summary(&self.bus, self.kit.backlog.as_deref(), published)).collect()
    }

    /// Whether every source has come to its end.
    pub fn finished(&self) -> bool {
        self.sources.iter().all(RunningSource::is_done) && self.merge.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Set once a rule with `action = "stop"` fires.
    pub fn stop_signal(&self) -> &StopSignal {
        &self.stop_signal
    }

    /// What there is to read by now: whoever wrote it has ended, and the pipeline is to end with that.
    pub fn at_hand(&self) -> AtHand {
        // The round that is under way may have passed by what was written last.
        let rounds = |source: &RunningSource| (source.name.clone(), source.counters.rounds.load(Ordering::Acquire) + 2);
        AtHand(self.sources.iter().map(rounds).collect())
    }

    /// Whether that is read: sources that end have ended, and the others have come to the end of what there was.
    pub fn has_read(&self, at_hand: &AtHand) -> bool {
        let read = self.sources.iter().filter(|source| !source.is_done()).all(|source| {
            source.wake();
            let rounds = at_hand.0.iter().find(|(name, _)| *name == source.name).map_or(0, |(_, rounds)| *rounds);
            source.endless && source.counters.rounds.load(Ordering::Acquire) >= rounds.max(1)
        });
        read && self.merge.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Whether everything published so far is in the store and with the sinks.
    pub fn settled(&self) -> bool {
        self.settled_up_to(self.published(), |_| true)
    }

    /// How safe an event is once it is published.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// How many events are on the bus, or were.
    pub(crate) fn published(&self) -> u64 {
        self.bus.published()
    }

    /// Whether the first `events` events are in the store, and their fate with every required sink is known.
    pub(crate) fn required_up_to(&self, events: u64) -> bool {
        self.settled_up_to(events, |sink| sink.options.required)
    }

    fn settled_up_to(&self, events: u64, counts: impl Fn(&RunningSink) -> bool) -> bool {
        let settled = |sink: &RunningSink| sink.end.is_some() || sink.position.load(Ordering::Acquire) >= events;
        self.engine_position.load(Ordering::Acquire) >= events
            && self.sinks.iter().filter(|sink| counts(sink)).all(settled)
    }

    /// Events that required sinks have not got and never will, over all of them.
    pub(crate) fn undelivered(&self) -> u64 {
        let required = self.sinks.iter().filter(|sink| sink.options.required);
        required.map(|sink| sink.counters.lost() + sink.counters.dead_letter.get()).sum()
    }

    /// Waits for the sources to come to their end, then ends the pipeline without haste.
    pub fn wait(self) -> Summary {
        self.wait_or(&AtomicBool::new(false), |_| {})
    }

    /// Waits like [`Pipeline::wait`], and calls `look` a few times a second, to show the progress or to reload the
    /// configuration; once `stop` is set, shuts down as [`Pipeline::shutdown`] does.
    pub fn wait_or(self, stop: &AtomicBool, mut look: impl FnMut(&mut Self)) -> Summary {
        self.wait_while(stop, |pipeline| {
            let goes_on = !pipeline.finished();
            if goes_on {
                look(pipeline);
            }
            goes_on
        })
    }

    /// Waits for as long as `goes_on` says, whether sources have ended or not; it is asked a few times a second. Then the
    /// pipeline ends, without haste if all sources have ended, else by [`Pipeline::shutdown`], as it does once `stop` is
    /// set.
    pub fn wait_while(mut self, stop: &AtomicBool, mut goes_on: impl FnMut(&mut Self) -> bool) -> Summary {
        let mut pause = Duration::from_millis(1);
        while goes_on(&mut self) {
            for source in &self.sources {
                source.counters.waiter.get_or_init(std::thread::current);
            }
            if stop.load(Ordering::Relaxed) || (self.ends_on_stop && self.stop_signal.is_set()) {
                return self.shutdown();
            }
            std::thread::park_timeout(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
        if self.finished() { self.finish(None, stop) } else { self.shutdown() }
    }

    /// Stops the sources and ends the pipeline within the shutdown timeout. What is left then is counted as lost or
    /// pending; a component that hangs is left behind.
    pub fn shutdown(mut self) -> Summary {
        let done = |source: &RunningSource| source.endless || source.is_done();
        self.interrupted = !self.sources.iter().all(done);
        let now = instant();
        let deadline = now.checked_add(self.shutdown_timeout);
        let grace = now.checked_add(self.shutdown_timeout / 2);
        self.sources.iter().for_each(RunningSource::stop);
        let moving = |source: &RunningSource| !source.is_done();
        let in_time = || grace.is_none_or(|grace| instant() < grace);
        while self.sources.iter().any(moving) && in_time() {
            self.sources.iter().for_each(RunningSource::stop);
            std::thread::park_timeout(Duration::from_millis(1));
        }
        while self.merge.as_ref().is_some_and(|merge| !merge.is_finished()) && in_time() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.finish(deadline, &AtomicBool::new(false))
    }

    /// Ends the input, and with it store, rules, charts and sinks, one after the other. A `stop` that is set on the way
    /// starts the shutdown timeout.
    fn finish(&mut self, mut deadline: Option<Instant>, stop: &AtomicBool) -> Summary {
        let timeout = self.shutdown_timeout;
        let mut time_is_up = || {
            if deadline.is_none() && stop.load(Ordering::Relaxed) {
                deadline = instant().checked_add(timeout);
            }
            deadline.is_some_and(|deadline| instant() >= deadline)
        };
        self.bus.end_input();
        let outcome = self.engine.take().and_then(|engine| self.join_engine(engine, &mut time_is_up));
        self.bus.close();
        self.deadline.closed.get_or_init(instant);
        let done = |sink: &RunningSink| sink.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !self.sinks.iter().all(done) && !time_is_up() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.deadline.passed.store(true, Ordering::Relaxed);
        // A sink that is between two tries sees the deadline at once; one that hangs in a write is left behind.
        let last = instant() + LAST_GRACE;
        while !self.sinks.iter().all(done) && instant() < last {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        for sink in self.sinks.iter().filter(|sink| !done(sink)) {
            tracing::error!(sink = %sink.name, "hangs, and is left behind");
            sink.counters.note("it hangs");
        }
        self.bring_home(instant() + LAST_GRACE.max(timeout));
        self.check_books();
        self.summary(outcome.unwrap_or_default())
    }

    /// Writes down what is noted; a disk that hangs is not waited for any longer than this.
    fn bring_home(&mut self, last: Instant) {
        let (refusals, backlog) = (Arc::clone(&self.refusals), self.kit.backlog.clone());
        let flush = move || {
            refusals.flush();
            if let Some(backlog) = backlog {
                // What fails is said.
                drop(backlog.flush());
            }
        };
        let Ok(flushing) = std::thread::Builder::new().name("last flush".to_owned()).spawn(flush) else { return };
        while !flushing.is_finished() && instant() < last {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if !flushing.is_finished() {
            self.failures
                .push("the disk hangs: how far the sinks are may not be noted, and some may get events twice".into());
        }
    }

    /// Whatever is not accounted for is a failure of the pipeline itself.
    fn check_books(&mut self) {
        let done = |sink: &&RunningSink| sink.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let mut faults: Vec<String> =
            self.sinks.iter().filter(done).filter_map(|sink| sink.counters.fault(&sink.name)).collect();
        let intake = self.input.intake();
        // A rule has ended the input of recordings.
        self.interrupted |= self.kit.event_time && intake.dropped.contains_key("closed");
        // What a recording's merge held when it was interrupted was not taken in by anybody.
        let unknown = !self.sources.iter().all(RunningSource::is_done) || (self.kit.event_time && self.interrupted);
        if !unknown && (intake.difference() != 0 || intake.accepted != self.input.events()) {
            faults.push(format!("{intake:?} at the door, and {} events taken in", self.input.events()));
        }
        self.failures.extend(faults.into_iter().map(|fault| format!("the books do not close: {fault}")));
    }

    /// Waits for the engine. At the deadline it leaves out what it has not taken in; if a rule, a chart or a callback hangs,
    /// it is left behind.
    fn join_engine(&mut self, engine: JoinHandle<Outcome>, time_is_up: &mut dyn FnMut() -> bool) -> Option<Outcome> {
        while !engine.is_finished() && !time_is_up() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.deadline.engine.store(!engine.is_finished(), Ordering::Relaxed);
        let last = instant() + LAST_GRACE;
        while !engine.is_finished() && instant() < last {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if !engine.is_finished() {
            self.failures.push("a rule, a chart, a callback or the disk hangs; it is left behind".to_owned());
            return None;
        }
        let outcome = engine.join().ok();
        if outcome.is_none() {
            self.failures.push("the engine panicked: rules and charts ended there".to_owned());
        }
        outcome
    }

    fn summary(&self, outcome: Outcome) -> Summary {
        Summary {
            events: self.input.events(),
            events_by_kind: self.input.by_kind(),
            rejected: self.refusals.total(),
            rejected_by_reason: self.refusals.by_reason().iter().map(|(reason, n)| (reason.as_str(), *n)).collect(),
            rejected_examples: self.refusals.examples(),
            rejected_file: self.refusals.file(),
            samples: self.input.samples.get(),
            missing_scores: self.input.missing_scores.get(),
            dropped: self.input.intake().dropped,
            sources: self.sources.iter().map(RunningSource::summary).collect(),
            sinks: self.sinks(),
            alerts: outcome.alerts,
            alerts_left_out: outcome.alerts_left_out,
            fired: outcome.fired,
            resolved: outcome.resolved,
            firing: outcome.firing,
            held_back: outcome.held_back,
            incidents: outcome.incidents,
            doubts: outcome.doubts,
            token_usage: self.store.token_usage(Window::ALL),
            charts: outcome.charts,
            store: self.store.bounds(),
            interrupted: self.interrupted,
            stopped: self.stop_signal.reason().cloned(),
            errors: self.failures.clone(),
            durability: self.durability,
            seconds: self.started.elapsed().as_secs_f64(),
        }
    }
}

impl RunningSource {
    /// Tells it to come to its end.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// If it waits until it looks for more, it looks now.
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.counters.done.load(Ordering::Acquire)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn summary(&self) -> SourceSummary {
        SourceSummary {
            name: self.name.clone(),
            events: self.counters.events.get(),
            error: self.counters.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl RunningSink {
    fn summary(&self, bus: &Bus, backlog: Option<&dyn Backlog>, published: u64) -> SinkSummary {
        let counters = &self.counters;
        // Read once: a worker that was left behind, or that still runs, may count on.
        let mut lost = counters.lost_by_reason();
        // And one that hangs has not noted what it lost since.
        for (reason, count) in &mut lost {
            match *reason {
                "overflow" => *count = (*count).max(bus.lost(self.cursor)),
                "gone" => *count = (*count).max(bus.gone(self.cursor)),
                _ => {}
            }
        }
        let (delivered, filtered, dead_letter) =
            (counters.delivered.get(), counters.filtered.get(), counters.dead_letter.get());
        let known = delivered + filtered + dead_letter + lost.iter().map(|(_, count)| count).sum::<u64>();
        let accepted = self.end.unwrap_or(published) - self.begin;
        let mut lost: BTreeMap<_, _> = lost.into_iter().filter(|(_, count)| *count > 0).collect();
        let mut pending = accepted.saturating_sub(known);
        if let Some(backlog) = backlog.filter(|_| pending > 0) {
            // What the spool has let go of is lost, though the sink has not come upon it: nobody has it in memory any more.
            let gone = backlog.gone_from(self.begin + known).min(pending);
            if gone > 0 {
                *lost.entry("gone").or_default() += gone;
                pending -= gone;
            }
        }
        SinkSummary {
            name: self.name.clone(),
            accepted,
            delivered,
            filtered,
            dead_letter,
            lost,
            pending,
            failed: self.control.has_failed(),
            retries: counters.retries.get(),
            restarts: counters.restarts.get(),
            required: self.options.required,
            error: counters.last_error(),
        }
    }
}

impl Drop for Pipeline {
    /// A pipeline that nobody waits for ends by itself, so that no thread is left waiting for more.
    fn drop(&mut self) {
        self.sources.iter().for_each(RunningSource::stop);
        self.bus.end_input();
        self.bus.close();
    }
}
