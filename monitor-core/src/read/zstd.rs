//! zstd as a stream (RFC 8878): frames one behind the other, whatever stands between them skipped, and of one that is cut
//! short all that is whole.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// A last block without content, and a checksum that nobody compares.
const NO_MORE: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// Whether this is how zstd begins: with a frame, or with one that is to be skipped.
pub(super) fn is_zstd(head: &[u8]) -> bool {
    matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What is in the frames of a reader.
pub(super) struct ZstdReader<R> {
    packed: R,
    decoder: FrameDecoder,
    state: State,
}

enum State {
    BetweenFrames,
    InFrame,
    /// It is told once what was read before is handed out.
    Failed(io::Error),
    Ended,
}

impl<R: BufRead> ZstdReader<R> {
    pub(super) fn new(packed: R) -> Self {
        Self { packed, decoder: FrameDecoder::new(), state: State::BetweenFrames }
    }

    fn next_frame(&mut self) -> io::Result<State> {
        if self.packed.fill_buf()?.is_empty() {
            return Ok(State::Ended);
        }
        match self.decoder.reset(&mut self.packed) {
            Ok(()) => Ok(State::InFrame),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let length = u64::from(length);
                if io::copy(&mut self.packed.by_ref().take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(State::BetweenFrames)
            }
            Err(error) => Err(damaged(&error)),
        }
    }

    fn next_block(&mut self) -> State {
        if self.decoder.is_finished() {
            let (told, counted) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            if told.is_some() && told != counted {
                return State::Failed(damaged(&"the checksum is another one"));
            }
            return State::BetweenFrames;
        }
        match self.decoder.decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => State::InFrame,
            Err(error) => {
                // What later blocks may refer to is held back until the frame ends.
                drop(self.decoder.decode_blocks(NO_MORE, BlockDecodingStrategy::UptoBlocks(1)));
                State::Failed(damaged(&error))
            }
        }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if matches!(self.state, State::InFrame | State::Failed(_)) && self.decoder.can_collect() > 0 {
                return self.decoder.read(out);
            }
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::BetweenFrames => self.next_frame()?,
                State::InFrame => self.next_block(),
                State::Failed(error) => return Err(error),
                State::Ended => return Ok(0),
            };
        }
    }
}

fn damaged(error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the zstd is damaged, or cut short: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000).flat_map(|at| format!("{{\"value\":{},\"at\":{at}}}\n", at * 7_919 % 1_009).into_bytes()).collect()
    }

    /// One frame, by the encoder of those who made the format.
    fn frame(bytes: &[u8], checksum: bool) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
        encoder.include_checksum(checksum).expect("a parameter");
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn read(packed: &[u8]) -> (Vec<u8>, io::Result<usize>) {
        let mut bytes = Vec::new();
        // Through a small buffer: what is read does not end where frames do.
        let reader = io::BufReader::with_capacity(1_000, packed);
        let result = ZstdReader::new(reader).read_to_end(&mut bytes);
        (bytes, result)
    }

    #[test]
    fn frames_one_behind_the_other_with_what_is_to_be_skipped_between_them() {
        let text = text();
        let (head, tail) = text.split_at(300_000);
        let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
        let packed = [&skipped[..], &frame(head, true), &frame(b"", false), &skipped, &frame(tail, false)].concat();
        assert!(is_zstd(&packed) && is_zstd(&frame(b"", true)) && !is_zstd(b"") && !is_zstd(b"(\xb5/"));
        let (bytes, result) = read(&packed);
        assert_eq!(result.ok(), Some(text.len()));
        assert!(bytes == text);
    }

    #[test]
    fn what_was_cut_short_gives_what_is_whole_of_it_and_an_error() {
        let text = text();
        let first = frame(&text[..500_000], true);
        let packed = [&first[..], &frame(&text[500_000..], true)].concat();
        let mut most = 0;
        for cut in (4..packed.len() - 1).step_by(997) {
            let (bytes, result) = read(&packed[..cut]);
            assert!(text.starts_with(&bytes) && bytes.len() >= most, "{cut}");
            // Between two frames is no middle.
            assert_eq!(result.is_err(), cut != first.len(), "{cut}: {} {result:?}", bytes.len());
            most = bytes.len();
        }
        assert!(most > 600_000, "{most}");
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let text = text();
        let packed = frame(&text, true);
        for at in (5..packed.len()).step_by(1_009) {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            let (bytes, result) = read(&damaged);
            assert!(result.is_err() || bytes == text, "{at}");
        }
        assert!(read(&[packed, b"garbage".to_vec()].concat()).1.is_err());
    }
}
