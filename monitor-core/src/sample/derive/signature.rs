//! Texts with a number each, in order: what a set of labels, or of metrics, is recognised by without a copy of any.

use std::hash::{Hash, Hasher};

/// A list of numbered texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    text: String,
    /// For each text its number, and where it ends.
    parts: Vec<(usize, usize)>,
}

impl Signature {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, number: usize, text: &str) {
        self.text.push_str(text);
        self.parts.push((number, self.text.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut begin = 0;
        self.parts.iter().map(move |(number, end)| (*number, &self.text[std::mem::replace(&mut begin, *end)..*end]))
    }
}

impl Hash for Signature {
    /// The texts tell nearly all signatures apart; equality looks at the numbers, too.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
