//! The names of files that were rotated, so that their order is that of time, and ours are told from anybody else's.

use std::path::{Path, PathBuf};

use monitor_core::Timestamp;

use super::pack::Packing;

/// When a file was rotated, in UTC, as a part of its name; `%3f` are milliseconds.
const FORM: &str = "%Y%m%dT%H%M%S.%3fZ";
const DIGITS: &[u8] = b"00000000T000000.000Z";
/// A file is packed under a name that begins with a dot, so that no glob finds it.
const PART: &str = ".part";
/// So is one called that has been packed, until it is gone.
const ASIDE: &str = ".aside";

/// The name of a file that was rotated: `events.jsonl` becomes `events-20260504T140002.123Z.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rotated {
    /// Where the file was before.
    pub(super) base: PathBuf,
    /// When it was rotated, as in the name.
    pub(super) stamp: String,
    pub(super) packing: Option<Packing>,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Whole,
    Part,
    Aside,
}

impl Rotated {
    /// A name that no file has, of now, or of a moment later.
    pub(super) fn new(base: &Path, now: Timestamp) -> Self {
        let mut now = now;
        loop {
            let stamp = now.to_utc().format(FORM).to_string();
            let new = Self { base: base.to_owned(), stamp, packing: None, state: State::Whole };
            if !new.is_there() {
                return new;
            }
            now = now.plus(std::time::Duration::from_millis(1));
        }
    }

    fn is_there(&self) -> bool {
        let packed = |packing| self.packed(packing).path().exists();
        self.path().exists() || self.aside().path().exists() || Packing::ALL.into_iter().any(packed)
    }

    /// The same, packed.
    pub(super) fn packed(&self, packing: Packing) -> Self {
        Self { packing: Some(packing), state: State::Whole, ..self.clone() }
    }

    /// The same while it is packed.
    pub(super) fn part(&self, packing: Packing) -> Self {
        Self { state: State::Part, ..self.packed(packing) }
    }

    /// The plain one, once it has been packed.
    pub(super) fn aside(&self) -> Self {
        Self { packing: None, state: State::Aside, ..self.clone() }
    }

    /// The plain one.
    pub(super) fn plain(&self) -> Self {
        Self { packing: None, state: State::Whole, ..self.clone() }
    }

    pub(super) fn path(&self) -> PathBuf {
        let name = self.base.file_name().unwrap_or_default().to_string_lossy();
        let (stem, extension) = split(&name);
        let packing = self.packing.map_or("", Packing::extension);
        let (dot, state) = match self.state {
            State::Whole => ("", ""),
            State::Part => (".", PART),
            State::Aside => (".", ASIDE),
        };
        self.base.with_file_name(format!("{dot}{stem}-{}{extension}{packing}{state}", self.stamp))
    }

    /// Reads a name; none if it is not one of these, to the letter.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let mut name = path.file_name()?.to_str()?;
        let mut state = State::Whole;
        for (suffix, of) in [(PART, State::Part), (ASIDE, State::Aside)] {
            if let Some(rest) = name.strip_suffix(suffix).and_then(|rest| rest.strip_prefix('.')) {
                (name, state) = (rest, of);
            }
        }
        let mut packing = None;
        for of in Packing::ALL {
            if let Some(rest) = name.strip_suffix(of.extension()) {
                (name, packing) = (rest, Some(of));
                break;
            }
        }
        let (at, _) = name.rmatch_indices('-').find(|(at, _)| is_stamp(&name.as_bytes()[at + 1..]))?;
        let (stem, rest) = name.split_at(at);
        let (stamp, extension) = rest[1..].split_at(DIGITS.len());
        let base = format!("{stem}{extension}");
        let read = Self { base: path.with_file_name(&base), stamp: stamp.to_owned(), packing, state };
        (split(&base) == (stem, extension) && read.path() == path).then_some(read)
    }

    /// When it was rotated.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let s = &self.stamp;
        let text = format!("{}-{}-{}T{}:{}:{}Z", &s[..4], &s[4..6], &s[6..8], &s[9..11], &s[11..13], &s[13..19]);
        Timestamp::parse(&text, &monitor_core::Zone::UTC).ok()
    }
}

fn is_stamp(text: &[u8]) -> bool {
    text.len() >= DIGITS.len()
        && DIGITS.iter().zip(text).all(|(form, byte)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form })
}

/// A name before its last dot, and from there on.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_777_903_202_123_456);

    #[test]
    fn names_are_in_the_order_of_time_and_none_comes_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().join("events.jsonl");
        let mut names = Vec::new();
        for (at, packing) in [None, Some(Packing::Gzip), Some(Packing::Zstd), None].into_iter().enumerate() {
            let new = Rotated::new(&base, NOW);
            let new = packing.map_or(new.clone(), |packing| new.packed(packing));
            std::fs::write(new.path(), at.to_string()).expect("a file");
            names.push(new.path());
        }
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names[0], folder.path().join("events-20260504T140002.123Z.jsonl"));
        assert_eq!(names[1], folder.path().join("events-20260504T140002.124Z.jsonl.gz"));
        let time = Rotated::parse(&names[0]).and_then(|rotated| rotated.time());
        assert_eq!(time, Some(Timestamp::from_micros(1_777_903_202_123_000)));
    }

    #[test]
    fn only_names_of_ours_are_taken_for_such() {
        for base in ["d/events.jsonl", "events", "d/.hidden", "d/a-b.c-d", "d/a.b.jsonl"] {
            let new = Rotated::new(Path::new(base), NOW);
            for rotated in [new.packed(Packing::Gzip), new.part(Packing::Zstd), new.aside(), new] {
                assert_eq!(Rotated::parse(&rotated.path()), Some(rotated.clone()), "{:?}", rotated.path());
            }
        }
        for other in [
            "events.jsonl",
            "events-20260504T140002Z.jsonl",
            "events-20260504T140002.123Z.jsonl.bak",
            "events-20260504T140002.123Zjsonl",
            "events-2026050xT140002.123Z.jsonl",
            "events-20260504T140002.123Z.jsonl.gz.part",
            ".events-20260504T140002.123Z.jsonl.gz.parts",
        ] {
            let read = Rotated::parse(Path::new(other));
            assert!(read.as_ref().is_none_or(|read| read.base != Path::new("events.jsonl")), "{other}: {read:?}");
        }
    }
}
