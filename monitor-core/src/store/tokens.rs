//! Token usage: what was read and written by each model, in the shape of the reference's report.

use serde::Serialize;

use crate::Text;

/// Tokens by model and in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenUsage {
    /// One entry a model, sorted by name.
    pub by_model: Vec<ModelTokens>,
    /// Tokens read, by all models.
    pub total_prompt_tokens: u64,
    /// Tokens written, by all models.
    pub total_completion_tokens: u64,
    /// Tokens in all, as the callers count them.
    pub total_tokens: u64,
}

/// Tokens of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelTokens {
    /// The model; `unknown` where the calls named none.
    pub model_name: Text,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Tokens in all, as the callers count them.
    pub total_tokens: u64,
}

impl TokenUsage {
    /// Adds the sum of one of the three token metrics.
    pub(super) fn add(&mut self, model: Text, metric: &str, tokens: u64) {
        let place = match self.by_model.binary_search_by(|known| known.model_name.cmp(&model)) {
            Ok(place) => place,
            Err(place) => {
                self.by_model.insert(place, ModelTokens { model_name: model, ..ModelTokens::default() });
                place
            }
        };
        let entry = &mut self.by_model[place];
        let (of_model, of_all) = match metric {
            "prompt_token_count" => (&mut entry.prompt_tokens, &mut self.total_prompt_tokens),
            "completion_token_count" => (&mut entry.completion_tokens, &mut self.total_completion_tokens),
            _ => (&mut entry.total_tokens, &mut self.total_tokens),
        };
        *of_model = of_model.saturating_add(tokens);
        *of_all = of_all.saturating_add(tokens);
    }
}
