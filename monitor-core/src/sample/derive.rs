//! Which samples an event yields. Names and order are the reference's; `error_rate` counts every generation.

mod signature;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use self::signature::Signature;
use super::{Details, Facts, Labels, Samples, SeriesKey, SeriesSet};
use crate::Text;
use crate::event::{Body, Event, Kind, MetricKey, Tokens, flag};
use crate::prices::{Prices, Rates};
use crate::read::LARGEST;

/// The attributes that are labels without being asked for.
pub const BUILTIN_LABELS: [&str; 6] =
    ["model_name", "operation", "evaluator_type", "success", "finish_reason", "error_type"];

/// Past this many series the memory of known series is emptied: it saves time, it must not cost memory.
const REMEMBERED: usize = 65_536;
/// As many lists of names are kept.
const LAYOUTS: usize = 16;
/// As many sets of series are kept of one set of labels: tokens that are told now and then, scores that are given or not.
const SETS: usize = 16;

/// Derives samples from events. Keeps the series that it has seen, so that the samples of an event cost a look-up.
#[derive(Clone, Debug)]
pub struct Deriver {
    labels: Vec<Text>,
    prices: Option<Prices>,
    /// The costs of the models seen: a table is searched once a model.
    costs: HashMap<Text, Cost, RandomState>,
    hasher: RandomState,
    known: HashMap<u64, KnownLabels, RandomState>,
    handles: HashMap<usize, (Arc<MetricKey>, Arc<SeriesSet>), RandomState>,
    /// About how many series are known.
    remembered: usize,
    /// The labels of the event in hand, by their places in `labels`; kept for its memory.
    found: Signature,
    /// The names of the scores that it yields; kept for its memory.
    scores: Signature,
    /// Where labels are among attributes of these names, for the lists of names seen last.
    layouts: Vec<Layout>,
}

/// The places of labels among the attributes of events that have the same ones, as the lines of one shape do.
#[derive(Clone, Debug)]
struct Layout {
    names: Arc<[Text]>,
    /// For each label its place in `Deriver::labels` and its place among the names.
    labels: Vec<(usize, usize)>,
}

/// What is known of one set of labels.
#[derive(Clone, Debug)]
struct KnownLabels {
    found: Signature,
    labels: Labels,
    cost: Cost,
    /// What generations and evaluations with them have yielded, the latest first.
    sets: Vec<KnownSet>,
    /// Metrics that are recorded by name.
    metrics: HashMap<Text, Arc<SeriesSet>, RandomState>,
    /// Series made since it was last looked up.
    fresh: usize,
}

/// Series that get samples together.
#[derive(Clone, Debug)]
struct KnownSet {
    /// The metrics, a bit each.
    metrics: u32,
    /// The names of the scores among them.
    scores: Signature,
    series: Arc<SeriesSet>,
}

/// What is known of the cost of calls with one set of labels.
#[derive(Clone, Copy, Debug)]
enum Cost {
    /// Nobody asks.
    Off,
    /// The model has no price, or there is no model.
    Unpriced,
    Priced(Rates),
}

/// The metrics that generations and evaluations yield by themselves, in the order in which they do.
#[derive(Clone, Copy, Debug)]
enum BuiltIn {
    GenerationTime,
    SuccessRate,
    ErrorRate,
    ModelUsage,
    FinishReason,
    EvaluationTime,
    /// One for each score, of this and its name.
    EvaluationScores,
    EvaluationErrorRate,
    PromptTokens,
    CompletionTokens,
    TotalTokens,
    CachedTokens,
    ReasoningTokens,
    CostUsd,
    UnpricedCalls,
    ConversationLength,
}

/// The bit of the metrics of which there is one for each score.
const SCORES: u32 = 1 << BuiltIn::EvaluationScores as u32;

