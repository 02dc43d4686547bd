//! What is in the spool, as far as memory has to know, and how it is written.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, params};

use super::high_water::HighWater;
use super::schema::{self, Positions, Synced};
use super::{NEVER_CUT, rows};
use crate::Text;
use crate::bus::{AccountKey, BacklogError, Draft, Durability, Intake, Position, SinkAccount};
use crate::pipeline::instant;

/// Rows are deleted by this many: each deletion is a transaction of its own otherwise.
const DELETED_AT_ONCE: usize = 8;
/// What is let go of for want of room is told so often.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Writing goes well again once it has for so long.
const WELL_FOR: Duration = Duration::from_secs(2);

/// What is to be done with the file before anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// It is opened anew: it can only be read.
    Open,
    /// It is set aside, for it is damaged.
    SetAside,
}

#[derive(Debug)]
pub(super) struct Written {
    pub(super) connection: Connection,
    /// What is to be done before anything is written.
    pub(super) before: Before,
    /// It looked damaged when it was written to last.
    pub(super) suspected: bool,
    /// Which file it is.
    pub(super) file_id: Option<u64>,
    pub(super) next: u64,
    /// The rows, the oldest first.
    pub(super) rows: VecDeque<Row>,
    pub(super) bytes: u64,
    /// Rows that nobody needs and that are not deleted yet.
    pub(super) done: usize,
    pub(super) sinks: BTreeMap<Text, SinkAccount>,
    /// The sinks that hold rows back, those of this process, and the keys to their accounts.
    pub(super) active: BTreeMap<Text, AccountKey>,
    /// As many keys were given.
    pub(super) keys: u64,
    /// Events that were let go of for want of room, as far as it was not told yet, and when it was.
    let_go: u64,
    told: Option<Instant>,
    /// The events of all rows.
    pub(super) events: u64,
    /// Accounts that are not written down yet.
    pub(super) dirty: Vec<Text>,
    /// The books of the door, and what of them is not written down yet.
    pub(super) intake: Intake,
    pub(super) noted: Intake,
    /// How far sources are, and what of that is not written down yet.
    pub(super) positions: Positions,
    pub(super) noted_positions: Vec<Position>,
    /// Kept for its memory.
    pub(super) encoded: Vec<u8>,
    /// Nothing could be written. That was said, and so it is that it goes well again once it has for a while.
    pub(super) failing: bool,
    said: bool,
    well_since: Option<Instant>,
    pub(super) high_water: HighWater,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) first: u64,
    pub(super) events: u64,
    pub(super) bytes: u64,
}

/// What stands in the file.
pub(super) struct Loaded {
    pub(super) id: u64,
    pub(super) next: u64,
    pub(super) rows: VecDeque<Row>,
    pub(super) sinks: BTreeMap<Text, SinkAccount>,
    pub(super) intake: Intake,
    pub(super) positions: Positions,
}

impl Written {
    pub(super) fn new(connection: Connection, loaded: Loaded, high_water: HighWater, file_id: Option<u64>) -> Self {
        let Loaded { id: _, next, rows, sinks, intake, positions } = loaded;
        Self {
            connection,
            before: Before::Nothing,
            suspected: false,
            file_id,
            next,
            bytes: rows.iter().map(|row| row.bytes).sum(),
            events: rows.iter().map(|row| row.events).sum(),
            rows,
            done: 0,
            sinks,
            active: BTreeMap::new(),
            keys: 0,
            let_go: 0,
            told: None,
            dirty: Vec::new(),
            intake,
            noted: Intake::default(),
            positions,
            noted_positions: Vec::new(),
            encoded: Vec::new(),
            failing: false,
            said: false,
            well_since: None,
            high_water,
        }
    }

    pub(super) fn load(connection: &Connection) -> Result<Loaded, rusqlite::Error> {
        let number = |key: &str| connection.query_row(schema::GET, [key], |row| row.get::<_, i64>(0));
        let (id, next) = (number("id")?.cast_unsigned(), number("next")?.cast_unsigned());
        let rows = rows_of(connection)?;
        let sinks = schema::sinks(connection)?;
        // Alerts are numbered also when they cannot be written down.
        let settled = sinks.values().map(|account| account.position).max();
        let (intake, positions) = (schema::intake(connection)?, schema::positions(connection)?);
        Ok(Loaded { id, next: next.max(settled.unwrap_or(0)), rows, sinks, intake, positions })
    }

