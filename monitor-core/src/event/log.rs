//! A log line: a message for people, with attributes.

use serde_json::Value;

use super::{Level, Metadata};
use crate::Text;

/// A line for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// How grave it is.
    pub level: Level,
    /// The message.
    pub message: Text,
    /// Everything else, `error` and `error_type` among it.
    pub metadata: Metadata,
}

impl Log {
    /// A message.
    pub fn new(level: Level, message: impl Into<Text>) -> Self {
        Self { level, message: message.into(), metadata: Metadata::new() }
    }

    /// Adds an attribute.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name, value);
        self
    }
}
