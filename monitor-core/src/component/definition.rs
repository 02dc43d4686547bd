//! A component's definition: the one truth that parsing, `explain`, `sample`, suggestions and documentation read.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Fault, Table};

/// The four kinds of components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// Where events come from: `[sources.NAME]`.
    Source,
    /// Where events go: `[sinks.NAME]`.
    Sink,
    /// When somebody must be told: `[alerts.NAME]`.
    Rule,
    /// What it looks like: `[charts.NAME]`.
    Chart,
}

impl ComponentKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Source, Self::Sink, Self::Rule, Self::Chart];

    /// The word, as in `monitor explain sink.jsonl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Rule => "rule",
            Self::Chart => "chart",
        }
    }

    /// The table of the configuration that holds them.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Sink => "sinks",
            Self::Rule => "alerts",
            Self::Chart => "charts",
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a config says that its types cannot rule out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The key that is at fault; none if it is the table as a whole.
    pub key: Option<&'static str>,
    /// What is wrong with it.
    pub message: String,
}

impl Invalid {
    /// A fault of one key.
    pub fn key(key: &'static str, message: impl Into<String>) -> Self {
        Self { key: Some(key), message: message.into() }
    }

    /// A fault of the whole table.
    pub fn table(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into() }
    }
}

/// Checks beyond types, for a config. Pure like all of parsing.
pub trait Validate {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// When keys contradict each other, or a value has no meaning.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// A component type: its name, its documentation, and how its table is parsed into a `C`.
pub struct Definition<C: ?Sized + 'static> {
    /// The word after `type =`.
    pub type_name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// A table that works as it stands, with comments.
    pub sample: &'static str,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) parse: fn(Table<'_>) -> Result<Box<C>, Vec<Fault>>,
}

impl<C: ?Sized> Definition<C> {
    /// A definition of the component with the config `T`. The per-kind constructors give `boxed`.
    pub(crate) const fn new<T>(
        type_name: &'static str,
        summary: &'static str,
        sample: &'static str,
        parse: fn(Table<'_>) -> Result<Box<C>, Vec<Fault>>,
    ) -> Self
    where
        T: JsonSchema,
    {
        Self { type_name, summary, sample, schema: T::json_schema, parse }
    }

    /// The JSON Schema of its keys.
    pub fn schema(&self) -> Schema {
        (self.schema)(&mut crate::config::schema_generator())
    }
}

impl<C: ?Sized> fmt::Debug for Definition<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition").field("type_name", &self.type_name).finish_non_exhaustive()
    }
}

/// Parses and validates the own keys of a component.
pub(crate) fn parse_own<T: DeserializeOwned + JsonSchema + Validate>(table: Table<'_>) -> Result<T, Vec<Fault>> {
    let places = table.places();
    let config: T = table.decode()?;
    config.validate().map_err(|invalid| vec![places.fault(invalid)])?;
    Ok(config)
}
