//! A JSON value that borrows from its line, and keeps the keys of an object in order and as often as they came.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Reason, Refusal};

/// A JSON value, borrowed where its text holds no escapes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The keys and values of an object.
pub(super) type Object<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl Json<'_> {
    /// What kind of value it is, with its article.
    pub(super) fn article(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Array(items) => Value::Array(items.into_iter().map(Json::into_value).collect()),
            Self::Object(pairs) => Value::Object(into_map(pairs)),
        }
    }
}

pub(super) fn into_map(pairs: Object<'_>) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into_value())).collect()
}

/// Parses a line as an object.
///
/// NaN and the infinities, which Python's `json` writes and JSON does not know, are read as null; the flag says so.
pub(super) fn parse_object(text: &str) -> Result<(Object<'_>, bool), Refusal> {
    match parse(text) {
        Ok(object) => Ok((object, false)),
        Err(refusal) if refusal.reason == Reason::InvalidJson => match without_non_finite(text) {
            // The repaired text lives only here: what is kept of it is copied.
            Some(repaired) => parse(&repaired).map(|object| (to_owned(object), true)).map_err(|_| refusal),
            None => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    }
}

fn parse(text: &str) -> Result<Object<'_>, Refusal> {
    match serde_json::from_str::<Json<'_>>(text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(other) => Err(Refusal::new(Reason::NotAnEvent, format!("an event is an object, not {}", other.article()))),
        Err(error) => {
            let whole = error.to_string();
            let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
            let reason = match message {
                "recursion limit exceeded" => Reason::TooDeep,
                "number out of range" => Reason::OutOfRange,
                _ => Reason::InvalidJson,
            };
            Err(Refusal::new(reason, format!("{message} (column {})", error.column())))
        }
    }
}

fn to_owned(object: Object<'_>) -> Object<'static> {
    fn owned(value: Json<'_>) -> Json<'static> {
        match value {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Number(number) => Json::Number(number),
            Json::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Json::Array(items) => Json::Array(items.into_iter().map(owned).collect()),
            Json::Object(pairs) => Json::Object(to_owned(pairs)),
        }
    }
    object.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), owned(value))).collect()
}

/// The text with null for every bare NaN, Infinity and -Infinity; `None` if it holds none.
fn without_non_finite(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(token) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|token| rest.starts_with(token)) {
            out.push_str("null");
            rest = &rest[token.len()..];
            found = true;
        } else {
            let end = if rest.starts_with('"') { string_end(rest) } else { 1 };
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Where the string that begins `text` ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut pairs = Vec::with_capacity(12);
        while let Some(Key(key)) = entries.next_key()? {
            pairs.push((key, entries.next_value()?));
        }
        Ok(Json::Object(pairs))
    }
}

/// A key, borrowed where it can be (serde's own `Cow` always copies).
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_finite_numbers_are_found_outside_of_strings_only() {
        assert_eq!(
            without_non_finite(r#"{"a": NaN, "b": -Infinity, "c": [Infinity, -1], "NaN": "NaN \" Infinity"}"#)
                .as_deref(),
            Some(r#"{"a": null, "b": null, "c": [null, -1], "NaN": "NaN \" Infinity"}"#)
        );
        assert_eq!(without_non_finite(r#"{"a": "NaN", "b": -1}"#), None);
        assert_eq!(without_non_finite(r#"{"a": NaN, "unclosed"#).as_deref(), Some(r#"{"a": null, "unclosed"#));
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        let (object, repaired) = parse_object(r#"{"a":"b","c\n":"d\n"}"#).expect("an object");
        assert!(!repaired);
        assert!(matches!(&object[0], (Cow::Borrowed("a"), Json::Text(Cow::Borrowed("b")))));
        assert!(matches!(&object[1], (Cow::Owned(_), Json::Text(Cow::Owned(_)))));
    }
}
