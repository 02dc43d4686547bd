//! Where events go. A folder a sink, found by its `type`; each behind a feature of the same name. A format that can be read back
//! has its source beside its sink.
//!
//! ```
//! use monitor_core::component::Registry;
//!
//! let mut registry = Registry::new();
//! monitor_sinks::register(&mut registry)?;
//! assert!(registry.sinks().contains_key("jsonl"));
//! # Ok::<_, monitor_core::component::DuplicateType>(())
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "alertmanager")]
pub mod alertmanager;
#[cfg(any(
    feature = "csv",
    feature = "excel",
    feature = "json",
    feature = "jsonl",
    feature = "log",
    feature = "parquet"
))]
pub mod append;
#[cfg(feature = "command")]
pub mod command;
#[cfg(any(feature = "csv", feature = "json", feature = "jsonl"))]
mod counts;
#[cfg(feature = "csv")]
pub mod csv;
#[cfg(feature = "email")]
pub mod email;
#[cfg(feature = "excel")]
pub mod excel;
#[cfg(any(feature = "csv", feature = "excel", feature = "json", feature = "parquet"))]
mod export;
#[cfg(feature = "polars")]
pub mod frames;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "jsonl")]
pub mod jsonl;
#[cfg(any(feature = "command", feature = "http", feature = "stdout"))]
mod lines;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(any(feature = "csv", feature = "excel", feature = "json", feature = "parquet", feature = "sqlite"))]
pub mod new_file;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(any(
    feature = "csv",
    feature = "excel",
    feature = "json",
    feature = "jsonl",
    feature = "log",
    feature = "parquet",
    feature = "sqlite"
))]
mod path;
#[cfg(any(feature = "alertmanager", feature = "http", feature = "webhook"))]
mod post;
pub mod recording;
#[cfg(any(feature = "json", feature = "jsonl", feature = "log"))]
mod reference;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "stdout")]
pub mod stdout;
#[cfg(any(feature = "csv", feature = "excel", feature = "json", feature = "parquet"))]
pub mod table;
#[cfg(all(test, any(feature = "alertmanager", feature = "email", feature = "http", feature = "webhook")))]
mod testing;
#[cfg(feature = "webhook")]
pub mod webhook;
#[cfg(any(feature = "email", feature = "webhook"))]
mod words;

#[cfg(any(feature = "csv", feature = "excel", feature = "json", feature = "parquet"))]
pub use export::Export;
use monitor_core::component::{DuplicateType, Registry};

/// Registers every sink that is compiled in, and the sources of their formats.
///
/// # Errors
/// When a type of the same name is registered already.
#[cfg_attr(
    not(any(
        feature = "alertmanager",
        feature = "command",
        feature = "csv",
        feature = "email",
        feature = "excel",
        feature = "http",
        feature = "json",
        feature = "jsonl",
        feature = "log",
        feature = "parquet",
        feature = "sqlite",
        feature = "stdout",
        feature = "webhook"
    )),
    expect(unused_variables, reason = "nothing is compiled in")
)]
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    #[cfg(feature = "alertmanager")]
    registry.sink(&alertmanager::DEFINITION)?;
    #[cfg(feature = "command")]
    registry.sink(&command::DEFINITION)?;
    #[cfg(feature = "csv")]
    {
        registry.sink(&csv::DEFINITION)?;
        registry.source(&csv::SOURCE)?;
    }
    #[cfg(feature = "email")]
    registry.sink(&email::DEFINITION)?;
    #[cfg(feature = "excel")]
    {
        registry.sink(&excel::DEFINITION)?;
        registry.source(&excel::SOURCE)?;
    }
    #[cfg(feature = "http")]
    registry.sink(&http::DEFINITION)?;
    #[cfg(feature = "json")]
    {
        registry.sink(&json::DEFINITION)?;
        registry.source(&json::SOURCE)?;
    }
    #[cfg(feature = "jsonl")]
    registry.sink(&jsonl::DEFINITION)?;
    #[cfg(feature = "log")]
    registry.sink(&log::DEFINITION)?;
    #[cfg(feature = "parquet")]
    {
        registry.sink(&parquet::DEFINITION)?;
        registry.source(&parquet::SOURCE)?;
    }
    #[cfg(feature = "sqlite")]
    {
        registry.sink(&sqlite::DEFINITION)?;
        registry.source(&sqlite::read::DEFINITION)?;
    }
    #[cfg(feature = "stdout")]
    registry.sink(&stdout::DEFINITION)?;
    #[cfg(feature = "webhook")]
    registry.sink(&webhook::DEFINITION)?;
    Ok(())
}
