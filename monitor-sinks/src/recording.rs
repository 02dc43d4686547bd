//! Recordings: files of events or of samples in any form that is written here, or a folder of them, as sources.
//!
//! ```
//! use monitor_core::pipeline::Builder;
//! use monitor_core::store::{Limits, Selector, Window};
//! use monitor_sinks::recording;
//!
//! # let run = concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor-core/testdata/afterimage-run/afterimage.log.gz");
//! let builder = Builder::new().event_time().limits(Limits::whole_recording());
//! let pipeline = recording::add(builder, &[run.into()])?.start()?;
//! let store = pipeline.store().clone();
//! pipeline.wait();
//! let latency = store.stats(&Selector::metric("generation_time"), Window::ALL)?.expect("there were calls");
//! assert_eq!(latency.count, 2_756);
//! # Ok::<_, monitor_core::component::BoxError>(())
//! ```

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use monitor_core::component::{BoxError, Source, SourceConfig};
use monitor_core::config::Paths;
use monitor_core::pipeline::Builder;
use monitor_core::read::{files_at, open_recording};
use monitor_core::sources::file;

#[cfg(any(feature = "csv", feature = "excel", feature = "json", feature = "parquet"))]
use crate::table::ReaderConfig;

/// What a file is, in the order in which a folder of several is read: events before samples, what most hold before what
/// few do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Sqlite,
    Lines,
    Parquet,
    Csv,
    Json,
    Excel,
}

/// Adds recordings as sources, which are merged by time if the clock follows the events. Paths may be globs; relative ones
/// are relative to where the program runs.
///
/// # Errors
/// When one is not there, or no recording, or of a form that is not compiled in.
pub fn add(mut builder: Builder, recordings: &[PathBuf]) -> Result<Builder, BoxError> {
    let paths: Vec<PathBuf> = recordings.iter().map(|path| absolute(path)).collect();
    Paths(paths.clone()).validate("path").map_err(|error| error.to_string())?;
    let mut files: BTreeMap<Form, Vec<PathBuf>> = BTreeMap::new();
    for path in files_at(&paths)? {
        if path.is_dir() {
            let (form, found) = in_folder(&path)?;
            files.entry(form).or_default().extend(found);
        } else {
            files.entry(Form::of(&path)).or_default().push(path);
        }
    }
    for (form, paths) in files {
        let name = if form == Form::Lines { "data" } else { form.name() };
        for (number, source) in form.open(paths, &builder, name)?.into_iter().enumerate() {
            let name = if number == 0 { name.to_owned() } else { format!("{name}_{}", number + 1) };
            builder = builder.source(name, source);
        }
    }
    Ok(builder)
}

impl Form {
    /// By its first bytes; what cannot be looked at, as a pipe, is lines.
    fn of(path: &Path) -> Self {
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Self::Lines;
        }
        let mut start = Vec::new();
        let opened = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
        match (opened, start.as_slice()) {
            (Ok(_), b"SQLite format 3\0") => Self::Sqlite,
            (Ok(_), [b'P', b'A', b'R', b'1', ..]) => Self::Parquet,
            (Ok(_), [b'P', b'K', 3, 4, ..]) => Self::Excel,
            _ => Self::of_text(path),
        }
    }

    fn of_text(path: &Path) -> Self {
        let mut start = Vec::new();
        let read = open_recording(path).map(|file| file.take(4_096).read_to_end(&mut start));
        let text = start.trim_ascii_start();
        let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let columns: Vec<&[u8]> = header.trim_ascii_end().split(|byte| *byte == b',').collect();
        if read.is_ok() && columns.contains(&&b"timestamp"[..]) && columns.contains(&&b"value"[..]) {
            return Self::Csv;
        }
        if is_list_a_metric(text) { Self::Json } else { Self::Lines }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Lines => "file",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Excel => "excel",
        }
    }

    /// One source for all files, or one for each.
    fn open(self, paths: Vec<PathBuf>, builder: &Builder, name: &str) -> Result<Vec<Box<dyn Source>>, BoxError> {
        let context = builder.context(&name.into());
        let source = match self {
            Self::Lines => file::Config::once(paths).open(&context),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => {
                let databases = paths.into_iter().map(|path| crate::sqlite::read::Config { path });
                return databases.map(|database| database.open(&context)).collect();
            }
            #[cfg(feature = "parquet")]
            Self::Parquet => ReaderConfig::<crate::parquet::Parquet>::new(paths).open(&context),
            #[cfg(feature = "csv")]
            Self::Csv => ReaderConfig::<crate::csv::Csv>::new(paths).open(&context),
            #[cfg(feature = "json")]
            Self::Json => ReaderConfig::<crate::json::Json>::new(paths).open(&context),
            #[cfg(feature = "excel")]
            Self::Excel => ReaderConfig::<crate::excel::Excel>::new(paths).open(&context),
            #[allow(unreachable_patterns, reason = "what is not compiled in")]
            other => {
                Err(format!("`{}` is of the form {}, which is not compiled in", paths[0].display(), other.name())
                    .into())
            }
        };
        Ok(vec![source?])
    }
}

