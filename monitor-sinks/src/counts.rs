//! Which values are whole numbers in the reference's files.

/// Whether a metric's values are whole numbers in the reference's files; everything else is a float there.
pub(crate) fn is_count(metric: &str) -> bool {
    metric.ends_with("_token_count")
        || matches!(metric, "conversation_length" | "evaluation_error_rate" | "unpriced_calls")
}

/// Appends the value of a sample: a whole number where the reference has one, a float elsewhere.
#[cfg(any(feature = "csv", feature = "json"))]
pub(crate) fn number(out: &mut Vec<u8>, metric: &str, value: f64) {
    if is_count(metric) && value.fract() == 0.0 && value.abs() < 1e15 {
        serde_json::to_writer(out, &(value as i64)).expect("memory takes it");
    } else {
        serde_json::to_writer(out, &value).expect("memory takes it");
    }
}
