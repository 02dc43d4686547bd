//! Prices: what the tokens of a model cost, from a dated table that ships with the crate and from tables of one's own.
//!
//! The built-in table is `prices.toml`; its head names source, date and licence. Nothing is ever fetched. A model without a
//! price has no price: its calls are counted as unpriced, never as free.

mod names;
mod price;
#[cfg(test)]
mod tests;

pub use price::Price;
pub(crate) use price::Rates;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use names::{Pattern, forms};

use crate::config::{ConfigError, Faults, parse_price_file};

/// A table from models to prices.
///
/// A model is looked up by its name, without the prefixes of its maker and of routers (`openai/`, `openrouter/google/`,
/// `models/`, `bedrock/us.anthropic.`, …), and without a date or version at its end (`gpt-4o-2024-08-06`). `*` in a row
/// stands for anything; of several rows that match, the one with the most other characters wins, of two alike the
/// later added. Case does not matter.
///
/// ```
/// use monitor_core::prices::{Price, Prices};
///
/// let prices = Prices::built_in().with("my-model", Price::new(1.0, 2.0));
/// assert_eq!(prices.of("openai/gpt-4o-mini-2024-07-18"), prices.of("gpt-4o-mini"));
/// assert_eq!(prices.of("my-model"), Some(Price::new(1.0, 2.0)));
/// assert_eq!(prices.of("nobody-knows"), None);
/// ```
#[derive(Clone)]
pub struct Prices {
    rows: Arc<Vec<(Pattern, Price)>>,
}

/// The table that ships with the crate.
const BUILT_IN: &str = include_str!("prices.toml");

static PARSED: LazyLock<Prices> =
    LazyLock::new(|| Prices::parse(BUILT_IN, "prices.toml").expect("the built-in table is valid: a test parses it"));

impl Prices {
    /// The table that ships with the crate.
    pub fn built_in() -> Self {
        PARSED.clone()
    }

    /// That table as text: source, date and licence at its top, and the form of every other table.
    pub const fn built_in_toml() -> &'static str {
        BUILT_IN
    }

    /// A table without rows: no model has a price.
    pub fn none() -> Self {
        Self { rows: Arc::default() }
    }

    /// Parses a table. `file` is its name in errors.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(toml: &str, file: &str) -> Result<Self, Faults> {
        parse_price_file(toml, file)
    }

    /// Reads and parses a table.
    ///
    /// # Errors
    /// When the file cannot be read, or with all that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = crate::config::read_text(path)?;
        Self::parse(&text, &path.display().to_string()).map_err(ConfigError::Faults)
    }

    /// Adds a row, which wins over those that are there where they are as long.
    pub fn with(mut self, model: &str, price: Price) -> Self {
        Arc::make_mut(&mut self.rows).push((Pattern::new(model), price));
        self
    }

    /// Adds the rows of another table, which win over those that are there where they are as long.
    pub fn and(mut self, others: &Self) -> Self {
        Arc::make_mut(&mut self.rows).extend(others.rows.iter().cloned());
        self
    }

    /// The price of a model, if there is one.
    pub fn of(&self, model: &str) -> Option<Price> {
        let forms = forms(model);
        // Of equals the last counts, which is the one that was added last.
        let matching = self.rows.iter().filter(|(pattern, _)| forms.iter().any(|form| pattern.matches(form)));
        matching.max_by_key(|(pattern, _)| pattern.length()).map(|(_, price)| *price)
    }

    /// The rows, in the order in which they were added.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Price)> {
        self.rows.iter().map(|(pattern, price)| (pattern.as_str(), *price))
    }
}

/// The built-in table.
impl Default for Prices {
    fn default() -> Self {
        Self::built_in()
    }
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prices({} rows)", self.rows.len())
    }
}
