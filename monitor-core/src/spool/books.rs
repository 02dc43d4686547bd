//! The books of a data folder, read and recounted from outside, also while a pipeline runs on it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

use super::{SPOOL_FILE, SpoolError, rows, schema};
use crate::alerting::{STATES, SavedState, Standing};
use crate::bus::{Durability, Intake, SinkAccount};
use crate::pipeline::DEAD_LETTERS;
use crate::read::LineParser;
use crate::sample::Deriver;
use crate::{Text, Zone};

/// What the spool of a data folder says.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// The spool.
    pub spool: PathBuf,
    /// How safe an accepted event is in the process that writes there, or wrote there last.
    pub level: Durability,
    /// What came to the door, and what became of it there.
    #[serde(flatten)]
    pub intake: Intake,
    /// Events that ever got a number: those accepted, and alerts.
    pub numbered: u64,
    /// Events that are in the spool.
    pub kept: u64,
    /// Bytes that they take there.
    pub bytes: u64,
    /// The account of each sink.
    pub sinks: BTreeMap<Text, SinkBooks>,
    /// How far each followed file is read, in the words of its source.
    pub positions: Vec<SourcePosition>,
    /// Where the rules stand, of the groups for which their condition holds, or that people do not know the end of.
    pub alerts: Vec<Standing>,
}

/// The account of a sink: `accepted = delivered + pending + filtered + dead_letter + Σ lost`.
#[derive(Clone, Debug, Serialize)]
pub struct SinkBooks {
    /// Events that were to be delivered since the sink was there.
    pub accepted: u64,
    /// Events that it has not got yet.
    pub pending: u64,
    /// What became of the others.
    #[serde(flatten)]
    pub account: SinkAccount,
}

/// How far a source is with one of its files.
#[derive(Clone, Debug, Serialize)]
pub struct SourcePosition {
    /// The source.
    pub source: Text,
    /// The file.
    pub key: Text,
    /// How far.
    pub position: serde_json::Value,
}

/// What a recount has come to.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// The books as they are written.
    #[serde(flatten)]
    pub books: Books,
    /// Events that were read in the spool, one by one.
    pub recounted: u64,
    /// Whatever does not agree; empty if the books close.
    pub faults: Vec<String>,
}

impl Books {
    /// Reads the books of a data folder.
    ///
    /// # Errors
    /// When there is no spool, or it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, SpoolError> {
        let path = folder.join(SPOOL_FILE);
        let failed = |error| SpoolError { path: path.clone(), error };
        let connection = schema::open_from_outside(&path).map_err(failed)?;
        // All of it from one moment.
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        Self::of(&snapshot, &path).map_err(failed)
    }

    /// How many of the numbered events some sink has not got yet. All others are as safe as can be, L3, unless they are among
    /// the dead letters or the losses.
    pub fn on_the_way(&self) -> u64 {
        self.sinks.values().map(|sink| sink.pending).max().unwrap_or(0)
    }

    fn of(snapshot: &Connection, path: &Path) -> Result<Self, rusqlite::Error> {
        let numbered = snapshot.query_row(schema::GET, ["next"], |row| row.get::<_, i64>(0))?.cast_unsigned();
        let (kept, bytes) = snapshot.query_row(
            "SELECT coalesce(sum(events), 0), coalesce(sum(length(data)), 0) FROM batch",
            [],
            |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
        )?;
        let mut next_kept = snapshot.prepare("SELECT min(first) FROM batch WHERE first + events > ?1")?;
        let mut of_sink = |mut account: SinkAccount| {
            let end = if account.active { numbered.max(account.position) } else { account.position };
            if account.position < end {
                // What the spool has let go of is lost, though the sink has not come upon it yet.
                let first: Option<i64> = next_kept.query_row([account.position.cast_signed()], |row| row.get(0))?;
                let gone = first.map_or(end, i64::cast_unsigned).min(end).saturating_sub(account.position);
                if gone > 0 {
                    account.position += gone;
                    *account.lost.entry(Text::new_static("gone")).or_default() += gone;
                }
            }
            let (accepted, pending) = (end - account.since.min(end), end - account.position);
            Ok::<_, rusqlite::Error>(SinkBooks { accepted, pending, account })
        };
        let mut sinks = BTreeMap::new();
        for (name, account) in schema::sinks(snapshot)? {
            sinks.insert(name, of_sink(account)?);
        }
        let (states, positions): (Vec<_>, Vec<_>) =
            schema::positions(snapshot)?.into_iter().partition(|((source, _), _)| source == STATES);
        let states = states.iter().filter_map(|(_, state)| serde_json::from_str::<SavedState>(state).ok());
        let json = |value: &str| serde_json::from_str(value).unwrap_or_default();
        Ok(Self {
            spool: path.to_owned(),
            level: schema::level(snapshot)?,
            intake: schema::intake(snapshot)?,
            numbered,
            kept,
            bytes,
            sinks,
            alerts: states.map(SavedState::standing).filter(Standing::is_of_interest).collect(),
            positions: positions
                .into_iter()
                .map(|((source, key), value)| SourcePosition { source, key, position: json(&value) })
                .collect(),
        })
    }
}

