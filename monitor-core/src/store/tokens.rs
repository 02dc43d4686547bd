//! Token usage: what was read and written by each model, and what it cost, in the shape of the reference's report.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Percentiles, Query, Selector, Store, Window};
use crate::Text;

/// Tokens by model and in all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenUsage {
    /// One entry a model, sorted by name.
    pub by_model: Vec<ModelTokens>,
    /// Tokens read, by all models.
    pub total_prompt_tokens: u64,
    /// Tokens written, by all models.
    pub total_completion_tokens: u64,
    /// Tokens in all, as the callers count them.
    pub total_tokens: u64,
    /// Of the prompts: tokens from a cache.
    pub total_cached_tokens: u64,
    /// Of the completions, or of what the totals have beyond them: tokens thought and not shown.
    pub total_reasoning_tokens: u64,
    /// Calls that used tokens.
    pub total_calls: u64,
    /// What the priced ones cost, in US dollars; nothing if none is.
    pub total_cost_usd: Option<f64>,
    /// Calls that used tokens and have no price: what they cost is in no sum.
    pub total_unpriced_calls: u64,
}

/// Tokens of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelTokens {
    /// The model; `unknown` where the calls named none.
    pub model_name: Text,
    /// Its tokens and their cost.
    #[serde(flatten)]
    pub usage: Usage,
}

/// Tokens of some calls, and what they cost. Cached and reasoning tokens are parts of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Tokens in all, as the callers count them.
    pub total_tokens: u64,
    /// Of the prompts: tokens from a cache.
    pub cached_tokens: u64,
    /// Of the completions, or of what the totals have beyond them: tokens thought and not shown.
    pub reasoning_tokens: u64,
    /// Calls that used tokens.
    pub calls: u64,
    /// What the priced ones cost, in US dollars; nothing if none is.
    pub cost_usd: Option<f64>,
    /// Calls that used tokens and have no price: what they cost is in no sum.
    pub unpriced_calls: u64,
}

impl Store {
    /// Tokens and cost by model, sorted by name; calls that name no model count as `unknown`.
    pub fn token_usage(&self, window: Window) -> TokenUsage {
        let mut usage = TokenUsage::default();
        for (model_name, of_model) in self.token_usage_by("model_name", window) {
            usage.total_prompt_tokens = usage.total_prompt_tokens.saturating_add(of_model.prompt_tokens);
            usage.total_completion_tokens = usage.total_completion_tokens.saturating_add(of_model.completion_tokens);
            usage.total_tokens = usage.total_tokens.saturating_add(of_model.total_tokens);
            usage.total_cached_tokens = usage.total_cached_tokens.saturating_add(of_model.cached_tokens);
            usage.total_reasoning_tokens = usage.total_reasoning_tokens.saturating_add(of_model.reasoning_tokens);
            usage.total_calls += of_model.calls;
            usage.total_unpriced_calls += of_model.unpriced_calls;
            if let Some(cost) = of_model.cost_usd {
                *usage.total_cost_usd.get_or_insert(0.0) += cost;
            }
            usage.by_model.push(ModelTokens { model_name, usage: of_model });
        }
        usage
    }

    /// Tokens and cost by the values of any label; calls without it count as `unknown`.
    pub fn token_usage_by(&self, label: &str, window: Window) -> BTreeMap<Text, Usage> {
        let label = [Text::new(label)];
        let mut usages: BTreeMap<Text, Usage> = BTreeMap::new();
        let known = self.index.get();
        for metric in METRICS.into_iter().filter(|metric| known.get(metric).is_some()) {
            let query = Query::new(Selector::metric(metric)).by(&label).percentiles(Percentiles::Off);
            for group in self.query(&query, window).unwrap_or_default() {
                let value = group.labels.get(&label[0]).cloned().unwrap_or(Text::new_static("unknown"));
                let usage = usages.entry(value).or_default();
                usage.add(metric, group.stats.sum);
                match metric {
                    // With prices, a call that used tokens is one or the other.
                    COST | UNPRICED => usage.calls += group.stats.count,
                    // Without, they are at least as many as gave one of the counts.
                    _ => usage.calls = usage.calls.max(group.stats.count),
                }
            }
        }
        usages
    }
}

const COST: &str = "cost_usd";
const UNPRICED: &str = "unpriced_calls";

/// The metrics that usage is made of.
const METRICS: [&str; 7] = [
    COST,
    UNPRICED,
    "prompt_token_count",
    "completion_token_count",
    "total_token_count",
    "cached_token_count",
    "reasoning_token_count",
];

impl Usage {
    /// Adds the sum of one of the metrics.
    fn add(&mut self, metric: &str, sum: f64) {
        let count = match metric {
            "prompt_token_count" => &mut self.prompt_tokens,
            "completion_token_count" => &mut self.completion_tokens,
            "total_token_count" => &mut self.total_tokens,
            "cached_token_count" => &mut self.cached_tokens,
            "reasoning_token_count" => &mut self.reasoning_tokens,
            UNPRICED => &mut self.unpriced_calls,
            _ => {
                *self.cost_usd.get_or_insert(0.0) += sum;
                return;
            }
        };
        *count = count.saturating_add(sum as u64);
    }
}
