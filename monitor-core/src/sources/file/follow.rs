//! Files that are read as they grow: through rename-and-create, truncation and late creation.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::component::{BoxError, Source};
use crate::pipeline::{Emitter, Place, Stopped};
use crate::read::{Lines, Next, Refusal, expand, packing};

/// A file that was renamed or removed is read on until it has not grown for so long.
const GRACE: Duration = Duration::from_secs(10);

pub(super) struct FollowSource {
    paths: Vec<PathBuf>,
    poll: Duration,
    tails: Vec<Tail>,
    /// Where an earlier process was with files that have not been seen yet.
    saved: Vec<Saved>,
    /// Said once, until it can be read again.
    complained: HashSet<PathBuf>,
}

impl FollowSource {
    pub(super) fn new(paths: Vec<PathBuf>, poll: Duration) -> Self {
        Self { paths, poll, tails: Vec::new(), saved: Vec::new(), complained: HashSet::new() }
    }
}

impl Source for FollowSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let kept = out.saved_positions();
        let goes_on = kept.is_some();
        self.saved =
            kept.unwrap_or_default().iter().filter_map(|(_, value)| serde_json::from_str(value).ok()).collect();
        self.find_renamed(out)?;
        while !out.stopped() {
            self.look(out)?;
            out.flush()?;
            out.note_caught_up();
            std::thread::park_timeout(self.poll);
        }
        // What stands at the end without a line break will not be finished any more, unless the next process goes on there.
        for tail in self.tails.iter_mut().filter(|_| !goes_on) {
            tail.read(out, true)?;
        }
        Ok(())
    }

    fn endless(&self) -> bool {
        true
    }
}

impl FollowSource {
    /// Goes on with files that were renamed since an earlier process read them: their rest is not under our paths any more,
    /// but, as files are rotated, beside them.
    fn find_renamed(&mut self, out: &mut Emitter) -> Result<(), Stopped> {
        let ours = expand(&self.paths);
        let known: HashSet<FileId> =
            ours.iter().filter_map(|path| path.metadata().ok()).map(|metadata| FileId::of(&metadata)).collect();
        let known_before: HashSet<FileId> = self.saved.iter().map(|saved| saved.id).collect();
        let (named, renamed) = std::mem::take(&mut self.saved).into_iter().partition(|saved| known.contains(&saved.id));
        self.saved = named;
        for saved in renamed {
            let folder = saved.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let mut files = std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
            // Looked at before it is opened: a pipe would wait for somebody to write.
            let found = files.find_map(|entry| {
                let metadata = entry.metadata().ok().filter(Metadata::is_file)?;
                (FileId::of(&metadata) == saved.id).then_some((entry.path(), File::open(entry.path()).ok()?))
            });
            match found {
                // It goes by its name still, which is not among ours any more.
                Some((path, _)) if path == saved.path => self.saved.push(saved),
                Some((path, file)) if saved.is_of(&file) => {
                    let mut tail = Tail::new(saved.id, path, file, Some(&saved));
                    tail.read(out, false)?;
                    self.tails.push(tail);
                }
                _ if ours.contains(&saved.path)
                    && let Some(id) = saved.id_now(&known_before) =>
                {
                    out.set_position(&saved.id.to_string(), None);
                    self.saved.push(Saved { id, ..saved });
                }
                _ => {
                    tracing::warn!(
                        "`{}`, as it was read up to byte {}, is gone: what it had behind that is not known",
                        saved.path.display(),
                        saved.offset
                    );
                    out.set_position(&saved.id.to_string(), None);
                }
            }
        }
        Ok(())
    }

