//! Files that are read as they grow: through rename-and-create, truncation and late creation.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::expand;
use crate::component::{BoxError, Source};
use crate::pipeline::{Emitter, Place, Stopped};
use crate::read::{Lines, Next, Refusal};

pub(super) struct FollowSource {
    paths: Vec<PathBuf>,
    poll: Duration,
    tails: BTreeMap<PathBuf, Tail>,
}

impl FollowSource {
    pub(super) fn new(paths: Vec<PathBuf>, poll: Duration) -> Self {
        Self { paths, poll, tails: BTreeMap::new() }
    }
}

impl Source for FollowSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        while !out.stopped() {
            for path in expand(&self.paths) {
                let tail = self.tails.entry(path.clone()).or_default();
                tail.read(&path, out)?;
            }
            out.flush()?;
            std::thread::park_timeout(self.poll);
        }
        // What stands at the end without a line break will not be finished any more.
        for (path, tail) in &mut self.tails {
            tail.finish(path, out)?;
        }
        Ok(())
    }
}

/// The file that was last seen under a path.
#[derive(Default)]
struct Tail {
    open: Option<(FileId, Lines<BufReader<File>>)>,
    /// Said once, until it can be read again.
    complained: bool,
}

impl Tail {
    /// Reads what has come. A file that was renamed is read to its end before the new one of its name is begun.
    fn read(&mut self, path: &Path, out: &mut Emitter) -> Result<(), Stopped> {
        if self.open.is_some() {
            self.read_open(path, out, false)?;
        }
        let known = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.complain(path, &error);
                return Ok(());
            }
        };
        let id = FileId::of(&known);
        match &mut self.open {
            Some((open, lines)) if *open == id => {
                if known.len() < lines.position() {
                    tracing::info!("`{}` was truncated: it is read from its beginning", path.display());
                    if let Err(error) = lines.restart() {
                        self.complain(path, &error);
                    }
                    return self.read_open(path, out, false);
                }
                Ok(())
            }
            Some(_) => {
                // Between the last read and the rename more may have come.
                self.read_open(path, out, true)?;
                self.begin(path, id, out)
            }
            None => self.begin(path, id, out),
        }
    }

    fn begin(&mut self, path: &Path, id: FileId, out: &mut Emitter) -> Result<(), Stopped> {
        match File::open(path) {
            Ok(file) => {
                self.complained = false;
                self.open = Some((id, Lines::new(BufReader::with_capacity(64 << 10, file))));
                self.read_open(path, out, false)
            }
            Err(error) => {
                self.open = None;
                self.complain(path, &error);
                Ok(())
            }
        }
    }

    fn finish(&mut self, path: &Path, out: &mut Emitter) -> Result<(), Stopped> {
        self.read_open(path, out, true)
    }

    fn read_open(&mut self, path: &Path, out: &mut Emitter, last: bool) -> Result<(), Stopped> {
        let Some((_, lines)) = &mut self.open else {
            return Ok(());
        };
        while last || !out.stopped() {
            let place = Place { file: Some(path), line: Some(lines.number() + 1) };
            match lines.next(last) {
                Ok(Next::Line(line)) => out.line(line, place)?,
                Ok(Next::TooLong(head)) => out.refuse(&Refusal::too_long(), head, place),
                Ok(Next::End) => break,
                Err(error) => {
                    self.complain(path, &error);
                    break;
                }
            }
        }
        Ok(())
    }

    fn complain(&mut self, path: &Path, error: &std::io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!("`{}` cannot be read, it is waited for: {error}", path.display());
        }
    }
}

impl Lines<BufReader<File>> {
    /// Begins again at the start of the file.
    fn restart(&mut self) -> std::io::Result<()> {
        self.reader_mut().seek(SeekFrom::Start(0))?;
        self.reset();
        Ok(())
    }
}

/// What tells a file from another one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    /// Elsewhere the time of creation has to do.
    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let created = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self(0, created.map_or(0, |since| since.as_nanos() as u64))
    }
}
