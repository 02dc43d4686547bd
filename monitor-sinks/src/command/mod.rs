//! `command`: runs a program for every batch, with the events on its standard input.

mod group;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use group::Group;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Invalid, Sink, SinkConfig, SinkDefinition, Validate,
};
use monitor_core::config::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::lines;

/// The definition of `type = "command"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "command",
    "runs a program for every batch, with a line of JSON an event on its standard input",
    include_str!("sample.toml"),
);

/// The keys of a `command` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The program and its arguments. No shell is asked.
    pub command: Vec<String>,
    /// Rather than command: a line for the shell.
    pub shell: Option<String>,
    /// How long a run may take; then it is killed, and the batch tried again.
    pub limit: DurationText,
}

impl Default for Config {
    fn default() -> Self {
        Self { command: Vec::new(), shell: None, limit: DurationText(Duration::from_secs(10)) }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        match (&self.shell, self.command.first()) {
            (None, None) => {
                Err(Invalid::key("command", "must name a program, as in [\"jq\", \".\"]; or write `shell`"))
            }
            (Some(_), Some(_)) => Err(Invalid::key("shell", "cannot stand beside `command`: keep one of the two")),
            _ if self.limit.0.is_zero() => Err(Invalid::key("limit", "must be longer than nothing")),
            _ => Ok(()),
        }
    }
}

impl SinkConfig for Config {
    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let (program, arguments) = match (&self.shell, self.command.split_first()) {
            (None, Some((program, arguments))) => (program.clone(), arguments.to_vec()),
            (shell, _) => ("/bin/sh".to_owned(), vec!["-c".to_owned(), shell.clone().unwrap_or_default()]),
        };
        let folder = &context.dirs.base;
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
        Ok(Box::new(CommandSink {
            program,
            arguments,
            folder,
            name: context.name.to_string(),
            content: context.content,
            limit: self.limit.0,
            lines: Vec::new(),
        }))
    }
}

struct CommandSink {
    program: String,
    arguments: Vec<String>,
    folder: PathBuf,
    name: String,
    content: Content,
    limit: Duration,
    /// Kept for its memory.
    lines: Vec<u8>,
}

/// The program says that its input is wrong (`EX_DATAERR` of `sysexits.h`).
const WRONG_DATA: i32 = 65;
/// So much of what a program complains about is told.
const COMPLAINT: usize = 300;

impl Sink for CommandSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.lines.clear();
        lines::write(&mut self.lines, delivery, self.content);
        match self.run(delivery.len()) {
            Err(error) => Answer::retry(format!("`{}`: {error}", self.program)),
            Ok((Some(status), _)) if status.success() => Answer::Ok,
            Ok((status, complaint)) => {
                let what = match status {
                    Some(status) => status.to_string(),
                    None => format!("it had not ended after {} s, and was killed", self.limit.as_secs_f64()),
                };
                let complaint = complaint.trim();
                let colon = if complaint.is_empty() { "" } else { ": " };
                let error = format!("`{}`: {what}{colon}{complaint}", self.program).into();
                if status.and_then(|status| status.code()) == Some(WRONG_DATA) {
                    return Answer::Rejected { indices: (0..delivery.len()).collect(), error };
                }
                Answer::Retry { accepted: 0, after: None, error }
            }
        }
    }
}

impl CommandSink {
    /// How it ended, if it did, and what it had to say.
    fn run(&self, events: usize) -> std::io::Result<(Option<ExitStatus>, String)> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env("MONITOR_SINK", &self.name)
            .env("MONITOR_EVENTS", events.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command)?;
        // On threads that nobody waits for: what the program has started may hold its pipes open for ever.
        if let Some(mut stdin) = group.child.stdin.take() {
            let lines = self.lines.clone();
            // One that does not want to read all of it says so by how it ends.
            std::thread::spawn(move || drop(stdin.write_all(&lines)));
        }
        let complaint = Arc::new(Mutex::new(Vec::new()));
        let reader = group.child.stderr.take().map(|mut stderr| {
            let complaint = Arc::clone(&complaint);
            std::thread::spawn(move || {
                let mut some = [0; 4_096];
                while let Ok(read @ 1..) = stderr.read(&mut some) {
                    let mut complaint = complaint.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = COMPLAINT.saturating_sub(complaint.len());
                    complaint.extend_from_slice(&some[..read.min(room)]);
                }
            })
        });
        let status = wait(&mut group, self.limit)?;
        // What it has said last may be under way still.
        let until = instant() + Duration::from_millis(100);
        while reader.as_ref().is_some_and(|reader| !reader.is_finished()) && instant() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let complaint = complaint.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((status, String::from_utf8_lossy(&complaint).into_owned()))
    }
}

/// Waits for a program; kills it, with all that it has started, and gives back `None`, if it takes longer than it may.
fn wait(group: &mut Group, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = instant();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = group.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            group.kill();
            group.child.wait()?;
            return Ok(None);
        }
        std::thread::park_timeout(pause.min(limit));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[expect(clippy::disallowed_methods, reason = "a run is measured by the machine, whatever the pipeline's clock shows")]
fn instant() -> Instant {
    Instant::now()
}
