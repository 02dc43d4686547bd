//! `sqlite`: the store of record in one file. The sink writes every event as a row, exactly once; the source reads them back.
//!
//! How far the sink is stands in the database too, in the same transaction as the rows: whenever the process ends, both are
//! there or neither is.

mod error;
pub mod read;
mod schema;
#[cfg(test)]
mod tests;
pub mod write;

use std::path::{Path, PathBuf};

use monitor_core::Text;
use monitor_core::bus::Durability;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Resource, Resume, Resumed, Sink, SinkConfig,
    SinkDefinition, Validate,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::error::Error;
pub use self::schema::{APPLICATION_ID, VERSION};
use self::schema::{open, with_suffix};
use self::write::{Rows, Statements, is_refusal};
use crate::path::names_a_file;

/// The definition of `type = "sqlite"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "sqlite",
    "keeps every event in an SQLite database, exactly once, with views to ask",
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
        &[Content::Events, Content::Samples]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let path = context.dirs.output(&self.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        }
        let durability = context.durability;
        let connection = match open(&path, durability) {
            // Whether it is ours, and may be set aside, is known once it is resumed.
            Err(error) if durability > Durability::L0 && error.is_damage() => None,
            // It is opened when there is something to write.
            Err(error) if error.is_busy() => None,
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
            content: context.content,
            rows: Rows::default(),
            spool: None,
            next: None,
        }))
    }
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
    content: Content,
    rows: Rows,
    /// The spool that numbers what it is given, if there is one.
    spool: Option<u64>,
    /// It has all events before this one.
    next: Option<u64>,
}

impl Sink for SqliteSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.look_for_name();
        let error = match self.insert(delivery, false) {
            Err(Error::Sqlite(error)) if is_refusal(&error) => match self.insert(delivery, true) {
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
        if self.spool.is_some() && error.is_damage() {
            if !std::mem::replace(&mut self.suspected, true) {
                // A read that failed for once looks the same: it is opened anew, and looked at again.
                self.connection = None;
                return Answer::retry(error);
            }
            let renewed = self.renew(&error);
            return Answer::retry(renewed.err().unwrap_or_else(|| error.into()));
        }
        if error.is_damage() {
            // Nobody knows whether it is ours, and no other try can go better.
            return Answer::Fatal(error.into());
        }
        match error.code() {
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
        let look = |sink: &mut Self| Ok(cursor(sink.connection()?, from.spool, &name)?);
        let read = look(self).or_else(|error: Error| {
            if !error.is_damage() {
                return Err(error);
            }
            // A read that failed for once looks the same.
            self.connection = None;
            look(self)
        });
        self.next = match read {
            Err(error) if noted.is_some() && error.is_damage() => {
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

    fn connection(&mut self) -> Result<&mut Connection, Error> {
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
        if let Some(connection) = &self.connection
            && self.inode != inode(&self.path)
        {
            // Its log has kept its name: what is in it goes with the file, and must not be taken for that of the next one.
            drop(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
            self.connection = None;
            tracing::info!(sink = %self.name, "`{}` was moved, or removed: a new one is begun", self.path.display());
        }
    }

    #[cfg(not(unix))]
    fn look_for_name(&mut self) {}

    /// Sets a damaged database aside, with whatever is in it, and goes on in a new one.
    fn renew(&mut self, error: &Error) -> Result<(), BoxError> {
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

    /// All of them, or none; or, `each`, those that the tables take. Gives back the places of the others.
    fn insert(&mut self, delivery: &Delivery<'_>, each: bool) -> Result<Vec<usize>, Error> {
        self.connection()?;
        let Self { connection: Some(connection), rows, .. } = self else { unreachable!("it was opened just now") };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut statements = Statements::prepare(&transaction)?;
        let mut id = statements.last_id()?;
        let mut refused = Vec::new();
        for (at, item) in delivery.items().iter().enumerate() {
            if !each {
                rows.insert(&mut statements, &mut id, *item, self.content)?;
                continue;
            }
            // With all rows of the event.
            match statements.all_or_nothing(|statements| rows.insert(statements, &mut id, *item, self.content)) {
                Err(error) if is_refusal(&error) => refused.push(at),
                inserted => inserted?,
            }
        }
        let next = delivery.items().last().map(|last| last.sequence() + 1);
        if let (Some(spool), Some(next)) = (self.spool, next)
            && !monitor_core::seeded_bug!("cursor_not_in_transaction")
        {
            statements.note(spool, &self.name, next)?;
        }
        drop(statements);
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
        match std::fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
