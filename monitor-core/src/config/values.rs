//! Values that are written as text: lengths of time, sizes, zones, kinds.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Zone;
use crate::event::Kind;
use crate::time::{format_duration, parse_duration};

/// A value that is text in the configuration: how it is read, how it is shown, what its schema calls it.
macro_rules! text_value {
    ($name:ident, $inner:ty, $format:literal, $doc:literal, $read:expr, $show:expr) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_str(AsText($doc))?;
                let read: fn(&str) -> Result<$inner, String> = $read;
                read(&text).map(Self).map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let show: fn(&$inner) -> String = $show;
                serializer.serialize_str(&show(&self.0))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

/// Takes text, and says in words what it should have been.
struct AsText(&'static str);

impl Visitor<'_> for AsText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.trim_end_matches('.');
        let (first, rest) = words.split_at(1);
        write!(f, "{}{rest}", first.to_lowercase())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

text_value!(
    DurationText,
    Duration,
    "duration",
    "A length of time: \"90s\", \"5m\", \"1h 30m\".",
    |text| parse_duration(text).map_err(|error| error.to_string()),
    |duration| format_duration(*duration)
);

text_value!(
    SizeText,
    u64,
    "size",
    "A number of bytes: \"64 MiB\", \"1 GB\", \"4096\".",
    |text| {
        parse_size(text).ok_or_else(|| {
            format!(
                "`{text}` is not a size: write a number of bytes with or without a unit, as in \"64 MiB\" or \"1 GB\""
            )
        })
    },
    |size| format_size(*size)
);

text_value!(
    ZoneText,
    Zone,
    "time zone",
    "A time zone: \"local\", \"UTC\", \"+02:00\", \"Europe/Berlin\".",
    |text| text.parse::<Zone>().map_err(|error| error.to_string()),
    |zone| match zone {
        Zone::Local => "local".to_owned(),
        Zone::Named(zone) => zone.name().to_owned(),
        Zone::Fixed(offset) => offset.to_string(),
    }
);

text_value!(
    KindText,
    Kind,
    "kind of event",
    "A kind of event: \"generation\", \"evaluation\", \"metric\", \"log\", \"alert\".",
    |text| text.parse::<Kind>().map_err(|error| error.to_string()),
    |kind| kind.to_string()
);

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim() {
        "" => Some(number),
        unit => number.checked_mul(UNITS.iter().find(|(name, _)| *name == unit)?.1),
    }
}

fn format_size(size: u64) -> String {
    let binary = |(_, unit): &&(&str, u64)| *unit >= 1 << 10 && unit.is_power_of_two() && size.is_multiple_of(*unit);
    match UNITS.iter().rfind(binary) {
        Some((name, unit)) if size > 0 => format!("{} {name}", size / unit),
        _ => format!("{size} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        assert_eq!(parse_size("64 MiB"), Some(64 << 20));
        assert_eq!(parse_size("1GB"), Some(1_000_000_000));
        assert_eq!(parse_size("4096"), Some(4096));
        for bad in ["", "MiB", "1.5 GB", "-1", "1 parsec", "99999999999 TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        assert_eq!((format_size(512 << 20), format_size(1000)), ("512 MiB".into(), "1000 B".into()));
    }
}
