//! `monitor export`: recordings into files that other programs read.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use glob::Pattern;
use monitor_core::Timestamp;
use monitor_core::component::{Answer, Delivery, Item, Sink};
use monitor_core::event::KindSet;
use monitor_core::pipeline::{Builder, Filter, SinkOptions, Summary};
use monitor_core::store::{Selector, Window};
use monitor_core::template::thousands;
use monitor_sinks::sqlite;
use monitor_sinks::sqlite::write::Database;
use monitor_sinks::table::{By, Exists, Format, NewFile, Options, Table, Written};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::times::{Asked, Flags, Times};
use super::{add_data, drive_until, judged, stop_signal};
use crate::args::{ExportArgs, ExportFormat};
use crate::exit::{Failure, Outcome};
use crate::{summary, table};

/// Exports the recordings, and tells what was written.
pub(crate) fn export(args: &ExportArgs) -> Outcome {
    if args.out.is_dir() {
        return Err(failed(&format!("`{}` is a folder: name a file in it", args.out.display())));
    }
    let format = args.format.map_or_else(|| of_path(&args.out), Ok)?;
    let manifest = args.manifest.as_ref().map(|path| path.clone().unwrap_or_else(|| beside(&args.out)));
    if manifest.as_ref() == Some(&args.out) {
        return Err(Failure::Usage("--manifest must name another file than --out".to_owned()));
    }
    let exists = if args.force { Exists::Replaced } else { Exists::Kept };
    let times = Times::parse(&Flags {
        since: args.since.as_ref(),
        until: args.until.as_ref(),
        at: None,
        window: args.window,
        step: None,
        zone: &args.timezone,
        at_and_step: false,
    })?;
    let options = sink_options(args)?;
    // What cannot be written in the end is better known before everything is read.
    let stop = stop_signal()?;
    let mut target = Target::open(format, args, exists, &stop)?;
    let new_manifest =
        manifest.map(|path| NewFile::create(&path, exists)).transpose().map_err(|error| not_written(&error))?;
    let window = if times.needs_data() {
        let data = extent(args, &stop)?.ok_or_else(nothing)?;
        window(&times, data)?
    } else {
        window(&times, Window::ALL)?
    };
    let out = Arc::new(Mutex::new(Gathering { target, window, first_and_last: None, events: 0, failed: None }));
    let builder = builder(args)?.sink_with("export", Gatherer(Arc::clone(&out)), options);
    let (summary, _) = drive_until(&stop, builder, |_, _| {})?;
    interrupted(&summary)?;
    judged(&summary)?;
    let mut out =
        Arc::into_inner(out).expect("the pipeline has ended").into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = out.failed.take() {
        return Err(not_written(&error));
    }
    // Also where nothing is left to be written: it may be why.
    let mut notes = String::new();
    summary::not_used(&summary, &mut notes).expect("memory takes it");
    // Nobody is left to tell if even this cannot be written.
    drop(std::io::stderr().write_all(notes.as_bytes()));
    let Some((first, last)) = out.first_and_last else { return Err(nothing()) };
    target = out.target;
    let files = target
        .complete()
        .map_err(|error| if stop.load(Ordering::Relaxed) { was_interrupted() } else { not_written(&error) })?;
    let manifest =
        Manifest::of(format, &files, Window { start: first, end: last }, out.events, new_manifest.is_some())?;
    if let Some(file) = new_manifest {
        let json = serde_json::to_string_pretty(&manifest).expect("a manifest is JSON");
        writeln!(file.file(), "{json}").map_err(|error| not_written(&error))?;
        file.complete().map_err(|error| not_written(&error))?;
    }
    write!(std::io::stdout(), "{}", manifest.text())?;
    Ok(())
}

fn builder(args: &ExportArgs) -> Result<Builder, Failure> {
    add_data(Builder::new().zone(args.timezone.clone()).event_time().without_store(), &args.data)
}

fn sink_options(args: &ExportArgs) -> Result<SinkOptions, Failure> {
    let wrong = |flag: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{flag}: {error}"));
    let patterns = args
        .metric
        .iter()
        .map(|text| Pattern::new(text).map_err(|error| wrong("--metric", &format!("`{text}`: {}", error.msg))));
    let mut labels: Option<Selector> = None;
    for condition in &args.conditions {
        let selector = labels.map_or_else(|| "*".parse(), Ok).map_err(|error| wrong("--where", &error))?;
        labels = Some(selector.and_text(condition).map_err(|error| wrong("--where", &error))?);
    }
    let accept = match args.kind.as_slice() {
        [] => KindSet::ALL,
        kinds => KindSet::of(kinds),
    };
    let filter = Filter { accept, labels, metrics: patterns.collect::<Result<_, _>>()?, ..Filter::default() };
    Ok(SinkOptions { filter, ..SinkOptions::default() })
}

