//! The spool: the log on disk, for what a source cannot send again and a sink has not got yet. How far each sink and each
//! source is stands in the same file, so both are right together or not at all.
//!
//! It is an SQLite database in WAL mode: a row a batch with a checksum, a row a sink, a row a followed file. The store under
//! it has been proved for years; this module only says what is in it, and what is done when it is damaged.

mod books;
mod high_water;
pub(crate) mod rows;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;

pub use books::{Audit, Books, SinkBooks, SourcePosition};

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use high_water::HighWater;
use schema::Synced;

use crate::Text;
use crate::bus::{Backlog, BacklogError, Batch, Draft, Durability, Intake, Position, SinkAccount};
use crate::read::LineParser;
use crate::sample::Deriver;

/// Its name in the data folder.
pub const SPOOL_FILE: &str = "spool.db";

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

#[derive(Debug)]
struct Written {
    connection: Connection,
    next: u64,
    /// The rows, the oldest first.
    rows: VecDeque<Row>,
    bytes: u64,
    /// Rows that nobody needs and that are not deleted yet.
    done: usize,
    sinks: BTreeMap<Text, SinkAccount>,
    /// The sinks that hold rows back: those of this process.
    active: Vec<Text>,
    /// Accounts that are not written down yet.
    dirty: Vec<Text>,
    /// The books of the door, and what of them is not written down yet.
    intake: Intake,
    noted: Intake,
    /// How far sources are, where it is not written down yet.
    positions: Vec<Position>,
    /// Kept for its memory.
    encoded: Vec<u8>,
    /// Nothing could be written; said once.
    failing: bool,
    high_water: HighWater,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    first: u64,
    events: u64,
    bytes: u64,
}

