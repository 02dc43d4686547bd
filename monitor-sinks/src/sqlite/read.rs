//! The source `sqlite`: the events of a database, in the order in which they were written.
//!
//! A row becomes the line that its event is in `events.jsonl`, and is read as one: what a field may hold, and why a row is refused,
//! is decided in one place for all that is read.

use std::io::Write;
use std::path::PathBuf;

use monitor_core::component::{
    BoxError, Context, Dirs, Invalid, Resource, Source, SourceConfig, SourceDefinition, Validate,
};
use monitor_core::pipeline::{Emitter, Place};
use monitor_core::read::{Reason, Refusal};
use monitor_core::sample::BUILTIN_LABELS;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::write::LAST_ID;
use super::{Error, schema};
use crate::path::names_a_file;

/// The definition of the source `type = "sqlite"`.
pub static DEFINITION: SourceDefinition = SourceDefinition::source::<Config>(
    "sqlite",
    "reads the events of a database that the sink `sqlite` has written, once",
    include_str!("source.toml"),
);

/// The keys of an `sqlite` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database, relative to the configuration file. It is only read, also while it is written to.
    pub path: PathBuf,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        names_a_file("path", &self.path)
    }
}

impl SourceConfig for Config {
    fn bounded(&self) -> bool {
        true
    }

    /// No sink may write what is read here.
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        vec![Resource::File(dirs.input(&self.path))]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Source>, BoxError> {
        let path = context.dirs.input(&self.path);
        let in_words = |error: Error| format!("`{}`: {error}", path.display());
        let connection = schema::open_reader(&path).map_err(in_words)?;
        let last = last_id(&connection).map_err(in_words)?;
        Ok(Box::new(SqliteSource { connection, path, last, line: Vec::new() }))
    }
}

/// So many ids are read at once. Nothing is held meanwhile that would keep a writer's log from being cleared away.
const CHUNK: i64 = 1_024;

struct SqliteSource {
    connection: Connection,
    path: PathBuf,
    /// Of the last row when it was opened: it comes to an end, though somebody writes.
    last: i64,
    line: Vec<u8>,
}

/// A table of events, and the line that a row of it is.
struct Table {
    name: &'static str,
    /// The `type`.
    kind: &'static str,
    /// Columns behind `id` and `timestamp`.
    fields: &'static [(&'static str, Field)],
    /// Writes what is more than a field.
    rest: Rest,
    /// The columns that it needs.
    more: &'static str,
}

/// Writes, behind the fields, what is in the columns from a place on.
type Rest = fn(&Connection, &Row<'_>, usize, &mut Vec<u8>) -> Result<(), Failure>;

/// A metric's own name.
const RECORDED_NAME: &str = "coalesce(recorded_as, metric)";

/// How a value stands in a line.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    /// As it is.
    Plain,
    /// 0 and 1 are `false` and `true`.
    Flag,
    /// Text that is JSON.
    Json,
    /// Text of which the empty one is `null`.
    Error,
}

use Field::{Flag, Json, Plain};

const TABLES: [Table; 5] = [
    Table {
        name: "generations",
        kind: "generation",
        fields: &[
            ("duration", Plain),
            ("success", Flag),
            ("model_name", Plain),
            ("finish_reason", Plain),
            ("prompt_token_count", Plain),
            ("completion_token_count", Plain),
            ("total_token_count", Plain),
            ("cached_token_count", Plain),
            ("reasoning_token_count", Plain),
            ("conversation_length", Plain),
            ("error", Plain),
            ("metadata", Json),
        ],
        rest: |_, _, _, _| Ok(()),
        more: "",
    },
    Table {
        name: "evaluations",
        kind: "evaluation",
        fields: &[
            ("duration", Plain),
            ("success", Flag),
            ("evaluator_type", Plain),
            ("model_name", Plain),
            ("prompt_token_count", Plain),
            ("completion_token_count", Plain),
            ("total_token_count", Plain),
            ("cached_token_count", Plain),
            ("reasoning_token_count", Plain),
            ("error", Field::Error),
            ("metadata", Json),
        ],
        rest: scores,
        more: "",
    },
    Table {
        name: "samples",
        kind: "metric",
        fields: &[(RECORDED_NAME, Plain), ("value", Plain), ("metadata", Json)],
        rest: labels,
        more: ", model_name, operation, evaluator_type, success, finish_reason, error_type, feedback",
    },
    Table {
        name: "logs",
        kind: "log",
        fields: &[("level", Plain), ("message", Plain), ("metadata", Json)],
        rest: |_, _, _, _| Ok(()),
        more: "",
    },
    Table {
        name: "alerts",
        kind: "alert",
        fields: &[
            ("name", Plain),
            ("state", Plain),
            ("level", Plain),
            ("message", Plain),
            ("labels", Json),
            ("value", Plain),
            ("since", Plain),
            ("key", Plain),
            ("annotations", Json),
            ("repeat", Plain),
            ("chart", Plain),
        ],
        rest: data,
        more: ", count, mean, min, max",
    },
];

