//! What a report tells that no store holds: the words of errors, the slowest calls, why scores were low, what came twice.
//!
//! It sees every event as it passes, and has only those made that it quotes: of all others the samples tell enough.

use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;
use monitor_core::component::Item;
use monitor_core::event::{AlertState, Body, Kind, Level};
use monitor_core::sample::EventSamples;
use monitor_core::store::Window;
use monitor_core::{Text, Timestamp};

use super::words::shortened;

/// So many calls are told of as the slowest, and as many words of a score as the lowest.
const SLOWEST: usize = 10;
const LOWEST: usize = 3;
/// Of each type of error the words of so many calls are looked at, so many different ones are kept, and so much of each.
const LOOKED_AT: u64 = 10_000;
const DIFFERENT: usize = 50;
const LONGEST: usize = 400;
/// Types of errors and names of scores beyond these are counted, not quoted.
const NAMES: usize = 200;
/// Alerts of the recording that are kept.
const ALERTS: usize = 2_000;

/// What a report tells that no store holds. See the module.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use monitor_core::component::{Answer, sink_fn};
/// use monitor_core::store::Window;
/// use monitor_viz::report::Findings;
///
/// let findings = Arc::new(Mutex::new(Findings::new(Window::ALL)));
/// let seen = Arc::clone(&findings);
/// let sink = sink_fn(move |delivery| {
///     let mut seen = seen.lock().expect("nobody panics with it");
///     delivery.items().iter().for_each(|item| seen.push(*item));
///     Answer::Ok
/// });
/// # drop(sink);
/// ```
#[derive(Debug)]
pub struct Findings {
    window: Window,
    /// Failed calls and evaluations, by type.
    pub(super) errors: BTreeMap<(Kind, Text), Errors>,
    /// The slowest calls, the slowest first.
    pub(super) slowest: Vec<Slow>,
    /// By score the lowest judgements that say why, the lowest first.
    pub(super) lowest: BTreeMap<Text, Vec<Judged>>,
    /// Alerts that the recording holds itself.
    pub(super) alerts: Vec<Told>,
    /// Events equal to one before, in their time, their labels and all of their numbers.
    pub(super) repeated: u64,
    /// Events earlier than the one before.
    pub(super) out_of_order: u64,
    /// The longest time without an event, and when it began.
    pub(super) gap: Option<(Duration, Timestamp)>,
    /// Events in the window.
    pub(super) events: u64,
    /// From the first event to the last.
    pub(super) extent: Option<Window>,
    seen: HashSet<u64, FixedState>,
}

/// Calls that failed in one way.
#[derive(Debug, Default)]
pub(super) struct Errors {
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// By what they say, numbers aside.
    pub(super) words: BTreeMap<String, Words>,
    /// Whether there were more than are kept or looked at.
    pub(super) more: bool,
}

/// An error as it was said first, and how often.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) model: Option<Text>,
}

/// A slow call.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    pub(super) seconds: f64,
    pub(super) time: Timestamp,
    pub(super) model: Option<Text>,
    pub(super) operation: Option<Text>,
    pub(super) success: bool,
    pub(super) tokens: Option<f64>,
}

/// A judgement with its reason.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) value: f64,
    pub(super) time: Timestamp,
    pub(super) feedback: String,
}

/// An alert of the recording.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) time: Timestamp,
    pub(super) rule: Text,
    pub(super) state: AlertState,
    pub(super) level: Level,
    pub(super) message: String,
}

