//! What came to the door of the pipeline, and what became of it there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Text;

/// The books of the door: `offered = accepted + Σ rejected + Σ dropped`. Alerts are not among it: they come from within.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Events and lines that came, but for blank lines.
    pub offered: u64,
    /// Events that were taken in.
    pub accepted: u64,
    /// Those that are no events, by reason.
    pub rejected: BTreeMap<Text, u64>,
    /// Those for which there was no room, or no time, by reason.
    pub dropped: BTreeMap<Text, u64>,
}

impl Intake {
    /// Adds what came later.
    pub(crate) fn add(&mut self, more: &Self) {
        self.offered += more.offered;
        self.accepted += more.accepted;
        for (mine, theirs) in [(&mut self.rejected, &more.rejected), (&mut self.dropped, &more.dropped)] {
            for (reason, count) in theirs {
                *mine.entry(reason.clone()).or_default() += count;
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many more were offered than have met a fate: 0, or the books do not close.
    pub fn difference(&self) -> i64 {
        let known = self.accepted + self.rejected.values().sum::<u64>() + self.dropped.values().sum::<u64>();
        self.offered.cast_signed() - known.cast_signed()
    }
}
