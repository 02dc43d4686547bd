//! Starting a pipeline: the threads, and what they share.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::{Builder, NewSink, StartError};
use super::control::Control;
use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::emitter::{Emitter, LineReader, Output};
use super::engine::{Engine, Outcome};
use super::filter::Screen;
use super::kit::{Kit, ResumedSink};
use super::ledger::Ledger;
use super::refusals::{REJECTED_FILE, Refusals};
use super::running::{Pipeline, RunningSink, RunningSource};
use super::sink_worker::{Deadline, SinkWorker, Writing};
use super::standings::Standings;
use super::stop::StopSignal;
use super::watch::{Watch, WatchedSink, WatchedSinks};
use super::{instant, snapshot, source_worker};
use crate::alerting::{Board, STATES, SavedState};
use crate::bus::{Backlog, Bus, Draft, Durability, Intake, Overflow, ROWS, Size};
use crate::component::{ComponentKind, Source};
use crate::read::LineParser;
use crate::sample::Deriver;
#[cfg(feature = "spool")]
use crate::spool::Spool;
use crate::store::Store;
use crate::{Clock, Text, Timestamp};

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
        self.check_names()?;
        let snapshot = self.snapshot.take();
        let restored = snapshot.as_deref().and_then(|path| snapshot::restore(path, &self.limits));
        let began_empty = restored.is_none().then(|| self.clock.now());
        let (store, states) = restored.unwrap_or_else(|| (Store::new(self.limits.clone()), Vec::new()));
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
            deadline: Arc::new(Deadline::default()),
            sources: Vec::new(),
            sinks: Vec::new(),
            watched: WatchedSinks::default(),
            merge: None,
            engine: None,
            to_engine: None,
            engine_position: Arc::new(AtomicU64::new(0)),
            standings: Standings::default(),
            shutdown_timeout: self.shutdown_timeout,
            started: instant(),
            interrupted: false,
            failures: Vec::new(),
            stop_signal: StopSignal::default(),
            ends_on_stop: self.ends_on_stop,
            outline: self.outline.take(),
            kit: Kit {
                base: self.base(),
                event_time: self.event_time,
                deriver: self.deriver(),
                backlog: backlog.clone(),
                keep_refused: self.keep_refused,
            },
            _lock: self.lock.take(),
        };
        pipeline.deadline.set_patience(pipeline.shutdown_timeout);
        // A sink may know of more events than the spool does, which then are not to be anything else.
        let mut sinks = Vec::new();
        for sink in std::mem::take(&mut self.sinks) {
            sinks.push(pipeline.kit.resume(sink)?);
        }
        if let Some(backlog) = &backlog {
            for sink in &sinks {
                sink.learn(&**backlog);
            }
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
        let board = self.board(backlog.as_deref(), &states, began_empty);
        self.start_engine(&mut pipeline, board, snapshot)?;
        self.start_sources(&mut pipeline)?;
        Ok(pipeline)
    }

    fn check_names(&self) -> Result<(), StartError> {
        let sources = self.sources.iter().map(|(name, _)| (ComponentKind::Source, name));
        let sinks = self.sinks.iter().map(|sink| (ComponentKind::Sink, &sink.name));
        let mut known = HashSet::new();
        let twice = sources.chain(sinks).find(|component| !known.insert(*component));
        twice.map_or(Ok(()), |(kind, name)| Err(StartError::Duplicate { kind, name: name.clone() }))
    }

    /// The rules, where they stood: the spool knows of every change, and the snapshot as of the end.
    fn board(&mut self, backlog: Option<&dyn Backlog>, saved: &[SavedState], began_empty: Option<Timestamp>) -> Board {
        let mut board = Board::new(std::mem::take(&mut self.rules), std::mem::take(&mut self.notify));
        match backlog {
            Some(backlog) => {
                let written = backlog.positions(&Text::new_static(STATES));
                board.restore_written(written, began_empty, self.clock.now());
            }
            None => board.restore(saved, began_empty),
        }
        if !self.event_time {
            board.heed_silences(self.dirs.data.clone());
        }
        board
    }

    fn start_engine(
        &mut self,
        pipeline: &mut Pipeline,
        board: Board,
        snapshot: Option<PathBuf>,
    ) -> Result<(), StartError> {
        let (orders, from_pipeline) = std::sync::mpsc::channel();
        pipeline.to_engine = Some(orders);
        let engine = Engine {
            orders: from_pipeline,
            cursor: pipeline.bus.subscribe_input(Overflow::Block(Duration::MAX)),
            bus: pipeline.bus.clone(),
            store: Arc::clone(&pipeline.store),
            clock: self.clock.clone(),
            event_time: self.event_time,
            interval: self.interval,
            retention: self.limits.raw_retention,
            board,
            firing: BTreeMap::new(),
            periodic: std::mem::take(&mut self.periodic),
            charts: std::mem::take(&mut self.charts),
            plots: self.dirs.data.join("plots"),
            deadline: Arc::clone(&pipeline.deadline),
            position: Arc::clone(&pipeline.engine_position),
            standings: pipeline.standings.clone(),
            deriver: self.deriver(),
            next_tick: None,
            snapshot,
            store_samples: self.store_samples,
            watch: (!self.event_time).then(|| {
                let (sinks, input) = (Arc::clone(&pipeline.watched), Arc::clone(&pipeline.input));
                let refusals = Arc::clone(&pipeline.refusals);
                Watch::new(sinks, pipeline.bus.clone(), input, refusals, pipeline.kit.backlog.clone())
            }),
            evaluates_at_end: self.evaluates_at_end,
            stop: pipeline.stop_signal.clone(),
            ends_on_stop: self.ends_on_stop,
            outcome: Outcome::default(),
        };
        pipeline.engine = Some(spawn("engine", move || engine.run())?);
        Ok(())
    }

    fn start_sources(&mut self, pipeline: &mut Pipeline) -> Result<(), StartError> {
        let sources = std::mem::take(&mut self.sources);
        let endless = sources.iter().any(|(_, source)| source.endless());
        let merging = self.event_time && sources.len() > 1 && !endless;
        let mut streams = Vec::new();
        for (name, source) in sources {
            let stop = Arc::new(AtomicBool::new(false));
            let output = if merging {
                let (output, stream) = source_worker::to_merge(Arc::clone(&pipeline.input));
                streams.push(stream);
                output
            } else {
                pipeline.to_bus(&stop)
            };
            pipeline.start_source(name, source, output, stop, Arc::default())?;
        }
        if merging {
            let output = pipeline.to_bus(&Arc::default());
            pipeline.merge = Some(spawn("merge", move || source_worker::merge(streams, output))?);
        }
        Ok(())
    }

    /// What outlives the process, if anything is to.
    #[cfg(feature = "spool")]
    fn open_spool(&mut self) -> Result<Option<Arc<dyn Backlog>>, StartError> {
        if self.durability == Durability::L0 {
            // What is written now is not to be cut off by a later process that goes on from there.
            if self.lock.is_some() {
                Spool::forget_marks(&self.dirs.data);
            }
            return Ok(None);
        }
        let parser = LineParser::new(self.zone.clone());
        // The folder is free once nobody can write to the spool any more, also no sink that was left behind.
        let lock = self.lock.take();
        let (spool, _) = Spool::open(&self.dirs.data, self.durability, self.quota, parser, self.deriver(), lock)?;
        Ok(Some(Arc::new(spool)))
    }

    #[cfg(not(feature = "spool"))]
    fn open_spool(&mut self) -> Result<Option<Arc<dyn Backlog>>, StartError> {
        Ok(None)
    }

    pub(super) fn deriver(&self) -> Deriver {
        Deriver::new(&self.labels).with_prices(self.prices.clone())
    }
}

