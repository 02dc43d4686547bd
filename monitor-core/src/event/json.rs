//! The one JSON shape of an event, as in `events.jsonl`: `type` first, then `timestamp`, then what the kind has.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Alert, Body, Evaluation, Event, Generation, Log, Metadata, Metric, Score, Tokens};
use crate::sample::Labels;

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind().as_str())?;
        map.serialize_entry("timestamp", &self.time)?;
        self.body.fields(&mut map)?;
        map.end()
    }
}

impl Body {
    /// Writes the fields of this kind, without `type` and `timestamp`.
    ///
    /// # Errors
    /// What the serializer answers.
    pub fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Generation(generation) => generation_fields(generation, map),
            Self::Evaluation(evaluation) => evaluation_fields(evaluation, map),
            Self::Metric(metric) => metric_fields(metric, map),
            Self::Log(log) => log_fields(log, map),
            Self::Alert(alert) => alert_fields(alert, map),
        }
    }
}

fn generation_fields<M: SerializeMap>(generation: &Generation, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("duration", &generation.duration)?;
    map.serialize_entry("success", &generation.success)?;
    optional(map, "model_name", generation.model_name.as_ref())?;
    optional(map, "finish_reason", generation.finish_reason.as_ref())?;
    token_fields(generation.tokens, map)?;
    optional(map, "conversation_length", generation.conversation_length.as_ref())?;
    optional(map, "error", generation.error.as_ref())?;
    metadata_field(&generation.metadata, map)
}

fn evaluation_fields<M: SerializeMap>(evaluation: &Evaluation, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("duration", &evaluation.duration)?;
    map.serialize_entry("success", &evaluation.success)?;
    map.serialize_entry("evaluator_type", &evaluation.evaluator_type)?;
    map.serialize_entry("scores", &Scores(&evaluation.scores))?;
    optional(map, "model_name", evaluation.model_name.as_ref())?;
    token_fields(evaluation.tokens, map)?;
    match evaluation.error.as_deref() {
        Some("") => map.serialize_entry("error", &())?,
        error => optional(map, "error", error.as_ref())?,
    }
    metadata_field(&evaluation.metadata, map)
}

fn metric_fields<M: SerializeMap>(metric: &Metric, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("metric", &metric.key.name)?;
    map.serialize_entry("value", &metric.value)?;
    metadata_field(&metric.key.metadata, map)
}

fn log_fields<M: SerializeMap>(log: &Log, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("level", &log.level)?;
    map.serialize_entry("message", &log.message)?;
    metadata_field(&log.metadata, map)
}

fn alert_fields<M: SerializeMap>(alert: &Alert, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("name", &alert.name)?;
    map.serialize_entry("state", &alert.state)?;
    map.serialize_entry("level", &alert.level)?;
    map.serialize_entry("message", &alert.message)?;
    map.serialize_entry("labels", &alert.labels)?;
    if alert.annotations != Labels::NONE {
        map.serialize_entry("annotations", &alert.annotations)?;
    }
    map.serialize_entry("value", &alert.value)?;
    map.serialize_entry("data", &alert.data)?;
    map.serialize_entry("since", &alert.since)?;
    map.serialize_entry("key", &alert.key)?;
    optional(map, "repeat", Some(&alert.repeat).filter(|repeat| **repeat > 0))?;
    optional(map, "chart", alert.chart.as_ref())
}

fn token_fields<M: SerializeMap>(tokens: Tokens, map: &mut M) -> Result<(), M::Error> {
    for (name, count) in tokens.named() {
        optional(map, name, count.as_ref())?;
    }
    Ok(())
}

fn metadata_field<M: SerializeMap>(metadata: &Metadata, map: &mut M) -> Result<(), M::Error> {
    if metadata.is_empty() { Ok(()) } else { map.serialize_entry("metadata", metadata) }
}

fn optional<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

/// Scores as an object: a bare number, or `{score, feedback}` where there is feedback.
struct Scores<'a>(&'a [Score]);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for score in self.0 {
            match &score.feedback {
                None => map.serialize_entry(&score.name, &score.value)?,
                Some(feedback) => map.serialize_entry(&score.name, &Judged { score: score.value, feedback })?,
            }
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Judged<'a> {
    score: Option<f64>,
    feedback: &'a str,
}
