//! Most lines of a recording have the shape of one before: the same keys in the same order, other values between them.
//!
//! A shape is learned from a line that was read the long way. The next line is compared with it piece by piece, and only
//! the values between the pieces are read. Whatever is not exactly so, or not certain to mean what the long way takes it
//! for, is left to the long way, which also finds the words for what is wrong.

mod learn;
mod pieces;
mod reading;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use self::pieces::Pieces;
use self::reading::{Fields, Reading};
use self::token::Token;
use crate::event::{Event, Kind};
use crate::sample::Facts;
use crate::time::Moments;
use crate::{Text, Timestamp, Zone};

/// As many shapes are kept: recordings mix kinds, and calls that went well with others.
const SHAPES: usize = 16;
/// Places for texts that come again and again.
const TEXTS: usize = 64;

/// What the lines before tell of the next one.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    /// The one seen last is first.
    known: Vec<Arc<Shape>>,
    /// The open values of the line in hand; kept for its memory.
    values: Vec<Token>,
    memory: Memory,
}

/// What lines have in common.
#[derive(Debug)]
struct Shape {
    kind: Kind,
    /// Whether it stands behind the time of a line of the reference's log.
    in_log: bool,
    /// The bytes before, between and behind the values.
    pieces: Pieces,
    /// What each value means.
    slots: Vec<Slot>,
    scores: Vec<ScoreValues>,
    attributes: Arc<[Text]>,
    /// For each attribute the place of its value among the open ones.
    attribute_values: Vec<usize>,
}

/// The places of the values of a score.
#[derive(Debug)]
struct ScoreValues {
    name: Text,
    value: Option<usize>,
    feedback: Option<usize>,
}

/// What a value means.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Time,
    Duration,
    Success,
    /// Of an evaluator or a metric.
    Name,
    Model,
    FinishReason,
    /// By its place among [`reading::Fields::counts`].
    Count(usize),
    Error,
    /// Of a metric.
    Value,
    Level,
    Message,
    /// Anything: an attribute, a score, or what is not kept.
    Open,
}

/// What spares work from line to line.
#[derive(Clone, Debug)]
struct Memory {
    moments: Moments,
    /// Texts that were seen last, each at the place that its bytes tell.
    texts: Vec<Text>,
}

impl Shapes {
    /// No shapes yet. Timestamps without a zone are in this one.
    pub(super) const fn new(zone: Zone) -> Self {
        let memory = Memory { moments: Moments::new(zone), texts: Vec::new() };
        Self { known: Vec::new(), values: Vec::new(), memory }
    }

    pub(super) const fn zone(&self) -> &Zone {
        self.memory.moments.zone()
    }

    /// The event of a line that is like one before. `log_time` is what stands before the object in the reference's log.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough in its lifetimes")]
    pub(super) fn event(&mut self, line: &str, log_time: Option<&str>, arrival: Timestamp) -> Option<Event> {
        self.read(line, log_time, arrival, |reading, memory| reading.event(memory))
    }

    /// What `take` makes of the facts of a line that is like one before.
    pub(super) fn facts<T>(
        &mut self,
        line: &str,
        log_time: Option<&str>,
        arrival: Timestamp,
        take: impl FnOnce(&Facts<'_>) -> T,
    ) -> Option<T> {
        self.read(line, log_time, arrival, |reading, _| take(&reading.facts()))
    }

    fn read<T>(
        &mut self,
        line: &str,
        log_time: Option<&str>,
        arrival: Timestamp,
        take: impl FnOnce(&Reading<'_>, &mut Memory) -> T,
    ) -> Option<T> {
        let Self { known, values, memory } = self;
        values.clear();
        let in_log = log_time.is_some();
        // In place: to hand them over takes longer than to read most of them.
        let mut fields = Fields::default();
        let at =
            known.iter().position(|shape| shape.in_log == in_log && shape.fits(line, &mut fields, values, memory))?;
        let otherwise = match log_time {
            None => arrival,
            Some(time) => memory.moments.read(time).ok()?,
        };
        let taken = take(&Reading::new(&known[at], line, values, &fields, otherwise), memory);
        if at > 0 {
            known[..=at].rotate_right(1);
        }
        Some(taken)
    }

    /// Learns the shape of a line that was read the long way.
    pub(super) fn learn(&mut self, line: &str, in_log: bool, kind: Kind) {
        let Some(shape) = Shape::learn(line, in_log, kind) else { return };
        if !self.known.iter().any(|known| known.in_log == in_log && known.pieces == shape.pieces) {
            self.known.truncate(SHAPES - 1);
            self.known.insert(0, Arc::new(shape));
        }
    }
}

impl Memory {
    /// A text of which there are few: the name of a model, of an operation. To copy a known one is quicker than to make one,
    /// and long ones share their memory.
    #[inline]
    fn text(&mut self, text: &str) -> Text {
        let [first, .., last] = text.as_bytes() else { return Text::new(text) };
        if self.texts.is_empty() {
            self.texts.resize(TEXTS, Text::default());
        }
        let place = (text.len() * 7 + usize::from(*first) * 3 + usize::from(*last)) % TEXTS;
        let known = &mut self.texts[place];
        if known != text {
            *known = Text::new(text);
        }
        known.clone()
    }
}
