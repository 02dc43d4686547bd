//! A table as CSV.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use monitor_core::component::BoxError;

use super::cell::escaped;
use crate::counts::number;
use crate::table::{Column, Files, Names, NewFile, Options, Part, Stamps, Table, column_name};

/// Bytes are handed to the system by this much.
const CHUNK: usize = 1 << 20;

/// Writes the files of a table, a file a part.
pub(crate) fn write(table: &Table, path: &Path, options: &Options) -> Result<Files, BoxError> {
    let mut names = Names::default();
    let mut files = Vec::new();
    for part in table.parts(&options.by) {
        let file = NewFile::create(&path_of_part(path, &part, &mut names), options.exists)?;
        write_part(table, &part, options, file.file())
            .map_err(|error| format!("`{}`: {error}", file.path().display()))?;
        files.push((file, part.rows.len() as u64));
    }
    Ok(files)
}

fn write_part(table: &Table, part: &Part, options: &Options, file: &std::fs::File) -> std::io::Result<()> {
    let columns = table.columns_of(&part.rows);
    let mut out = BufWriter::with_capacity(CHUNK, file);
    let mut line = b"timestamp,value,metric".to_vec();
    for column in &columns {
        line.push(b',');
        line.extend_from_slice(escaped(&column_name(column.name())).as_bytes());
    }
    line.push(b'\n');
    out.write_all(&line)?;
    // Each text is made fit for a file once.
    let metrics: Vec<String> = table.metrics().iter().map(|name| escaped(name)).collect();
    let cells: Vec<Vec<String>> = columns.iter().map(|column| cells(column)).collect();
    let mut stamps = Stamps::utc();
    for row in &part.rows {
        options.go_on()?;
        let row = *row as usize;
        line.clear();
        stamps.write(&mut line, table.time(row));
        line.push(b',');
        number(&mut line, &table.metrics()[table.metric(row)], table.value(row));
        line.push(b',');
        line.extend_from_slice(metrics[table.metric(row)].as_bytes());
        for (column, cells) in columns.iter().zip(&cells) {
            line.push(b',');
            line.extend_from_slice(cells[column.code(row) as usize].as_bytes());
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()
}

/// By their codes, of which 0 is nothing.
fn cells(column: &Column) -> Vec<String> {
    std::iter::once(String::new()).chain(column.cells().iter().map(super::cell::text)).collect()
}

/// `metrics.csv` for a part becomes `metrics_generation_time.csv`.
fn path_of_part(path: &Path, part: &Part, names: &mut Names) -> PathBuf {
    if part.values.is_empty() {
        return path.to_owned();
    }
    let name = names.file(&part.name());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}_{name}{end}"))
}
