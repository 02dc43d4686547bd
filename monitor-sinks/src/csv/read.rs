//! CSV as a table: what we write, and what has the same columns.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use monitor_core::component::BoxError;
use monitor_core::read::{Reason, open_recording};
use monitor_core::{Text, Timestamp, Zone};

use super::cell::unescaped;
use crate::table::{Cell, Reading, attribute_name};

/// Labels are text, whatever they look like.
const TEXT: [&str; 5] = ["model_name", "operation", "evaluator_type", "finish_reason", "error_type"];

/// Reads a file.
pub(super) fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(open_recording(path)?);
    let header = reader.headers()?.clone();
    let place = |names: &[&str]| header.iter().position(|name| names.contains(&name));
    let (Some(timestamp), Some(value), Some(metric)) =
        (place(&["timestamp"]), place(&["value"]), place(&["metric", "metric_name"]))
    else {
        return Err("it has no columns `timestamp`, `value` and `metric`".into());
    };
    let mut attributes: Vec<Attribute> = header
        .iter()
        .enumerate()
        .filter(|(at, _)| ![timestamp, value, metric].contains(at))
        .map(|(at, name)| Attribute { at, name: Text::new(attribute_name(unescaped(name))), kind: Kind::Bool })
        .collect();
    let records = reader.into_records().collect::<Vec<_>>();
    for attribute in &mut attributes {
        attribute.find_kind(records.iter().flatten());
    }
    let mut reading = Reading::default();
    for (number, record) in records.into_iter().enumerate() {
        // The header is the first line.
        let number = number as u64 + 2;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                reading.refuse(number, Reason::InvalidUtf8, &error.to_string(), "");
                continue;
            }
        };
        // A last line that was cut short may look like a sample of another metric.
        if record.len() != header.len() {
            let error = format!("it has {} cells, and the header {}", record.len(), header.len());
            reading.refuse(number, Reason::MissingField, &error, &record.iter().collect::<Vec<_>>().join(","));
            continue;
        }
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let Ok(number_of) = cell(value).parse::<f64>() else {
            let error = format!("`value` must be a number, and is `{}`", cell(value));
            reading.refuse(number, Reason::WrongType, &error, &record.iter().collect::<Vec<_>>().join(","));
            continue;
        };
        let time = Timestamp::parse(cell(timestamp), zone).map_err(|error| error.to_string());
        let cells = attributes.iter().filter_map(|of| Some((of.name.as_str(), of.kind.cell(cell(of.at))?)));
        reading.row(number, &Text::new(unescaped(cell(metric))), time, number_of, cells);
    }
    Ok(reading)
}

struct Attribute {
    at: usize,
    name: Text,
    kind: Kind,
}

/// What the cells of a column are. A file of values does not say it: they are numbers if all of them are, and would be
/// written as they stand there.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Int,
    Float,
    Text,
}

impl Attribute {
    fn find_kind<'a>(&mut self, records: impl Iterator<Item = &'a StringRecord> + Clone) {
        let cells = records.filter_map(|record| record.get(self.at)).filter(|cell| !cell.is_empty());
        let fits = |kind: Kind| cells.clone().all(|cell| kind.cell(cell).is_some_and(|read| read.text() == cell));
        let kinds = if TEXT.contains(&self.name.as_str()) { &[][..] } else { &[Kind::Bool, Kind::Int, Kind::Float] };
        self.kind = kinds.iter().copied().find(|kind| fits(*kind)).unwrap_or(Kind::Text);
    }
}

impl Kind {
    fn cell(self, text: &str) -> Option<Cell> {
        if text.is_empty() {
            return None;
        }
        match self {
            Self::Bool => text.parse().ok().map(Cell::Bool),
            Self::Int => text.parse().ok().map(Cell::Int),
            Self::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Cell::float),
            Self::Text => Some(Cell::Text(unescaped(text).into())),
        }
    }
}
