//! Open attributes: whatever a caller adds to an event beyond the typed fields.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::flat::{Flat, Scalar};
use crate::Text;

/// Attributes by name, in the order in which they came. Of two of one name the last wins, as in JSON.
///
/// Most events have none, and then they take one word.
#[derive(Clone, Default)]
pub struct Metadata(Option<Box<Attributes>>);

/// The value of an attribute, where it stands.
#[derive(Clone, Copy, Debug)]
pub enum Attribute<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(&'a Number),
    /// Text.
    Text(&'a str),
    /// A list or an object.
    Nested(&'a Value),
}

impl<'a> From<&'a Value> for Attribute<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(_) | Value::Object(_) => Self::Nested(value),
        }
    }
}

impl<'a> From<&'a Scalar> for Attribute<'a> {
    fn from(value: &'a Scalar) -> Self {
        match value {
            Scalar::Null => Self::Null,
            Scalar::Bool(flag) => Self::Bool(*flag),
            Scalar::Number(number) => Self::Number(number),
            Scalar::Text(text) => Self::Text(text),
        }
    }
}

#[derive(Clone)]
enum Attributes {
    Map(Map<String, Value>),
    Flat(Flat),
}

impl Metadata {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Attributes of these names, each with the value at its place. No name may come twice.
    pub(crate) fn flat(names: &Arc<[Text]>, values: Vec<Scalar>) -> Self {
        let flat = || Box::new(Attributes::Flat(Flat::new(Arc::clone(names), values.into_boxed_slice())));
        Self((!names.is_empty()).then(flat))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0.as_deref() {
            None => 0,
            Some(Attributes::Map(map)) => map.len(),
            Some(Attributes::Flat(flat)) => flat.len(),
        }
    }

    /// The attribute of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.map()?.get(name)
    }

    /// The attribute of this name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.as_deref()? {
            Attributes::Map(map) => map.get(name).and_then(Value::as_str),
            Attributes::Flat(flat) => match flat.get(name)? {
                Scalar::Text(text) => Some(text),
                _ => None,
            },
        }
    }

    /// The attribute of this name as a label: text, numbers and flags can be labels; null, lists and objects cannot.
    pub fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.as_deref()? {
            Attributes::Map(map) => match map.get(name)? {
                Value::String(text) => Some(Cow::Borrowed(text)),
                Value::Bool(value) => Some(flag(*value)),
                Value::Number(number) => Some(Cow::Owned(number.to_string())),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            Attributes::Flat(flat) => match flat.get(name)? {
                Scalar::Text(text) => Some(Cow::Borrowed(text)),
                Scalar::Bool(value) => Some(flag(*value)),
                Scalar::Number(number) => Some(Cow::Owned(number.to_string())),
                Scalar::Null => None,
            },
        }
    }

    /// Sets an attribute. A number that is not finite becomes null, for JSON has no other word for it.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.map_mut().insert(name.into(), value.into());
    }

    /// Sets an attribute unless there is one of this name.
    pub fn insert_absent(&mut self, name: String, value: Value) {
        self.map_mut().entry(name).or_insert(value);
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        if self.is_empty() { None } else { self.map_mut().shift_remove(name) }
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
        let of_scalar = |value: &Scalar| {
            size_of::<Value>()
                + match value {
                    Scalar::Text(text) => text.len(),
                    Scalar::Null | Scalar::Bool(_) | Scalar::Number(_) => 0,
                }
        };
        match self.0.as_deref() {
            None => 0,
            Some(Attributes::Map(map)) => map.iter().map(|(name, value)| 64 + name.len() + of(value)).sum(),
            Some(Attributes::Flat(flat)) => flat.iter().map(|(name, value)| 64 + name.len() + of_scalar(value)).sum(),
        }
    }

    /// The attributes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.map().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    /// The same where they stand: quicker, where the values are looked at once.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        let (map, flat) = match self.0.as_deref() {
            None => (None, None),
            Some(Attributes::Map(map)) => (Some(map), None),
            Some(Attributes::Flat(flat)) => (None, Some(flat)),
        };
        let of_map = map.into_iter().flatten().map(|(name, value)| (name.as_str(), value.into()));
        let of_flat = flat.into_iter().flat_map(Flat::iter).map(|(name, value)| (name.as_str(), value.into()));
        of_map.chain(of_flat)
    }

    fn map(&self) -> Option<&Map<String, Value>> {
        match self.0.as_deref()? {
            Attributes::Map(map) => Some(map),
            Attributes::Flat(flat) => Some(flat.map()),
        }
    }

    fn map_mut(&mut self) -> &mut Map<String, Value> {
        let attributes = self.0.get_or_insert_with(|| Box::new(Attributes::Map(Map::new())));
        if let Attributes::Flat(flat) = &**attributes {
            **attributes = Attributes::Map(flat.to_map());
        }
        match &mut **attributes {
            Attributes::Map(map) => map,
            Attributes::Flat(_) => unreachable!("was just made a map"),
        }
    }
}

/// A flag as a label.
pub(crate) fn flag(value: bool) -> Cow<'static, str> {
    Cow::Borrowed(if value { "true" } else { "false" })
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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
        match self.0.as_deref() {
            None => serializer.collect_map(std::iter::empty::<(&str, &Value)>()),
            Some(Attributes::Map(map)) => serializer.collect_map(map),
            Some(Attributes::Flat(flat)) => serializer.collect_map(flat.iter()),
        }
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        Self((!map.is_empty()).then(|| Box::new(Attributes::Map(map))))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Map<_, _>>().into()
    }
}
