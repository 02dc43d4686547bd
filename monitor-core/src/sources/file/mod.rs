//! `file`: events from files, a line an event: one file, many, or a glob; once, or for as long as they grow.

mod follow;
mod once;

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::component::{BoxError, Context, Dirs, Invalid, Resource, Source, SourceConfig, SourceDefinition, Validate};
use crate::config::DurationText;
use crate::read::OpenError;

/// The definition of `type = "file"`.
pub static DEFINITION: SourceDefinition = SourceDefinition::source::<Config>(
    "file",
    "reads events from files, once, plain, gzip or zstd, or as they grow",
    include_str!("sample.toml"),
);

/// The keys of a file source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A file, a list of files, or globs as in "logs/*.jsonl". Relative to the configuration file.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(schema_with = "one_or_many_schema")]
    pub path: Vec<PathBuf>,
    /// Go on reading as the files grow, through rename-and-create, truncation and late creation.
    #[serde(default)]
    pub follow: bool,
    /// With `follow`: how often to look for more.
    #[serde(default = "default_poll")]
    pub poll: DurationText,
}

fn default_poll() -> DurationText {
    DurationText(Duration::from_millis(250))
}

impl Config {
    /// The files at `paths`, each read once.
    pub fn once(paths: Vec<PathBuf>) -> Self {
        Self { path: paths, follow: false, poll: default_poll() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        if self.path.is_empty() {
            return Err(Invalid::key("path", "must name at least one file"));
        }
        for path in self.path.iter().filter(|path| is_glob(path)) {
            glob::Pattern::new(&path.to_string_lossy())
                .map_err(|error| Invalid::key("path", format!("`{}` is no glob: {error}", path.display())))?;
        }
        if self.poll.0 < Duration::from_millis(1) {
            return Err(Invalid::key("poll", "must be at least 1ms"));
        }
        Ok(())
    }
}

impl SourceConfig for Config {
    fn bounded(&self) -> bool {
        !self.follow
    }

    /// No sink may write what is read here: it would read its own lines, for ever if it follows.
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        self.path.iter().map(|path| Resource::File(dirs.input(path))).collect()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Source>, BoxError> {
        let paths: Vec<PathBuf> = self.path.iter().map(|path| context.dirs.input(path)).collect();
        if self.follow {
            return Ok(Box::new(follow::FollowSource::new(paths, self.poll.0)));
        }
        Ok(Box::new(once::OnceSource::open(&paths)?))
    }
}

fn is_glob(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The files that exist now, in the order of the paths; those of a glob sorted by name.
fn expand(paths: &[PathBuf]) -> Vec<PathBuf> {
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

/// The files to be read once: each path must lead to at least one.
fn expand_all(paths: &[PathBuf]) -> Result<Vec<PathBuf>, OpenError> {
    for path in paths {
        if is_glob(path) && expand(std::slice::from_ref(path)).is_empty() {
            return Err(OpenError::NoMatch { path: path.clone() });
        }
    }
    Ok(expand(paths))
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    struct OneOrMany;
    impl<'de> serde::de::Visitor<'de> for OneOrMany {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a path or a list of paths")
        }

        fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Vec<PathBuf>, E> {
            if path.is_empty() { Err(E::custom("a path must not be empty")) } else { Ok(vec![path.into()]) }
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<PathBuf>, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = items.next_element::<PathBuf>()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    deserializer.deserialize_any(OneOrMany)
}

fn one_or_many_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        "format": "path or list of paths",
    })
}
