//! What is in a database, of which version it is, and how an older one becomes one of today.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use monitor_core::bus::Durability;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{Error, write};

/// Stands in `application_id`: `moni`.
pub const APPLICATION_ID: i32 = i32::from_be_bytes(*b"moni");
/// Of the tables. It stands in `user_version`.
pub const VERSION: i32 = 2;

/// The write-ahead log is brought into the file when it has so many pages of 4 KiB: rarely, for each time is two syncs, and pages
/// of indices that were written often meanwhile are copied once.
const CHECKPOINT: u32 = 4_096;
/// Somebody may look into it meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

const TABLES: &str = include_str!("sql/tables.sql");
const INDICES: &str = include_str!("sql/indices.sql");
const VIEWS: &str = include_str!("sql/views.sql");

/// The table that there was before there were versions: a row a sample, in the order in which they came.
const UNVERSIONED: [&str; 10] = [
    "timestamp",
    "metric",
    "value",
    "model_name",
    "operation",
    "evaluator_type",
    "success",
    "finish_reason",
    "error_type",
    "metadata",
];
const FROM_UNVERSIONED: &str = "
    INSERT INTO samples (id, timestamp, metric, value, model_name, operation, evaluator_type, success, finish_reason, error_type,
        metadata)
    SELECT rowid, timestamp, metric, value, model_name, operation, evaluator_type, success, finish_reason, error_type, metadata
    FROM metrics ORDER BY rowid;
    DROP TABLE metrics;
";

/// What version 2 has and version 1 had not.
const FROM_1: &str = "
    ALTER TABLE alerts ADD COLUMN annotations TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE alerts ADD COLUMN repeat INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE alerts ADD COLUMN chart TEXT;
    PRAGMA user_version = 2;
";
/// One of version 1, seen as one of version 2 by who may change nothing: what is temporary hides what is in the file.
const SEEN_FROM_1: &str =
    "CREATE TEMP VIEW alerts AS SELECT *, '{}' AS annotations, 0 AS repeat, NULL AS chart FROM main.alerts";

/// Whose a database is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has no tables, and nobody has put a name to it.
    Empty,
    /// Ours, of this version.
    Current,
    /// Ours, of version 1.
    First,
    /// Ours, from before there were versions.
    Unversioned,
}

/// Opens a database to write to, makes it if it is not there, and brings an older one to this version.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Connection, Error> {
    if path.is_dir() {
        return Err(Error::Unusable("it is a folder".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let has_log = !is_empty(&with_suffix(path, "-wal"));
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // Nothing is changed before it is known to be ours, and so not by its last connection, either, which clears a log away. (To
    // look into the file without SQLite would end the locks that this process may have on it.)
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    let standing = judge(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    let _: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    let synchronous = if durability >= Durability::L2 { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    if standing == Standing::Current {
        // As far as something is missing.
        connection.execute_batch(TABLES)?;
        if connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0))? != APPLICATION_ID {
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
    } else {
        renew(&mut connection)?;
    }
    write::Statements::prepare(&connection).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::Unknown) => Error::Damaged(format!("its tables are not as they were: {error}")),
        _ => error.into(),
    })?;
    Ok(connection)
}

/// Opens a database to read from, and changes nothing.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    // What is not there is told by the system's words.
    std::fs::metadata(path).map_err(|error| Error::Unusable(error.to_string()))?;
    if path.is_dir() {
        return Err(Error::Unusable("it is a folder".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).map_err(Error::from).and_then(|connection| {
        connection.busy_timeout(PATIENCE)?;
        judge(&connection).map(|standing| (connection, standing))
    });
    let (connection, standing) = match opened {
        // Where nothing can be made, not even the index of a write-ahead log, nobody writes; if nothing is in the log, either,
        // the file is all there is (<https://sqlite.org/wal.html#read_only_databases>).
        Err(error) if error.code() == Some(ErrorCode::CannotOpen) && is_empty(&with_suffix(path, "-wal")) => {
            let connection = Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?;
            let standing = judge(&connection)?;
            (connection, standing)
        }
        opened => opened?,
    };
    match standing {
        Standing::Current => Ok(connection),
        Standing::First => {
            connection.execute_batch(SEEN_FROM_1)?;
            Ok(connection)
        }
        Standing::Empty => Err(Error::Unusable("there are no events in it: it has no tables".to_owned())),
        Standing::Unversioned => Err(Error::Unusable(
            "it is from before there were versions: a sink of this `path` brings it up to date when it is opened"
                .to_owned(),
        )),
    }
}

/// The tables of a new database; its indices and views come when it is full.
pub(super) fn create_tables(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch(TABLES)
}

/// The rest of a new database.
pub(super) fn complete(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch(INDICES)?;
    connection.execute_batch(&views())?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Makes it one of this version: in one transaction, so that it is of one version or of the other.
fn renew(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody may have been quicker.
    match judge(&transaction)? {
        Standing::Current => return Ok(()),
        Standing::First => {
            transaction.execute_batch(FROM_1)?;
            return Ok(transaction.commit()?);
        }
        Standing::Empty => create_tables(&transaction)?,
        Standing::Unversioned => {
            create_tables(&transaction)?;
            transaction.execute_batch(FROM_UNVERSIONED)?;
        }
    }
    complete(&transaction)?;
    Ok(transaction.commit()?)
}

/// Says whose a database is.
///
/// # Errors
/// When it is somebody else's, or of a newer version.
fn judge(connection: &Connection) -> Result<Standing, Error> {
    let names = {
        let mut names =
            connection.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?;
        names.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?
    };
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let has = |name: &str| names.iter().any(|known| known == name);
    // A header that is damaged does not make it somebody else's.
    if application == APPLICATION_ID || ["generations", "samples", "monitor_cursor"].into_iter().all(has) {
        return match version {
            VERSION => Ok(Standing::Current),
            1 => Ok(Standing::First),
            newer if newer > VERSION => Err(Error::Newer { version: newer }),
            other => Err(Error::Damaged(format!("it says that it has version {other}"))),
        };
    }
    if (application, version) == (0, 0) {
        if names.is_empty() {
            return Ok(Standing::Empty);
        }
        let mut columns = connection.prepare("SELECT name FROM pragma_table_info('metrics') ORDER BY cid")?;
        let columns = columns.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        if columns == UNVERSIONED {
            return Ok(Standing::Unversioned);
        }
    }
    Err(Error::Foreign { tables: names })
}

/// The name of a file beside a database.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether there is nothing in a file, or no file.
fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |metadata| metadata.len() == 0)
}

