//! The program's own log: to stderr, as text or JSON.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::{Format, LogArgs};

/// Starts the log. Without a level, warnings and errors are logged.
pub(crate) fn start(args: &LogArgs) {
    let from_environment = || std::env::var("MONITOR_LOG").ok().and_then(|level| level.parse().ok());
    let level = args.log_level.or_else(from_environment).unwrap_or(tracing::Level::WARN);
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_writer(Stderr { terminal })
        .with_max_level(LevelFilter::from_level(level))
        .with_target(false)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    match args.log_format {
        Format::Text => builder.without_time().init(),
        Format::Json => builder.json().flatten_event(true).init(),
    }
}

/// Standard error; on a terminal a progress line that stands there is wiped first.
#[derive(Clone, Copy)]
struct Stderr {
    terminal: bool,
}

impl MakeWriter<'_> for Stderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        if self.terminal {
            stderr.write_all(b"\r\x1b[K")?;
        }
        stderr.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
