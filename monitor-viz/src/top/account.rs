//! What is shown and no store knows: what is looked at, how it goes on, where the rules stand, what became of the sinks.

use std::time::Duration;

use monitor_core::alerting::{self, Standing};
use monitor_core::pipeline::SinkSummary;
use monitor_core::{Text, Zone};

/// What is shown beside the numbers.
#[derive(Clone, Debug)]
pub struct Account {
    /// What is looked at: a data folder, or a configuration.
    pub title: String,
    /// How it goes on.
    pub phase: Phase,
    /// For how long it has run.
    pub elapsed: Option<Duration>,
    /// Events that came in.
    pub events: Option<u64>,
    /// Lines and events that were refused.
    pub rejected: u64,
    /// Where the rules stand; none if nobody can know.
    pub rules: Option<Vec<Standing>>,
    /// What became of the events for each sink; none if nobody can know.
    pub sinks: Option<Vec<SinkLine>>,
    /// What the view cannot see, and why.
    pub notes: Vec<String>,
    /// What was said meanwhile, the latest last.
    pub log: Vec<String>,
    /// The zone of the times shown.
    pub zone: Zone,
}

/// How what is looked at goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Phase {
    /// What there is already is being read: how much of it, from 0 to 1.
    Reading(f64),
    /// It goes on.
    #[default]
    Running,
    /// It was told to end.
    Stopping,
    /// Nothing more will come.
    Ended,
}

/// What became of the events for a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkLine {
    /// Its name.
    pub name: Text,
    /// Events written and flushed.
    pub delivered: u64,
    /// Events that it has not got yet.
    pub pending: u64,
    /// Events that did not arrive: lost, or among the dead letters.
    pub lost: u64,
    /// Whether it has failed for good.
    pub failed: bool,
}

impl Account {
    /// Of something of which nothing else is known yet.
    pub fn new(title: impl Into<String>, zone: Zone) -> Self {
        Self {
            title: title.into(),
            phase: Phase::default(),
            elapsed: None,
            events: None,
            rejected: 0,
            rules: None,
            sinks: None,
            notes: Vec::new(),
            log: Vec::new(),
            zone,
        }
    }

    /// The rules whose condition holds: those that fire first, the gravest first, then by how long they have.
    pub fn holding(&self) -> Vec<&Standing> {
        let holds = |standing: &&Standing| standing.phase != alerting::Phase::Inactive;
        let mut holding: Vec<&Standing> = self.rules.iter().flatten().filter(holds).collect();
        holding.sort_by(|a, b| {
            let firing = |it: &Standing| it.phase == alerting::Phase::Firing;
            firing(b).cmp(&firing(a)).then(b.level.cmp(&a.level)).then(a.since.cmp(&b.since))
        });
        holding
    }
}

impl From<&SinkSummary> for SinkLine {
    fn from(sink: &SinkSummary) -> Self {
        Self {
            name: sink.name.clone(),
            delivered: sink.delivered,
            pending: sink.pending,
            lost: sink.lost_total() + sink.dead_letter,
            failed: sink.failed,
        }
    }
}
