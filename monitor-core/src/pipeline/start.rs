//! Starting a pipeline: the threads, and what they share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::{Builder, NewSink, StartError};
use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::emitter::{Emitter, LineReader, Output};
use super::engine::{Engine, Outcome};
use super::ledger::{DEAD_LETTERS, DeadLetters, Ledger};
use super::refusals::{REJECTED_FILE, Refusals};
use super::running::{Pipeline, RunningSink, RunningSource};
use super::sink_worker::{Deadline, SinkWorker, Writing};
use super::{instant, snapshot, source_worker};
use crate::Clock;
use crate::bus::{Backlog, Bus, Draft, Durability, Lane, Overflow, ROWS, Size};
use crate::component::ComponentKind;
use crate::read::LineParser;
use crate::sample::Deriver;
#[cfg(feature = "spool")]
use crate::spool::Spool;
use crate::store::Store;

/// What the bus holds for the slowest sink.
const BUS_CAPACITY: Size = Size { events: 65_536, bytes: 256 << 20 };

/// A disk takes some milliseconds to be sure of what it was given, however much that is: so events that are to survive a
/// loss of power are handed on by more at once, as long as more are at hand.
const SYNCED_AT_ONCE: usize = 8 * ROWS;

impl Builder {
    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no thread; with a spool, when the data folder cannot be had.
    pub fn start(mut self) -> Result<Pipeline, StartError> {
        let snapshot = self.snapshot.take();
        let restored = snapshot.as_deref().and_then(|path| snapshot::restore(path, &self.limits));
        let (store, states) = restored.unwrap_or_else(|| (Store::new(self.limits.clone()), Vec::new()));
        for rule in &mut self.rules {
            rule.restore(&states);
        }
        let refused_file = self.keep_refused.then(|| self.dirs.data.join(REJECTED_FILE));
        if self.durability > Durability::L0 && self.lock.is_none() {
            self.take_data_dir()?;
        }
        let backlog = self.open_spool()?;
        // From here on an error ends what has been started: a pipeline that is dropped closes its bus.
        let mut pipeline = Pipeline {
            durability: if backlog.is_some() { self.durability } else { Durability::L0 },
            first: 0,
            bus: Bus::with_backlog(BUS_CAPACITY, backlog.clone()),
            store: Arc::new(store),
            clock: self.clock.clone(),
            input: Arc::new(InputCounters::default()),
            refusals: Arc::new(Refusals::new(refused_file)),
            stop: Arc::new(AtomicBool::new(false)),
            deadline: Arc::new(Deadline::default()),
            sources: Vec::new(),
            sinks: Vec::new(),
            merge: None,
            engine: None,
            engine_position: Arc::new(AtomicU64::new(0)),
            shutdown_timeout: self.shutdown_timeout,
            started: instant(),
            interrupted: false,
            failures: Vec::new(),
            _lock: self.lock.take(),
        };
        // A sink may know of more events than the spool does, which then are not to be anything else.
        let mut sinks = Vec::new();
        for sink in std::mem::take(&mut self.sinks) {
            sinks.push(self.resume(sink, backlog.as_ref())?);
        }
        if let Some(backlog) = &backlog {
            backlog.retire_others();
            // If this fails it is said, and some events may be delivered twice.
            drop(backlog.settle_down());
            pipeline.bus = Bus::with_backlog(BUS_CAPACITY, Some(Arc::clone(backlog)));
            pipeline.first = backlog.next_sequence();
            pipeline.engine_position.store(pipeline.first, Ordering::Relaxed);
        }
        for sink in sinks {
            pipeline.start_sink(sink)?;
        }
        self.start_engine(&mut pipeline, snapshot)?;
        self.start_sources(&mut pipeline, backlog.as_ref())?;
        Ok(pipeline)
    }

    fn start_engine(&mut self, pipeline: &mut Pipeline, snapshot: Option<PathBuf>) -> Result<(), StartError> {
        let engine = Engine {
            cursor: pipeline.bus.subscribe_input(Overflow::Block(Duration::MAX)),
            bus: pipeline.bus.clone(),
            store: Arc::clone(&pipeline.store),
            clock: self.clock.clone(),
            event_time: self.event_time,
            interval: self.interval,
            retention: self.limits.raw_retention,
            rules: std::mem::take(&mut self.rules),
            periodic: std::mem::take(&mut self.periodic),
            charts: std::mem::take(&mut self.charts),
            plots: self.dirs.data.join("plots"),
            deadline: Arc::clone(&pipeline.deadline),
            position: Arc::clone(&pipeline.engine_position),
            deriver: self.deriver(),
            next_tick: None,
            snapshot,
            outcome: Outcome::default(),
        };
        pipeline.engine = Some(spawn("engine", move || engine.run())?);
        Ok(())
    }

