//! Attributes as a line gives them: their names are shared by all lines of one shape, short texts need no allocation, and
//! a map is made only for whoever asks for one.

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::Text;

/// Attributes with values that are not nested. No name comes twice.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    names: Arc<[Text]>,
    values: Box<[Scalar]>,
    map: OnceLock<Box<Map<String, Value>>>,
}

/// A value that is not nested.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
}

impl Flat {
    pub(super) fn new(names: Arc<[Text]>, values: Box<[Scalar]>) -> Self {
        debug_assert_eq!(names.len(), values.len(), "a value for each name");
        Self { names, values, map: OnceLock::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Scalar> {
        let at = self.names.iter().position(|known| known == name)?;
        self.values.get(at)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Text, &Scalar)> {
        self.names.iter().zip(&self.values)
    }

    pub(super) fn map(&self) -> &Map<String, Value> {
        self.map.get_or_init(|| Box::new(self.to_map()))
    }

    pub(super) fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.as_str().to_owned(), value.to_value())).collect()
    }
}

impl Scalar {
    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.as_str().to_owned()),
        }
    }
}
