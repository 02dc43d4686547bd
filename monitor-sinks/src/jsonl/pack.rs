//! Packs a file that nobody writes to any more. What is packed appears whole or not at all, and a reader never finds a line in
//! two files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::Deserialize;

use super::rotated::Rotated;
use crate::append::sync_folder_of;

/// Between two looks at whether it is to stop.
const CHUNK: usize = 256 << 10;

/// How rotated files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// As `.gz`, which everything reads.
    Gzip,
    /// As `.zst`: smaller, and made in less time.
    Zstd,
}

impl Packing {
    pub(super) const ALL: [Self; 2] = [Self::Gzip, Self::Zstd];

    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// Puts a packed file in the place of a plain one. Tells whether it is done: it may be stopped.
///
/// The plain one is set aside under a name that no glob finds before the packed one gets its own, and removed last: whenever
/// that is interrupted, [`recover`] knows how far it was.
pub(super) fn pack(plain: &Rotated, packing: Packing, stop: &AtomicBool) -> io::Result<bool> {
    let (packed, part, aside) = (plain.packed(packing).path(), plain.part(packing).path(), plain.aside().path());
    let written = write(&mut File::open(plain.path())?, packing, File::create(&part)?, stop);
    if !matches!(written, Ok(true)) {
        // If it cannot be removed, it is the next time.
        drop(std::fs::remove_file(&part));
        return written;
    }
    std::fs::rename(plain.path(), &aside)?;
    std::fs::rename(&part, &packed)?;
    // Or a loss of power takes both.
    sync_folder_of(&packed)?;
    std::fs::remove_file(&aside)?;
    Ok(true)
}

fn write(plain: &mut File, packing: Packing, part: File, stop: &AtomicBool) -> io::Result<bool> {
    let part = BufWriter::with_capacity(CHUNK, part);
    let part = match packing {
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(part, flate2::Compression::default());
            if !copy(plain, &mut encoder, stop)? {
                return Ok(false);
            }
            encoder.finish()?
        }
        Packing::Zstd => {
            let mut encoder = zstd::Encoder::new(part, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            if !copy(plain, &mut encoder, stop)? {
                return Ok(false);
            }
            encoder.finish()?
        }
    };
    part.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(true)
}

fn copy(from: &mut File, to: &mut impl Write, stop: &AtomicBool) -> io::Result<bool> {
    let mut buffer = vec![0; CHUNK];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        match from.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(read) => to.write_all(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Undoes, or completes, what was interrupted: a part goes, and so does what was set aside if it is packed; else it comes back.
pub(super) fn recover(left: &Rotated) -> io::Result<()> {
    use super::rotated::State;
    match left.state {
        State::Whole => Ok(()),
        State::Part => std::fs::remove_file(left.path()),
        State::Aside if Packing::ALL.into_iter().any(|packing| left.packed(packing).path().exists()) => {
            std::fs::remove_file(left.path())
        }
        State::Aside => std::fs::rename(left.path(), left.plain().path()),
    }
}