/// When the data begins and ends.
fn extent(args: &ExportArgs, stop: &AtomicBool) -> Result<Option<Window>, Failure> {
    let extent = Arc::new(Mutex::new(None::<Window>));
    let seen = Arc::clone(&extent);
    let sink = monitor_core::component::sink_fn(move |delivery| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for item in delivery.items() {
            let time = item.time();
            let window = seen.get_or_insert(Window { start: time, end: time });
            (window.start, window.end) = (window.start.min(time), window.end.max(time));
        }
        Answer::Ok
    });
    let (summary, _) = drive_until(stop, builder(args)?.sink_with("extent", sink, sink_options(args)?), |_, _| {})?;
    interrupted(&summary)?;
    Ok(*extent.lock().unwrap_or_else(PoisonError::into_inner))
}

fn window(times: &Times, data: Window) -> Result<Window, Failure> {
    match times.over(data)? {
        Asked::One(window) => Ok(window),
        Asked::Many(_) => unreachable!("there is no --step"),
    }
}

fn interrupted(summary: &Summary) -> Outcome {
    if summary.interrupted { Err(was_interrupted()) } else { Ok(()) }
}

fn was_interrupted() -> Failure {
    Failure::Run(vec!["export all of it: it was interrupted, and nothing is written".to_owned()])
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::Run(vec![format!("export: {error}")])
}

fn not_written(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => failed(&format!("{error}; --force replaces it")),
        _ => failed(error),
    }
}

fn nothing() -> Failure {
    Failure::Run(vec!["export: nothing in the data is meant; nothing is written".to_owned()])
}

/// By the ending of the file's name.
fn of_path(path: &Path) -> Result<ExportFormat, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let format = match () {
        () if ends(&[".json"]) => ExportFormat::Json,
        () if ends(&[".csv"]) => ExportFormat::Csv,
        () if ends(&[".xlsx"]) => ExportFormat::Excel,
        () if ends(&[".parquet"]) => ExportFormat::Parquet,
        () if ends(&[".jsonl", ".ndjson"]) => ExportFormat::Ndjson,
        () if ends(&[".db", ".sqlite", ".sqlite3"]) => ExportFormat::Sqlite,
        () => {
            let known = "csv, excel, json, ndjson, parquet, sqlite";
            return Err(Failure::Usage(format!(
                "--out `{}` does not tell the format: add --format ({known})",
                path.display()
            )));
        }
    };
    Ok(format)
}

/// `metrics.csv.manifest.json`
fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("manifest.json")
}

/// Where the events go.
enum Target {
    Table { table: Box<Table>, format: Format, path: PathBuf, options: Options },
    Lines { file: NewFile, out: BufWriter<std::fs::File>, rows: u64 },
    Database { database: Box<Database>, path: PathBuf, rows: u64 },
}

impl Target {
    fn open(format: ExportFormat, args: &ExportArgs, exists: Exists, stop: &Arc<AtomicBool>) -> Result<Self, Failure> {
        let format = match format {
            ExportFormat::Csv => Format::Csv,
            ExportFormat::Excel => Format::Excel,
            ExportFormat::Json => Format::Json,
            ExportFormat::Parquet => Format::Parquet,
            ExportFormat::Sqlite => {
                no_parts(args, "sqlite")?;
                let database = Database::create(&args.out, exists).map_err(|error| match error {
                    sqlite::Error::Io(error) => not_written(&error),
                    error => failed(&error),
                })?;
                return Ok(Self::Database { database: Box::new(database), path: args.out.clone(), rows: 0 });
            }
            ExportFormat::Ndjson => {
                no_parts(args, "ndjson")?;
                let file = NewFile::create(&args.out, exists).map_err(|error| not_written(&error))?;
                let out = file.file().try_clone().map_err(|error| not_written(&error))?;
                return Ok(Self::Lines { file, out: BufWriter::with_capacity(1 << 20, out), rows: 0 });
            }
        };
        if !format.has_parts() {
            no_parts(args, format.name())?;
        }
        let by = match args.by.as_deref() {
            None => format.usual_parts(),
            Some([none]) if none == "none" => Vec::new(),
            Some(by) => by.iter().map(By::of).collect(),
        };
        // Parts have names of their own.
        let one = by.is_empty() || matches!(format, Format::Excel | Format::Json);
        let exists_of_out = if one { exists } else { Exists::Replaced };
        drop(NewFile::create(&args.out, exists_of_out).map_err(|error| not_written(&error))?);
        let options = Options { by, exists, zone: args.timezone.clone(), stop: Arc::clone(stop) };
        Ok(Self::Table { table: Box::default(), format, path: args.out.clone(), options })
    }

