//! Lines of a stream that is cut anywhere, packed or not, are those of its bytes split at the breaks; one that is too long
//! is told from its beginning. The first line of an input says how large the reader's buffer is, and where it is cut.
#![no_main]

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use monitor_core::fuzzing::unpacked;
use monitor_core::read::{Lines, MAX_LINE, Next};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame of zstd that is passed over.
const SKIPPED: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

fuzz_target!(|input: &[u8]| {
    let head = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let ([buffer, cuts @ ..], [_, bytes @ ..]) = input.split_at(head) else { return };
    let expected = split(bytes);
    let buffered = |reader| BufReader::with_capacity(1 + usize::from(*buffer), reader);
    assert_eq!(lines(buffered(Parts::new(bytes, cuts))), Ok(expected.clone()));
    // The end of a part is not that of a gzip.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let reader = unpacked(io::Cursor::new(packed.clone())).expect("memory");
    assert_eq!(lines(reader), Ok(expected.clone()));
    // Cut off or neither gzip nor zstd at all, what is read before the error is what was there.
    let at = packed.len() * usize::from(*buffer) / 256;
    for damaged in [
        packed[..at].to_vec(),
        [&GZIP[..], bytes].concat(),
        [&ZSTD[..], bytes].concat(),
        [&SKIPPED[..], bytes].concat(),
    ] {
        _ = unpacked(io::Cursor::new(damaged)).map(lines);
    }
    let is_skipped = bytes.len() >= 4 && bytes[0] & 0xf0 == 0x50 && bytes[1..].starts_with(&SKIPPED[1..]);
    if !bytes.starts_with(&GZIP) && !bytes.starts_with(&ZSTD) && !is_skipped {
        assert_eq!(unpacked(io::Cursor::new(bytes.to_vec())).map(lines).expect("memory"), Ok(expected));
    }
});

/// A line, or the beginning of one that is too long.
type Read1 = Result<Vec<u8>, Vec<u8>>;

fn split(bytes: &[u8]) -> Vec<Read1> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // Behind the last break there is a line only if there is anything.
    lines.pop_if(|last| last.is_empty());
    let read = |line: &[u8]| match line {
        long if long.len() > MAX_LINE => Err(long[..=MAX_LINE].to_vec()),
        line => Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec()),
    };
    lines.into_iter().map(read).collect()
}

/// All lines, or how many there were before an error. An end is one only if it comes often.
fn lines(reader: impl BufRead) -> Result<Vec<Read1>, usize> {
    let (mut lines, mut all, mut ends) = (Lines::new(reader), Vec::new(), 0);
    loop {
        let last = ends > Parts::MOST;
        match lines.next(last).map_err(|_| all.len())? {
            Next::Line(line) => all.push(Ok(line.to_vec())),
            Next::TooLong(begin) => all.push(Err(begin.to_vec())),
            Next::End if last => break,
            Next::End => ends += 1,
        }
        assert_eq!(lines.number(), all.len() as u64);
    }
    Ok(all)
}

/// A reader that comes to its end after each part, as a file that grows.
struct Parts(VecDeque<Vec<u8>>);

impl Parts {
    const MOST: usize = 256;

    fn new(mut bytes: &[u8], cuts: &[u8]) -> Self {
        let mut parts = VecDeque::new();
        for cut in cuts.iter().take(Self::MOST - 1) {
            let (part, rest) = bytes.split_at(usize::from(*cut).min(bytes.len()));
            parts.push_back(part.to_vec());
            bytes = rest;
        }
        parts.push_back(bytes.to_vec());
        Self(parts)
    }
}

impl Read for Parts {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.0.front_mut() else { return Ok(0) };
        let count = part.as_slice().read(out)?;
        part.drain(..count);
        if count == 0 {
            self.0.pop_front();
        }
        Ok(count)
    }
}
