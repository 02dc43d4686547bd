//! Sample lines as the reference writes them: `{"metric": …, "value": …, <metadata>, "timestamp": …}`.

use monitor_core::component::Item;
use monitor_core::sample::Sample;
use monitor_core::{Kind, Metadata, Zone};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::counts::is_count;
use crate::reference::{isoformat, write_json};

/// Appends the sample lines of an event.
pub(super) fn write(out: &mut Vec<u8>, item: &Item<'_>, zone: &Zone) {
    let timestamp = isoformat(item.time(), zone);
    // Only of a metric is the event asked for.
    let metadata = match item.kind() {
        Kind::Metric => item.event().metadata(),
        _ => None,
    };
    for sample in item.samples().iter() {
        write_json(out, &Line { sample, metadata, timestamp: &timestamp });
        out.push(b'\n');
    }
}

/// One line.
struct Line<'a> {
    sample: Sample<'a>,
    /// The metadata of an event that is a metric itself; other samples are derived, and show what the reference shows.
    metadata: Option<&'a Metadata>,
    timestamp: &'a str,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.sample.name();
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("metric", &name)?;
        // Counts are whole numbers in the reference's files, and everything else is a float.
        let value = self.sample.value;
        if is_count(&name) && value.fract() == 0.0 {
            line.serialize_entry("value", &(value as i64))?;
        } else {
            line.serialize_entry("value", &value)?;
        }
        match self.metadata {
            Some(metadata) => {
                for (key, value) in metadata.iter() {
                    match key {
                        "metric" => line.serialize_entry("metadata_metric", value)?,
                        "value" => line.serialize_entry("metadata_value", value)?,
                        "timestamp" => line.serialize_entry("metadata_timestamp", value)?,
                        _ => line.serialize_entry(key, value)?,
                    }
                }
            }
            None => self.derived(&name, &mut line)?,
        }
        line.serialize_entry("timestamp", self.timestamp)?;
        line.end()
    }
}

impl Line<'_> {
    /// What the reference writes beside a sample that it derives itself, or would if it knew of costs.
    fn derived<M: SerializeMap>(&self, name: &str, line: &mut M) -> Result<(), M::Error> {
        let labels: &[&str] = match name {
            "cost_usd" | "unpriced_calls" => &["model_name"],
            _ if name.ends_with("_token_count") => &["model_name"],
            "evaluation_time" => &["evaluator_type", "success"],
            "evaluation_error_rate" => &["evaluator_type"],
            _ if name.starts_with("evaluation_score_") => &["evaluator_type"],
            _ => &[],
        };
        for label in labels {
            match self.sample.series.labels().get(label) {
                Some(value) if *label == "success" => line.serialize_entry(label, &(value == "true"))?,
                Some(value) => line.serialize_entry(label, value)?,
                None => {}
            }
        }
        if name.starts_with("evaluation_score_") {
            line.serialize_entry("feedback", &self.sample.feedback)?;
        }
        Ok(())
    }
}
