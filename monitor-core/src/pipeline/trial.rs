//! The rules of a configuration without a pipeline: no threads, no sinks, the time is what whoever tries them says. What
//! unit tests of rules run on.
//!
//! ```
//! use monitor_core::alerting::Phase;
//! use monitor_core::component::{Reading, Rule, Verdict};
//! use monitor_core::config::RuleSettings;
//! use monitor_core::pipeline::Builder;
//! use monitor_core::sample::Labels;
//! use monitor_core::store::{Selector, Store, Window};
//! use monitor_core::{Event, Metric, Timestamp};
//!
//! /// Holds where there is anything at all.
//! struct Anything;
//!
//! impl Rule for Anything {
//!     fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
//!         let found = store.stats(&Selector::metric("m"), Window { start: Timestamp::MIN, end: now });
//!         let holds = matches!(found, Ok(Some(_)));
//!         vec![Reading::new(Labels::NONE, if holds { Verdict::Breached } else { Verdict::Clear })]
//!     }
//! }
//!
//! let mut trial = Builder::new().rule("anything", Box::new(Anything), RuleSettings::default()).trial();
//! assert!(trial.tick(Timestamp::from_secs(60)).is_empty());
//! trial.record(&Event::new(Timestamp::from_secs(61), Metric::new("m", 1.0)));
//! assert_eq!(trial.tick(Timestamp::from_secs(120)).len(), 1);
//! assert_eq!(trial.standing()[0].phase, Phase::Firing);
//! ```

use super::{Builder, PIPELINE_LABELS};
use crate::alerting::{Board, RuleHost, Standing};
use crate::event::Event;
use crate::sample::{Deriver, Samples};
use crate::store::Store;
use crate::{Clock, Timestamp};

/// Rules, and a store that they look at.
pub struct Trial {
    board: Board,
    store: Store,
    deriver: Deriver,
    clock: Clock,
}

impl Builder {
    /// The rules alone, over an empty store. Everything else that was added is left out.
    pub fn trial(mut self) -> Trial {
        self = if self.clock.is_manual() { self } else { self.event_time() };
        // A pipeline puts metrics of its own into the store, which here are recorded as all others are.
        self = self.labels(PIPELINE_LABELS);
        let deriver = self.deriver();
        Trial { board: Board::new(self.rules, self.notify), store: Store::new(self.limits), deriver, clock: self.clock }
    }
}

impl Trial {
    /// Puts the samples of an event into the store.
    pub fn record(&mut self, event: &Event) {
        let mut samples = Samples::default();
        self.deriver.derive(event, &mut samples);
        self.store.insert(&samples, Timestamp::MAX);
    }

    /// Evaluates all rules as of `now`: what people are told. Times do not go back.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Event> {
        self.clock.set(now);
        self.board.tick(&self.store, now).alerts
    }

    /// Where the rules stand, as of the last tick; a group that there is none of is inactive.
    pub fn standing(&self) -> Vec<Standing> {
        self.board.rules().iter().flat_map(RuleHost::standing).collect()
    }

    /// Rules that look as if they could never hold, and why.
    pub fn doubts(&self) -> Vec<String> {
        self.board.rules().iter().filter_map(RuleHost::doubt).collect()
    }

    /// What they look at.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
