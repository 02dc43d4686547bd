//! The embedding API: a program records what it does, and asks how it goes, without any configuration file.

mod builder;
mod entries;
mod queue;
mod recorder;

pub use builder::MonitorBuilder;
pub use queue::{DropReason, Recorded};
pub use recorder::MetricHandle;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use queue::{Marks, Queue};

use crate::bus::Durability;
use crate::event::{Body, Evaluation, Event, Generation, Level, Log, Metadata};
use crate::pipeline::{Pipeline, SinkSummary, StopSignal, Summary, instant};
use crate::store::{NoSuchMetric, Selector, TokenUsage, Usage, Window, WindowStats};
use crate::{Clock, Text, Timestamp};

/// Records events into a pipeline that runs inside of the program.
///
/// Recording never waits and never panics; what could not be taken is told by [`Recorded`] and counted. Clones record
/// into the same pipeline.
///
/// ```
/// use std::time::Duration;
/// use monitor_core::{Generation, Monitor, Tokens};
///
/// let monitor = Monitor::builder().start()?;
/// monitor.track_generation(Generation::new(2.78, true).model("gpt-4o").tokens(Tokens::of(420, 610)));
/// monitor.record_metric("queue_depth", 7.0, &[("worker", "a")]);
/// monitor.flush(Duration::from_secs(1));
///
/// let latency = monitor.stats("generation_time", Duration::from_secs(300))?.expect("just recorded");
/// assert_eq!((latency.count, latency.mean), (1, 2.78));
/// assert_eq!(monitor.token_usage(None).total_tokens, 1030);
///
/// let summary = monitor.shutdown().expect("the first shutdown");
/// assert_eq!(summary.events, 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Arc<Queue>,
    clock: Clock,
    store: Arc<crate::store::Store>,
    stop: StopSignal,
    running: RwLock<Running>,
    /// How many events required sinks will never get, as far as a flush has told.
    told: AtomicU64,
}

/// What a [`Monitor::flush`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushReport {
    /// Whether everything recorded before the call is in the store and with every required sink; what an earlier flush has
    /// told of, lost or among the dead letters, is not told again.
    pub complete: bool,
    /// L3 if it is complete; else how safe all that has got into the pipeline is, at least.
    pub level: Durability,
    /// How long it took.
    pub took: Duration,
}

/// What [`Monitor::record_durable`] gives: it knows how safe the event is.
#[derive(Clone)]
pub struct Ticket {
    monitor: Monitor,
    recorded: Recorded,
    marks: Marks,
    /// How many events required sinks would never get, before it was recorded.
    undelivered: u64,
}

impl Ticket {
    /// Whether the event was taken at all.
    pub fn recorded(&self) -> Recorded {
        self.recorded
    }

    /// Waits until the event is as safe as this, at most for `deadline`, and tells how safe it is: L0 also if it was
    /// dropped. Short of L3, more than the monitor's own level is never reached, and not waited for. L3 is told only to who
    /// asks for it, for it says where the event is, not that a loss of power spares it; and not if a required sink has lost
    /// events since, or put them to the dead letters: it may be one of them.
    pub fn wait(&self, wanted: Durability, deadline: Duration) -> Durability {
        match self.recorded {
            Recorded::Accepted => self.monitor.reach(&self.marks, self.undelivered, wanted, deadline).0,
            Recorded::Dropped(_) => Durability::L0,
        }
    }
}