impl Findings {
    /// Nothing yet, of what happens within the window.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            errors: BTreeMap::new(),
            slowest: Vec::new(),
            lowest: BTreeMap::new(),
            alerts: Vec::new(),
            repeated: 0,
            out_of_order: 0,
            gap: None,
            events: 0,
            extent: None,
            seen: HashSet::default(),
        }
    }

    /// Looks at an event. Alerts that the pipeline makes itself are not of the recording.
    pub fn push(&mut self, item: Item<'_>) {
        let time = item.time();
        if item.source().is_none() && item.kind() == Kind::Alert || time < self.window.start || self.window.end < time {
            return;
        }
        self.events += 1;
        self.see(time);
        let samples = item.samples();
        match item.kind() {
            Kind::Generation => {
                self.repeat(samples);
                self.generation(item, samples);
            }
            Kind::Evaluation => {
                self.repeat(samples);
                self.evaluation(item, samples);
            }
            // Metrics repeat by right: a gauge that stands still.
            Kind::Metric | Kind::Log => {}
            Kind::Alert => self.alert(item),
        }
    }

    /// From the first event to the last.
    pub fn extent(&self) -> Option<Window> {
        self.extent
    }

    /// Looks at when an event was, and at nothing else of it.
    pub fn see(&mut self, time: Timestamp) {
        let extent = self.extent.get_or_insert(Window { start: time, end: time });
        if time < extent.end {
            self.out_of_order += 1;
            extent.start = extent.start.min(time);
        } else {
            let gap = time.since(extent.end);
            if self.gap.is_none_or(|(longest, _)| gap > longest) {
                self.gap = Some((gap, extent.end));
            }
            extent.end = time;
        }
    }

    fn repeat(&mut self, samples: EventSamples<'_>) {
        let mut hasher = std::hash::BuildHasher::build_hasher(&FixedState::default());
        samples.time().as_micros().hash(&mut hasher);
        for sample in samples.iter() {
            sample.series.hash(&mut hasher);
            sample.value.to_bits().hash(&mut hasher);
        }
        if !self.seen.insert(hasher.finish()) {
            self.repeated += 1;
        }
    }

    fn generation(&mut self, item: Item<'_>, samples: EventSamples<'_>) {
        let of = |metric: &str| samples.iter().find(|sample| *sample.series.metric() == metric);
        let failed = of("success_rate").is_some_and(|sample| sample.value == 0.0);
        if failed {
            self.failure(item, samples, || {
                let Body::Generation(generation) = &item.event().body else { return None };
                generation.error.clone()
            });
        }
        let Some(time) = samples.iter().next().filter(|sample| *sample.series.metric() == "generation_time") else {
            return;
        };
        let is_slow =
            self.slowest.len() < SLOWEST || self.slowest.last().is_some_and(|fastest| fastest.seconds < time.value);
        if is_slow {
            let labels = time.series.labels();
            let slow = Slow {
                seconds: time.value,
                time: item.time(),
                model: labels.get("model_name").cloned(),
                operation: labels.get("operation").cloned(),
                success: !failed,
                tokens: of("total_token_count").map(|sample| sample.value),
            };
            let place = self.slowest.partition_point(|other| other.seconds >= slow.seconds);
            self.slowest.insert(place, slow);
            self.slowest.truncate(SLOWEST);
        }
    }

    fn evaluation(&mut self, item: Item<'_>, samples: EventSamples<'_>) {
        let labels = samples.iter().next().map(|sample| sample.series.labels().clone());
        if labels.as_ref().and_then(|labels| labels.get("success")).is_some_and(|success| success == "false") {
            self.failure(item, samples, || {
                let Body::Evaluation(evaluation) = &item.event().body else { return None };
                evaluation.error.clone()
            });
        }
        for sample in samples.iter() {
            let Some(feedback) = sample.feedback else { continue };
            let many = self.lowest.len() >= NAMES;
            let lowest = match self.lowest.get_mut(sample.series.metric()) {
                Some(lowest) => lowest,
                None if many => continue,
                None => self.lowest.entry(sample.series.metric().clone()).or_default(),
            };
            if lowest.len() < LOWEST || lowest.last().is_some_and(|highest| sample.value < highest.value) {
                let feedback = shortened(feedback, LONGEST);
                let place = lowest.partition_point(|other| other.value <= sample.value);
                lowest.insert(place, Judged { value: sample.value, time: item.time(), feedback });
                lowest.truncate(LOWEST);
            }
        }
    }

    fn failure(&mut self, item: Item<'_>, samples: EventSamples<'_>, words: impl Fn() -> Option<Text>) {
        let labels = samples.iter().next().map(|sample| sample.series.labels().clone()).unwrap_or_default();
        let name = (item.kind(), labels.get("error_type").cloned().unwrap_or_default());
        let time = item.time();
        let full = self.errors.len() >= NAMES;
        let errors = match self.errors.get_mut(&name) {
            Some(errors) => errors,
            None if full => return,
            None => self.errors.entry(name).or_insert_with(|| Errors { first: time, last: time, ..Errors::default() }),
        };
        errors.count += 1;
        (errors.first, errors.last) = (errors.first.min(time), errors.last.max(time));
        if errors.count > LOOKED_AT {
            errors.more = true;
            return;
        }
        let Some(text) = words().filter(|text| !text.trim().is_empty()) else { return };
        let key = without_numbers(&text);
        if let Some(words) = errors.words.get_mut(&key) {
            words.count += 1;
        } else if errors.words.len() < DIFFERENT {
            let model = labels.get("model_name").cloned();
            let text = shortened(&text, LONGEST);
            errors.words.insert(key, Words { text, count: 1, first: time, model });
        } else {
            errors.more = true;
        }
    }

    fn alert(&mut self, item: Item<'_>) {
        let Body::Alert(alert) = &item.event().body else { return };
        if self.alerts.len() < ALERTS {
            self.alerts.push(Told {
                time: item.time(),
                rule: alert.name.clone(),
                state: alert.state,
                level: alert.level,
                message: shortened(&alert.message, LONGEST),
            });
        }
    }
}

/// What an error says, with what differs from call to call left out: every word that has a digit in it becomes `#`.
fn without_numbers(text: &str) -> String {
    let words = text.split_whitespace().take(60);
    let plain = words.map(|word| if word.bytes().any(|byte| byte.is_ascii_digit()) { "#" } else { word });
    shortened(&plain.collect::<Vec<_>>().join(" "), LONGEST)
}
