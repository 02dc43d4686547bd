//! `monitor query --list`: which metrics there are, with which labels, from when to when.

use std::io::{BufWriter, Write};

use monitor_core::Timestamp;
use monitor_core::store::MetricSummary;
use monitor_core::template::thousands;
use serde_json::{Value, json};

use super::text::local;
use super::unit::Unit;
use super::{read, rows};
use crate::args::{QueryArgs, RowFormat};
use crate::commands::judged;
use crate::exit::Outcome;
use crate::table::table;

const HEAD: [&str; 7] = ["metric", "unit", "series", "samples", "first", "last", "labels"];

/// Lists the metrics of recordings. Without a metric to ask for, its place on the command line is a recording's, too.
pub(super) fn list(args: &QueryArgs) -> Outcome {
    let data: Vec<_> = [args.metric.clone().into()].into_iter().chain(args.data.iter().cloned()).collect();
    let (summary, store) = read(&args.timezone, &data, Vec::new())?;
    let metrics = store.metrics();
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.format {
        RowFormat::Json => rows::list(&mut out, metrics.iter().map(object))?,
        RowFormat::Csv => rows::table(&mut out, HEAD.map(str::to_owned).to_vec(), metrics.iter().map(line))?,
        RowFormat::Text => {
            let rows = metrics.iter().map(|metric| {
                let [first, last] = times(metric, |time| local(time, &args.timezone)).map(Option::unwrap_or_default);
                let [series, samples] = [metric.series as i64, metric.samples as i64].map(thousands);
                vec![metric.name.to_string(), unit(metric).to_owned(), series, samples, first, last, labels(metric)]
            });
            let table = table(&HEAD, 2..6, rows);
            writeln!(out, "{}", if metrics.is_empty() { "no samples" } else { &table })?;
        }
    }
    out.flush()?;
    judged(&summary)
}

fn object(metric: &MetricSummary) -> Value {
    let [first, last] = times(metric, Timestamp::to_rfc3339);
    json!({
        "metric": metric.name.as_str(),
        "unit": Unit::of(&metric.name).map(Unit::as_str),
        "series": metric.series,
        "samples": metric.samples,
        "first": first,
        "last": last,
        "labels": metric.labels.iter().map(|(label, values)| (label.to_string(), json!(values))).collect::<Value>(),
    })
}

fn line(metric: &MetricSummary) -> Vec<String> {
    let [first, last] = times(metric, Timestamp::to_rfc3339).map(Option::unwrap_or_default);
    let (series, samples) = (metric.series.to_string(), metric.samples.to_string());
    let [name, labels] = [metric.name.to_string(), labels(metric)].map(|text| rows::text_cell(&text));
    vec![name, unit(metric).to_owned(), series, samples, first, last, labels]
}

fn times(metric: &MetricSummary, show: impl Fn(Timestamp) -> String) -> [Option<String>; 2] {
    [metric.extent.map(|extent| show(extent.start)), metric.extent.map(|extent| show(extent.end))]
}

fn unit(metric: &MetricSummary) -> &'static str {
    Unit::of(&metric.name).map_or("", Unit::as_str)
}

/// Each with the number of its values.
fn labels(metric: &MetricSummary) -> String {
    metric.labels.iter().map(|(label, values)| format!("{label} {values}")).collect::<Vec<_>>().join(", ")
}
