//! A file that lines are appended to: it stays open, and what the disk refuses is kept and tried again, whole.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use monitor_core::component::{Answer, BoxError, Resume, Resumed, WritesInDoubt};

/// Lines are handed to the system by this much at a time.
const CHUNK: usize = 64 << 10;
/// While the disk refuses, this much is kept; then no more is accepted.
pub const KEPT: usize = 4 << 20;

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
    /// With the system, of all.
    length: u64,
    /// Whether what is flushed must be safe from a loss of power, and is not yet.
    sync: bool,
    unsynced: bool,
    /// It was opened, or begun anew, and whoever has it does not know yet.
    begun: bool,
}

impl AppendFile {
    /// Opens or creates the file, and the folders above it. A last line that was cut short is ended, so that it spoils
    /// only itself. With `sync` all that is flushed is safe from a loss of power.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn open(path: &Path, sync: bool) -> Result<Self, BoxError> {
        let failed = |error| format!("`{}`: {error}", path.display());
        let is_new = !path.exists();
        let file = Self::open_file(path).map_err(failed)?;
        if sync && is_new {
            // Or a loss of power takes its name.
            sync_folder_of(path).map_err(failed)?;
        }
        let length = file.metadata().map_err(failed)?.len();
        let (path, buffer) = (path.to_owned(), Vec::new());
        let mut append = Self { file, path, buffer, done: 0, length, sync, unsynced: false, begun: true };
        append.end_last_line();
        Ok(append)
    }

    fn end_last_line(&mut self) {
        if self.is_cut_short().unwrap_or(false) {
            self.buffer.push(b'\n');
        }
    }

    /// The length of the file, without what is not flushed, and which file it is: what [`resume`](Self::resume) cuts it
    /// off at. None if that cannot be told: then nothing is cut off, for an older mark would take what counts as delivered.
    pub fn mark(&mut self) -> Option<Vec<u8>> {
        match self.place() {
            Ok(mark) => Some(mark.to_string().into_bytes()),
            Err(error) => {
                let path = self.path.display();
                tracing::warn!("failed to look how far `{path}` is: after a crash, more is written again: {error}");
                None
            }
        }
    }

    /// The same for whoever keeps marks of several files.
    ///
    /// # Errors
    /// What the system says.
    pub fn place(&self) -> io::Result<Mark> {
        let place = || self.file.metadata().and_then(|metadata| Mark::at(&self.file, metadata.len()));
        // What fails once may go well the second time.
        place().or_else(|_| place())
    }

    /// Cuts off what was written after [`mark`](Self::mark) was asked for last: it is written again. Another file than it
    /// was is left as it is, for it holds what this sink has not written; one that is shorter has been cut by somebody.
    ///
    /// # Errors
    /// What the system says.
    pub fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        if let Some(mark) = from.mark.and_then(|mark| Mark::parse(std::str::from_utf8(mark).ok()?)) {
            cut_off(&self.file, &self.path, &mark, from.clean)?;
        }
        self.length = self.file.metadata()?.len();
        (self.buffer, self.done) = (Vec::new(), 0);
        self.end_last_line();
        Ok(Resumed::AsNoted)
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

    /// How much is not with the system yet.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.done
    }

    /// How long the file is, or will be.
    pub fn length(&self) -> u64 {
        self.length + self.pending() as u64
    }

    /// When it was written to last.
    ///
    /// # Errors
    /// What the system says.
    pub fn modified(&self) -> io::Result<std::time::SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Makes sure that there is room for more lines.
    ///
    /// # Errors
    /// If there is none and the disk refuses: the answer for the host.
    pub fn room(&mut self) -> Result<(), Answer> {
        if self.pending() < KEPT {
            return Ok(());
        }
        self.hand_on().map_err(Answer::retry)
    }

    /// Whether there are enough lines to hand them on.
    pub fn is_full(&self) -> bool {
        self.pending() >= CHUNK
    }

    /// Hands the lines on if there are enough of them. What fails here fails again at the flush, which reports it.
    pub fn written(&mut self) {
        if self.is_full() {
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
        self.bring_home()
    }

    /// Has the system bring home what it was handed, if that must be safe.
    ///
    /// # Errors
    /// What the system says.
    pub fn bring_home(&mut self) -> Result<(), BoxError> {
        if self.sync && self.unsynced {
            self.file.sync_data().map_err(WritesInDoubt)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// If the file was renamed, as logs are rotated, or removed, a new one is begun under its name; the old one keeps what it
    /// has got.
    ///
    /// # Errors
    /// What the system says.
    pub fn look_for_name(&mut self) -> io::Result<()> {
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
        self.length = self.file.metadata()?.len();
        self.begun = true;
        tracing::info!("`{}` was moved, or removed: a new one is begun", self.path.display());
        Ok(())
    }

    /// Whether it was opened, or begun anew, since [`set_known`](Self::set_known).
    pub const fn has_begun(&self) -> bool {
        self.begun
    }

    /// That is known from now on.
    pub const fn set_known(&mut self) {
        self.begun = false;
    }

    /// Hands all lines to the system.
    ///
    /// # Errors
    /// What the system says; what it has not taken is kept.
    pub fn hand_on(&mut self) -> io::Result<()> {
        while self.done < self.buffer.len() {
            self.unsynced = true;
            match self.file.write(&self.buffer[self.done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.done += written;
                    self.length += written as u64;
                }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// In bytes.
    pub length: u64,
    /// Which file it is on its device, whose number may change when the machine is started anew,
    file: String,
    /// and the checksum of its last bytes up to there, for a new file may be given the number of one that is gone.
    tail: u32,
}

impl Mark {
    /// Reads what is written by `Display`; what stands behind it is left alone.
    pub fn parse(mark: &str) -> Option<Self> {
        let mut parts = mark.split(' ');
        let (length, file, tail) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { length: length.parse().ok()?, file: file.to_owned(), tail: tail.parse().ok()? })
    }

    fn at(mut file: &File, length: u64) -> io::Result<Self> {
        let mut bytes = vec![0; TAIL.min(length) as usize];
        file.seek(SeekFrom::Start(length - bytes.len() as u64))?;
        file.read_exact(&mut bytes)?;
        Ok(Self { length, file: identity(&file.metadata()?), tail: crc32fast::hash(&bytes) })
    }

    /// Whether it is of the same file as another one.
    pub fn is_of_file_of(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.length, self.file, self.tail)
    }
}

/// Cuts a file off at a mark, if it is the one that was marked; tells whether it is. If it is `clean`, what stands behind the
/// mark is somebody else's.
///
/// # Errors
/// What the system says.
pub fn cut_off(file: &File, path: &Path, mark: &Mark, clean: bool) -> io::Result<bool> {
    let metadata = file.metadata()?;
    let length = metadata.len();
    if identity(&metadata) != mark.file {
        return Ok(false);
    }
    if length < mark.length {
        tracing::warn!(
            "`{}` is {} bytes shorter than it was: what somebody has cut off, or taken away, is not written again",
            path.display(),
            mark.length - length
        );
        return Ok(false);
    }
    let is_it = Mark::at(file, mark.length)? == *mark;
    if is_it && length > mark.length && !clean && !monitor_core::seeded_bug!("tail_not_cut") {
        let beyond = length - mark.length;
        tracing::info!("cuts off {beyond} bytes that an earlier process had written, and writes them again");
        file.set_len(mark.length)?;
    }
    Ok(is_it)
}

/// Has the system bring home the names in the folder of a file.
///
/// # Errors
/// What the system says.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// What tells a file from another one, whatever they are called.
fn identity(metadata: &Metadata) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.ino().to_string()
    }
    // Elsewhere the time at which it was made has to do.
    #[cfg(not(unix))]
    format!("{:?}", metadata.created().ok()).replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(path: &Path, mark: Option<&[u8]>) -> String {
        let mut file = AppendFile::open(path, false).expect("a folder of our own");
        assert_eq!(file.resume(&Resume { spool: 1, mark, clean: false }).expect("it can be cut off"), Resumed::AsNoted);
        std::fs::read_to_string(path).expect("it is there")
    }

    #[test]
    fn only_the_file_that_was_marked_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&ours, "kept\n").expect("a file");
        let mark = AppendFile::open(&ours, false).expect("a file").mark();
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
