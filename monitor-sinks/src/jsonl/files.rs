//! The files that a `jsonl` sink writes: which are open, how far each is, when each is rotated, and how all of them are taken
//! back to where they were after a crash.
//!
//! A mark tells how far each file is. A file that is opened between two marks is in none of them, so before anything is
//! written to it a note of how long it was goes into a sidecar, which the next turn removes. Where the path has no words to
//! fill in, the only file is open from the beginning, and there is no sidecar.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use monitor_core::component::{Answer, BoxError, Delivery, Resume, Resumed};
use monitor_core::{Clock, Timestamp, Zone};

use super::rotated::Rotated;
use super::template::{Place, Template};
use crate::append::{AppendFile, KEPT, Mark, cut_off, sync_folder_of};

/// So many files are open at once.
const OPEN: usize = if cfg!(test) { 4 } else { 64 };

/// When a file is rotated.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    pub(super) size: Option<u64>,
    pub(super) every: Option<Duration>,
}

pub(super) struct Files {
    template: Template,
    /// Whether what is flushed must be safe from a loss of power.
    sync: bool,
    schedule: Schedule,
    clock: Clock,
    zone: Zone,
    /// Where a file is noted that is opened between two marks, if that is needed.
    sidecar: Option<PathBuf>,
    /// Some were opened that do not stand in it.
    unnoted: bool,
    /// By path: all that were opened since the last turn, and those that are open still.
    entries: BTreeMap<String, Entry>,
    /// Counts up with each use, to tell which was used last.
    uses: u64,
}

struct Entry {
    /// None while it is closed, so that not too many are open.
    file: Option<AppendFile>,
    /// How far it was when that was asked last.
    mark: Mark,
    /// How far it was when it was opened, if that was since the last turn.
    opened: Option<Mark>,
    used: u64,
    /// The period of the schedule that it belongs to.
    period: Option<Timestamp>,
}