impl Monitor {
    /// A monitor to be put together: sinks, rules, callbacks.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::new()
    }

    /// Records a generation, now.
    pub fn track_generation(&self, generation: Generation) -> Recorded {
        self.shared.queue.generation(generation)
    }

    /// Records an evaluation, now.
    pub fn track_evaluation(&self, evaluation: Evaluation) -> Recorded {
        self.shared.queue.body(evaluation.into())
    }

    /// Records a number under a name, with labels, now. For a number that is recorded often, [`Monitor::metric`] gives a
    /// handle that is quicker.
    pub fn record_metric(&self, name: &str, value: f64, labels: &[(&str, &str)]) -> Recorded {
        self.shared.queue.metric_by_name(name, labels, value)
    }

    /// A handle for a metric with any attributes.
    pub fn metric(&self, name: impl Into<Text>, metadata: Metadata) -> MetricHandle {
        MetricHandle::new(Arc::clone(&self.shared.queue), name.into(), metadata)
    }

    /// Records a message for people.
    pub fn log_info(&self, message: impl Into<Text>) -> Recorded {
        self.log(Log::new(Level::Info, message))
    }

    /// Records a message of something that somebody should look at.
    pub fn log_warning(&self, message: impl Into<Text>) -> Recorded {
        self.log(Log::new(Level::Warning, message))
    }

    /// Records a message of something that failed, and the error: its words as `error`, its type as `error_type`.
    pub fn log_error<E: Error>(&self, message: impl Into<Text>, error: Option<&E>) -> Recorded {
        let mut log = Log::new(Level::Error, message);
        if let Some(error) = error {
            let path = std::any::type_name::<E>();
            let name = path.rsplit("::").next().unwrap_or(path);
            log = log.with("error", error.to_string()).with("error_type", name);
        }
        self.log(log)
    }

    /// Records a message with a level and attributes of one's own.
    pub fn log(&self, log: Log) -> Recorded {
        self.shared.queue.body(log.into())
    }

    /// Records an event with a time of one's own; one more than a day ahead of the clock is not believed.
    pub fn record(&self, event: Event) -> Recorded {
        self.shared.queue.event(event)
    }

    /// Statistics of a metric over the last `window`. `Ok(None)`: nothing in the window.
    ///
    /// # Errors
    /// When the metric has never been recorded.
    pub fn stats(&self, metric: impl Into<Text>, window: Duration) -> Result<Option<WindowStats>, NoSuchMetric> {
        self.store().stats(&Selector::metric(metric), Window::last(window, self.now()))
    }

    /// Tokens by model, over the last `window` or over all that the store holds.
    pub fn token_usage(&self, window: Option<Duration>) -> TokenUsage {
        self.store().token_usage(window.map_or(Window::ALL, |window| Window::last(window, self.now())))
    }

    /// Tokens by the values of any label, over the last `window` or over all that the store holds.
    pub fn token_usage_by(&self, label: &str, window: Option<Duration>) -> BTreeMap<Text, Usage> {
        self.store().token_usage_by(label, window.map_or(Window::ALL, |window| Window::last(window, self.now())))
    }

    /// The store, for every other question.
    pub fn store(&self) -> &crate::store::Store {
        &self.shared.store
    }

    /// What the time is for this monitor.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// What is set once a rule with `action = "stop"` fires: whoever does the work looks at it and stops.
    pub fn stop_signal(&self) -> StopSignal {
        self.shared.stop.clone()
    }

    /// Records something, now, that somebody will rely on: the ticket tells how safe it is, and can be waited for.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use monitor_core::bus::Durability;
    /// use monitor_core::{Metric, Monitor};
    ///
    /// let monitor = Monitor::builder().durability(Durability::L2).start()?;
    /// let ticket = monitor.record_durable(Metric::new("invoices", 1.0));
    /// // A loss of power does not take it any more.
    /// assert!(ticket.wait(Durability::L2, Duration::from_secs(1)) >= Durability::L2);
    /// # Ok::<_, monitor_core::pipeline::StartError>(())
    /// ```
    pub fn record_durable(&self, body: impl Into<Body>) -> Ticket {
        let undelivered = self.shared.undelivered();
        let (recorded, marks) = self.shared.queue.marked(body.into());
        Ticket { monitor: self.clone(), recorded, marks, undelivered }
    }

    /// Waits until everything recorded so far is in the store and with every required sink, at most for `deadline`.
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        let began = instant();
        let told = self.shared.told.load(Ordering::Relaxed);
        let marks = self.shared.queue.marks();
        let (level, undelivered) = self.reach(&marks, told, Durability::L3, deadline);
        self.shared.told.fetch_max(undelivered, Ordering::Relaxed);
        FlushReport { complete: level == Durability::L3, level, took: began.elapsed() }
    }

    /// Waits until everything up to these marks is as safe as wanted; gives back how safe it is, and how many events required
    /// sinks never get. With more than `before` of these, it may be among them.
    fn reach(&self, marks: &Marks, before: u64, wanted: Durability, deadline: Duration) -> (Durability, u64) {
        let began = instant();
        let mut target = None;
        let mut level = Durability::L0;
        let arrived = wanted == Durability::L3;
        let all = |complete: bool, level| if complete && arrived { Durability::L3 } else { level };
        loop {
            // Whoever waits does not wait for a nap.
            self.shared.queue.wake();
            match &*self.shared.running() {
                Running::Yes(pipeline) => {
                    if target.is_none() && (self.shared.queue.has_published(marks) || seeded_bug!("ticket_early")) {
                        target = Some(pipeline.published());
                        level = pipeline.durability();
                    }
                    if target.is_some_and(|target| pipeline.required_up_to(target)) {
                        let undelivered = pipeline.undelivered() + self.shared.queue.lost();
                        return (all(undelivered <= before, level), undelivered);
                    }
                }
                Running::Ended { complete, durability } => {
                    if self.shared.queue.has_published(marks) {
                        level = *durability;
                    }
                    return (all(*complete, level), before);
                }
                Running::Ending => {}
            }
            let enough = if arrived { level == wanted } else { level >= wanted || target.is_some() };
            if enough || began.elapsed() >= deadline {
                return (level, before);
            }
            std::thread::park_timeout(Duration::from_micros(200));
        }
    }

    /// Ends the monitor within its shutdown timeout: what was recorded is delivered as far as time allows, the rest is
    /// counted in the summary. From then on recording answers `Dropped(Closed)`. A second call gives `None`.
    pub fn shutdown(&self) -> Option<Summary> {
        self.shared.end()
    }
}

