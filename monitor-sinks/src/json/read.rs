//! JSON as a table: a list of samples for each metric.

use std::path::Path;

use monitor_core::component::BoxError;
use monitor_core::read::{Reason, open_recording};
use monitor_core::{Text, Timestamp, Zone};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::table::{Cell, Reading, attribute_name};

/// Reads a file, sample by sample.
pub(super) fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
    let mut reading = Reading::default();
    let mut file = serde_json::Deserializer::from_reader(open_recording(path)?);
    file.deserialize_map(Metrics { reading: &mut reading, zone })?;
    file.end()?;
    Ok(reading)
}

/// The whole file.
struct Metrics<'a> {
    reading: &'a mut Reading,
    zone: &'a Zone,
}

impl<'de> Visitor<'de> for Metrics<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with a list of samples for each metric")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut metrics: A) -> Result<(), A::Error> {
        while let Some(metric) = metrics.next_key::<String>()? {
            metrics.next_value_seed(Samples { metric: metric.into(), reading: self.reading, zone: self.zone })?;
        }
        Ok(())
    }
}

/// The list of a metric.
struct Samples<'a> {
    metric: Text,
    reading: &'a mut Reading,
    zone: &'a Zone,
}

impl<'de> DeserializeSeed<'de> for Samples<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Samples<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(sample) = samples.next_element::<Map<String, Value>>()? {
            number += 1;
            add(self.reading, &self.metric, number, &sample, self.zone);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(format!("`{}` must be a list of samples", self.metric)))
    }
}

fn add(reading: &mut Reading, metric: &Text, number: u64, sample: &Map<String, Value>, zone: &Zone) {
    let Some(value) = sample.get("value").and_then(Value::as_f64) else {
        let row = Value::Object(sample.clone()).to_string();
        return reading.refuse(
            number,
            Reason::WrongType,
            &format!("`value` of a sample of `{metric}` must be a number"),
            &row,
        );
    };
    let time = match sample.get("timestamp") {
        Some(Value::String(text)) => Timestamp::parse(text, zone).map_err(|error| error.to_string()),
        Some(Value::Number(number)) => {
            Timestamp::from_unix(number.as_f64().unwrap_or(f64::NAN)).map_err(|error| error.to_string())
        }
        _ => Err("it is missing".to_owned()),
    };
    let attributes = sample.iter().filter(|(name, _)| !matches!(name.as_str(), "timestamp" | "value"));
    let attributes = attributes.filter_map(|(name, value)| Some((attribute_name(name), Cell::of(value)?)));
    reading.row(number, metric, time, value, attributes);
}
