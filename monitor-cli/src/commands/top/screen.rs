//! The terminal while a view is on it: taken, and given back as it was found, however the view ends. What anybody prints meanwhile,
//! this program, its threads or its children, does not go over the view: it is kept, shown in it, and printed once it is left.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, PipeReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::exit::Failure;

/// Lines that are kept of what is printed meanwhile.
const KEPT: usize = 1_000;
/// The threads whose panic ends the view. Others have someone who goes on without them.
const OURS: [&str; 2] = ["main", "view"];

/// What the terminal was before; none while there is no view.
static BEFORE: Mutex<Option<Before>> = Mutex::new(None);

struct Before {
    tty: File,
    stdout: OwnedFd,
    /// None if it was no terminal, and was left as it was.
    stderr: Option<OwnedFd>,
}

/// The terminal while a view is on it.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<File>>,
    pub(crate) said: Said,
    /// Where keys come from.
    keys: OwnedFd,
    readers: Vec<JoinHandle<()>>,
}

/// What is printed meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<(Stream, String)>,
    /// How many there were before these.
    dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn take() -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Run(vec![format!("show the view: {error}")]);
        if !io::stdout().is_terminal() {
            return Err(Failure::Run(vec![
                "show the view: standard output is no terminal; run it on one, or leave --top out; `monitor status` and \
                 `monitor query` tell the same without one"
                    .to_owned(),
            ]));
        }
        // Keys come from standard input, or from the terminal that the process belongs to.
        let keys = if io::stdin().is_terminal() {
            io::stdin().as_fd().try_clone_to_owned().map_err(failed)?
        } else if let Ok(terminal) = File::open("/dev/tty") {
            terminal.into()
        } else {
            return Err(Failure::Run(vec![
                "show the view: there is no terminal to read keys from; run it with standard input from one".to_owned(),
            ]));
        };
        let said = Said::default();
        let tty = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
        let mut readers = Vec::new();
        let before = Before {
            tty: tty.try_clone().map_err(failed)?,
            stdout: io::stdout().as_fd().try_clone_to_owned().map_err(failed)?,
            stderr: if io::stderr().is_terminal() {
                Some(io::stderr().as_fd().try_clone_to_owned().map_err(failed)?)
            } else {
                None
            },
        };
        let terminal = Terminal::new(CrosstermBackend::new(tty)).map_err(failed)?;
        restore_when_we_panic();
        let errors_too = before.stderr.is_some();
        // From here on whatever goes wrong gives it back.
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let taken = (|| {
            let (reader, writer) = io::pipe()?;
            rustix::stdio::dup2_stdout(writer)?;
            readers.push(said.listen(reader, Stream::Out)?);
            if errors_too {
                let (reader, writer) = io::pipe()?;
                rustix::stdio::dup2_stderr(writer)?;
                readers.push(said.listen(reader, Stream::Error)?);
            }
            enable_raw_mode()?;
            let mut screen = Self { terminal, said, keys, readers: std::mem::take(&mut readers) };
            execute!(screen.terminal.backend_mut(), EnterAlternateScreen, Hide)?;
            // Not `Terminal::clear`, which asks where the cursor is, by way of an output that is taken.
            screen.terminal.backend_mut().clear()?;
            Ok(screen)
        })();
        taken.map_err(|error| {
            restore();
            failed(error)
        })
    }
}

