//! What a run leaves for the next one: the store, and where the rules stand.
//!
//! The file is eight bytes of name, the version, the length and the CRC-32 of what follows (little-endian), and that: the
//! store and the states in postcard's form (<https://postcard.jamesmunns.com/wire-format>). It appears whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::alerting::SavedState;
use crate::store::{Limits, SavedStore, Store, Unusable};

/// The file in the data folder.
pub(super) const SNAPSHOT_FILE: &str = "snapshot.bin";

const NAME: [u8; 8] = *b"monitor\0";
const VERSION: u32 = 4;
/// Name, version, length, checksum.
const HEAD: usize = 8 + 4 + 8 + 4;

#[derive(Serialize, Deserialize)]
pub(crate) struct Snapshot {
    store: SavedStore,
    rules: Vec<SavedState>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no snapshot")]
    Foreign,
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u32),
    #[error("it is cut off or damaged")]
    Damaged,
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl Snapshot {
    pub(crate) fn new(store: &Store, rules: Vec<SavedState>) -> Self {
        Self { store: store.saved(), rules }
    }

    /// Writes the file, beside the old one until it is whole.
    pub(super) fn write(&self, path: &Path) -> Result<(), SnapshotError> {
        let content = postcard::to_allocvec(self).map_err(|_| SnapshotError::Damaged)?;
        let head = head_of(&content);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let part = path.with_added_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(&head)?;
        file.write_all(&content)?;
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        // The new name is not safe before its folder is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (head, content) = bytes.split_at_checked(HEAD).ok_or(SnapshotError::Foreign)?;
        let number = |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        if head[..8] != NAME {
            return Err(SnapshotError::Foreign);
        }
        if number(8) != VERSION {
            return Err(SnapshotError::Version(number(8)));
        }
        let length = u64::from(number(12)) | u64::from(number(16)) << 32;
        if length != content.len() as u64 || number(20) != crc32fast::hash(content) {
            return Err(SnapshotError::Damaged);
        }
        postcard::from_bytes(content).map_err(|_| SnapshotError::Damaged)
    }

    /// The store and the states of a file's bytes.
    pub(crate) fn restored(bytes: &[u8], limits: &Limits) -> Result<(Store, Vec<SavedState>), SnapshotError> {
        let Self { store, rules } = Self::parse(bytes)?;
        Ok((Store::restored(limits.clone(), store)?, rules))
    }
}

pub(crate) fn head_of(content: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(&NAME);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&(content.len() as u64).to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    head
}

/// The store and the states of a file, if there is one. One that cannot be used is set aside, with a word about it: a
/// start always goes on.
pub(super) fn restore(path: &Path, limits: &Limits) -> Option<(Store, Vec<SavedState>)> {
    let restored = std::fs::read(path).map_err(SnapshotError::Io);
    match restored.and_then(|bytes| Snapshot::restored(&bytes, limits)) {
        Ok(restored) => Some(restored),
        Err(SnapshotError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let aside = free_name(path);
            match std::fs::rename(path, &aside) {
                Ok(()) => tracing::warn!(
                    "failed to read the snapshot `{}`: {error}; it is now `{}`, and the store begins empty",
                    path.display(),
                    aside.display()
                ),
                Err(_) => {
                    tracing::warn!("failed to read the snapshot `{}`: {error}; the store begins empty", path.display());
                }
            }
            None
        }
    }
}

fn free_name(path: &Path) -> PathBuf {
    let names = (1..).map(|at| path.with_added_extension(format!("unusable-{at}")));
    names.into_iter().find(|name| !name.exists()).expect("there are more numbers than files")
}
