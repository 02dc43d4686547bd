//! Rules: when somebody must be told. A rule only reads the store; states, messages and repeats are the host's.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::definition::parse_own;
use std::time::Duration;

use super::{BoxError, Context, Definition, Validate};
use crate::config::{Fault, Table};
use crate::event::Level;
use crate::sample::Labels;
use crate::store::{Store, WindowStats};
use crate::{Text, Timestamp};

/// A rule type.
pub type RuleDefinition = Definition<dyn RuleConfig>;

/// A parsed rule.
pub trait RuleConfig: Send + Sync {
    /// How far back it looks. A rule that looks further back than the store keeps anything can never hold, which is found
    /// before it runs.
    fn reach(&self) -> Option<Duration> {
        None
    }

    /// What its value is compared with, if that is one number.
    fn bound(&self) -> Option<Bound> {
        None
    }

    /// The names of further numbers that its message can use, beside the aggregates: those of [`Reading::more`].
    fn names(&self) -> Vec<Text> {
        Vec::new()
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the world does not have what the config names.
    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError>;
}

/// A number that the value of a rule is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The rule holds above it.
    Above(f64),
    /// The rule holds below it.
    Below(f64),
}

/// A running rule.
pub trait Rule: Send {
    /// Reads the store as it is at `now`: one reading a group, or one for all. A group that is not read has no data.
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading>;

    /// What to tell people of a reading whose condition holds, where the configuration has no message.
    fn message(&self, reading: &Reading) -> Option<String> {
        let _ = reading;
        None
    }

    /// What makes it doubtful that the rule can ever hold, as of the last evaluation: a metric that was never seen while
    /// one of a similar name was. It is said at the end of a run.
    fn doubt(&self) -> Option<String> {
        None
    }
}

/// What a rule read of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The group; none for a rule that is not grouped.
    pub labels: Labels,
    /// What it means.
    pub verdict: Verdict,
    /// The number that was compared.
    pub value: Option<f64>,
    /// The limit that it was compared with.
    pub limit: Option<f64>,
    /// Whether values below the limit are past it, rather than those above.
    pub below: bool,
    /// How grave it is, where that is not the `level` of the rule: a rule can have a further limit for what is critical.
    pub level: Option<Level>,
    /// The window that it came from.
    pub stats: Option<WindowStats>,
    /// Further numbers that messages can name.
    pub more: Vec<(Text, f64)>,
}

impl Reading {
    /// A reading without numbers.
    pub const fn new(labels: Labels, verdict: Verdict) -> Self {
        Self { labels, verdict, value: None, limit: None, below: false, level: None, stats: None, more: Vec::new() }
    }

    /// Of a group of which nobody can say anything.
    pub const fn no_data(labels: Labels) -> Self {
        Self::new(labels, Verdict::NoData)
    }
}

/// What a reading means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The condition holds.
    Breached,
    /// It does not.
    Clear,
    /// Nobody can say.
    NoData,
}

impl RuleDefinition {
    /// The definition of the rule with the config `T`.
    pub const fn rule<T>(type_name: &'static str, summary: &'static str, sample: &'static str) -> Self
    where
        T: RuleConfig + DeserializeOwned + JsonSchema + Validate + 'static,
    {
        fn boxed<T>(table: Table<'_>) -> Result<Box<dyn RuleConfig>, Vec<Fault>>
        where
            T: RuleConfig + DeserializeOwned + JsonSchema + Validate + 'static,
        {
            Ok(Box::new(parse_own::<T>(table)?))
        }
        Self::new::<T>(type_name, summary, sample, boxed::<T>)
    }
}
