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
}

impl Feed {
    pub(crate) fn new(folder: &Path) -> Self {
        let path = folder.join("app.jsonl");
        let file = File::options().create(true).append(true).open(&path).expect("a file");
        Self { path, file, next: 0, rotations: 0 }
    }

    /// How many events were written.
    pub(crate) fn written(&self) -> u64 {
        self.next
    }

    /// Writes so many events at once. The last line may be written in two halves, as a buffer that is full does.
    pub(crate) fn write(&mut self, events: u64, in_halves: bool) {
        let mut text = String::new();
        for id in self.next..self.next + events {
            text += &line(id);
            text.push('\n');
        }
        self.next += events;
        let cut = if in_halves { text.len().saturating_sub(20) } else { text.len() };
        self.file.write_all(&text.as_bytes()[..cut]).expect("room on the disk");
        if in_halves {
            std::thread::sleep(std::time::Duration::from_millis(3));
            self.file.write_all(&text.as_bytes()[cut..]).expect("room on the disk");
        }
    }

    /// Renames the file, as `logrotate` does, and begins a new one.
    pub(crate) fn rotate(&mut self) {
        self.rotations += 1;
        let old = self.path.with_extension(format!("jsonl.{}", self.rotations));
        std::fs::rename(&self.path, old).expect("a folder of our own");
        self.file = File::options().create(true).append(true).open(&self.path).expect("a file");
    }
}

/// What an event carries: a value, and a text that must be the right one for it.
pub(crate) fn line(id: u64) -> String {
    let seconds = 1_760_000_000 + id / 1_000;
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
