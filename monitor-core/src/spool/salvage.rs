//! What is done with a spool that is damaged: it is set aside whole, and whatever can be read of it goes on in a new one.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::schema;

/// Whether a process was ended while it did this.
pub(super) fn is_under_way(path: &Path) -> bool {
    under_way(path).exists()
}

/// Sets a damaged spool aside and makes a new one of what can be read of it; gives back the name of the old one. Whenever the
/// process ends meanwhile, the next one goes on: the old one has its last name only when the new one is whole.
pub(super) fn renew(path: &Path) -> Result<PathBuf, rusqlite::Error> {
    let old = under_way(path);
    if !old.exists() {
        rename(path, &old).map_err(schema::io)?;
    }
    if !path.exists() {
        for suffix in ["-wal", "-shm"] {
            rename(&with_suffix(path, suffix), &with_suffix(&old, suffix)).map_err(schema::io)?;
        }
        schema::create(path, |new| salvage(&old, new))?;
    }
    let mut names = (1..).map(|at| path.with_added_extension(format!("damaged-{at}")));
    let aside = names.find(|name| !name.exists()).expect("there are more numbers than files");
    for suffix in ["-wal", "-shm", ""] {
        rename(&with_suffix(&old, suffix), &with_suffix(&aside, suffix)).map_err(schema::io)?;
    }
    Ok(aside)
}

/// What it is called meanwhile.
fn under_way(path: &Path) -> PathBuf {
    path.with_added_extension("salvage")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Renames a file, if it is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies what can be read of `damaged`. What cannot be read is passed over.
fn salvage(damaged: &Path, into: &Connection) -> Result<(), rusqlite::Error> {
    let Ok(from) = Connection::open(damaged) else { return Ok(()) };
    let mut next = from.query_row(schema::GET, ["next"], |row| row.get::<_, i64>(0)).unwrap_or(0);
    let mut at = i64::MIN;
    let row = format!("SELECT first, events, crc, data, {} FROM batch WHERE first = ?1", schema::source_column(&from));
    while let Some((first, count, crc, data, source)) = row_from(&from, &row, &mut at) {
        if count > 0 && crc == schema::checksum(source.as_deref(), &data) {
            into.execute(
                "INSERT OR IGNORE INTO batch (first, events, crc, data, source) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![first, count, crc, data, source],
            )?;
            next = next.max(first.saturating_add(count));
        }
    }
    let sinks = schema::sinks(&from).unwrap_or_default();
    for (name, account) in &sinks {
        next = next.max(account.position.cast_signed());
        schema::put_sink(into, name, account)?;
    }
    if let Ok(mut statement) = from.prepare("SELECT source, key, value FROM position")
        && let Ok(mut rows) = statement.query([])
    {
        while let Ok(Some(row)) = rows.next() {
            let text = |at| row.get::<_, String>(at);
            if let (Ok(source), Ok(key), Ok(value)) = (text(0), text(1), text(2)) {
                into.execute("INSERT OR REPLACE INTO position VALUES (?1, ?2, ?3)", params![source, key, value])?;
            }
        }
    }
    let intake = schema::intake(&from).unwrap_or_default();
    schema::put_intake(into, &intake, &intake)?;
    if let Ok(id) = from.query_row(schema::GET, ["id"], |row| row.get::<_, i64>(0)) {
        into.execute(schema::SET, params!["id", id])?;
    }
    into.execute(schema::SET, params!["next", next]).map(drop)
}

type Row = (i64, i64, u32, Vec<u8>, Option<String>);

/// The next row behind `at` that can be read at all, by this question.
fn row_from(from: &Connection, question: &str, at: &mut i64) -> Option<Row> {
    const TRIES: u32 = 64;
    for _ in 0..TRIES {
        let first = from
            .query_row("SELECT first FROM batch WHERE first > ?1 ORDER BY first LIMIT 1", [*at], |row| row.get(0))
            .optional();
        *at = match first {
            Ok(Some(first)) => first,
            Ok(None) | Err(_) => return None,
        };
        let row = from
            .query_row(question, [*at], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
        if let Ok(row) = row {
            return Some(row);
        }
    }
    None
}