    /// Goes on in another file, which has what could be saved of the rows; all else is written there as memory knows it.
    pub(super) fn take_over(
        &mut self,
        connection: Connection,
        id: u64,
        level: Durability,
    ) -> Result<(), rusqlite::Error> {
        let rows = rows_of(&connection)?;
        schema::transaction(&connection, Synced::Now, || {
            let mut set = connection.prepare_cached(schema::SET)?;
            set.execute(params!["id", id.cast_signed()])?;
            set.execute(params!["next", self.next.cast_signed()])?;
            schema::put_intake(&connection, &self.intake, &self.intake)?;
            for (name, account) in &self.sinks {
                schema::put_sink(&connection, name, account)?;
            }
            for ((source, key), value) in &self.positions {
                let (source, key, value) = (source.clone(), key.clone(), Some(value.clone()));
                schema::put_position(&connection, &Position { source, key, value })?;
            }
            schema::put_level(&connection, level)
        })?;
        (self.bytes, self.events, self.done) = (0, 0, 0);
        for row in &rows {
            self.bytes += row.bytes;
            self.events += row.events;
        }
        (self.rows, self.connection) = (rows, connection);
        Ok(())
    }

    /// Before this event nobody needs any.
    pub(super) fn needed(&self) -> u64 {
        let positions = self.active.keys().filter_map(|name| self.sinks.get(name)).map(|account| account.position);
        positions.min().unwrap_or(self.next)
    }

    /// Closes the account of a sink that is gone from the configuration.
    pub(super) fn retire(&mut self, name: &Text, before: u64) {
        self.active.remove(name);
        let Some(account) = self.sinks.get_mut(name).filter(|account| account.active) else { return };
        let left = before.saturating_sub(account.position);
        if left > 0 {
            tracing::warn!("sink `{name}` is gone from the configuration: {left} events that it has not got are lost");
            *account.lost.entry(Text::new_static("removed")).or_default() += left;
            account.position = before;
        }
        // Whoever writes to the same place meanwhile writes what is not to be cut off.
        (account.mark, account.dead_letter_bytes) = (None, NEVER_CUT);
        account.active = false;
        self.note_dirty(name);
    }

    /// The account of this sink is to be written down.
    pub(super) fn note_dirty(&mut self, name: &Text) {
        if !self.dirty.contains(name) {
            self.dirty.push(name.clone());
        }
    }

    pub(super) fn learn_positions(&mut self, positions: &[Position]) {
        for Position { source, key, value } in positions {
            let of = (source.clone(), key.clone());
            match value {
                Some(value) => drop(self.positions.insert(of, value.clone())),
                None => drop(self.positions.remove(&of)),
            }
        }
    }

