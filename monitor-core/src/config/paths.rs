//! Files to read, as a configuration names them: one, many, or globs.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::component::{Dirs, Invalid};
use crate::read::is_glob;

/// A file, a list of files, or globs as in "logs/*.jsonl".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths(pub Vec<PathBuf>);

impl Paths {
    /// Checks that there is one, and that what looks like a glob is one.
    ///
    /// # Errors
    /// When it is not so, with the name of the key.
    pub fn validate(&self, key: &'static str) -> Result<(), Invalid> {
        if self.0.is_empty() {
            return Err(Invalid::key(key, "must name at least one file"));
        }
        for path in self.0.iter().filter(|path| is_glob(path)) {
            glob::Pattern::new(&path.to_string_lossy())
                .map_err(|error| Invalid::key(key, format!("`{}` is no glob: {error}", path.display())))?;
        }
        Ok(())
    }

    /// Where they lead.
    pub fn inputs(&self, dirs: &Dirs) -> Vec<PathBuf> {
        self.0.iter().map(|path| dirs.input(path)).collect()
    }
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany).map(Self)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Vec<PathBuf>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path or a list of paths")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<Vec<PathBuf>, E> {
        if path.is_empty() { Err(E::custom("a path must not be empty")) } else { Ok(vec![path.into()]) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<PathBuf>, A::Error> {
        let mut paths = Vec::new();
        while let Some(path) = items.next_element::<PathBuf>()? {
            paths.push(path);
        }
        Ok(paths)
    }
}

impl JsonSchema for Paths {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Paths".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
            "format": "path or list of paths",
        })
    }
}
