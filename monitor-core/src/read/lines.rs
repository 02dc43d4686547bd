//! Lines of a byte stream, numbered and bounded: a line without end must not take all memory.

use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr;

/// The longest line that is read, in bytes. Longer ones are skipped and counted. (A fuzzer's inputs are short.)
pub const MAX_LINE: usize = if cfg!(fuzzing) { 64 } else { 8 << 20 };

/// Reads lines one by one. One that the reader's buffer holds as a whole is handed out from there.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    /// Bytes of the reader's buffer that were handed out.
    handed_out: usize,
    /// The parts so far of a line that goes over the end of the buffer.
    line: Vec<u8>,
    /// Whether `line` was handed out, so that the next one begins.
    done: bool,
    /// Whether the rest of a line that was too long is still to be skipped.
    skipping: bool,
    number: u64,
    position: u64,
}

/// What a read came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A line, without its line break.
    Line(&'a [u8]),
    /// The beginning of a line that is longer than [`MAX_LINE`].
    TooLong(&'a [u8]),
    /// Nothing more for now.
    End,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, handed_out: 0, line: Vec::new(), done: true, skipping: false, number: 0, position: 0 }
    }

    /// What is read from; the line handed out last may still stand at the front of its buffer.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    pub(crate) fn reader_mut(&mut self) -> &mut R {
        self.let_go();
        &mut self.reader
    }

    /// Lets go of what was handed out of the reader's buffer.
    fn let_go(&mut self) {
        self.reader.consume(std::mem::take(&mut self.handed_out));
    }

    /// Forgets everything, as if nothing had been read yet.
    pub(crate) fn reset(&mut self) {
        self.handed_out = 0;
        self.line.clear();
        (self.done, self.skipping, self.number, self.position) = (true, false, 0, 0);
    }

    /// The number of the line handed out last; the first is 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Goes on with a stream of which so many lines, and so many bytes, were read before; `skipping` in the midst of a line
    /// that was too long.
    pub(crate) fn going_on(mut self, number: u64, position: u64, skipping: bool) -> Self {
        (self.number, self.position, self.skipping) = (number, position, skipping);
        self
    }

    /// Whether it is in the midst of a line that was too long.
    pub(crate) fn skipping(&self) -> bool {
        self.skipping
    }

    /// How many bytes the lines had that were handed out, and what was skipped.
    pub(crate) fn handed_out(&self) -> u64 {
        self.position - if self.done { 0 } else { self.line.len() as u64 }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next line. At the end of the stream, a line without a line break is handed out only if `last` says that no
    /// more of it can come; otherwise it is kept, and read on at the next call.
    ///
    /// # Errors
    /// What the reader answers.
    pub fn next(&mut self, last: bool) -> io::Result<Next<'_>> {
        self.let_go();
        if self.done {
            self.line.clear();
            self.done = false;
        }
        while self.skipping {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Next::End);
            }
            let end = memchr(b'\n', buffer);
            let skipped = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(skipped);
            self.position += skipped as u64;
            self.skipping = end.is_none();
        }
        if self.line.is_empty()
            && let Some(end) = memchr(b'\n', self.reader.fill_buf()?)
            && end < MAX_LINE
        {
            self.handed_out = end + 1;
            self.position += self.handed_out as u64;
            self.hand_out();
            return Ok(Next::Line(trim_break(&self.reader.fill_buf()?[..=end])));
        }
        let room = MAX_LINE + 1 - self.line.len();
        let read = self.reader.by_ref().take(room as u64).read_until(b'\n', &mut self.line)?;
        self.position += read as u64;
        let ended = self.line.last() == Some(&b'\n');
        if !ended && self.line.len() > MAX_LINE {
            self.skipping = true;
            self.hand_out();
            return Ok(Next::TooLong(&self.line));
        }
        if !ended && (self.line.is_empty() || !last) {
            return Ok(Next::End);
        }
        self.hand_out();
        Ok(Next::Line(trim_break(&self.line)))
    }

    fn hand_out(&mut self) {
        self.number += 1;
        self.done = true;
    }
}

impl<R: Read> Lines<BufReader<R>> {
    /// Whether a whole line can be handed out without reading on.
    pub(crate) fn has_line(&self) -> bool {
        memchr(b'\n', &self.reader.buffer()[self.handed_out..]).is_some()
    }
}

fn trim_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_of_both_kinds_and_a_last_line_without_one() {
        let mut lines = Lines::new(&b"one\r\n\ntwo"[..]);
        assert_eq!(lines.next(true).expect("memory"), Next::Line(b"one"));
        assert_eq!(lines.next(true).expect("memory"), Next::Line(b""));
        assert_eq!(lines.next(false).expect("memory"), Next::End);
        assert_eq!(lines.next(true).expect("memory"), Next::Line(b"two"));
        assert_eq!((lines.number(), lines.position()), (3, 9));
        assert_eq!(lines.next(true).expect("memory"), Next::End);
    }

    #[test]
    fn a_line_that_is_too_long_costs_only_itself() {
        let mut text = vec![b'x'; MAX_LINE + 5];
        text.extend_from_slice(b"\nnext\n");
        let mut lines = Lines::new(&text[..]);
        assert!(matches!(lines.next(true), Ok(Next::TooLong(head)) if head.len() == MAX_LINE + 1));
        assert_eq!(lines.next(true).expect("memory"), Next::Line(b"next"));
        assert_eq!(lines.number(), 2);
    }

    #[test]
    fn a_line_that_is_too_long_goes_on_behind_the_end_of_what_is_there() {
        // A file that grows: what comes later still belongs to the line that is skipped.
        let parts: [&[u8]; 4] = [vec![b'x'; MAX_LINE + 5].leak(), b"", b"{\"forged\":1}\n", b"next\n"];
        let mut lines = Lines::new(BufReader::new(Parts(parts.into())));
        assert!(matches!(lines.next(false), Ok(Next::TooLong(_))));
        assert_eq!(lines.next(false).expect("memory"), Next::End);
        assert_eq!(lines.next(false).expect("memory"), Next::Line(b"next"));
    }

    /// A reader that comes to its end after each part.
    struct Parts(std::collections::VecDeque<&'static [u8]>);

    impl Read for Parts {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some(part) = self.0.front_mut() else { return Ok(0) };
            let read = part.read(out)?;
            if part.is_empty() {
                self.0.pop_front();
            }
            Ok(read)
        }
    }

    #[test]
    fn a_longest_line_is_read() {
        let mut text = vec![b'x'; MAX_LINE];
        text.push(b'\n');
        let mut lines = Lines::new(&text[..]);
        assert!(matches!(lines.next(true), Ok(Next::Line(line)) if line.len() == MAX_LINE));
    }
}
