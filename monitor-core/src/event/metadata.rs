//! Open attributes: whatever a caller adds to an event beyond the typed fields.

use serde::Serialize;
use serde_json::{Map, Value};

/// Attributes by name, in the order in which they came. Of two of one name the last wins, as in JSON.
///
/// Most events have none, and then they take one word.
#[derive(Clone, Debug, Default)]
pub struct Metadata(Option<Box<Map<String, Value>>>);

impl Metadata {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// The attribute of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// The attribute of this name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Sets an attribute. A number that is not finite becomes null, for JSON has no other word for it.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.map().insert(name.into(), value.into());
    }

    /// Sets an attribute unless there is one of this name.
    pub fn insert_absent(&mut self, name: String, value: Value) {
        self.map().entry(name).or_insert(value);
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.as_mut()?.shift_remove(name)
    }

    /// About how many bytes of memory they take.
    pub fn approximate_bytes(&self) -> usize {
        fn of(value: &Value) -> usize {
            size_of::<Value>()
                + match value {
                    Value::Null | Value::Bool(_) | Value::Number(_) => 0,
                    Value::String(text) => text.len(),
                    Value::Array(items) => items.iter().map(of).sum(),
                    Value::Object(map) => map.iter().map(|(name, value)| 64 + name.len() + of(value)).sum(),
                }
        }
        self.iter().map(|(name, value)| 64 + name.len() + of(value)).sum()
    }

    /// The attributes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(name, value)| (name.as_str(), value))
    }

    fn map(&mut self) -> &mut Map<String, Value> {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Metadata {
    /// In whatever order, as JSON has none.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Serialize for Metadata {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        Self((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Map<_, _>>().into()
    }
}
