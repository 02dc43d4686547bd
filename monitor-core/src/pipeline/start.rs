//! Starting a pipeline: the threads, and what they share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::{Builder, NewSink, StartError};
use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::emitter::{Emitter, LineReader, Output};
use super::engine::{Engine, Outcome};
use super::refusals::{REJECTED_FILE, Refusals};
use super::running::{Pipeline, RunningSink, RunningSource};
use super::sink_worker::{Deadline, SinkWorker, Writing};
use super::{instant, snapshot, source_worker};
use crate::Clock;
use crate::bus::{Bus, Draft, Lane, Overflow, Size};
use crate::read::LineParser;
use crate::sample::Deriver;
use crate::store::Store;

/// What the bus holds for the slowest sink.
const BUS_CAPACITY: Size = Size { events: 65_536, bytes: 256 << 20 };

impl Builder {
    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(mut self) -> Result<Pipeline, StartError> {
        let snapshot = self.snapshot.take();
        let restored = snapshot.as_deref().and_then(|path| snapshot::restore(path, &self.limits));
        let (store, states) = restored.unwrap_or_else(|| (Store::new(self.limits.clone()), Vec::new()));
        for rule in &mut self.rules {
            rule.restore(&states);
        }
        let refused_file = self.keep_refused.then(|| self.dirs.data.join(REJECTED_FILE));
        // From here on an error ends what has been started: a pipeline that is dropped closes its bus.
        let mut pipeline = Pipeline {
            bus: Bus::new(BUS_CAPACITY),
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
        };
        for sink in std::mem::take(&mut self.sinks) {
            pipeline.start_sink(sink)?;
        }
        self.start_engine(&mut pipeline, snapshot)?;
        self.start_sources(&mut pipeline)?;
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

    fn start_sources(&mut self, pipeline: &mut Pipeline) -> Result<(), StartError> {
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

    fn deriver(&self) -> Deriver {
        Deriver::new(&self.labels).with_prices(self.prices.clone())
    }

    fn to_bus(&self, pipeline: &Pipeline) -> Output {
        let lane = if self.event_time { Lane::InputInStep } else { Lane::Input };
        source_worker::to_bus(pipeline.bus.clone(), lane, Arc::clone(&pipeline.input))
    }
}

impl Pipeline {
    fn start_sink(&mut self, NewSink { name, sink, reopen, options }: NewSink) -> Result<(), StartError> {
        let counters = Arc::new(SinkCounters::default());
        let position = Arc::new(AtomicU64::new(0));
        let cursor = self.bus.subscribe(options.overflow);
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
            state: Writing::default(),
        };
        let thread = Some(spawn(&format!("sink {name}"), move || worker.run())?);
        self.sinks.push(RunningSink { name, cursor: id, required: options.required, counters, position, thread });
        Ok(())
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}
