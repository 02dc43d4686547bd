//! A file that lines are appended to: it stays open, and what the disk refuses is kept and tried again, whole.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use monitor_core::bus::Durability;
use monitor_core::component::{Answer, BoxError, Resume, Resumed, WritesInDoubt};

/// Lines are handed to the system by this much at a time.
const CHUNK: usize = 64 << 10;
/// While the disk refuses, this much is kept; then no more is accepted.
const KEPT: usize = 4 << 20;

/// So many bytes before a mark tell whether the file is the one that was marked.
const TAIL: u64 = 256;

/// A file that lines are appended to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    path: PathBuf,
    /// Lines that are not with the system yet; of the first one `done` bytes are.
    buffer: Vec<u8>,
    done: usize,
    /// Whether what is flushed must be safe from a loss of power.
    sync: bool,
    /// Where it was when that could be told last.
    mark: Option<Vec<u8>>,
}

impl AppendFile {
    /// Opens or creates the file, and the folders above it. A last line that was cut short is ended, so that it spoils
    /// only itself.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, BoxError> {
        let failed = |error| format!("`{}`: {error}", path.display());
        let is_new = !path.exists();
        let file = Self::open_file(path).map_err(failed)?;
        let sync = durability >= Durability::L2;
        if sync && is_new {
            // Or a loss of power takes its name.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        let mut append = Self { file, path: path.to_owned(), buffer: Vec::new(), done: 0, sync, mark: None };
        append.end_last_line();
        Ok(append)
    }

    fn end_last_line(&mut self) {
        if self.is_cut_short().unwrap_or(false) {
            self.buffer.push(b'\n');
        }
    }

    /// The length of the file, without what is not flushed, and which file it is: what [`resume`](Self::resume) cuts it
    /// off at.
    pub fn mark(&mut self) -> Option<Vec<u8>> {
        let mark = self.file.metadata().and_then(|metadata| self.mark_at(metadata.len()));
        match mark {
            Ok(mark) => self.mark = Some(format!("{} {} {}", mark.length, mark.file, mark.tail).into_bytes()),
            Err(error) => {
                let path = self.path.display();
                tracing::warn!("failed to look how far `{path}` is; after a crash, more may be written again: {error}");
            }
        }
        self.mark.clone()
    }

    /// Cuts off what was written after [`mark`](Self::mark) was asked for last: it is written again. Another file than it
    /// was is left as it is, for it holds what this sink has not written; one that is shorter has been cut by somebody.
    ///
    /// # Errors
    /// What the system says.
    pub fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        let length = self.file.metadata()?.len();
        match from.mark.and_then(Mark::parse) {
            Some(mark)
                if !monitor_core::seeded_bug!("tail_not_cut")
                    && !from.clean
                    && length > mark.length
                    && self.mark_at(mark.length)? == mark =>
            {
                let beyond = length - mark.length;
                tracing::info!("cuts off {beyond} bytes that an earlier process had written, and writes them again");
                self.file.set_len(mark.length)?;
            }
            Some(mark) if length < mark.length && identity(&self.file.metadata()?) == mark.file => tracing::warn!(
                "`{}` is {} bytes shorter than it was: what somebody has cut off, or taken away, is not written again",
                self.path.display(),
                mark.length - length
            ),
            _ => {}
        }
        (self.buffer, self.done) = (Vec::new(), 0);
        self.end_last_line();
        Ok(Resumed::AsNoted)
    }

    fn mark_at(&self, length: u64) -> io::Result<Mark> {
        let mut bytes = vec![0; TAIL.min(length) as usize];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(length - bytes.len() as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(Mark { length, file: identity(&file.metadata()?), tail: crc32fast::hash(&bytes) })
    }

    fn open_file(path: &Path) -> io::Result<File> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::options().create(true).append(true).read(true).open(path)
    }

    fn is_cut_short(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() == 0 {
            return Ok(false);
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }

    /// The buffer, to write whole lines into.
    pub fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Makes sure that there is room for more lines.
    ///
    /// # Errors
    /// If there is none and the disk refuses: the answer for the host.
    pub fn room(&mut self) -> Result<(), Answer> {
        if self.buffer.len() - self.done < KEPT {
            return Ok(());
        }
        self.hand_on().map_err(Answer::retry)
    }

    /// Hands the lines on if there are enough of them. What fails here fails again at the flush, which reports it.
    pub fn written(&mut self) {
        if self.buffer.len() - self.done >= CHUNK {
            drop(self.look_for_name().and_then(|()| self.hand_on()));
        }
    }

    /// Hands all lines to the system, and has it bring them home if they must be safe.
    ///
    /// # Errors
    /// What the system says; what it has not taken is kept.
    pub fn flush(&mut self) -> Result<(), BoxError> {
        self.look_for_name()?;
        self.hand_on()?;
        if self.sync {
            self.file.sync_data().map_err(WritesInDoubt)?;
        }
        Ok(())
    }

    /// If the file was renamed, as logs are rotated, or removed, a new one is begun under its name; the old one keeps what it
    /// has got.
    fn look_for_name(&mut self) -> io::Result<()> {
        // What was handed on by half goes on where it began.
        if self.done > 0 {
            return Ok(());
        }
        let now = match self.path.metadata() {
            Ok(metadata) => Some(identity(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if now == Some(identity(&self.file.metadata()?)) {
            return Ok(());
        }
        if self.sync {
            self.file.sync_data()?;
        }
        self.file = Self::open_file(&self.path)?;
        self.mark = None;
        tracing::info!("`{}` was moved, or removed: a new one is begun", self.path.display());
        Ok(())
    }

    fn hand_on(&mut self) -> io::Result<()> {
        while self.done < self.buffer.len() {
            match self.file.write(&self.buffer[self.done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.clear();
        self.done = 0;
        Ok(())
    }
}

/// A place in a file.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    length: u64,
    /// Which file it is on its device, whose number may change when the machine is started anew,
    file: String,
    /// and the checksum of its last bytes up to there, for a new file may be given the number of one that is gone.
    tail: u32,
}

impl Mark {
    fn parse(mark: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(mark).ok()?.split(' ');
        let (length, file, tail) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { length: length.parse().ok()?, file: file.to_owned(), tail: tail.parse().ok()? })
    }
}

/// What tells a file from another one, whatever they are called.
fn identity(metadata: &std::fs::Metadata) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.ino().to_string()
    }
    // Elsewhere the time at which it was made has to do.
    #[cfg(not(unix))]
    format!("{:?}", metadata.created().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(path: &Path, mark: Option<&[u8]>) -> String {
        let mut file = AppendFile::open(path, Durability::L1).expect("a folder of our own");
        assert_eq!(file.resume(&Resume { spool: 1, mark, clean: false }).expect("it can be cut off"), Resumed::AsNoted);
        std::fs::read_to_string(path).expect("it is there")
    }

    #[test]
    fn only_the_file_that_was_marked_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&ours, "kept\n").expect("a file");
        let mark = AppendFile::open(&ours, Durability::L1).expect("a file").mark();
        std::fs::write(&other, "of somebody else\n").expect("a file");
        std::fs::write(&ours, "kept\nwritten again\n").expect("a file");
        assert_eq!(resume(&ours, mark.as_deref()), "kept\n");
        assert_eq!(resume(&other, mark.as_deref()), "of somebody else\n");
        // Under the same number, as some file systems give it.
        std::fs::write(&ours, "of somebody else\n").expect("a file");
        assert_eq!(resume(&ours, mark.as_deref()), "of somebody else\n");
        assert_eq!(resume(&other, None), "of somebody else\n");
    }
}
