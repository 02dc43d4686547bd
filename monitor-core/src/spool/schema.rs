//! The tables of the spool, and how they are opened, read and written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::Text;
use crate::bus::{Durability, Intake, Position, SinkAccount};

/// Of the tables. It stands in `user_version`.
const VERSION: i32 = 3;
/// Batches are some hundred kilobytes: large pages take them in a quarter of the time of small ones.
const PAGE: u32 = 32 << 10;
/// The write-ahead log is brought into the file when it has so many pages.
const CHECKPOINT: u32 = (32 << 20) / PAGE;
/// The same where there is little room.
const EARLY_CHECKPOINT: u32 = (256 << 10) / PAGE;

const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE batch (first INTEGER PRIMARY KEY, events INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL,
        source TEXT);
    CREATE TABLE sink (name TEXT PRIMARY KEY, since INTEGER NOT NULL, position INTEGER NOT NULL, delivered INTEGER NOT NULL,
        filtered INTEGER NOT NULL, dead_letter INTEGER NOT NULL, dead_letter_bytes INTEGER NOT NULL, lost TEXT NOT NULL,
        active INTEGER NOT NULL, mark BLOB, clean INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE position (source TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
";

/// Marks used to be forgotten at an end as it should be, so those that are there are of other ends.
const FROM_VERSION_1: &str = "
    ALTER TABLE sink ADD COLUMN clean INTEGER NOT NULL DEFAULT 0;
    PRAGMA user_version = 2;
";

/// Nobody asked which source a batch was from.
const FROM_VERSION_2: &str = "
    ALTER TABLE batch ADD COLUMN source TEXT;
    PRAGMA user_version = 3;
";

pub(super) const GET: &str = "SELECT value FROM meta WHERE key = ?1";
pub(super) const SET: &str = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";

/// Opens the file, or makes it. It appears with its tables or not at all, so one without them is damaged.
pub(super) fn open(path: &Path, synced: Synced) -> Result<Connection, rusqlite::Error> {
    if !path.try_exists().map_err(io)? {
        create(path, |_| Ok(()))?;
    }
    let connection = connect(path)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    sync(&connection, synced)?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        VERSION => Ok(connection),
        1 | 2 => {
            transaction(&connection, Synced::Now, || {
                if version == 1 {
                    connection.execute_batch(FROM_VERSION_1)?;
                }
                connection.execute_batch(FROM_VERSION_2)
            })?;
            Ok(connection)
        }
        0 => Err(unusable("it is empty".to_owned())),
        other => Err(unusable(format!("it has version {other}, and this program knows version {VERSION}"))),
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    connection.pragma_update(None, "page_size", PAGE)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(unusable(format!("it cannot have a write-ahead log: its journal is `{mode}`")));
    }
    Ok(connection)
}

/// Makes the file, with what `fill` puts into it. It appears whole or not at all.
pub(super) fn create(
    path: &Path,
    fill: impl FnOnce(&Connection) -> Result<(), rusqlite::Error>,
) -> Result<(), rusqlite::Error> {
    let part = path.with_added_extension("part");
    // Of a process that was ended before it was done.
    for name in ["", "-wal", "-shm"] {
        let mut name_of_part = part.clone().into_os_string();
        name_of_part.push(name);
        drop(std::fs::remove_file(name_of_part));
    }
    let connection = connect(&part)?;
    transaction(&connection, Synced::Now, || {
        connection.execute_batch(TABLES)?;
        connection.execute(SET, params!["id", random().cast_signed()])?;
        connection.execute(SET, params!["next", 0])?;
        connection.pragma_update(None, "user_version", VERSION)?;
        fill(&connection)
    })?;
    // With it the write-ahead log goes into the file.
    connection.close().map_err(|(_, error)| error)?;
    std::fs::rename(&part, path).map_err(io)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Lets the write-ahead log take little room from now on.
pub(super) fn keep_small(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "wal_autocheckpoint", EARLY_CHECKPOINT)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    Ok(connection)
}

/// Opens a spool to have a look at it. One that is at rest, as the absence of a write-ahead log tells, is taken as it is: SQLite would put
/// a log and an index of it beside the file even of one that is only read (<https://sqlite.org/wal.html#read_only_databases>), and those
/// would stay.
pub(super) fn open_from_outside(path: &Path) -> Result<Connection, rusqlite::Error> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let Some(text) = path.to_str().filter(|_| !Path::new(&log).exists()) else { return open_reader(path) };
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
}

