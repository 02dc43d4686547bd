//! The host side of rules: one state machine for all rule types, who is told what, and the alerts that a change becomes.

mod board;
mod host;
mod incident;
mod quiet;
mod silence;
mod state;
#[cfg(test)]
mod tests;

pub use board::HeldBack;
pub(crate) use board::{Board, Notify, STATES, Ticked};
pub(crate) use host::SavedState;
pub use host::{Held, RuleHost, Standing};
pub use incident::Incident;
pub use quiet::{NotHours, QuietHours};
pub use silence::{SILENCES_FILE, Silence, SilenceError, Silences};
pub use state::{Change, Phase, Policy, State};
