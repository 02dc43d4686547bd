//! A metric: one number under a name. The name and the attributes are shared by all numbers recorded under them.

use std::sync::Arc;

use super::Metadata;
use crate::Text;

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// What the number is, shared.
    pub key: Arc<MetricKey>,
    /// The number.
    pub value: f64,
}

/// The name and attributes of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricKey {
    /// The metric's name.
    pub name: Text,
    /// Its attributes; those that are labels group it in the store.
    pub metadata: Metadata,
}

impl Metric {
    /// A number without attributes.
    pub fn new(name: impl Into<Text>, value: f64) -> Self {
        Self { key: Arc::new(MetricKey { name: name.into(), metadata: Metadata::new() }), value }
    }

    /// A number with attributes.
    pub fn with_metadata(name: impl Into<Text>, value: f64, metadata: Metadata) -> Self {
        Self { key: Arc::new(MetricKey { name: name.into(), metadata }), value }
    }
}
