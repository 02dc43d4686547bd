//! What samples are derived from: the facts of an event, whether it has been made or still is a line.

use std::borrow::Cow;
use std::sync::Arc;

use crate::event::{Body, Evaluation, Event, Generation, Kind, Metadata, Metric, Tokens};
use crate::{Text, Timestamp};

/// What an event says, as far as its samples tell of it.
pub(crate) struct Facts<'a> {
    pub(crate) time: Timestamp,
    pub(crate) kind: Kind,
    /// Seconds it took; of a metric its value.
    pub(crate) number: f64,
    pub(crate) success: bool,
    /// Of an evaluator or a metric.
    pub(crate) name: &'a str,
    pub(crate) model_name: Option<&'a str>,
    pub(crate) finish_reason: Option<&'a str>,
    pub(crate) tokens: Tokens,
    pub(crate) conversation_length: Option<u64>,
    /// Whether something went wrong with an evaluation, if it says so.
    pub(crate) failed: Option<bool>,
    pub(crate) details: &'a dyn Details,
}

/// Is told of a score: its name, its number if it was given, and its feedback.
pub(crate) type TellScore<'a> = &'a mut dyn FnMut(&str, Option<f64>, Option<Text>);

/// What an event says beyond fields that all of its kind have.
pub(crate) trait Details {
    /// The attribute of this name as a label.
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The attribute of this name, if it is text.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The names of the attributes, if they are in a list that other events have in common with this one.
    fn names(&self) -> Option<&Arc<[Text]>> {
        None
    }

    /// The attribute at a place of that list as a label.
    fn label_at(&self, at: usize) -> Option<Cow<'_, str>> {
        self.label(self.names()?.get(at)?)
    }

    /// Tells of each score its name, its number, and its feedback.
    fn scores(&self, tell: TellScore<'_>);
}

impl<'a> Facts<'a> {
    /// The facts of an event.
    pub(crate) fn of(event: &'a Event) -> Self {
        let facts = Self {
            time: event.time,
            kind: event.kind(),
            number: 0.0,
            success: false,
            name: "",
            model_name: None,
            finish_reason: None,
            tokens: Tokens::default(),
            conversation_length: None,
            failed: None,
            details: &NoDetails,
        };
        match &event.body {
            Body::Generation(generation) => facts.generation(generation),
            Body::Evaluation(evaluation) => facts.evaluation(evaluation),
            Body::Metric(metric) => facts.metric(metric),
            Body::Log(_) | Body::Alert(_) => facts,
        }
    }

    fn generation(self, generation: &'a Generation) -> Self {
        Self {
            number: generation.duration,
            success: generation.success,
            model_name: generation.model_name.as_deref(),
            finish_reason: generation.finish_reason.as_deref(),
            tokens: generation.tokens,
            conversation_length: generation.conversation_length,
            details: &generation.metadata,
            ..self
        }
    }

    fn evaluation(self, evaluation: &'a Evaluation) -> Self {
        Self {
            number: evaluation.duration,
            success: evaluation.success,
            name: &evaluation.evaluator_type,
            model_name: evaluation.model_name.as_deref(),
            tokens: evaluation.tokens,
            failed: evaluation.error.as_ref().map(|error| !error.is_empty()),
            details: evaluation,
            ..self
        }
    }

    fn metric(self, metric: &'a Metric) -> Self {
        Self { number: metric.value, name: &metric.key.name, details: &metric.key.metadata, ..self }
    }
}

impl Details for Metadata {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        Self::label(self, name)
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        Self::text(self, name).map(Cow::Borrowed)
    }

    fn scores(&self, _: TellScore<'_>) {}
}

impl Details for Evaluation {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.metadata.label(name)
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.metadata.text(name).map(Cow::Borrowed)
    }

    fn scores(&self, tell: TellScore<'_>) {
        self.scores.iter().for_each(|score| tell(&score.name, score.value, score.feedback.clone()));
    }
}

struct NoDetails;

impl Details for NoDetails {
    fn label(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn text(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }

    fn scores(&self, _: TellScore<'_>) {}
}
