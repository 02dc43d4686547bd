//! Putting a monitor together.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::queue::Queue;
use super::recorder::Recorder;
use super::{Monitor, Running, Shared};
use crate::bus::Durability;
use crate::component::{Chart, Rule, Sink, alert_fn};
use crate::config::{Config, RuleSettings};
use crate::event::{Alert, Kind};
use crate::pipeline::{Builder, Filter, SinkOptions, StartError};
use crate::prices::Prices;
use crate::store::{Limits, TokenUsage, Window};
use crate::{Clock, Text, Timestamp};

/// A monitor while it is put together. Without any sink, events only go to the store: none means none.
#[derive(Default)]
pub struct MonitorBuilder {
    pipeline: Builder,
    clock: Option<Clock>,
    /// How many want to be told of alerts.
    callbacks: usize,
}

impl MonitorBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Another clock than the system's, for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.pipeline = self.pipeline.clock(clock.clone());
        self.clock = Some(clock);
        self
    }

    /// How often rules are evaluated; every minute without it.
    pub fn metrics_interval(mut self, interval: Duration) -> Self {
        self.pipeline = self.pipeline.metrics_interval(interval);
        self
    }

    /// How long a shutdown may take; 5 s without it.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.pipeline = self.pipeline.shutdown_timeout(timeout);
        self
    }

    /// Writes the store and the states of the rules to this file at the shutdown, and takes them up from there at the
    /// start, so that windows and alerts outlive the process.
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.pipeline = self.pipeline.snapshot(path);
        self
    }

    /// What the store keeps at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.pipeline = self.pipeline.limits(limits);
        self
    }

    /// Attributes that become labels.
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        self.pipeline = self.pipeline.labels(labels);
        self
    }

    /// What tokens cost, as the metric `cost_usd`; `None` for no costs at all. The built-in table without it.
    pub fn prices(mut self, prices: impl Into<Option<Prices>>) -> Self {
        self.pipeline = self.pipeline.prices(prices);
        self
    }

    /// The folder of the spool, and of charts, under `plots/`; `monitoring` without it.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pipeline = self.pipeline.data_dir(folder);
        self
    }

    /// How safe events are soon after they were recorded; L0 without it. Above that there is a spool in the data folder: what
    /// a sink has not got when the process ends, however it ends, it gets from the next monitor with the same folder and a
    /// sink of the same name. Recording stays as quick as it is, so what was recorded in the last few milliseconds may not
    /// be there yet; [`Monitor::flush`] tells what is.
    pub fn durability(mut self, level: Durability) -> Self {
        self.pipeline = self.pipeline.durability(level);
        self
    }

    /// Adds a sink.
    pub fn sink(mut self, name: impl Into<Text>, sink: impl Sink + 'static) -> Self {
        self.pipeline = self.pipeline.sink(name, sink);
        self
    }

    /// Adds a sink with options.
    pub fn sink_with(mut self, name: impl Into<Text>, sink: impl Sink + 'static, options: SinkOptions) -> Self {
        self.pipeline = self.pipeline.sink_with(name, sink, options);
        self
    }

    /// Adds a rule.
    pub fn rule(mut self, name: impl Into<Text>, rule: Box<dyn Rule>, settings: RuleSettings) -> Self {
        self.pipeline = self.pipeline.rule(name, rule, settings);
        self
    }

    /// Adds the rules of a parsed configuration; the rest of it is left out.
    ///
    /// # Errors
    /// When a rule cannot be opened.
    pub fn rules_of(mut self, config: Config) -> Result<Self, StartError> {
        self.pipeline = self.pipeline.open_rules(config.rules)?;
        Ok(self)
    }

    /// Adds a chart, which is drawn at the end.
    pub fn chart(mut self, name: impl Into<Text>, chart: Box<dyn Chart>) -> Self {
        self.pipeline = self.pipeline.chart(name, chart);
        self
    }

    /// Adds a chart, which is drawn every so often, and at the end.
    pub fn chart_every(mut self, name: impl Into<Text>, chart: Box<dyn Chart>, every: Duration) -> Self {
        self.pipeline = self.pipeline.chart_every(name, chart, every);
        self
    }

    /// Calls `tell` for every alert.
    pub fn on_alert(self, tell: impl FnMut(Timestamp, &Alert) + Send + 'static) -> Self {
        let options = SinkOptions { filter: Filter::of_kinds(&[Kind::Alert]), ..SinkOptions::default() };
        let name = match self.callbacks {
            0 => "on_alert".to_owned(),
            more => format!("on_alert_{}", more + 1),
        };
        Self { callbacks: self.callbacks + 1, ..self }.sink_with(name, alert_fn(tell), options)
    }

    /// Calls `tell` with the tokens by model so far, every so often and a last time at the shutdown.
    pub fn on_token_usage(mut self, every: Duration, mut tell: impl FnMut(&TokenUsage) + Send + 'static) -> Self {
        self.pipeline = self.pipeline.every(every, move |store, _| tell(&store.token_usage(Window::ALL)));
        self
    }

    /// Starts the monitor.
    ///
    /// # Errors
    /// When the system gives no thread; with a spool, when the data folder cannot be had.
    pub fn start(self) -> Result<Monitor, StartError> {
        let clock = self.clock.unwrap_or(Clock::System);
        let queue = Arc::new(Queue::new(clock.clone()));
        let recorder = Recorder { queue: Arc::clone(&queue) };
        let pipeline = self.pipeline.source("monitor", Box::new(recorder)).start()?;
        let (store, stop) = (Arc::clone(pipeline.store()), pipeline.stop_signal().clone());
        Ok(Monitor {
            shared: Arc::new(Shared {
                queue,
                clock,
                store,
                stop,
                running: RwLock::new(Running::Yes(Box::new(pipeline))),
                told: AtomicU64::new(0),
            }),
        })
    }
}
