//! The progress line: on a terminal only, on stderr, and gone at the end.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use monitor_core::pipeline::Progress;
use monitor_core::template::thousands;

/// The progress line of a run.
pub(crate) struct ProgressLine {
    shown: bool,
    terminal: bool,
    before: Option<Progress>,
}

/// It appears after this long: a short run shows nothing but its outcome.
const APPEARS: Duration = Duration::from_millis(300);

impl ProgressLine {
    pub(crate) fn new() -> Self {
        Self { shown: false, terminal: std::io::stderr().is_terminal(), before: None }
    }

    pub(crate) fn show(&mut self, now: Progress) {
        if !self.terminal || now.elapsed < APPEARS {
            return;
        }
        let (events, elapsed) = self.before.map_or((0, Duration::ZERO), |before| (before.events, before.elapsed));
        let rate = (now.events - events) as f64 / now.elapsed.saturating_sub(elapsed).as_secs_f64().max(0.001);
        let rejected =
            if now.rejected > 0 { format!(", {} rejected", thousands(now.rejected as i64)) } else { String::new() };
        let line = format!(
            "{} events, {}/s{rejected}, {}s",
            thousands(now.events as i64),
            thousands(rate.round() as i64),
            now.elapsed.as_secs()
        );
        // Over at least a second, or the figure dances.
        if now.elapsed.saturating_sub(elapsed) >= Duration::from_secs(1) {
            self.before = Some(now);
        }
        self.shown = true;
        // A terminal that cannot be written to has nobody to show anything to.
        drop(write!(std::io::stderr().lock(), "\r\x1b[K{line}"));
    }

    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            drop(write!(std::io::stderr().lock(), "\r\x1b[K"));
        }
    }
}
