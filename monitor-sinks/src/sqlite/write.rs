//! From events to rows: shared by the sink, which writes for as long as events come, and by whoever writes a whole database.

use std::borrow::Cow;
use std::path::Path;

use monitor_core::component::{Content, Delivery, Item};
use monitor_core::event::{Alert, Body, Evaluation, Generation, Log, Metadata, Metric};
use monitor_core::sample::Sample;
use monitor_core::{Event, Kind, Text, Timestamp};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql, ffi, params};

use super::{Error, schema};
use crate::new_file::{Exists, NewFile};

/// A statement for each table, of one connection.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    generation: CachedStatement<'c>,
    evaluation: CachedStatement<'c>,
    score: CachedStatement<'c>,
    sample: CachedStatement<'c>,
    log: CachedStatement<'c>,
    alert: CachedStatement<'c>,
    last_id: CachedStatement<'c>,
    cursor: CachedStatement<'c>,
}

const GENERATION: &str = "INSERT INTO generations (id, timestamp, duration, success, model_name, operation, finish_reason, error_type,
    prompt_token_count, completion_token_count, total_token_count, cached_token_count, reasoning_token_count, conversation_length,
    cost_usd, unpriced, error, metadata)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
const EVALUATION: &str =
    "INSERT INTO evaluations (id, timestamp, duration, success, evaluator_type, model_name, operation,
    finish_reason, error_type, prompt_token_count, completion_token_count, total_token_count, cached_token_count,
    reasoning_token_count, cost_usd, unpriced, error, metadata)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
const SCORE: &str = "INSERT INTO scores (evaluation, position, name, value, feedback) VALUES (?1, ?2, ?3, ?4, ?5)";
const SAMPLE: &str =
    "INSERT INTO samples (id, timestamp, metric, value, model_name, operation, evaluator_type, success, finish_reason,
    error_type, feedback, metadata, recorded_as) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const LOG: &str = "INSERT INTO logs (id, timestamp, level, message, metadata) VALUES (?1, ?2, ?3, ?4, ?5)";
const ALERT: &str =
    "INSERT INTO alerts (id, timestamp, name, state, level, message, labels, value, mean, min, max, count, since, key,
    annotations, repeat, chart)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
/// The largest id that there is.
pub(super) const LAST_ID: &str = "SELECT max(coalesce((SELECT max(id) FROM generations), 0), coalesce((SELECT max(id) FROM evaluations), 0),
    coalesce((SELECT max(id) FROM samples), 0), coalesce((SELECT max(id) FROM logs), 0), coalesce((SELECT max(id) FROM alerts), 0))";
const CURSOR: &str = "INSERT OR REPLACE INTO monitor_cursor (spool, sink, next) VALUES (?1, ?2, ?3)";

/// Ids beyond are those of a damaged row: there would be none left for the next ones.
const LARGEST_ID: i64 = i64::MAX / 2;

impl<'c> Statements<'c> {
    /// Of a connection, which keeps them for the next time.
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            connection,
            generation: connection.prepare_cached(GENERATION)?,
            evaluation: connection.prepare_cached(EVALUATION)?,
            score: connection.prepare_cached(SCORE)?,
            sample: connection.prepare_cached(SAMPLE)?,
            log: connection.prepare_cached(LOG)?,
            alert: connection.prepare_cached(ALERT)?,
            last_id: connection.prepare_cached(LAST_ID)?,
            cursor: connection.prepare_cached(CURSOR)?,
        })
    }

    /// The largest id that there is.
    pub(super) fn last_id(&mut self) -> Result<i64, Error> {
        let id: i64 = self.last_id.query_row([], |row| row.get(0))?;
        if id > LARGEST_ID { Err(Error::Damaged(format!("it has a row with the id {id}"))) } else { Ok(id) }
    }

    /// Notes how far a sink is.
    pub(super) fn note(&mut self, spool: u64, sink: &str, next: u64) -> Result<(), rusqlite::Error> {
        self.cursor.execute(params![spool.cast_signed(), sink, next.cast_signed()]).map(drop)
    }

    /// Runs `insert` so that what fails leaves nothing behind.
    pub(super) fn all_or_nothing<T>(
        &mut self,
        insert: impl FnOnce(&mut Self) -> Result<T, rusqlite::Error>,
    ) -> Result<T, rusqlite::Error> {
        self.connection.prepare_cached("SAVEPOINT event")?.execute([])?;
        let inserted = insert(self);
        if inserted.is_err() {
            self.connection.prepare_cached("ROLLBACK TO event")?.execute([])?;
        }
        self.connection.prepare_cached("RELEASE event")?.execute([])?;
        inserted
    }
}

