//! Lines of JSON, as sinks that hand on text have them: an event in the shape in which it is read back, or a sample with its
//! labels.

use monitor_core::component::{Content, Delivery};
use monitor_core::sample::Labels;
use serde::Serialize;

/// Adds a line for each event, or for each of their samples.
pub(crate) fn write(out: &mut Vec<u8>, delivery: &Delivery<'_>, content: Content) {
    match content {
        Content::Events => delivery.events().for_each(|event| line(out, event)),
        Content::Samples => delivery.samples().for_each(|sample| {
            let timestamp = sample.time.to_rfc3339();
            let (metric, labels) = (&*sample.name(), sample.series.labels());
            line(out, &SampleLine { timestamp, metric, value: sample.value, labels });
        }),
    }
}

/// Makes a list of lines.
#[cfg(feature = "http")]
pub(crate) fn as_list(lines: &mut Vec<u8>) {
    if lines.last() == Some(&b'\n') {
        lines.pop();
    }
    // Line breaks inside of texts are escaped.
    lines.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
    lines.insert(0, b'[');
    lines.push(b']');
}

#[derive(Serialize)]
struct SampleLine<'a> {
    timestamp: String,
    metric: &'a str,
    value: f64,
    labels: &'a Labels,
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *out, value).expect("events are JSON, and memory takes them");
    out.push(b'\n');
}
