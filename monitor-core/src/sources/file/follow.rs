//! Files that are read as they grow: through rename-and-create, truncation and late creation.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use super::expand;
use crate::component::{BoxError, Source};
use crate::pipeline::{Emitter, Place, Stopped};
use crate::read::{Lines, Next, Refusal};

/// A file that was renamed or removed is read on until it has not grown for so long.
const GRACE: Duration = Duration::from_secs(10);

pub(super) struct FollowSource {
    paths: Vec<PathBuf>,
    poll: Duration,
    tails: Vec<Tail>,
    /// Said once, until it can be read again.
    complained: HashSet<PathBuf>,
}

impl FollowSource {
    pub(super) fn new(paths: Vec<PathBuf>, poll: Duration) -> Self {
        Self { paths, poll, tails: Vec::new(), complained: HashSet::new() }
    }
}

impl Source for FollowSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        while !out.stopped() {
            self.look(out)?;
            out.flush()?;
            std::thread::park_timeout(self.poll);
        }
        // What stands at the end without a line break will not be finished any more.
        for tail in &mut self.tails {
            tail.read(out, true)?;
        }
        Ok(())
    }

    fn endless(&self) -> bool {
        true
    }
}

impl FollowSource {
    /// Reads what has come: first of the files that are known, whatever they are called now, then of new ones.
    fn look(&mut self, out: &mut Emitter) -> Result<(), Stopped> {
        for tail in &mut self.tails {
            tail.read(out, false)?;
        }
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for path in expand(&self.paths) {
            match File::open(&path).and_then(|file| Ok((FileId::of(&file.metadata()?), file))) {
                Ok((id, file)) => {
                    self.complained.remove(&path);
                    seen.insert(id);
                    match self.tails.iter_mut().find(|tail| tail.id == id) {
                        Some(tail) => tail.seen_as(path, out)?,
                        None => new.push((id, path, file)),
                    }
                }
                Err(error) => {
                    if self.complained.insert(path.clone()) {
                        tracing::info!("waiting for `{}`: {error}", path.display());
                    }
                }
            }
        }
        // A file that has no name among ours any more is read to its end before the one that took its name is begun; and
        // on, for whoever writes to it may not know yet that it was renamed.
        for tail in &mut self.tails {
            let before = tail.lines.position();
            if seen.contains(&tail.id) {
                tail.nameless = Duration::ZERO;
                continue;
            }
            tail.read(out, false)?;
            tail.nameless = if tail.lines.position() == before { tail.nameless + self.poll } else { Duration::ZERO };
            if tail.nameless >= GRACE {
                tail.read(out, true)?;
            }
        }
        self.tails.retain(|tail| tail.nameless < GRACE);
        for (id, path, file) in new {
            let mut tail = Tail::new(id, path, file);
            tail.read(out, false)?;
            self.tails.push(tail);
        }
        Ok(())
    }
}

/// A file that is followed, under whatever name.
struct Tail {
    id: FileId,
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    /// How long it has had no name among ours, and has not grown.
    nameless: Duration,
    /// It cannot be followed; why was said.
    given_up: bool,
}

impl Tail {
    fn new(id: FileId, path: PathBuf, file: File) -> Self {
        Self {
            id,
            path,
            lines: Lines::new(BufReader::with_capacity(64 << 10, file)),
            nameless: Duration::ZERO,
            given_up: false,
        }
    }

    /// The file goes by this name now. If it is shorter than what was read of it, it was truncated.
    fn seen_as(&mut self, path: PathBuf, out: &mut Emitter) -> Result<(), Stopped> {
        self.path = path;
        let length = self.lines.reader().get_ref().metadata().map_or(u64::MAX, |metadata| metadata.len());
        if length >= self.lines.position() || self.given_up {
            return Ok(());
        }
        tracing::info!("`{}` was truncated: it is read from its beginning", self.path.display());
        match self.lines.restart() {
            Ok(()) => self.read(out, false),
            Err(error) => {
                self.give_up(&error);
                Ok(())
            }
        }
    }

    /// Reads what there is; a line without a line break only if nothing more can come (`last`).
    fn read(&mut self, out: &mut Emitter, last: bool) -> Result<(), Stopped> {
        if self.lines.position() == 0
            && self.lines.reader_mut().fill_buf().is_ok_and(|head| head.starts_with(&[0x1f, 0x8b]))
        {
            self.give_up(&"it is gzip, which does not grow by lines: read it with follow = false");
        }
        while !self.given_up && (last || !out.stopped()) {
            let place = Place { file: Some(&self.path), line: Some(self.lines.number() + 1) };
            match self.lines.next(last) {
                Ok(Next::Line(line)) => out.line(line, place)?,
                Ok(Next::TooLong(head)) => out.refuse(&Refusal::too_long(), head, place),
                Ok(Next::End) => break,
                Err(error) => self.give_up(&error),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, why: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.given_up, true) {
            tracing::error!("failed to follow `{}`: {why}", self.path.display());
        }
    }
}

impl Lines<BufReader<File>> {
    /// Begins again at the start of the file.
    fn restart(&mut self) -> io::Result<()> {
        self.reader_mut().seek(SeekFrom::Start(0))?;
        self.reset();
        Ok(())
    }
}

/// What tells a file from another one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
