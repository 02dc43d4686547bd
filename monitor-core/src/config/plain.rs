//! Files of TOML beside `monitor.toml`, whose mistakes are told as its are.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::Faults;
use super::document::not_toml;
use super::table::Table;
use crate::component::{Validate, parse_own};

/// Parses a text of TOML as a `T`. `file` is its name in errors, `help` the command to read on at.
///
/// # Errors
/// When it is no TOML, with all unknown and missing keys at its top, and with the first wrong value.
pub fn parse_toml<T>(text: &str, file: &str, help: &str) -> Result<T, Faults>
where
    T: DeserializeOwned + JsonSchema + Validate,
{
    let (root, errors) = DeTable::parse_recoverable(text);
    let parsed = match errors.first() {
        Some(error) => Err(vec![not_toml(text, error)]),
        None => parse_own::<T>(Table::new(root.into_inner(), 0..0, String::new(), help.to_owned())),
    };
    parsed.map_err(|mut faults| {
        faults.sort_by_key(|fault| fault.span.start);
        Faults { file: file.to_owned(), text: text.to_owned(), faults }
    })
}
