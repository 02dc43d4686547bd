//! Looks after the files that were rotated, on a thread of its own: it packs them, deletes what is too old or too many, and
//! clears up what a process has left in the middle of that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use monitor_core::{Clock, Text, Timestamp};

use super::pack::{Packing, pack, recover};
use super::rotated::{Rotated, State};
use super::template::Template;

/// What has failed is tried again after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// Whether files are too old is looked at so often, if nothing is rotated.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// At the end a file is packed for so long; what is not done then is for the next start.
const END: Duration = Duration::from_secs(10);

/// What is done with rotated files.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) sink: Text,
    pub(super) template: Template,
    pub(super) packing: Option<Packing>,
    /// So many of each path.
    pub(super) keep: Option<usize>,
    pub(super) keep_for: Option<Duration>,
    pub(super) clock: Clock,
}

/// Has the policy carried out, by one thread at a time.
pub(super) struct Keeper {
    policy: Policy,
    running: Option<Running>,
    /// There is something to do, or may be, from then on.
    due: Option<Instant>,
}

struct Running {
    stop: Arc<AtomicBool>,
    done: Receiver<()>,
    /// Whether all went well.
    thread: JoinHandle<bool>,
}

impl Keeper {
    pub(super) fn new(policy: Policy) -> Self {
        // Of an earlier process there may be something left.
        Self { policy, running: None, due: Some(now()) }
    }

    /// A file was rotated.
    pub(super) fn note_rotated(&mut self) {
        self.due = Some(now());
    }

    /// Whether it wants to be called.
    pub(super) fn is_due(&self) -> bool {
        let may = self.running.as_ref().is_none_or(|running| running.thread.is_finished());
        may && self.due.is_some_and(|due| due <= now())
    }

    /// Begins with what there is to do, if nothing is being done.
    pub(super) fn turn(&mut self) -> std::io::Result<()> {
        if self.running.as_ref().is_some_and(|running| running.thread.is_finished()) {
            self.join();
        }
        if self.running.is_some() || !self.is_due() {
            return Ok(());
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, done) = channel();
        let (policy, stopped) = (self.policy.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name(format!("keeper {}", policy.sink)).spawn(move || {
            let went_well = policy.carry_out(&stopped);
            // Nobody may wait for it any more.
            _ = tell.send(());
            went_well
        })?;
        self.due = self.policy.keep_for.map(|_| now() + LOOK_EVERY);
        self.running = Some(Running { stop, done, thread });
        Ok(())
    }

    /// Waits for what is being done, and does what is left, but not for ever.
    pub(super) fn end(&mut self) -> std::io::Result<()> {
        let end = now() + END;
        loop {
            if let Some(running) = &self.running {
                if let Err(RecvTimeoutError::Timeout) = running.done.recv_timeout(end.saturating_duration_since(now()))
                {
                    tracing::info!(sink = %self.policy.sink, "has files left to pack: the next start does");
                    self.stop();
                    return Ok(());
                }
                self.stop();
            }
            if !self.is_due() {
                return Ok(());
            }
            self.turn()?;
        }
    }

    /// Ends what is being done at the next chance.
    fn stop(&mut self) {
        if let Some(running) = &self.running {
            running.stop.store(true, Ordering::Relaxed);
        }
        self.join();
    }

    fn join(&mut self) {
        let Some(running) = self.running.take() else { return };
        if !running.thread.join().unwrap_or(false) {
            self.due = Some(self.due.map_or(now() + AGAIN, |due| due.min(now() + AGAIN)));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Policy {
    /// Tells whether all went well.
    fn carry_out(&self, stop: &AtomicBool) -> bool {
        let mut well = true;
        let mut note = |path: PathBuf, result: std::io::Result<()>| {
            if let Err(error) = result {
                well = false;
                tracing::warn!(sink = %self.sink, "failed to look after `{}`, trying again: {error}", path.display());
            }
        };
        for left in self.rotated(|state| state != State::Whole) {
            note(left.path(), recover(&left));
        }
        let mut by_base: BTreeMap<PathBuf, Vec<Rotated>> = BTreeMap::new();
        for file in self.rotated(|state| state == State::Whole) {
            by_base.entry(file.base.clone()).or_default().push(file);
        }
        let mut deleted = 0;
        let mut left = Vec::new();
        for (_, mut files) in by_base {
            files.sort();
            let too_many = self.keep.map_or(0, |keep| files.len().saturating_sub(keep));
            for (at, file) in files.into_iter().enumerate() {
                if at < too_many || self.is_too_old(&file) {
                    let removed = std::fs::remove_file(file.path());
                    deleted += u32::from(removed.is_ok());
                    note(file.path(), removed);
                } else {
                    left.push(file);
                }
            }
        }
        if deleted > 0 {
            tracing::info!(sink = %self.sink, "deleted {deleted} rotated files, as `keep` and `keep_for` say");
        }
        let Some(packing) = self.packing else { return well };
        for plain in left.into_iter().filter(|file| file.packing.is_none()) {
            match pack(&plain, packing, stop) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => note(plain.path(), Err(error)),
            }
        }
        well
    }

    fn is_too_old(&self, file: &Rotated) -> bool {
        let Some(keep_for) = self.keep_for else { return false };
        file.time().is_some_and(|time: Timestamp| time.plus(keep_for) < self.clock.now())
    }

    /// The rotated files of all paths that the template has.
    fn rotated(&self, wanted: impl Fn(State) -> bool) -> Vec<Rotated> {
        let folders = self.template.folders();
        let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|of| of.is_file()));
        files
            .filter_map(|entry| Rotated::parse(entry.path().strip_prefix(".").unwrap_or(&entry.path())))
            .filter(|file| wanted(file.state) && file.base.to_str().is_some_and(|base| self.template.matches(base)))
            .collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "how long something takes, not when it is")]
fn now() -> Instant {
    Instant::now()
}
