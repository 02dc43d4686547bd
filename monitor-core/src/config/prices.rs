//! `[prices]`, and files of prices: the same tables in both.

use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::not_toml;
use super::table::Table;
use super::{Fault, Faults};
use crate::component::{Validate, parse_own};
use crate::prices::{Price, Prices};

/// `[prices]`: what tokens cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceSettings {
    /// Whether calls get a cost at all, as the metric cost_usd.
    pub enabled: bool,
    /// A file of prices that go before the built-in ones, relative to this file. Its form: monitor explain prices.
    pub file: Option<PathBuf>,
    /// Prices that go before both, a table each.
    #[serde(skip)]
    pub models: Prices,
}

impl Default for PriceSettings {
    fn default() -> Self {
        Self { enabled: true, file: None, models: Prices::none() }
    }
}

impl Validate for PriceSettings {}

/// The keys of a file of prices beside its `[models]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Head {
    /// Where the prices come from.
    source: Option<String>,
    /// Of which day they are.
    date: Option<String>,
}

impl Validate for Head {}

/// Parses a file of prices.
pub(crate) fn parse_price_file(text: &str, file: &str) -> Result<Prices, Faults> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let parsed = match errors.first() {
        Some(error) => Err(vec![not_toml(text, error)]),
        None => table::<Head>(root.into_inner(), 0..0, "", "monitor explain prices").map(|(_, prices)| prices),
    };
    parsed.map_err(|mut faults| {
        faults.sort_by_key(|fault| fault.span.start);
        Faults { file: file.to_owned(), text: text.to_owned(), faults }
    })
}

/// Parses the table `[prices]` of the configuration.
pub(super) fn price_settings(entries: DeTable<'_>, header: Range<usize>) -> Result<PriceSettings, Vec<Fault>> {
    let (settings, models) = table::<PriceSettings>(entries, header, "`[prices]`", "monitor explain config")?;
    Ok(PriceSettings { models, ..settings })
}

/// A table with prices under `models`, and the keys of `T` beside them.
fn table<T>(mut entries: DeTable<'_>, header: Range<usize>, what: &str, help: &str) -> Result<(T, Prices), Vec<Fault>>
where
    T: DeserializeOwned + JsonSchema + Validate,
{
    let models = entries.remove_entry("models");
    let mut head = Table::new(entries, header, what.to_owned(), help.to_owned());
    head.places.also_known.push("models".to_owned());
    let (head, models) = (parse_own::<T>(head), models.map_or(Ok(Prices::none()), |models| rows(models, help)));
    match (head, models) {
        (Ok(head), Ok(models)) => Ok((head, models)),
        (head, models) => Err(head.err().into_iter().chain(models.err()).flatten().collect()),
    }
}

/// A price a table: `"gpt-4o" = { input = 2.5, output = 10 }`.
fn rows(
    (key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>),
    help: &str,
) -> Result<Prices, Vec<Fault>> {
    let not_a_price = |span: Range<usize>| {
        let remedy = "write its prices as a table, as in \"my-model\" = { input = 1.0, output = 2.0 }";
        Fault::new("a price is a table", span, remedy)
    };
    let DeValue::Table(models) = value.into_inner() else {
        return Err(vec![Fault::new("`models` holds tables", key.span(), "write a table a model: [models.\"NAME\"]")]);
    };
    let (mut prices, mut faults) = (Prices::none(), Vec::new());
    for (model, value) in models {
        let span = model.span();
        let DeValue::Table(entries) = value.into_inner() else {
            faults.push(not_a_price(span));
            continue;
        };
        let name = model.get_ref();
        if name.trim().is_empty() {
            faults.push(Fault::new("a price without a model", span, "write the model's name, or \"*\" for any"));
            continue;
        }
        match parse_own::<Price>(Table::new(entries, span, format!("the price of `{name}`"), help.to_owned())) {
            Ok(price) => prices = prices.with(name, price),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(prices) } else { Err(faults) }
}
