//! One line of a file, whatever its form, to one event.

use super::fields::Fields;
use super::json::{Json, Object, parse_object};
use super::shape::Shapes;
use super::{Reason, Refusal};
use crate::event::{Event, Kind};
use crate::sample::Facts;
use crate::{Timestamp, Zone};

/// Parses lines. Forms: NDJSON (`{"type": …}`), the reference's metric lines (`{"metric": …, "value": …}`), and its log
/// (`2026-05-04 14:00:02,881 - {…}`), in which a "Generation metrics" or "Evaluation metrics" line is the whole event.
///
/// A line that is like one before is read the short way; to the answer it makes no difference.
#[derive(Clone, Debug)]
pub struct LineParser {
    shapes: Shapes,
}

/// What a line came to.
pub(crate) enum Parsed<T> {
    /// Its facts were taken.
    Taken(T),
    Event(Event),
}

/// `2026-05-04 14:00:02,881`
const LOG_TIME: usize = 23;
const LOG_SEPARATOR: &str = " - ";

impl LineParser {
    /// A parser that reads timestamps without a zone as `zone`.
    pub const fn new(zone: Zone) -> Self {
        Self { shapes: Shapes::new(zone) }
    }

    /// The zone of timestamps without one.
    pub const fn zone(&self) -> &Zone {
        self.shapes.zone()
    }

    /// Parses one line, without its line break. An event without a timestamp happened at `arrival`. A blank line is
    /// `None`.
    ///
    /// # Errors
    /// When the line is no event, with the reason.
    pub fn parse(&mut self, line: &[u8], arrival: Timestamp) -> Result<Option<Event>, Refusal> {
        if let Some((time, json)) = usual(line)
            && let Some(event) = self.shapes.event(json, time, arrival)
        {
            return Ok(Some(event));
        }
        self.learn(line, arrival)
    }

    /// As [`parse`](Self::parse), but of a line that is like one before no event is made: `take` is told of its facts.
    ///
    /// # Errors
    /// When the line is no event, with the reason.
    pub(crate) fn parse_facts<T>(
        &mut self,
        line: &[u8],
        arrival: Timestamp,
        take: impl FnOnce(&Facts<'_>) -> T,
    ) -> Result<Option<Parsed<T>>, Refusal> {
        if let Some((time, json)) = usual(line)
            && let Some(taken) = self.shapes.facts(json, time, arrival, take)
        {
            return Ok(Some(Parsed::Taken(taken)));
        }
        Ok(self.learn(line, arrival)?.map(Parsed::Event))
    }

    /// Reads a line the long way, and learns its shape.
    #[cold]
    fn learn(&mut self, line: &[u8], arrival: Timestamp) -> Result<Option<Event>, Refusal> {
        let Some(text) = trimmed(line)? else { return Ok(None) };
        let (time, json) = log_line(text).map_or((None, text), |(time, json)| (Some(time), json));
        let event = self.long_way(time, json, arrival)?;
        self.shapes.learn(json, time.is_some(), event.kind());
        Ok(Some(event))
    }

    /// As [`parse`](Self::parse), whatever the lines before were like: slower, with the same answer.
    ///
    /// # Errors
    /// When the line is no event, with the reason.
    pub fn parse_alone(&self, line: &[u8], arrival: Timestamp) -> Result<Option<Event>, Refusal> {
        let Some(text) = trimmed(line)? else { return Ok(None) };
        let (time, json) = log_line(text).map_or((None, text), |(time, json)| (Some(time), json));
        self.long_way(time, json, arrival).map(Some)
    }

    /// What the lines before make of a line, if they make anything of it.
    #[cfg(test)]
    pub(super) fn parse_predicted(&mut self, line: &[u8], arrival: Timestamp) -> Option<Event> {
        let (time, json) = usual(line)?;
        self.shapes.event(json, time, arrival)
    }

    fn long_way(&self, log_time: Option<&str>, json: &str, arrival: Timestamp) -> Result<Event, Refusal> {
        match log_time {
            Some(time) => self.log(time, json),
            None => self.object(json, arrival),
        }
    }

    fn object(&self, text: &str, arrival: Timestamp) -> Result<Event, Refusal> {
        let (object, non_finite) = parse_object(text)?;
        let mut fields = Fields::new(object, self.zone(), non_finite);
        let kind = fields.kind()?;
        let time = fields.time()?.unwrap_or(arrival);
        Ok(Event { time, body: fields.body(kind)? })
    }

    fn log(&self, time: &str, json: &str) -> Result<Event, Refusal> {
        let line_time =
            Timestamp::parse(time, self.zone()).map_err(|error| Refusal::new(Reason::Timestamp, error.to_string()))?;
        let (mut object, non_finite) = parse_object(json)?;
        let Some((kind, data)) = tracked(&mut object) else {
            let mut fields = Fields::new(object, self.zone(), non_finite);
            return Ok(Event { time: line_time, body: fields.log()?.into() });
        };
        let mut fields = Fields::new(data, self.zone(), non_finite);
        let time = fields.time()?.unwrap_or(line_time);
        Ok(Event { time, body: fields.body(kind)? })
    }
}

/// The time, in the reference's log, and the object of a line with nothing around it.
fn usual(line: &[u8]) -> Option<(Option<&str>, &str)> {
    let [b'{' | b'0'..=b'9', .., b'}'] = line else { return None };
    let text = simdutf8::basic::from_utf8(line).ok()?;
    if line[0] == b'{' { Some((None, text)) } else { log_line(text).map(|(time, json)| (Some(time), json)) }
}

/// The text of a line without what stands around it; `None` if that is nothing.
fn trimmed(line: &[u8]) -> Result<Option<&str>, Refusal> {
    let text = std::str::from_utf8(line).map_err(|error| {
        Refusal::new(Reason::InvalidUtf8, format!("invalid UTF-8 (column {})", error.valid_up_to() + 1))
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    Ok((!text.is_empty()).then_some(text))
}

/// The event inside of a "Generation metrics" or "Evaluation metrics" line.
fn tracked<'a>(object: &mut Object<'a>) -> Option<(Kind, Object<'a>)> {
    let kind = match object.iter().rfind(|(key, _)| key == "message")? {
        (_, Json::Text(message)) if message == "Generation metrics" => Kind::Generation,
        (_, Json::Text(message)) if message == "Evaluation metrics" => Kind::Evaluation,
        _ => return None,
    };
    let at = object.iter().rposition(|(key, value)| key == "data" && matches!(value, Json::Object(_)))?;
    match object.swap_remove(at) {
        (_, Json::Object(data)) => Some((kind, data)),
        _ => None,
    }
}

/// Splits a line of `afterimage.log` into its time and its JSON; `None` for lines of another form.
fn log_line(text: &str) -> Option<(&str, &str)> {
    let (time, rest) = text.split_at_checked(LOG_TIME)?;
    let json = rest.strip_prefix(LOG_SEPARATOR)?;
    let bytes = time.as_bytes();
    (bytes[0].is_ascii_digit() && bytes[10] == b' ' && bytes[19] == b',').then_some((time, json))
}
