//! Reads rows of the spool, while another connection writes.

use std::fmt;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};

use super::{rows, schema};
use crate::Text;
use crate::bus::{BacklogError, Batch, Draft};
use crate::read::LineParser;
use crate::sample::Deriver;

pub(super) struct Reader {
    path: PathBuf,
    /// None until it is opened again.
    connection: Option<Connection>,
    parser: LineParser,
    deriver: Deriver,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(path: PathBuf, connection: Connection, parser: LineParser, deriver: Deriver) -> Self {
        Self { path, connection: Some(connection), parser, deriver }
    }

    /// Lets go of the file, until something is read.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// The batch that holds this event, or the next one behind it that is whole; `None` if there is none.
    pub(super) fn batch(&mut self, sequence: u64) -> Result<Option<Batch>, BacklogError> {
        let Self { path, connection, parser, deriver } = self;
        let other = |error: rusqlite::Error| BacklogError(error.to_string());
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(schema::open_reader(path).map_err(other)?),
        };
        let mut from = sequence.cast_signed();
        loop {
            let (first, events) = match row(connection, from) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(error) if schema::is_damage(&error) => {
                    let path = path.display();
                    tracing::error!("the spool `{path}` is damaged: {error}; what cannot be read of it is lost");
                    return Ok(None);
                }
                Err(error) => return Err(other(error)),
            };
            match draft(connection, first, parser, deriver) {
                Ok(Some(draft)) if draft.len() as i64 == events => {
                    return Ok(Some(draft.numbered(first.cast_unsigned())));
                }
                Err(error) if !schema::is_damage(&error) => return Err(other(error)),
                // Whoever reads sees a gap, and counts it.
                _ => {
                    tracing::error!("the spool `{}` is damaged: {events} events are lost", path.display());
                    from = first + events;
                }
            }
        }
    }
}

/// From the row that may hold the event on, rather than from the first one: there may be many.
const ROW: &str = "SELECT first, events FROM batch
    WHERE first >= coalesce((SELECT max(first) FROM batch WHERE first <= ?1), 0) AND first + events > ?1
    ORDER BY first LIMIT 1";

/// The first event, and the number of events, of the first row that ends behind `from`.
fn row(connection: &Connection, from: i64) -> Result<Option<(i64, i64)>, rusqlite::Error> {
    connection.prepare_cached(ROW)?.query_row([from], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// The events of a row; `None` if they are not what was written.
fn draft(
    connection: &Connection,
    first: i64,
    parser: &mut LineParser,
    deriver: &mut Deriver,
) -> Result<Option<Draft>, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT crc, data, source FROM batch WHERE first = ?1")?;
    statement.query_row([first], |row| {
        let (crc, data) = (row.get::<_, u32>(0)?, row.get_ref(1)?.as_blob()?);
        let source = row.get_ref(2)?.as_str_or_null()?;
        let whole = crc == schema::checksum(source, data) || seeded_bug!("checksum_unchecked");
        let mut draft = whole.then(|| rows::decode(data, parser, deriver)).flatten();
        if let Some(draft) = &mut draft {
            draft.set_source(source.map(Text::new));
        }
        Ok(draft)
    })
}
