//! A data folder as a source: its lines of events, and what is added to them, from the newest on as far back as is quickly read.
//!
//! It is not the source `file`: that one must lose nothing, so it knows its files beforehand and reads them whole. This one finds
//! them, leaves out what tells the same again, and begins where it is worth it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use monitor_core::component::{BoxError, Source};
use monitor_core::event::Body;
use monitor_core::pipeline::{Emitter, Place, Stopped};
use monitor_core::read::{LineParser, Lines, Next, open_recording};
use monitor_core::{Timestamp, Zone};

/// So many bytes that are there already are read at most: some seconds' worth.
const MOST: u64 = 256 << 20;
/// So many times as large is what is packed, about.
const PACKED: u64 = 8;
/// How often it is looked for more.
const POLL: Duration = Duration::from_millis(250);
/// Of each file this many events are looked at to know what it tells.
const LOOKED_AT: usize = 200;
/// Endings of files of lines, packed or not.
const ENDINGS: [&str; 3] = [".jsonl", ".ndjson", ".log"];
const PACKINGS: [&str; 2] = [".gz", ".zst"];

/// How far the reading is.
#[derive(Debug, Default)]
pub(super) struct Reading {
    folder: PathBuf,
    read: AtomicU64,
    all: AtomicU64,
    caught_up: AtomicBool,
    stale: AtomicBool,
    notes: Mutex<Vec<String>>,
}

impl Reading {
    /// Whether there is no file that could be read.
    pub(super) fn folder_is_empty(&self) -> bool {
        lines_in(&self.folder).is_empty()
    }

    /// Whether what was there at first has been read.
    pub(super) fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// Whether something has come that tells more than what was read, and tells it again: it is to be read anew without that.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// How much of it.
    pub(super) fn part(&self) -> f64 {
        let (read, all) = (self.read.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        if all == 0 { 0.0 } else { (read as f64 / all as f64).min(1.0) }
    }

    /// What is not read, and why.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

/// What the lines of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    /// Generations and evaluations, as events are written here.
    Events,
    /// The same, as the Python class logs them.
    Log,
    /// Samples.
    Samples,
}

/// Lines of a folder as they come.
pub(super) struct FolderSource {
    reading: Arc<Reading>,
    zone: Zone,
    tails: Vec<Tail>,
    known: HashSet<(u64, u64)>,
    /// What is read; several sinks have told the same, and only what tells most of it is.
    told: Option<Tells>,
}

struct Tail {
    path: PathBuf,
    /// None for one that was packed, and is read.
    lines: Option<Lines<Box<dyn BufRead + Send>>>,
    /// Where it was begun.
    from: u64,
}

impl FolderSource {
    pub(super) fn new(folder: &Path, zone: Zone) -> (Self, Arc<Reading>) {
        let reading = Arc::new(Reading { folder: folder.to_owned(), ..Reading::default() });
        let known = HashSet::new();
        (Self { reading: Arc::clone(&reading), zone, tails: Vec::new(), known, told: None }, reading)
    }
}

impl Source for FolderSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let mut room = MOST;
        loop {
            self.find(&mut room);
            for tail in &mut self.tails {
                tail.read(out, &self.reading)?;
            }
            self.tails.retain(|tail| tail.lines.is_some());
            out.flush()?;
            out.note_caught_up();
            if out.stopped() {
                return Ok(());
            }
            self.reading.caught_up.store(true, Ordering::Release);
            // What comes now is read as it comes.
            room = u64::MAX;
            std::thread::park_timeout(POLL);
        }
    }

    fn endless(&self) -> bool {
        true
    }
}

impl FolderSource {
    /// Finds files that are new, and begins with the newest, for as long as there is room.
    fn find(&mut self, room: &mut u64) {
        let mut new = Vec::new();
        for path in lines_in(&self.reading.folder) {
            let Ok(metadata) = path.metadata() else { continue };
            let id = (metadata.dev(), metadata.ino());
            // One that holds nothing yet may be anything.
            if self.known.contains(&id) || metadata.len() == 0 {
                continue;
            }
            let Some(tells) = tells(&path, &self.zone) else { continue };
            new.push((metadata.modified().ok(), tells, path, metadata.len(), id));
        }
        let most = new.iter().filter_map(|(_, tells, ..)| *tells).min();
        if self.told.is_some_and(|told| most.is_some_and(|most| most < told)) {
            self.reading.stale.store(true, Ordering::Release);
            return;
        }
        self.told = self.told.or(most);
        new.sort_by_key(|(modified, ..)| std::cmp::Reverse(*modified));
        let (mut left, mut whole) = (0, 0);
        for (_, tells, path, length, id) in new {
            self.known.insert(id);
            whole += length;
            // What tells of nothing but rules and messages tells nothing twice.
            if tells.is_some() && tells != self.told {
                whole -= length;
                continue;
            }
            let tail = Tail::begin(path, length, room);
            left += tail.as_ref().map_or(length, |tail| tail.from);
            self.reading.all.fetch_add(length - tail.as_ref().map_or(length, |tail| tail.from), Ordering::Relaxed);
            self.tails.extend(tail);
        }
        // The oldest first.
        self.tails.reverse();
        if left > 0 {
            let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
            self.reading.note(format!(
                "Of {} MB of recordings the newest {} MB are read: numbers of longer ago are too small.",
                megabytes(whole),
                megabytes(whole - left)
            ));
        }
    }
}

