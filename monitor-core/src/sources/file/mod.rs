//! `file`: events from files, a line an event: one file, many, or a glob; once, or for as long as they grow.

mod follow;
mod once;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BoxError, Context, Dirs, Invalid, Resource, Source, SourceConfig, SourceDefinition, Validate};
use crate::config::{DurationText, Paths};

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
    pub path: Paths,
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
        Self { path: Paths(paths), follow: false, poll: default_poll() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        self.path.validate("path")?;
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
        self.path.inputs(dirs).into_iter().map(Resource::File).collect()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Source>, BoxError> {
        let paths = self.path.inputs(&context.dirs);
        if self.follow {
            return Ok(Box::new(follow::FollowSource::new(paths, self.poll.0)));
        }
        Ok(Box::new(once::OnceSource::open(&paths)?))
    }
}
