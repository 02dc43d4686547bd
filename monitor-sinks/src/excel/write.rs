//! A table as a workbook: an index, then a sheet a part, and more where Excel has no room for all its rows. Times are UTC,
//! to the millisecond, which is what Excel keeps.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use monitor_core::component::BoxError;
use monitor_core::{Text, Timestamp};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{EPOCH, INDEX, MILLIS_A_DAY};
use crate::table::{Cell, Column, Files, Names, NewFile, Options, Part, Table, column_name};

/// Rows below the header of a sheet, and columns; see
/// <https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3>.
const ROWS: usize = 1_048_575;
const COLUMNS: usize = 16_384;
/// UTF-16 units of a cell.
const LONGEST: usize = 32_767;
/// Beyond it Excel does not tell whole numbers apart: they are written as text.
const EXACT: u64 = 1 << 53;

/// Writes the workbook of a table.
pub(crate) fn write(table: &Table, path: &Path, options: &Options) -> Result<Files, BoxError> {
    let file = NewFile::create(path, options.exists)?;
    let failed = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
    // What goes wrong with the temporary files of a sheet is a panic in the writer of workbooks.
    let written = catch_unwind(AssertUnwindSafe(|| write_workbook(table, path, options, file.file())));
    let cut = match written {
        Ok(written) => written.map_err(|error| failed(&error))?,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map_or("the writer of workbooks has panicked", String::as_str);
            return Err(failed(&said).into());
        }
    };
    if cut > 0 {
        tracing::warn!("{cut} texts in `{}` are cut off: a cell of Excel holds {LONGEST} characters", path.display());
    }
    Ok(vec![(file, table.len() as u64)])
}

/// How many texts were cut off.
fn write_workbook(table: &Table, path: &Path, options: &Options, file: &File) -> Result<usize, XlsxError> {
    let mut workbook = Workbook::new();
    // Temporary files stand beside it, where there is room for it.
    workbook.set_tempdir(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    let cut = write_sheets(table, options, &mut workbook)?;
    let mut out = BufWriter::new(file);
    workbook.save_to_writer(&mut out)?;
    out.flush()?;
    Ok(cut)
}

/// How things look.
struct Look {
    header: Format,
    time: Format,
    /// A text that Excel would compute if somebody edited it; the apostrophe that says so is not part of it.
    text_as_it_is: Format,
}

fn write_sheets(table: &Table, options: &Options, workbook: &mut Workbook) -> Result<usize, XlsxError> {
    let look = Look {
        header: Format::new().set_bold(),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
        text_as_it_is: Format::new().set_quote_prefix(),
    };
    let parts = table.parts(&options.by);
    let mut names = Names::default();
    let index_name = names.sheet(INDEX);
    let sheets: Vec<(String, &Part, &[u32])> = parts
        .iter()
        .flat_map(|part| {
            // A table without rows has a sheet, too.
            let empty = part.rows.is_empty().then_some(&[][..]);
            part.rows.chunks(ROWS).chain(empty).map(move |rows| (part, rows))
        })
        .map(|(part, rows)| {
            let name = if part.values.is_empty() { "samples".to_owned() } else { part.name() };
            (names.sheet(&name), part, rows)
        })
        .collect();
    let mut cut = 0;
    let mut out = Sheet { look: &look, cut: &mut cut, on: workbook.add_worksheet_with_constant_memory()? };
    out.index(table, &index_name, &sheets)?;
    for (name, part, rows) in &sheets {
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        let columns = table.columns_of(&part.rows);
        Sheet { look: &look, cut: &mut cut, on: sheet }.rows(table, &columns, rows, options)?;
    }
    Ok(cut)
}

/// A sheet that is being written, row by row.
struct Sheet<'a> {
    look: &'a Look,
    cut: &'a mut usize,
    on: &'a mut Worksheet,
}

