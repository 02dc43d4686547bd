//! Assembling a pipeline: from a configuration, or component by component.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::counters::{InputCounters, SinkCounters, SourceCounters};
use super::emitter::{Emitter, LineReader};
use super::engine::{Engine, Outcome, Periodic};
use super::refusals::Refusals;
use super::running::{Pipeline, RunningSink, RunningSource};
use super::sink_worker::{Deadline, Reopen, SinkWorker, Writing};
use super::{instant, source_worker};
use crate::alerting::RuleHost;
use crate::bus::{Bus, Overflow};
use crate::component::{BoxError, Chart, ComponentKind, Content, Context, Dirs, Rule, RuleConfig, Sink, Source};
use crate::config::{ClockSetting, Config, Entry, OverflowSetting, RuleSettings, SinkSettings};
use crate::event::KindSet;
use crate::read::LineParser;
use crate::sample::Deriver;
use crate::store::{Limits, Store};
use crate::{Clock, Text, Timestamp, Zone};

/// How long a sink with `overflow = "block"` is waited for before it counts as stalled.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// Events that the bus holds for the slowest sink.
const BUS_CAPACITY: usize = 65_536;

/// A pipeline that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A component could not be opened.
    #[error("open {kind} `{name}`: {error}")]
    Open {
        /// The kind of component.
        kind: ComponentKind,
        /// Its name.
        name: Text,
        /// Why not.
        error: BoxError,
    },
    /// The folder of the outputs could not be made.
    #[error("make the data folder `{}`: {error}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The system gives no thread.
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
}

/// What the host does for a sink.
#[derive(Clone, Copy, Debug)]
pub struct SinkOptions {
    /// The kinds of events that it gets.
    pub accept: KindSet,
    /// What it is meant to see.
    pub content: Content,
    /// Whether what it cannot write is tried until it can.
    pub required: bool,
    /// What happens when it falls behind.
    pub overflow: Overflow,
    /// How many events it gets at once, at most.
    pub batch: usize,
    /// How long events may wait for a batch to fill.
    pub linger: Duration,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self::from(&SinkSettings::default())
    }
}

impl From<&SinkSettings> for SinkOptions {
    fn from(settings: &SinkSettings) -> Self {
        let kinds = settings.accept.as_ref().map(|kinds| kinds.iter().map(|kind| kind.0).collect());
        Self {
            accept: kinds.unwrap_or(KindSet::ALL),
            content: settings.content,
            required: settings.required,
            overflow: match settings.overflow {
                OverflowSetting::Block => Overflow::Block(STALLED_AFTER),
                OverflowSetting::DropOldest => Overflow::DropOldest,
            },
            batch: settings.batch,
            linger: settings.linger.0,
        }
    }
}

struct NewSink {
    name: Text,
    sink: Box<dyn Sink>,
    reopen: Reopen,
    options: SinkOptions,
}

/// A pipeline while it is put together.
pub struct Builder {
    dirs: Dirs,
    clock: Clock,
    event_time: bool,
    zone: Zone,
    interval: Duration,
    shutdown_timeout: Duration,
    limits: Limits,
    labels: Vec<Text>,
    keep_refused: bool,
    sources: Vec<(Text, Box<dyn Source>)>,
    sinks: Vec<NewSink>,
    rules: Vec<RuleHost>,
    charts: Vec<(Text, Box<dyn Chart>)>,
    periodic: Vec<Periodic>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty pipeline with the default settings and the system's clock.
    pub fn new() -> Self {
        Self {
            dirs: Dirs { base: PathBuf::new(), data: "monitoring".into() },
            clock: Clock::System,
            event_time: false,
            zone: Zone::Local,
            interval: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(5),
            limits: Limits::default(),
            labels: Vec::new(),
            keep_refused: false,
            sources: Vec::new(),
            sinks: Vec::new(),
            rules: Vec::new(),
            charts: Vec::new(),
            periodic: Vec::new(),
        }
    }

    /// The settings of a configuration, without its components. `{start}` in the data folder becomes the time of now.
    pub fn with_settings(config: &Config) -> Self {
        let settings = &config.settings;
        let bounded = config.sources.iter().all(|source| source.config.bounded());
        let event_time = settings.clock.map_or(bounded, |clock| clock == ClockSetting::Event);
        let mut builder = Self::new().zone(settings.timezone.0.clone());
        let started = Clock::System.now().to_local(&builder.zone).format("%Y-%m-%d-%H-%M-%S").to_string();
        builder.dirs.base.clone_from(&config.base);
        builder.dirs.data = settings.data_dir.to_string_lossy().replace("{start}", &started).into();
        builder.interval = settings.metrics_interval.0;
        builder.shutdown_timeout = settings.shutdown_timeout.0;
        builder.limits = settings.store.limits();
        builder.labels.clone_from(&settings.store.labels);
        if event_time { builder.event_time() } else { builder }
    }

