//! Assembling a pipeline: from a configuration, or component by component.

use std::path::PathBuf;
use std::time::Duration;

use super::engine::{HostedChart, Periodic};
use super::filter::Filter;
use super::lock::{Lock, LockError};
use super::open;
use super::sink_worker::Reopen;
use super::snapshot::SNAPSHOT_FILE;
use crate::alerting::{Notify, RuleHost};
use crate::bus::{Durability, Overflow};
use crate::component::{
    BoxError, Chart, ComponentKind, Content, Context, Dirs, Resource, Rule, RuleConfig, Sink, Source,
};
use crate::config::{ClockSetting, Config, ConfigError, Entry, Outline, OverflowSetting, RuleSettings, SinkSettings};
use crate::event::KindSet;
use crate::prices::Prices;
#[cfg(feature = "spool")]
use crate::spool::SpoolError;
use crate::store::{Limits, Store};
use crate::{Clock, Text, Timestamp, Zone};

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
    /// Two components have one name: their books and positions would be one.
    #[error("start the pipeline: two {kind}s have the name `{name}`; give each its own")]
    Duplicate {
        /// The kind of component.
        kind: ComponentKind,
        /// The name.
        name: Text,
    },
    /// The folder of the outputs could not be made.
    #[error("make the data folder `{}`: {error}", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Another process has the folder of the outputs.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The spool cannot be opened.
    #[cfg(feature = "spool")]
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The prices of the configuration cannot be used.
    #[error("{0}")]
    Prices(ConfigError),
    /// A component panicked.
    #[error("open a component: it panicked; its message is in the log")]
    Panicked,
    /// The system gives no thread.
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
}

/// What the host does for a sink.
#[derive(Clone, Debug)]
pub struct SinkOptions {
    /// Which events it gets, and what of them.
    pub filter: Filter,
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
    /// How long a write may take before the sink counts as stalled: it is said, and nobody waits for it any more.
    pub timeout: Duration,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self::from(&SinkSettings::default())
    }
}

impl From<&SinkSettings> for SinkOptions {
    fn from(settings: &SinkSettings) -> Self {
        Self {
            filter: settings.filter(),
            content: settings.content.unwrap_or_default(),
            required: settings.required,
            overflow: match settings.overflow {
                OverflowSetting::Spill => Overflow::Spill,
                OverflowSetting::Block => Overflow::Block(settings.timeout.0),
                OverflowSetting::DropOldest => Overflow::DropOldest,
                OverflowSetting::DropNewest => Overflow::DropNewest,
            },
            batch: settings.batch,
            linger: settings.linger.0,
            timeout: settings.timeout.0,
        }
    }
}

pub(super) struct NewSink {
    pub(super) name: Text,
    /// None if it cannot be opened now, and need not be.
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) reopen: Reopen,
    pub(super) options: SinkOptions,
    /// What it has for itself.
    pub(super) resources: Vec<Resource>,
}

