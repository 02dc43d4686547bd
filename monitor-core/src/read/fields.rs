//! From the keys of a JSON object to the typed fields of an event, with an error that names the field.

use serde_json::Number;

use super::json::{Json, Object, into_map};
use super::{Reason, Refusal};
use crate::event::{
    Alert, AlertData, AlertState, Body, Evaluation, Generation, Kind, Level, Log, Metadata, Metric, Score, Tokens,
};
use crate::sample::Labels;
use crate::{Text, Timestamp, Zone};

/// The fields of one object while they are taken out one by one; what is left becomes metadata.
pub(super) struct Fields<'a> {
    left: Object<'a>,
    zone: &'a Zone,
    /// NaN or an infinity stood somewhere in the line, and reads as null now.
    non_finite: bool,
}

type Read<T> = Result<T, Refusal>;

impl<'a> Fields<'a> {
    pub(super) fn new(object: Object<'a>, zone: &'a Zone, non_finite: bool) -> Self {
        Self { left: object, zone, non_finite }
    }

    /// Takes a field out; of two of one name the last wins.
    fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let at = self.left.iter().rposition(|(key, _)| key == name)?;
        let (_, value) = self.left.remove(at);
        if self.left.iter().any(|(key, _)| key == name) {
            self.left.retain(|(key, _)| key != name);
        }
        Some(value)
    }

    /// Takes a field out; null counts as absent.
    fn given(&mut self, name: &str) -> Option<Json<'a>> {
        self.take(name).filter(|value| *value != Json::Null)
    }

    fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(key, _)| key == name)
    }

    /// The kind that the object says it is.
    pub(super) fn kind(&mut self) -> Read<Kind> {
        let is_metric = self.has("metric") && self.has("value");
        let named = match self.left.iter().rfind(|(key, _)| key == "type") {
            Some((_, Json::Text(word))) => Some(word.parse::<Kind>()),
            Some((_, other)) if !is_metric => return Err(wrong("type", "text", other)),
            _ => None,
        };
        match named {
            Some(Ok(kind)) => {
                self.take("type");
                Ok(kind)
            }
            // The reference's metric lines carry any metadata beside `metric` and `value`, a `type` among it.
            _ if is_metric => Ok(Kind::Metric),
            Some(Err(unknown)) => Err(Refusal::new(Reason::UnknownType, unknown.to_string())),
            None => {
                Err(Refusal::new(Reason::NotAnEvent, "not an event: it has neither `type`, nor `metric` and `value`"))
            }
        }
    }

    /// The moment that the object gives: `timestamp`, else `metadata.timestamp`.
    pub(super) fn time(&mut self) -> Read<Option<Timestamp>> {
        let given = self.given("timestamp").or_else(|| {
            let (_, Json::Object(metadata)) = self.left.iter_mut().rfind(|(key, _)| key == "metadata")? else {
                return None;
            };
            let at = metadata.iter().rposition(|(key, _)| key == "timestamp")?;
            Some(metadata.remove(at).1).filter(|value| *value != Json::Null)
        });
        given.map(|value| self.moment("timestamp", &value)).transpose()
    }

    fn moment(&self, name: &str, value: &Json<'_>) -> Read<Timestamp> {
        let moment = match value {
            Json::Text(text) => Timestamp::parse(text, self.zone),
            Json::Number(number) => Timestamp::from_unix(number.as_f64().unwrap_or(f64::NAN)),
            other => return Err(wrong(name, "a timestamp", other)),
        };
        moment.map_err(|error| Refusal::new(Reason::Timestamp, error.to_string()))
    }

    pub(super) fn body(mut self, kind: Kind) -> Read<Body> {
        Ok(match kind {
            Kind::Generation => self.generation()?.into(),
            Kind::Evaluation => self.evaluation()?.into(),
            Kind::Metric => self.metric()?.into(),
            Kind::Log => self.log()?.into(),
            Kind::Alert => self.alert()?.into(),
        })
    }

    fn generation(&mut self) -> Read<Generation> {
        Ok(Generation {
            duration: self.duration()?,
            success: self.flag("success")?,
            model_name: self.name("model_name")?,
            finish_reason: self.name("finish_reason")?,
            tokens: self.tokens()?,
            conversation_length: self.count("conversation_length")?,
            error: self.text("error")?,
            metadata: self.metadata()?,
        })
    }

    fn evaluation(&mut self) -> Read<Evaluation> {
        Ok(Evaluation {
            duration: self.duration()?,
            success: self.flag("success")?,
            evaluator_type: self.required_text("evaluator_type")?,
            scores: self.scores()?,
            model_name: self.name("model_name")?,
            tokens: self.tokens()?,
            // Null says that nothing went wrong, which is more than not to say anything.
            error: if self.has("error") { Some(self.text("error")?.unwrap_or_default()) } else { None },
            metadata: self.metadata()?,
        })
    }

    fn metric(&mut self) -> Read<Metric> {
        let name = self.required_text("metric")?;
        let value = self.number("value")?;
        Ok(Metric::with_metadata(name, value, self.metadata()?))
    }

    pub(super) fn log(&mut self) -> Read<Log> {
        let level = match self.text("level")? {
            None => Level::Info,
            Some(word) => {
                word.parse().map_err(|e: crate::event::UnknownLevel| Refusal::new(Reason::WrongType, e.to_string()))?
            }
        };
        Ok(Log { level, message: self.required_text("message")?, metadata: self.metadata()? })
    }

    fn alert(&mut self) -> Read<Alert> {
        let name = self.required_text("name")?;
        let state = match self.required_text("state")?.as_str() {
            "firing" => AlertState::Firing,
            "resolved" => AlertState::Resolved,
            other => {
                let error = format!("`state` must be \"firing\" or \"resolved\", not \"{other}\"");
                return Err(Refusal::new(Reason::WrongType, error));
            }
        };
        let Log { level, message, .. } =
            Fields::new(self.split(&["level", "message"]), self.zone, self.non_finite).log()?;
        let (labels, annotations) = (self.labels("labels")?, self.labels("annotations")?);
        let value = match self.given("value") {
            None => None,
            Some(Json::Number(number)) => Some(finite("value", &number)?),
            Some(other) => return Err(wrong("value", "a number", &other)),
        };
        let since = match self.given("since") {
            None => return Err(missing("since")),
            Some(value) => self.moment("since", &value)?,
        };
        let data = match self.given("data") {
            None => None,
            Some(Json::Object(pairs)) => Some(Fields::new(pairs, self.zone, self.non_finite).alert_data()?),
            Some(other) => return Err(wrong("data", "an object", &other)),
        };
        let key = self.text("key")?.unwrap_or_default();
        let (repeat, chart) = (self.count("repeat")?.unwrap_or_default(), self.text("chart")?);
        Ok(Alert { name, state, level, message, labels, annotations, value, data, since, key, repeat, chart })
    }

    /// Names, each with a text.
    fn labels(&mut self, field: &str) -> Read<Labels> {
        let pairs = match self.given(field) {
            None => return Ok(Labels::NONE),
            Some(Json::Object(pairs)) => pairs,
            Some(other) => return Err(wrong(field, "an object", &other)),
        };
        let pair = |(name, value): (_, Json<'_>)| match value {
            Json::Text(text) => Ok((Text::new(name), Text::new(text))),
            other => Err(wrong(&format!("{field}.{name}"), "text", &other)),
        };
        pairs.into_iter().map(pair).collect::<Read<Vec<_>>>().map(Labels::new)
    }

    fn alert_data(&mut self) -> Read<AlertData> {
        Ok(AlertData {
            mean: self.number("mean")?,
            min: self.number("min")?,
            max: self.number("max")?,
            count: self.count("count")?.ok_or_else(|| missing("count"))?,
        })
    }

    fn split(&mut self, names: &[&str]) -> Object<'a> {
        names.iter().filter_map(|name| Some(((*name).to_owned().into(), self.take(name)?))).collect()
    }

    fn duration(&mut self) -> Read<f64> {
        let duration = self.number("duration")?;
        if duration < 0.0 {
            return Err(Refusal::new(Reason::Negative, format!("`duration` must not be negative, and is {duration}")));
        }
        Ok(duration)
    }

    fn number(&mut self, name: &str) -> Read<f64> {
        self.optional_number(name)?.ok_or_else(|| missing(name))
    }

    fn optional_number(&mut self, name: &str) -> Read<Option<f64>> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Number(number)) => finite(name, &number).map(Some),
            Some(Json::Null) if self.non_finite => {
                Err(Refusal::new(Reason::NonFinite, format!("`{name}` is not a finite number")))
            }
            Some(other) => Err(wrong(name, "a number", &other)),
        }
    }

    fn count(&mut self, name: &str) -> Read<Option<u64>> {
        let Some(value) = self.given(name) else {
            return Ok(None);
        };
        let Json::Number(number) = value else {
            return Err(wrong(name, "a whole number", &value));
        };
        let count = finite(name, &number)?;
        if count < 0.0 {
            Err(Refusal::new(Reason::Negative, format!("`{name}` must not be negative, and is {number}")))
        } else if count > LARGEST_COUNT {
            Err(Refusal::new(Reason::OutOfRange, format!("`{name}` is too large: {number}")))
        } else if count.fract() != 0.0 {
            Err(Refusal::new(Reason::WrongType, format!("`{name}` must be a whole number, and is {number}")))
        } else {
            Ok(Some(count as u64))
        }
    }

    fn tokens(&mut self) -> Read<Tokens> {
        Ok(Tokens {
            prompt: self.count("prompt_token_count")?,
            completion: self.count("completion_token_count")?,
            total: self.count("total_token_count")?,
            cached: self.count("cached_token_count")?,
            reasoning: self.count("reasoning_token_count")?,
        })
    }

    fn flag(&mut self, name: &str) -> Read<bool> {
        match self.take(name) {
            None => Err(missing(name)),
            Some(Json::Bool(value)) => Ok(value),
            Some(other) => Err(wrong(name, "true or false", &other)),
        }
    }

    fn text(&mut self, name: &str) -> Read<Option<Text>> {
        match self.given(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(Text::new(text))),
            Some(other) => Err(wrong(name, "text", &other)),
        }
    }

    fn required_text(&mut self, name: &str) -> Read<Text> {
        let text = self.text(name)?.ok_or_else(|| missing(name))?;
        if text.is_empty() && name != "message" {
            return Err(Refusal::new(Reason::MissingField, format!("`{name}` is empty")));
        }
        Ok(text)
    }

    /// A name that the caller may say is null, which means that it is not known.
    fn name(&mut self, name: &str) -> Read<Option<Text>> {
        let known = self.has(name);
        let text = self.text(name)?;
        Ok(if known { text.or(Some(Text::new_static(UNKNOWN))) } else { None })
    }

    fn scores(&mut self) -> Read<Vec<Score>> {
        let pairs = match self.given("scores") {
            None => return Ok(Vec::new()),
            Some(Json::Object(pairs)) => pairs,
            Some(other) => return Err(wrong("scores", "an object", &other)),
        };
        let mut scores: Vec<Score> = Vec::with_capacity(pairs.len());
        let mut places: std::collections::HashMap<Text, usize> = std::collections::HashMap::new();
        for (name, value) in pairs {
            let score = score(Text::new(name), value);
            if let Some(place) = places.get(&score.name) {
                scores[*place] = score;
            } else {
                places.insert(score.name.clone(), scores.len());
                scores.push(score);
            }
        }
        Ok(scores)
    }

    /// `metadata`, and every key that no field has taken.
    fn metadata(&mut self) -> Read<Metadata> {
        let mut metadata = match self.given("metadata") {
            None => Metadata::new(),
            Some(Json::Object(pairs)) => Metadata::from(into_map(pairs)),
            Some(other) => return Err(wrong("metadata", "an object", &other)),
        };
        if metadata.is_empty() {
            return Ok(Metadata::from(into_map(std::mem::take(&mut self.left))));
        }
        for (name, value) in std::mem::take(&mut self.left) {
            metadata.insert_absent(name.into_owned(), value.into_value());
        }
        Ok(metadata)
    }
}

