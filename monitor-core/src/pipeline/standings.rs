//! Where the rules stand, for whoever looks on: only the engine knows, and it tells once it has been asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::alerting::{Board, RuleHost, Standing};

/// Where the rules of a pipeline stand, also after it has ended. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Standings(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    asked: AtomicBool,
    standings: Mutex<Vec<Standing>>,
}

impl Standings {
    /// Where the rules stand, for each group that they have met: as was told last, and it is told anew within half a second of
    /// being asked for. So whoever looks on asks every now and then.
    pub fn get(&self) -> Vec<Standing> {
        self.0.asked.store(true, Ordering::Relaxed);
        self.0.standings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells, if somebody has asked since.
    pub(super) fn answer(&self, board: &Board) {
        if self.0.asked.swap(false, Ordering::Relaxed) {
            self.tell(board);
        }
    }

    /// Tells in any case: nothing will change any more.
    pub(super) fn tell(&self, board: &Board) {
        let standings = board.rules().iter().flat_map(RuleHost::standing).collect();
        *self.0.standings.lock().unwrap_or_else(PoisonError::into_inner) = standings;
    }
}