    /// Takes events.
    fn take(&mut self, items: &[Item<'_>]) -> std::io::Result<()> {
        match self {
            Self::Table { table, .. } => items.iter().for_each(|item| table.push_item(*item)),
            Self::Lines { out, rows, .. } => {
                for item in items {
                    serde_json::to_writer(&mut *out, item.event())?;
                    out.write_all(b"\n")?;
                }
                *rows += items.len() as u64;
            }
            Self::Database { database, rows, .. } => {
                database.insert(&Delivery::new(items)).map_err(std::io::Error::other)?;
                *rows += items.len() as u64;
            }
        }
        Ok(())
    }

    fn complete(self) -> std::io::Result<Vec<Written>> {
        match self {
            Self::Table { table, format, path, options } => table.write(format, &path, &options),
            Self::Lines { file, mut out, rows } => {
                out.flush()?;
                Ok(vec![Written { path: file.complete()?, rows }])
            }
            Self::Database { database, path, rows } => {
                database.finish().map_err(|error| match error {
                    sqlite::Error::Io(error) => error,
                    error => std::io::Error::other(error),
                })?;
                Ok(vec![Written { path, rows }])
            }
        }
    }
}

fn no_parts(args: &ExportArgs, format: &str) -> Outcome {
    match &args.by {
        Some(_) => Err(Failure::Usage(format!("--by parts csv, excel and parquet; {format} is one file"))),
        None => Ok(()),
    }
}

/// What the sink has gathered.
struct Gathering {
    target: Target,
    window: Window,
    first_and_last: Option<(Timestamp, Timestamp)>,
    events: u64,
    failed: Option<std::io::Error>,
}

struct Gatherer(Arc<Mutex<Gathering>>);

impl Sink for Gatherer {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if out.failed.is_some() {
            return Answer::Ok;
        }
        let all = !matches!(out.target, Target::Table { .. });
        let is_meant = |item: &Item<'_>| {
            let time = item.time();
            out.window.start <= time && time <= out.window.end && (all || !item.samples().is_empty())
        };
        let items: Vec<Item<'_>> = delivery.items().iter().copied().filter(is_meant).collect();
        if let Err(error) = out.target.take(&items) {
            out.failed = Some(error);
        }
        out.events += items.len() as u64;
        for time in items.iter().map(|item| item.time()) {
            let (first, last) = out.first_and_last.unwrap_or((time, time));
            out.first_and_last = Some((first.min(time), last.max(time)));
        }
        Answer::Ok
    }
}

/// What an export holds, for whoever gets it.
#[derive(Serialize)]
struct Manifest {
    written_by: &'static str,
    format: &'static str,
    events: u64,
    rows: u64,
    first: Timestamp,
    last: Timestamp,
    files: Vec<FileEntry>,
}

#[derive(Serialize)]
struct FileEntry {
    path: PathBuf,
    rows: u64,
    bytes: u64,
    /// Only where it is told: the whole file is read for it.
    sha256: Option<String>,
}

impl Manifest {
    fn of(
        format: ExportFormat,
        files: &[Written],
        extent: Window,
        events: u64,
        with_hashes: bool,
    ) -> Result<Self, Failure> {
        let entries = files.iter().map(|file| {
            let bytes = file.path.metadata()?.len();
            let sha256 = with_hashes.then(|| sha256_of(&file.path)).transpose()?;
            Ok(FileEntry { path: file.path.clone(), rows: file.rows, bytes, sha256 })
        });
        Ok(Self {
            written_by: concat!("monitor ", env!("CARGO_PKG_VERSION")),
            format: format.name(),
            events,
            rows: files.iter().map(|file| file.rows).sum(),
            first: extent.start,
            last: extent.end,
            files: entries.collect::<std::io::Result<_>>().map_err(|error| not_written(&error))?,
        })
    }

    fn text(&self) -> String {
        let rows = self.files.iter().map(|file| {
            vec![file.path.display().to_string(), thousands(file.rows as i64), thousands(file.bytes as i64)]
        });
        let table = table::table(&["file", "rows", "bytes"], 1..3, rows);
        format!(
            "{table}\n\n{} events, {} rows, from {} to {}\n",
            thousands(self.events as i64),
            thousands(self.rows as i64),
            self.first,
            self.last
        )
    }
}

/// The SHA-256 of a file.
fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hash.update(&chunk[..read]);
    }
}
