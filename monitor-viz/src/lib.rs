//! What it looks like. A folder a chart type, found by its `type`; each behind a feature of the same name. [`draw`] is the
//! drawing itself, for a program that has numbers of its own; [`ToFigure`] makes figures of a store without a pipeline.
//! The view on a terminal, `top`, is no component: it is shown by whoever has a terminal.
#![forbid(unsafe_code)]

#[cfg(feature = "bar")]
pub mod bar;
#[cfg(feature = "box")]
#[path = "box/mod.rs"]
pub mod boxes;
#[cfg(feature = "cdf")]
pub mod cdf;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "each chart type takes what it needs of it"))]
mod chart;
pub mod draw;
#[cfg(feature = "default")]
mod embed;
#[cfg(feature = "heatmap")]
pub mod heatmap;
#[cfg(feature = "histogram")]
pub mod histogram;
#[cfg(feature = "line")]
pub mod line;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "each chart type takes what it needs of it"))]
mod numbers;
#[cfg(feature = "default")]
pub mod presets;
#[cfg(feature = "report")]
pub mod report;
#[cfg_attr(not(feature = "default"), allow(dead_code, reason = "each chart type takes what it needs of it"))]
mod series;
#[cfg(feature = "sparkline")]
pub mod sparkline;
#[cfg(feature = "stacked")]
pub mod stacked;
#[cfg(all(test, feature = "default"))]
mod testing;
#[cfg(feature = "top")]
pub mod top;

pub use chart::{Scope, ToFigure, named, pictures, style};
#[cfg(feature = "default")]
pub use embed::{PlotError, PlotOptions, Visualize};
use monitor_core::component::{DuplicateType, Registry};
pub use series::SeriesConfig;

/// Registers every chart type that is compiled in, and the presets made of them.
///
/// # Errors
/// When a type of the same name is registered already.
#[cfg_attr(not(feature = "default"), allow(unused_variables, reason = "nothing may be compiled in"))]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "bar")]
    registry.chart(&bar::DEFINITION)?;
    #[cfg(feature = "box")]
    registry.chart(&boxes::DEFINITION)?;
    #[cfg(feature = "cdf")]
    registry.chart(&cdf::DEFINITION)?;
    #[cfg(feature = "heatmap")]
    registry.chart(&heatmap::DEFINITION)?;
    #[cfg(feature = "histogram")]
    registry.chart(&histogram::DEFINITION)?;
    #[cfg(feature = "line")]
    registry.chart(&line::DEFINITION)?;
    #[cfg(feature = "sparkline")]
    registry.chart(&sparkline::DEFINITION)?;
    #[cfg(feature = "stacked")]
    registry.chart(&stacked::DEFINITION)?;
    #[cfg(feature = "default")]
    {
        registry.preset(presets::REFERENCE);
        registry.preset(presets::RECOMMENDED);
    }
    Ok(())
}
