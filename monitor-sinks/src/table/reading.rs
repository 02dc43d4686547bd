//! From files of samples back to events: a source reads each into a table, and emits the rows in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use monitor_core::component::{BoxError, Context, Dirs, Invalid, Resource, Source, SourceConfig, Validate};
use monitor_core::config::Paths;
use monitor_core::pipeline::{Emitter, Place, Stopped};
use monitor_core::read::{LARGEST, Reason, Refusal, files_at};
use monitor_core::{Text, Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Cell, Keys, Table, TableFormat};

/// What was read of a file.
#[derive(Debug, Default)]
pub struct Reading {
    /// Its samples.
    pub table: Table,
    /// Rows that are no samples: which, why, and what stood there.
    pub refused: Vec<(u64, Refusal, String)>,
}

impl Reading {
    /// Adds a row, if it is a sample.
    pub(crate) fn row<'a>(
        &mut self,
        number: u64,
        metric: &Text,
        time: Result<Timestamp, String>,
        value: f64,
        attributes: impl IntoIterator<Item = (&'a str, Cell)>,
    ) {
        match time {
            Err(time) => {
                let error = format!("`timestamp` is none: {time}");
                self.refuse(number, Reason::Timestamp, &error, &format!("{metric}, {time}, {value}"));
            }
            Ok(time) if value.abs() <= LARGEST => self.table.push(metric, time, value, attributes),
            Ok(time) => {
                let reason = if value.is_finite() { Reason::OutOfRange } else { Reason::NonFinite };
                let error = format!("`value` is not a number that can be: {value}");
                self.refuse(number, reason, &error, &format!("{metric}, {time}, {value}"));
            }
        }
    }

    /// Notes a row that is no sample.
    pub(crate) fn refuse(&mut self, number: u64, reason: Reason, error: &str, row: &str) {
        self.refused.push((number, Refusal::new(reason, error), row.to_owned()));
    }
}

/// The keys of a source that reads files of samples.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(bound = "", rename = "ReaderConfig")]
pub struct ReaderConfig<F> {
    /// A file, a list of files, or globs as in "monitoring/metrics-*". Relative to the configuration file.
    pub path: Paths,
    #[serde(skip)]
    format: PhantomData<fn() -> F>,
}

impl<F> ReaderConfig<F> {
    /// Of these files.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { path: Paths(paths), format: PhantomData }
    }
}

impl<F> Validate for ReaderConfig<F> {
    fn validate(&self) -> Result<(), Invalid> {
        self.path.validate("path")
    }
}

impl<F: TableFormat> SourceConfig for ReaderConfig<F> {
    fn bounded(&self) -> bool {
        true
    }

    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        self.path.inputs(dirs).into_iter().map(Resource::File).collect()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Source>, BoxError> {
        let files = files_at(&self.path.inputs(&context.dirs))?;
        for file in &files {
            let opened = std::fs::File::open(file).and_then(|file| file.metadata());
            match opened {
                Err(error) => return Err(format!("`{}`: {error}", file.display()).into()),
                Ok(metadata) if metadata.is_dir() => {
                    return Err(format!("`{}` is a folder: name its files", file.display()).into());
                }
                Ok(_) => {}
            }
        }
        Ok(Box::new(TableSource::<F> { files, zone: context.zone.clone(), format: PhantomData }))
    }
}

/// Reads files of samples.
struct TableSource<F> {
    files: Vec<PathBuf>,
    zone: Zone,
    format: PhantomData<fn() -> F>,
}

/// A file that is read.
struct Open {
    table: Table,
    keys: Keys,
    rows: std::vec::IntoIter<u32>,
}

impl<F: TableFormat> Source for TableSource<F> {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        // Those that tell when they begin are read when it is their turn, the others at once.
        let mut waiting: Vec<_> = self.files.drain(..).map(|file| (F::begins(&file), file)).collect();
        out.expect_to_read(waiting.iter().map(|(_, file)| length(file)).sum());
        waiting.sort();
        let mut waiting = waiting.into_iter().peekable();
        let mut open: Vec<Option<Open>> = Vec::new();
        let mut next: BinaryHeap<Reverse<(Timestamp, usize, u32)>> = BinaryHeap::new();
        let mut failures = Vec::new();
        loop {
            let now = next.peek().map(|Reverse((time, ..))| *time);
            if let Some((_, path)) = waiting.next_if(|(begins, _)| now.is_none() || *begins <= now) {
                match self.read(&path, out) {
                    Ok(mut file) => {
                        if let Some(row) = file.rows.next() {
                            next.push(Reverse((file.table.time(row as usize), open.len(), row)));
                            open.push(Some(file));
                        }
                    }
                    Err(error) => failures.push(format!("`{}` cannot be read: {error}", path.display())),
                }
                continue;
            }
            let Some(Reverse((_, at, row))) = next.pop() else { break };
            let file = open[at].as_mut().expect("only files that have rows are asked for one");
            if out.emit(file.table.event(row as usize, &mut file.keys)) == Err(Stopped) || out.stopped() {
                break;
            }
            match file.rows.next() {
                Some(row) => next.push(Reverse((file.table.time(row as usize), at, row))),
                None => open[at] = None,
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ").into()) }
    }
}

impl<F: TableFormat> TableSource<F> {
    fn read(&self, path: &Path, out: &mut Emitter) -> Result<Open, BoxError> {
        let Reading { table, refused } = F::read(path, &self.zone)?;
        out.note_read(length(path));
        for (row, refusal, text) in refused {
            out.refuse(&refusal, text.as_bytes(), Place { file: Some(path), line: Some(row) });
        }
        let rows = table.rows_by_time().into_iter();
        Ok(Open { table, keys: Keys::default(), rows })
    }
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
