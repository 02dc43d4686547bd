//! Every component of this binary: one line a crate.

use monitor_core::component::{DuplicateType, Registry};

/// The components that are compiled in.
pub(crate) fn registry() -> Result<Registry, DuplicateType> {
    let mut registry = Registry::new();
    monitor_core::register(&mut registry)?;
    monitor_sinks::register(&mut registry)?;
    monitor_alerts::register(&mut registry)?;
    monitor_viz::register(&mut registry)?;
    Ok(registry)
}
