//! A table as files, in whichever format.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use monitor_core::Zone;
use monitor_core::component::BoxError;
use serde::Serialize;

use super::{By, Exists, NewFile, Table};

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
    /// Whoever sets it while files are written gets an error, and none of them.
    pub stop: Arc<AtomicBool>,
}

impl Options {
    /// Looked at row by row.
    pub(crate) fn go_on(&self) -> io::Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
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

    /// By the ending of a file's name.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.iter().copied().find(|format| ending.eq_ignore_ascii_case(format.extension()))
    }

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
            #[cfg(feature = "csv")]
            Self::Csv => "csv",
            #[cfg(feature = "excel")]
            Self::Excel => "xlsx",
            #[cfg(feature = "json")]
            Self::Json => "json",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
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
    pub fn write(&self, format: Format, path: &Path, options: &Options) -> io::Result<Vec<Written>> {
        let files = self.write_unfinished(format, path, options);
        // What it was is of use to the caller, where the system said it.
        let files =
            files.map_err(|error| error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error))?;
        options.go_on()?;
        complete(files)
    }

    fn write_unfinished(&self, format: Format, path: &Path, options: &Options) -> Result<Files, BoxError> {
        match format {
            #[cfg(feature = "csv")]
            Format::Csv => crate::csv::write(self, path, options),
            #[cfg(feature = "excel")]
            Format::Excel => crate::excel::write(self, path, options),
            #[cfg(feature = "json")]
            Format::Json => crate::json::write(self, path, options),
            #[cfg(feature = "parquet")]
            Format::Parquet => crate::parquet::write(self, path, options),
        }
    }
}

/// Files that are written, but have no names yet.
pub(crate) type Files = Vec<(NewFile, u64)>;

/// Gives all files their names. What cannot be completed takes those before it along, unless they have replaced something.
fn complete(files: Files) -> io::Result<Vec<Written>> {
    let mut written: Vec<Written> = Vec::with_capacity(files.len());
    for (file, rows) in files {
        let was_there = file.path().exists();
        match file.complete() {
            Ok(path) => written.push(Written { path, rows }),
            Err(error) => {
                if !was_there || error.kind() == io::ErrorKind::AlreadyExists {
                    for file in &written {
                        drop(std::fs::remove_file(&file.path));
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(written)
}