    fn start_sources(&mut self, pipeline: &mut Pipeline, backlog: Option<&Arc<dyn Backlog>>) -> Result<(), StartError> {
        let sources = std::mem::take(&mut self.sources);
        let endless = sources.iter().any(|(_, source)| source.endless());
        let merging = self.event_time && sources.len() > 1 && !endless;
        let mut streams = Vec::new();
        for (name, source) in sources {
            let counters = Arc::new(SourceCounters::default());
            let (blocks, endless) = (source.blocks(), source.endless());
            let output = if merging {
                let (output, stream) = source_worker::to_merge();
                streams.push(stream);
                output
            } else {
                self.to_bus(pipeline)
            };
            let emitter = Emitter {
                lines: LineReader {
                    source: name.clone(),
                    parser: LineParser::new(self.zone.clone()),
                    deriver: self.deriver(),
                    clock: if self.event_time { Clock::System } else { self.clock.clone() },
                    refusals: Arc::clone(&pipeline.refusals),
                    event_time: self.event_time,
                    last: None,
                },
                counters: Arc::clone(&counters),
                stop: Arc::clone(&pipeline.stop),
                output,
                draft: Draft::default(),
                most: if self.durability >= Durability::L2 { SYNCED_AT_ONCE } else { ROWS },
                saved: backlog.map(|backlog| backlog.positions(&name)),
                positions: Vec::new(),
            };
            let thread = spawn(&format!("source {name}"), move || source_worker::run(source, emitter))?;
            pipeline.sources.push(RunningSource { name, blocks, endless, counters, thread: Some(thread) });
        }
        if merging {
            let output = self.to_bus(pipeline);
            pipeline.merge = Some(spawn("merge", move || source_worker::merge(streams, output))?);
        }
        Ok(())
    }

    /// What outlives the process, if anything is to.
    #[cfg(feature = "spool")]
    fn open_spool(&self) -> Result<Option<Arc<dyn Backlog>>, StartError> {
        if self.durability == Durability::L0 {
            // What is written now is not to be cut off by a later process that goes on from there.
            if self.lock.is_some() {
                Spool::forget_marks(&self.dirs.data);
            }
            return Ok(None);
        }
        let parser = LineParser::new(self.zone.clone());
        let (spool, _) = Spool::open(&self.dirs.data, self.durability, self.quota, parser, self.deriver())?;
        Ok(Some(Arc::new(spool)))
    }

    #[cfg(not(feature = "spool"))]
    fn open_spool(&self) -> Result<Option<Arc<dyn Backlog>>, StartError> {
        Ok(None)
    }

    /// Takes a sink to where it was when the last process ended.
    fn resume(&self, mut new: NewSink, backlog: Option<&Arc<dyn Backlog>>) -> Result<ResumedSink, StartError> {
        let mut ledger = backlog.map(|backlog| Ledger::open(Arc::clone(backlog), new.name.clone()));
        let has = ledger
            .as_ref()
            .map_or(Ok(0), |ledger| ledger.resume(&mut *new.sink))
            .map_err(|error| StartError::Open { kind: ComponentKind::Sink, name: new.name.clone(), error })?;
        if let Some(ledger) = &mut ledger {
            ledger.begin(&mut *new.sink);
        }
        let dead_letters = (self.keep_refused || ledger.is_some()).then(|| {
            let path = self.dirs.data.join(DEAD_LETTERS).join(format!("{}.jsonl", new.name));
            DeadLetters::new(path, ledger.as_ref().map_or(u64::MAX, Ledger::dead_letter_bytes))
        });
        Ok(ResumedSink { new, ledger, has, dead_letters })
    }

    fn deriver(&self) -> Deriver {
        Deriver::new(&self.labels).with_prices(self.prices.clone())
    }

    fn to_bus(&self, pipeline: &Pipeline) -> Output {
        let lane = if self.event_time { Lane::InputInStep } else { Lane::Input };
        source_worker::to_bus(pipeline.bus.clone(), lane, Arc::clone(&pipeline.input))
    }
}

impl Pipeline {
    fn start_sink(&mut self, resumed: ResumedSink) -> Result<(), StartError> {
        let ResumedSink { new: NewSink { name, sink, reopen, options }, ledger, has, dead_letters } = resumed;
        let counters = Arc::new(SinkCounters::default());
        let begin = ledger.as_ref().map_or(self.first, Ledger::position);
        let position = Arc::new(AtomicU64::new(begin));
        let cursor = self.bus.subscribe_at(options.overflow, begin);
        let id = cursor.id();
        let worker = SinkWorker {
            name: name.clone(),
            sink: Some(sink),
            reopen,
            cursor,
            options,
            counters: Arc::clone(&counters),
            position: Arc::clone(&position),
            deadline: Arc::clone(&self.deadline),
            patience: self.shutdown_timeout,
            ledger,
            dead_letters,
            begin,
            has,
            state: Writing::default(),
        };
        let thread = Some(spawn(&format!("sink {name}"), move || worker.run())?);
        let required = options.required;
        self.sinks.push(RunningSink { name, cursor: id, begin, required, counters, position, thread });
        Ok(())
    }
}

/// A sink that is where it was when the last process ended.
struct ResumedSink {
    new: NewSink,
    ledger: Option<Ledger>,
    /// It has all events before this one.
    has: u64,
    dead_letters: Option<DeadLetters>,
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}
