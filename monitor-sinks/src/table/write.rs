//! A table as files, in whichever format.

use std::path::{Path, PathBuf};

use monitor_core::component::BoxError;
use monitor_core::{Text, Zone};
use serde::Serialize;

use super::names::Names;
use super::{By, Exists, NewFile, Part, Table};

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of values.
    #[cfg(feature = "csv")]
    Csv,
    /// Workbooks.
    #[cfg(feature = "excel")]
    Excel,
    /// A list a metric, as the Python class exports it.
    #[cfg(feature = "json")]
    Json,
    /// Columns, compressed.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// What a table is written with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is parted by: files of CSV and Parquet, sheets of a workbook.
    pub by: Vec<By>,
    /// What becomes of files that are there already.
    pub exists: Exists,
    /// The zone of times without one, in JSON.
    pub zone: Zone,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its samples.
    pub rows: u64,
}

impl Format {
    /// All that are compiled in.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "csv")]
        Self::Csv,
        #[cfg(feature = "excel")]
        Self::Excel,
        #[cfg(feature = "json")]
        Self::Json,
        #[cfg(feature = "parquet")]
        Self::Parquet,
    ];

    /// Its name: the `type` of its sink and of its source.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "csv")]
            Self::Csv => "csv",
            #[cfg(feature = "excel")]
            Self::Excel => "excel",
            #[cfg(feature = "json")]
            Self::Json => "json",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    /// How the names of its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            #[cfg(feature = "excel")]
            Self::Excel => "xlsx",
            other => other.name(),
        }
    }

    /// Whether it can be parted.
    pub fn has_parts(self) -> bool {
        self.name() != "json"
    }

    /// What it is parted by if nobody says otherwise: as the Python class does it, a file or a sheet a metric.
    pub fn usual_parts(self) -> Vec<By> {
        match self {
            #[cfg(feature = "csv")]
            Self::Csv => vec![By::Metric],
            #[cfg(feature = "excel")]
            Self::Excel => vec![By::Metric],
            #[cfg(feature = "json")]
            Self::Json => Vec::new(),
            #[cfg(feature = "parquet")]
            Self::Parquet => Vec::new(),
        }
    }
}

impl Table {
    /// Writes the table. All files are there at the end, or none that was not there before.
    ///
    /// # Errors
    /// When a file is there already that is to be kept, or the system refuses.
    pub fn write(&self, format: Format, path: &Path, options: &Options) -> Result<Vec<Written>, BoxError> {
        let files = match format {
            #[cfg(feature = "csv")]
            Format::Csv => crate::csv::write(self, path, options)?,
            #[cfg(feature = "excel")]
            Format::Excel => crate::excel::write(self, path, options)?,
            #[cfg(feature = "json")]
            Format::Json => crate::json::write(self, path, options)?,
            #[cfg(feature = "parquet")]
            Format::Parquet => crate::parquet::write(self, path, options)?,
        };
        complete(files)
    }
}

/// Files that are written, but have no names yet.
pub(crate) type Files = Vec<(NewFile, u64)>;

/// Gives all files their names. What cannot be completed takes those before it along, unless they have replaced something.
fn complete(files: Files) -> Result<Vec<Written>, BoxError> {
    let mut written: Vec<Written> = Vec::with_capacity(files.len());
    for (file, rows) in files {
        let was_there = file.path().exists();
        match file.complete() {
            Ok(path) => written.push(Written { path, rows }),
            Err(error) => {
                if !was_there || error.kind() == std::io::ErrorKind::AlreadyExists {
                    for file in &written {
                        drop(std::fs::remove_file(&file.path));
                    }
                }
                return Err(error.into());
            }
        }
    }
    Ok(written)
}

/// `metrics.csv` for a part becomes `metrics_generation_time.csv`.
#[cfg(feature = "csv")]
pub(crate) fn path_of_part(path: &Path, part: &Part, names: &mut Names) -> PathBuf {
    if part.values.is_empty() {
        return path.to_owned();
    }
    let name = names.file(&joined(part));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}_{name}{end}"))
}

/// What the rows of a part have in common, as a name for it.
#[cfg(any(feature = "csv", feature = "excel"))]
pub(crate) fn joined(part: &Part) -> String {
    let values = part.values.iter().map(|value| value.as_ref().map_or("none", Text::as_str));
    values.collect::<Vec<_>>().join("_")
}

/// `day=2026-05-04/`, as Hive names folders: what is no letter, digit, `-`, `_` or `.` is percent-encoded.
#[cfg(feature = "parquet")]
pub(crate) fn folder_of_part(by: &[By], part: &Part) -> PathBuf {
    let encoded = |text: &str| -> String {
        let letters = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        });
        letters.collect()
    };
    let folder = |(by, value): (&By, &Option<Text>)| {
        // The word that Hive has for what is not there.
        let value = value.as_ref().map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned(), |value| encoded(value));
        format!("{}={value}", encoded(by.name()))
    };
    by.iter().zip(&part.values).map(folder).collect()
}
