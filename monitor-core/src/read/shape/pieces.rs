//! The bytes that lines of one shape have in common, between their values.

/// Pieces, in the order in which they stand in a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    list: Vec<Piece>,
    /// The pieces by eight bytes, the last ones of each filled up with zeros: a call of `memcmp` takes longer than most
    /// pieces do.
    words: Vec<u64>,
    /// What stands behind the last value.
    tail: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    length: usize,
    /// Where its words begin and end.
    words: (usize, usize),
    /// The bytes of its last word that belong to it.
    mask: u64,
}

const WORD: usize = 8;

impl Pieces {
    /// Adds a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        let begin = self.words.len();
        for part in piece.chunks(WORD) {
            let mut word = [0; WORD];
            word[..part.len()].copy_from_slice(part);
            self.words.push(u64::from_le_bytes(word));
        }
        let rest = piece.len() % WORD;
        let mask = if rest == 0 { u64::MAX } else { (1 << (8 * rest)) - 1 };
        self.list.push(Piece { length: piece.len(), words: (begin, self.words.len()), mask });
    }

    /// Says what stands behind the last value.
    pub(super) fn end(&mut self, tail: &[u8]) {
        self.tail = tail.to_vec();
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.iter().map(|piece| piece.length).sum::<usize>() + self.tail.len()
    }

    /// The pieces before the values, in order.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = PieceOf<'_>> {
        self.list.iter().map(|piece| PieceOf { piece, words: &self.words[piece.words.0..piece.words.1] })
    }

    /// Whether a line ends as it should.
    pub(super) fn ends(&self, rest: &[u8]) -> bool {
        // A few bytes: quicker one by one than by a call of `memcmp`.
        rest.len() == self.tail.len() && rest.iter().zip(&self.tail).all(|(a, b)| a == b)
    }
}

/// A piece with its words.
pub(super) struct PieceOf<'a> {
    piece: &'a Piece,
    words: &'a [u64],
}

impl PieceOf<'_> {
    /// If the piece stands `at` this place of a line, the place behind it.
    #[inline]
    pub(super) fn behind(self, line: &[u8], at: usize) -> Option<usize> {
        let Some((last, words)) = self.words.split_last() else { return Some(at) };
        let padded = line.get(at..at + WORD * (words.len() + 1));
        let differ = if let Some((line_words, _)) = padded.map(<[u8]>::as_chunks::<WORD>) {
            let (line_last, line_words) = line_words.split_last()?;
            let differ = (u64::from_le_bytes(*line_last) ^ last) & self.piece.mask;
            line_words.iter().zip(words).fold(differ, |differ, (a, b)| differ | (u64::from_le_bytes(*a) ^ b))
        } else {
            self.differs_at_end(line.get(at..)?)
        };
        (differ == 0).then_some(at + self.piece.length)
    }

    /// So near the end of the line that there are no words to compare.
    #[cold]
    fn differs_at_end(&self, line: &[u8]) -> u64 {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes());
        let length = self.piece.length;
        let same = line.len() >= length && line.iter().copied().zip(bytes).take(length).all(|(a, b)| a == b);
        u64::from(!same)
    }
}
