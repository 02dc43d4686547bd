//! Opening a recording, plain, gzip or zstd, with an error that says what to do.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::zstd::{ZstdReader, is_zstd};

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

/// Opens a file for reading lines; gzip and zstd are told by their first bytes, not by their names.
///
/// # Errors
/// When there is no such file, it is a folder, or the system refuses.
pub fn open_recording(path: &Path) -> Result<Box<dyn BufRead + Send>, OpenError> {
    open_told(path, |_| {})
}

/// The same, and tells how many bytes are read of the file, as it is packed.
pub(crate) fn open_told(
    path: &Path,
    tell: impl Fn(u64) + Send + 'static,
) -> Result<Box<dyn BufRead + Send>, OpenError> {
    let file = File::open(path).map_err(|error| OpenError::io(path, error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(OpenError::Folder { path: path.to_owned() });
    }
    let reader = BufReader::with_capacity(CHUNK, Told { file, tell });
    unpacked(reader).map_err(|error| OpenError::io(path, error))
}

/// A file that tells how many bytes are read of it.
struct Told<F> {
    file: File,
    tell: F,
}

impl<F: Fn(u64)> Read for Told<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.tell)(read as u64);
        Ok(read)
    }
}

/// What a file is packed as, by its first bytes.
pub(crate) fn packing(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("gzip"),
        head => is_zstd(head).then_some("zstd"),
    }
}

/// What a reader reads, without what it is packed in.
pub(crate) fn unpacked<R: BufRead + Send + 'static>(mut reader: R) -> io::Result<Box<dyn BufRead + Send>> {
    Ok(match packing(reader.fill_buf()?) {
        Some("gzip") => Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(reader))),
        Some(_) => Box::new(BufReader::with_capacity(CHUNK, ZstdReader::new(reader))),
        None => Box::new(reader),
    })
}
