//! What it looks like. A folder a chart type, found by its `type`; each behind a feature of the same name. [`draw`] is the
//! drawing itself, for a program that has numbers of its own; [`ToFigure`] makes figures of a store without a pipeline.
#![forbid(unsafe_code)]

mod chart;
pub mod draw;
#[cfg(feature = "line")]
pub mod line;
#[cfg(feature = "line")]
pub mod presets;

pub use chart::{Scope, ToFigure, named, pictures, style};
use monitor_core::component::{DuplicateType, Registry};

/// Registers every chart type that is compiled in, and the presets made of them.
///
/// # Errors
/// When a type of the same name is registered already.
#[cfg_attr(not(feature = "line"), expect(unused_variables, reason = "nothing is compiled in"))]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "line")]
    {
        registry.chart(&line::DEFINITION)?;
        registry.preset(presets::REFERENCE);
        registry.preset(presets::RECOMMENDED);
    }
    Ok(())
}