impl Pipeline {
    pub(super) fn start_sink(&mut self, resumed: ResumedSink) -> Result<(), StartError> {
        let ResumedSink { new: NewSink { name, sink, reopen, mut options, resources }, ledger, has, dead_letters } =
            resumed;
        options.batch = options.batch.max(1);
        let counters = Arc::new(SinkCounters::default());
        let control = Arc::new(Control::default());
        let begin = ledger.as_ref().map_or_else(|| self.bus.published(), Ledger::position);
        let position = Arc::new(AtomicU64::new(begin));
        let cursor = self.bus.subscribe_at(options.overflow, begin);
        let id = cursor.id();
        let worker = SinkWorker {
            name: name.clone(),
            sink,
            reopen,
            cursor,
            options: options.clone(),
            counters: Arc::clone(&counters),
            position: Arc::clone(&position),
            deadline: Arc::clone(&self.deadline),
            control: Arc::clone(&control),
            ledger,
            dead_letters,
            begin,
            has,
            screen: Screen::new(self.kit.deriver.clone()),
            state: Writing::default(),
        };
        let thread = Some(spawn(&format!("sink {name}"), move || worker.run())?);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push(WatchedSink {
            name: name.clone(),
            cursor: id,
            timeout: options.timeout,
            control: Arc::clone(&control),
            counters: Arc::clone(&counters),
            position: Arc::clone(&position),
        });
        drop(watched);
        self.sinks.push(RunningSink {
            name,
            cursor: id,
            begin,
            end: None,
            options,
            resources,
            counters,
            control,
            position,
            thread,
        });
        Ok(())
    }

    /// Starts a source, which `stop` ends; `counters` may have counted for one whose place it takes.
    pub(super) fn start_source(
        &mut self,
        name: Text,
        source: Box<dyn Source>,
        output: Output,
        stop: Arc<AtomicBool>,
        counters: Arc<SourceCounters>,
    ) -> Result<(), StartError> {
        let (endless, can_be_replaced) = (source.endless(), source.can_be_replaced());
        let Kit { base, event_time, deriver, backlog, .. } = &self.kit;
        let emitter = Emitter {
            lines: LineReader {
                source: name.clone(),
                parser: LineParser::new(base.zone.clone()),
                deriver: deriver.clone(),
                clock: if *event_time { Clock::System } else { base.clock.clone() },
                refusals: Arc::clone(&self.refusals),
                rejected: Arc::default(),
                event_time: *event_time,
                last: None,
            },
            counters: Arc::clone(&counters),
            stop: Arc::clone(&stop),
            output,
            draft: Draft::default(),
            most: if self.durability >= Durability::L2 { SYNCED_AT_ONCE } else { ROWS },
            saved: backlog.as_ref().map(|backlog| backlog.positions(&name)),
            positions: Vec::new(),
            intake: Intake::default(),
        };
        let thread = Some(spawn(&format!("source {name}"), move || source_worker::run(source, emitter))?);
        self.sources.push(RunningSource { name, endless, can_be_replaced, stop, counters, thread });
        Ok(())
    }

    pub(super) fn to_bus(&self, stop: &Arc<AtomicBool>) -> Output {
        source_worker::to_bus(self.bus.clone(), self.kit.lane(), Arc::clone(&self.input), Arc::clone(stop))
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}
