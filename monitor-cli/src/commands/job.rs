//! The program that a run watches: its output in the place of standard input, and its end, by itself or because it is told to.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, PipeWriter};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use monitor_core::pipeline::{AtHand, Builder, Pipeline, Summary};
use monitor_sinks::command::Group;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{could_not_listen, listen};
use crate::exit::Failure;

/// A program that is to be run.
pub(crate) struct Job {
    command: Command,
    name: String,
    /// How long it may take to end once it is told to.
    grace: Duration,
    /// The signal that came last, until somebody has looked.
    came: Arc<AtomicUsize>,
}

impl Job {
    /// Looks for the program. If its output is `read`, that takes the place of our standard input from here on.
    pub(crate) fn new(words: &[OsString], grace: Duration, read: bool) -> Result<Option<Self>, Failure> {
        let Some((program, arguments)) = words.split_first() else { return Ok(None) };
        let name = program.to_string_lossy().into_owned();
        let failed = |error| Failure::Run(vec![format!("run `{name}`: {error}")]);
        find(program).map_err(failed)?;
        let came = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(signal, Arc::clone(&came), signal as usize).map_err(could_not_listen)?;
        }
        let mut command = Command::new(program);
        command.args(arguments);
        // In a group that is not the terminal's it would be suspended as soon as it reads from there.
        if std::io::stdin().is_terminal() {
            command.stdin(Stdio::null());
        }
        if read {
            let output = redirect(&mut command).map_err(failed)?;
            command.stdout(output);
        }
        Ok(Some(Self { command, name, grace, came }))
    }

    /// Runs it under the eyes of a pipeline, until both have ended. `look` is called a few times a second, and tells the
    /// program to end by what it sets.
    pub(crate) fn run(
        mut self,
        builder: Builder,
        timeout: Duration,
        mut look: impl FnMut(&mut Pipeline, &AtomicBool),
    ) -> Result<(Summary, Ended), Failure> {
        let pipeline = builder.start()?;
        let group = match Group::spawn(&mut self.command) {
            Ok(group) => group,
            Err(error) => return Err(Failure::Run(vec![format!("run `{}`: {error}", self.name)])),
        };
        // With it, our end of the pipe: the source is to see when nobody writes any more.
        drop(self.command);
        let (hung_up, stop) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let mut watched = Watched {
            group,
            came: self.came,
            grace: self.grace,
            timeout,
            status: None,
            kill_at: None,
            killed: false,
            rest: None,
        };
        let mut listening = Ok(());
        let summary = pipeline.wait_while(&stop, |pipeline| {
            look(pipeline, &hung_up);
            let goes_on = watched.goes_on(pipeline, hung_up.swap(false, Ordering::Relaxed));
            if !goes_on {
                // From here on it is a pipeline like every other.
                listening = listen(&stop);
            }
            goes_on
        });
        listening?;
        Ok((summary, Ended { name: self.name, status: watched.status }))
    }
}

/// Whether the program can be had, before anything else is done for it.
fn find(program: &OsStr) -> std::io::Result<()> {
    let executable =
        |path: &Path| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    let path = Path::new(program);
    if program.as_bytes().contains(&b'/') {
        path.metadata()?;
        return if executable(path) { Ok(()) } else { Err(std::io::ErrorKind::PermissionDenied.into()) };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&folders).any(|folder| executable(&folder.join(path))) {
        return Ok(());
    }
    Err(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such program in any folder of PATH"))
}

/// Gives our standard input to the program, and puts the reading end of a pipe in its place.
fn redirect(command: &mut Command) -> std::io::Result<PipeWriter> {
    let (reader, writer) = std::io::pipe()?;
    if !std::io::stdin().is_terminal() {
        command.stdin(std::io::stdin().as_fd().try_clone_to_owned()?);
    }
    rustix::stdio::dup2_stdin(reader)?;
    Ok(writer)
}

/// How a program has ended.
pub(crate) struct Ended {
    name: String,
    status: Option<ExitStatus>,
}

impl Ended {
    /// If it has failed, the code that we end with, and why.
    pub(crate) fn failure(&self) -> Option<(u8, String)> {
        let status = self.status.filter(|status| !status.success())?;
        // As a shell tells of a signal.
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        Some((u8::try_from(code).unwrap_or(1), format!("`{}` has failed: {status}", self.name)))
    }
}

/// A program that runs.
struct Watched {
    group: Group,
    came: Arc<AtomicUsize>,
    grace: Duration,
    /// How long may be read what it has left once it was told to end.
    timeout: Duration,
    status: Option<ExitStatus>,
    /// It was told to end, and is killed then.
    kill_at: Option<Instant>,
    killed: bool,
    /// It has ended, and this is still to be read.
    rest: Option<Rest>,
}

struct Rest {
    at_hand: AtHand,
    until: Option<Instant>,
}

impl Watched {
    /// Whether it runs, or something that it has written is not read yet.
    fn goes_on(&mut self, pipeline: &Pipeline, hung_up: bool) -> bool {
        let signal = match i32::try_from(self.came.swap(0, Ordering::Relaxed)) {
            Ok(signal @ 1..) => Some(signal),
            _ => hung_up.then_some(SIGHUP),
        };
        let now = instant();
        match (self.kill_at, signal) {
            (None, Some(signal)) => self.end_by(signal, now),
            (None, None) if pipeline.stop_signal().is_set() => self.end_by(SIGTERM, now),
            (Some(_), Some(_)) if self.killed || self.rest.is_some() => return false,
            (Some(at), again) if !self.killed && self.rest.is_none() && (again.is_some() || now >= at) => {
                tracing::warn!("the program has not ended in time, and is killed");
                self.group.kill();
                self.killed = true;
            }
            _ => {}
        }
        match self.group.try_wait() {
            Ok(None) => return true,
            Ok(status) => self.status = status,
            Err(error) => tracing::error!("failed to ask how the program is: {error}"),
        }
        // What it has started in the background goes on, unless it was to end as well.
        if self.kill_at.is_some() && !self.killed && self.group.lives() {
            return true;
        }
        let until = self.kill_at.and_then(|_| now.checked_add(self.timeout));
        let rest = self.rest.get_or_insert_with(|| Rest { at_hand: pipeline.at_hand(), until });
        !pipeline.has_read(&rest.at_hand) && rest.until.is_none_or(|until| now < until)
    }

    fn end_by(&mut self, signal: i32, now: Instant) {
        self.group.signal(signal);
        self.kill_at = Some(now + self.grace);
        // What it has started may have gone on, and written more.
        self.rest = None;
    }
}

#[expect(clippy::disallowed_methods, reason = "a program is given the time that the machine's clock shows")]
fn instant() -> Instant {
    Instant::now()
}