    /// Finds the rows that can go: those that nobody needs, and the oldest of more than the quota.
    pub(super) fn look_for_done(&mut self, quota: u64) {
        let needed = self.needed();
        let mut left = self.bytes - self.rows.iter().take(self.done).map(|row| row.bytes).sum::<u64>();
        while let Some(row) = self.rows.get(self.done) {
            let wanted = row.first + row.events > needed;
            if wanted && left <= quota {
                break;
            }
            if wanted {
                self.let_go += row.events;
                if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                    tracing::error!(
                        "the spool is full: its oldest {} events are let go of, and lost to sinks that have not got them",
                        std::mem::take(&mut self.let_go)
                    );
                    self.told = Some(instant());
                }
            }
            left -= row.bytes;
            self.done += 1;
        }
    }

    /// Deletes the rows that can go.
    pub(super) fn delete_done(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let Some(last) = self.done.checked_sub(1).map(|last| self.rows[last]) else { return Ok(()) };
        connection.prepare_cached("DELETE FROM batch WHERE first <= ?1")?.execute([last.first.cast_signed()])?;
        Ok(())
    }

    pub(super) fn deleted(&mut self) {
        for row in self.rows.drain(..self.done) {
            self.bytes -= row.bytes;
            self.events -= row.events;
        }
        self.done = 0;
    }

    /// Writes the accounts that are noted, and how safe what is written here is.
    pub(super) fn write_dirty(&self, level: Durability) -> Result<(), rusqlite::Error> {
        schema::put_level(&self.connection, level)?;
        for name in &self.dirty {
            schema::put_sink(&self.connection, name, &self.sinks[name])?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, first: u64, draft: &Draft, level: Durability) -> Result<(), rusqlite::Error> {
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
            let source = draft.source().map(Text::as_str);
            let crc = schema::checksum(source, &encoded);
            self.connection
                .prepare_cached("INSERT INTO batch (first, events, crc, data, source) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![first.cast_signed(), events.cast_signed(), crc, encoded, source])?;
            self.connection.prepare_cached(schema::SET)?.execute(params!["next", (first + events).cast_signed()])?;
            schema::put_intake(&self.connection, &intake, &changed)?;
            for position in self.noted_positions.iter().chain(draft.positions()) {
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
            self.events += events;
            self.next = first + events;
            (self.intake, self.noted) = (intake, Intake::default());
            self.noted_positions.clear();
            self.learn_positions(draft.positions());
            self.high_water.note(self.next);
            self.dirty.clear();
            if delete {
                self.deleted();
            }
        }
        self.encoded = encoded;
        result
    }

    pub(super) fn flush(&mut self, level: Durability) -> Result<(), rusqlite::Error> {
        if self.dirty.is_empty() && self.done == 0 && self.noted.is_empty() && self.noted_positions.is_empty() {
            return Ok(());
        }
        let mut intake = self.intake.clone();
        intake.add(&self.noted);
        // How far a sink is need not survive a loss of power: it would get again what it has.
        schema::transaction(&self.connection, Synced::books(level), || {
            self.delete_done(&self.connection)?;
            schema::put_intake(&self.connection, &intake, &self.noted)?;
            for position in &self.noted_positions {
                schema::put_position(&self.connection, position)?;
            }
            self.write_dirty(level)
        })?;
        (self.intake, self.noted) = (intake, Intake::default());
        self.noted_positions.clear();
        self.dirty.clear();
        self.deleted();
        Ok(())
    }

    /// Brings home all that was written so far, if events are brought home.
    pub(super) fn sync(&self, level: Durability) -> Result<(), rusqlite::Error> {
        match Synced::events(level) {
            // A transaction that is synced takes with it all before it.
            Synced::Now => {
                schema::transaction(&self.connection, Synced::Now, || schema::put_level(&self.connection, level))
            }
            _ => Ok(()),
        }
    }

    /// Brings the write-ahead log into the file, and gives back the room that it takes.
    pub(super) fn checkpoint(&self) -> Result<(), rusqlite::Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// Says when writing begins to fail, and when it goes well again.
    pub(super) fn note(&mut self, path: &Path, result: Result<(), rusqlite::Error>) -> Result<(), BacklogError> {
        if result.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DiskFull)) {
            // The disk may be full of pages that have been written again since; from now on they are fewer.
            drop(schema::keep_small(&self.connection));
            drop(self.checkpoint());
        }
        self.failing = result.is_err();
        match &result {
            // A full disk has room for this and that now and then.
            Ok(()) if self.said => {
                if self.well_since.get_or_insert_with(instant).elapsed() >= WELL_FOR {
                    tracing::warn!("the spool `{}` can be written to again", path.display());
                    (self.said, self.well_since) = (false, None);
                }
            }
            Ok(()) => {}
            Err(error) => {
                self.well_since = None;
                if !std::mem::replace(&mut self.said, true) {
                    tracing::error!("failed to write to the spool `{}`: {error}; it is tried again", path.display());
                }
            }
        }
        result.map_err(|error| BacklogError(error.to_string()))
    }
}

/// The rows, the oldest first.
fn rows_of(connection: &Connection) -> Result<VecDeque<Row>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT first, events, length(data) FROM batch ORDER BY first")?;
    let rows = statement.query_map([], |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok(Row { first: number(0)?, events: number(1)?, bytes: number(2)? })
    })?;
    rows.collect()
}
