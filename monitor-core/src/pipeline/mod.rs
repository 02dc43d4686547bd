//! The pipeline: a running assembly of components. It owns the threads, the queues, the retries and the counts.
//!
//! ```text
//! sources ──► bus ──► engine (store ──► rules, charts) ──► alerts, back on the bus
//!              └────► a worker a sink
//! ```

mod breaker;
mod builder;
mod control;
mod counters;
mod emitter;
mod engine;
mod filter;
mod kit;
mod ledger;
mod lock;
mod merge;
mod open;
mod refusals;
mod reload;
mod running;
mod sink_worker;
pub(crate) mod snapshot;
mod source_worker;
mod standings;
mod start;
mod stop;
mod summary;
mod trial;
mod watch;

pub use builder::{Builder, SinkOptions, StartError};
pub(crate) use emitter::Line;
pub(crate) use emitter::TOLERANCE;
pub use emitter::{Emitter, LineReader, Place, Stopped};
pub(crate) use engine::Part;
pub use filter::{Filter, REDACTED};
#[cfg(feature = "spool")]
pub(crate) use ledger::DEAD_LETTERS;
pub use lock::{LockError, is_held};
pub(crate) use merge::merge_by_time;
pub(crate) use refusals::REJECTED_FILE;
pub use refusals::Refusals;
pub use reload::{ComponentChange, ReloadError, Reloaded};
pub use running::{AtHand, Pipeline, Progress};
pub use standings::Standings;
pub use stop::{StopReason, StopSignal};
pub use summary::{ChartSummary, SinkSummary, SourceSummary, Summary};
pub use trial::Trial;
pub(crate) use watch::PIPELINE_LABELS;
pub use watch::{ALERT_FIRING, OWN_METRICS, OwnMetric};

use std::time::Instant;

/// A monotonic reading, for waits and rates; never a time that is stored.
#[expect(clippy::disallowed_methods, reason = "waits are measured by the machine, whatever the pipeline's clock shows")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
