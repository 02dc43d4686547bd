//! When somebody must be told. A folder a rule type, found by its `type`; each behind a feature of the same name.
//!
//! States, messages and repeats are common to all rules and live in [`monitor_core::alerting`]; a rule only says of a
//! moment whether its condition holds.
#![forbid(unsafe_code)]

#[cfg(feature = "absence")]
pub mod absence;
#[cfg(feature = "anomaly")]
pub mod anomaly;
#[cfg(feature = "budget")]
pub mod budget;
#[cfg(feature = "burn_rate")]
pub mod burn_rate;
#[cfg(feature = "change")]
pub mod change;
#[cfg(feature = "drift")]
pub mod drift;
mod embed;
#[cfg(feature = "expression")]
pub mod expression;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "each rule type takes what it needs of it"))]
mod limits;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "each rule type takes what it needs of it"))]
mod measure;
#[cfg(feature = "threshold")]
pub mod presets;
#[cfg(feature = "ratio")]
pub mod ratio;
#[cfg(all(test, feature = "default"))]
mod testing;
#[cfg(feature = "threshold")]
pub mod threshold;

pub use embed::WithRules;
pub use limits::short;

use monitor_core::component::{DuplicateType, Registry};

/// Registers every rule type that is compiled in, and the presets made of them.
///
/// # Errors
/// When a type of the same name is registered already.
#[cfg_attr(not(feature = "default"), allow(unused_variables, reason = "nothing may be compiled in"))]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "absence")]
    registry.rule(&absence::DEFINITION)?;
    #[cfg(feature = "anomaly")]
    registry.rule(&anomaly::DEFINITION)?;
    #[cfg(feature = "budget")]
    registry.rule(&budget::DEFINITION)?;
    #[cfg(feature = "burn_rate")]
    registry.rule(&burn_rate::DEFINITION)?;
    #[cfg(feature = "change")]
    registry.rule(&change::DEFINITION)?;
    #[cfg(feature = "drift")]
    registry.rule(&drift::DEFINITION)?;
    #[cfg(feature = "expression")]
    registry.rule(&expression::DEFINITION)?;
    #[cfg(feature = "ratio")]
    registry.rule(&ratio::DEFINITION)?;
    #[cfg(feature = "threshold")]
    {
        registry.rule(&threshold::DEFINITION)?;
        registry.preset(presets::REFERENCE);
        registry.preset(presets::RECOMMENDED);
    }
    Ok(())
}