/// The URI of a file that nobody changes.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").expect("a string takes all"),
        }
    }
    uri + "?immutable=1"
}

/// The tokens thought and not shown, as `Tokens::reasoned` has them.
const REASONED: &str = "CASE WHEN total_token_count - prompt_token_count - completion_token_count > 0 \
    THEN max(total_token_count - prompt_token_count - completion_token_count, coalesce(reasoning_token_count, 0)) \
    ELSE reasoning_token_count END";

fn views() -> String {
    VIEWS.replace("{reasoned}", REASONED) + &metrics()
}

/// The numbers that are samples: `NULL` is none.
fn within(value: &str) -> String {
    format!("{value} BETWEEN -1e150 AND 1e150")
}

/// The view `metrics`: every sample, one arm for each metric that an event yields.
fn metrics() -> String {
    let mut arms = Vec::new();
    let labels = "CASE WHEN success THEN 'true' ELSE 'false' END, finish_reason, error_type";
    let mut generation = |name: &str, value: &str, condition: &str| {
        arms.push(format!(
            "SELECT id, timestamp, {name}, CAST({value} AS REAL), model_name, operation, NULL, {labels}, NULL, metadata \
             FROM generations WHERE {condition}"
        ));
    };
    generation("'generation_time'", "duration", &within("duration"));
    generation("'success_rate'", "success", "TRUE");
    generation("'error_rate'", "NOT success", "TRUE");
    generation("'model_usage:' || model_name", "1", "model_name IS NOT NULL");
    generation("'finish_reason:' || finish_reason", "1", "finish_reason IS NOT NULL");
    generation("'conversation_length'", "conversation_length", "conversation_length IS NOT NULL");
    // The same for both.
    let tokens = [
        ("'prompt_token_count'", "prompt_token_count"),
        ("'completion_token_count'", "completion_token_count"),
        ("'total_token_count'", "total_token_count"),
        ("'cached_token_count'", "cached_token_count"),
        ("'reasoning_token_count'", REASONED),
        ("'cost_usd'", "cost_usd"),
        ("'unpriced_calls'", "unpriced"),
    ];
    for (name, value) in tokens {
        generation(name, value, &format!("({value}) IS NOT NULL"));
    }
    let mut evaluation = |name: &str, value: &str, feedback: &str, from: &str, condition: &str| {
        arms.push(format!(
            "SELECT id, timestamp, {name}, CAST({value} AS REAL), model_name, operation, evaluator_type, {labels}, {feedback}, \
             metadata FROM {from} WHERE {condition}"
        ));
    };
    evaluation("'evaluation_time'", "duration", "NULL", "evaluations", &within("duration"));
    let with_scores = "scores JOIN evaluations ON id = evaluation";
    evaluation("'evaluation_score_' || name", "value", "feedback", with_scores, &within("value"));
    evaluation("'evaluation_error_rate'", "error <> ''", "NULL", "evaluations", "error IS NOT NULL");
    for (name, value) in tokens {
        evaluation(name, value, "NULL", "evaluations", &format!("({value}) IS NOT NULL"));
    }
    arms.push(format!(
        "SELECT id, timestamp, metric, value, model_name, operation, evaluator_type, success, finish_reason, error_type, feedback, \
         metadata FROM samples WHERE {}",
        within("value")
    ));
    format!(
        "CREATE VIEW IF NOT EXISTS metrics (id, timestamp, metric, value, model_name, operation, evaluator_type, success, \
         finish_reason, error_type, feedback, metadata) AS\n{};\n",
        arms.join("\nUNION ALL ")
    )
}
