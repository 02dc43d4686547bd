//! Which samples an event yields. Names and order are the reference's; `error_rate` counts every generation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde_json::Value;

use super::{Labels, Sample, SeriesKey, family};
use crate::event::{Body, Evaluation, Event, Generation, Metadata, Metric, MetricKey};
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
    hasher: RandomState,
    known: HashMap<u64, KnownLabels, RandomState>,
    handles: HashMap<usize, (Arc<MetricKey>, Arc<SeriesKey>), RandomState>,
    series: usize,
}

/// The series that have one set of labels, by metric.
#[derive(Debug)]
struct KnownLabels {
    labels: Labels,
    series: HashMap<Text, Arc<SeriesKey>, RandomState>,
}

/// A label of an event before it is copied: its place in `Deriver::labels` and its value.
type Found<'a> = (usize, Cow<'a, str>);

impl Deriver {
    /// A deriver with the built-in labels and `extra` attributes as labels.
    pub fn new(extra: &[Text]) -> Self {
        let mut labels: Vec<Text> = BUILTIN_LABELS.into_iter().map(Text::new_static).collect();
        labels.extend(extra.iter().filter(|name| !BUILTIN_LABELS.contains(&name.as_str())).cloned());
        Self {
            labels,
            hasher: RandomState::default(),
            known: HashMap::default(),
            handles: HashMap::default(),
            series: 0,
        }
    }

    /// Appends the samples of `event` to `out`.
    pub fn derive(&mut self, event: &Event, out: &mut Vec<Sample>) {
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
        known.add("generation_time", generation.duration);
        known.add("success_rate", f64::from(u8::from(generation.success)));
        known.add("error_rate", f64::from(u8::from(!generation.success)));
        if generation.model_name.is_some() {
            known.add("model_usage", 1.0);
        }
        if generation.finish_reason.is_some() {
            known.add("finish_reason", 1.0);
        }
        for (name, count) in generation.tokens.named() {
            known.add_count(name, count);
        }
        known.add_count("conversation_length", generation.conversation_length);
    }

    fn evaluation(&mut self, time: Timestamp, evaluation: &Evaluation, out: &mut Vec<Sample>) {
        let mut found = Vec::with_capacity(8);
        push_text(&mut found, 0, evaluation.model_name.as_ref());
        self.find(&evaluation.metadata, &[1, 4, 5], &mut found);
        found.push((2, Cow::Borrowed(evaluation.evaluator_type.as_str())));
        found.push((3, flag(evaluation.success)));
        let mut known = self.known(&found).at(time, out);
        known.add("evaluation_time", evaluation.duration);
        for score in &evaluation.scores {
            if let Some(value) = score.value {
                known.add_score(&score.name, value, score.feedback.clone());
            }
        }
        if let Some(error) = &evaluation.error {
            known.add("evaluation_error_rate", f64::from(u8::from(!error.is_empty())));
        }
        for (name, count) in evaluation.tokens.named() {
            known.add_count(name, count);
        }
    }

    fn metric(&mut self, time: Timestamp, metric: &Metric, out: &mut Vec<Sample>) {
        if !metric.value.is_finite() {
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
                    self.remembered(1);
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
            if let Some(value) = metadata.get(&self.labels[place]).and_then(label_value) {
                found.push((place, value));
            }
        }
    }

    fn known(&mut self, found: &[Found<'_>]) -> &mut KnownLabels {
        if self.series > REMEMBERED {
            self.known.clear();
            self.handles.clear();
            self.series = 0;
        }
        let hash = self.hasher.hash_one(found);
        let fits = self.known.get(&hash).is_some_and(|known| same(&self.labels, &known.labels, found));
        if !fits {
            let labels = self.to_labels(found);
            self.known.insert(hash, KnownLabels { labels, series: HashMap::default() });
            self.remembered(8);
        }
        self.known.get_mut(&hash).expect("was just inserted unless it was there")
    }

    fn remembered(&mut self, more: usize) {
        self.series += more;
    }

    fn to_labels(&self, found: &[Found<'_>]) -> Labels {
        found.iter().map(|(place, value)| (self.labels[*place].clone(), Text::new(value))).collect()
    }
}

impl KnownLabels {
    fn series(&mut self, metric: &str) -> Arc<SeriesKey> {
        if let Some(series) = self.series.get(metric) {
            return Arc::clone(series);
        }
        // One label set under ever new names must not grow either.
        if self.series.len() > REMEMBERED {
            self.series.clear();
        }
        let name = Text::new(metric);
        let series = Arc::new(SeriesKey::plain(name.clone(), self.labels.clone()));
        self.series.insert(name, Arc::clone(&series));
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
    fn add(&mut self, metric: &str, value: f64) {
        self.push(metric, value, None);
    }

    fn add_count(&mut self, metric: &str, count: Option<u64>) {
        if let Some(count) = count {
            self.push(metric, count as f64, None);
        }
    }

    fn add_score(&mut self, name: &str, value: f64, feedback: Option<Text>) {
        let mut metric = String::with_capacity(17 + name.len());
        metric.push_str("evaluation_score_");
        metric.push_str(name);
        self.push(&metric, value, feedback);
    }

    fn push(&mut self, metric: &str, value: f64, feedback: Option<Text>) {
        if value.is_finite() {
            let series = self.known.series(metric);
            self.out.push(Sample { time: self.time, value, series, feedback });
        }
    }
}

fn push_text<'a>(found: &mut Vec<Found<'a>>, place: usize, text: Option<&'a Text>) {
    if let Some(text) = text {
        found.push((place, Cow::Borrowed(text.as_str())));
    }
}

fn flag(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "true" } else { "false" })
}

