//! The progress line: on a terminal only, on stderr, and gone at the end.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use monitor_core::pipeline::Progress;
use monitor_core::template::thousands;
use monitor_core::time::format_duration;

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
            "{}{} events, {}/s{rejected}, {}s",
            now.part.map_or_else(String::new, |part| bar(part, now.elapsed)),
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

/// How far it is, and how long it will take at this rate: `████████░░░░░░░░░░░░  42 %, 12s left; `.
fn bar(part: f64, elapsed: Duration) -> String {
    const WIDTH: usize = 20;
    let full = (part * WIDTH as f64).round() as usize;
    let (full, rest) = ("█".repeat(full), "░".repeat(WIDTH - full));
    // What has hardly begun tells nothing of when it will end.
    let left = if part < 0.01 {
        String::new()
    } else {
        let left = elapsed.as_secs_f64() * (1.0 - part) / part;
        format!(", {} left", format_duration(Duration::from_secs(left.round() as u64)))
    };
    format!("{full}{rest} {:>3.0} %{left}; ", (part * 100.0).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_how_long_it_will_take() {
        assert_eq!(bar(0.0, Duration::from_secs(1)), "░░░░░░░░░░░░░░░░░░░░   0 %; ");
        assert_eq!(bar(0.25, Duration::from_secs(30)), "█████░░░░░░░░░░░░░░░  25 %, 1m 30s left; ");
        assert_eq!(bar(1.0, Duration::from_secs(30)), "████████████████████ 100 %, 0s left; ");
    }
}
