//! How the pipeline itself is: sinks that hang, books that do not close, and all of its counts as metrics that rules can
//! watch. They go straight to the store: the bus must not be needed to tell that the bus is full.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::control::Control;
use super::counters::{InputCounters, SinkCounters};
use super::instant;
use super::refusals::Refusals;
use crate::bus::{Backlog, Bus};
use crate::event::{Event, Metric};
use crate::read::Reason;
use crate::sample::{Deriver, Samples};
use crate::store::Store;
use crate::{Text, Timestamp};

/// How often it is looked whether a sink hangs.
const LOOK: Duration = Duration::from_millis(500);
/// How often the books are checked.
const CHECK: Duration = Duration::from_secs(60);

/// The labels of these metrics.
pub(crate) const PIPELINE_LABELS: [&str; 2] = ["sink", "reason"];

/// A metric of the pipeline itself.
#[derive(Clone, Copy, Debug)]
pub struct OwnMetric {
    /// Its name.
    pub name: &'static str,
    /// The labels of its series.
    pub labels: &'static [&'static str],
    /// What its samples say.
    pub summary: &'static str,
}

const fn own(name: &'static str, labels: &'static [&'static str], summary: &'static str) -> OwnMetric {
    OwnMetric { name, labels, summary }
}

/// The metrics of a pipeline that runs by the system's clock: a sample a series before each evaluation of the rules. Of what
/// happens it says how often it has since the sample before, so the `sum` over a window is what happened in it; of what is,
/// how much it is then, so `last` is how much it is now.
pub const OWN_METRICS: [OwnMetric; 18] = [
    own("pipeline_offered", &[], "events and lines that came, but for blank ones"),
    own("pipeline_accepted", &[], "events that were taken in"),
    own("pipeline_rejected", &["reason"], "lines and events that are none"),
    own("pipeline_dropped", &["reason"], "events for which there was no room, or no time"),
    own("pipeline_unaccounted", &[], "events of which nobody knows what became of them; 0, or the books do not close"),
    own("sink_delivered", &["sink"], "events written and flushed"),
    own("sink_filtered", &["sink"], "events of kinds that it does not accept"),
    own("sink_dead_letter", &["sink"], "events that it can never write"),
    own("sink_lost", &["sink", "reason"], "events that did not arrive and are nowhere else"),
    own("sink_retries", &["sink"], "writes that failed and were tried again"),
    own("sink_restarts", &["sink"], "panics after which it was opened anew"),
    own("sink_pending", &["sink"], "events that it has not got yet"),
    own("sink_stalled", &["sink"], "1 while it hangs in a write for longer than its timeout, else 0"),
    own("sink_unaccounted", &["sink"], "as pipeline_unaccounted"),
    own("spool_events", &[], "events in the spool"),
    own("spool_bytes", &[], "bytes that they take there"),
    own("spool_quota", &[], "bytes that they may take there"),
    own("spool_failing", &[], "1 while nothing can be written to the spool, else 0"),
];

/// When rules fired: a sample whenever the number of groups for which a rule fires changes, also in a recording. It goes straight to
/// the store, as they do.
pub const ALERT_FIRING: OwnMetric =
    own("alert_firing", &["rule"], "groups for which the rule fires; a sample whenever that changes");

/// A sink, as the watch sees it.
#[derive(Clone)]
pub(super) struct WatchedSink {
    pub(super) name: Text,
    /// What the bus knows its cursor by.
    pub(super) cursor: usize,
    pub(super) timeout: Duration,
    pub(super) control: Arc<Control>,
    pub(super) counters: Arc<SinkCounters>,
    /// The number of the event before which the fate of all is known.
    pub(super) position: Arc<AtomicU64>,
}

/// The sinks that there are now; a reload changes them.
pub(super) type WatchedSinks = Arc<Mutex<Vec<WatchedSink>>>;

/// Watches a pipeline that runs.
pub(super) struct Watch {
    sinks: WatchedSinks,
    bus: Bus,
    input: Arc<InputCounters>,
    refusals: Arc<Refusals>,
    backlog: Option<Arc<dyn Backlog>>,
    deriver: Deriver,
    /// How far each count was when it was told last.
    told: HashMap<(&'static str, Text, Text), u64>,
    looked: Instant,
    checked: Instant,
}

impl Watch {
    pub(super) fn new(
        sinks: WatchedSinks,
        bus: Bus,
        input: Arc<InputCounters>,
        refusals: Arc<Refusals>,
        backlog: Option<Arc<dyn Backlog>>,
    ) -> Self {
        let deriver = Deriver::new(&PIPELINE_LABELS.map(Text::new_static));
        let now = instant();
        Self { sinks, bus, input, refusals, backlog, deriver, told: HashMap::new(), looked: now, checked: now }
    }

    fn sinks(&self) -> Vec<WatchedSink> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks after sinks and books, if it is time to.
    pub(super) fn look(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = instant();
        for sink in self.sinks().iter().filter(|sink| sink.control.stalls(sink.timeout)) {
            let seconds = sink.timeout.as_secs_f64();
            tracing::error!(sink = %sink.name, "has been in a write for more than {seconds} s: nobody waits for it");
            sink.counters.note("it is in a write that takes too long");
            self.bus.stall(sink.cursor);
        }
        if self.checked.elapsed() >= CHECK {
            self.checked = instant();
            self.faults().iter().for_each(|fault| tracing::error!("the books do not close: {fault}"));
        }
    }

    /// What of the books does not close.
    fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.sinks().iter().filter_map(|sink| sink.counters.fault(&sink.name)).collect();
        if self.backlog.as_ref().is_some_and(|backlog| backlog.state().taken_away) {
            let why = "the spool was removed, or another file put in its place: restart, or what comes is lost with the process";
            faults.push(why.to_owned());
        }
        let difference = self.input.intake().difference();
        if difference != 0 {
            faults.push(format!("of {difference} events that were offered nobody knows"));
        }
        faults
    }

    /// Puts the counts into the store: of what happens, how often it has since the last time, so that the sum over a window
    /// is what happened in it; of what is, how much it is now.
    pub(super) fn report(&mut self, store: &Store, now: Timestamp) {
        let mut report = Report { deriver: &mut self.deriver, told: &mut self.told, now, samples: Samples::default() };
        let none = Text::new_static("");
        let intake = self.input.intake();
        report.grown("pipeline_offered", &none, "", intake.offered);
        report.grown("pipeline_accepted", &none, "", intake.accepted);
        // At once: also when nothing that comes is an event.
        for reason in Reason::ALL {
            report.grown("pipeline_rejected", &none, reason.as_str(), self.refusals.of(reason));
        }
        let known = ["closed", "queue_full"];
        for reason in known.into_iter().chain(intake.dropped.keys().map(Text::as_str).filter(|it| !known.contains(it)))
        {
            report.grown("pipeline_dropped", &none, reason, intake.dropped.get(reason).copied().unwrap_or(0));
        }
        report.is("pipeline_unaccounted", &none, intake.difference() as f64);
        let published = self.bus.published();
        for sink in self.sinks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let WatchedSink { name, counters, .. } = sink;
            report.grown("sink_delivered", name, "", counters.delivered.get());
            report.grown("sink_filtered", name, "", counters.filtered.get());
            report.grown("sink_dead_letter", name, "", counters.dead_letter.get());
            for (reason, count) in counters.lost_by_reason() {
                report.grown("sink_lost", name, reason, count);
            }
            report.grown("sink_retries", name, "", counters.retries.get());
            report.grown("sink_restarts", name, "", counters.restarts.get());
            let pending = published.saturating_sub(sink.position.load(Ordering::Acquire));
            report.is("sink_pending", name, pending as f64);
            report.is("sink_stalled", name, f64::from(u8::from(sink.control.is_stalled())));
            report.is("sink_unaccounted", name, counters.difference() as f64);
        }
        if let Some(backlog) = &self.backlog {
            let state = backlog.state();
            report.is("spool_events", &none, state.events as f64);
            report.is("spool_bytes", &none, state.bytes as f64);
            report.is("spool_quota", &none, state.quota as f64);
            report.is("spool_failing", &none, f64::from(u8::from(state.failing)));
        }
        store.insert(&report.samples, now);
    }
}