/// Makes rows of events; keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Rows {
    time: TimeText,
    /// Metadata, or labels.
    json: Vec<u8>,
}

/// Bytes that are text.
struct Utf8<'a>(&'a [u8]);

impl ToSql for Utf8<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

impl Rows {
    /// Inserts an event, or the samples that it yields; the last id is that of the last row.
    pub(super) fn insert(
        &mut self,
        into: &mut Statements<'_>,
        id: &mut i64,
        item: Item<'_>,
        content: Content,
    ) -> Result<(), rusqlite::Error> {
        self.time.set(item.time());
        if content == Content::Samples {
            // A metric that was recorded by name shows all that it came with.
            return match item.kind() {
                _ if item.samples().is_empty() => Ok(()),
                Kind::Metric => self.event(into, id, item.event(), item),
                _ => self.samples(into, id, item),
            };
        }
        self.event(into, id, item.event(), item)
    }

    fn event(
        &mut self,
        into: &mut Statements<'_>,
        id: &mut i64,
        event: &Event,
        item: Item<'_>,
    ) -> Result<(), rusqlite::Error> {
        *id += 1;
        match &event.body {
            Body::Generation(generation) => self.generation(into, *id, generation, item),
            Body::Evaluation(evaluation) => self.evaluation(into, *id, evaluation, item),
            Body::Metric(metric) => self.metric(into, *id, metric, item),
            Body::Log(log) => self.log(into, *id, log),
            Body::Alert(alert) => self.alert(into, *id, alert),
        }
    }

    fn generation(
        &mut self,
        into: &mut Statements<'_>,
        id: i64,
        generation: &Generation,
        item: Item<'_>,
    ) -> Result<(), rusqlite::Error> {
        let Generation { tokens, metadata, .. } = generation;
        let (cost_usd, unpriced) = cost(item);
        let json = json(&mut self.json, metadata);
        into.generation.execute(params![
            id,
            self.time,
            generation.duration,
            generation.success,
            generation.model_name.as_deref(),
            metadata.label("operation").as_deref(),
            generation.finish_reason.as_deref(),
            metadata.label("error_type").as_deref(),
            count("prompt_token_count", tokens.prompt)?,
            count("completion_token_count", tokens.completion)?,
            count("total_token_count", tokens.total)?,
            count("cached_token_count", tokens.cached)?,
            count("reasoning_token_count", tokens.reasoning)?,
            count("conversation_length", generation.conversation_length)?,
            cost_usd,
            unpriced,
            generation.error.as_deref(),
            json,
        ])?;
        Ok(())
    }

    fn evaluation(
        &mut self,
        into: &mut Statements<'_>,
        id: i64,
        evaluation: &Evaluation,
        item: Item<'_>,
    ) -> Result<(), rusqlite::Error> {
        let Evaluation { tokens, metadata, .. } = evaluation;
        let (cost_usd, unpriced) = cost(item);
        let json = json(&mut self.json, metadata);
        into.evaluation.execute(params![
            id,
            self.time,
            evaluation.duration,
            evaluation.success,
            evaluation.evaluator_type.as_str(),
            evaluation.model_name.as_deref(),
            metadata.label("operation").as_deref(),
            metadata.label("finish_reason").as_deref(),
            metadata.label("error_type").as_deref(),
            count("prompt_token_count", tokens.prompt)?,
            count("completion_token_count", tokens.completion)?,
            count("total_token_count", tokens.total)?,
            count("cached_token_count", tokens.cached)?,
            count("reasoning_token_count", tokens.reasoning)?,
            cost_usd,
            unpriced,
            evaluation.error.as_deref(),
            json,
        ])?;
        for (position, score) in evaluation.scores.iter().enumerate() {
            let feedback = score.feedback.as_deref();
            into.score.execute(params![id, position as i64, score.name.as_str(), score.value, feedback])?;
        }
        Ok(())
    }