impl BuiltIn {
    /// In the order of the variants.
    const NAMES: [&str; 16] = [
        "generation_time",
        "success_rate",
        "error_rate",
        "model_usage",
        "finish_reason",
        "evaluation_time",
        "evaluation_score_",
        "evaluation_error_rate",
        "prompt_token_count",
        "completion_token_count",
        "total_token_count",
        "cached_token_count",
        "reasoning_token_count",
        "cost_usd",
        "unpriced_calls",
        "conversation_length",
    ];
}

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
            found: Signature::default(),
            scores: Signature::default(),
            layouts: Vec::new(),
        }
    }

    /// Calls with tokens yield their cost as `cost_usd`, or `unpriced_calls` if there is no price for them; neither with
    /// `None`.
    pub fn with_prices(mut self, prices: Option<Prices>) -> Self {
        self.prices = prices;
        self
    }

    /// Appends the samples of `event` to `out`.
    pub fn derive(&mut self, event: &Event, out: &mut Samples) {
        match &event.body {
            // A key that others hold too belongs to a handle and comes again.
            Body::Metric(metric) if Arc::strong_count(&metric.key) > 1 && within(metric.value) => {
                let series = self.of_handle(&metric.key);
                if let Some(feedback) = metric.key.metadata.text("feedback") {
                    out.add_feedback(Text::new(feedback));
                }
                out.add(metric.value);
                out.end_row(event.time, Some(series));
            }
            _ => self.derive_facts(&Facts::of(event), out),
        }
    }

    /// As [`derive`](Self::derive), of an event that need not have been made.
    pub(crate) fn derive_facts(&mut self, facts: &Facts<'_>, out: &mut Samples) {
        self.forget_many();
        match facts.kind {
            Kind::Generation => self.generation(facts, out),
            Kind::Evaluation => self.evaluation(facts, out),
            Kind::Metric => self.metric(facts, out),
            Kind::Log | Kind::Alert => out.push_none(facts.time),
        }
    }

    fn forget_many(&mut self) {
        if self.remembered > REMEMBERED {
            self.known.clear();
            self.handles.clear();
            self.costs.clear();
            self.remembered = 0;
        }
    }

    fn generation(&mut self, facts: &Facts<'_>, out: &mut Samples) {
        self.found.clear();
        self.find_text(0, facts.model_name);
        self.find(facts.details, |place| matches!(place, 1 | 5));
        self.found.push(3, &flag(facts.success));
        self.find_text(4, facts.finish_reason);
        let mut known = self.adding(out);
        known.add(BuiltIn::GenerationTime, facts.number);
        known.add(BuiltIn::SuccessRate, f64::from(u8::from(facts.success)));
        known.add(BuiltIn::ErrorRate, f64::from(u8::from(!facts.success)));
        if facts.model_name.is_some() {
            known.add(BuiltIn::ModelUsage, 1.0);
        }
        if facts.finish_reason.is_some() {
            known.add(BuiltIn::FinishReason, 1.0);
        }
        known.add_tokens(facts.tokens);
        known.add_count(BuiltIn::ConversationLength, facts.conversation_length);
        let series = known.series();
        out.end_row(facts.time, Some(series));
    }

    fn evaluation(&mut self, facts: &Facts<'_>, out: &mut Samples) {
        self.found.clear();
        self.find_text(0, facts.model_name);
        self.find(facts.details, |place| matches!(place, 1 | 4 | 5));
        self.found.push(2, facts.name);
        self.found.push(3, &flag(facts.success));
        let mut known = self.adding(out);
        known.add(BuiltIn::EvaluationTime, facts.number);
        facts.details.scores(&mut |name, value, feedback| {
            if let Some(value) = value {
                known.add_score(name, value, feedback);
            }
        });
        if let Some(failed) = facts.failed {
            known.add(BuiltIn::EvaluationErrorRate, f64::from(u8::from(failed)));
        }
        known.add_tokens(facts.tokens);
        let series = known.series();
        out.end_row(facts.time, Some(series));
    }

    fn metric(&mut self, facts: &Facts<'_>, out: &mut Samples) {
        if !within(facts.number) {
            return out.push_none(facts.time);
        }
        let series = self.of_metric(facts.name, facts.details);
        if let Some(feedback) = facts.details.text("feedback") {
            out.add_feedback(Text::new(feedback));
        }
        out.add(facts.number);
        out.end_row(facts.time, Some(series));
    }

    /// The series of a handle, whose address is its name.
    fn of_handle(&mut self, key: &Arc<MetricKey>) -> Arc<SeriesSet> {
        let address = Arc::as_ptr(key) as usize;
        if let Some((_, series)) = self.handles.get(&address) {
            return Arc::clone(series);
        }
        self.forget_many();
        let series = self.of_metric(&key.name, &key.metadata);
        self.handles.insert(address, (Arc::clone(key), Arc::clone(&series)));
        self.remembered += 1;
        series
    }

    fn of_metric(&mut self, name: &str, details: &dyn Details) -> Arc<SeriesSet> {
        self.found.clear();
        self.find(details, |_| true);
        self.known().0.of_metric(name)
    }

    /// Looks up the labels among the attributes, the built-in ones if they are among the `wanted`.
    fn find(&mut self, details: &dyn Details, wanted: impl Fn(usize) -> bool) {
        let wanted = |place: usize| place >= BUILTIN_LABELS.len() || wanted(place);
        let Some(names) = details.names() else {
            for place in (0..self.labels.len()).filter(|place| wanted(*place)) {
                if let Some(value) = details.label(&self.labels[place]) {
                    self.found.push(place, &value);
                }
            }
            return;
        };
        let layout = self.layout(names);
        for (place, at) in &self.layouts[layout].labels {
            if wanted(*place)
                && let Some(value) = details.label_at(*at)
            {
                self.found.push(*place, &value);
            }
        }
    }

    /// Where the layout for these names is.
    #[inline]
    fn layout(&mut self, names: &Arc<[Text]>) -> usize {
        let known = self.layouts.iter().position(|layout| Arc::ptr_eq(&layout.names, names));
        known.unwrap_or_else(|| {
            let place = |label: &Text| names.iter().position(|name| name == label);
            let labels = self.labels.iter().enumerate().filter_map(|(at, label)| Some((at, place(label)?))).collect();
            if self.layouts.len() == LAYOUTS {
                self.layouts.remove(0);
            }
            self.layouts.push(Layout { names: Arc::clone(names), labels });
            self.layouts.len() - 1
        })
    }

    fn find_text(&mut self, place: usize, text: Option<&str>) {
        if let Some(text) = text {
            self.found.push(place, text);
        }
    }

    /// What is known of the labels found; with it the place to note the names of scores.
    fn known(&mut self) -> (&mut KnownLabels, &mut Signature) {
        let hash = self.hasher.hash_one(&self.found);
        let Self { known, found, scores, remembered, .. } = self;
        let mut made = || {
            let labels = found.iter().map(|(place, value)| (self.labels[place].clone(), Text::new(value))).collect();
            let cost = cost(found, self.prices.as_ref(), &mut self.costs);
            *remembered += 8;
            KnownLabels::new(found.clone(), labels, cost)
        };
        let known = match known.entry(hash) {
            Entry::Vacant(place) => place.insert(made()),
            Entry::Occupied(known) => {
                let known = known.into_mut();
                if known.found != *found {
                    *known = made();
                }
                known
            }
        };
        *remembered += std::mem::take(&mut known.fresh);
        (known, scores)
    }

    /// For the samples of an event with the labels found.
    fn adding<'a>(&'a mut self, out: &'a mut Samples) -> Adding<'a> {
        let (known, scores) = self.known();
        scores.clear();
        Adding { known, metrics: 0, scores, out }
    }
}

