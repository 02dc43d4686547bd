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
        Rates::of(self).cost(tokens)
    }
}

/// A price as it is reckoned with: whole billionths of a dollar for a million tokens, which is finer than any list has them.
/// So costs add up without being rounded, and are decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    input: u64,
    cached_input: u64,
    output: u64,
    reasoning: u64,
}

const FINEST: f64 = 1e9;

impl Rates {
    pub(crate) fn of(price: &Price) -> Self {
        let whole = |price: f64| (price * FINEST + 0.5) as u64;
        Self {
            input: whole(price.input),
            cached_input: whole(price.cached_input.unwrap_or(price.input)),
            output: whole(price.output),
            reasoning: whole(price.reasoning.unwrap_or(price.output)),
        }
    }

    /// As [`Price::cost`].
    pub(crate) fn cost(&self, tokens: Tokens) -> Option<f64> {
        let (read, written) = match tokens {
            Tokens { prompt: None, completion: None, total: Some(total), .. } => {
                return (self.input == self.output).then(|| dollars([(total, self.input)]));
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
        Some(dollars([
            (read - cached, self.input),
            (cached, self.cached_input),
            (written - reasoned, self.output),
            (reasoned, self.reasoning),
        ]))
    }
}

/// What so many tokens cost at their rates: parts of a dollar, of which 10^15 are one, and from them dollars.
fn dollars<const N: usize>(bill: [(u64, u64); N]) -> f64 {
    let few = bill.iter().try_fold(0_u64, |sum, (tokens, rate)| sum.checked_add(tokens.checked_mul(*rate)?));
    few.map_or_else(|| many(&bill), |parts| parts as f64) / (1e6 * FINEST)
}

/// Beyond some thousand dollars: the way over so wide an integer is long.
#[cold]
#[inline(never)]
fn many(bill: &[(u64, u64)]) -> f64 {
    bill.iter().map(|(tokens, rate)| u128::from(*tokens) * u128::from(*rate)).sum::<u128>() as f64
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
