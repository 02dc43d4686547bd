//! Sinks whose files are complete only at their end: samples are appended to a file of lines, which becomes one in the
//! sink's format when it has enough of them, is old enough, or nothing more comes.
//!
//! What columns a file needs is known only then; and lines are safe from the first on, exactly once, as those of `jsonl` are.

use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use monitor_core::bus::Durability;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Resource, Resume, Resumed, Sink, SinkConfig, Validate,
};
use monitor_core::config::DurationText;
use monitor_core::read::LineParser;
use monitor_core::{Clock, Text, Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{By, Exists, Format, Keys, Options, Reading, Table};
use crate::append::AppendFile;
use crate::path::names_a_file;

/// A format of files of samples.
pub trait TableFormat: Send + Sync + 'static {
    /// Which one.
    const FORMAT: Format;

    /// Reads a file.
    ///
    /// # Errors
    /// When it is none of the format, or the system refuses.
    fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError>;

    /// When the first sample of a file was taken, if that can be told without reading it.
    fn begins(path: &Path) -> Option<Timestamp> {
        let _ = path;
        None
    }
}

/// The keys of a sink whose files are complete only at their end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "")]
#[schemars(bound = "", rename = "RollingConfig")]
pub struct RollingConfig<F> {
    /// What files are called, relative to `data_dir`: `metrics.csv` gives `metrics-20260504T140002Z-0-4649.csv`, with the
    /// time of the first sample and the numbers of the first and the last event.
    pub path: PathBuf,
    /// What a file is parted by: `metric`, `date`, or an attribute, as in `["metric", "model_name"]`. Parts are files of CSV,
    /// sheets of a workbook, folders of Parquet files.
    #[serde(default)]
    pub by: Option<Vec<Text>>,
    /// A file is complete when it has so many samples.
    #[serde(default = "default_rows")]
    pub rotate_rows: u64,
    /// A file is complete when its first sample came so long ago.
    #[serde(default = "default_every")]
    pub rotate_every: DurationText,
    #[serde(skip)]
    format: PhantomData<fn() -> F>,
}

fn default_rows() -> u64 {
    1_000_000
}

fn default_every() -> DurationText {
    DurationText(Duration::from_secs(3_600))
}

impl<F: TableFormat> Validate for RollingConfig<F> {
    fn validate(&self) -> Result<(), Invalid> {
        names_a_file("path", &self.path)?;
        if self.rotate_rows == 0 {
            return Err(Invalid::key("rotate_rows", "must be at least 1"));
        }
        if self.rotate_every.0 < Duration::from_secs(1) {
            return Err(Invalid::key("rotate_every", "must be at least 1s"));
        }
        if !F::FORMAT.has_parts() && self.by.is_some() {
            return Err(Invalid::key("by", "has no meaning here: a file holds a list for each metric"));
        }
        Ok(())
    }
}

impl<F: TableFormat> SinkConfig for RollingConfig<F> {
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        vec![Resource::File(dirs.output(&self.path))]
    }

    fn contents(&self) -> &'static [Content] {
        &[Content::Samples]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        Ok(Box::new(RollingSink::open(self, context)?))
    }
}

/// The ending of what is not complete yet.
const PART: &str = "part";

/// The file of lines: the number of the event, a tab, a metric as JSON.
struct Lines {
    file: AppendFile,
    path: PathBuf,
    rows: u64,
    /// The numbers of its first and its last event, and when the first one happened.
    range: Option<(u64, u64, Timestamp)>,
    /// When the first of them came; not before it happened, for a clock that follows the events lags behind them.
    since: Timestamp,
    clock: Clock,
}

impl Lines {
    fn open(path: PathBuf, context: &Context) -> Result<Self, BoxError> {
        let file = AppendFile::open(&path, context.durability >= Durability::L2)?;
        let clock = context.clock.clone();
        let mut lines = Self { file, path, rows: 0, range: None, since: clock.now(), clock };
        lines.recount()?;
        Ok(lines)
    }

    /// Looks what is in the file.
    fn recount(&mut self) -> Result<(), BoxError> {
        (self.rows, self.range) = (0, None);
        let path = self.path.clone();
        each_line(&path, |sequence, time, _| self.count(sequence, time))
    }

    fn count(&mut self, sequence: u64, time: Timestamp) {
        if self.range.is_none() {
            self.since = self.clock.now().max(time);
        }
        self.rows += 1;
        let (first, _, began) = self.range.unwrap_or((sequence, sequence, time));
        self.range = Some((first, sequence, began));
    }

    fn are_old(&self, every: Duration) -> bool {
        self.rows > 0 && self.clock.now() >= self.since.plus(every)
    }

    fn write(&mut self, sequence: u64, event: &monitor_core::Event) {
        let out = self.file.lines();
        write!(out, "{sequence}\t").expect("memory takes it");
        serde_json::to_writer(&mut *out, event).expect("an event is JSON, and memory takes it");
        out.push(b'\n');
        self.count(sequence, event.time);
    }
}

/// Shows each whole line of a file: the number, the time, the sample. One that was cut short is none.
fn each_line(path: &Path, mut each: impl FnMut(u64, Timestamp, &monitor_core::Event)) -> Result<(), BoxError> {
    let parser = LineParser::new(Zone::UTC);
    let mut reader = BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let parts = line.iter().position(|byte| *byte == b'\t').map(|at| line.split_at(at));
        let sequence = parts.and_then(|(number, _)| std::str::from_utf8(number).ok()?.parse().ok());
        if let (Some(sequence), Some((_, json))) = (sequence, parts)
            && let Ok(Some(event)) = parser.parse_alone(json[1..].trim_ascii_end(), Timestamp::MIN)
        {
            each(sequence, event.time, &event);
        }
        line.clear();
    }
    Ok(())
}

