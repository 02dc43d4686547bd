//! Files that are read once, several of them as one, in the order of time.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::Timestamp;
use crate::bus::{Draft, ROWS, Room};
use crate::component::{BoxError, Source};
use crate::event::Body;
use crate::pipeline::{Emitter, Line, LineReader, Place, Stopped, merge_by_time};
use crate::read::{LineParser, Lines, Next, OpenError, Reason, Refusal, files_at, open_recording, open_told};

/// Of each file this many events are looked at before it is read.
const LOOKED_AT: usize = 20;
/// As many events are read ahead of the merge, of all files together; but of each file so many at least.
const AHEAD: usize = 65_536;
const FEWEST: usize = 16;
/// What an event without a timestamp gets while it is only looked at.
const NO_TIME: Timestamp = Timestamp::from_micros(i64::MIN);
/// An event this far ahead of the one before it must be confirmed by the one behind it.
const JUMP: Duration = Duration::from_secs(86_400);

pub(super) struct OnceSource {
    files: Vec<PathBuf>,
}

impl OnceSource {
    /// Finds the files and makes sure that each can be opened.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, OpenError> {
        let files = files_at(paths)?;
        for file in files.iter().filter(|file| !is_pipe(file)) {
            open_recording(file)?;
        }
        Ok(Self { files })
    }
}

impl Source for OnceSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let files = self.files_in_order(out.lines().parser())?;
        if files.iter().all(|(_, file)| !is_pipe(file)) {
            let length = |file: &PathBuf| file.metadata().map_or(0, |metadata| metadata.len());
            out.expect_to_read(files.iter().map(|(_, file)| length(file)).sum());
        }
        let failures = Failures::default();
        // All of them together hold no more than a few batches.
        let most = (AHEAD / files.len().max(1)).max(FEWEST);
        let streams = files
            .into_iter()
            .map(|(begins, path)| {
                (
                    begins,
                    FileDrafts::new(path, begins, most, out.lines().clone(), failures.clone(), Box::new(out.reads())),
                )
            })
            .collect();
        merge_by_time(streams, |draft| {
            out.emit_draft(draft)?;
            if out.stopped() { Err(Stopped) } else { Ok(()) }
        })?;
        failures.into_result()
    }
}

impl OnceSource {
    /// The files and when they begin, without those that tell again what others tell.
    fn files_in_order(&self, parser: &LineParser) -> Result<Vec<(Option<Timestamp>, PathBuf)>, BoxError> {
        let mut glances = Vec::with_capacity(self.files.len());
        for file in &self.files {
            glances.push((file, Glance::at(file, parser.clone())?));
        }
        let told: HashSet<Option<&Path>> =
            glances.iter().filter(|(_, glance)| glance.events).map(|(file, _)| file.parent()).collect();
        let told_twice =
            |file: &Path, glance: &Glance| glance.samples && !glance.events && told.contains(&file.parent());
        Ok(glances
            .into_iter()
            .filter(|(file, glance)| {
                let twice = told_twice(file, glance);
                if twice {
                    tracing::warn!(
                        "`{}` holds the samples of a run whose events are read beside it: it is skipped, for they \
                         would count twice",
                        file.display()
                    );
                }
                !twice
            })
            .map(|(file, glance)| (glance.begins, file.clone()))
            .collect())
    }
}

