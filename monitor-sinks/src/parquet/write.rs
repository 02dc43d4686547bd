//! A table as Parquet: `metric_name`, `timestamp` (µs, UTC), `value`, and a column for each attribute, of its own type.

use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use monitor_core::Text;
use monitor_core::component::BoxError;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use serde_json::{Map, Value};

use super::COMMON;
use crate::table::{By, Cell, Column, ColumnType, Files, NewFile, Options, Part, Table, column_name};

/// Rows that a reader can take or leave at once.
const GROUP: usize = 262_144;
/// Bytes are handed to the system by this much.
const CHUNK: usize = 1 << 20;

/// Writes the files of a table, a folder a part.
pub(crate) fn write(table: &Table, path: &Path, options: &Options) -> Result<Files, BoxError> {
    let (mut files, mut taken) = (Vec::new(), HashSet::new());
    // Readers of several files take the columns of the first for those of all, and what a folder says for a column.
    let all: Vec<u32> = (0..table.len() as u32).collect();
    let mut columns = table.columns_of(&all);
    columns.retain(|column| !options.by.contains(&By::Attribute(column.name().clone())));
    for part in table.parts(&options.by) {
        let path = path_of_part(path, &options.by, &part, &mut taken);
        let file = NewFile::create(&path, options.exists)?;
        let common = in_common(table, &options.by, &part);
        write_part(table, &part, &columns, common, options, file.file())
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        files.push((file, part.rows.len() as u64));
    }
    Ok(files)
}

fn write_part(
    table: &Table,
    part: &Part,
    columns: &[&Column],
    common: Map<String, Value>,
    options: &Options,
    file: &std::fs::File,
) -> Result<(), ParquetError> {
    let mut out = BufWriter::with_capacity(CHUNK, file);
    let mut writer = SerializedFileWriter::new(&mut out, schema(columns)?, properties())?;
    if !common.is_empty() {
        writer.append_key_value_metadata(KeyValue::new(COMMON.to_owned(), Value::Object(common).to_string()));
    }
    let metrics: Vec<ByteArray> = table.metrics().iter().map(|name| ByteArray::from(name.as_str())).collect();
    let columns: Vec<Cells<'_>> = columns.iter().copied().map(Cells::of).collect();
    for rows in part.rows.chunks(GROUP) {
        options.go_on()?;
        let mut group = writer.next_row_group()?;
        let rows = || rows.iter().map(|row| *row as usize);
        let names: Vec<ByteArray> = rows().map(|row| metrics[table.metric(row)].clone()).collect();
        column::<ByteArrayType>(&mut group, &names, None)?;
        let times: Vec<i64> = rows().map(|row| table.time(row).as_micros()).collect();
        column::<Int64Type>(&mut group, &times, None)?;
        let values: Vec<f64> = rows().map(|row| table.value(row)).collect();
        column::<DoubleType>(&mut group, &values, None)?;
        for cells in &columns {
            let codes: Vec<u32> = rows().map(|row| cells.column.code(row)).collect();
            cells.write(&mut group, &codes)?;
        }
        group.close()?;
    }
    writer.close()?;
    out.flush()?;
    Ok(())
}

/// The attributes that the folders of a part say, as they were: a name of a folder has no type.
fn in_common(table: &Table, by: &[By], part: &Part) -> Map<String, Value> {
    let first = part.rows.first().map(|row| *row as usize);
    let attributes = by.iter().filter_map(|by| match by {
        By::Attribute(name) => Some((name, table.column(name)?.cell(first?)?)),
        By::Metric | By::Date => None,
    });
    attributes.map(|(name, cell)| (column_name(name).into_owned(), cell.value())).collect()
}

fn properties() -> WriterPropertiesPtr {
    // Of these every value is another one: a dictionary would only be made to be thrown away.
    let plain = |name: &str| ColumnPath::from(name);
    Arc::new(
        WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("it is one")))
            .set_created_by(concat!("monitor ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_column_dictionary_enabled(plain("timestamp"), false)
            .set_column_encoding(plain("timestamp"), Encoding::DELTA_BINARY_PACKED)
            .set_column_dictionary_enabled(plain("value"), false)
            .build(),
    )
}

