//! The sources that need nothing but the standard library: `stdin` and `file`.

pub mod file;
pub mod stdin;

use crate::component::{DuplicateType, Registry};

/// Registers the sources of this crate.
///
/// # Errors
/// When a type of the same name is registered already.
pub fn register(registry: &mut Registry) -> Result<(), DuplicateType> {
    registry.source(&stdin::DEFINITION)?;
    registry.source(&file::DEFINITION)?;
    Ok(())
}