/// Runs `change` as one transaction.
pub(super) fn transaction(
    connection: &Connection,
    synced: Synced,
    change: impl FnOnce() -> Result<(), rusqlite::Error>,
) -> Result<(), rusqlite::Error> {
    sync(connection, synced)?;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let result = change().and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    if result.is_err() && !connection.is_autocommit() {
        // The error has been told; what cannot be rolled back ends with the connection.
        drop(connection.execute_batch("ROLLBACK"));
    }
    result
}

/// With the write-ahead log a transaction survives the process as soon as it is written, and a loss of power once it is
/// synced (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Synced {
    /// Not at all: a loss of power may damage the file.
    Never,
    /// By the next one that is synced, or before it goes into the file: what was safe stays safe.
    Later,
    /// Before it is done.
    Now,
}

impl Synced {
    /// What events need.
    pub(super) fn events(level: Durability) -> Self {
        if level >= Durability::L2 && !seeded_bug!("l2_unsynced") { Self::Now } else { Self::Never }
    }

    /// What is had again if it is lost, but must not take events with it.
    pub(super) fn books(level: Durability) -> Self {
        if level >= Durability::L2 { Self::Later } else { Self::Never }
    }
}

pub(super) fn sync(connection: &Connection, synced: Synced) -> Result<(), rusqlite::Error> {
    let sql = match synced {
        Synced::Never => "PRAGMA synchronous = OFF",
        Synced::Later => "PRAGMA synchronous = NORMAL",
        Synced::Now => "PRAGMA synchronous = FULL",
    };
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// The column with the source of a batch, also in a file that is only read, and has none.
pub(super) fn source_column(connection: &Connection) -> &'static str {
    if connection.prepare("SELECT source FROM batch").is_ok() { "source" } else { "NULL" }
}

/// The checksum of a row.
pub(super) fn checksum(source: Option<&str>, data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(source.unwrap_or_default().as_bytes());
    hasher.update(data);
    hasher.finalize()
}

pub(super) fn sinks(connection: &Connection) -> Result<BTreeMap<Text, SinkAccount>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT name, since, position, delivered, filtered, dead_letter, dead_letter_bytes, lost, active, mark, clean FROM sink",
    )?;
    let rows = statement.query_map([], |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let account = SinkAccount {
            since: number(1)?,
            position: number(2)?,
            delivered: number(3)?,
            filtered: number(4)?,
            dead_letter: number(5)?,
            dead_letter_bytes: number(6)?,
            lost: serde_json::from_str(&row.get::<_, String>(7)?).map_err(|error| unusable(error.to_string()))?,
            active: row.get(8)?,
            mark: row.get(9)?,
            clean: row.get(10)?,
        };
        Ok((Text::from(row.get::<_, String>(0)?), account))
    })?;
    rows.collect()
}

/// Where sinks were in what they write is not so any more.
pub(super) fn forget_marks(connection: &Connection) -> Result<(), rusqlite::Error> {
    let never_cut = super::NEVER_CUT.cast_signed();
    connection.execute("UPDATE sink SET mark = NULL, dead_letter_bytes = ?1", [never_cut]).map(drop)
}

