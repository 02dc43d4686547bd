//! When somebody must be told. A folder a rule type, found by its `type`; each behind a feature of the same name.
//!
//! States, messages and repeats are common to all rules and live in [`monitor_core::alerting`]; a rule only says of a
//! moment whether its condition holds.
#![forbid(unsafe_code)]

#[cfg(feature = "budget")]
pub mod budget;
#[cfg(feature = "burn_rate")]
pub mod burn_rate;
mod embed;
#[cfg(feature = "expression")]
pub mod expression;
mod limits;
mod measure;
#[cfg(feature = "threshold")]
pub mod presets;
#[cfg(test)]
mod testing;
#[cfg(feature = "threshold")]
pub mod threshold;

pub use embed::WithRules;

use monitor_core::component::{DuplicateType, Registry};

/// Registers every rule type that is compiled in, and the presets made of them.
///
/// # Errors
/// When a type of the same name is registered already.
#[allow(unused_variables, reason = "without a feature nothing is compiled in")]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "budget")]
    registry.rule(&budget::DEFINITION)?;
    #[cfg(feature = "burn_rate")]
    registry.rule(&burn_rate::DEFINITION)?;
    #[cfg(feature = "expression")]
    registry.rule(&expression::DEFINITION)?;
    #[cfg(feature = "threshold")]
    {
        registry.rule(&threshold::DEFINITION)?;
        registry.preset(presets::REFERENCE);
        registry.preset(presets::RECOMMENDED);
    }
    Ok(())
}
