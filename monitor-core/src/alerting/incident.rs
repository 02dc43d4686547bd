//! What happened: when a rule fired, for how long, and how many messages that was, whether or not people were told at once.

use std::time::Duration;

use serde::Serialize;

use crate::event::Level;
use crate::sample::Labels;
use crate::{Text, Timestamp};

/// A rule that fired for a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// The rule.
    pub rule: Text,
    /// The group, and what the rule adds.
    pub labels: Labels,
    /// How grave it was at most.
    pub level: Level,
    /// Since when the condition had held.
    pub since: Timestamp,
    /// When the rule began to fire.
    pub fired: Timestamp,
    /// When it was over; none if it fires still.
    pub until: Option<Timestamp>,
    /// How many messages people got: that it fires, that it has become graver, reminders, that it is over.
    pub messages: u64,
    /// The number that was compared when it began to fire.
    pub value: Option<f64>,
}

impl Incident {
    /// How long it fired; what fires still did until `end`.
    pub fn lasted(&self, end: Timestamp) -> Duration {
        self.until.unwrap_or(end).since(self.fired)
    }
}