    /// Opens everything that a configuration names.
    ///
    /// # Errors
    /// When the data folder cannot be made, or a component cannot be opened.
    pub fn from_config(config: Config) -> Result<Self, StartError> {
        let mut builder = Self::with_settings(&config);
        builder.keep_refused = true;
        std::fs::create_dir_all(&builder.dirs.data)
            .map_err(|error| StartError::DataDir { path: builder.dirs.data.clone(), error })?;
        for entry in &config.sources {
            let context = builder.context(&entry.name);
            let source = entry.config.open(&context).map_err(failed(ComponentKind::Source, &entry.name))?;
            builder = builder.source(entry.name.clone(), source);
        }
        for entry in config.sinks {
            let options = SinkOptions::from(&entry.settings);
            let context = Context { content: options.content, accept: options.accept, ..builder.context(&entry.name) };
            let sink = entry.config.open(&context).map_err(failed(ComponentKind::Sink, &entry.name))?;
            let config = entry.config;
            let reopen: Reopen = Some(Box::new(move || config.open(&context)));
            builder.sinks.push(NewSink { name: entry.name, sink, reopen, options });
        }
        for entry in config.rules {
            let context = Context { by: entry.settings.by.clone(), ..builder.context(&entry.name) };
            let rule = entry.config.open(&context).map_err(failed(ComponentKind::Rule, &entry.name))?;
            builder = builder.rule(entry.name, rule, entry.settings);
        }
        for entry in config.charts {
            let context = builder.context(&entry.name);
            let chart = entry.config.open(&context).map_err(failed(ComponentKind::Chart, &entry.name))?;
            builder = builder.chart(entry.name, chart);
        }
        Ok(builder)
    }

    /// Opens the rules of a configuration, and nothing that leaves a trace: no sink, no chart, no data folder. The clock
    /// follows the events.
    ///
    /// # Errors
    /// When a rule cannot be opened.
    pub fn for_replay(config: Config) -> Result<Self, StartError> {
        let builder = Self::with_settings(&config).event_time();
        builder.open_rules(config.rules)
    }

