//! The values of a line by what they mean: the facts of its event, and the event itself for whoever asks for it.

use std::borrow::Cow;
use std::sync::Arc;

use super::token::{Token, count_at, decimal_at, flag_at, text_at};
use super::{Memory, Shape, Slot};
use crate::event::{
    Body, Evaluation, Event, Generation, Kind, Level, Log, Metadata, Metric, Scalar, Score, Tokens, flag,
};
use crate::read::LARGEST;
use crate::read::fields::UNKNOWN;
use crate::sample::{Details, Facts, TellScore};
use crate::time::USUAL;
use crate::{Text, Timestamp};

/// A line that has been read, and is an event for certain, though none has been made of it.
pub(super) struct Reading<'a> {
    shape: &'a Shape,
    line: &'a str,
    /// Its open values, in their order.
    values: &'a [Token],
    fields: &'a Fields<'a>,
    time: Timestamp,
}

/// What the values say, whatever the kind of the event.
#[derive(Default)]
pub(super) struct Fields<'a> {
    /// Whether a shape has been tried.
    begun: bool,
    time: Option<Timestamp>,
    /// How long it took; of a metric its value.
    number: f64,
    success: bool,
    /// Of an evaluator or a metric.
    name: &'a str,
    model_name: Option<&'a str>,
    finish_reason: Option<&'a str>,
    /// Tokens (prompt, completion, total, cached, reasoning), and the length of the conversation.
    counts: [Option<u64>; 6],
    error: Option<Token>,
    level: Level,
    message: Option<Token>,
}

impl Shape {
    /// Whether a line has this shape, and certainly is an event; otherwise it is left to the long way. What its values say
    /// is put into `fields`, and where the open ones are into `values`.
    pub(super) fn fits<'a>(
        &self,
        line: &'a str,
        fields: &mut Fields<'a>,
        values: &mut Vec<Token>,
        memory: &mut Memory,
    ) -> bool {
        if fields.begun {
            // By another shape.
            values.clear();
            *fields = Fields::default();
        }
        fields.begun = true;
        let mut at = 0;
        for (piece, slot) in self.pieces.iter().zip(&self.slots) {
            let Some(begin) = piece.behind(line.as_bytes(), at) else { return false };
            let Some(behind) = fields.set(*slot, line, begin, values, memory) else { return false };
            at = behind;
        }
        self.pieces.ends(&line.as_bytes()[at..])
    }
}

impl<'a> Fields<'a> {
    /// Reads the value that begins here, and tells where it ends.
    #[inline]
    fn set(
        &mut self,
        slot: Slot,
        line: &'a str,
        at: usize,
        values: &mut Vec<Token>,
        memory: &mut Memory,
    ) -> Option<usize> {
        let bytes = line.as_bytes();
        match slot {
            Slot::Count(field) => {
                if let Some((behind, count)) = count_at(bytes, at) {
                    self.counts[field] = Some(count);
                    return Some(behind);
                }
            }
            Slot::Duration | Slot::Value => {
                if let Some((behind, number)) = decimal_at(bytes, at) {
                    self.number = number;
                    return Some(behind);
                }
            }
            Slot::Success => {
                if let Some((behind, success)) = flag_at(bytes, at) {
                    self.success = success;
                    return Some(behind);
                }
            }
            Slot::Time => {
                if let Some((behind, text)) = text_at::<USUAL>(bytes, at)
                    && let Some(moment) = memory.moments.read_usual(text)
                {
                    self.time = Some(moment);
                    return Some(behind);
                }
            }
            _ => {}
        }
        let token = Token::at(bytes, at)?;
        if let Slot::Open = slot {
            values.push(token);
            return token.is_value(line).then_some(token.behind());
        }
        self.set_any(slot, token, line, memory)?;
        Some(token.behind())
    }

    #[inline]
    fn set_any(&mut self, slot: Slot, token: Token, line: &'a str, memory: &mut Memory) -> Option<()> {
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
            Slot::Name => self.name = token.plain(line).filter(|name| !name.is_empty())?,
            Slot::Model => self.model_name = Some(name(token, line)?),
            Slot::FinishReason => self.finish_reason = Some(name(token, line)?),
            Slot::Count(_) | Slot::Level if token.is_null(line) => {}
            Slot::Count(field) => self.counts[field] = Some(token.count(line)?),
            Slot::Error => self.error = Some(Some(token).filter(|token| token.is_null(line) || token.is_text(line))?),
            Slot::Level => self.level = token.text(line)?.parse().ok()?,
            Slot::Message => self.message = Some(Some(token).filter(|token| token.is_text(line))?),
            Slot::Open => {}
        }
        Some(())
    }

    fn tokens(&self) -> Tokens {
        let [prompt, completion, total, cached, reasoning, _] = self.counts;
        Tokens { prompt, completion, total, cached, reasoning }
    }

    fn conversation_length(&self) -> Option<u64> {
        self.counts[5]
    }
}

