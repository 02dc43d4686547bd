//! The heart of monitor: events, bus, windowed store, configuration, component registry and pipeline.
//!
//! `ARCHITECTURE.md` beside this crate's manifest tells how the parts hang together.
#![forbid(unsafe_code)]

/// Whether a mistake of this name is to be made: what the tests are tested by, see `monitor-cli/tests/seeded_bugs.sh`. Only in
/// programs that were compiled with `--cfg seeded_bug="any"`, by name in the environment; in all others it is `false`.
#[doc(hidden)]
#[macro_export]
macro_rules! seeded_bug {
    ($name:literal) => {{
        #[cfg(seeded_bug = "any")]
        let seeded = std::env::var("SEEDED_BUG").is_ok_and(|name| name == $name);
        #[cfg(not(seeded_bug = "any"))]
        let seeded = false;
        seeded
    }};
}

pub mod alerting;
pub mod bus;
pub mod component;
pub mod config;
pub mod event;
#[cfg(feature = "polars")]
pub mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod monitor;
pub mod pipeline;
pub mod prices;
pub mod read;
pub mod sample;
pub mod sources;
#[cfg(feature = "spool")]
pub mod spool;
pub mod store;
pub mod suggest;
pub mod template;
pub mod time;

pub use event::*;
pub use monitor::{DropReason, FlushReport, MetricHandle, Monitor, MonitorBuilder, Recorded, Ticket};
pub use pipeline::{StopReason, StopSignal};
/// Short text that is cheap to clone: names, labels, messages.
pub use smol_str::SmolStr as Text;
pub use sources::register;
pub use time::{Clock, Timestamp, Zone};
