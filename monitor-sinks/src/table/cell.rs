//! What stands in a cell of a table: a value of JSON that can be told from another one, and looked up.

use monitor_core::Text;
use monitor_core::event::Attribute;
use serde_json::{Number, Value};

/// One value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Text.
    Text(Text),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number, by its bits.
    Float(u64),
    /// A list or an object, as JSON.
    Json(Text),
}

/// What all cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, or of several types.
    Text,
    /// True or false.
    Bool,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Lists and objects.
    Json,
}

impl Cell {
    /// A value of JSON; null is nothing.
    pub fn of<'a>(value: impl Into<Attribute<'a>>) -> Option<Self> {
        match value.into() {
            Attribute::Null => None,
            Attribute::Bool(flag) => Some(Self::Bool(flag)),
            Attribute::Number(number) => Some(match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().expect("every number of JSON is one").to_bits()),
            }),
            Attribute::Text(text) => Some(Self::Text(text.into())),
            Attribute::Nested(value) => Some(Self::Json(value.to_string().into())),
        }
    }

    /// A label, which is text, but for whether it went well.
    pub(super) fn of_label(name: &str, value: &Text) -> Self {
        match (name, value.as_str()) {
            ("success", "true") => Self::Bool(true),
            ("success", "false") => Self::Bool(false),
            _ => Self::Text(value.clone()),
        }
    }

    /// A number that need not be whole.
    pub fn float(number: f64) -> Self {
        Self::Float(number.to_bits())
    }

    /// The value of JSON.
    pub fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.to_string()),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::from(*number),
            Self::Float(bits) => Number::from_f64(f64::from_bits(*bits)).map_or(Value::Null, Value::Number),
            Self::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_string())),
        }
    }

    /// What a person reads.
    pub fn text(&self) -> Text {
        match self {
            Self::Text(text) | Self::Json(text) => text.clone(),
            Self::Bool(flag) => Text::new_static(if *flag { "true" } else { "false" }),
            Self::Int(number) => number.to_string().into(),
            Self::Float(bits) => f64::from_bits(*bits).to_string().into(),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(bits) => Some(f64::from_bits(*bits)),
            Self::Text(_) | Self::Bool(_) | Self::Json(_) => None,
        }
    }

    pub(super) const fn column_type(&self) -> ColumnType {
        match self {
            Self::Text(_) => ColumnType::Text,
            Self::Bool(_) => ColumnType::Bool,
            Self::Int(_) => ColumnType::Int,
            Self::Float(_) => ColumnType::Float,
            Self::Json(_) => ColumnType::Json,
        }
    }
}

impl ColumnType {
    /// What both are.
    pub(super) fn with(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            _ => Self::Text,
        }
    }
}
