//! Sample lines as the reference writes them: `{"metric": …, "value": …, <metadata>, "timestamp": …}`.

use monitor_core::component::Item;
use monitor_core::sample::Sample;
use monitor_core::{Body, Zone};
use serde_json::{Map, Value};

use crate::reference::{isoformat, write_json};

/// Appends the sample lines of an event.
pub(super) fn write(out: &mut Vec<u8>, item: &Item<'_>, zone: &Zone) {
    for sample in item.samples {
        let mut line = Map::new();
        let name = sample.name();
        line.insert("value".to_owned(), number(&name, sample.value));
        match &item.event.body {
            Body::Metric(metric) => {
                for (key, value) in metric.key.metadata.iter() {
                    line.insert(safe(key), value.clone());
                }
            }
            _ => derived_metadata(&name, sample, &mut line),
        }
        line.insert("timestamp".to_owned(), isoformat(sample.time, zone).into());
        line.shift_insert(0, "metric".to_owned(), name.into());
        write_json(out, &line);
        out.push(b'\n');
    }
}

/// Counts are whole numbers in the reference's files, and everything else is a float.
fn number(name: &str, value: f64) -> Value {
    let counted = name.ends_with("_token_count") || matches!(name, "conversation_length" | "evaluation_error_rate");
    if counted && value.fract() == 0.0 { Value::from(value as i64) } else { Value::from(value) }
}

/// What the reference writes beside a sample that it derived itself.
fn derived_metadata(name: &str, sample: &Sample, line: &mut Map<String, Value>) {
    let mut copy = |label: &str| {
        if let Some(value) = sample.series.labels().get(label) {
            let value = if label == "success" { Value::Bool(value == "true") } else { Value::from(value.as_str()) };
            line.insert(label.to_owned(), value);
        }
    };
    match name {
        "prompt_token_count" | "completion_token_count" | "total_token_count" => copy("model_name"),
        "evaluation_error_rate" => copy("evaluator_type"),
        "evaluation_time" => {
            copy("evaluator_type");
            copy("success");
        }
        _ if name.starts_with("evaluation_score_") => {
            copy("evaluator_type");
            line.insert("feedback".to_owned(), sample.feedback.as_deref().map_or(Value::Null, Value::from));
        }
        _ => {}
    }
}

/// A key that does not overwrite one of the line's own.
fn safe(key: &str) -> String {
    match key {
        "metric" | "value" | "timestamp" => format!("metadata_{key}"),
        _ => key.to_owned(),
    }
}
