//! What a component is told when it is opened, and what it says it will touch.

use std::path::{Path, PathBuf};

use super::Content;
use crate::bus::Durability;
use crate::event::KindSet;
use crate::{Clock, Text, Zone};

/// Where relative paths of a configuration lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirs {
    /// Inputs are relative to this: the folder of the configuration file.
    pub base: PathBuf,
    /// Outputs are relative to this.
    pub data: PathBuf,
}

impl Dirs {
    /// An input path.
    pub fn input(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// An output path.
    pub fn output(&self, path: &Path) -> PathBuf {
        self.data.join(path)
    }
}

/// Something of the world that only one component can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// What a component is told when it is opened.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its name in the configuration.
    pub name: Text,
    /// Where relative paths lead.
    pub dirs: Dirs,
    /// What the time is.
    pub clock: Clock,
    /// The zone of timestamps without one, and of times shown to people.
    pub zone: Zone,
    /// For a sink: whether it is meant to see events or samples.
    pub content: Content,
    /// For a sink: the kinds of events that it accepts.
    pub accept: KindSet,
    /// For a sink: how safe what it has flushed must be.
    pub durability: Durability,
    /// For a rule: the labels that it is grouped by.
    pub by: Vec<Text>,
}
