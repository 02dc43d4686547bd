//! The spool: the log on disk, for what a source cannot send again and a sink has not got yet. How far each sink and each
//! source is stands in the same file, so both are right together or not at all.
//!
//! It is an SQLite database in WAL mode: a row a batch with a checksum, a row a sink, a row a followed file. The store under
//! it has been proved for years; this module only says what is in it, and what is done when it is damaged.

mod books;
mod high_water;
mod reader;
pub(crate) mod rows;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;
mod written;

pub use books::{Audit, Books, SinkBooks, SourcePosition};

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use high_water::HighWater;
use reader::Reader;
use schema::Synced;
use written::{Before, Written};

use crate::Text;
use crate::bus::{
    AccountKey, Backlog, BacklogError, BacklogState, Batch, Draft, Durability, Intake, Position, SinkAccount,
};
use crate::read::LineParser;
use crate::sample::Deriver;

/// Its name in the data folder.
pub const SPOOL_FILE: &str = "spool.db";
/// Stands beside it if a run without it could not note there that what the sinks have said of their files is void.
const VOID: &str = "spool.void";

/// A spool that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("open the spool `{}`: {error}", path.display())]
pub struct SpoolError {
    path: PathBuf,
    error: rusqlite::Error,
}

/// What opening a spool has come upon.
#[derive(Debug, Default)]
pub struct Found {
    /// The spool was damaged: where it is now. What could be read of it is in the new one.
    pub set_aside: Option<PathBuf>,
    /// So many of the last events that were accepted are not in it any more.
    pub taken_back: u64,
}

/// A spool that is open.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    id: u64,
    level: Durability,
    quota: u64,
    written: Mutex<Written>,
    /// Whatever else must live as long as somebody may write here.
    _guard: Box<dyn Any + Send + Sync>,
    /// Reads while the other connection writes.
    reader: Mutex<Reader>,
}

/// The length of a dead-letter file that is not to be cut off.
const NEVER_CUT: u64 = i64::MAX.cast_unsigned();