impl Tail {
    /// Opens a file where it is worth it: at its begin, or, where there is too little room, so far before its end. None where there
    /// is none at all, or it cannot be read.
    fn begin(path: PathBuf, length: u64, room: &mut u64) -> Option<Self> {
        if is_packed(&path) {
            *room = room.checked_sub(length.saturating_mul(PACKED))?;
            let lines = Some(Lines::new(open_recording(&path).ok()?));
            return Some(Self { path, lines, from: 0 });
        }
        let from = length.saturating_sub(*room);
        *room -= length.min(*room);
        let mut file = BufReader::with_capacity(64 << 10, File::open(&path).ok()?);
        if from > 0 {
            file.seek(SeekFrom::Start(from)).ok()?;
        }
        let mut lines = Lines::new(Box::new(file) as Box<dyn BufRead + Send>);
        if from > 0 {
            // The first one is half of one.
            drop(lines.next(false));
        }
        Some(Self { path, lines: Some(lines), from })
    }

    fn read(&mut self, out: &mut Emitter, reading: &Reading) -> Result<(), Stopped> {
        let Self { path, lines: Some(lines), .. } = self else { return Ok(()) };
        let mut before = lines.position();
        loop {
            match lines.next(false) {
                Ok(Next::Line(line)) => out.line(line, Place { file: Some(path), line: None })?,
                Ok(Next::TooLong(_)) => {}
                Ok(Next::End) | Err(_) => break,
            }
            // Not for each line.
            if lines.position() - before > 1 << 20 {
                reading.read.fetch_add(lines.position() - before, Ordering::Relaxed);
                before = lines.position();
                if out.stopped() {
                    return Err(Stopped);
                }
            }
        }
        reading.read.fetch_add(lines.position() - before, Ordering::Relaxed);
        if is_packed(path) {
            self.lines = None;
        } else if path.metadata().is_ok_and(|metadata| metadata.len() < self.from + lines.position()) {
            // It was cut off, and is written anew.
            self.from = 0;
            self.lines = File::open(path).ok().map(|file| Lines::new(Box::new(BufReader::new(file)) as Box<_>));
        }
        Ok(())
    }
}

fn is_packed(path: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && (head.starts_with(&[0x1f, 0x8b]) || head == [0x28, 0xb5, 0x2f, 0xfd])
}

/// The files of lines in a folder; a file is a folder of itself.
pub(super) fn lines_in(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let is_lines = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = PACKINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        path.is_file() && name != "rejected.jsonl" && ENDINGS.iter().any(|ending| plain.ends_with(ending))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_lines).collect();
    files.sort();
    files
}

/// What a file tells, by its first events; an inner none if these are only alerts and messages, an outer one if there is no event.
#[expect(clippy::option_option, reason = "not known yet, neither, one of them")]
fn tells(path: &Path, zone: &Zone) -> Option<Option<Tells>> {
    let mut lines = Lines::new(open_recording(path).ok()?);
    let mut parser = LineParser::new(zone.clone());
    let mut seen = 0;
    let mut tells: Option<Tells> = None;
    while seen < LOOKED_AT {
        let line = match lines.next(true) {
            Ok(Next::Line(line)) => line,
            Ok(Next::TooLong(_)) => continue,
            Ok(Next::End) | Err(_) => break,
        };
        let json = line.trim_ascii_start().starts_with(b"{");
        let Ok(Some(event)) = parser.parse(line, Timestamp::MIN) else { continue };
        seen += 1;
        let told = match event.body {
            Body::Generation(_) | Body::Evaluation(_) if json => Some(Tells::Events),
            Body::Generation(_) | Body::Evaluation(_) => Some(Tells::Log),
            Body::Metric(_) => Some(Tells::Samples),
            Body::Log(_) | Body::Alert(_) => None,
        };
        tells = tells.into_iter().chain(told).min();
    }
    (seen > 0).then_some(tells)
}