/// What calls with these labels cost.
fn cost(found: &Signature, prices: Option<&Prices>, costs: &mut HashMap<Text, Cost, RandomState>) -> Cost {
    let Some(prices) = prices else { return Cost::Off };
    let Some((_, model)) = found.iter().find(|(place, _)| *place == 0) else { return Cost::Unpriced };
    if let Some(cost) = costs.get(model) {
        return *cost;
    }
    let cost = prices.of(model).map_or(Cost::Unpriced, |price| Cost::Priced(Rates::of(&price)));
    costs.insert(Text::new(model), cost);
    cost
}

impl KnownLabels {
    fn new(found: Signature, labels: Labels, cost: Cost) -> Self {
        Self { found, labels, cost, sets: Vec::new(), metrics: HashMap::default(), fresh: 0 }
    }

    fn of_metric(&mut self, name: &str) -> Arc<SeriesSet> {
        if let Some(series) = self.metrics.get(name) {
            return Arc::clone(series);
        }
        let series = SeriesSet::new([Arc::new(SeriesKey::new(name, self.labels.clone()))]);
        self.metrics.insert(Text::new(name), Arc::clone(&series));
        self.fresh += 1;
        series
    }

    /// The series of these metrics and scores.
    #[inline]
    fn series(&mut self, metrics: u32, scores: &Signature) -> Arc<SeriesSet> {
        match self
            .sets
            .iter()
            .position(|known| known.metrics == metrics && (metrics & SCORES == 0 || known.scores == *scores))
        {
            Some(0) => {}
            Some(at) => self.sets[..=at].rotate_right(1),
            None => {
                let series = self.new_series(metrics, scores);
                self.fresh += 1;
                self.sets.truncate(SETS - 1);
                self.sets.insert(0, KnownSet { metrics, scores: scores.clone(), series });
            }
        }
        Arc::clone(&self.sets[0].series)
    }

    #[cold]
    fn new_series(&self, metrics: u32, scores: &Signature) -> Arc<SeriesSet> {
        let mut keys = Vec::new();
        let mut add = |name: Text| keys.push(Arc::new(SeriesKey::plain(name, self.labels.clone())));
        for (metric, name) in BuiltIn::NAMES.into_iter().enumerate().filter(|(metric, _)| metrics >> metric & 1 == 1) {
            if metric == BuiltIn::EvaluationScores as usize {
                scores.iter().for_each(|(_, score)| add(format!("{name}{score}").into()));
            } else {
                add(Text::new_static(name));
            }
        }
        SeriesSet::new(keys)
    }
}

/// The samples of one event: one set of labels.
struct Adding<'a> {
    known: &'a mut KnownLabels,
    /// The metrics so far, a bit each.
    metrics: u32,
    scores: &'a mut Signature,
    out: &'a mut Samples,
}

impl Adding<'_> {
    #[inline]
    fn add(&mut self, metric: BuiltIn, value: f64) {
        if within(value) {
            self.metrics |= 1 << metric as u32;
            self.out.add(value);
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
        if within(value) {
            self.metrics |= SCORES;
            self.scores.push(0, name);
            if let Some(feedback) = feedback {
                self.out.add_feedback(feedback);
            }
            self.out.add(value);
        }
    }

    fn series(&mut self) -> Arc<SeriesSet> {
        self.known.series(self.metrics, self.scores)
    }
}

/// What enters the store: its square must stay finite, and the sum of very many.
fn within(value: f64) -> bool {
    value.abs() <= LARGEST
}
