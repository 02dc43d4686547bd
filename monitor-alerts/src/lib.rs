//! When somebody must be told. A folder a rule type, found by its `type`; each behind a feature of the same name.
//!
//! States, messages and repeats are common to all rules and live in [`monitor_core::alerting`]; a rule only says of a
//! moment whether its condition holds.
#![forbid(unsafe_code)]

mod embed;
mod limits;
mod measure;
#[cfg(feature = "threshold")]
pub mod presets;
#[cfg(feature = "threshold")]
pub mod threshold;

pub use embed::WithRules;
pub use limits::short;

use monitor_core::component::{DuplicateType, Registry};

/// Registers every rule type that is compiled in, and the presets made of them.
///
/// # Errors
/// When a type of the same name is registered already.
#[cfg_attr(not(feature = "threshold"), expect(unused_variables, reason = "nothing is compiled in"))]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "threshold")]
    {
        registry.rule(&threshold::DEFINITION)?;
        registry.preset(presets::REFERENCE);
        registry.preset(presets::RECOMMENDED);
    }
    Ok(())
}