struct Reader {
    connection: Connection,
    parser: LineParser,
    deriver: Deriver,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// The first event, and the number of events, of the first row that ends behind `from`.
    fn row(&self, from: i64) -> Result<Option<(i64, i64)>, rusqlite::Error> {
        self.connection
            .prepare_cached("SELECT first, events FROM batch WHERE first + events > ?1 ORDER BY first LIMIT 1")?
            .query_row([from], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// The events of a row; `None` if they are not what was written.
    fn draft(&mut self, first: i64) -> Result<Option<Draft>, rusqlite::Error> {
        let Self { connection, parser, deriver } = self;
        let mut statement = connection.prepare_cached("SELECT crc, data FROM batch WHERE first = ?1")?;
        statement.query_row([first], |row| {
            let (crc, data) = (row.get::<_, u32>(0)?, row.get_ref(1)?.as_blob()?);
            Ok((crc == crc32fast::hash(data) || seeded_bug!("checksum_unchecked"))
                .then(|| rows::decode(data, parser, deriver))
                .flatten())
        })
    }
}

/// The length of a dead-letter file that is not to be cut off.
const NEVER_CUT: u64 = i64::MAX.cast_unsigned();

/// Rows are deleted by this many: each deletion is a transaction of its own otherwise.
const DELETED_AT_ONCE: usize = 8;

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
            open()
        };
        let (loaded, connection) = match opened {
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
        let Loaded { id, mut next, rows, mut sinks, intake } = loaded;
        let (high_water, was) = HighWater::open(folder);
        if let Some(was) = was.filter(|was| *was > next) {
            found.taken_back = was - next;
            tracing::error!(
                "the spool `{}` is damaged, or an older copy: the last {} events that were accepted are not in it any \
                 more; sinks may have got some of them, and may get some again that were before them",
                path.display(),
                was - next
            );
            // Their numbers are not given again, and what sinks have written of them is not cut off.
            next = was;
            for account in sinks.values_mut() {
                (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
            }
        }
        let bytes = rows.iter().map(|row| row.bytes).sum();
        let spool = Self {
            id,
            level,
            quota,
            written: Mutex::new(Written {
                connection,
                next,
                rows,
                bytes,
                done: 0,
                sinks,
                active: Vec::new(),
                dirty: Vec::new(),
                intake,
                noted: Intake::default(),
                positions: Vec::new(),
                encoded: Vec::new(),
                failing: false,
                high_water,
            }),
            _guard: Box::new(guard),
            reader: Mutex::new(Reader { connection: reader, parser, deriver }),
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
        let forgotten = schema::open(&path, Synced::Now).and_then(|connection| {
            schema::put_level(&connection, Durability::L0)?;
            connection.execute("UPDATE sink SET mark = NULL, dead_letter_bytes = ?1", [NEVER_CUT.cast_signed()])
        });
        if let Err(error) = forgotten {
            tracing::warn!("failed to note in the spool `{}` that a run without it has begun: {error}", path.display());
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // A transaction that panicked was rolled back; what is in memory is changed after it.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How safe an event is once it is in the spool.
    pub fn level(&self) -> Durability {
        self.level
    }
}

/// What stands in the file.
struct Loaded {
    id: u64,
    next: u64,
    rows: VecDeque<Row>,
    sinks: BTreeMap<Text, SinkAccount>,
    intake: Intake,
}

impl Written {
    fn load(connection: &Connection) -> Result<Loaded, rusqlite::Error> {
        let number = |key: &str| connection.query_row(schema::GET, [key], |row| row.get::<_, i64>(0));
        let (id, next) = (number("id")?.cast_unsigned(), number("next")?.cast_unsigned());
        let mut statement = connection.prepare("SELECT first, events, length(data) FROM batch ORDER BY first")?;
        let rows = statement.query_map([], |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Row { first: number(0)?, events: number(1)?, bytes: number(2)? })
        })?;
        let rows = rows.collect::<Result<_, _>>()?;
        let sinks = schema::sinks(connection)?;
        // Alerts are numbered also when they cannot be written down.
        let settled = sinks.values().map(|account| account.position).max();
        Ok(Loaded { id, next: next.max(settled.unwrap_or(0)), rows, sinks, intake: schema::intake(connection)? })
    }

    /// Before this event nobody needs any.
    fn needed(&self) -> u64 {
        let positions = self.active.iter().filter_map(|name| self.sinks.get(name)).map(|account| account.position);
        positions.min().unwrap_or(self.next)
    }

    /// Closes the account of a sink that is gone from the configuration.
    fn retire(&mut self, name: &Text) {
        let next = self.next;
        self.active.retain(|active| active != name);
        let Some(account) = self.sinks.get_mut(name).filter(|account| account.active) else { return };
        let left = next.saturating_sub(account.position);
        if left > 0 {
            tracing::warn!("sink `{name}` is gone from the configuration: {left} events that it has not got are lost");
            *account.lost.entry(Text::new_static("removed")).or_default() += left;
            account.position = next;
        }
        // Whoever writes to the same place meanwhile writes what is not to be cut off.
        (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
        account.active = false;
        if !self.dirty.contains(name) {
            self.dirty.push(name.clone());
        }
    }

    /// Finds the rows that can go: those that nobody needs, and the oldest of more than the quota.
    fn look_for_done(&mut self, quota: u64) {
        let needed = self.needed();
        let mut left = self.bytes - self.rows.iter().take(self.done).map(|row| row.bytes).sum::<u64>();
        while let Some(row) = self.rows.get(self.done) {
            let wanted = row.first + row.events > needed;
            if wanted && left <= quota {
                break;
            }
            if wanted {
                tracing::error!(
                    "the spool is full: its oldest {} events are lost to the sinks that have not got them",
                    row.events
                );
            }
            left -= row.bytes;
            self.done += 1;
        }
    }

    /// Deletes the rows that can go.
    fn delete_done(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let Some(last) = self.done.checked_sub(1).map(|last| self.rows[last]) else { return Ok(()) };
        connection.prepare_cached("DELETE FROM batch WHERE first <= ?1")?.execute([last.first.cast_signed()])?;
        Ok(())
    }

    fn deleted(&mut self) {
        self.bytes -= self.rows.drain(..self.done).map(|row| row.bytes).sum::<u64>();
        self.done = 0;
    }

    /// Writes the accounts that are noted, and how safe what is written here is.
    fn write_dirty(&self, level: Durability) -> Result<(), rusqlite::Error> {
        schema::put_level(&self.connection, level)?;
        for name in &self.dirty {
            schema::put_sink(&self.connection, name, &self.sinks[name])?;
        }
        Ok(())
    }

    fn append(&mut self, first: u64, draft: &Draft, level: Durability) -> Result<(), rusqlite::Error> {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        rows::encode(draft, &mut encoded);
        let events = draft.len() as u64;
        let delete = self.done >= DELETED_AT_ONCE;
        let mut changed = self.noted.clone();
        changed.add(draft.intake());
        let mut intake = self.intake.clone();
        intake.add(&changed);
        let result = schema::transaction(&self.connection, Synced::events(level), || {
            let crc = crc32fast::hash(&encoded);
            self.connection
                .prepare_cached("INSERT INTO batch (first, events, crc, data) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![first.cast_signed(), events.cast_signed(), crc, encoded])?;
            self.connection.prepare_cached(schema::SET)?.execute(params!["next", (first + events).cast_signed()])?;
            schema::put_intake(&self.connection, &intake, &changed)?;
            for position in self.positions.iter().chain(draft.positions()) {
                schema::put_position(&self.connection, position)?;
            }
            if delete {
                self.delete_done(&self.connection)?;
            }
            self.write_dirty(level)
        });
        if result.is_ok() {
            let bytes = encoded.len() as u64;
            self.rows.push_back(Row { first, events, bytes });
            self.bytes += bytes;
            self.next = first + events;
            (self.intake, self.noted) = (intake, Intake::default());
            self.positions.clear();
            self.high_water.note(self.next);
            self.dirty.clear();
            if delete {
                self.deleted();
            }
        }
        self.encoded = encoded;
        result
    }

    fn flush(&mut self, level: Durability) -> Result<(), rusqlite::Error> {
        if self.dirty.is_empty() && self.done == 0 && self.noted.is_empty() && self.positions.is_empty() {
            return Ok(());
        }
        let mut intake = self.intake.clone();
        intake.add(&self.noted);
        // How far a sink is need not survive a loss of power: it would get again what it has.
        schema::transaction(&self.connection, Synced::books(level), || {
            self.delete_done(&self.connection)?;
            schema::put_intake(&self.connection, &intake, &self.noted)?;
            for position in &self.positions {
                schema::put_position(&self.connection, position)?;
            }
            self.write_dirty(level)
        })?;
        (self.intake, self.noted) = (intake, Intake::default());
        self.positions.clear();
        self.dirty.clear();
        self.deleted();
        Ok(())
    }

    /// Brings the write-ahead log into the file, and gives back the room that it takes.
    fn checkpoint(&self) -> Result<(), rusqlite::Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Says when writing begins to fail, and when it goes well again.
    fn note(&mut self, path: &Path, result: Result<(), rusqlite::Error>) -> Result<(), BacklogError> {
        if result.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DiskFull)) {
            // The disk may be full of pages that have been written again since; from now on they are fewer.
            drop(schema::keep_small(&self.connection));
            drop(self.checkpoint());
        }
        let failed = result.is_err();
        if failed != std::mem::replace(&mut self.failing, failed) {
            match &result {
                Ok(()) => tracing::warn!("the spool `{}` can be written to again", path.display()),
                Err(error) => {
                    tracing::error!("failed to write to the spool `{}`: {error}; it is tried again", path.display());
                }
            }
        }
        result.map_err(|error| BacklogError(error.to_string()))
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
        let result = written.append(first, draft, self.level);
        written.note(&self.path, result)
    }

    fn read(&self, sequence: u64) -> Result<Option<Batch>, BacklogError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut from = sequence.cast_signed();
        loop {
            let (first, events) = match reader.row(from) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(error) if schema::is_damage(&error) => {
                    tracing::error!(
                        "the spool `{}` is damaged: {error}; what cannot be read of it is lost",
                        self.path.display()
                    );
                    return Ok(None);
                }
                Err(error) => return Err(BacklogError(error.to_string())),
            };
            match reader.draft(first) {
                Ok(Some(draft)) if draft.len() as i64 == events => {
                    return Ok(Some(draft.numbered(first.cast_unsigned())));
                }
                Err(error) if !schema::is_damage(&error) => return Err(BacklogError(error.to_string())),
                // Whoever reads sees a gap, and counts it.
                _ => {
                    tracing::error!("the spool `{}` is damaged: {events} events are lost", self.path.display());
                    from = first + events;
                }
            }
        }
    }

