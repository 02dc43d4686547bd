//! Which events a sink gets, and what of them: the keys `where`, `metrics`, `sample`, `fields` and `redact` that every sink has.

use std::collections::HashMap;
use std::sync::Arc;

use glob::Pattern;
use serde_json::Value;

use crate::Text;
use crate::bus::{Batch, Draft};
use crate::event::{Body, Event, Kind, KindSet, Metadata};
use crate::sample::{Deriver, Labels, Samples, SeriesKey, SeriesSet};
use crate::store::Selector;

/// What stands in the place of what nobody is to see.
pub const REDACTED: &str = "***";

/// Which events a sink gets, and what of them. Everything without further ado.
///
/// ```
/// use monitor_core::event::{Kind, KindSet};
/// use monitor_core::pipeline::Filter;
/// use monitor_core::store::Selector;
///
/// let filter = Filter {
///     accept: KindSet::of(&[Kind::Generation]),
///     labels: Some("*{model_name=~\"gpt-4o.*\"}".parse::<Selector>()?),
///     redact: vec!["prompt".into()],
///     ..Filter::default()
/// };
/// # Ok::<_, monitor_core::store::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    /// The kinds of events.
    pub accept: KindSet,
    /// What its labels must be: those of its samples; of a log its attributes, of an alert the alert's. The selector's metric
    /// is not looked at.
    pub labels: Option<Selector>,
    /// The metrics of which samples are passed on, `*` standing for any characters; an event that yields none of them is not
    /// passed on at all. Empty: all.
    pub metrics: Vec<Pattern>,
    /// One event in so many, picked by its number: the same ones in every run of the same events. Alerts are passed on always.
    pub sample: u64,
    /// Of the attributes, and of the texts `error`, `feedback` and `message`, only those of these names are passed on.
    pub fields: Option<Vec<Text>>,
    /// Attributes of these names, also inside of others, are passed on as `***`, and so are the texts `error`, `feedback` and
    /// `message` if they are among the names.
    pub redact: Vec<Text>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { accept: KindSet::ALL, labels: None, metrics: Vec::new(), sample: 1, fields: None, redact: Vec::new() }
    }
}

impl Filter {
    /// Only these kinds of events, and all of them.
    pub fn of_kinds(kinds: &[Kind]) -> Self {
        Self { accept: KindSet::of(kinds), ..Self::default() }
    }

    /// Whether the event at a place of a batch is passed on.
    pub(super) fn passes(&self, batch: &Batch, at: usize) -> bool {
        let kind = batch.kind(at);
        self.accept.contains(kind)
            && (self.sample <= 1 || kind == Kind::Alert || mixed(batch.first() + at as u64).is_multiple_of(self.sample))
            && self.labels.as_ref().is_none_or(|selector| matches(selector, batch, at))
            && (self.metrics.is_empty() || batch.samples_of(at).iter().any(|sample| self.wants(sample.series)))
    }

    fn wants(&self, series: &SeriesKey) -> bool {
        let (name, metric) = (series.full_name(), series.metric());
        self.metrics.iter().any(|pattern| pattern.matches(&name) || pattern.matches(metric))
    }

    /// Whether events are passed on as they are.
    fn is_plain(&self) -> bool {
        self.metrics.is_empty() && self.fields.is_none() && self.redact.is_empty()
    }
}

/// Whether the labels of an event are as wanted.
fn matches(selector: &Selector, batch: &Batch, at: usize) -> bool {
    if let Some(sample) = batch.samples_of(at).iter().next() {
        return selector.matches(sample.series.labels());
    }
    let event = batch.event(at);
    if let Body::Alert(alert) = &event.body {
        return selector.matches(&alert.labels);
    }
    let label = |name: &Text| Some((name.clone(), Text::new(event.metadata()?.label(name)?)));
    selector.matches(&Labels::new(selector.labels().filter_map(label).collect()))
}

/// Numbers that follow each other become numbers that do not: what alternates in a log does not end up in one place.
/// The finalizer of `SplitMix64` (Steele, Lea and Flood 2014).
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Shows a sink of each batch what it may see.
pub(super) struct Screen {
    /// Derives samples again, whose labels may be redacted.
    pub(super) deriver: Deriver,
    /// By set of series the part of it that is passed on; kept, for sets come again.
    parts: HashMap<u64, Arc<SeriesSet>>,
}

