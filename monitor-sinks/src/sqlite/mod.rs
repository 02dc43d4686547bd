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

use crate::path::names_a_file;

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
        let durability = context.durability;
        let connection = match open(&path, durability) {
            // Whether it is ours, and may be set aside, is known once it is resumed.
            Err(error) if durability > Durability::L0 && is_damage(&error) => None,
            opened => Some(opened.map_err(|error| format!("`{}`: {error}", path.display()))?),
        };
        Ok(Box::new(SqliteSink {
            connection,
            #[cfg(unix)]
            inode: inode(&path),
            suspected: false,
            path,
            durability,
            name: context.name.clone(),
            spool: None,
            next: None,
        }))
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
    /// None while it is damaged, or could only be read.
    connection: Option<Connection>,
    /// Which file that is.
    #[cfg(unix)]
    inode: Option<u64>,
    /// It looked damaged when it was written to last.
    suspected: bool,
    path: PathBuf,
    durability: Durability,
    name: Text,
    /// The spool that numbers what it is given, if there is one.
    spool: Option<u64>,
    /// It has all events before this one.
    next: Option<u64>,
}

impl Sink for SqliteSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.look_for_name();
        let error = match self.insert(delivery, false) {
            Err(error) if is_refusal(&error) => match self.insert(delivery, true) {
                // It is some of the events that the table does not take: the others are in.
                Ok(indices) => return Answer::Rejected { indices, error: error.into() },
                Err(error) => error,
            },
            Err(error) => error,
            Ok(_) => {
                self.suspected = false;
                return Answer::Ok;
            }
        };
        if self.spool.is_some() && is_damage(&error) {
            if !std::mem::replace(&mut self.suspected, true) {
                // A read that failed for once looks the same: it is opened anew, and looked at again.
                self.connection = None;
                return Answer::retry(error);
            }
            let renewed = self.renew(&error);
            return Answer::retry(renewed.err().unwrap_or_else(|| error.into()));
        }
        if is_hopeless(&error) {
            return Answer::Fatal(error.into());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => self.save_room(),
            // What cannot be opened for writing is opened for reading, and stays so; and somebody may have put another file in
            // its place, without our tables: the next try opens it anew.
            Some(ErrorCode::ReadOnly | ErrorCode::Unknown) => self.connection = None,
            _ => {}
        }
        Answer::retry(error)
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        let noted = from.mark.and_then(|mark| self.noted(mark));
        let name = self.name.clone();
        let look = |sink: &mut Self| sink.connection().and_then(|connection| cursor(connection, from.spool, &name));
        let read = look(self).or_else(|error| {
            if !is_damage(&error) {
                return Err(error);
            }
            // A read that failed for once looks the same.
            self.connection = None;
            look(self)
        });
        self.next = match read {
            Err(error) if noted.is_some() && is_damage(&error) => {
                self.renew(&error)?;
                None
            }
            read => {
                let next = read.map_err(|error| format!("`{}`: {error}", self.path.display()))?;
                if noted > next {
                    tracing::error!(
                        sink = %self.name,
                        "`{}` does not have any more the last of what it had: it is damaged, or an older copy",
                        self.path.display()
                    );
                }
                next
            }
        };
        self.spool = Some(from.spool);
        Ok(self.next.map_or(Resumed::AsNoted, Resumed::At))
    }

    /// What it has, so that a database that has less is found out.
    fn mark(&mut self) -> Option<Vec<u8>> {
        self.next.map(|next| format!("{next} {}", self.path.display()).into_bytes())
    }
}

/// The number of the first event that the database has not.
fn cursor(connection: &Connection, spool: u64, sink: &str) -> Result<Option<u64>, rusqlite::Error> {
    connection
        .query_row(
            "SELECT next FROM monitor_cursor WHERE spool = ?1 AND sink = ?2",
            params![spool.cast_signed(), sink],
            |row| row.get::<_, i64>(0).map(i64::cast_unsigned),
        )
        .optional()
}

impl SqliteSink {
    /// What a mark says, if it is of this database.
    fn noted(&self, mark: &[u8]) -> Option<u64> {
        let (next, path) = std::str::from_utf8(mark).ok()?.split_once(' ')?;
        next.parse().ok().filter(|_| path == self.path.display().to_string())
    }

    fn connection(&mut self) -> Result<&mut Connection, rusqlite::Error> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let connection = none.insert(open(&self.path, self.durability)?);
                #[cfg(unix)]
                {
                    self.inode = inode(&self.path);
                }
                Ok(connection)
            }
        }
    }

    /// If the file was moved, or removed, a new one is begun under its name.
    #[cfg(unix)]
    fn look_for_name(&mut self) {
        if self.connection.is_some() && self.inode != inode(&self.path) {
            self.connection = None;
            tracing::info!(sink = %self.name, "`{}` was moved, or removed: a new one is begun", self.path.display());
        }
    }

    #[cfg(not(unix))]
    fn look_for_name(&mut self) {}

    /// Sets a damaged database aside, with whatever is in it, and goes on in a new one.
    fn renew(&mut self, error: &rusqlite::Error) -> Result<(), BoxError> {
        // The old one is closed before it is renamed.
        self.connection = None;
        let aside = set_aside(&self.path)?;
        tracing::error!(
            sink = %self.name,
            "`{}` is damaged ({error}): it is now `{}`, and a new one goes on",
            self.path.display(),
            aside.display()
        );
        self.connection()?;
        Ok(())
    }

    /// The write-ahead log holds pages that have been written again since: it gives them back, and is kept small from now
    /// on. What fails here fails again.
    fn save_room(&self) {
        let Some(connection) = &self.connection else { return };
        drop(connection.pragma_update(None, "wal_autocheckpoint", 64));
        drop(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    }

    /// All of them, or none; or, `each`, those that the table takes. Gives back the places of the others.
    fn insert(&mut self, delivery: &Delivery<'_>, each: bool) -> Result<Vec<usize>, rusqlite::Error> {
        let spool = self.spool;
        let name = self.name.clone();
        let mut transaction = self.connection()?.transaction()?;
        let mut refused = Vec::new();
        for (at, item) in delivery.items().iter().enumerate() {
            if !each {
                insert_samples(&transaction, *item)?;
                continue;
            }
            let event = transaction.savepoint()?;
            match insert_samples(&event, *item) {
                Ok(()) => event.commit()?,
                // With all samples of the event: dropping it takes it back.
                Err(error) if is_refusal(&error) => refused.push(at),
                Err(error) => return Err(error),
            }
        }
        let next = delivery.items().last().map(|last| last.sequence() + 1);
        if let (Some(spool), Some(next)) = (spool, next) {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO monitor_cursor VALUES (?1, ?2, ?3)")?
                .execute(params![spool.cast_signed(), name.as_str(), next.cast_signed()])?;
        }
        transaction.commit()?;
        self.next = next.or(self.next);
        Ok(refused)
    }
}

/// Tells a file from another one of its name.
#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|metadata| metadata.ino())
}

/// Renames a database and what is beside it; gives back its new name.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let mut names = (1..).map(|at| path.with_added_extension(format!("damaged-{at}")));
    let aside = names.find(|name| !name.exists()).expect("there are more numbers than files");
    for suffix in ["-wal", "-shm", ""] {
        let with_suffix = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            name
        };
        match std::fs::rename(with_suffix(path), with_suffix(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn insert_samples(connection: &Connection, item: Item<'_>) -> Result<(), rusqlite::Error> {
    let samples = item.samples();
    if samples.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(INSERT)?;
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

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether it is the event that the table does not take.
fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}

/// Whether no other try can go better.
fn is_hopeless(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}