impl Files {
    pub(super) fn open(
        template: Template,
        sync: bool,
        marked: bool,
        schedule: Schedule,
        clock: Clock,
        zone: Zone,
    ) -> Result<Self, BoxError> {
        let fixed = template.is_fixed();
        let mut files = Self {
            sidecar: (marked && !fixed).then(|| template.sidecar()),
            template,
            sync,
            schedule,
            clock,
            zone,
            unnoted: false,
            entries: BTreeMap::new(),
            uses: 0,
        };
        if fixed {
            files.ready(&files.template.text())?;
        } else {
            let folder = files.template.folder();
            std::fs::create_dir_all(&folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        }
        Ok(files)
    }

    /// Has `write` write what is to go to each file, if there is room.
    pub(super) fn write(
        &mut self,
        delivery: &Delivery<'_>,
        mut write: impl FnMut(&mut Vec<u8>, &Delivery<'_>),
    ) -> Answer {
        if self.entries.values().map(Entry::pending).sum::<usize>() >= KEPT
            && let Err(error) = self.hand_on_all()
        {
            return Answer::retry(error);
        }
        let runs = self.runs(delivery);
        // All of them are noted at once.
        for (_, path) in &runs {
            if let Err(error) = self.ready(path) {
                return Answer::retry(error);
            }
        }
        if let Err(error) = self.note() {
            return Answer::retry(error);
        }
        let now = self.schedule.every.map(|every| self.period(self.clock.now(), every));
        let mut from = 0;
        for (to, path) in runs {
            // More than may be open at once are opened again.
            let ready = self.ready(&path).and_then(|()| Ok(self.note()?));
            let entry = match (ready, self.entries.get_mut(&path)) {
                (Ok(()), Some(entry)) => entry,
                (ready, _) => {
                    let error = ready.err().unwrap_or_else(|| "it is not open".into());
                    return Answer::Retry { accepted: from, after: None, error };
                }
            };
            let Some(file) = &mut entry.file else { return Answer::retry("it is not open") };
            write(file.lines(), &Delivery::new(&delivery.items()[from..to]));
            entry.period = entry.period.or(now);
            from = to;
            if file.is_full() {
                // What fails here fails again at the flush, which reports it.
                drop(self.hand_on(&path));
            }
        }
        Answer::Ok
    }

    /// The delivery in parts, each with its end and its file.
    fn runs(&self, delivery: &Delivery<'_>) -> Vec<(usize, String)> {
        let items = delivery.items();
        if self.template.is_fixed() {
            return vec![(items.len(), self.template.text())];
        }
        let mut runs: Vec<(usize, String)> = Vec::new();
        let mut last = None;
        for (at, item) in items.iter().enumerate() {
            let place = Place::of(item);
            if last != Some(place) {
                let path = self.template.fill(place);
                match runs.last() {
                    Some((_, before)) if *before == path => {}
                    _ => runs.push((at, path)),
                }
                last = Some(place);
            }
            if let Some((end, _)) = runs.last_mut() {
                *end = at + 1;
            }
        }
        runs
    }

    /// Makes sure that a file is open.
    fn ready(&mut self, path: &str) -> Result<(), BoxError> {
        self.uses += 1;
        let used = self.uses;
        if let Some(entry) = self.entries.get_mut(path).filter(|entry| entry.file.is_some()) {
            entry.used = used;
            return Ok(());
        }
        self.close_some(OPEN - 1)?;
        let mut file = AppendFile::open(Path::new(path), self.sync)?;
        let mark = file.place()?;
        let period = self.period_of(&file);
        file.set_known();
        match self.entries.get_mut(path) {
            Some(entry) if entry.mark.is_of_file_of(&mark) => {
                (entry.file, entry.used) = (Some(file), used);
                entry.period = entry.period.or(period);
            }
            _ => {
                let entry = Entry { file: Some(file), opened: Some(mark.clone()), mark, used, period };
                self.entries.insert(path.to_owned(), entry);
                self.unnoted = true;
            }
        }
        Ok(())
    }

    /// The period that what is in a file belongs to: that in which it was written to last.
    fn period_of(&self, file: &AppendFile) -> Option<Timestamp> {
        let every = self.schedule.every.filter(|_| file.length() > 0)?;
        // The times of a recording, and those of its files, have nothing to do with each other.
        let modified = file.modified().ok().filter(|_| !self.clock.is_manual());
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let micros = since.map(|since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        Some(self.period(micros.map_or(self.clock.now(), Timestamp::from_micros), every))
    }

    /// Closes the files that have been used least lately, but for so many.
    fn close_some(&mut self, but: usize) -> Result<(), BoxError> {
        let mut open: Vec<(u64, String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.file.is_some())
            .map(|(path, entry)| (entry.used, path.clone()))
            .collect();
        if open.len() <= but {
            return Ok(());
        }
        open.sort_unstable();
        for (_, path) in open.drain(..open.len() - but) {
            self.hand_on(&path)?;
            let Some(entry) = self.entries.get_mut(&path) else { continue };
            if let Some(mut file) = entry.file.take() {
                match file.bring_home().and_then(|()| Ok(file.place()?)) {
                    Ok(mark) => entry.mark = mark,
                    Err(error) => {
                        entry.file = Some(file);
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands to the system what was written to a file, once it is noted that it may be.
    fn hand_on(&mut self, path: &str) -> Result<(), BoxError> {
        let Some(entry) = self.entries.get_mut(path) else { return Ok(()) };
        let Some(file) = &mut entry.file else { return Ok(()) };
        file.look_for_name()?;
        if file.has_begun() {
            let mark = file.place()?;
            file.set_known();
            (entry.mark, entry.opened, entry.period) = (mark.clone(), Some(mark), None);
            self.unnoted = true;
        }
        self.note()?;
        if let Some(file) = self.entries.get_mut(path).and_then(|entry| entry.file.as_mut()) {
            file.hand_on()?;
        }
        Ok(())
    }

    fn hand_on_all(&mut self) -> Result<(), BoxError> {
        let paths: Vec<String> = self.entries.keys().cloned().collect();
        paths.iter().try_for_each(|path| self.hand_on(path))
    }

    pub(super) fn flush(&mut self) -> Result<(), BoxError> {
        self.hand_on_all()?;
        self.entries.values_mut().filter_map(|entry| entry.file.as_mut()).try_for_each(AppendFile::bring_home)
    }

    /// Notes in the sidecar the files that were opened since the last turn.
    fn note(&mut self) -> io::Result<()> {
        if !self.unnoted {
            return Ok(());
        }
        if let Some(sidecar) = &self.sidecar
            && !monitor_core::seeded_bug!("opening_unnoted")
        {
            let opened = self.entries.iter().filter_map(|(path, entry)| Some((path, entry.opened.as_ref()?)));
            let lines: String = opened.map(|(path, mark)| format!("{mark} {path}\n")).collect();
            let part = sidecar.with_added_extension("part");
            let mut file = File::create(&part)?;
            file.write_all(lines.as_bytes())?;
            if self.sync {
                file.sync_all()?;
            }
            std::fs::rename(&part, sidecar)?;
            if self.sync {
                sync_folder_of(sidecar)?;
            }
        }
        self.unnoted = false;
        Ok(())
    }

    /// Where all files are.
    pub(super) fn mark(&mut self) -> Option<Vec<u8>> {
        for (path, entry) in &mut self.entries {
            if let Some(file) = &mut entry.file {
                match file.place() {
                    Ok(mark) => entry.mark = mark,
                    Err(error) => {
                        tracing::warn!(
                            "failed to look how far `{path}` is: after a crash, more is written again: {error}"
                        );
                        return None;
                    }
                }
            }
        }
        let is_fixed = self.template.is_fixed();
        let line = |(path, entry): (&String, &Entry)| {
            if is_fixed { entry.mark.to_string() } else { format!("{} {path}\n", entry.mark) }
        };
        Some(self.entries.iter().map(line).collect::<String>().into_bytes())
    }

    /// Goes back to where a mark was, and with files that are younger to where they were when they were opened.
    pub(super) fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        if self.template.is_fixed() {
            let files = self.entries.values_mut().filter_map(|entry| entry.file.as_mut());
            for file in files {
                file.resume(from)?;
            }
            return Ok(Resumed::AsNoted);
        }
        self.entries.clear();
        self.unnoted = false;
        let sidecar = self.sidecar.clone().unwrap_or_else(|| self.template.sidecar());
        let mark = from.mark.unwrap_or_default();
        if from.mark.is_none() || from.clean {
            // What is in the files was not written under this mark, or is complete.
            self.forget_opened()?;
            for (path, mark) in parse(mark).filter(|(path, _)| self.template.matches(path)) {
                if let Ok(file) = File::open(path) {
                    cut_off(&file, Path::new(path), &mark, true)?;
                }
            }
            return Ok(Resumed::AsNoted);
        }
        let opened = match std::fs::read(&sidecar) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(format!("`{}`: {error}", sidecar.display()).into()),
        };
        let mut marks: BTreeMap<&str, [Option<Mark>; 2]> = BTreeMap::new();
        for (at, bytes) in [mark, &opened].into_iter().enumerate() {
            for (path, mark) in parse(bytes).filter(|(path, _)| self.template.matches(path)) {
                marks.entry(path).or_default()[at] = Some(mark);
            }
        }
        for (path, [noted, opened]) in marks {
            let file = match File::options().read(true).append(true).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(format!("`{path}`: {error}").into()),
            };
            // What was noted later counts, unless there is another file by now.
            for mark in [noted, opened.clone()].into_iter().flatten() {
                if cut_off(&file, Path::new(path), &mark, false)? {
                    let opened = opened.filter(|opened| opened.is_of_file_of(&mark));
                    let entry = Entry { file: None, mark, opened, used: 0, period: None };
                    self.entries.insert(path.to_owned(), entry);
                    break;
                }
            }
        }
        Ok(Resumed::AsNoted)
    }

    /// What was opened is in a mark by now.
    fn forget_opened(&mut self) -> io::Result<()> {
        let Some(sidecar) = &self.sidecar else { return Ok(()) };
        match std::fs::remove_file(sidecar) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => {
                removed?;
                if self.sync {
                    // Or a loss of power brings it back, and with it what is not true any more.
                    sync_folder_of(sidecar)?;
                }
            }
        }
        for entry in self.entries.values_mut() {
            entry.opened = None;
        }
        Ok(())
    }

    /// Whether a file is to be rotated, or the sidecar to be removed.
    pub(super) fn wants_turn(&self) -> bool {
        let opened = self.sidecar.is_some() && self.entries.values().any(|entry| entry.opened.is_some());
        opened || self.entries.len() > OPEN || self.due().next().is_some()
    }

    fn due(&self) -> impl Iterator<Item = &String> {
        let now = self.schedule.every.map(|every| self.period(self.clock.now(), every));
        self.entries.iter().filter(move |(_, entry)| self.is_due(entry, now)).map(|(path, _)| path)
    }

    fn is_due(&self, entry: &Entry, now: Option<Timestamp>) -> bool {
        let length = entry.file.as_ref().map_or(entry.mark.length, AppendFile::length);
        let is_large = self.schedule.size.is_some_and(|size| length >= size);
        let is_old = entry.period.zip(now).is_some_and(|(of, now)| of < now);
        length > 0 && (is_large || is_old)
    }

    /// The beginning of the period that a moment lies in, as the clocks of the zone show it.
    fn period(&self, moment: Timestamp, every: Duration) -> Timestamp {
        let offset = i64::from(self.zone.offset_seconds(moment.to_utc())) * 1_000_000;
        Timestamp::from_micros(moment.as_micros() + offset).floor(every)
    }

    /// Rotates what is due, once all is flushed and noted. Tells whether anything was.
    pub(super) fn turn(&mut self) -> Result<bool, BoxError> {
        // There is nothing, unless somebody has given up.
        self.flush()?;
        self.forget_opened()?;
        let due: Vec<String> = self.due().cloned().collect();
        for path in &due {
            self.rotate(path).map_err(|error| format!("`{path}` cannot be rotated: {error}"))?;
        }
        self.close_some(OPEN)?;
        // What is opened again is noted again.
        self.entries.retain(|_, entry| entry.file.is_some());
        Ok(!due.is_empty())
    }

    fn rotate(&mut self, path: &str) -> Result<(), BoxError> {
        let rotated = Rotated::new(Path::new(path), self.clock.now()).path();
        match std::fs::rename(path, &rotated) {
            // Somebody has taken it away while it was closed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        let entry = self.entries.remove(path);
        if self.template.is_fixed()
            && let Err(error) = self.ready(path)
        {
            // There is no room for another one: it goes on being written to.
            std::fs::rename(&rotated, path)?;
            self.entries.extend(entry.map(|entry| (path.to_owned(), entry)));
            return Err(error);
        }
        if self.sync {
            sync_folder_of(&rotated)?;
        }
        tracing::debug!("`{path}` is `{}` from now on", rotated.display());
        Ok(())
    }
}

impl Entry {
    fn pending(&self) -> usize {
        self.file.as_ref().map_or(0, AppendFile::pending)
    }
}

/// Lines of a mark and a path each.
fn parse(lines: &[u8]) -> impl Iterator<Item = (&str, Mark)> {
    let lines = std::str::from_utf8(lines).unwrap_or_default().lines();
    lines.filter_map(|line| Some((line.splitn(4, ' ').nth(3)?, Mark::parse(line)?)))
}