/// A pipeline while it is put together.
#[expect(clippy::struct_excessive_bools, reason = "each is switched on by itself")]
pub struct Builder {
    pub(super) dirs: Dirs,
    pub(super) clock: Clock,
    pub(super) event_time: bool,
    pub(super) zone: Zone,
    pub(super) interval: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) limits: Limits,
    pub(super) labels: Vec<Text>,
    pub(super) prices: Option<Prices>,
    pub(super) snapshot: Option<PathBuf>,
    pub(super) keep_refused: bool,
    pub(super) store_samples: bool,
    pub(super) ends_on_stop: bool,
    pub(super) evaluates_at_end: bool,
    pub(super) durability: Durability,
    /// How large the spool may become.
    pub(super) quota: u64,
    pub(super) lock: Option<Lock>,
    pub(super) sources: Vec<(Text, Box<dyn Source>)>,
    pub(super) sinks: Vec<NewSink>,
    pub(super) rules: Vec<RuleHost>,
    pub(super) notify: Notify,
    pub(super) charts: Vec<HostedChart>,
    pub(super) periodic: Vec<Periodic>,
    /// What the configuration says that it comes from.
    pub(super) outline: Option<Outline>,
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
            prices: Some(Prices::built_in()),
            snapshot: None,
            keep_refused: false,
            store_samples: true,
            ends_on_stop: false,
            evaluates_at_end: false,
            durability: Durability::L0,
            quota: 1 << 30,
            lock: None,
            sources: Vec::new(),
            sinks: Vec::new(),
            rules: Vec::new(),
            notify: Notify::default(),
            charts: Vec::new(),
            periodic: Vec::new(),
            outline: None,
        }
    }

    /// The settings of a configuration, without its components. `{start}` in the data folder becomes the time of now.
    ///
    /// # Errors
    /// When its prices cannot be read.
    pub fn with_settings(config: &Config) -> Result<Self, StartError> {
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
        builder.notify = Notify::new(&settings.notify, builder.zone.clone());
        builder.prices = config.prices().map_err(StartError::Prices)?;
        Ok(if event_time { builder.event_time() } else { builder })
    }

    /// Writes the store and the states of the rules to this file at the end, and takes them up from there at the start.
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// Opens everything that a configuration names.
    ///
    /// # Errors
    /// When the prices cannot be read, the data folder cannot be made, or a component cannot be opened.
    pub fn from_config(config: Config) -> Result<Self, StartError> {
        let mut builder = Self::with_settings(&config)?;
        builder.keep_refused = true;
        let wanted = &config.settings.durability;
        // Recordings can be read again, from their beginnings.
        builder.durability = if builder.event_time { Durability::L0 } else { wanted.level };
        builder.quota = wanted.quota.0;
        builder.snapshot = config.settings.store.snapshot.then(|| builder.dirs.data.join(SNAPSHOT_FILE));
        builder.take_data_dir()?;
        builder.outline = Some(Outline::of(&config));
        let base = builder.base();
        for entry in &config.sources {
            builder.sources.push((entry.name.clone(), open::source(entry, &base)?));
        }
        for entry in config.sinks {
            builder.sinks.push(open::sink(entry, &base)?);
        }
        for entry in config.rules {
            builder.rules.push(open::rule(entry, &base)?);
        }
        for entry in &config.charts {
            builder.charts.push(open::chart(entry, &base)?);
        }
        Ok(builder)
    }

    /// Makes the data folder, and has it for itself.
    pub(super) fn take_data_dir(&mut self) -> Result<(), StartError> {
        let path = &self.dirs.data;
        std::fs::create_dir_all(path).map_err(|error| StartError::DataDir { path: path.clone(), error })?;
        self.lock = Some(Lock::take(path)?);
        Ok(())
    }

    /// Opens the rules of a configuration, and nothing that leaves a trace: no sink, no chart, no data folder. The clock
    /// follows the events.
    ///
    /// # Errors
    /// When the prices cannot be read, or a rule cannot be opened.
    pub fn for_replay(config: Config) -> Result<Self, StartError> {
        let builder = Self::with_settings(&config)?.event_time();
        builder.open_rules(config.rules)
    }

    /// Opens parsed rules and adds them.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open_rules(mut self, rules: Vec<Entry<dyn RuleConfig, RuleSettings>>) -> Result<Self, StartError> {
        let base = self.base();
        for entry in rules {
            self.rules.push(open::rule(entry, &base)?);
        }
        Ok(self)
    }

    /// What a component of this name is told when it is opened.
    pub fn context(&self, name: &Text) -> Context {
        Context { name: name.clone(), ..self.base() }
    }

    /// What every component is told.
    pub(super) fn base(&self) -> Context {
        Context {
            name: Text::default(),
            dirs: self.dirs.clone(),
            clock: self.clock.clone(),
            zone: self.zone.clone(),
            content: Content::Events,
            accept: KindSet::ALL,
            by: Vec::new(),
            durability: self.durability,
        }
    }

    /// How safe events are once they are accepted. Above L0 there is a spool in the data folder; sinks
    /// get from it what they have not got when the process ends. Without the feature `spool` all is L0.
    pub fn durability(mut self, level: Durability) -> Self {
        self.durability = level;
        self
    }

    /// How many bytes the spool may take.
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quota = bytes;
        self
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

    /// Leaves the store empty: what only passes through need not be kept. Rules and charts have nothing to look at then.
    pub fn without_store(mut self) -> Self {
        self.store_samples = false;
        self
    }

    /// The pipeline ends, as by [`Pipeline::shutdown`](super::Pipeline::shutdown), when a rule with `action = "stop"` fires. Without
    /// it the [`StopSignal`](super::StopSignal) is for others to heed.
    pub fn end_on_stop(mut self) -> Self {
        self.ends_on_stop = true;
        self
    }

    /// Where the clock follows the events, rules are evaluated a last time at the last of them, also between two ticks.
    pub fn evaluate_at_end(mut self) -> Self {
        self.evaluates_at_end = true;
        self
    }

    /// Attributes that become labels.
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.labels.extend(labels.into_iter().map(Into::into));
        self
    }

    /// What tokens cost, as the metric `cost_usd`; `None` for no costs at all. The built-in table without it.
    pub fn prices(mut self, prices: impl Into<Option<Prices>>) -> Self {
        self.prices = prices.into();
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
        self.sinks.push(NewSink {
            name: name.into(),
            sink: Some(Box::new(sink)),
            reopen: None,
            options,
            resources: Vec::new(),
        });
        self
    }

    /// Adds a rule.
    pub fn rule(mut self, name: impl Into<Text>, rule: Box<dyn Rule>, settings: RuleSettings) -> Self {
        self.rules.push(RuleHost::new(name.into(), rule, settings));
        self
    }

    /// Adds a chart, which is drawn at the end.
    pub fn chart(mut self, name: impl Into<Text>, chart: Box<dyn Chart>) -> Self {
        self.charts.push(HostedChart::new(name.into(), chart, None));
        self
    }

    /// Adds a chart, which is drawn every so often while the pipeline runs, and at the end.
    pub fn chart_every(mut self, name: impl Into<Text>, chart: Box<dyn Chart>, every: Duration) -> Self {
        self.charts.push(HostedChart::new(name.into(), chart, Some(every)));
        self
    }

    /// Calls `call` every so often, and a last time at the end.
    pub fn every(mut self, every: Duration, call: impl FnMut(&Store, Timestamp) + Send + 'static) -> Self {
        self.periodic.push(Periodic { every, next: None, call: Box::new(call) });
        self
    }
}
