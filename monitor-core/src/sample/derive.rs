//! Which samples an event yields. Names and order are the reference's; `error_rate` counts every generation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Labels, Sample, SeriesKey, family};
use crate::event::{Body, Evaluation, Event, Generation, Metadata, Metric, MetricKey, Tokens, flag};
use crate::prices::{Price, Prices};
use crate::read::LARGEST;
use crate::{Text, Timestamp};

/// The attributes that are labels without being asked for.
pub const BUILTIN_LABELS: [&str; 6] =
    ["model_name", "operation", "evaluator_type", "success", "finish_reason", "error_type"];

/// Past this many series the memory of known series is emptied: it saves time, it must not cost memory.
const REMEMBERED: usize = 65_536;

/// Derives samples from events. Keeps the series that it has seen, so that a known one costs a look-up.
#[derive(Debug)]
pub struct Deriver {
    labels: Vec<Text>,
    prices: Option<Prices>,
    /// The costs of the models seen: a table is searched once a model.
    costs: HashMap<Text, Cost, RandomState>,
    hasher: RandomState,
    known: HashMap<u64, KnownLabels, RandomState>,
    handles: HashMap<usize, (Arc<MetricKey>, Arc<SeriesKey>), RandomState>,
    /// About how many series are known.
    remembered: usize,
}

/// The series that have one set of labels, by metric.
#[derive(Debug)]
struct KnownLabels {
    /// The labels as an event gives them, to tell whether it is this set.
    found: Vec<(usize, Text)>,
    labels: Labels,
    cost: Cost,
    /// The series of [`BuiltIn`] metrics: most samples are theirs, and need no look-up by name.
    built_in: [Option<Arc<SeriesKey>>; BuiltIn::NAMES.len()],
    series: HashMap<Text, Arc<SeriesKey>, RandomState>,
    /// Made since it was last looked up.
    fresh: usize,
}

/// What is known of the cost of calls with one set of labels.
#[derive(Clone, Copy, Debug)]
enum Cost {
    /// Nobody asks.
    Off,
    /// The model has no price, or there is no model.
    Unpriced,
    Priced(Price),
}

/// The metrics that generations and evaluations yield by themselves.
#[derive(Clone, Copy, Debug)]
enum BuiltIn {
    GenerationTime,
    SuccessRate,
    ErrorRate,
    ModelUsage,
    FinishReason,
    PromptTokens,
    CompletionTokens,
    TotalTokens,
    CachedTokens,
    ReasoningTokens,
    CostUsd,
    UnpricedCalls,
    ConversationLength,
    EvaluationTime,
    EvaluationErrorRate,
}

impl BuiltIn {
    /// In the order of the variants.
    const NAMES: [&str; 15] = [
        "generation_time",
        "success_rate",
        "error_rate",
        "model_usage",
        "finish_reason",
        "prompt_token_count",
        "completion_token_count",
        "total_token_count",
        "cached_token_count",
        "reasoning_token_count",
        "cost_usd",
        "unpriced_calls",
        "conversation_length",
        "evaluation_time",
        "evaluation_error_rate",
    ];
}

/// A label of an event before it is copied: its place in `Deriver::labels` and its value.
type Found<'a> = (usize, Cow<'a, str>);

impl Deriver {
    /// A deriver with the built-in labels and `extra` attributes as labels. It knows no prices.
    pub fn new(extra: &[Text]) -> Self {
        let mut labels: Vec<Text> = BUILTIN_LABELS.into_iter().map(Text::new_static).collect();
        labels.extend(extra.iter().filter(|name| !BUILTIN_LABELS.contains(&name.as_str())).cloned());
        Self {
            labels,
            prices: None,
            costs: HashMap::default(),
            hasher: RandomState::default(),
            known: HashMap::default(),
            handles: HashMap::default(),
            remembered: 0,
        }
    }

    /// Calls with tokens yield their cost as `cost_usd`, or `unpriced_calls` if there is no price for them; neither with
    /// `None`.
    pub fn with_prices(mut self, prices: Option<Prices>) -> Self {
        self.prices = prices;
        self
    }

    /// Appends the samples of `event` to `out`.
    pub fn derive(&mut self, event: &Event, out: &mut Vec<Sample>) {
        if self.remembered > REMEMBERED {
            self.known.clear();
            self.handles.clear();
            self.costs.clear();
            self.remembered = 0;
        }
        match &event.body {
            Body::Generation(generation) => self.generation(event.time, generation, out),
            Body::Evaluation(evaluation) => self.evaluation(event.time, evaluation, out),
            Body::Metric(metric) => self.metric(event.time, metric, out),
            Body::Log(_) | Body::Alert(_) => {}
        }
    }

