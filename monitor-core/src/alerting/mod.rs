//! The host side of rules: one state machine for all rule types, messages, and the alerts that a change becomes.

mod host;
mod state;

pub use host::RuleHost;
pub use state::{Change, Phase, Policy, State};