pub(super) fn put_sink(connection: &Connection, name: &str, account: &SinkAccount) -> Result<(), rusqlite::Error> {
    let SinkAccount { since, position, delivered, filtered, dead_letter, dead_letter_bytes, lost, active, mark, clean } =
        account;
    let lost = serde_json::to_string(lost).expect("names and numbers are JSON");
    let numbers =
        [since, position, delivered, filtered, dead_letter, dead_letter_bytes].map(|number| number.cast_signed());
    let [since, position, delivered, filtered, dead_letter, dead_letter_bytes] = numbers;
    connection
        .prepare_cached("INSERT OR REPLACE INTO sink VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
        .execute(params![
            name,
            since,
            position,
            delivered,
            filtered,
            dead_letter,
            dead_letter_bytes,
            lost,
            active,
            mark,
            clean
        ])?;
    Ok(())
}

/// The books of the door: numbers in `meta`, those by reason as `rejected:REASON` and `dropped:REASON`.
pub(super) fn intake(connection: &Connection) -> Result<Intake, rusqlite::Error> {
    let mut intake = Intake::default();
    let mut statement = connection.prepare("SELECT key, value FROM meta")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, count) = (row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned());
        match key.split_once(':') {
            None if key == "offered" => intake.offered = count,
            None if key == "accepted" => intake.accepted = count,
            Some(("rejected", reason)) => drop(intake.rejected.insert(Text::new(reason), count)),
            Some(("dropped", reason)) => drop(intake.dropped.insert(Text::new(reason), count)),
            _ => {}
        }
    }
    Ok(intake)
}

/// Writes those of the books that `changed` has a part in.
pub(super) fn put_intake(connection: &Connection, intake: &Intake, changed: &Intake) -> Result<(), rusqlite::Error> {
    let mut set = connection.prepare_cached(SET)?;
    set.execute(params!["offered", intake.offered.cast_signed()])?;
    set.execute(params!["accepted", intake.accepted.cast_signed()])?;
    for (what, counts, changed) in
        [("rejected", &intake.rejected, &changed.rejected), ("dropped", &intake.dropped, &changed.dropped)]
    {
        for (reason, count) in counts.iter().filter(|(reason, _)| changed.contains_key(*reason)) {
            set.execute(params![format!("{what}:{reason}"), count.cast_signed()])?;
        }
    }
    Ok(())
}

/// The level at which a process writes here, or wrote last.
pub(super) fn put_level(connection: &Connection, level: Durability) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(SET)?.execute(params!["level", level as i64]).map(drop)
}

/// A spool that does not say it is of no less than L1.
pub(super) fn level(connection: &Connection) -> Result<Durability, rusqlite::Error> {
    let level = connection.query_row(GET, ["level"], |row| row.get::<_, i64>(0)).optional()?;
    Ok(match level {
        Some(0) => Durability::L0,
        Some(2) => Durability::L2,
        _ => Durability::L1,
    })
}

/// How far sources are: by source and key.
pub(super) type Positions = BTreeMap<(Text, Text), String>;

pub(super) fn positions(connection: &Connection) -> Result<Positions, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT source, key, value FROM position")?;
    let rows = statement.query_map([], |row| {
        let text = |at| row.get::<_, String>(at).map(Text::from);
        Ok(((text(0)?, text(1)?), row.get(2)?))
    })?;
    rows.collect()
}

pub(super) fn put_position(connection: &Connection, position: &Position) -> Result<(), rusqlite::Error> {
    let Position { source, key, value } = position;
    let (source, key) = (source.as_str(), key.as_str());
    match value {
        Some(value) => connection
            .prepare_cached("INSERT OR REPLACE INTO position VALUES (?1, ?2, ?3)")?
            .execute(params![source, key, value])?,
        None => connection
            .prepare_cached("DELETE FROM position WHERE source = ?1 AND key = ?2")?
            .execute(params![source, key])?,
    };
    Ok(())
}

/// Whether an error says that the file is not what was written: another start would end the same way.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => {
            matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
                // The file ends before what its log says of it.
                || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ
        }
        rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// Whether the file could not be opened for writing: it was opened for reading then, and stays so until it is opened anew. A
/// file that was put in the place of ours is not meant.
pub(super) fn is_read_only(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| (error.code, error.extended_code));
    code.is_some_and(|(code, extended)| {
        code == ErrorCode::ReadOnly && extended != rusqlite::ffi::SQLITE_READONLY_DBMOVED
    })
}

pub(super) fn unusable(error: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
}

pub(super) fn io(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

fn random() -> u64 {
    use std::hash::BuildHasher;
    std::collections::hash_map::RandomState::new().hash_one(std::process::id())
}
