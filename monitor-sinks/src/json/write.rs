//! A table as JSON: `{metric: [{"timestamp": …, "value": …, <attributes>}]}`, as Python's `json.dump` spaces it.

use std::io::{BufWriter, Write};
use std::path::Path;

use monitor_core::component::BoxError;

use crate::counts::number;
use crate::reference::write_json;
use crate::table::{By, Column, Files, NewFile, Options, Part, Stamps, Table, column_name};

/// Bytes are handed to the system by this much.
const CHUNK: usize = 1 << 20;

/// Writes the file of a table.
pub(crate) fn write(table: &Table, path: &Path, options: &Options) -> Result<Files, BoxError> {
    let file = NewFile::create(path, options.exists)?;
    let parts = table.parts(&[By::Metric]);
    write_parts(table, &parts, options, file.file()).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok(vec![(file, table.len() as u64)])
}

fn write_parts(table: &Table, parts: &[Part], options: &Options, file: &std::fs::File) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(CHUNK, file);
    let mut stamps = Stamps::python(&options.zone);
    let mut text = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let metric = &table.metrics()[table.metric(part.rows[0] as usize)];
        text.extend_from_slice(if at == 0 { b"{" } else { b", " });
        write_json(&mut text, metric);
        text.extend_from_slice(b": [");
        let columns = table.columns_of(&part.rows);
        let cells: Vec<Vec<Vec<u8>>> = columns.iter().map(|column| cells(column)).collect();
        for (at, row) in part.rows.iter().enumerate() {
            options.go_on()?;
            let row = *row as usize;
            text.extend_from_slice(if at == 0 { b"{\"timestamp\": \"" } else { b", {\"timestamp\": \"" });
            stamps.write(&mut text, table.time(row));
            text.extend_from_slice(b"\", \"value\": ");
            number(&mut text, metric, table.value(row));
            for (column, cells) in columns.iter().zip(&cells) {
                text.extend_from_slice(&cells[column.code(row) as usize]);
            }
            text.push(b'}');
            out.write_all(&text)?;
            text.clear();
        }
        text.push(b']');
    }
    text.extend_from_slice(if parts.is_empty() { b"{}" } else { b"}" });
    out.write_all(&text)?;
    out.flush()
}

/// `, "model_name": "gpt-4o"` by its code, of which 0 is nothing.
fn cells(column: &Column) -> Vec<Vec<u8>> {
    let written = column.cells().iter().map(|cell| {
        let mut text = b", ".to_vec();
        write_json(&mut text, &column_name(column.name()));
        text.extend_from_slice(b": ");
        write_json(&mut text, &cell.value());
        text
    });
    std::iter::once(Vec::new()).chain(written).collect()
}
