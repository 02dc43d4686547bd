//! One table of the configuration on its way into a struct: unknown and missing keys, then types, each with its place.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::{Fault, schema_generator};
use crate::component::Invalid;
use crate::suggest::{hint, nearest, there_are};

/// A table and where it stands.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    pub(super) entries: DeTable<'a>,
    pub(super) places: Places,
}

/// Where a table and its keys stand, and what to call it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The header's bytes.
    pub(super) header: Range<usize>,
    /// What to call it: "sink `metrics`"; empty for the top of the file.
    pub(super) what: String,
    /// Where to read on: `monitor explain sink.jsonl`.
    pub(super) help: String,
    /// Names that could have been meant although they are no keys of the struct.
    pub(super) also_known: Vec<String>,
    /// The keys and where their values stand.
    values: Vec<(String, Range<usize>)>,
}

/// The keys of a struct, from its schema.
pub(crate) struct Keys {
    pub(crate) known: Vec<String>,
    required: Vec<String>,
}

impl Keys {
    pub(crate) fn of<T: JsonSchema>() -> Self {
        let schema = T::json_schema(&mut schema_generator());
        let names = |value: Option<&Value>| match value {
            Some(Value::Object(properties)) => properties.keys().cloned().collect(),
            Some(Value::Array(names)) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        Self { known: names(schema.get("properties")), required: names(schema.get("required")) }
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(entries: DeTable<'a>, header: Range<usize>, what: String, help: String) -> Self {
        let values = entries.iter().map(|(key, value)| (key.get_ref().to_string(), value.span())).collect();
        Self { entries, places: Places { header, what, help, also_known: Vec::new(), values } }
    }

    pub(crate) fn places(&self) -> Places {
        self.places.clone()
    }

    /// Takes out the keys of `names`, as a table of their own.
    pub(super) fn split(&mut self, names: &[String]) -> Self {
        let mut part = DeTable::new();
        for name in names {
            if let Some((key, value)) = self.entries.remove_entry(name.as_str()) {
                part.insert(key, value);
            }
        }
        self.places.also_known.extend_from_slice(names);
        Self { entries: part, places: self.places.clone() }
    }

    /// What it says, wherever it stands.
    pub(super) fn written(&self) -> toml::Table {
        let spanned = Spanned::new(self.places.header.clone(), DeValue::Table(self.entries.clone()));
        toml::Table::deserialize(ValueDeserializer::from(spanned)).expect("every table of TOML is one")
    }

    /// Decodes the table: unknown and missing keys are all reported, of wrong types the first.
    pub(crate) fn decode<T: DeserializeOwned + JsonSchema>(self) -> Result<T, Vec<Fault>> {
        let Self { mut entries, places } = self;
        let keys = Keys::of::<T>();
        let mut faults = Vec::new();
        let unknown: Vec<(String, Range<usize>)> = entries
            .keys()
            .map(|key| (key.get_ref().to_string(), key.span()))
            .filter(|(key, _)| !keys.known.contains(key))
            .collect();
        for (key, span) in unknown {
            entries.remove(key.as_str());
            faults.push(places.unknown_key(&key, span, &keys.known));
        }
        for key in keys.required.iter().filter(|key| !entries.contains_key(key.as_str())) {
            let message = format!("missing key `{key}`{}", places.of());
            faults.push(places.helped(Fault::new(message, places.header.clone(), format!("`{key}` must be set"))));
        }
        let missing = faults.iter().any(|fault| fault.message.starts_with("missing"));
        let spanned = Spanned::new(places.header.clone(), DeValue::Table(entries));
        match T::deserialize(ValueDeserializer::from(spanned)) {
            Ok(value) if faults.is_empty() => Ok(value),
            Ok(_) => Err(faults),
            Err(_) if missing => Err(faults),
            Err(error) => {
                faults.push(places.wrong_value(&error));
                Err(faults)
            }
        }
    }
}

impl Places {
    /// " in sink `metrics`", or nothing at the top of the file.
    fn of(&self) -> String {
        if self.what.is_empty() { String::new() } else { format!(" in {}", self.what) }
    }

    fn helped(&self, fault: Fault) -> Fault {
        fault.help(format!("see `{}`", self.help))
    }

    fn unknown_key(&self, key: &str, span: Range<usize>, known: &[String]) -> Fault {
        let names = known.iter().chain(&self.also_known).map(String::as_str);
        let label = match nearest(key, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("no such key; {}", there_are(known)),
        };
        self.helped(Fault::new(format!("unknown key `{key}`{}", self.of()), span, label))
    }

    fn wrong_value(&self, error: &toml::de::Error) -> Fault {
        let span = error.span().unwrap_or_else(|| self.header.clone());
        let key = self.values.iter().find(|(_, place)| place.start <= span.start && span.end <= place.end);
        let message = match key {
            Some((key, _)) => format!("wrong value for `{key}`{}", self.of()),
            None => format!("wrong value{}", self.of()),
        };
        self.helped(Fault::new(message, span, plain_words(error.message())))
    }

    /// A fault that a config found in itself.
    pub(crate) fn fault(&self, invalid: Invalid) -> Fault {
        let place = |key: &str| self.values.iter().find(|(known, _)| known == key).map(|(_, span)| span.clone());
        let fault = match invalid.key {
            Some(key) => {
                let span = place(key).unwrap_or_else(|| self.header.clone());
                Fault::new(format!("wrong value for `{key}`{}", self.of()), span, invalid.message)
            }
            None => Fault::new(format!("contradiction{}", self.of()), self.header.clone(), invalid.message),
        };
        self.helped(fault)
    }
}

/// Serde's words for types in those of people.
fn plain_words(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_word(rest, "key");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        return unknown_word(rest, "value");
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("{field} must be set");
    }
    let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    else {
        return message.to_owned();
    };
    let expected = match expected {
        "f64" => "a number",
        "usize" | "u64" | "u32" => "a whole number of zero or more",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a tuple of size 2" => "a list of two",
        "a map" => "a table",
        "a string" | "path string" | "a borrowed string" => "text",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    format!("expected {expected}, found {found}")
}

fn unknown_word(rest: &str, what: &str) -> String {
    let quoted: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let Some((word, known)) = quoted.split_first() else {
        return format!("unknown {what} {rest}");
    };
    format!("unknown {what} `{word}`: {}", hint(word, known))
}
