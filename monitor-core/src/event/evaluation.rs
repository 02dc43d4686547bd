//! An evaluation: a judgement of something generated, as one or more scores.

use serde_json::Value;

use super::{Metadata, Tokens};
use crate::Text;

/// A judgement of something generated.
///
/// ```
/// use monitor_core::Evaluation;
///
/// let judged = Evaluation::new("FactualityEvaluator", 1.9, true)
///     .score("factuality", 0.82)
///     .score_with_feedback("tone", 0.74, "Too terse.");
/// assert_eq!(judged.scores[1].value, Some(0.74));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Seconds it took.
    pub duration: f64,
    /// Whether the evaluator came to a judgement.
    pub success: bool,
    /// Who judged.
    pub evaluator_type: Text,
    /// The scores, in the order in which they came.
    pub scores: Vec<Score>,
    /// The model that judged, if one did.
    pub model_name: Option<Text>,
    /// Tokens used.
    pub tokens: Tokens,
    /// What went wrong, in words. Empty if the caller said `null`, which counts as "nothing did".
    pub error: Option<Text>,
    /// Everything else.
    pub metadata: Metadata,
}

/// One score of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// What is judged: `factuality`, `tone`, …
    pub name: Text,
    /// The judgement; `None` where the evaluator gave none. Missing is missing, never zero.
    pub value: Option<f64>,
    /// Why, in words.
    pub feedback: Option<Text>,
}

impl Evaluation {
    /// An evaluation by `evaluator_type` that took `duration` seconds.
    pub fn new(evaluator_type: impl Into<Text>, duration: f64, success: bool) -> Self {
        Self { duration, success, evaluator_type: evaluator_type.into(), ..Self::default() }
    }

    /// Adds a score.
    pub fn score(mut self, name: impl Into<Text>, value: f64) -> Self {
        self.scores.push(Score { name: name.into(), value: Some(value), feedback: None });
        self
    }

    /// Adds a score and why it was given.
    pub fn score_with_feedback(mut self, name: impl Into<Text>, value: f64, feedback: impl Into<Text>) -> Self {
        self.scores.push(Score { name: name.into(), value: Some(value), feedback: Some(feedback.into()) });
        self
    }

    /// Names the model that judged.
    pub fn model(mut self, name: impl Into<Text>) -> Self {
        self.model_name = Some(name.into());
        self
    }

    /// Says how many tokens the judgement used.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Says what went wrong.
    pub fn error(mut self, error: impl Into<Text>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// Adds an attribute.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name, value);
        self
    }
}