/// Whether a text begins as `{"metric": [` does: an object of lists, and no event.
fn is_list_a_metric(text: &[u8]) -> bool {
    if text.starts_with(b"{}") {
        return true;
    }
    let Some(rest) = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let mut escaped = false;
    let end = rest.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    let behind = end.and_then(|end| rest.get(end + 2..)).map(<[u8]>::trim_ascii_start);
    let value = behind.and_then(|behind| behind.strip_prefix(b":")).map(<[u8]>::trim_ascii_start);
    rest.starts_with(b"\"") && value.is_some_and(|value| value.starts_with(b"["))
}

/// What our own folders hold beside recordings.
const NO_RECORDINGS: [&str; 4] = ["rejected.jsonl", "spool.db", "snapshot.bin", "lock"];

/// The recordings of a folder. Several sinks have each told the same run: of what is there, the form that tells most of it
/// is read, and the others are left.
fn in_folder(folder: &Path) -> Result<(Form, Vec<PathBuf>), String> {
    let mut found: BTreeMap<Form, Vec<PathBuf>> = BTreeMap::new();
    gather(folder, &mut found).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let Some((form, mut files)) = found.pop_first() else {
        return Err(format!("`{}` holds no recording", folder.display()));
    };
    files.sort();
    if !found.is_empty() {
        let left: Vec<&str> = found.keys().map(|form| form.name()).collect();
        let (read, left) = (form.name(), left.join(", "));
        tracing::info!(
            "of `{}` the files of the form {read} are read, and those of the form {left} left: they tell the same run",
            folder.display()
        );
    }
    Ok((form, files))
}

fn gather(folder: &Path, found: &mut BTreeMap<Form, Vec<PathBuf>>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ending = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if path.is_dir() {
            // Parts of a Parquet file; other folders hold dead letters and plots.
            if name.contains('=') {
                gather(&path, found)?;
            }
        } else if !NO_RECORDINGS.contains(&name.as_str())
            && !name.starts_with('.')
            && ending(&[
                ".jsonl",
                ".jsonl.gz",
                ".jsonl.zst",
                ".ndjson",
                ".ndjson.gz",
                ".ndjson.zst",
                ".log",
                ".log.gz",
                ".log.zst",
                ".parquet",
                ".db",
                ".csv",
                ".json",
                ".xlsx",
            ])
        {
            found.entry(Form::of(&path)).or_default().push(path);
        }
    }
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_told_from_an_event() {
        for text in ["{}", "{\"a\": [", "{ \"a\\\"b\" : [{", "{\"generation_time\": [{\"timestamp\""] {
            assert!(is_list_a_metric(text.as_bytes()), "{text}");
        }
        for text in ["", "{\"type\":\"log\"", "{\"a\": {", "[1]", "{\"metric\": \"x\", \"value\": [", "{\"a"] {
            assert!(!is_list_a_metric(text.as_bytes()), "{text}");
        }
    }
}
