//! What happened: the five kinds of events, their typed fields, and their one JSON shape.

mod alert;
mod evaluation;
mod flat;
mod generation;
mod json;
mod kind;
mod level;
mod log;
mod metadata;
mod metric;

pub use alert::{Alert, AlertData, AlertState};
pub use evaluation::{Evaluation, Score};
pub(crate) use flat::Scalar;
pub use generation::{Generation, Tokens};
pub use kind::{Kind, KindSet, UnknownKind};
pub use level::{Level, UnknownLevel};
pub use log::Log;
pub(crate) use metadata::flag;
pub use metadata::{Attribute, Metadata};
pub use metric::{Metric, MetricKey};

use std::sync::Arc;

use crate::{Text, Timestamp};

/// One thing that happened, at one moment.
///
/// Its JSON (see [`serde::Serialize`]) is one object as in `events.jsonl`; [`crate::read`] reads it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub body: Body,
}

/// What an event says, by kind. The larger kinds are boxed: a metric, by far the most frequent, stays small.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A call of a model, or a whole conversation.
    Generation(Box<Generation>),
    /// A judgement of something generated.
    Evaluation(Box<Evaluation>),
    /// One number.
    Metric(Metric),
    /// A line for people.
    Log(Box<Log>),
    /// A rule that began or ceased to hold.
    Alert(Box<Alert>),
}

impl Event {
    /// An event of any kind at `time`.
    pub fn new(time: Timestamp, body: impl Into<Body>) -> Self {
        Self { time, body: body.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match &self.body {
            Body::Generation(_) => Kind::Generation,
            Body::Evaluation(_) => Kind::Evaluation,
            Body::Metric(_) => Kind::Metric,
            Body::Log(_) => Kind::Log,
            Body::Alert(_) => Kind::Alert,
        }
    }

    /// About how many bytes of memory it takes: queues are bounded by this as well as by number.
    pub fn approximate_bytes(&self) -> usize {
        let texts = match &self.body {
            // Shared by all numbers recorded under it.
            Body::Metric(metric) if Arc::strong_count(&metric.key) > 1 => return size_of::<Self>(),
            Body::Metric(metric) => metric.key.name.len(),
            Body::Generation(generation) => size_of::<Generation>() + generation.error.as_ref().map_or(0, Text::len),
            Body::Evaluation(evaluation) => {
                let feedback = |score: &Score| size_of::<Score>() + score.feedback.as_ref().map_or(0, Text::len);
                size_of::<Evaluation>() + evaluation.scores.iter().map(feedback).sum::<usize>()
            }
            Body::Log(log) => size_of::<Log>() + log.message.len(),
            Body::Alert(alert) => size_of::<Alert>() + alert.message.len(),
        };
        size_of::<Self>() + texts + self.metadata().map_or(0, Metadata::approximate_bytes)
    }

    /// What it says beyond its typed fields; `None` for an alert, which has labels instead.
    pub fn metadata(&self) -> Option<&Metadata> {
        match &self.body {
            Body::Generation(generation) => Some(&generation.metadata),
            Body::Evaluation(evaluation) => Some(&evaluation.metadata),
            Body::Metric(metric) => Some(&metric.key.metadata),
            Body::Log(log) => Some(&log.metadata),
            Body::Alert(_) => None,
        }
    }
}

impl From<Generation> for Body {
    fn from(generation: Generation) -> Self {
        Self::Generation(Box::new(generation))
    }
}

impl From<Evaluation> for Body {
    fn from(evaluation: Evaluation) -> Self {
        Self::Evaluation(Box::new(evaluation))
    }
}

impl From<Metric> for Body {
    fn from(metric: Metric) -> Self {
        Self::Metric(metric)
    }
}

impl From<Log> for Body {
    fn from(log: Log) -> Self {
        Self::Log(Box::new(log))
    }
}

impl From<Alert> for Body {
    fn from(alert: Alert) -> Self {
        Self::Alert(Box::new(alert))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_event_stays_small() {
        assert!(size_of::<Event>() <= 32, "{}", size_of::<Event>());
    }
}