    fn generation(&mut self, time: Timestamp, generation: &Generation, out: &mut Vec<Sample>) {
        let mut found = Vec::with_capacity(8);
        push_text(&mut found, 0, generation.model_name.as_ref());
        self.find(&generation.metadata, &[1, 5], &mut found);
        found.push((3, flag(generation.success)));
        push_text(&mut found, 4, generation.finish_reason.as_ref());
        let mut known = self.known(&found).at(time, out);
        known.add(BuiltIn::GenerationTime, generation.duration);
        known.add(BuiltIn::SuccessRate, f64::from(u8::from(generation.success)));
        known.add(BuiltIn::ErrorRate, f64::from(u8::from(!generation.success)));
        if generation.model_name.is_some() {
            known.add(BuiltIn::ModelUsage, 1.0);
        }
        if generation.finish_reason.is_some() {
            known.add(BuiltIn::FinishReason, 1.0);
        }
        known.add_tokens(generation.tokens);
        known.add_count(BuiltIn::ConversationLength, generation.conversation_length);
    }

    fn evaluation(&mut self, time: Timestamp, evaluation: &Evaluation, out: &mut Vec<Sample>) {
        let mut found = Vec::with_capacity(8);
        push_text(&mut found, 0, evaluation.model_name.as_ref());
        self.find(&evaluation.metadata, &[1, 4, 5], &mut found);
        found.push((2, Cow::Borrowed(evaluation.evaluator_type.as_str())));
        found.push((3, flag(evaluation.success)));
        let mut known = self.known(&found).at(time, out);
        known.add(BuiltIn::EvaluationTime, evaluation.duration);
        for score in &evaluation.scores {
            if let Some(value) = score.value {
                known.add_score(&score.name, value, score.feedback.clone());
            }
        }
        if let Some(error) = &evaluation.error {
            known.add(BuiltIn::EvaluationErrorRate, f64::from(u8::from(!error.is_empty())));
        }
        known.add_tokens(evaluation.tokens);
    }

    fn metric(&mut self, time: Timestamp, metric: &Metric, out: &mut Vec<Sample>) {
        if !within(metric.value) {
            return;
        }
        // A key that others hold too belongs to a handle and comes again; its address is its name.
        let shared = Arc::strong_count(&metric.key) > 1;
        let address = Arc::as_ptr(&metric.key) as usize;
        let series = match self.handles.get(&address) {
            Some((_, series)) if shared => Arc::clone(series),
            _ => {
                let series = self.metric_series(&metric.key);
                if shared {
                    self.handles.insert(address, (Arc::clone(&metric.key), Arc::clone(&series)));
                    self.remembered += 1;
                }
                series
            }
        };
        let feedback = metric.key.metadata.text("feedback").map(Text::new);
        out.push(Sample { time, value: metric.value, series, feedback });
    }

    fn metric_series(&mut self, key: &MetricKey) -> Arc<SeriesKey> {
        if family(&key.name).is_some() {
            let labels = self.metric_labels(&key.metadata);
            return Arc::new(SeriesKey::new(&key.name, labels));
        }
        let mut found = Vec::with_capacity(8);
        self.find(&key.metadata, &[0, 1, 2, 3, 4, 5], &mut found);
        self.known(&found).series(&key.name)
    }

    fn metric_labels(&self, metadata: &Metadata) -> Labels {
        let mut found = Vec::with_capacity(8);
        self.find(metadata, &[0, 1, 2, 3, 4, 5], &mut found);
        self.to_labels(&found)
    }

