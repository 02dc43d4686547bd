//! A price, and what a call costs by it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Tokens;
use crate::component::{Invalid, Validate};

/// What a model costs, in US dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// A million tokens read.
    pub input: f64,
    /// A million tokens read from the provider's cache; as other input without it.
    pub cached_input: Option<f64>,
    /// A million tokens written, those of reasoning among them.
    pub output: f64,
    /// A million tokens of reasoning, where they are priced apart; as other output without it.
    pub reasoning: Option<f64>,
}

impl Price {
    /// A price of input and output; cached input costs as other input, reasoning as other output.
    pub const fn new(input: f64, output: f64) -> Self {
        Self { input, cached_input: None, output, reasoning: None }
    }

    /// What a call costs, in US dollars:
    ///
    /// ```text
    /// cost    = (prompt − cached) · input + cached · cached_input
    ///         + (written − reasoned) · output + reasoned · reasoning
    /// written = max(completion, total − prompt)
    /// ```
    ///
    /// What a total has beyond prompt and completion is reasoning, and billed as output. Cached tokens are part of the
    /// prompt and reasoning is part of what was written, so neither is added to anything. A prompt that was not given is
    /// what the completion leaves of the total; a completion that was not given is what the prompt leaves of it.
    ///
    /// `None`: only a total was given, and input and output differ in price.
    pub fn cost(&self, tokens: Tokens) -> Option<f64> {
        let (read, written) = match tokens {
            Tokens { prompt: None, completion: None, total: Some(total), .. } => {
                return self.input.total_cmp(&self.output).is_eq().then(|| dollars(parts(total, self.input)));
            }
            Tokens { prompt: None, completion: Some(completion), total: Some(total), .. } => {
                (total.saturating_sub(completion), completion)
            }
            Tokens { prompt, completion, total, .. } => {
                let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
                (prompt, total.map_or(completion, |total| completion.max(total.saturating_sub(prompt))))
            }
        };
        let cached = tokens.cached.unwrap_or(0).min(read);
        let reasoned = tokens.reasoned().unwrap_or(0).min(written);
        Some(dollars(
            parts(read - cached, self.input)
                + parts(cached, self.cached_input.unwrap_or(self.input))
                + parts(written - reasoned, self.output)
                + parts(reasoned, self.reasoning.unwrap_or(self.output)),
        ))
    }
}

/// Prices are counted in billionths of a dollar for a million tokens: finer than any list has them. So costs add up without
/// being rounded, and are decimals.
const FINEST: f64 = 1e9;

/// What tokens cost, in parts of a dollar of which 10^15 are one.
fn parts(tokens: u64, price: f64) -> u128 {
    u128::from(tokens) * u128::from((price * FINEST + 0.5) as u64)
}

fn dollars(parts: u128) -> f64 {
    let parts = u64::try_from(parts).map_or_else(|_| many(parts), |parts| parts as f64);
    parts / (1e6 * FINEST)
}

/// Beyond some thousand dollars: the way from so wide an integer is long.
#[cold]
#[inline(never)]
fn many(parts: u128) -> f64 {
    parts as f64
}

impl Validate for Price {
    fn validate(&self) -> Result<(), Invalid> {
        let prices = [
            ("input", Some(self.input)),
            ("cached_input", self.cached_input),
            ("output", Some(self.output)),
            ("reasoning", self.reasoning),
        ];
        match prices.iter().find(|(_, price)| price.is_some_and(|price| !(0.0..=1e9).contains(&price))) {
            Some((key, _)) => Err(Invalid::key(key, "must be US dollars for a million tokens, zero or more")),
            None => Ok(()),
        }
    }
}
