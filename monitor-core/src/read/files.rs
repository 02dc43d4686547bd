//! From paths and globs to the files that there are.

use std::path::{Path, PathBuf};

use super::OpenError;

pub(crate) fn is_glob(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files that exist now, in the order of the paths; those of a glob sorted by name.
pub(crate) fn expand(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        // A file may have a name that looks like a glob.
        if !is_glob(path) || path.exists() {
            files.push(path.clone());
        } else if let Ok(found) = glob::glob(&path.to_string_lossy()) {
            files.extend(found.flatten().filter(|path| path.is_file()));
        }
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// The files that paths and globs lead to, each once.
///
/// # Errors
/// When a glob leads to none.
pub fn files_at(paths: &[PathBuf]) -> Result<Vec<PathBuf>, OpenError> {
    for path in paths {
        if is_glob(path) && expand(std::slice::from_ref(path)).is_empty() {
            return Err(OpenError::NoMatch { path: path.clone() });
        }
    }
    Ok(expand(paths))
}
