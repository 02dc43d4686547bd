//! A generation: one call of a model, or a whole conversation made of such calls.

use serde_json::Value;

use super::Metadata;
use crate::Text;

/// One call of a model, or a whole conversation. What was not said is `None`.
///
/// ```
/// use monitor_core::{Generation, Tokens};
///
/// let call = Generation::new(2.78, true)
///     .model("gemini-2.5-flash")
///     .finish_reason("stop")
///     .tokens(Tokens { prompt: Some(420), completion: Some(610), total: Some(1484), ..Tokens::default() })
///     .with("operation", "answer_generation");
/// assert_eq!(call.metadata.text("operation"), Some("answer_generation"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// Seconds it took.
    pub duration: f64,
    /// Whether it came to its end as wanted.
    pub success: bool,
    /// The model that answered; failed calls often name none.
    pub model_name: Option<Text>,
    /// Why the model stopped: `stop`, `length`, `content_filter`, …
    pub finish_reason: Option<Text>,
    /// Tokens used.
    pub tokens: Tokens,
    /// Turns of the conversation.
    pub conversation_length: Option<u64>,
    /// What went wrong, in words.
    pub error: Option<Text>,
    /// Everything else, `operation` and `error_type` among it.
    pub metadata: Metadata,
}

/// Tokens of one call, as the caller counts them: the total may exceed prompt + completion by the thinking tokens.
///
/// `cached` and `reasoning` are parts of the others, and never added to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens read, those from a cache among them.
    pub prompt: Option<u64>,
    /// Tokens written.
    pub completion: Option<u64>,
    /// Tokens in all.
    pub total: Option<u64>,
    /// Of the prompt: tokens that came from the provider's cache.
    pub cached: Option<u64>,
    /// Of the completion, or of what the total has beyond prompt and completion: tokens thought and not shown.
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// Prompt and completion, their sum as the total.
    pub const fn of(prompt: u64, completion: u64) -> Self {
        Self {
            prompt: Some(prompt),
            completion: Some(completion),
            total: Some(prompt.saturating_add(completion)),
            cached: None,
            reasoning: None,
        }
    }

    /// Says how many of the prompt came from a cache.
    pub const fn cached(mut self, cached: u64) -> Self {
        self.cached = Some(cached);
        self
    }

    /// Says how many were thought and not shown.
    pub const fn reasoning(mut self, reasoning: u64) -> Self {
        self.reasoning = Some(reasoning);
        self
    }

    /// The tokens thought and not shown: as said, and at least what the total has beyond prompt and completion.
    pub fn reasoned(self) -> Option<u64> {
        let beyond = match self {
            Self { prompt: Some(prompt), completion: Some(completion), total: Some(total), .. } => {
                total.checked_sub(prompt.saturating_add(completion)).filter(|beyond| *beyond > 0)
            }
            _ => None,
        };
        self.reasoning.max(beyond)
    }

    /// The counts with the names that they have in JSON and as metrics.
    pub const fn named(self) -> [(&'static str, Option<u64>); 5] {
        [
            ("prompt_token_count", self.prompt),
            ("completion_token_count", self.completion),
            ("total_token_count", self.total),
            ("cached_token_count", self.cached),
            ("reasoning_token_count", self.reasoning),
        ]
    }
}

impl Generation {
    /// A generation that took `duration` seconds.
    pub fn new(duration: f64, success: bool) -> Self {
        Self { duration, success, ..Self::default() }
    }

    /// Names the model.
    pub fn model(mut self, name: impl Into<Text>) -> Self {
        self.model_name = Some(name.into());
        self
    }

    /// Says why the model stopped.
    pub fn finish_reason(mut self, reason: impl Into<Text>) -> Self {
        self.finish_reason = Some(reason.into());
        self
    }

    /// Says how many tokens it used.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Says how many turns the conversation had.
    pub fn conversation_length(mut self, turns: u64) -> Self {
        self.conversation_length = Some(turns);
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
