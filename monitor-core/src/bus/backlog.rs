//! What keeps the log where memory does not reach: events that a sink has not got yet, when it fell behind or the process ended.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Batch, Draft, Intake, Position};
use crate::Text;

/// How safe an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Durability {
    /// It is in memory.
    #[default]
    L0,
    /// It survives the end of the process, whatever ends it.
    L1,
    /// It survives a loss of power.
    L2,
    /// Every required sink has got it.
    L3,
}

/// Keeps batches, and how far each sink is, beyond memory and beyond the process. See [`crate::spool`].
pub(crate) trait Backlog: Send + Sync + fmt::Debug {
    /// The number that the next event gets: one more than any had before, in whatever process.
    fn next_sequence(&self) -> u64;

    /// Events before this one have been somewhere, whatever is left of them here.
    fn advance(&self, to: u64);

    /// Appends a batch whose first event gets this number. Once it returns, the batch outlives the process.
    fn append(&self, first: u64, draft: &Draft) -> Result<(), BacklogError>;

    /// The batch that holds the event of this number, or the next one behind it if that is gone; `None` if there is none.
    fn read(&self, sequence: u64) -> Result<Option<Batch>, BacklogError>;

    /// How far a sink is, and the key to its account: whoever had one before cannot write there any more. One that is new
    /// begins with the next event.
    fn sink(&self, name: &Text) -> (SinkAccount, AccountKey);

    /// The accounts of all sinks but those that were asked for are closed: what they have not got is lost.
    fn retire_others(&self);

    /// The account of this sink is closed: what it has not got of the events before this one is lost.
    fn retire(&self, name: &Text, before: u64);

    /// Notes how far a sink is, if its account is open, and this the key to it. It is written down with the next batch, or by
    /// [`Backlog::flush`].
    fn settle(&self, name: &Text, key: AccountKey, account: SinkAccount);

    /// Adds to the books of the door, and notes how far sources are, where that comes without a batch: nothing of what was
    /// read was an event. It is written down with the next batch, or by [`Backlog::flush`].
    fn note(&self, intake: &Intake, positions: &[Position]);

    /// How many of the events from this one on are not kept any more.
    fn gone_from(&self, sequence: u64) -> u64;

    /// How it is.
    fn state(&self) -> BacklogState;

    /// How far the sources of which this is the name are.
    fn positions(&self, source: &Text) -> Vec<(Text, String)>;

    /// Tells one backlog from another: numbers mean something only within one.
    fn id(&self) -> u64;

    /// Writes down what is noted.
    fn flush(&self) -> Result<(), BacklogError>;

    /// Writes down what is noted, and where events are safe from a loss of power, so is that.
    fn flush_synced(&self) -> Result<(), BacklogError>;

    /// The same as [`flush`](Self::flush), and so that no later damage can reach it, before a process begins; and that it takes no more room than it
    /// must, when somebody may want it.
    fn settle_down(&self) -> Result<(), BacklogError>;
}

/// Of whoever writes into an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountKey(pub(crate) u64);

/// How a backlog is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BacklogState {
    /// Events that it holds.
    pub(crate) events: u64,
    /// Bytes that they take.
    pub(crate) bytes: u64,
    /// Bytes that they may take.
    pub(crate) quota: u64,
    /// Nothing can be written to it now.
    pub(crate) failing: bool,
    /// Somebody has taken its file away: what is written goes nowhere.
    pub(crate) taken_away: bool,
}

/// Why a backlog could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BacklogError(pub(crate) String);

/// The books of a sink: `position - since = delivered + filtered + dead_letter + Σ lost`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkAccount {
    /// The number of the first event that it was to get.
    pub since: u64,
    /// The fate of every event before this one is known.
    pub position: u64,
    /// Events written and flushed.
    pub delivered: u64,
    /// Events of kinds that it does not accept.
    pub filtered: u64,
    /// Events that can never be written, and are kept in the dead-letter file.
    pub dead_letter: u64,
    /// The length of that file, up to the last of them.
    pub dead_letter_bytes: u64,
    /// Events lost, by reason.
    pub lost: BTreeMap<Text, u64>,
    /// Whether there is such a sink still. Of one that was taken out of the configuration nothing is pending.
    pub active: bool,
    /// What the sink itself wants to know at the next start, as of `position`.
    #[serde(skip)]
    pub mark: Option<Vec<u8>>,
    /// Whether the process ended as it should after that: it has written nothing behind the mark.
    #[serde(skip)]
    pub clean: bool,
}

impl SinkAccount {
    /// Events lost for any reason.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// Whether every event before `position` is accounted for.
    pub fn closes(&self) -> bool {
        self.position.checked_sub(self.since)
            == Some(self.delivered + self.filtered + self.dead_letter + self.lost_total())
    }
}