impl Sheet<'_> {
    fn index(&mut self, table: &Table, name: &str, sheets: &[(String, &Part, &[u32])]) -> Result<(), XlsxError> {
        self.on.set_name(name)?;
        self.on.set_column_width(0, 36)?.set_column_width(1, 48)?;
        self.on.set_column_width(3, 24)?.set_column_width(4, 24)?;
        self.header(["sheet", "holds", "rows", "first (UTC)", "last (UTC)"].map(str::to_owned))?;
        for (row, (name, part, rows)) in (1..).zip(sheets) {
            let holds = if part.values.is_empty() { "all samples".to_owned() } else { part.name() };
            self.text(row, 0, name)?;
            self.text(row, 1, &holds)?;
            self.on.write_number(row, 2, rows.len() as f64)?;
            if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
                self.time(row, 3, table.time(*first as usize))?;
                self.time(row, 4, table.time(*last as usize))?;
            }
        }
        Ok(())
    }

    fn rows(&mut self, table: &Table, columns: &[&Column], rows: &[u32], options: &Options) -> Result<(), XlsxError> {
        if columns.len() + 3 > COLUMNS {
            return Err(XlsxError::ParameterError(format!("there are more than {COLUMNS} columns")));
        }
        self.on.set_freeze_panes(1, 0)?;
        self.on.set_column_width(0, 24)?;
        let attributes = columns.iter().map(|column| column_name(column.name()).into_owned());
        self.header(["timestamp", "value", "metric"].map(str::to_owned).into_iter().chain(attributes))?;
        for (to, row) in (1..).zip(rows) {
            options.go_on()?;
            let row = *row as usize;
            self.time(to, 0, table.time(row))?;
            self.on.write_number(to, 1, table.value(row))?;
            self.text(to, 2, &table.metrics()[table.metric(row)])?;
            for (at, column) in (3..).zip(columns) {
                if let Some(cell) = column.cell(row) {
                    self.cell(to, at, cell)?;
                }
            }
        }
        Ok(())
    }

    fn header(&mut self, names: impl IntoIterator<Item = String>) -> Result<(), XlsxError> {
        for (at, name) in (0..).zip(names) {
            let name = self.fitting(&name).into_owned();
            self.on.write_string_with_format(0, at, name, &self.look.header)?;
        }
        Ok(())
    }

    fn cell(&mut self, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
        match cell {
            Cell::Bool(flag) => self.on.write_boolean(row, column, *flag).map(drop),
            Cell::Int(number) if number.unsigned_abs() <= EXACT => {
                self.on.write_number(row, column, *number as f64).map(drop)
            }
            Cell::Float(bits) => self.on.write_number(row, column, f64::from_bits(*bits)).map(drop),
            Cell::Int(_) => self.text(row, column, &cell.text()),
            Cell::Text(text) | Cell::Json(text) => self.text(row, column, text),
        }
    }

    fn text(&mut self, row: u32, column: u16, text: &str) -> Result<(), XlsxError> {
        let text = self.fitting(text);
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            self.on.write_string_with_format(row, column, &*text, &self.look.text_as_it_is)?;
        } else {
            self.on.write_string(row, column, &*text)?;
        }
        Ok(())
    }

    /// As much of a text as a cell holds.
    fn fitting<'t>(&mut self, text: &'t str) -> std::borrow::Cow<'t, str> {
        // No text has more units than bytes.
        if text.len() <= LONGEST || text.encode_utf16().count() <= LONGEST {
            return text.into();
        }
        *self.cut += 1;
        let mut units = 0;
        let kept = text.char_indices().find(|(_, letter)| {
            units += letter.len_utf16();
            units >= LONGEST
        });
        Text::new(format!("{}…", &text[..kept.map_or(text.len(), |(at, _)| at)])).to_string().into()
    }

    fn time(&mut self, row: u32, column: u16, time: Timestamp) -> Result<(), XlsxError> {
        let millis = (time.as_micros() as f64 / 1_000.0).round();
        self.on.write_number_with_format(row, column, millis / MILLIS_A_DAY + EPOCH, &self.look.time)?;
        Ok(())
    }
}