    fn metric(
        &mut self,
        into: &mut Statements<'_>,
        id: i64,
        metric: &Metric,
        item: Item<'_>,
    ) -> Result<(), rusqlite::Error> {
        let (name, metadata) = (metric.key.name.as_str(), &metric.key.metadata);
        // A number that is no sample has none.
        let sample = item.samples().iter().next();
        let shown = sample.as_ref().map_or(Cow::Borrowed(name), Sample::name);
        let labels = |label: &'static str| match sample {
            Some(sample) => sample.series.labels().get(label).map(|value| Cow::Borrowed(value.as_str())),
            None => metadata.label(label),
        };
        let json = json(&mut self.json, metadata).or_else(|| {
            // Its name alone has labels: they are no metadata.
            sample.filter(|sample| !sample.series.labels().is_empty()).map(|_| Utf8(b"{}"))
        });
        into.sample.execute(params![
            id,
            self.time,
            &*shown,
            metric.value,
            labels("model_name").as_deref(),
            labels("operation").as_deref(),
            labels("evaluator_type").as_deref(),
            labels("success").as_deref(),
            labels("finish_reason").as_deref(),
            labels("error_type").as_deref(),
            metadata.text("feedback"),
            json,
            (shown != name).then_some(name),
        ])?;
        Ok(())
    }

    fn samples(&mut self, into: &mut Statements<'_>, id: &mut i64, item: Item<'_>) -> Result<(), rusqlite::Error> {
        for sample in item.samples().iter() {
            *id += 1;
            let labels = sample.series.labels();
            let label = |name: &str| labels.get(name).map(Text::as_str);
            into.sample.execute(params![
                *id,
                self.time,
                &*sample.name(),
                sample.value,
                label("model_name"),
                label("operation"),
                label("evaluator_type"),
                label("success"),
                label("finish_reason"),
                label("error_type"),
                sample.feedback.map(Text::as_str),
                None::<&str>,
                None::<&str>,
            ])?;
        }
        Ok(())
    }

    fn log(&mut self, into: &mut Statements<'_>, id: i64, log: &Log) -> Result<(), rusqlite::Error> {
        let json = json(&mut self.json, &log.metadata);
        into.log.execute(params![id, self.time, log.level.as_str(), log.message.as_str(), json]).map(drop)
    }

    fn alert(&mut self, into: &mut Statements<'_>, id: i64, alert: &Alert) -> Result<(), rusqlite::Error> {
        self.json.clear();
        let labels = "labels are JSON, and memory takes it";
        serde_json::to_writer(&mut self.json, &alert.labels).expect(labels);
        let annotations = self.json.len();
        serde_json::to_writer(&mut self.json, &alert.annotations).expect(labels);
        let (labels, annotations) = self.json.split_at(annotations);
        into.alert.execute(params![
            id,
            self.time,
            alert.name.as_str(),
            alert.state.as_str(),
            alert.level.as_str(),
            alert.message.as_str(),
            Utf8(labels),
            alert.value,
            alert.data.map(|data| data.mean),
            alert.data.map(|data| data.min),
            alert.data.map(|data| data.max),
            count("count", alert.data.map(|data| data.count))?,
            alert.since.to_rfc3339(),
            alert.key.as_str(),
            Utf8(annotations),
            count("repeat", Some(alert.repeat))?,
            alert.chart.as_deref(),
        ])?;
        Ok(())
    }
}

/// What a call cost; or that it has no price.
fn cost(item: Item<'_>) -> (Option<f64>, Option<bool>) {
    for sample in item.samples().iter() {
        match sample.series.metric().as_str() {
            "cost_usd" => return (Some(sample.value), None),
            "unpriced_calls" => return (None, Some(true)),
            _ => {}
        }
    }
    (None, None)
}

/// Metadata as JSON; `None` for none.
fn json<'a>(memory: &'a mut Vec<u8>, metadata: &Metadata) -> Option<Utf8<'a>> {
    if metadata.is_empty() {
        return None;
    }
    memory.clear();
    serde_json::to_writer(&mut *memory, metadata).expect("metadata is JSON, and memory takes it");
    Some(Utf8(memory))
}