    /// Reads what has come: first of the files that are known, whatever they are called now, then of new ones.
    fn look(&mut self, out: &mut Emitter) -> Result<(), Stopped> {
        for tail in &mut self.tails {
            tail.look_for_truncation();
            tail.read(out, false)?;
        }
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for path in expand(&self.paths) {
            match File::open(&path).and_then(|file| Ok((FileId::of(&file.metadata()?), file))) {
                Ok((id, file)) => {
                    self.complained.remove(&path);
                    seen.insert(id);
                    let by_name = seeded_bug!("rotation_missed");
                    match self.tails.iter_mut().find(|tail| if by_name { tail.path == path } else { tail.id == id }) {
                        Some(tail) => tail.path = path,
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
                out.set_position(&tail.id.to_string(), None);
            }
        }
        self.tails.retain(|tail| tail.nameless < GRACE);
        for (id, path, file) in new {
            let saved = self.saved.iter().position(|saved| saved.id == id).map(|at| self.saved.swap_remove(at));
            let saved = saved.filter(|saved| saved.is_of(&file));
            let mut tail = Tail::new(id, path, file, saved.as_ref());
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
    /// Its first bytes, as far as they were looked at.
    head: Head,
    /// How long it has had no name among ours, and has not grown.
    nameless: Duration,
    /// It cannot be followed; why was said.
    given_up: bool,
    /// It could not be read, which was said: it is opened again.
    broken: bool,
    /// How long it was when it was looked at last.
    length: u64,
}

impl Tail {
    /// Goes on where an earlier process was.
    fn new(id: FileId, path: PathBuf, mut file: File, saved: Option<&Saved>) -> Self {
        let saved = saved.filter(|saved| file.seek(SeekFrom::Start(saved.offset)).is_ok());
        let lines = Lines::new(BufReader::with_capacity(64 << 10, file));
        Self {
            id,
            path,
            lines: match saved {
                Some(saved) => lines.going_on(saved.lines, saved.offset, saved.skipping),
                None => lines,
            },
            head: saved.map(|saved| saved.head).unwrap_or_default(),
            nameless: Duration::ZERO,
            given_up: false,
            broken: false,
            length: 0,
        }
    }

    /// Says how far it is read.
    fn note(&mut self, out: &mut Emitter) {
        if out.saved_positions().is_none() {
            return;
        }
        let half = seeded_bug!("position_behind_half_a_line");
        let offset = if half { self.lines.position() } else { self.lines.handed_out() };
        let saved = Saved {
            path: self.path.clone(),
            id: self.id,
            offset,
            lines: self.lines.number(),
            skipping: self.lines.skipping(),
            head: self.head,
        };
        out.set_position(
            &self.id.to_string(),
            Some(serde_json::to_string(&saved).expect("paths and numbers are JSON")),
        );
    }

    /// If it was truncated, it is read from its beginning: it is shorter than what was read of it, or has grown beyond that
    /// since, and begins otherwise.
    fn look_for_truncation(&mut self) {
        let file = self.lines.reader().get_ref();
        let length = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
        let moved = std::mem::replace(&mut self.length, length) != length;
        let shorter = length < self.lines.position();
        let begins_otherwise =
            || moved && self.head.length > 0 && Head::of(file, self.head.length).is_some_and(|now| now != self.head);
        if self.given_up || seeded_bug!("truncation_missed") || !(shorter || begins_otherwise()) {
            return;
        }
        tracing::info!("`{}` was truncated: it is read from its beginning", self.path.display());
        self.head = Head::default();
        if let Err(error) = self.lines.restart() {
            self.give_up(&error);
        }
    }

    /// Looks at its first bytes, as far as they are read.
    fn learn_head(&mut self) {
        let length = self.lines.handed_out().min(Head::LENGTH);
        if self.head.length < length {
            self.head = Head::of(self.lines.reader().get_ref(), length).unwrap_or_default();
        }
    }

    /// Reads what there is; a line without a line break only if nothing more can come (`last`).
    fn read(&mut self, out: &mut Emitter, last: bool) -> Result<(), Stopped> {
        if self.lines.position() == 0
            && let Some(packing) = self.lines.reader_mut().fill_buf().ok().and_then(packing)
        {
            // Rotated logs are compressed after a while; who means it reads it once.
            self.given_up = true;
            let path = self.path.display();
            tracing::info!(
                "`{path}` is {packing}, which does not grow by lines: it is not followed (read it with follow = false)"
            );
        }
        if self.broken && !self.open_again() {
            return Ok(());
        }
        let before = self.lines.handed_out();
        while !self.given_up && (last || !out.stopped()) {
            let place = Place { file: Some(&self.path), line: Some(self.lines.number() + 1) };
            let full = match self.lines.next(last) {
                Ok(Next::Line(line)) => out.hold_line(line, place),
                Ok(Next::TooLong(head)) => {
                    out.refuse(&Refusal::too_long(), head, place);
                    false
                }
                Ok(Next::End) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let path = self.path.display();
                    tracing::error!("failed to read `{path}`, it is opened again: {error}");
                    self.broken = true;
                    break;
                }
            };
            if full {
                self.learn_head();
                self.note(out);
                out.flush()?;
            }
        }
        if self.lines.handed_out() != before {
            self.learn_head();
            self.note(out);
        }
        Ok(())
    }

    /// Goes on in the file opened anew, behind the last whole line, if it can be had. What was read of the next one is not
    /// to be relied on.
    fn open_again(&mut self) -> bool {
        let offset = self.lines.handed_out();
        let opened = File::open(&self.path).and_then(|mut file| {
            let id = FileId::of(&file.metadata()?);
            file.seek(SeekFrom::Start(offset))?;
            Ok((id, file))
        });
        let Some((_, file)) = opened.ok().filter(|(id, _)| *id == self.id) else { return false };
        let lines = Lines::new(BufReader::with_capacity(64 << 10, file));
        self.lines = lines.going_on(self.lines.number(), offset, self.lines.skipping());
        self.broken = false;
        true
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

/// Where an earlier process was with a file.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    path: PathBuf,
    id: FileId,
    offset: u64,
    lines: u64,
    /// It was in the midst of a line that was too long.
    #[serde(default)]
    skipping: bool,
    head: Head,
}

impl Saved {
    /// Whether a file of this identity is the same still: it has grown at most. One that was truncated, or whose place
    /// another one has taken, is read from its beginning.
    fn is_of(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| metadata.len() >= self.offset)
            && (self.head.length == 0 || Head::of(file, self.head.length) == Some(self.head))
    }

    /// What its file is known by now: where file systems are mounted anew, the same file may get another identity.
    fn id_now(&self, others: &HashSet<FileId>) -> Option<FileId> {
        let file = File::open(&self.path).ok()?;
        let id = FileId::of(&file.metadata().ok()?);
        (self.head.length > 0 && self.is_of(&file) && !others.contains(&id)).then_some(id)
    }
}

/// The checksum of the first bytes of a file: identities are given to new files once the old ones are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    length: u64,
    crc: u32,
}

impl Head {
    const LENGTH: u64 = 1_024;

    #[cfg(unix)]
    fn of(file: &File, length: u64) -> Option<Self> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; usize::try_from(length.min(Self::LENGTH)).ok()?];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Some(Self { length, crc: crc32fast::hash(&bytes) })
    }

    #[cfg(not(unix))]
    fn of(_: &File, _: u64) -> Option<Self> {
        None
    }
}

/// What tells a file from another one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct FileId(u64, u64);

impl std::fmt::Display for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

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
