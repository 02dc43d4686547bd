//! Texts with a number each, in order: what a set of labels, or of metrics, is recognised by.

use std::hash::{Hash, Hasher};

/// A list of numbered texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    text: Vec<u8>,
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
        append(&mut self.text, text.as_bytes());
        self.parts.push((number, self.text.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut begin = 0;
        self.parts.iter().map(move |(number, end)| {
            let text = std::str::from_utf8(&self.text[std::mem::replace(&mut begin, *end)..*end]);
            (*number, text.expect("texts were pushed"))
        })
    }
}

impl Hash for Signature {
    /// The texts tell nearly all signatures apart; equality looks at the numbers, too.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Names of models and operations are short: a call of `memcpy` takes longer than to copy one by its two ends.
#[inline]
fn append(text: &mut Vec<u8>, more: &[u8]) {
    match more.len() {
        4..8 => append_ends::<4>(text, more),
        8..=16 => append_ends::<8>(text, more),
        17..=32 => append_ends::<16>(text, more),
        _ => text.extend_from_slice(more),
    }
}

#[inline]
fn append_ends<const N: usize>(text: &mut Vec<u8>, more: &[u8]) {
    if let (Some(first), Some(last)) = (more.first_chunk::<N>(), more.last_chunk::<N>()) {
        let end = text.len() + more.len();
        text.extend_from_slice(first);
        text.truncate(end - N);
        text.extend_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_come_out_as_they_went_in() {
        let texts: Vec<String> =
            (0..70).map(|length| ('a'..='z').cycle().skip(length).take(length).collect()).collect();
        let mut signature = Signature::default();
        for (number, text) in texts.iter().enumerate() {
            signature.push(number, text);
        }
        assert!(signature.iter().eq(texts.iter().map(String::as_str).enumerate()));
    }
}
