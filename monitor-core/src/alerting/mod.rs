//! The host side of rules: one state machine for all rule types, messages, and the alerts that a change becomes.

mod host;
mod state;

pub use host::RuleHost;
pub(crate) use host::SavedState;
pub use state::{Change, Phase, Policy, State};
