//! What must be with the sinks: every event, once, as it was.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use monitor_core::Zone;
use monitor_core::read::open_recording;
use monitor_sinks::parquet::Parquet;
use monitor_sinks::table::TableFormat;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::daemon::{COLUMNS, Home, ROTATED};
use crate::feed::{check, spoilt_before};

/// What is wrong with what a sink has got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) missing: Vec<u64>,
    pub(crate) repeated: Vec<u64>,
    pub(crate) spurious: u64,
    pub(crate) corrupted: u64,
}

impl Verdict {
    /// Judges numbers and their check texts.
    pub(crate) fn of(events: impl IntoIterator<Item = (u64, String)>, offered: u64) -> Self {
        let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
        let mut verdict = Self::default();
        for (id, text) in events {
            match id {
                _ if id >= offered => verdict.spurious += 1,
                _ if text != check(id) => verdict.corrupted += 1,
                _ => *seen.entry(id).or_default() += 1,
            }
        }
        verdict.missing = (0..offered).filter(|id| !seen.contains_key(id)).collect();
        verdict.repeated = seen.into_iter().filter(|(_, times)| *times > 1).map(|(id, _)| id).collect();
        verdict
    }

    /// Of the file of a sink `jsonl`.
    pub(crate) fn of_lines(path: &Path, offered: u64) -> Self {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        Self::of_text(text.lines(), offered)
    }

    /// Of all files that a glob finds in the folder of one, packed or not.
    pub(crate) fn of_folder(folder: &Path, offered: u64) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let found = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
        let mut text = String::new();
        for entry in found {
            // While a process runs, a file may have another name by now.
            let Ok(mut reader) = open_recording(&entry.path()) else { continue };
            reader.read_to_string(&mut text).expect("text, and whole");
        }
        Self::of_text(text.lines(), offered)
    }

    fn of_text<'a>(lines: impl Iterator<Item = &'a str>, offered: u64) -> Self {
        let mut broken = 0;
        let events: Vec<(u64, String)> = lines
            .filter_map(|line| {
                let read = id_and_check(line);
                broken += u64::from(read.is_none());
                read
            })
            .collect();
        let mut verdict = Self::of(events, offered);
        verdict.corrupted += broken;
        verdict
    }

    /// Of the files of a sink `parquet`, and of the lines that no file has been made of yet: a process that is ended before it
    /// listens leaves them to the next one.
    pub(crate) fn of_columns(folder: &Path, offered: u64) -> Self {
        let (mut events, mut broken) = (Vec::new(), 0);
        let found: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        for path in &found {
            match path.extension().and_then(OsStr::to_str) {
                Some("parquet") => {
                    let table = Parquet::read(path, &Zone::UTC).expect("it is whole").table;
                    events.extend((0..table.len()).map(|row| {
                        let check = table.attributes(row).find(|(name, _)| **name == "check");
                        let check = check.map(|(_, cell)| cell.text().to_string()).unwrap_or_default();
                        (table.value(row) as u64, check)
                    }));
                }
                // Of those that were put by a file may be there already.
                Some("part") if !found.contains(&path.with_extension("")) => {
                    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
                    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
                        let json = line.split_once('\t').map_or("", |(_, json)| json);
                        match id_and_check(json) {
                            Some(event) => events.push(event),
                            None => broken += 1,
                        }
                    }
                }
                _ => {}
            }
        }
        let mut verdict = Self::of(events, offered);
        verdict.corrupted += broken;
        verdict
    }

    /// Of the tables of the sink `sqlite`, as far as they can be read, from their end.
    pub(crate) fn of_database(path: &Path, offered: u64) -> Self {
        Self::of(rows(path).unwrap_or_default(), offered)
    }
}

/// Of an event as a line.
fn id_and_check(line: &str) -> Option<(u64, String)> {
    let event: Value = serde_json::from_str(line).ok()?;
    Some((event["value"].as_f64()? as u64, event["metadata"]["check"].as_str()?.to_owned()))
}

fn rows(path: &Path) -> Result<Vec<(u64, String)>, rusqlite::Error> {
    // Nothing is made where there is nothing.
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Not by an index, which has a damage of its own.
    let mut statement =
        connection.prepare("SELECT value, metadata FROM samples NOT INDEXED WHERE metric = 'id' ORDER BY id DESC")?;
    let rows = statement.query_map([], |row| {
        let metadata = serde_json::from_str(&row.get::<_, String>(1)?).unwrap_or(Value::Null);
        Ok((row.get::<_, f64>(0)? as u64, metadata["check"].as_str().unwrap_or_default().to_owned()))
    })?;
    Ok(rows.map_while(Result::ok).collect())
}

/// Of the sinks `events` and `database`.
pub(crate) fn verdicts(home: &Home, offered: u64) -> [Verdict; 2] {
    let data = home.data();
    [Verdict::of_lines(&data.join("events.jsonl"), offered), Verdict::of_database(&data.join("metrics.db"), offered)]
}

/// The same, and of `rotated` if there is one.
pub(crate) fn all_verdicts(home: &Home, offered: u64) -> Vec<Verdict> {
    let mut all = Vec::from(verdicts(home, offered));
    if home.config().contains(ROTATED) {
        all.push(Verdict::of_folder(&home.data().join("rotated"), offered));
    }
    all
}

/// Every sink has every event once, what was no event is counted once, and the books close.
pub(crate) fn assert_all(home: &Home, offered: u64, what: &str) {
    let mut verdicts = all_verdicts(home, offered);
    if home.config().contains(COLUMNS) {
        verdicts.push(Verdict::of_columns(&home.data().join("columns"), offered));
    }
    let perfect: Vec<Verdict> = verdicts.iter().map(|_| Verdict::default()).collect();
    assert_eq!(verdicts, perfect, "{what}");
    let books = home.status().expect("books");
    let rejected: u64 = books["rejected"].as_object().expect("reasons").values().filter_map(Value::as_u64).sum();
    let known = [&books["offered"], &books["accepted"]].map(|number| number.as_u64().expect("a number"));
    let no_events = spoilt_before(offered);
    assert_eq!((known, rejected), ([offered + no_events, offered], no_events), "{what}: {books:#}");
    let (closes, said) = home.audit();
    assert!(closes, "{what}: {said}");
}
