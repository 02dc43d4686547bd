//! An alert: a rule that began or ceased to hold. It travels on the bus like every other event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Level;
use crate::sample::Labels;
use crate::{Text, Timestamp};

/// A change of a rule's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The rule.
    pub name: Text,
    /// What it changed to.
    pub state: AlertState,
    /// How grave it is.
    pub level: Level,
    /// What to tell people.
    pub message: Text,
    /// The group that the rule holds for, and what the rule adds.
    pub labels: Labels,
    /// What the rule says beside the message, as the address of a runbook.
    pub annotations: Labels,
    /// The number that was compared; none where there was no data.
    pub value: Option<f64>,
    /// The aggregates of the window that it came from.
    pub data: Option<AlertData>,
    /// Since when the condition has held (firing), or had held (resolved).
    pub since: Timestamp,
    /// The same for one change, however often it is sent.
    pub key: Text,
    /// How often people were reminded of this change before, by a rule that repeats itself; 0 the first time.
    pub repeat: u64,
    /// Where a picture of it is: a file that the rule's chart was drawn to.
    pub chart: Option<Text>,
}

/// Whether a rule began or ceased to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It holds.
    Firing,
    /// It holds no more.
    Resolved,
}

impl AlertState {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// The aggregates that an alert carries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertData {
    /// Mean of the window.
    pub mean: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// How many values.
    pub count: u64,
}
