//! Parquet as a table: what we write, and what has the same columns.

use std::fs::File;
use std::path::Path;

use monitor_core::component::BoxError;
use monitor_core::read::Reason;
use monitor_core::{Text, Timestamp};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use serde_json::{Map, Value};

use super::COMMON;
use crate::table::{Cell, Reading, attribute_name};

/// Reads a file, group of rows by group of rows.
pub(super) fn read(path: &Path) -> Result<Reading, BoxError> {
    let file = SerializedFileReader::new(File::open(path)?)?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.columns();
    let place = |names: &[&str]| columns.iter().position(|column| names.contains(&column.name()));
    let (Some(metric), Some(timestamp), Some(value)) =
        (place(&["metric_name", "metric"]), place(&["timestamp"]), place(&["value"]))
    else {
        return Err("it has no columns `metric_name`, `timestamp` and `value`".into());
    };
    if let Some(nested) = columns.iter().find(|column| column.path().parts().len() > 1 || column.max_rep_level() > 0) {
        return Err(format!("its column `{}` has columns inside of it", nested.path().string()).into());
    }
    let attributes: Vec<(usize, &str)> = columns
        .iter()
        .enumerate()
        .filter(|(at, _)| ![metric, timestamp, value].contains(at))
        .map(|(at, column)| (at, attribute_name(column.name())))
        .collect();
    let per_micro = unit(&columns[timestamp])?;
    let common = in_common(&file);
    let mut reading = Reading::default();
    let mut number = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows())?;
        let cells = |at: usize| cells(group.get_column_reader(at)?, &columns[at], rows);
        let (metrics, times, values) = (cells(metric)?, cells(timestamp)?, cells(value)?);
        let attributes: Vec<(&str, Vec<Option<Cell>>)> =
            attributes.iter().map(|(at, name)| Ok((*name, cells(*at)?))).collect::<Result<_, ParquetError>>()?;
        for row in 0..rows {
            number += 1;
            let Some(Cell::Text(metric)) = &metrics[row] else {
                reading.refuse(number, Reason::MissingField, "`metric_name` is missing", "");
                continue;
            };
            let Some(value) = values[row].as_ref().and_then(Cell::number) else {
                reading.refuse(number, Reason::MissingField, "`value` is missing", metric);
                continue;
            };
            let time = match &times[row] {
                Some(Cell::Int(time)) => per_micro.moment(*time),
                _ => Err("it is missing".to_owned()),
            };
            let of_row = attributes.iter().filter_map(|(name, cells)| Some((*name, cells[row].clone()?)));
            let common = common.iter().map(|(name, cell)| (attribute_name(name), cell.clone()));
            reading.row(number, &Text::clone(metric), time, value, of_row.chain(common));
        }
    }
    Ok(reading)
}

/// The attributes that all rows have, which no column says.
fn in_common(file: &impl FileReader) -> Vec<(String, Cell)> {
    let known = file.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let common = known.filter(|known| known.key == COMMON).filter_map(|known| known.value.as_deref());
    let common = common.filter_map(|json| serde_json::from_str::<Map<String, Value>>(json).ok()).flatten();
    common.filter_map(|(name, value)| Some((name, Cell::of(&value)?))).collect()
}

/// When the first sample was taken, as the footer of the file says.
pub(super) fn begins(path: &Path) -> Option<Timestamp> {
    let file = SerializedFileReader::new(File::open(path).ok()?).ok()?;
    let schema = file.metadata().file_metadata().schema_descr();
    let at = schema.columns().iter().position(|column| column.name() == "timestamp")?;
    let per_micro = unit(&schema.columns()[at]).ok()?;
    let groups = file.metadata().row_groups().iter();
    let firsts = groups.map(|group| match group.column(at).statistics()? {
        Statistics::Int64(statistics) => statistics.min_opt().copied(),
        _ => None,
    });
    let first = firsts.collect::<Option<Vec<i64>>>()?.into_iter().min()?;
    per_micro.moment(first).ok()
}

/// What a column of times counts.
#[derive(Clone, Copy)]
enum Unit {
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    fn moment(self, time: i64) -> Result<Timestamp, String> {
        let micros = match self {
            Self::Millis => time.checked_mul(1_000),
            Self::Micros => Some(time),
            Self::Nanos => Some(time.div_euclid(1_000)),
        };
        let seconds = micros.map_or(f64::NAN, |micros| micros as f64 / 1e6);
        Timestamp::from_unix(seconds).map_err(|error| error.to_string())?;
        Ok(Timestamp::from_micros(micros.expect("was just looked at")))
    }
}

fn unit(column: &ColumnDescriptor) -> Result<Unit, String> {
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(time)) => Ok(match time.unit {
            TimeUnit::MILLIS => Unit::Millis,
            TimeUnit::MICROS => Unit::Micros,
            TimeUnit::NANOS => Unit::Nanos,
        }),
        _ => Err("its column `timestamp` holds no timestamps".to_owned()),
    }
}

/// The cells of a column, of all rows of a group.
fn cells(reader: ColumnReader, column: &ColumnDescriptor, rows: usize) -> Result<Vec<Option<Cell>>, ParquetError> {
    let is_json = matches!(column.logical_type_ref(), Some(LogicalType::Json));
    let text = |bytes: &ByteArray| {
        let text = Text::new(String::from_utf8_lossy(bytes.data()));
        if is_json { Cell::Json(text) } else { Cell::Text(text) }
    };
    match reader {
        ColumnReader::BoolColumnReader(reader) => all(reader, column, rows, |flag| Cell::Bool(*flag)),
        ColumnReader::Int32ColumnReader(reader) => all(reader, column, rows, |number| Cell::Int((*number).into())),
        ColumnReader::Int64ColumnReader(reader) => all(reader, column, rows, |number| Cell::Int(*number)),
        ColumnReader::FloatColumnReader(reader) => all(reader, column, rows, |number| Cell::float((*number).into())),
        ColumnReader::DoubleColumnReader(reader) => all(reader, column, rows, |number| Cell::float(*number)),
        ColumnReader::ByteArrayColumnReader(reader) => all(reader, column, rows, text),
        _ => Err(ParquetError::General(format!("column `{}` is of a type that no attribute has", column.name()))),
    }
}

fn all<D: DataType>(
    mut reader: ColumnReaderImpl<D>,
    column: &ColumnDescriptor,
    rows: usize,
    cell: impl Fn(&D::T) -> Cell,
) -> Result<Vec<Option<Cell>>, ParquetError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    while levels.len().max(if column.max_def_level() == 0 { values.len() } else { 0 }) < rows {
        let (records, ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
    }
    if column.max_def_level() == 0 {
        return Ok(values.iter().map(|value| Some(cell(value))).collect());
    }
    let mut values = values.iter();
    Ok(levels.iter().map(|level| if *level > 0 { values.next().map(&cell) } else { None }).collect())
}
