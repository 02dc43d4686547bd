//! Opening a recording, plain or gzip, with an error that says what to do.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// Files are read by this much at a time.
const CHUNK: usize = 256 << 10;

/// A file that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is a folder.
    #[error("`{path}` is a folder: name its files, for example \"{path}/*.jsonl\"")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// It is not there.
    #[error("`{path}` does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A glob that nothing matches.
    #[error("no file matches `{path}`")]
    NoMatch {
        /// The glob.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("`{path}` cannot be read: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::IsADirectory => Self::Folder { path },
            _ => Self::Io { path, error },
        }
    }
}

/// Opens a file for reading lines; gzip is told by its first bytes, not by its name.
///
/// # Errors
/// When there is no such file, it is a folder, or the system refuses.
pub fn open_recording(path: &Path) -> Result<Box<dyn BufRead + Send>, OpenError> {
    let file = File::open(path).map_err(|error| OpenError::io(path, error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(OpenError::Folder { path: path.to_owned() });
    }
    let reader = BufReader::with_capacity(CHUNK, file);
    unpacked(reader).map_err(|error| OpenError::io(path, error))
}

/// What a reader reads, without the gzip around it, if there is one.
pub(crate) fn unpacked<R: BufRead + Send + 'static>(mut reader: R) -> io::Result<Box<dyn BufRead + Send>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}