/// Text, numbers and flags can be labels; null, lists and objects cannot.
fn label_value(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(value) => Some(flag(*value)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn same(names: &[Text], labels: &Labels, found: &[Found<'_>]) -> bool {
    labels.iter().count() == found.len()
        && found.iter().all(|(place, value)| labels.get(&names[*place]).is_some_and(|known| known == value.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tokens;

    fn derived(body: impl Into<Body>) -> Vec<String> {
        let event = Event::new(Timestamp::from_secs(1), body);
        let mut samples = Vec::new();
        Deriver::new(&["user".into()]).derive(&event, &mut samples);
        assert!(samples.iter().all(|sample| sample.time == event.time));
        samples.iter().map(|sample| format!("{} {} {}", sample.name(), sample.value, sample.series.labels())).collect()
    }

    #[test]
    fn a_call() {
        let call = Generation::new(2.5, true)
            .model("gpt-4o")
            .finish_reason("stop")
            .tokens(Tokens { prompt: Some(4), completion: None, total: Some(9) })
            .with("operation", "answer_generation")
            .with("user", 7)
            .with("open", "not a label");
        let labels = "{finish_reason=stop, model_name=gpt-4o, operation=answer_generation, success=true, user=7}";
        let names = [
            "generation_time 2.5",
            "success_rate 1",
            "error_rate 0",
            "model_usage:gpt-4o 1",
            "finish_reason:stop 1",
            "prompt_token_count 4",
            "total_token_count 9",
        ];
        assert_eq!(derived(call), names.map(|name| format!("{name} {labels}")));
    }

    #[test]
    fn a_failed_call_and_a_conversation() {
        let failed = Generation::new(0.3, false).error("429").with("error_type", "ClientError");
        assert_eq!(
            derived(failed),
            ["generation_time 0.3", "success_rate 0", "error_rate 1"]
                .map(|name| format!("{name} {{error_type=ClientError, success=false}}"))
        );
        let conversation = Generation::new(9.0, true).conversation_length(2);
        assert_eq!(derived(conversation)[3], "conversation_length 2 {success=true}");
    }

    #[test]
    fn an_evaluation_never_yields_error_rate_or_model_usage() {
        let mut judged = Evaluation::new("Judge", 1.5, true)
            .score("overall", 0.5)
            .score_with_feedback("tone", 0.25, "terse")
            .model("gpt-4o")
            .tokens(Tokens::of(1, 2))
            .error("late");
        judged.scores.push(crate::event::Score { name: "missing".into(), value: None, feedback: None });
        let names = [
            "evaluation_time 1.5",
            "evaluation_score_overall 0.5",
            "evaluation_score_tone 0.25",
            "evaluation_error_rate 1",
            "prompt_token_count 1",
            "completion_token_count 2",
            "total_token_count 3",
        ];
        let labels = "{evaluator_type=Judge, model_name=gpt-4o, success=true}";
        assert_eq!(derived(judged), names.map(|name| format!("{name} {labels}")));
    }

    #[test]
    fn a_handle_is_remembered_by_address_and_a_family_is_split() {
        let mut deriver = Deriver::new(&[]);
        let metric = Metric::new("finish_reason:stop", 1.0);
        let event = Event::new(Timestamp::MIN, metric.clone());
        let mut samples = Vec::new();
        deriver.derive(&event, &mut samples);
        deriver.derive(&event, &mut samples);
        assert!(Arc::ptr_eq(&samples[0].series, &samples[1].series));
        assert_eq!(samples[0].series.labels().to_string(), "{finish_reason=stop}");
        assert_eq!(derived(Metric::new("load", f64::NAN)), Vec::<String>::new());
        drop(metric);
    }
}