impl Screen {
    /// Waits for keys; false once the terminal is gone. Whoever reads keys of such a one reads for ever, and does not sleep.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
        let mut keys = [PollFd::new(&self.keys, PollFlags::IN)];
        match poll(&mut keys, Some(&patience)) {
            Ok(_) => !keys[0].revents().intersects(PollFlags::HUP | PollFlags::ERR),
            Err(error) => error == Errno::INTR,
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // What it would write of the cursor goes to a screen that is left.
        drop(self.terminal.show_cursor());
        restore();
        // Nobody writes there any more, but for children that go on.
        let mut patience = 0..50;
        while !self.readers.iter().all(JoinHandle::is_finished) && patience.next().is_some() {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        self.said.print();
    }
}

/// Gives the terminal back as it was, if there is a view on it. Once is enough, and twice does no harm.
pub(crate) fn restore() {
    // Whoever panics while holding it is giving it back.
    let Ok(mut before) = BEFORE.try_lock() else { return };
    let Some(Before { mut tty, stdout, stderr }) = before.take() else { return };
    // A terminal that is gone needs nothing.
    drop(execute!(tty, Show, LeaveAlternateScreen));
    drop(disable_raw_mode());
    let _ = rustix::stdio::dup2_stdout(stdout);
    if let Some(stderr) = stderr {
        let _ = rustix::stdio::dup2_stderr(stderr);
    }
}

/// Whether there is a view on the terminal.
pub(crate) fn is_taken() -> bool {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_some()
}

/// Has the terminal given back before a panic is told of.
fn restore_when_we_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name().is_some_and(|name| OURS.contains(&name)) {
                restore();
            }
            before(panic);
        }));
    });
}

impl Said {
    fn listen(&self, reader: PipeReader, stream: Stream) -> io::Result<JoinHandle<()>> {
        let said = self.clone();
        std::thread::Builder::new().name("said".to_owned()).spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                said.add(stream, String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
                line.clear();
            }
        })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, stream: Stream, line: String) {
        let mut kept = self.kept();
        kept.lines.push_back((stream, line));
        if kept.lines.len() > KEPT {
            kept.lines.pop_front();
            kept.dropped += 1;
        }
    }

    /// Without what only a terminal obeys.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.kept().lines.iter().map(|(_, line)| plain(line)).collect()
    }

    /// Prints all that is kept to where it was to go.
    fn print(&self) {
        let Kept { lines, dropped } = std::mem::take(&mut *self.kept());
        if dropped > 0 {
            drop(writeln!(io::stderr(), "({dropped} earlier lines are not kept)"));
        }
        for (stream, line) in lines {
            // A terminal that cannot be written to has nobody to tell anything to.
            drop(match stream {
                Stream::Out => writeln!(io::stdout(), "{line}"),
                Stream::Error => writeln!(io::stderr(), "{line}"),
            });
        }
    }
}

/// A line without escape sequences of the form ESC [ … letter, and without what stands before a carriage return.
fn plain(line: &str) -> String {
    let line = line.rsplit('\r').next().unwrap_or_default();
    let mut parts = line.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| ('@'..='~').contains(&c)).map_or(part.len(), |at| at + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_up_to_a_bound_and_shown_without_escapes() {
        let said = Said::default();
        for number in 0..KEPT + 5 {
            said.add(Stream::Out, format!("line {number}"));
        }
        said.add(Stream::Error, "\r\x1b[K\x1b[33m WARN\x1b[0m slow".to_owned());
        let lines = said.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (KEPT, "line 6"));
        assert_eq!(lines.last().map(String::as_str), Some(" WARN slow"));
        assert_eq!(said.kept().dropped, 6);
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_one_elsewhere_does_not() {
        let written = tempfile::NamedTempFile::new().expect("a file");
        let stdout = io::stdout().as_fd().try_clone_to_owned().expect("an output");
        let before = Before { tty: written.reopen().expect("a file"), stdout, stderr: None };
        *BEFORE.lock().expect("nobody has panicked") = Some(before);
        restore_when_we_panic();
        let panics_on = |name: &str| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(|| panic!("on purpose")).expect("a thread").join().expect_err("it panics");
            std::fs::read_to_string(written.path()).expect("text")
        };
        assert_eq!((panics_on("sink x").as_str(), is_taken()), ("", true));
        // The cursor is seen, and the screen of before is back.
        assert_eq!((panics_on("view").as_str(), is_taken()), ("\u{1b}[?25h\u{1b}[?1049l", false));
        // Once is enough.
        restore();
        assert_eq!(std::fs::metadata(written.path()).expect("a file").len(), 14);
    }
}
