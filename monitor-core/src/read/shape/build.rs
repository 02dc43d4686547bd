//! From the values of a line to its event, each by what it means. `None` leaves the line to the long way.

use super::token::Token;
use super::{Memory, Shape, Slot};
use crate::event::{Body, Evaluation, Event, Generation, Kind, Level, Log, Metadata, Metric, Scalar, Score, Tokens};
use crate::read::LARGEST;
use crate::{Text, Timestamp};

/// What the values of a line have said so far, whatever the kind of its event.
#[derive(Debug, Default)]
pub(super) struct Draft {
    time: Option<Timestamp>,
    /// How long it took; of a metric its value.
    number: f64,
    success: bool,
    /// Of an evaluator or a metric.
    name: Text,
    model_name: Option<Text>,
    finish_reason: Option<Text>,
    pub(super) tokens: Tokens,
    pub(super) conversation_length: Option<u64>,
    error: Option<Text>,
    level: Level,
    message: Text,
    scores: Vec<Score>,
    attributes: Vec<Scalar>,
}

impl Shape {
    /// The event of a line of this shape. Without a timestamp in it, it happened at `otherwise`.
    pub(super) fn event(
        &self,
        line: &str,
        tokens: &[Token],
        otherwise: Timestamp,
        memory: &mut Memory,
    ) -> Option<Event> {
        let mut draft = Draft {
            scores: self.scores.iter().map(|name| Score { name: name.clone(), value: None, feedback: None }).collect(),
            attributes: self.attributes.iter().map(|_| Scalar::Null).collect(),
            ..Draft::default()
        };
        for ((_, slot), token) in self.slots.iter().zip(tokens) {
            draft.set(*slot, *token, line, self.kind, memory)?;
        }
        Some(Event { time: draft.time.unwrap_or(otherwise), body: draft.into_body(self)? })
    }
}

impl Draft {
    #[inline]
    fn set(&mut self, slot: Slot, token: Token, line: &str, kind: Kind, memory: &mut Memory) -> Option<()> {
        match slot {
            Slot::Time => {
                self.time = match token.text(line) {
                    Some(text) => Some(memory.moments.read(&text).ok()?),
                    None if token.is_null(line) => None,
                    None => Some(Timestamp::from_unix(token.float(line)?).ok()?),
                }
            }
            Slot::Duration => self.number = token.float(line).filter(|seconds| (0.0..=LARGEST).contains(seconds))?,
            Slot::Value => self.number = token.float(line).filter(|value| value.abs() <= LARGEST)?,
            Slot::Success => self.success = token.flag(line)?,
            Slot::Name => self.name = memory.text(&token.text(line).filter(|name| !name.is_empty())?),
            Slot::Model => self.model_name = Some(memory.name(token, line)?),
            Slot::FinishReason => self.finish_reason = Some(memory.name(token, line)?),
            Slot::Count(_) | Slot::Level if token.is_null(line) => {}
            Slot::Count(field) => *field(self) = Some(token.count(line)?),
            // Null says of an evaluation that nothing went wrong.
            Slot::Error if token.is_null(line) => self.error = (kind == Kind::Evaluation).then(Text::default),
            Slot::Error => self.error = Some(Text::new(token.text(line)?)),
            Slot::Level => self.level = token.text(line)?.parse().ok()?,
            Slot::Message => self.message = Text::new(token.text(line)?),
            Slot::Score(at) => {
                self.scores[at].value = match token.scalar(line)? {
                    Scalar::Number(number) => number.as_f64().filter(|value| value.abs() <= LARGEST),
                    _ => None,
                }
            }
            Slot::Feedback(at) => {
                self.scores[at].feedback = match token.scalar(line)? {
                    Scalar::Text(text) => Some(text),
                    _ => None,
                }
            }
            Slot::Attribute(at) => self.attributes[at] = token.scalar(line)?,
            Slot::Ignored => drop(token.scalar(line)?),
        }
        Some(())
    }

    fn into_body(self, shape: &Shape) -> Option<Body> {
        let metadata = Metadata::flat(&shape.attributes, self.attributes);
        Some(match shape.kind {
            Kind::Generation => Body::from(Generation {
                duration: self.number,
                success: self.success,
                model_name: self.model_name,
                finish_reason: self.finish_reason,
                tokens: self.tokens,
                conversation_length: self.conversation_length,
                error: self.error,
                metadata,
            }),
            Kind::Evaluation => Body::from(Evaluation {
                duration: self.number,
                success: self.success,
                evaluator_type: self.name,
                scores: self.scores,
                model_name: self.model_name,
                tokens: self.tokens,
                error: self.error,
                metadata,
            }),
            Kind::Metric => Body::from(Metric::with_metadata(self.name, self.number, metadata)),
            Kind::Log => Body::from(Log { level: self.level, message: self.message, metadata }),
            Kind::Alert => return None,
        })
    }
}
