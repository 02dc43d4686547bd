//! A table as Parquet: `metric_name`, `timestamp` (µs, UTC), `value`, and a column for each attribute, of its own type.

use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use bytes::Bytes;
use monitor_core::Text;
use monitor_core::component::BoxError;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, get_column_writer, get_typed_column_writer};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, Type, TypePtr};
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
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    // Readers of several files take the columns of the first for those of all, and what a folder says for a column.
    let all: Vec<u32> = (0..table.len() as u32).collect();
    let mut columns = table.columns_of(&all);
    columns.retain(|column| !options.by.contains(&By::Attribute(column.name().clone())));
    for part in table.parts(&options.by) {
        let path = path_of_part(path, &options.by, &part, &mut taken);
        let file = NewFile::create(&path, options.exists)?;
        let common = in_common(table, &options.by, &part);
        write_part(table, &part, &columns, common, options, threads, file.file())
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
    threads: usize,
    out: impl Write + Send,
) -> Result<(), ParquetError> {
    let mut out = BufWriter::with_capacity(CHUNK, out);
    let mut writer = SerializedFileWriter::new(&mut out, schema(columns)?, properties())?;
    if !common.is_empty() {
        writer.append_key_value_metadata(KeyValue::new(COMMON.to_owned(), Value::Object(common).to_string()));
    }
    let metrics: Vec<ByteArray> = table.metrics().iter().map(|name| ByteArray::from(name.as_str())).collect();
    let columns: Vec<Cells<'_>> = columns.iter().copied().map(Cells::of).collect();
    let described = writer.schema_descr().columns().to_vec();
    for rows in part.rows.chunks(GROUP) {
        options.go_on()?;
        let rows = || rows.iter().map(|row| *row as usize);
        let encode = |at: usize| {
            let of = &described[at];
            match at {
                0 => encoded::<ByteArrayType>(of, rows().map(|row| metrics[table.metric(row)].clone()), None),
                1 => encoded::<Int64Type>(of, rows().map(|row| table.time(row).as_micros()), None),
                2 => encoded::<DoubleType>(of, rows().map(|row| table.value(row)), None),
                _ => columns[at - 3].encoded(of, rows()),
            }
        };
        let mut group = writer.next_row_group()?;
        for column in in_parallel(threads, described.len(), encode) {
            let (bytes, closed) = column?;
            group.append_column(&bytes, closed)?;
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

    fn encoded(&self, of: &ColumnDescPtr, rows: impl Iterator<Item = usize>) -> Result<Encoded, ParquetError> {
        fn there<T: Clone>(codes: &[u32], values: &[T]) -> impl Iterator<Item = T> {
            codes.iter().filter_map(|code| Some(values[code.checked_sub(1)? as usize].clone()))
        }
        let codes: Vec<u32> = rows.map(|row| self.column.code(row)).collect();
        let levels: Vec<i16> = codes.iter().map(|code| i16::from(*code != 0)).collect();
        let levels = Some(levels.as_slice());
        match &self.values {
            Values::Texts(texts) => encoded::<ByteArrayType>(of, there(&codes, texts), levels),
            Values::Bools(flags) => encoded::<BoolType>(of, there(&codes, flags), levels),
            Values::Ints(numbers) => encoded::<Int64Type>(of, there(&codes, numbers), levels),
            Values::Floats(numbers) => encoded::<DoubleType>(of, there(&codes, numbers), levels),
        }
    }
}

/// A column of a group as it is in the file, and what the file says of it.
type Encoded = (Bytes, ColumnCloseResult);

/// Encodes a column of a group: the values that there are, and which of the rows have one if not all have.
fn encoded<D: DataType>(
    of: &ColumnDescPtr,
    values: impl Iterator<Item = D::T>,
    levels: Option<&[i16]>,
) -> Result<Encoded, ParquetError> {
    let values: Vec<D::T> = values.collect();
    let mut out = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut out));
    let mut column = get_typed_column_writer::<D>(get_column_writer(Arc::clone(of), properties(), pages));
    column.write_batch(&values, levels, None)?;
    let closed = column.close()?;
    Ok((out.into_inner()?.into(), closed))
}

/// What each number below `count` becomes, on this thread and, as far as there are more, on others.
fn in_parallel<T: Send + Sync>(threads: usize, count: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let places: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    let work = || {
        while let Some((at, place)) = places.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            place.get_or_init(|| of(at));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            // Without one more it only takes longer.
            drop(thread::Builder::new().spawn_scoped(scope, work));
        }
        work();
    });
    places.into_iter().map(|place| place.into_inner().expect("every number was taken")).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Exists;

    #[test]
    fn as_many_threads_as_there_are_write_the_same_file() {
        let mut table = Table::default();
        for row in 0..GROUP as i64 + 1_000 {
            let sparse = ["text", "whole", "float", "flag"][row as usize % 4];
            let cell = match sparse {
                "text" => Cell::Text(format!("model-{}", row % 1_000).into()),
                "whole" => Cell::Int(row),
                "float" => Cell::Float((row as f64 + 0.5).to_bits()),
                _ => Cell::Bool(row % 3 == 0),
            };
            let time = monitor_core::Timestamp::from_micros(1_777_903_200_000_000 + row * row % 1_000_003);
            table.push(&Text::new("latency"), time, (row * 7_919 % 3_001) as f64 / 7.0, [(sparse, cell)]);
        }
        let options =
            Options { by: Vec::new(), exists: Exists::Kept, zone: monitor_core::Zone::UTC, stop: Arc::default() };
        let columns: Vec<&Column> = table.columns().iter().collect();
        let part = &table.parts(&[])[0];
        let file = |threads| {
            let mut file = Vec::new();
            write_part(&table, part, &columns, Map::new(), &options, threads, &mut file).expect("memory takes it");
            file
        };
        let one = file(1);
        for threads in [2, 64] {
            assert!(file(threads) == one, "{threads} threads write another file");
        }
    }
}