/// A number, or an object with `score` and perhaps `feedback`. Everything else is a score that is missing.
fn score(name: Text, value: Json<'_>) -> Score {
    let number = |value: &Json<'_>| match value {
        Json::Number(number) => finite("score", number).ok(),
        _ => None,
    };
    match value {
        Json::Object(pairs) => {
            let part = |part: &str| pairs.iter().rfind(|(key, _)| key == part).map(|(_, value)| value);
            let feedback = match part("feedback") {
                Some(Json::Text(text)) => Some(Text::new(text)),
                _ => None,
            };
            Score { value: part("score").and_then(number), feedback, name }
        }
        other => Score { value: number(&other), feedback: None, name },
    }
}

/// The name of what a caller says is not known.
pub(super) const UNKNOWN: &str = "unknown";

/// 2^53: beyond it a count is not exact as a sample.
pub(crate) const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0;

/// The largest number an event may hold: its square must stay finite, and the sum of very many of them.
pub const LARGEST: f64 = 1e150;

fn finite(name: &str, number: &Number) -> Read<f64> {
    match number.as_f64() {
        Some(value) if value.abs() <= LARGEST => Ok(value),
        _ => Err(Refusal::new(Reason::OutOfRange, format!("`{name}` is too large: {number}"))),
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(Reason::MissingField, format!("`{name}` is missing"))
}

fn wrong(name: &str, expected: &str, found: &Json<'_>) -> Refusal {
    Refusal::new(Reason::WrongType, format!("`{name}` must be {expected}, not {}", found.article()))
}
