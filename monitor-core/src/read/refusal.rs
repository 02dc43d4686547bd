//! Why a line was refused: one word to count by, one sentence for people.

use std::fmt;

/// Why a line or an event was refused, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Bytes that are no UTF-8.
    InvalidUtf8,
    /// No JSON: cut short, control characters, something else altogether.
    InvalidJson,
    /// A line of more than [`super::MAX_LINE`] bytes.
    TooLong,
    /// Nested deeper than 128 levels.
    TooDeep,
    /// JSON, but not an event: neither `type`, nor `metric` and `value`.
    NotAnEvent,
    /// A `type` that names no kind of event.
    UnknownType,
    /// A field that an event of this kind must have is not there.
    MissingField,
    /// A field holds something else than it should.
    WrongType,
    /// NaN or infinity where a number must be.
    NonFinite,
    /// A number beyond ±1e150 (its square must stay finite), or a count beyond 2^53.
    OutOfRange,
    /// A duration or a count below zero.
    Negative,
    /// A timestamp in no known form, or outside the years 1970 to 9999.
    Timestamp,
    /// A timestamp further ahead of the clock than is believable.
    Future,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::InvalidUtf8,
        Self::InvalidJson,
        Self::TooLong,
        Self::TooDeep,
        Self::NotAnEvent,
        Self::UnknownType,
        Self::MissingField,
        Self::WrongType,
        Self::NonFinite,
        Self::OutOfRange,
        Self::Negative,
        Self::Timestamp,
        Self::Future,
    ];

    /// The word in counters and in `rejected.jsonl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidJson => "invalid_json",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::NotAnEvent => "not_an_event",
            Self::UnknownType => "unknown_type",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::NonFinite => "non_finite",
            Self::OutOfRange => "out_of_range",
            Self::Negative => "negative",
            Self::Timestamp => "timestamp",
            Self::Future => "future",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused line: the reason, and what to tell whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// The word to count by.
    pub reason: Reason,
    /// The sentence for people.
    pub error: String,
}

/// Bytes of the sentence for people.
const LONGEST: usize = 300;

impl Refusal {
    /// A refusal for `reason`.
    pub fn new(reason: Reason, error: impl Into<String>) -> Self {
        let mut error = error.into();
        // A word of the line may be as long as the line.
        if error.len() > LONGEST {
            error.truncate(error.floor_char_boundary(LONGEST));
            error.push('…');
        }
        Self { reason, error }
    }
}