/// A name that null says is not known.
#[inline]
fn name(token: Token, line: &str) -> Option<&str> {
    token.plain(line).or_else(|| token.is_null(line).then_some(UNKNOWN))
}

impl<'a> Reading<'a> {
    /// Without a timestamp in the line, it happened at `otherwise`.
    pub(super) fn new(
        shape: &'a Shape,
        line: &'a str,
        values: &'a [Token],
        fields: &'a Fields<'a>,
        otherwise: Timestamp,
    ) -> Self {
        let time = fields.time.unwrap_or(otherwise);
        Self { shape, line, values, fields, time }
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        let fields = self.fields;
        Facts {
            time: self.time,
            kind: self.shape.kind,
            number: fields.number,
            success: fields.success,
            name: fields.name,
            model_name: fields.model_name,
            finish_reason: fields.finish_reason,
            tokens: fields.tokens(),
            conversation_length: fields.conversation_length(),
            // Null says of an evaluation that nothing went wrong.
            failed: fields.error.map(|error| error.text(self.line).is_some_and(|error| !error.is_empty())),
            details: self,
        }
    }

    pub(super) fn event(&self, memory: &mut Memory) -> Event {
        Event { time: self.time, body: self.body(memory) }
    }

    fn body(&self, memory: &mut Memory) -> Body {
        let fields = self.fields;
        let attributes = self.shape.attributes.iter().zip(&self.shape.attribute_values);
        let attributes = attributes.map(|(_, at)| self.value(*at)).collect();
        let metadata = Metadata::flat(&self.shape.attributes, attributes);
        let text = |token: Token| token.text(self.line).map(Text::new);
        let error = fields.error.and_then(text);
        let model_name = fields.model_name.map(|name| memory.text(name));
        match self.shape.kind {
            Kind::Generation => Body::from(Generation {
                duration: fields.number,
                success: fields.success,
                model_name,
                finish_reason: fields.finish_reason.map(|reason| memory.text(reason)),
                tokens: fields.tokens(),
                conversation_length: fields.conversation_length(),
                error,
                metadata,
            }),
            Kind::Evaluation => Body::from(Evaluation {
                duration: fields.number,
                success: fields.success,
                evaluator_type: memory.text(fields.name),
                scores: self
                    .scores_in_order()
                    .map(|(name, value, feedback)| Score { name: name.clone(), value, feedback })
                    .collect(),
                model_name,
                tokens: fields.tokens(),
                error: fields.error.map(|_| error.unwrap_or_default()),
                metadata,
            }),
            Kind::Metric => Body::from(Metric::with_metadata(memory.text(fields.name), fields.number, metadata)),
            Kind::Log | Kind::Alert => {
                let message = fields.message.and_then(text).unwrap_or_default();
                Body::from(Log { level: fields.level, message, metadata })
            }
        }
    }

    /// The value at a place; every one was looked at before.
    fn value(&self, at: usize) -> Scalar {
        self.values[at].scalar(self.line).unwrap_or(Scalar::Null)
    }

    fn scores_in_order(&self) -> impl Iterator<Item = (&Text, Option<f64>, Option<Text>)> {
        self.shape.scores.iter().map(|score| {
            let value = match score.value.map(|at| self.value(at)) {
                Some(Scalar::Number(number)) => number.as_f64().filter(|value| value.abs() <= LARGEST),
                _ => None,
            };
            let feedback = match score.feedback.map(|at| self.value(at)) {
                Some(Scalar::Text(text)) => Some(text),
                _ => None,
            };
            (&score.name, value, feedback)
        })
    }

    /// The value of an attribute.
    fn attribute(&self, name: &str) -> Option<Token> {
        self.attribute_at(self.shape.attributes.iter().position(|known| known == name)?)
    }

    #[inline]
    fn attribute_at(&self, at: usize) -> Option<Token> {
        Some(self.values[*self.shape.attribute_values.get(at)?])
    }

    #[inline]
    fn as_label(&self, token: Token) -> Option<Cow<'_, str>> {
        if let Some(text) = token.plain(self.line) {
            return Some(Cow::Borrowed(text));
        }
        self.as_odd_label(token)
    }

    #[cold]
    fn as_odd_label(&self, token: Token) -> Option<Cow<'_, str>> {
        match token.scalar(self.line)? {
            Scalar::Text(text) => Some(Cow::Owned(text.as_str().to_owned())),
            Scalar::Bool(value) => Some(flag(value)),
            Scalar::Number(number) => Some(Cow::Owned(number.to_string())),
            Scalar::Null => None,
        }
    }
}

impl Details for Reading<'_> {
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.as_label(self.attribute(name)?)
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attribute(name)?.text(self.line)
    }

    fn names(&self) -> Option<&Arc<[Text]>> {
        Some(&self.shape.attributes)
    }

    #[inline]
    fn label_at(&self, at: usize) -> Option<Cow<'_, str>> {
        self.as_label(self.attribute_at(at)?)
    }

    fn scores(&self, tell: TellScore<'_>) {
        self.scores_in_order().for_each(|(name, value, feedback)| tell(name, value, feedback));
    }
}