/// A count as SQLite has it.
fn count(name: &str, count: Option<u64>) -> Result<Option<i64>, rusqlite::Error> {
    let signed = |count| {
        i64::try_from(count).map_err(|_| {
            let error = format!("`{name}` is too large for a database: {count}");
            rusqlite::Error::ToSqlConversionFailure(error.into())
        })
    };
    count.map(signed).transpose()
}

/// A time as text. Of those within one second only the digits are written anew.
#[derive(Debug, Default)]
struct TimeText {
    second: i64,
    text: Vec<u8>,
}

const MICROS: i64 = 1_000_000;
/// `2026-05-04T14:00:02.881194Z`
const LENGTH: usize = 27;

impl TimeText {
    fn set(&mut self, time: Timestamp) {
        let (second, mut micros) = (time.as_micros().div_euclid(MICROS), time.as_micros().rem_euclid(MICROS));
        if second != self.second || self.text.len() != LENGTH {
            self.second = second;
            self.text.clear();
            self.text.extend_from_slice(time.to_rfc3339().as_bytes());
            return;
        }
        for digit in self.text[LENGTH - 7..LENGTH - 1].iter_mut().rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
    }
}

impl ToSql for TimeText {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.text)))
    }
}

/// A database that is written in one go, as an export is. The file appears under its name when it is whole, with nothing beside
/// it, and takes the place of one that was there.
///
/// ```
/// use monitor_core::bus::Draft;
/// use monitor_core::component::{Delivery, Item};
/// use monitor_core::sample::Deriver;
/// use monitor_core::{Event, Generation, Timestamp};
/// use monitor_sinks::new_file::Exists;
/// use monitor_sinks::sqlite::write::Database;
///
/// let folder = tempfile::tempdir()?;
/// let mut database = Database::create(&folder.path().join("run.db"), Exists::Kept)?;
/// let event = Event::new(Timestamp::from_secs(1), Generation::new(2.5, true).model("gpt-4o"));
/// let batch = Draft::new(vec![event], &mut Deriver::new(&[])).numbered(0);
/// database.insert(&Delivery::new(&[Item::new(&batch, 0)]))?;
/// database.finish()?;
/// assert!(folder.path().join("run.db").is_file());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Database {
    /// None once it is finished.
    connection: Option<Connection>,
    rows: Rows,
    last_id: i64,
    file: NewFile,
}

impl Database {
    /// Begins a database that will be at `path`.
    ///
    /// # Errors
    /// When no file can be made there, or there is one that is to be kept.
    pub fn create(path: &Path, exists: Exists) -> Result<Self, Error> {
        let file = NewFile::create(path, exists)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file.unfinished(), flags)?;
        let database = Self { connection: Some(connection), rows: Rows::default(), last_id: 0, file };
        let connection = database.open();
        // What is not whole is thrown away: there is nothing to go back to.
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN EXCLUSIVE")?;
        schema::create_tables(connection)?;
        Ok(database)
    }

    fn open(&self) -> &Connection {
        self.connection.as_ref().expect("it is not finished")
    }

    /// Adds events.
    ///
    /// # Errors
    /// When an event cannot be a row, or the disk is full: those before it may be there.
    pub fn insert(&mut self, delivery: &Delivery<'_>) -> Result<(), Error> {
        let Self { connection, rows, last_id, .. } = self;
        let mut statements = Statements::prepare(connection.as_ref().expect("it is not finished"))?;
        for item in delivery.items() {
            rows.insert(&mut statements, last_id, *item, Content::Events)?;
        }
        Ok(())
    }

    /// Makes the indices and the views, and gives the file its name.
    ///
    /// # Errors
    /// When the disk is full, or the file cannot be renamed.
    pub fn finish(mut self) -> Result<(), Error> {
        let connection = self.open();
        schema::complete(connection)?;
        connection.execute_batch("COMMIT; PRAGMA journal_mode = DELETE")?;
        if let Some(connection) = self.connection.take() {
            connection.close().map_err(|(_, error)| error)?;
        }
        self.file.complete()?;
        Ok(())
    }
}

/// Whether it is the event that the table does not take.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::ToSqlConversionFailure(_))
        || !is_known_id(error)
            && matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
            )
}

/// Whether a table already has a row of the id that follows the last: then it is not as it was left, for ids are given in the
/// transaction that looks for the last one.
pub(super) fn is_known_id(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error().map(|error| error.extended_code),
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID)
    )
}
