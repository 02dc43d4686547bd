//! What the `path` of a file may be.

use std::path::Path;

use monitor_core::component::Invalid;

/// Checks that a path can be the name of a file.
///
/// # Errors
/// When it is empty, the name of a folder, or no name at all.
pub(crate) fn names_a_file(key: &'static str, path: &Path) -> Result<(), Invalid> {
    if path.file_name().is_none() || path.to_string_lossy().ends_with('/') {
        return Err(Invalid::key(key, "must name a file"));
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Invalid::key(key, "must not contain a NUL"));
    }
    Ok(())
}
