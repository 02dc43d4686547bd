//! The heart of monitor: events, bus, windowed store, configuration, component registry and pipeline.
//!
//! `ARCHITECTURE.md` beside this crate's manifest tells how the parts hang together.
#![forbid(unsafe_code)]

pub mod event;
pub mod sample;
pub mod time;

pub use event::*;
/// Short text that is cheap to clone: names, labels, messages.
pub use smol_str::SmolStr as Text;
pub use time::{Clock, Timestamp, Zone};
