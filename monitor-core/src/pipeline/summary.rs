//! What a pipeline has to say when it has ended: what came in, where it went, what became of the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::StopReason;
use crate::Text;
use crate::alerting::{HeldBack, Incident};
use crate::bus::Durability;
use crate::event::Event;
use crate::store::{Bounds, TokenUsage};

/// The account of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Events that came in and got onto the bus, without the alerts that the rules made.
    pub events: u64,
    /// The same by kind.
    pub events_by_kind: BTreeMap<&'static str, u64>,
    /// Lines and events that were refused.
    pub rejected: u64,
    /// The same by reason.
    pub rejected_by_reason: BTreeMap<&'static str, u64>,
    /// The first few refused lines, as `file:line: error`.
    pub rejected_examples: Vec<String>,
    /// Where they are kept, if there are any and they are.
    pub rejected_file: Option<PathBuf>,
    /// Samples that the events yielded.
    pub samples: u64,
    /// Scores that were announced and not given, by name.
    pub missing_scores: BTreeMap<Text, u64>,
    /// Events that came and were not taken in, by reason: `closed` (the pipeline had ended), and what a program that records
    /// itself was told of.
    pub dropped: BTreeMap<Text, u64>,
    /// One entry a source.
    pub sources: Vec<SourceSummary>,
    /// One entry a sink.
    pub sinks: Vec<SinkSummary>,
    /// Alerts that fired or resolved, in order; at most the first 10,000.
    pub alerts: Vec<Event>,
    /// How many there were beyond these.
    pub alerts_left_out: u64,
    /// How many rules began to fire.
    pub fired: u64,
    /// How many ceased to.
    pub resolved: u64,
    /// The rules that fire still.
    pub firing: Vec<String>,
    /// When rules fired, whether or not people were told; of each rule the first 10,000 times.
    pub incidents: Vec<Incident>,
    /// Messages that people were not told, by rule and reason: silences, rules that mute others, quiet hours, too many.
    pub held_back: Vec<HeldBack>,
    /// Rules that look as if they could never hold, and why.
    pub doubts: Vec<String>,
    /// Tokens by model, of all that the store holds.
    pub token_usage: TokenUsage,
    /// The pictures that were drawn.
    pub charts: Vec<ChartSummary>,
    /// What the store held at the end, and what its bounds have cost.
    pub store: Bounds,
    /// Whether the run was told to end before its recordings were read to their ends.
    pub interrupted: bool,
    /// Why the work was to stop, if a rule with `action = "stop"` fired.
    pub stopped: Option<StopReason>,
    /// What went wrong in the pipeline itself.
    pub errors: Vec<String>,
    /// How safe events were once they were accepted. Above L0 what is pending waits for the next start.
    pub durability: Durability,
    /// Seconds from start to end.
    pub seconds: f64,
}

/// What became of a source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceSummary {
    /// Its name.
    pub name: Text,
    /// Events that it emitted.
    pub events: u64,
    /// Why it ended before its time.
    pub error: Option<String>,
}

/// What became of the events for a sink: `accepted = delivered + filtered + dead_letter + lost + pending`.
#[derive(Clone, Debug, Serialize)]
pub struct SinkSummary {
    /// Its name.
    pub name: Text,
    /// Events that were to be delivered, alerts among them: those of this process, and what the ones before had left.
    pub accepted: u64,
    /// Events written and flushed.
    pub delivered: u64,
    /// Events of kinds that it does not accept.
    pub filtered: u64,
    /// Events that the sink said can never be written, and that are kept in the dead-letter file.
    pub dead_letter: u64,
    /// Events lost, by reason: `overflow` (too slow for a full bus), `gave_up` (failed for good, or no time was left),
    /// `rejected` (the sink said that they can never be written, and they could not be kept), `gone` (the spool was full
    /// or damaged).
    pub lost: BTreeMap<&'static str, u64>,
    /// Events that it has not got yet; with a spool the next process delivers them.
    pub pending: u64,
    /// Whether it has failed for good.
    pub failed: bool,
    /// Failed tries.
    pub retries: u64,
    /// Restarts after a panic.
    pub restarts: u64,
    /// Whether the run has failed if it has.
    pub required: bool,
    /// What it said last of what went wrong.
    pub error: Option<String>,
}

/// A picture, or why there is none.
#[derive(Clone, Debug, Serialize)]
pub struct ChartSummary {
    /// The chart.
    pub name: Text,
    /// Where the picture is.
    pub path: Option<PathBuf>,
    /// Why there is none.
    pub error: Option<String>,
}

impl ChartSummary {
    pub(super) fn failed(name: &Text, error: String) -> Self {
        tracing::error!(chart = %name, "failed to draw: {error}");
        Self { name: name.clone(), path: None, error: Some(error) }
    }
}

impl SinkSummary {
    /// Events lost for any reason.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// Whether every event is accounted for.
    pub fn closes(&self) -> bool {
        self.accepted == self.delivered + self.filtered + self.dead_letter + self.lost_total() + self.pending
    }
}

impl Summary {
    /// What went wrong, one line each; empty if nothing did.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.errors.clone();
        for source in &self.sources {
            if let Some(error) = &source.error {
                failures.push(format!("source `{}`: {error}", source.name));
            }
        }
        for sink in self.sinks.iter().filter(|sink| sink.required) {
            let left = if self.durability == Durability::L0 { sink.pending } else { 0 };
            let missing = sink.dead_letter + sink.lost_total() + left;
            let why = match (sink.lost.get("gone"), sink.error.as_deref()) {
                (Some(gone), _) if *gone == missing => "the spool was full or damaged",
                (_, Some(error)) => error,
                _ => "it was too slow",
            };
            if missing > 0 {
                failures.push(format!("sink `{}` did not get {missing} events: {why}", sink.name));
            } else if sink.failed {
                failures.push(format!("sink `{}` has failed for good, {} events wait: {why}", sink.name, sink.pending));
            }
        }
        for chart in &self.charts {
            if let Some(error) = &chart.error {
                failures.push(format!("chart `{}`: {error}", chart.name));
            }
        }
        failures
    }
}
