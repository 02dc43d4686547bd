//! Workbooks as a table: every sheet with columns `timestamp`, `value` and `metric`.

use std::path::Path;

use calamine::{Data, Reader, Xlsx, open_workbook};
use monitor_core::component::BoxError;
use monitor_core::read::Reason;
use monitor_core::{Text, Timestamp, Zone};

use super::{EPOCH, INDEX, MILLIS_A_DAY};
use crate::table::{Cell, Reading, attribute_name};

/// Reads a workbook. Times are UTC; those that stand there as text are of the zone.
pub(super) fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
    let mut workbook: Xlsx<_> = open_workbook(path)?;
    let mut reading = Reading::default();
    let mut sheets = 0;
    for (name, range) in workbook.worksheets() {
        let mut rows = range.rows();
        let header: Vec<String> = rows.next().unwrap_or_default().iter().map(ToString::to_string).collect();
        let place = |names: &[&str]| header.iter().position(|name| names.contains(&name.as_str()));
        let (Some(timestamp), Some(value), Some(metric)) =
            (place(&["timestamp"]), place(&["value"]), place(&["metric", "metric_name"]))
        else {
            continue;
        };
        sheets += 1;
        for (number, row) in (2..).zip(rows) {
            let told = || format!("{name}: {row:?}");
            let (Data::String(metric), Some(value)) = (&row[metric], number_of(&row[value])) else {
                let error = "a sample has the name of a metric, and a number for its value";
                reading.refuse(number, Reason::WrongType, error, &told());
                continue;
            };
            let of_row = header.iter().zip(row).enumerate().filter(|(at, _)| {
                *at != timestamp && header[*at] != "value" && header[*at] != "metric" && header[*at] != "metric_name"
            });
            let cells = of_row.filter_map(|(_, (name, cell))| Some((attribute_name(name), attribute(cell)?)));
            reading.row(number, &Text::new(metric), time(&row[timestamp], zone), value, cells);
        }
    }
    // One of ours without samples has nothing but an index.
    if sheets == 0 && !workbook.sheet_names().iter().any(|name| name == INDEX) {
        return Err("no sheet of it has columns `timestamp`, `value` and `metric`".into());
    }
    Ok(reading)
}

fn number_of(cell: &Data) -> Option<f64> {
    match cell {
        Data::Float(number) => Some(*number),
        Data::Int(number) => Some(*number as f64),
        _ => None,
    }
}

fn time(cell: &Data, zone: &Zone) -> Result<Timestamp, String> {
    let days = match cell {
        Data::DateTime(time) => time.as_f64(),
        Data::String(text) | Data::DateTimeIso(text) => {
            return Timestamp::parse(text, zone).map_err(|error| error.to_string());
        }
        other => return Err(format!("it is `{other}`")),
    };
    let seconds = (days - EPOCH) * MILLIS_A_DAY / 1_000.0;
    Timestamp::from_unix(seconds).map_err(|error| error.to_string())?;
    Ok(Timestamp::from_micros(((days - EPOCH) * MILLIS_A_DAY).round() as i64 * 1_000))
}

fn attribute(cell: &Data) -> Option<Cell> {
    match cell {
        Data::String(text) => Some(Cell::Text(text.into())),
        Data::Bool(flag) => Some(Cell::Bool(*flag)),
        Data::Int(number) => Some(Cell::Int(*number)),
        // A workbook does not tell whole numbers from others.
        Data::Float(number) if number.fract() == 0.0 && number.abs() <= 9e15 => Some(Cell::Int(*number as i64)),
        Data::Float(number) => Some(Cell::float(*number)),
        Data::DateTime(_) | Data::DateTimeIso(_) | Data::DurationIso(_) => Some(Cell::Text(cell.to_string().into())),
        Data::Empty | Data::Error(_) => None,
    }
}