/// Why there is no line.
enum Failure {
    /// The row can be no event.
    Row(Refusal),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Source for SqliteSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let mut at = 0;
        out.expect_to_read(u64::try_from(self.last).unwrap_or_default());
        while at < self.last && !out.stopped() {
            let rows = match self.rows_behind(at) {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                // Somebody has locked it; they were waited for, and are again.
                Err(error) if error.is_busy() => continue,
                Err(error) => return Err(format!("`{}`: {error}", self.path.display()).into()),
            };
            for Found { id, line: (from, to), refusal } in rows.found {
                let place = Place { file: Some(&self.path), line: u64::try_from(id).ok() };
                let line = &self.line[from..to];
                match refusal {
                    None => out.line(line, place)?,
                    Some(refusal) => out.refuse(&refusal, line, place),
                }
            }
            out.note_read(u64::try_from(rows.until - at).unwrap_or_default());
            at = rows.until;
        }
        Ok(())
    }
}

/// Rows in order.
struct Rows {
    found: Vec<Found>,
    /// The last id that they may have.
    until: i64,
}

/// A row: where its line is, as far as there is one.
struct Found {
    id: i64,
    line: (usize, usize),
    refusal: Option<Refusal>,
}

impl SqliteSource {
    /// The rows behind an id; `None` if there is none.
    fn rows_behind(&mut self, at: i64) -> Result<Option<Rows>, Error> {
        // Where rows were deleted there may be a wide gap.
        let Some(first) = next_id(&self.connection, at)?.filter(|first| *first <= self.last) else { return Ok(None) };
        let until = first.saturating_add(CHUNK - 1).min(self.last);
        let mut found = Vec::new();
        self.line.clear();
        for table in &TABLES {
            table.read(&self.connection, first, until, &mut self.line, &mut found)?;
        }
        found.sort_by_key(|row| row.id);
        Ok(Some(Rows { found, until }))
    }
}

impl Table {
    fn read(
        &self,
        connection: &Connection,
        first: i64,
        until: i64,
        lines: &mut Vec<u8>,
        found: &mut Vec<Found>,
    ) -> Result<(), Error> {
        let mut statement = connection.prepare_cached(&self.select())?;
        let mut rows = statement.query(params![first, until])?;
        while let Some(row) = rows.next()? {
            let from = lines.len();
            let refusal = match self.line(connection, row, lines) {
                Ok(()) => None,
                Err(Failure::Row(refusal)) => Some(refusal),
                Err(Failure::Database(error)) => return Err(error.into()),
            };
            found.push(Found { id: row.get(0)?, line: (from, lines.len()), refusal });
        }
        Ok(())
    }

    fn select(&self) -> String {
        let Self { name, fields, more, .. } = self;
        let columns: String = fields.iter().map(|(column, _)| format!(", {column}")).collect();
        format!("SELECT id, timestamp{columns}{more} FROM {name} WHERE id BETWEEN ?1 AND ?2 ORDER BY id")
    }

    fn line(&self, connection: &Connection, row: &Row<'_>, line: &mut Vec<u8>) -> Result<(), Failure> {
        put(line, format_args!("{{\"type\":\"{}\",\"timestamp\":", self.kind));
        match row.get_ref(1)? {
            // Without one an event would have happened now.
            ValueRef::Null => line.extend_from_slice(b"\"\""),
            time => put_value(line, "timestamp", Plain, time)?,
        }
        for (at, (column, field)) in self.fields.iter().enumerate() {
            let name = if *column == RECORDED_NAME { "metric" } else { column };
            let value = row.get_ref(at + 2)?;
            if value != ValueRef::Null {
                put(line, format_args!(",\"{name}\":"));
                put_value(line, name, *field, value)?;
            }
        }
        (self.rest)(connection, row, self.fields.len() + 2, line)?;
        line.push(b'}');
        Ok(())
    }
}

