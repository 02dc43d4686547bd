//! The configuration: `monitor.toml`, parsed once into a spanned document, then table by table into components.
//!
//! All faults are found in one go, each with file, line, column, key, and a remedy. Parsing is pure: only
//! [`Config::load`] and [`Config::prices`] read a file.

mod document;
mod error;
mod outline;
mod paths;
mod plain;
mod prices;
mod secret;
mod settings;
mod table;
mod values;

pub use document::{Config, Entry};
pub use error::{ConfigError, Fault, Faults};
pub use outline::Fate;
pub(crate) use outline::Outline;
pub use paths::Paths;
pub use plain::parse_toml;
pub use prices::PriceSettings;
pub(crate) use prices::parse_price_file;
pub use secret::{Secret, SecretError};
pub use settings::{
    ActionSetting, ChartSettings, ClockSetting, DurabilitySettings, NoData, NotifySettings, OverflowSetting,
    PictureFormat, RuleSettings, Settings, SinkSettings, SourceSettings, StoreSettings, ThemeSetting,
};
pub use table::Table;
pub use values::{DurationText, KindText, SizeText, ZoneText};

use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::component::ComponentKind;
use crate::prices::Price;

/// A file of the configuration as text.
///
/// # Errors
/// When it cannot be read, or is no UTF-8.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
    String::from_utf8(bytes)
        .map_err(|error| ConfigError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// Schemas without references: each stands for itself, as `monitor explain` prints it.
pub fn schema_generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// The JSON Schema of the keys at the top of the file.
pub fn top_schema() -> Schema {
    Settings::json_schema(&mut schema_generator())
}

/// The JSON Schema of the keys of `[durability]`.
pub fn durability_schema() -> Schema {
    DurabilitySettings::json_schema(&mut schema_generator())
}

/// The JSON Schema of the keys of `[notify]`.
pub fn notify_schema() -> Schema {
    schemars::schema_for!(NotifySettings)
}

/// The JSON Schema of the keys of `[store]`.
pub fn store_schema() -> Schema {
    StoreSettings::json_schema(&mut schema_generator())
}

/// The JSON Schema of the keys of `[prices]`.
pub fn prices_schema() -> Schema {
    PriceSettings::json_schema(&mut schema_generator())
}

/// The JSON Schema of the keys of a price, under `[prices.models.NAME]`.
pub fn price_schema() -> Schema {
    Price::json_schema(&mut schema_generator())
}

/// The JSON Schema of the keys that every component of a kind has.
pub fn common_schema(kind: ComponentKind) -> Schema {
    let generator = &mut schema_generator();
    match kind {
        ComponentKind::Source => SourceSettings::json_schema(generator),
        ComponentKind::Sink => SinkSettings::json_schema(generator),
        ComponentKind::Rule => RuleSettings::json_schema(generator),
        ComponentKind::Chart => ChartSettings::json_schema(generator),
    }
}
