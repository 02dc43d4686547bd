//! `sqlite`: a row a sample in the table `metrics` of a database, each exactly once.
//!
//! How far it is stands in the database too, in the same transaction as the rows: whenever the process ends, both are
//! there or neither is.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use monitor_core::bus::Durability;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Item, Resource, Resume, Resumed, Sink, SinkConfig,
    SinkDefinition, Validate,
};
use monitor_core::{Kind, Text, Timestamp};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::append::names_a_file;

/// The definition of `type = "sqlite"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "sqlite",
    "writes a row a sample to an SQLite database, each exactly once",
    include_str!("sample.toml"),
);

/// The keys of an `sqlite` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database, relative to `data_dir`. It is made if it is not there.
    pub path: PathBuf,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        names_a_file("path", &self.path)
    }
}

impl SinkConfig for Config {
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        vec![Resource::File(dirs.output(&self.path))]
    }

    fn contents(&self) -> &'static [Content] {
        &[Content::Samples]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let path = context.dirs.output(&self.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        }
        let connection = open(&path, context.durability).map_err(|error| format!("`{}`: {error}", path.display()))?;
        Ok(Box::new(SqliteSink { connection, name: context.name.clone(), spool: None }))
    }
}

/// One row a sample. The labels that every sample may have are columns of their own; whatever else a recorded metric came
/// with is JSON in `metadata`.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS metrics (
        timestamp TEXT NOT NULL,
        metric TEXT NOT NULL,
        value REAL NOT NULL,
        model_name TEXT,
        operation TEXT,
        evaluator_type TEXT,
        success TEXT,
        finish_reason TEXT,
        error_type TEXT,
        metadata TEXT
    );
    CREATE TABLE IF NOT EXISTS monitor_cursor (
        spool INTEGER NOT NULL,
        sink TEXT NOT NULL,
        next INTEGER NOT NULL,
        PRIMARY KEY (spool, sink)
    ) WITHOUT ROWID;
";

const INSERT: &str = "INSERT INTO metrics VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

fn open(path: &Path, durability: Durability) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    // Somebody may look into it meanwhile.
    connection.busy_timeout(Duration::from_secs(1))?;
    let _: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    let synchronous = if durability >= Durability::L2 { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

struct SqliteSink {
    connection: Connection,
    name: Text,
    /// The spool that numbers what it is given, if there is one.
    spool: Option<u64>,
}

impl Sink for SqliteSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        match self.insert(delivery) {
            Ok(()) => Answer::Ok,
            Err(error) if is_hopeless(&error) => Answer::Fatal(error.into()),
            Err(error) => {
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
                    self.save_room();
                }
                Answer::retry(error)
            }
        }
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        self.spool = Some(from.spool);
        let next = self
            .connection
            .query_row(
                "SELECT next FROM monitor_cursor WHERE spool = ?1 AND sink = ?2",
                params![from.spool.cast_signed(), self.name.as_str()],
                |row| row.get::<_, i64>(0),
            )
            .optional()?;
        Ok(next.map_or(Resumed::AsNoted, |next| Resumed::At(next.cast_unsigned())))
    }
}

impl SqliteSink {
    /// The write-ahead log holds pages that have been written again since: it gives them back, and is kept small from now
    /// on. What fails here fails again.
    fn save_room(&self) {
        drop(self.connection.pragma_update(None, "wal_autocheckpoint", 64));
        drop(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    }

    /// All of them, or none.
    fn insert(&mut self, delivery: &Delivery<'_>) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for item in delivery.items() {
                insert_samples(&mut insert, *item)?;
            }
        }
        if let (Some(spool), Some(last)) = (self.spool, delivery.items().last()) {
            let next = last.sequence() + 1;
            transaction
                .prepare_cached("INSERT OR REPLACE INTO monitor_cursor VALUES (?1, ?2, ?3)")?
                .execute(params![spool.cast_signed(), self.name.as_str(), next.cast_signed()])?;
        }
        transaction.commit()
    }
}

fn insert_samples(insert: &mut rusqlite::CachedStatement<'_>, item: Item<'_>) -> Result<(), rusqlite::Error> {
    let samples = item.samples();
    if samples.is_empty() {
        return Ok(());
    }
    let time = rfc3339(item.time());
    // Only a recorded metric shows all that it came with; of other events it is on the event.
    let metadata = match item.kind() {
        Kind::Metric => item.event().metadata().filter(|metadata| !metadata.is_empty()),
        _ => None,
    };
    let metadata = metadata.map(|metadata| serde_json::to_string(metadata).expect("metadata is JSON"));
    for sample in samples.iter() {
        let name = sample.name();
        let labels = sample.series.labels();
        let label = |name: &str| labels.get(name).map(Text::as_str);
        insert.execute(params![
            time,
            &*name,
            sample.value,
            label("model_name"),
            label("operation"),
            label("evaluator_type"),
            label("success"),
            label("finish_reason"),
            label("error_type"),
            metadata,
        ])?;
    }
    Ok(())
}

fn rfc3339(time: Timestamp) -> String {
    time.to_string()
}

/// Whether no other try can go better.
fn is_hopeless(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch | ErrorCode::Unknown)
    )
}