/// The scores of an evaluation.
fn scores(connection: &Connection, row: &Row<'_>, _: usize, line: &mut Vec<u8>) -> Result<(), Failure> {
    let mut statement = connection
        .prepare_cached("SELECT name, value, feedback FROM scores WHERE evaluation = ?1 ORDER BY position")?;
    let mut scores = statement.query([row.get::<_, i64>(0)?])?;
    let mut separator = ",\"scores\":{";
    while let Some(score) = scores.next()? {
        put(line, format_args!("{}", std::mem::replace(&mut separator, ",")));
        put_value(line, "scores", Plain, score.get_ref(0)?)?;
        line.extend_from_slice(b":{\"score\":");
        put_value(line, "score", Plain, score.get_ref(1)?)?;
        line.extend_from_slice(b",\"feedback\":");
        put_value(line, "feedback", Plain, score.get_ref(2)?)?;
        line.push(b'}');
    }
    if separator == "," {
        line.push(b'}');
    }
    Ok(())
}

/// A sample of an event that is not there has its labels instead of metadata.
fn labels(_: &Connection, row: &Row<'_>, at: usize, line: &mut Vec<u8>) -> Result<(), Failure> {
    if row.get_ref(at - 1)? != ValueRef::Null {
        return Ok(());
    }
    let mut separator = ",\"metadata\":{";
    for (at, label) in (at..).zip(BUILTIN_LABELS.into_iter().chain(["feedback"])) {
        let value = row.get_ref(at)?;
        if value != ValueRef::Null {
            put(line, format_args!("{}\"{label}\":", std::mem::replace(&mut separator, ",")));
            put_value(line, label, Plain, value)?;
        }
    }
    if separator == "," {
        line.push(b'}');
    }
    Ok(())
}

/// The aggregates of an alert.
fn data(_: &Connection, row: &Row<'_>, at: usize, line: &mut Vec<u8>) -> Result<(), Failure> {
    if row.get_ref(at)? == ValueRef::Null {
        return Ok(());
    }
    for (at, name) in (at..).zip(["count", "mean", "min", "max"]) {
        put(line, format_args!("{}\"{name}\":", if name == "count" { ",\"data\":{" } else { "," }));
        put_value(line, name, Plain, row.get_ref(at)?)?;
    }
    line.push(b'}');
    Ok(())
}

fn put(line: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text).expect("memory takes it");
}

/// Writes a value as JSON; what cannot be the value of a field becomes something that its reader refuses.
fn put_value(line: &mut Vec<u8>, name: &str, field: Field, value: ValueRef<'_>) -> Result<(), Failure> {
    match value {
        ValueRef::Null => line.extend_from_slice(b"null"),
        ValueRef::Integer(flag @ 0..=1) if field == Flag => put(line, format_args!("{}", flag == 1)),
        ValueRef::Integer(number) => put(line, format_args!("{number}")),
        ValueRef::Real(number) if number.is_finite() => {
            serde_json::to_writer(line, &number).expect("a number is JSON, and memory takes it");
        }
        ValueRef::Real(number) => put(line, format_args!("{}Infinity", if number < 0.0 { "-" } else { "" })),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes)
                .map_err(|error| Failure::row(Reason::InvalidUtf8, format!("`{name}` is no UTF-8: {error}")))?;
            match field {
                Field::Error if text.is_empty() => line.extend_from_slice(b"null"),
                Json => {
                    // One value and nothing else: it must not become other fields of the event.
                    serde_json::from_str::<IgnoredAny>(text)
                        .map_err(|error| Failure::row(Reason::InvalidJson, format!("`{name}` is no JSON: {error}")))?;
                    line.extend_from_slice(bytes);
                }
                _ => serde_json::to_writer(line, text).expect("text is JSON, and memory takes it"),
            }
        }
        // No field is a list.
        ValueRef::Blob(_) => line.extend_from_slice(b"[]"),
    }
    Ok(())
}

impl Failure {
    fn row(reason: Reason, error: String) -> Self {
        Self::Row(Refusal::new(reason, error))
    }
}

/// The id of the last row.
fn last_id(connection: &Connection) -> Result<i64, Error> {
    Ok(connection.query_row(LAST_ID, [], |row| row.get(0))?)
}

/// The smallest id behind another.
fn next_id(connection: &Connection, at: i64) -> Result<Option<i64>, Error> {
    let of_table = |table: &Table| format!("SELECT min(id) AS id FROM {} WHERE id > ?1", table.name);
    let of_each = TABLES.each_ref().map(of_table).join(" UNION ALL ");
    Ok(connection.prepare_cached(&format!("SELECT min(id) FROM ({of_each})"))?.query_row([at], |row| row.get(0))?)
}
