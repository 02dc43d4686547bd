//! The books of a sink across processes: how far it is, what became of every event, and the file of those that it can
//! never write.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::counters::SinkCounters;
use crate::Text;
use crate::bus::{AccountKey, Backlog, Durability, SinkAccount};
use crate::component::{BoxError, Item, Resume, Resumed, Sink};
use crate::event::Event;

/// The books of a sink that outlive the process.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) backlog: Arc<dyn Backlog>,
    name: Text,
    key: AccountKey,
    /// As they were when this process began.
    before: SinkAccount,
    /// What the sink said last, and whether it has written nothing since.
    mark: Option<Vec<u8>>,
    clean: bool,
    /// The sink has turned over, and where it begins now is not safe yet.
    pub(super) unnoted: bool,
}

impl Ledger {
    pub(super) fn open(backlog: Arc<dyn Backlog>, name: Text) -> Self {
        let (before, key) = backlog.sink(&name);
        let (mark, clean) = (before.mark.clone(), before.clean);
        Self { backlog, name, key, before, mark, clean, unnoted: false }
    }

    /// The number of the first event that is new to the sink.
    pub(super) fn position(&self) -> u64 {
        self.before.position
    }

    pub(super) fn dead_letter_bytes(&self) -> u64 {
        self.before.dead_letter_bytes
    }

    /// Takes a sink that was just opened back to where it was. Gives back the number of the event before which it has all.
    pub(super) fn resume(&self, sink: &mut dyn Sink) -> Result<u64, BoxError> {
        match sink.resume(&Resume { spool: self.backlog.id(), mark: self.mark.as_deref(), clean: self.clean })? {
            Resumed::AsNoted => Ok(0),
            Resumed::At(_) if seeded_bug!("own_cursor_ignored") => Ok(0),
            Resumed::At(sequence) => Ok(sequence),
        }
    }

    /// Notes where the sink begins: what it writes before it is asked again may have to be cut off.
    pub(super) fn begin(&mut self, sink: &mut dyn Sink) {
        self.set_mark(sink.mark());
        self.before.mark.clone_from(&self.mark);
        self.before.clean = false;
        self.backlog.settle(&self.name, self.key, self.before.clone());
    }

    pub(super) fn set_mark(&mut self, mark: Option<Vec<u8>>) {
        (self.mark, self.clean) = (mark, false);
    }

    /// The sink writes nothing more.
    pub(super) fn set_clean(&mut self) {
        self.clean = true;
    }

    /// Notes that the fate of every event before `position` is known.
    pub(super) fn settle(&self, position: u64, counters: &SinkCounters, dead_letter_bytes: u64) {
        let mut account = SinkAccount {
            position,
            mark: self.mark.clone(),
            clean: self.clean,
            dead_letter_bytes,
            ..self.before.clone()
        };
        account.delivered += counters.delivered.get();
        account.filtered += counters.filtered.get();
        account.dead_letter += counters.dead_letter.get();
        for (reason, count) in counters.lost_by_reason().into_iter().filter(|(_, count)| *count > 0) {
            *account.lost.entry(Text::new_static(reason)).or_default() += count;
        }
        self.backlog.settle(&self.name, self.key, account);
    }
}

/// Events that a sink can never write, each a line with the reason.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    /// Those that are in it, and of which the books do not know yet.
    kept: BTreeSet<u64>,
    /// Whether they must be safe from a loss of power.
    durable: bool,
    /// Some are not yet.
    unsynced: bool,
}

#[derive(Serialize)]
struct DeadLetter<'a> {
    sequence: u64,
    sink: &'a str,
    error: &'a str,
    event: &'a Event,
}

/// Its folder in the data folder.
pub(crate) const DEAD_LETTERS: &str = "dead_letter";

impl DeadLetters {
    /// The file, which is made with the first of them. What is in it beyond `length` is written again.
    pub(super) fn new(path: PathBuf, length: u64, level: Durability) -> Self {
        let there = path.metadata().map_or(0, |metadata| metadata.len());
        let kept = there.min(length);
        if there > kept
            && let Err(error) = File::options().write(true).open(&path).and_then(|file| file.set_len(kept))
        {
            tracing::warn!("failed to cut off `{}`: {error}; some of its events are in it twice", path.display());
        }
        Self {
            path,
            file: None,
            length: kept,
            kept: BTreeSet::new(),
            durable: level >= Durability::L2,
            unsynced: false,
        }
    }

    /// The length of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Writes an event down, unless it is there.
    pub(super) fn add(&mut self, sink: &str, item: &Item<'_>, error: &str) -> std::io::Result<()> {
        let sequence = item.sequence();
        if self.kept.contains(&sequence) || seeded_bug!("dead_letter_unwritten") {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&DeadLetter { sequence, sink, error, event: item.event() })?;
        line.push(b'\n');
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let file = File::options().create(true).append(true).open(&self.path)?;
                // Somebody may have taken them away.
                self.length = file.metadata()?.len();
                none.insert(file)
            }
        };
        if let Err(error) = file.write_all(&line) {
            // Half a line would be read as one with the next.
            drop(file.set_len(self.length));
            self.length = file.metadata().map_or(self.length, |metadata| metadata.len());
            return Err(error);
        }
        self.length += line.len() as u64;
        self.kept.insert(sequence);
        self.unsynced = self.durable;
        Ok(())
    }

    /// Brings home what was added, before the books tell of it.
    pub(super) fn sync(&mut self) -> std::io::Result<()> {
        self.bring_home()?;
        self.kept.clear();
        Ok(())
    }

    fn bring_home(&mut self) -> std::io::Result<()> {
        if !self.unsynced {
            return Ok(());
        }
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.unsynced = false;
        Ok(())
    }
}

impl SinkCounters {
    /// Notes what the bus has counted.
    pub(super) fn note_losses(&self, lost: u64, gone: u64) {
        self.overflowed.store(lost, Ordering::Relaxed);
        self.gone.store(gone, Ordering::Relaxed);
    }
}