/// Whether the pipeline still runs.
enum Running {
    Yes(Box<Pipeline>),
    Ending,
    /// It has ended, and everything arrived, or not.
    Ended {
        complete: bool,
        /// How safe everything is that was published.
        durability: Durability,
    },
}

impl Shared {
    fn running(&self) -> RwLockReadGuard<'_, Running> {
        self.running.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events that required sinks have not got and never will.
    fn undelivered(&self) -> u64 {
        match &*self.running() {
            Running::Yes(pipeline) => pipeline.undelivered() + self.queue.lost(),
            Running::Ending | Running::Ended { .. } => 0,
        }
    }

    fn change_to(&self, next: Running) -> Running {
        std::mem::replace(&mut *self.running.write().unwrap_or_else(PoisonError::into_inner), next)
    }

    fn end(&self) -> Option<Summary> {
        self.queue.close();
        let pipeline = match self.change_to(Running::Ending) {
            Running::Yes(pipeline) => *pipeline,
            other => {
                self.change_to(other);
                return None;
            }
        };
        let durability = pipeline.durability();
        let mut summary = pipeline.shutdown();
        // Also what was dropped after the books were closed.
        summary.dropped = self.queue.dropped().into_iter().map(|(reason, n)| (Text::new_static(reason), n)).collect();
        self.queue.end();
        let left = self.queue.lost();
        if left > 0 {
            summary.dropped.insert(Text::new_static("shutdown"), left);
        }
        let arrived = |sink: &SinkSummary| sink.dead_letter + sink.lost_total() + sink.pending == 0;
        let complete = left == 0 && summary.sinks.iter().filter(|sink| sink.required).all(arrived);
        self.change_to(Running::Ended { complete, durability });
        Some(summary)
    }
}

impl Drop for Shared {
    /// A monitor that nobody has shut down is shut down with its last clone.
    fn drop(&mut self) {
        self.end();
    }
}
