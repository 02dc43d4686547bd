//! The configuration: `monitor.toml`, parsed once into a spanned document, then table by table into components.
//!
//! All faults are found in one go, each with file, line, column, key, and a remedy. Parsing is pure: only
//! [`Config::load`] reads the one file.

mod document;
mod error;
mod settings;
mod table;
mod values;

pub use document::{Config, Entry};
pub use error::{ConfigError, Fault, Faults};
pub use settings::{
    ChartSettings, ClockSetting, NoData, OverflowSetting, RuleSettings, Settings, SinkSettings,
    SourceSettings, StoreSettings,
};
pub use table::Table;
pub use values::{DurationText, KindText, SizeText, ZoneText};

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;

/// Schemas without references: each stands for itself, as `monitor explain` prints it.
pub(crate) fn schema_generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
}