fn schema(columns: &[&Column]) -> Result<TypePtr, ParquetError> {
    let field = |name: &str, physical, repetition, logical| {
        let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        field.with_logical_type(logical).build().map(Arc::new)
    };
    let (required, optional) = (Repetition::REQUIRED, Repetition::OPTIONAL);
    let time = LogicalType::timestamp(true, TimeUnit::MICROS);
    let mut fields = vec![
        field("metric_name", Physical::BYTE_ARRAY, required, Some(LogicalType::String))?,
        field("timestamp", Physical::INT64, required, Some(time))?,
        field("value", Physical::DOUBLE, required, None)?,
    ];
    for column in columns {
        let (physical, logical) = match column.column_type() {
            ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            ColumnType::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            ColumnType::Bool => (Physical::BOOLEAN, None),
            ColumnType::Int => (Physical::INT64, None),
            ColumnType::Float => (Physical::DOUBLE, None),
        };
        fields.push(field(&column_name(column.name()), physical, optional, logical)?);
    }
    Ok(Arc::new(Type::group_type_builder("samples").with_fields(fields).build()?))
}

/// What stands in a column, by its place in the dictionary.
struct Cells<'a> {
    column: &'a Column,
    values: Values,
}

enum Values {
    Texts(Vec<ByteArray>),
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl<'a> Cells<'a> {
    fn of(column: &'a Column) -> Self {
        let cells = column.cells().iter();
        let values = match column.column_type() {
            ColumnType::Text | ColumnType::Json => {
                Values::Texts(cells.map(|cell| ByteArray::from(cell.text().as_str())).collect())
            }
            ColumnType::Bool => Values::Bools(cells.map(|cell| *cell == Cell::Bool(true)).collect()),
            ColumnType::Int => {
                Values::Ints(cells.map(|cell| if let Cell::Int(number) = cell { *number } else { 0 }).collect())
            }
            ColumnType::Float => Values::Floats(cells.map(|cell| cell.number().unwrap_or_default()).collect()),
        };
        Self { column, values }
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        codes: &[u32],
    ) -> Result<(), ParquetError> {
        fn there<T: Clone>(codes: &[u32], values: &[T]) -> Vec<T> {
            codes.iter().filter_map(|code| Some(values[code.checked_sub(1)? as usize].clone())).collect()
        }
        let levels: Vec<i16> = codes.iter().map(|code| i16::from(*code != 0)).collect();
        let levels = Some(levels.as_slice());
        match &self.values {
            Values::Texts(texts) => column::<ByteArrayType>(group, &there(codes, texts), levels),
            Values::Bools(flags) => column::<BoolType>(group, &there(codes, flags), levels),
            Values::Ints(numbers) => column::<Int64Type>(group, &there(codes, numbers), levels),
            Values::Floats(numbers) => column::<DoubleType>(group, &there(codes, numbers), levels),
        }
    }
}

/// Writes the next column of a group: the values that there are, and which of the rows have one if not all have.
fn column<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[D::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has a column more");
    column.typed::<D>().write_batch(values, levels, None)?;
    column.close()
}

/// Longer values are cut: with a name, a number and what is written beside it they are still names of folders.
const LONGEST: usize = 120;

/// `day=2026-05-04/`, as Hive names folders: what is no letter, digit, `-`, `_` or `.` is percent-encoded.
fn folder_of_part(by: &[By], part: &Part) -> PathBuf {
    let encoded = |text: &str| -> String {
        let mut name = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
                _ => name += &format!("%{byte:02X}"),
            }
            if name.len() > LONGEST {
                break;
            }
        }
        name
    };
    let folder = |(by, value): (&By, &Option<Text>)| {
        // The word that Hive has for what is not there.
        let value = value.as_ref().map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned(), |value| encoded(value));
        format!("{}={value}", encoded(by.name()))
    };
    by.iter().zip(&part.values).map(folder).collect()
}

/// Where a part is, which is where no other one is: values that were cut may be the same.
fn path_of_part(path: &Path, by: &[By], part: &Part, taken: &mut HashSet<PathBuf>) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let folder = path.with_file_name("").join(folder_of_part(by, part));
    let numbered = |number: u64| {
        let mut name = folder.clone().into_os_string();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    };
    let folders = std::iter::once(folder.clone()).chain((2..).map(numbered));
    let mut free = folders.filter(|folder| taken.insert(folder.clone()));
    free.next().expect("there are more numbers than parts").join(name)
}