    /// Looks up the built-in labels at `places`, and the configured ones, among the attributes.
    fn find<'a>(&self, metadata: &'a Metadata, places: &[usize], found: &mut Vec<Found<'a>>) {
        if metadata.is_empty() {
            return;
        }
        for place in places.iter().copied().chain(BUILTIN_LABELS.len()..self.labels.len()) {
            if let Some(value) = metadata.label(&self.labels[place]) {
                found.push((place, value));
            }
        }
    }

    fn known(&mut self, found: &[Found<'_>]) -> &mut KnownLabels {
        let hash = self.hasher.hash_one(found);
        let fits = self.known.get(&hash).is_some_and(|known| known.is(found));
        if !fits {
            let cost = self.cost(found);
            self.known.insert(hash, KnownLabels::new(found, self.to_labels(found), cost));
            self.remembered += 8;
        }
        let known = self.known.get_mut(&hash).expect("was just inserted unless it was there");
        self.remembered += std::mem::take(&mut known.fresh);
        known
    }

    fn cost(&mut self, found: &[Found<'_>]) -> Cost {
        let Some(prices) = &self.prices else { return Cost::Off };
        let Some((_, model)) = found.iter().find(|(place, _)| *place == 0) else { return Cost::Unpriced };
        if let Some(cost) = self.costs.get(model.as_ref()) {
            return *cost;
        }
        let cost = prices.of(model).map_or(Cost::Unpriced, Cost::Priced);
        self.costs.insert(Text::new(model), cost);
        self.remembered += 1;
        cost
    }

    fn to_labels(&self, found: &[Found<'_>]) -> Labels {
        found.iter().map(|(place, value)| (self.labels[*place].clone(), Text::new(value))).collect()
    }
}

impl KnownLabels {
    fn new(found: &[Found<'_>], labels: Labels, cost: Cost) -> Self {
        let found = found.iter().map(|(place, value)| (*place, Text::new(value))).collect();
        Self { found, labels, cost, built_in: Default::default(), series: HashMap::default(), fresh: 0 }
    }

    fn is(&self, found: &[Found<'_>]) -> bool {
        self.found.len() == found.len()
            && self.found.iter().zip(found).all(|(known, found)| known.0 == found.0 && known.1 == found.1.as_ref())
    }

    fn built_in(&mut self, metric: BuiltIn) -> Arc<SeriesKey> {
        let make = || {
            let name = Text::new_static(BuiltIn::NAMES[metric as usize]);
            Arc::new(SeriesKey::plain(name, self.labels.clone()))
        };
        Arc::clone(self.built_in[metric as usize].get_or_insert_with(make))
    }

    fn series(&mut self, metric: &str) -> Arc<SeriesKey> {
        if let Some(series) = self.series.get(metric) {
            return Arc::clone(series);
        }
        let name = Text::new(metric);
        let series = Arc::new(SeriesKey::plain(name.clone(), self.labels.clone()));
        self.series.insert(name, Arc::clone(&series));
        self.fresh += 1;
        series
    }

    fn at<'a>(&'a mut self, time: Timestamp, out: &'a mut Vec<Sample>) -> Adding<'a> {
        Adding { known: self, time, out }
    }
}

/// The samples of one event: one time, one set of labels.
struct Adding<'a> {
    known: &'a mut KnownLabels,
    time: Timestamp,
    out: &'a mut Vec<Sample>,
}

impl Adding<'_> {
    fn add(&mut self, metric: BuiltIn, value: f64) {
        if within(value) {
            let series = self.known.built_in(metric);
            self.out.push(Sample { time: self.time, value, series, feedback: None });
        }
    }

    fn add_count(&mut self, metric: BuiltIn, count: Option<u64>) {
        if let Some(count) = count {
            self.add(metric, count as f64);
        }
    }

    fn add_tokens(&mut self, tokens: Tokens) {
        self.add_count(BuiltIn::PromptTokens, tokens.prompt);
        self.add_count(BuiltIn::CompletionTokens, tokens.completion);
        self.add_count(BuiltIn::TotalTokens, tokens.total);
        self.add_count(BuiltIn::CachedTokens, tokens.cached);
        self.add_count(BuiltIn::ReasoningTokens, tokens.reasoned());
        let used = [tokens.prompt, tokens.completion, tokens.total].iter().flatten().any(|count| *count > 0);
        let cost = match self.known.cost {
            Cost::Priced(price) if used => price.cost(tokens),
            Cost::Unpriced if used => None,
            _ => return,
        };
        match cost {
            Some(cost) => self.add(BuiltIn::CostUsd, cost),
            None => self.add(BuiltIn::UnpricedCalls, 1.0),
        }
    }

    fn add_score(&mut self, name: &str, value: f64, feedback: Option<Text>) {
        let mut metric = String::with_capacity(17 + name.len());
        metric.push_str("evaluation_score_");
        metric.push_str(name);
        if within(value) {
            let series = self.known.series(&metric);
            self.out.push(Sample { time: self.time, value, series, feedback });
        }
    }
}

fn push_text<'a>(found: &mut Vec<Found<'a>>, place: usize, text: Option<&'a Text>) {
    if let Some(text) = text {
        found.push((place, Cow::Borrowed(text.as_str())));
    }
}

/// What enters the store: its square must stay finite, and the sum of very many.
fn within(value: f64) -> bool {
    value.abs() <= LARGEST
}

#[cfg(test)]
mod tests;