    /// Opens parsed rules and adds them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open_rules(mut self, rules: Vec<Entry<dyn RuleConfig, RuleSettings>>) -> Result<Self, StartError> {
        for entry in rules {
            let context = Context { by: entry.settings.by.clone(), ..self.context(&entry.name) };
            let rule = entry.config.open(&context).map_err(failed(ComponentKind::Rule, &entry.name))?;
            self = self.rule(entry.name, rule, entry.settings);
        }
        Ok(self)
    }

    /// What a component of this name is told when it is opened.
    pub fn context(&self, name: &Text) -> Context {
        Context {
            name: name.clone(),
            dirs: self.dirs.clone(),
            clock: self.clock.clone(),
            zone: self.zone.clone(),
            content: Content::Events,
            accept: KindSet::ALL,
            by: Vec::new(),
        }
    }

    /// The clock follows the events: rules tick as the recording goes on, as fast as it can be read.
    pub fn event_time(mut self) -> Self {
        self.clock = Clock::manual(Timestamp::MIN);
        self.event_time = true;
        self
    }

    /// Another clock than the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self.event_time = false;
        self
    }

    /// The zone of timestamps without one, and of times shown to people.
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// The folder of the outputs.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dirs.data = folder.into();
        self
    }

    /// How often rules are evaluated.
    pub fn metrics_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How long a shutdown may take.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// What the store keeps at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Attributes that become labels.
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.labels.extend(labels.into_iter().map(Into::into));
        self
    }

    /// Adds a source.
    pub fn source(mut self, name: impl Into<Text>, source: Box<dyn Source>) -> Self {
        self.sources.push((name.into(), source));
        self
    }

    /// Adds a sink with the default options.
    pub fn sink(self, name: impl Into<Text>, sink: impl Sink + 'static) -> Self {
        self.sink_with(name, sink, SinkOptions::default())
    }

    /// Adds a sink.
    pub fn sink_with(mut self, name: impl Into<Text>, sink: impl Sink + 'static, options: SinkOptions) -> Self {
        self.sinks.push(NewSink { name: name.into(), sink: Box::new(sink), reopen: None, options });
        self
    }

    /// Adds a rule.
    pub fn rule(mut self, name: impl Into<Text>, rule: Box<dyn Rule>, settings: RuleSettings) -> Self {
        self.rules.push(RuleHost::new(name.into(), rule, settings));
        self
    }

    /// Adds a chart, which is drawn at the end.
    pub fn chart(mut self, name: impl Into<Text>, chart: Box<dyn Chart>) -> Self {
        self.charts.push((name.into(), chart));
        self
    }

    /// Calls `call` every so often, and a last time at the end.
    pub fn every(mut self, every: Duration, call: impl FnMut(&Store, Timestamp) + Send + 'static) -> Self {
        self.periodic.push(Periodic { every, next: None, call: Box::new(call) });
        self
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self) -> Result<Pipeline, StartError> {
        let bus = Bus::new(BUS_CAPACITY);
        let refused_file = self.keep_refused.then(|| self.dirs.data.join("rejected.jsonl"));
        let stop = Arc::new(AtomicBool::new(false));
        let deadline = Arc::new(Deadline::default());
        let input = Arc::new(InputCounters::default());
        let refusals = Arc::new(Refusals::new(refused_file));
        let retention = self.limits.raw_retention;
        let store = Arc::new(Store::new(self.limits));
        let position = Arc::new(AtomicU64::new(0));

        let engine = Engine {
            cursor: bus.subscribe_input(Overflow::Block(Duration::MAX)),
            bus: bus.clone(),
            store: Arc::clone(&store),
            clock: self.clock.clone(),
            event_time: self.event_time,
            interval: self.interval,
            retention,
            rules: self.rules,
            periodic: self.periodic,
            charts: self.charts,
            plots: self.dirs.data.join("plots"),
            deadline: Arc::clone(&deadline),
            position: Arc::clone(&position),
            deriver: Deriver::new(&self.labels),
            next_tick: None,
            outcome: Outcome::default(),
        };
        let mut sinks = Vec::new();
        for NewSink { name, sink, reopen, options } in self.sinks {
            let counters = Arc::new(SinkCounters::default());
            let position = Arc::new(AtomicU64::new(0));
            let cursor = bus.subscribe(options.overflow);
            let id = cursor.id();
            let worker = SinkWorker {
                name: name.clone(),
                sink: Some(sink),
                reopen,
                cursor,
                options,
                counters: Arc::clone(&counters),
                position: Arc::clone(&position),
                deadline: Arc::clone(&deadline),
                patience: self.shutdown_timeout,
                state: Writing::default(),
            };
            let thread = spawn(&format!("sink {name}"), move || worker.run())?;
            sinks.push(RunningSink {
                name,
                cursor: id,
                required: options.required,
                counters,
                position,
                thread: Some(thread),
            });
        }
        let engine = spawn("engine", move || engine.run())?;

        let endless = self.sources.iter().any(|(_, source)| source.endless());
        let merging = self.event_time && self.sources.len() > 1 && !endless;
        let mut streams = Vec::new();
        let mut sources = Vec::new();
        for (name, source) in self.sources {
            let counters = Arc::new(SourceCounters::default());
            let blocks = source.blocks();
            let output = if merging {
                let (output, stream) = source_worker::to_merge();
                streams.push(stream);
                output
            } else {
                source_worker::to_bus(bus.clone(), Deriver::new(&self.labels), Arc::clone(&input))
            };
            let emitter = Emitter {
                lines: LineReader {
                    source: name.clone(),
                    parser: LineParser::new(self.zone.clone()),
                    clock: if self.event_time { Clock::System } else { self.clock.clone() },
                    refusals: Arc::clone(&refusals),
                    event_time: self.event_time,
                    last: None,
                },
                counters: Arc::clone(&counters),
                stop: Arc::clone(&stop),
                output,
                batch: Vec::new(),
            };
            let thread = spawn(&format!("source {name}"), move || source_worker::run(source, emitter))?;
            sources.push(RunningSource { name, blocks, counters, thread: Some(thread) });
        }
        let merge = if merging {
            let output = source_worker::to_bus(bus.clone(), Deriver::new(&self.labels), Arc::clone(&input));
            Some(spawn("merge", move || source_worker::merge(streams, output))?)
        } else {
            None
        };
        Ok(Pipeline {
            bus,
            store,
            clock: self.clock,
            input,
            refusals,
            stop,
            deadline,
            sources,
            sinks,
            merge,
            engine: Some(engine),
            engine_position: position,
            shutdown_timeout: self.shutdown_timeout,
            started: instant(),
            interrupted: false,
            failures: Vec::new(),
        })
    }
}

fn failed(kind: ComponentKind, name: &Text) -> impl FnOnce(BoxError) -> StartError {
    move |error| StartError::Open { kind, name: name.clone(), error }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>, StartError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}
