//! Why a database cannot be used: what SQLite says, and what it cannot know.

use std::fmt;

use rusqlite::{ErrorCode, ffi};

use super::schema::VERSION;
use super::write::is_known_id;

/// Why a database cannot be used.
#[derive(Debug)]
pub enum Error {
    /// What SQLite says.
    Sqlite(rusqlite::Error),
    /// It has the tables of another application, which are not touched.
    Foreign {
        /// Its tables, views and indices.
        tables: Vec<String>,
    },
    /// It was made by a newer version of this program, and is not touched.
    Newer {
        /// The version of its tables.
        version: i32,
    },
    /// It is ours, and not as it should be.
    Damaged(String),
    /// There is no database that could be used.
    Unusable(String),
    /// What the system says of the file.
    Io(std::io::Error),
}

impl Error {
    /// What SQLite calls it.
    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
            || matches!(self.code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
            || matches!(self, Self::Sqlite(error) if is_known_id(error) || is_cut_short(error))
    }

    /// Whether somebody else is at it.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }
}

/// Whether the file ends before what its log says of it: the system had fewer bytes than were asked for.
fn is_cut_short(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Foreign { tables } if tables.is_empty() => {
                f.write_str("it belongs to another application, and is left as it is: choose another `path`")
            }
            Self::Foreign { tables } => {
                let few: Vec<&str> = tables.iter().take(3).map(String::as_str).collect();
                let more = if tables.len() > few.len() { ", …" } else { "" };
                let few = few.join("`, `");
                write!(
                    f,
                    "it belongs to another application (there is `{few}`{more}), and is left as it is: choose another `path`"
                )
            }
            Self::Newer { version } => write!(
                f,
                "its tables have version {version}, and this program knows versions up to {VERSION}: use the program that made \
                 it, or choose another `path`"
            ),
            Self::Damaged(error) | Self::Unusable(error) => f.write_str(error),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) => std::error::Error::source(error),
            Self::Io(error) => std::error::Error::source(error),
            _ => None,
        }
    }
}
