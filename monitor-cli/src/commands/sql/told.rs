//! The rows of an answer, for people and for programs.

use std::io::Write;

use monitor_core::time::format_duration;
use monitor_core::{Timestamp, Zone};
use monitor_sinks::frames::polars_core::prelude::*;
use serde_json::{Map, Value};

use crate::args::RowFormat;
use crate::commands::query::{rows, text, unit};
use crate::exit::Outcome;
use crate::table;

/// A table of more rows is nothing that people read.
const MOST_ROWS: usize = 1_000;
/// Digits of a number that people read.
const DIGITS: i32 = 6;

/// Writes the answer.
pub(super) fn tell(out: &mut impl Write, answer: &DataFrame, zone: &Zone, format: RowFormat) -> Outcome {
    let names: Vec<&str> = answer.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    let cells = |row: usize| {
        answer.columns().iter().map(move |column| column.get(row).expect("the columns are as long as the frame"))
    };
    match format {
        RowFormat::Text => {
            let is_number = |at: usize| answer.columns()[at].dtype().is_primitive_numeric();
            let shown = answer.height().min(MOST_ROWS);
            let lines = (0..shown).map(|row| cells(row).map(|cell| shown_cell(&cell, zone)).collect());
            writeln!(out, "{}", table::columns(&names, is_number, lines))?;
            match answer.height() - shown {
                0 => {}
                more => writeln!(out, "\n{more} more rows: --format csv and --format json have all")?,
            }
            Ok(())
        }
        RowFormat::Json => {
            let objects = (0..answer.height()).map(|row| {
                let values = names.iter().zip(cells(row)).map(|(name, cell)| ((*name).to_owned(), value(&cell)));
                Value::Object(values.collect::<Map<_, _>>())
            });
            rows::list(out, objects)
        }
        RowFormat::Csv => {
            let lines = (0..answer.height()).map(|row| {
                let cells = cells(row).map(|cell| match value(&cell) {
                    Value::Null => String::new(),
                    Value::String(text) => rows::text_cell(&text),
                    other => other.to_string(),
                });
                cells.collect()
            });
            rows::table(out, names.iter().map(|name| rows::text_cell(name)).collect(), lines)
        }
    }
}

/// A cell for people.
fn shown_cell(cell: &AnyValue<'_>, zone: &Zone) -> String {
    match &cell.as_borrowed() {
        AnyValue::Null => "–".to_owned(),
        AnyValue::Float64(number) if number.is_finite() => unit::number(*number, DIGITS),
        AnyValue::Float64(number) => number.to_string(),
        AnyValue::Datetime(time, unit, Some(_)) => text::local(moment(*time, *unit), zone),
        AnyValue::Duration(length, unit) if *length >= 0 => {
            format_duration(moment(*length, *unit).since(Timestamp::from_micros(0)))
        }
        cell => match value(cell) {
            Value::String(text) => text,
            other => other.to_string(),
        },
    }
}

/// A cell for programs. Times are in UTC if they have a zone, and lengths of time in seconds; a number that JSON has not, as
/// infinity, is null.
fn value(cell: &AnyValue<'_>) -> Value {
    match &cell.as_borrowed() {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(is) => (*is).into(),
        AnyValue::String(text) => (*text).into(),
        AnyValue::Float64(number) => (*number).into(),
        AnyValue::Datetime(time, unit, zone) => {
            let text = moment(*time, *unit).to_rfc3339();
            if zone.is_some() { text } else { text.trim_end_matches('Z').to_owned() }.into()
        }
        AnyValue::Date(days) => {
            let start = Timestamp::from_micros(i64::from(*days) * 86_400_000_000).to_rfc3339();
            start.split('T').next().unwrap_or_default().into()
        }
        AnyValue::Duration(length, unit) => (moment(*length, *unit).as_micros() as f64 / 1e6).into(),
        AnyValue::List(series) => series.iter().map(|cell| value(&cell)).collect(),
        cell => match cell.extract::<i64>() {
            Some(number) if cell.is_integer() => number.into(),
            _ => cell.to_string().trim_matches('"').into(),
        },
    }
}

fn moment(time: i64, unit: TimeUnit) -> Timestamp {
    Timestamp::from_micros(match unit {
        TimeUnit::Nanoseconds => time.div_euclid(1_000),
        TimeUnit::Microseconds => time,
        TimeUnit::Milliseconds => time.saturating_mul(1_000),
    })
}