/// Files of lines that an earlier process was to turn into files of the format.
fn left_behind(path: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let (stem, end) = (stem(path), format!("{}.{PART}", ending(path)));
    let folder = folder(path);
    let entries = std::fs::read_dir(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let middle = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&end));
        if middle.is_some_and(is_range) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether this stands between the stem and the ending of one of our names: `20260504T140002Z-0-4649`, or more behind it.
fn is_range(middle: &str) -> bool {
    let mut parts = middle.split('-');
    let time = parts.next().is_some_and(|time| time.len() == 16 && time.ends_with('Z') && time.contains('T'));
    let numbers = parts.clone().count();
    time && (2..=3).contains(&numbers) && parts.all(|part| part.parse::<u64>().is_ok())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn ending(path: &Path) -> String {
    path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file of this stem and ending is there, or parts of one, also in folders.
fn is_taken(folder: &Path, stem: &str, ending: &str, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        if depth > 0 && name.contains('=') && entry.path().is_dir() {
            return is_taken(&entry.path(), stem, ending, depth - 1);
        }
        let name = name.strip_suffix(&format!(".{PART}")).unwrap_or(&name);
        let middle = name.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
        middle.is_some_and(|middle| middle.is_empty() || middle.starts_with('_'))
    })
}

struct RollingSink {
    lines: Lines,
    path: PathBuf,
    format: Format,
    options: Options,
    rows: u64,
    every: Duration,
    context: Context,
    /// Files of lines that wait to become files of the format.
    waiting: Vec<PathBuf>,
    scratch: Table,
    keys: Keys,
}

impl RollingSink {
    fn open<F: TableFormat>(config: &RollingConfig<F>, context: &Context) -> Result<Self, BoxError> {
        let by = match &config.by {
            Some(by) => by.iter().map(By::of).collect(),
            None => F::FORMAT.usual_parts(),
        };
        let path = context.dirs.output(&config.path);
        let lines = Lines::open(path.with_added_extension(PART), context)?;
        Ok(Self {
            waiting: left_behind(&path)?,
            lines,
            path,
            format: F::FORMAT,
            options: Options { by, exists: Exists::Replaced, zone: context.zone.clone(), stop: Arc::default() },
            rows: config.rotate_rows,
            every: config.rotate_every.0,
            context: context.clone(),
            scratch: Table::default(),
            keys: Keys::default(),
        })
    }
}

impl Sink for RollingSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        if let Err(full) = self.lines.file.room() {
            return full;
        }
        for item in delivery.items() {
            self.scratch.push_item(*item);
            for row in 0..self.scratch.len() {
                self.lines.write(item.sequence(), &self.scratch.event(row, &mut self.keys));
            }
            self.scratch.clear();
        }
        self.lines.file.written();
        Answer::Ok
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        self.lines.file.flush()
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        let resumed = self.lines.file.resume(from)?;
        self.lines.recount()?;
        Ok(resumed)
    }

    fn mark(&mut self) -> Option<Vec<u8>> {
        self.lines.file.mark()
    }

    fn wants_turn(&self) -> bool {
        !self.waiting.is_empty() || self.lines.rows >= self.rows || self.lines.are_old(self.every)
    }

    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        if self.lines.rows > 0 && (at_end || self.lines.rows >= self.rows || self.lines.are_old(self.every)) {
            self.put_by()?;
        }
        while let Some(lines) = self.waiting.first() {
            self.convert(lines)?;
            self.waiting.remove(0);
        }
        if at_end && self.lines.rows == 0 {
            // Nothing is lost with it, and nothing is made of it.
            drop(std::fs::remove_file(&self.lines.path));
        }
        Ok(())
    }
}

impl RollingSink {
    /// Puts the file of lines by under the name of what it becomes, and begins another one.
    fn put_by(&mut self) -> Result<(), BoxError> {
        let Some((first, last, began)) = self.lines.range else { return Ok(()) };
        let plain = format!("{}-{}-{first}-{last}", stem(&self.path), began.to_utc().format("%Y%m%dT%H%M%SZ"));
        let mut stems = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}-{number}")));
        let folder = folder(&self.path);
        let free = stems.find(|stem| !is_taken(folder, stem, &ending(&self.path), self.options.by.len()));
        let name = format!("{}{}", free.expect("there are more numbers than files"), ending(&self.path));
        let put_by = self.path.with_file_name(name).with_added_extension(PART);
        std::fs::rename(&self.lines.path, &put_by)?;
        self.waiting.push(put_by);
        self.lines = Lines::open(self.lines.path.clone(), &self.context)?;
        (self.scratch, self.keys) = (Table::default(), Keys::default());
        Ok(())
    }

    fn convert(&self, lines: &Path) -> Result<(), BoxError> {
        let mut table = Table::default();
        each_line(lines, |_, _, event| table.push_event(event))?;
        let path = lines.with_extension("");
        // What is there under this name is what an earlier process has made of the same lines.
        table.write(self.format, &path, &self.options)?;
        std::fs::remove_file(lines)?;
        Ok(())
    }
}

#[cfg(all(test, feature = "csv", feature = "json", feature = "parquet"))]
mod tests;