/// Samples of one moment.
struct Report<'a> {
    deriver: &'a mut Deriver,
    told: &'a mut HashMap<(&'static str, Text, Text), u64>,
    now: Timestamp,
    samples: Samples,
}

impl Report<'_> {
    fn grown(&mut self, metric: &'static str, sink: &Text, reason: &str, count: u64) {
        let told = self.told.entry((metric, sink.clone(), Text::new(reason))).or_default();
        // A sink that has come back counts from the beginning.
        let more = count.checked_sub(std::mem::replace(told, count)).unwrap_or(count);
        self.sample(metric, sink, reason, more as f64);
    }

    fn is(&mut self, metric: &'static str, sink: &Text, value: f64) {
        self.sample(metric, sink, "", value);
    }

    fn sample(&mut self, metric: &'static str, sink: &Text, reason: &str, value: f64) {
        debug_assert!(OWN_METRICS.iter().any(|own| own.name == metric), "`{metric}` is to be explained");
        let labels = PIPELINE_LABELS.into_iter().zip([sink.as_str(), reason]);
        let metadata = labels.filter(|(_, value)| !value.is_empty()).collect();
        let metric = Metric::with_metadata(Text::new_static(metric), value, metadata);
        self.deriver.derive(&Event::new(self.now, metric), &mut self.samples);
    }
}

impl SinkCounters {
    /// What is wrong with the books of the sink of this name, if anything is.
    pub(super) fn fault(&self, name: &str) -> Option<String> {
        let difference = self.difference();
        (difference != 0).then(|| format!("of {difference} events for sink `{name}` nobody knows what became of them"))
    }
}
