//! The answer for programs: a row for every window of every group, as JSON or CSV.

use std::io::Write;

use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Window, WindowStats};
use monitor_core::{Text, Timestamp};
use serde_json::{Map, Value};

use crate::exit::Outcome;

/// One window of one group; no statistics where it has no samples.
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) window: Window,
    pub(super) stats: Option<WindowStats>,
}

/// A list of objects, one a line. `count` is always there: it tells whether there was data.
pub(super) fn json(out: &mut impl Write, metric: &str, aggregates: &[Aggregate], rows: &[Row]) -> Outcome {
    let count = Some(Aggregate::Count).filter(|count| !aggregates.contains(count));
    let objects = rows.iter().map(|row| {
        let mut object = Map::new();
        let labels = row.labels.iter().map(|(label, value)| (label.to_string(), Value::from(value.as_str())));
        object.insert("metric".to_owned(), metric.into());
        object.insert("labels".to_owned(), Value::Object(labels.collect()));
        object.insert("start".to_owned(), row.window.start.to_rfc3339().into());
        object.insert("end".to_owned(), row.window.end.to_rfc3339().into());
        for aggregate in count.iter().chain(aggregates) {
            object.insert(aggregate.to_string(), number(row.stats.as_ref(), *aggregate));
        }
        Value::Object(object)
    });
    list(out, objects)
}

/// A list of objects, one a line.
pub(in crate::commands) fn list(out: &mut impl Write, objects: impl Iterator<Item = Value>) -> Outcome {
    write!(out, "[")?;
    for (at, object) in objects.enumerate() {
        write!(out, "{}{object}", if at == 0 { "\n" } else { ",\n" })?;
    }
    writeln!(out, "\n]")?;
    Ok(())
}

/// A header, then a line for each row.
pub(super) fn csv(out: impl Write, metric: &str, by: &[Text], aggregates: &[Aggregate], rows: &[Row]) -> Outcome {
    let labels = by.iter().map(|label| text_cell(label));
    let names = aggregates.iter().map(Aggregate::to_string);
    let head = ["metric".to_owned()].into_iter().chain(labels);
    let head = head.chain(["start".to_owned(), "end".to_owned()]).chain(names);
    let lines = rows.iter().map(|row| {
        let labels = by.iter().map(|label| row.labels.get(label).map_or_else(String::new, |value| text_cell(value)));
        let numbers = aggregates.iter().map(|aggregate| match number(row.stats.as_ref(), *aggregate) {
            Value::Null => String::new(),
            number => number.to_string(),
        });
        let times = [row.window.start, row.window.end].map(Timestamp::to_rfc3339);
        [text_cell(metric)].into_iter().chain(labels).chain(times).chain(numbers).collect()
    });
    table(out, head.collect(), lines)
}

/// Lines of cells, quoted as in RFC 4180 where they must be.
pub(in crate::commands) fn table(
    out: impl Write,
    head: Vec<String>,
    lines: impl Iterator<Item = Vec<String>>,
) -> Outcome {
    let mut writer = ::csv::Writer::from_writer(out);
    for line in [head].into_iter().chain(lines) {
        writer.write_record(&line).map_err(io_error)?;
    }
    writer.flush()?;
    Ok(())
}

/// The error as it came: in the conversion of the crate its kind is lost, and with it that nobody reads.
fn io_error(error: ::csv::Error) -> std::io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// A spreadsheet takes text that begins like a formula for one, and runs it; an apostrophe before it prevents that.
/// Numbers are left as they are.
pub(in crate::commands) fn text_cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{text}") } else { text.to_owned() }
}

fn number(stats: Option<&WindowStats>, aggregate: Aggregate) -> Value {
    match (stats, aggregate) {
        (stats, Aggregate::Count) => stats.map_or(0, |stats| stats.count).into(),
        (Some(stats), _) => stats.get(aggregate).into(),
        (None, _) => Value::Null,
    }
}