/// Whether it can be read only once, as `<(zcat recording.gz)` of a shell.
fn is_pipe(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// What the first events of a file tell about it.
#[derive(Debug, Default)]
struct Glance {
    begins: Option<Timestamp>,
    /// It holds generations or evaluations.
    events: bool,
    /// It holds samples that generations or evaluations yield.
    samples: bool,
}

impl Glance {
    fn at(file: &Path, mut parser: LineParser) -> Result<Self, BoxError> {
        let mut glance = Self::default();
        if is_pipe(file) {
            return Ok(glance);
        }
        let mut lines = Lines::new(open_recording(file)?);
        let mut seen = 0;
        // What cannot be read here is refused, or reported, when the file is read for good.
        while seen < LOOKED_AT {
            let line = match lines.next(true) {
                Ok(Next::Line(line)) => line,
                Ok(Next::TooLong(_)) => continue,
                Ok(Next::End) | Err(_) => break,
            };
            let Ok(Some(event)) = parser.parse(line, NO_TIME) else { continue };
            seen += 1;
            if event.time != NO_TIME {
                glance.begins.get_or_insert(event.time);
            }
            match &event.body {
                Body::Generation(_) | Body::Evaluation(_) => glance.events = true,
                Body::Metric(metric) => {
                    let derived = ["generation_time", "success_rate", "evaluation_time"];
                    glance.samples |= derived.contains(&metric.key.name.as_str());
                }
                Body::Log(_) | Body::Alert(_) => {}
            }
        }
        Ok(glance)
    }
}

/// Files that could not be read to their end.
#[derive(Clone, Default)]
struct Failures(Rc<RefCell<Vec<String>>>);

impl Failures {
    fn add(&self, path: &Path, error: &dyn std::fmt::Display) {
        self.0.borrow_mut().push(format!("`{}` cannot be read to its end: {error}", path.display()));
    }

    fn into_result(self) -> Result<(), BoxError> {
        let failures = self.0.take();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ").into()) }
    }
}

/// The events of a file, which is opened when the first are asked for.
struct FileDrafts {
    path: PathBuf,
    reader: LineReader,
    failures: Failures,
    lines: Option<Lines<Box<dyn BufRead + Send>>>,
    /// When the last event happened that is believed.
    last: Option<Timestamp>,
    /// Whether the last event is only believed if the one behind it confirms it.
    doubtful: bool,
    /// The last event, if it was doubtful and the draft was full.
    kept_back: Draft,
    done: bool,
    /// What the next draft will need.
    room: Room,
    /// Events of a draft.
    most: usize,
    /// Told of the bytes that are read.
    tell: Option<Box<dyn Fn(u64) + Send>>,
}

impl FileDrafts {
    fn new(
        path: PathBuf,
        begins: Option<Timestamp>,
        most: usize,
        mut reader: LineReader,
        failures: Failures,
        tell: Box<dyn Fn(u64) + Send>,
    ) -> Self {
        reader.begin_at(begins);
        Self {
            path,
            reader,
            failures,
            lines: None,
            last: None,
            doubtful: false,
            kept_back: Draft::default(),
            done: false,
            room: Room::default(),
            most,
            tell: Some(tell),
        }
    }

    /// Reads until there is enough, or to the end.
    fn read(&mut self, draft: &mut Draft) -> Result<(), BoxError> {
        let mut lines = if let Some(lines) = self.lines.take() {
            lines
        } else {
            let tell = self.tell.take().expect("a file is opened once");
            Lines::new(open_told(&self.path, tell)?)
        };
        // One that is doubtful alone waits for the next, however long it is.
        while draft.len() < self.most && !draft.is_full(ROWS) || self.doubtful && draft.len() < 2 {
            let number = Some(lines.number() + 1);
            match lines.next(true)? {
                Next::Line(line) => {
                    let place = Place { file: Some(&self.path), line: number };
                    if self.reader.read(line, place, draft) == Line::Event {
                        self.judge(draft);
                    }
                }
                Next::TooLong(head) => {
                    let place = Place { file: Some(&self.path), line: number };
                    self.reader.refuse(&Refusal::too_long(), head, place);
                }
                Next::End => {
                    self.done = true;
                    break;
                }
            }
        }
        self.lines = Some(lines);
        Ok(())
    }

    /// Judges the last event, and by it the one before: one that alone lies days ahead of those before and behind it would
    /// let the clock, and the store, run away from all the others.
    fn judge(&mut self, draft: &mut Draft) {
        let time = draft.time(draft.len() - 1);
        if self.doubtful {
            let before = draft.len() - 2;
            if draft.time(before) <= time.plus(JUMP) {
                self.last = Some(draft.time(before));
            } else {
                let batch = draft.take_before_last().numbered(0);
                let event = batch.event(0);
                let error = format!("`timestamp` lies more than a day ahead of the events around it: {}", event.time);
                let place = Place { file: Some(&self.path), line: None };
                let line = serde_json::to_vec(event).expect("an event is JSON");
                self.reader.refuse(&Refusal::new(Reason::Future, error), &line, place);
            }
        }
        self.doubtful = self.last.is_some_and(|last| time > last.plus(JUMP));
        if !self.doubtful {
            self.last = Some(time);
        }
    }
}

impl Iterator for FileDrafts {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        if self.done {
            return None;
        }
        let mut draft = Draft::with_room(self.room);
        if !self.kept_back.is_empty() {
            draft.push_from(&mut std::mem::take(&mut self.kept_back), 0);
        }
        if let Err(error) = self.read(&mut draft) {
            self.failures.add(&self.path, &error);
            self.done = true;
        }
        self.room = draft.room();
        if self.doubtful && !self.done {
            self.kept_back = draft.take_last();
        }
        (!draft.is_empty()).then_some(draft)
    }
}
