//! Chaos: the program is killed, starved and lied to while it works, and afterwards every event must be with every sink
//! exactly once.
//!
//! The oracle is this process: the payload of an event is a function of its number, so what is missing, repeated or
//! corrupted shows without a record of what was sent. Short runs are part of the tests; for a long one:
//!
//! ```text
//! MONITOR_CHAOS_KILLS=10000 MONITOR_CHAOS_DAMAGES=10000 MONITOR_CHAOS_RECOVERIES=1000 MONITOR_CHAOS_STEP=1 \
//!     MONITOR_CHAOS_RELOADS=1000 MONITOR_CHAOS_SYNCS=20000 MONITOR_CHAOS_OUTAGE=60 MONITOR_CHAOS_TICKETS=500 \
//!     cargo test --release -p monitor-cli --features real-components --test chaos
//! ```
//!
//! That is how many kills at random moments, damaged files, recoveries that are killed three times, reloads, batches of
//! which the order of calls is looked at, and kills of a program that records; that every call is killed, or fails, and not
//! one in so many; and how many seconds a disk is away.
//! `MONITOR_CHAOS_SEED` has the chance of an earlier run again. With `real-components` there must be `strace`; small volumes
//! can be mounted by root only, and others are told what was not tested.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "processes are waited for, and killed when nobody expects it; the seed is said"
)]

mod daemon;
mod damage;
#[cfg(feature = "real-components")]
mod disk;
mod feed;
mod kills;
mod oracle;
#[cfg(feature = "real-components")]
mod order;
mod random;
#[cfg(feature = "real-components")]
mod recovery;
mod reloads;
#[cfg(feature = "real-components")]
mod syscalls;
mod tickets;
#[cfg(feature = "real-components")]
#[path = "../support/volume.rs"]
mod volume;

/// How often something is done: a few times here, or as often as this variable of the environment says.
fn times(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}