/// More parts are not kept.
const PARTS: usize = 4_096;

impl Screen {
    pub(super) fn new(deriver: Deriver) -> Self {
        Self { deriver, parts: HashMap::new() }
    }

    /// Forgets what it knows of another filter.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }

    /// The batch as the sink may see it. The events that are not passed on may be anything.
    pub(super) fn shown(&mut self, filter: &Filter, batch: Arc<Batch>, places: &[u32]) -> Arc<Batch> {
        if filter.is_plain() {
            return batch;
        }
        let mut shown = if filter.fields.is_some() || !filter.redact.is_empty() {
            let mut passed = places.iter().copied().peekable();
            let events = (0..batch.len()).map(|at| {
                if passed.next_if_eq(&(at as u32)).is_some() {
                    reduced(batch.event(at).clone(), filter)
                } else {
                    Event::new(batch.time(at), crate::Log::default())
                }
            });
            let mut draft = Draft::new(events.collect(), &mut self.deriver);
            draft.set_source(batch.source().map(Text::new));
            draft.numbered(batch.first())
        } else {
            (*batch).clone()
        };
        if !filter.metrics.is_empty() {
            let samples = self.part_of(filter, shown.samples());
            shown.set_samples(samples);
        }
        Arc::new(shown)
    }

    fn part_of(&mut self, filter: &Filter, samples: &Samples) -> Samples {
        if self.parts.len() > PARTS {
            self.parts.clear();
        }
        samples.only(|set| {
            let part = || SeriesSet::new(set.keys().iter().filter(|key| filter.wants(key)).map(Arc::clone));
            Arc::clone(self.parts.entry(set.id()).or_insert_with(part))
        })
    }
}

/// An event without what is not to be seen.
fn reduced(mut event: Event, filter: &Filter) -> Event {
    let fate = |name: &str| {
        if filter.redact.iter().any(|redacted| redacted == name) {
            Fate::Redacted
        } else if filter.fields.as_ref().is_some_and(|fields| !fields.iter().any(|field| field == name)) {
            Fate::LeftOut
        } else {
            Fate::Shown
        }
    };
    let text = |name: &str, text: &mut Option<Text>| match fate(name) {
        Fate::Redacted if text.is_some() => *text = Some(Text::new_static(REDACTED)),
        Fate::LeftOut => *text = None,
        _ => {}
    };
    let attributes = |metadata: &mut Metadata| {
        let kept = metadata.iter().filter(|(name, _)| fate(name) != Fate::LeftOut);
        *metadata = kept.map(|(name, value)| (name.to_owned(), redacted(name, value, &filter.redact))).collect();
    };
    match &mut event.body {
        Body::Generation(generation) => {
            text("error", &mut generation.error);
            attributes(&mut generation.metadata);
        }
        Body::Evaluation(evaluation) => {
            // An empty error says that there was none.
            if evaluation.error.as_ref().is_some_and(|error| !error.is_empty()) {
                text("error", &mut evaluation.error);
            }
            evaluation.scores.iter_mut().for_each(|score| text("feedback", &mut score.feedback));
            attributes(&mut evaluation.metadata);
        }
        Body::Metric(metric) => {
            let mut key = (*metric.key).clone();
            attributes(&mut key.metadata);
            metric.key = Arc::new(key);
        }
        Body::Log(log) => {
            match fate("message") {
                Fate::Redacted => log.message = Text::new_static(REDACTED),
                Fate::LeftOut => log.message = Text::default(),
                Fate::Shown => {}
            }
            attributes(&mut log.metadata);
        }
        // It is made of what rules say, not of what came in.
        Body::Alert(_) => {}
    }
    event
}

#[derive(PartialEq)]
enum Fate {
    Shown,
    Redacted,
    LeftOut,
}

/// A value of this name, and of what is inside of it.
fn redacted(name: &str, value: &Value, names: &[Text]) -> Value {
    if names.iter().any(|redacted| redacted == name) {
        return Value::String(REDACTED.to_owned());
    }
    match value {
        Value::Object(inner) => {
            inner.iter().map(|(name, value)| (name.clone(), redacted(name, value, names))).collect()
        }
        Value::Array(items) => items.iter().map(|item| redacted("", item, names)).collect(),
        other => other.clone(),
    }
}