impl Spool {
    /// Opens or creates the spool of a data folder. One that is damaged is set aside, and what can be read of it goes into a
    /// new one: a start always goes on. `parser` and `deriver` read what was written; `guard` lives as long as the spool.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn open(
        folder: &Path,
        level: Durability,
        quota: u64,
        parser: LineParser,
        deriver: Deriver,
        guard: impl Any + Send + Sync,
    ) -> Result<(Self, Found), SpoolError> {
        let path = folder.join(SPOOL_FILE);
        let failed = |error| SpoolError { path: path.clone(), error };
        let mut found = Found::default();
        let open = || {
            let connection = schema::open(&path, Synced::events(level))?;
            Ok((Written::load(&connection)?, connection))
        };
        let opened = if salvage::is_under_way(&path) {
            Err(schema::unusable("what can be read of it was not copied to the end".to_owned()))
        } else {
            // A read that failed for once looks like damage, too.
            open().or_else(|error| if schema::is_damage(&error) { open() } else { Err(error) })
        };
        let (mut loaded, connection) = match opened {
            Ok(opened) => opened,
            Err(error) if schema::is_damage(&error) => {
                // Said first: who is killed after it says nothing.
                let name = path.display();
                tracing::error!("the spool `{name}` is damaged ({error}): what can be read of it goes into a new one");
                let aside = salvage::renew(&path).map_err(failed)?;
                let (loaded, connection) = open().map_err(failed)?;
                let kept: u64 = loaded.rows.iter().map(|row| row.events).sum();
                tracing::error!(
                    "the old spool is now `{}`; {kept} of its events are kept, and how many more there were is not known",
                    aside.display()
                );
                found.set_aside = Some(aside);
                (loaded, connection)
            }
            Err(error) => return Err(failed(error)),
        };
        let reader = schema::open_reader(&path).map_err(failed)?;
        if folder.join(VOID).exists() {
            schema::forget_marks(&connection).map_err(failed)?;
            std::fs::remove_file(folder.join(VOID)).map_err(|error| failed(schema::io(error)))?;
            for account in loaded.sinks.values_mut() {
                (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
            }
        }
        let (high_water, was) = HighWater::open(folder);
        if let Some(was) = was.filter(|was| *was > loaded.next) {
            found.taken_back = was - loaded.next;
            tracing::error!(
                "the spool `{}` is damaged, or an older copy: the last {} events that were accepted are not in it any \
                 more; sinks may have got some of them, and may get some again that were before them",
                path.display(),
                found.taken_back
            );
            // Their numbers are not given again, and what sinks have written of them is not cut off.
            loaded.next = was;
            for account in loaded.sinks.values_mut() {
                (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
            }
        }
        let spool = Self {
            id: loaded.id,
            level,
            quota,
            written: Mutex::new(Written::new(connection, loaded, high_water, file_id(&path))),
            _guard: Box::new(guard),
            reader: Mutex::new(Reader::new(path.clone(), reader, parser, deriver)),
            path,
        };
        Ok((spool, found))
    }

    /// Forgets where sinks were in what they write, if there is a spool: something is written without it.
    pub(crate) fn forget_marks(folder: &Path) {
        let path = folder.join(SPOOL_FILE);
        if !path.exists() {
            return;
        }
        tracing::warn!(
            "`{}` is of a run that was safer than L0: it stays as it is, what waits there waits for the next such run, and \
             followed files are read from their beginning; what was in them before, sinks get again",
            path.display()
        );
        let forgotten = schema::open(&path, Synced::Now).and_then(|connection| {
            schema::put_level(&connection, Durability::L0)?;
            schema::forget_marks(&connection)
        });
        if let Err(error) = forgotten {
            tracing::warn!("failed to note in the spool `{}` that a run without it has begun: {error}", path.display());
            // Beside it, then.
            if let Err(error) = std::fs::File::create(folder.join(VOID)) {
                tracing::error!(
                    "failed to note it beside the spool either, and the next run may cut off what this one writes: {error}"
                );
            }
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // What is in memory is changed after a transaction.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes something, and says when that begins to fail, and when it goes well again.
    fn write(
        &self,
        written: &mut Written,
        write: impl FnOnce(&mut Written) -> Result<(), rusqlite::Error>,
    ) -> Result<(), BacklogError> {
        let opened = if written.before == Before::Nothing { Ok(()) } else { self.open_anew(written) };
        let result = opened.and_then(|()| write(written));
        match &result {
            // A read that failed for once looks like damage, too: it is opened anew first.
            Err(error) if written.before == Before::Nothing && schema::is_damage(error) => {
                written.before = if written.suspected { Before::SetAside } else { Before::Open };
                written.suspected = true;
            }
            Err(error) if written.before == Before::Nothing && schema::is_read_only(error) => {
                written.before = Before::Open;
            }
            Err(_) => {}
            Ok(()) => written.suspected = false,
        }
        written.note(&self.path, result)
    }

    /// SQLite opens for reading what it cannot open for writing, as its index of the write-ahead log, and all connections of a
    /// process have that in common: so all are closed before one is opened. One that is damaged is set aside, as at a start; how
    /// far everybody is, memory knows.
    fn open_anew(&self, written: &mut Written) -> Result<(), rusqlite::Error> {
        let mut reader = self.reader();
        reader.close();
        written.connection = Connection::open_in_memory()?;
        if written.before == Before::SetAside {
            let aside = salvage::renew(&self.path)?;
            let connection = schema::open(&self.path, Synced::Never)?;
            written.take_over(connection, self.id, self.level)?;
            let kept = written.events;
            tracing::error!(
                "the spool `{}` is damaged: it is now `{}`, and a new one goes on with {kept} of its events; how many more \
                 there were is not known",
                self.path.display(),
                aside.display()
            );
        } else {
            written.connection = schema::open(&self.path, Synced::Never)?;
        }
        written.file_id = file_id(&self.path);
        written.before = Before::Nothing;
        Ok(())
    }

    /// How safe an event is once it is in the spool.
    pub fn level(&self) -> Durability {
        self.level
    }
}

/// Tells a file from another one of its name.
fn file_id(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        path.metadata().ok().map(|metadata| metadata.ino())
    }
    #[cfg(not(unix))]
    {
        path.exists().then_some(0)
    }
}

impl Backlog for Spool {
    fn next_sequence(&self) -> u64 {
        self.written().next
    }

    fn advance(&self, to: u64) {
        let mut written = self.written();
        written.next = written.next.max(to);
        let next = written.next;
        written.high_water.note(next);
    }

    fn append(&self, first: u64, draft: &Draft) -> Result<(), BacklogError> {
        let mut written = self.written();
        written.look_for_done(self.quota);
        self.write(&mut written, |written| written.append(first, draft, self.level))
    }

    fn read(&self, sequence: u64) -> Result<Option<Batch>, BacklogError> {
        self.reader().batch(sequence)
    }

    fn sink(&self, name: &Text) -> (SinkAccount, AccountKey) {
        let mut written = self.written();
        let next = written.next;
        let account = written.sinks.entry(name.clone()).or_insert_with(|| SinkAccount {
            since: next,
            position: next,
            active: true,
            // Its dead letters are there still, if an earlier spool had an account of it.
            dead_letter_bytes: NEVER_CUT,
            ..SinkAccount::default()
        });
        if !std::mem::replace(&mut account.active, true) {
            // What came while it was not there was not for it.
            account.since += next.saturating_sub(account.position);
            account.position = next;
            (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
        }
        let account = account.clone();
        written.keys += 1;
        let key = AccountKey(written.keys);
        written.active.insert(name.clone(), key);
        written.note_dirty(name);
        (account, key)
    }

    fn retire_others(&self) {
        let mut written = self.written();
        let others =
            written.sinks.iter().filter(|(name, account)| account.active && !written.active.contains_key(*name));
        let others: Vec<Text> = others.map(|(name, _)| name.clone()).collect();
        let next = written.next;
        for name in &others {
            written.retire(name, next);
        }
    }

    fn retire(&self, name: &Text, before: u64) {
        self.written().retire(name, before);
    }

    fn settle(&self, name: &Text, key: AccountKey, account: SinkAccount) {
        let mut written = self.written();
        // One that was left behind has nothing to say any more, though another of its name may be there.
        if written.active.get(name) != Some(&key) && !seeded_bug!("account_of_another") {
            return;
        }
        if written.sinks.insert(name.clone(), account.clone()).as_ref() != Some(&account) {
            written.note_dirty(name);
        }
    }

    fn note(&self, intake: &Intake, positions: &[Position]) {
        let mut written = self.written();
        written.noted.add(intake);
        written.learn_positions(positions);
        let again =
            |noted: &Position| positions.iter().any(|new| (&new.source, &new.key) == (&noted.source, &noted.key));
        written.noted_positions.retain(|noted| !again(noted));
        written.noted_positions.extend_from_slice(positions);
    }

    fn gone_from(&self, sequence: u64) -> u64 {
        let written = self.written();
        let kept = written.rows.iter().skip(written.done).find(|row| row.first + row.events > sequence);
        kept.map_or(written.next, |row| row.first).saturating_sub(sequence)
    }

    fn state(&self) -> BacklogState {
        let written = self.written();
        BacklogState {
            events: written.events,
            bytes: written.bytes,
            quota: self.quota,
            failing: written.failing,
            taken_away: written.before == Before::Nothing && file_id(&self.path) != written.file_id,
        }
    }

    fn positions(&self, source: &Text) -> Vec<(Text, String)> {
        let written = self.written();
        let ours = written.positions.iter().filter(|((of, _), _)| of == source);
        ours.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn flush(&self) -> Result<(), BacklogError> {
        let mut written = self.written();
        written.look_for_done(self.quota);
        self.write(&mut written, |written| written.flush(self.level))
    }

    fn flush_synced(&self) -> Result<(), BacklogError> {
        self.flush()?;
        let mut written = self.written();
        self.write(&mut written, |written| written.sync(self.level))
    }

    fn settle_down(&self) -> Result<(), BacklogError> {
        self.flush()?;
        let mut written = self.written();
        // A write-ahead log that is damaged takes with it what is only there.
        self.write(&mut written, |written| written.checkpoint())
    }
}
