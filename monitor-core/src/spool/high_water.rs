//! How far the spool has ever been, beside it: a write-ahead log that is damaged, or an older copy put in its place, takes a
//! database back without a trace.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Its name in the data folder.
pub(super) const FILE: &str = "spool.next";

/// The number that the next event gets, and its checksum.
#[derive(Debug)]
pub(super) struct HighWater(Option<File>);

impl HighWater {
    /// Opens or creates it. Gives back what it says, if it can be read.
    pub(super) fn open(folder: &Path) -> (Self, Option<u64>) {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(folder.join(FILE));
        let mut bytes = [0; 12];
        let said = file.as_ref().ok().and_then(|mut file| file.read_exact(&mut bytes).ok());
        let (number, crc) = bytes.split_first_chunk::<8>().expect("twelve are more than eight");
        let whole = said.is_some() && crc == crc32fast::hash(number).to_le_bytes();
        (Self(file.ok()), whole.then(|| u64::from_le_bytes(*number)))
    }

    /// Notes that the spool is so far. What cannot be written here only makes it less likely that a loss is noticed.
    pub(super) fn note(&mut self, next: u64) {
        let Some(file) = &mut self.0 else { return };
        let number = next.to_le_bytes();
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&crc32fast::hash(&number).to_le_bytes());
        drop(file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&bytes)));
    }
}