impl Audit {
    /// Recounts the events of a data folder from disk: every row of the spool is read, every account added up, and every
    /// dead letter counted.
    ///
    /// # Errors
    /// When there is no spool, or it cannot be read.
    pub fn of(folder: &Path) -> Result<Self, SpoolError> {
        let path = folder.join(SPOOL_FILE);
        let failed = |error| SpoolError { path: path.clone(), error };
        let connection = schema::open_reader(&path).map_err(failed)?;
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        let books = Books::of(&snapshot, &path).map_err(failed)?;
        let mut audit = Self { books, recounted: 0, faults: Vec::new() };
        let (intake, numbered) = (&audit.books.intake, audit.books.numbered);
        if intake.difference() != 0 {
            let known = intake.offered.cast_signed() - intake.difference();
            audit.faults.push(format!("{} events were offered, and the books know of {known}", intake.offered));
        }
        if intake.accepted > numbered {
            let accepted = intake.accepted;
            audit.faults.push(format!("{accepted} events were accepted, and only {numbered} have got a number"));
        }
        let ranges = audit.rows(&snapshot).map_err(failed)?;
        for (name, sink) in &audit.books.sinks {
            audit.faults.extend(faults_of(name, sink, &ranges, folder));
        }
        Ok(audit)
    }

    /// Whether everything agrees.
    pub fn closes(&self) -> bool {
        self.faults.is_empty()
    }

    /// Reads every row; gives back from which event to which each goes that is whole.
    fn rows(&mut self, connection: &Connection) -> Result<Vec<(u64, u64)>, rusqlite::Error> {
        let (mut parser, mut deriver) = (LineParser::new(Zone::UTC), Deriver::new(&[]));
        let mut statement = connection.prepare(&format!(
            "SELECT first, events, crc, data, {} FROM batch ORDER BY first",
            schema::source_column(connection)
        ))?;
        let mut rows = statement.query([])?;
        let mut ranges = Vec::new();
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) if schema::is_damage(&error) => {
                    self.faults.push(format!("the spool is damaged: {error}"));
                    break;
                }
                Err(error) => return Err(error),
            };
            let (first, events) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned());
            let crc = row.get::<_, u32>(2).ok();
            let source = row.get_ref(4)?.as_str_or_null().unwrap_or_default();
            let data = row.get_ref(3)?.as_blob().ok().filter(|data| crc == Some(schema::checksum(source, data)));
            let read = data.and_then(|data| rows::decode(data, &mut parser, &mut deriver));
            match read.map(|draft| draft.len() as u64) {
                Some(read) if read == events => {
                    self.recounted += read;
                    ranges.push((first, first + events));
                }
                _ => {
                    let last = (first + events).saturating_sub(1);
                    self.faults.push(format!("the batch of events {first} to {last} is damaged"));
                }
            }
        }
        Ok(ranges)
    }
}

fn faults_of(name: &str, sink: &SinkBooks, ranges: &[(u64, u64)], folder: &Path) -> Vec<String> {
    let SinkBooks { pending, account, .. } = sink;
    let mut faults = Vec::new();
    if !account.closes() {
        let known = account.delivered + account.filtered + account.dead_letter + account.lost_total();
        let settled = account.position.cast_signed() - account.since.cast_signed();
        faults.push(format!("sink `{name}`: {settled} events are settled, and the account knows of {known}"));
    }
    let kept: u64 = ranges.iter().map(|(first, end)| end.saturating_sub(account.position.max(*first))).sum();
    if account.active && kept != *pending {
        faults.push(format!("sink `{name}`: {pending} events are pending, and {kept} of them are in the spool"));
    }
    let letters = folder.join(DEAD_LETTERS).join(format!("{name}.jsonl"));
    if let Ok(file) = File::open(&letters)
        && file.metadata().is_ok_and(|metadata| metadata.len() >= account.dead_letter_bytes)
    {
        let lines = BufReader::new(file).split(b'\n').count() as u64;
        if lines < account.dead_letter {
            let known = account.dead_letter;
            faults.push(format!(
                "sink `{name}`: {known} dead letters are counted, and {lines} are in `{}`",
                letters.display()
            ));
        }
    }
    faults
}
