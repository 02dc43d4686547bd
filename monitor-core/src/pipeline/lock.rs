//! One process a data folder: the lock dies with its process, whatever ends it.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Its name in the data folder.
const LOCK_FILE: &str = "lock";

/// A data folder that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("take the data folder `{}`: {holder} has it; end it first, or give this one another `data_dir`", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The lock cannot be made.
    #[error("lock the data folder: `{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Whether a process has the data folder.
///
/// # Errors
/// When the lock cannot be looked at.
pub fn is_held(folder: &Path) -> Result<bool, LockError> {
    let path = folder.join(LOCK_FILE);
    let failed = |error| LockError::Io { path: path.clone(), error };
    match File::open(&path) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// A data folder of one's own, for as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing it lets go of the lock; the file stays, for a new one in its place could be locked beside it.
    _file: File,
}

impl Lock {
    /// Takes the folder, which must be there.
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let failed = |error| LockError::Io { path: path.clone(), error };
        if seeded_bug!("lock_by_existence") && path.exists() {
            return Err(LockError::Held { folder: folder.to_owned(), holder: "another process".to_owned() });
        }
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
        // Whoever only looks whether it is held has it for a moment.
        let mut tries = 0..10;
        let locked = loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if tries.next().is_some() => {
                    std::thread::park_timeout(std::time::Duration::from_millis(10));
                }
                locked => break locked,
            }
        };
        match locked {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                drop(file.read_to_string(&mut holder));
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                };
                return Err(LockError::Held { folder: folder.to_owned(), holder });
            }
        }
        // Only for the message of the next one: a full disk does not matter.
        drop(file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))));
        drop(writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}
