//! Refused lines: counted by reason, and kept with their place and error in `rejected.jsonl`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::counters::Counter;
use super::emitter::Place;
use crate::read::{Reason, Refusal};

/// Its name in the data folder.
pub(crate) const REJECTED_FILE: &str = "rejected.jsonl";
/// Of a refused line this much is kept.
const KEPT_OF_LINE: usize = 4 << 10;
/// The file grows to this size, over all processes; after that lines are only counted.
const MAX_FILE: u64 = 64 << 20;
/// That many examples are kept in memory, for the summary.
const EXAMPLES: usize = 5;

/// Refused lines of a run.
#[derive(Debug)]
pub struct Refusals {
    counts: [Counter; Reason::ALL.len()],
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
    written: u64,
    /// They cannot be kept, which was said.
    failing: bool,
    /// One was.
    any: bool,
    examples: Vec<String>,
}

#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    file: Option<&'a Path>,
    line: Option<u64>,
    reason: &'static str,
    error: &'a str,
    /// The line as text; what is no UTF-8 in it is replaced.
    text: &'a str,
    truncated: bool,
}

impl Refusals {
    /// Refusals that are kept in the file `path`, or only counted. The file is made with the first refused line.
    pub fn new(path: Option<PathBuf>) -> Self {
        let kept = Kept { path, file: None, written: 0, failing: false, any: false, examples: Vec::new() };
        Self { counts: std::array::from_fn(|_| Counter::default()), kept: Mutex::new(kept) }
    }

    /// Counts and keeps a refused line.
    pub fn add(&self, source: &str, place: Place<'_>, refusal: &Refusal, line: &[u8]) {
        self.count(refusal.reason);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.examples.len() < EXAMPLES {
            let place = match (place.file, place.line) {
                (Some(file), Some(line)) => format!("{}:{line}", file.display()),
                (None, Some(line)) => format!("{source}:{line}"),
                _ => source.to_owned(),
            };
            kept.examples.push(format!("{place}: {refusal}"));
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(KEPT_OF_LINE)]);
        let record = Record {
            source,
            file: place.file,
            line: place.line,
            reason: refusal.reason.as_str(),
            error: &refusal.error,
            text: &text,
            truncated: line.len() > KEPT_OF_LINE,
        };
        if let Err(error) = kept.write(&record) {
            // The next one tries again, from the beginning of a line.
            kept.file = None;
            if !std::mem::replace(&mut kept.failing, true) {
                tracing::warn!("failed to keep refused lines, they are only counted while that is so: {error}");
            }
        }
    }

    /// Counts what has no line to keep.
    pub fn count(&self, reason: Reason) {
        self.counts[reason as usize].add(1);
    }

    /// How many were refused for this.
    pub fn of(&self, reason: Reason) -> u64 {
        self.counts[reason as usize].get()
    }

    /// How many were refused.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }

    /// How many were refused, by reason; reasons that did not occur are left out.
    pub fn by_reason(&self) -> Vec<(Reason, u64)> {
        Reason::ALL
            .into_iter()
            .map(|reason| (reason, self.counts[reason as usize].get()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The first few, as `file:line: error`.
    pub fn examples(&self) -> Vec<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).examples.clone()
    }

    /// The file, if a line was written to it.
    pub fn file(&self) -> Option<PathBuf> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.path.clone().filter(|_| kept.any)
    }

    /// Brings the file to the disk's cache. What fails here was said before, or is said by the next line.
    pub fn flush(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = kept.file.as_mut().map(Write::flush) {
            tracing::warn!("failed to keep refused lines: {error}");
        }
    }
}

impl Kept {
    fn write(&mut self, record: &Record<'_>) -> std::io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        if self.written >= MAX_FILE {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                let file = File::options().create(true).append(true).open(path)?;
                self.written = file.metadata()?.len();
                empty.insert(BufWriter::new(file))
            }
        };
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.written += line.len() as u64;
        file.write_all(&line)?;
        (self.failing, self.any) = (false, true);
        Ok(())
    }
}
