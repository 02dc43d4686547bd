//! Feeds a log file as an application does: it appends, rotates, and begins anew.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A log that grows by numbered events.
pub(crate) struct Feed {
    path: PathBuf,
    file: File,
    next: u64,
    rotations: u32,
    /// From this rotation on there are files.
    oldest: u32,
}

impl Feed {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("app.jsonl");
        let file = File::options().create(true).append(true).open(&path).expect("a file");
        Self { path, file, next: 0, rotations: 0, oldest: 1 }
    }

    /// How many events were written.
    pub(crate) fn written(&self) -> u64 {
        self.next
    }

    /// Writes so many events at once.
    pub(crate) fn write(&mut self, events: u64) {
        let rest = self.write_most(events, 0);
        assert_eq!(rest, "");
    }

    /// Writes so many events but for the last few bytes, as a buffer that is full does; gives these back.
    pub(crate) fn write_most(&mut self, events: u64, but: usize) -> String {
        let mut text = String::new();
        for id in self.next..self.next + events {
            text += &lines(id);
        }
        self.next += events;
        let rest = text.split_off(text.len().saturating_sub(but));
        self.write_rest(&text);
        rest
    }

    /// Writes what was left out.
    pub(crate) fn write_rest(&mut self, rest: &str) {
        self.file.write_all(rest.as_bytes()).expect("room on the disk");
    }

    /// Renames the file, as `logrotate` does, and begins a new one.
    pub(crate) fn rotate(&mut self) {
        self.rotations += 1;
        let old = self.path.with_extension(format!("jsonl.{}", self.rotations));
        std::fs::rename(&self.path, old).expect("a folder of our own");
        self.file = File::options().create(true).append(true).open(&self.path).expect("a file");
    }

    /// Removes what was rotated.
    pub(crate) fn remove_old(&mut self) {
        for rotation in self.oldest..=self.rotations {
            std::fs::remove_file(self.path.with_extension(format!("jsonl.{rotation}")))
                .expect("it was renamed to this");
        }
        self.oldest = self.rotations + 1;
    }
}

/// One event in so many stands behind a line that is none.
const SPOILT: u64 = 50;

/// How many lines that are no events stand before this event.
pub(crate) fn spoilt_before(id: u64) -> u64 {
    id / SPOILT
}

/// The line of an event, and the one before it if that is to be rejected.
pub(crate) fn lines(id: u64) -> String {
    let spoilt = if id % SPOILT == SPOILT - 1 { "{\"type\":\"metric\",\"spoilt\n" } else { "" };
    format!("{spoilt}{}\n", line(id))
}

/// What an event carries: a value, and a text that must be the right one for it.
fn line(id: u64) -> String {
    // Now in one hour, and now in another.
    let seconds = 1_760_000_000 + id / 1_000 + id / 300 % 3 * 3_600;
    format!(
        r#"{{"type":"metric","metric":"id","value":{id},"timestamp":{seconds}.{:03},"metadata":{{"check":"{}"}}}}"#,
        id % 1_000,
        check(id)
    )
}

/// A text that is a function of the number, now short and now long.
pub(crate) fn check(id: u64) -> String {
    format!("{:016x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15)).repeat(1 + (id % 7) as usize)
}