    fn sink(&self, name: &Text) -> SinkAccount {
        let mut written = self.written();
        let next = written.next;
        let account = written.sinks.entry(name.clone()).or_insert_with(|| SinkAccount {
            since: next,
            position: next,
            active: true,
            // Its dead letters are there still, if an earlier spool had an account of it.
            dead_letter_bytes: i64::MAX.cast_unsigned(),
            ..SinkAccount::default()
        });
        if !std::mem::replace(&mut account.active, true) {
            // What came while it was not there was not for it.
            account.since += next.saturating_sub(account.position);
            account.position = next;
            (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
        }
        let account = account.clone();
        written.active.push(name.clone());
        written.dirty.push(name.clone());
        account
    }

    fn retire_others(&self) {
        let mut written = self.written();
        let others = written.sinks.iter().filter(|(name, account)| account.active && !written.active.contains(name));
        let others: Vec<Text> = others.map(|(name, _)| name.clone()).collect();
        for name in &others {
            written.retire(name);
        }
    }

    fn retire(&self, name: &Text) {
        self.written().retire(name);
    }

    fn settle(&self, name: &Text, account: SinkAccount) {
        let mut written = self.written();
        // One that was left behind has nothing to say any more.
        if !written.active.contains(name) {
            return;
        }
        let moved = written.sinks.insert(name.clone(), account.clone()).as_ref() != Some(&account);
        if moved && !written.dirty.contains(name) {
            written.dirty.push(name.clone());
        }
    }

    fn note(&self, intake: &Intake, positions: &[Position]) {
        let mut written = self.written();
        written.noted.add(intake);
        for position in positions {
            written.positions.retain(|noted| (&noted.source, &noted.key) != (&position.source, &position.key));
            written.positions.push(position.clone());
        }
    }

    fn size(&self) -> (u64, u64) {
        let written = self.written();
        (written.rows.iter().map(|row| row.events).sum(), written.bytes)
    }

    fn positions(&self, source: &Text) -> Vec<(Text, String)> {
        let written = self.written();
        schema::positions(&written.connection, source).unwrap_or_default()
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn flush(&self) -> Result<(), BacklogError> {
        let mut written = self.written();
        written.look_for_done(self.quota);
        let result = written.flush(self.level);
        written.note(&self.path, result)
    }

    fn settle_down(&self) -> Result<(), BacklogError> {
        self.flush()?;
        let mut written = self.written();
        // A write-ahead log that is damaged takes with it what is only there.
        let result = written.checkpoint();
        written.note(&self.path, result)
    }
}
