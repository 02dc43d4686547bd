//! Sources: where events come from.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::definition::parse_own;
use super::{BoxError, Context, Definition, Dirs, Resource, Validate};
use crate::config::{Fault, Table};
use crate::pipeline::Emitter;

/// A source type.
pub type SourceDefinition = Definition<dyn SourceConfig>;

/// A parsed source.
pub trait SourceConfig: Send + Sync {
    /// Whether it comes to an end by itself.
    fn bounded(&self) -> bool;

    /// What it must have for itself, or what no sink may write.
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        let _ = dirs;
        Vec::new()
    }

    /// Opens it.
    ///
    /// # Errors
    /// When the world does not have what the config names.
    fn open(&self, context: &Context) -> Result<Box<dyn Source>, BoxError>;
}

/// A running source. It has a thread of its own.
pub trait Source: Send {
    /// Emits events until there are no more, or until [`Emitter::stopped`].
    ///
    /// # Errors
    /// When it cannot go on. What it has emitted by then is kept.
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError>;

    /// Whether it may go on without end. Only sources that come to one are merged by time.
    fn endless(&self) -> bool {
        false
    }

    /// Whether another can take its place, and misses nothing of what was under way. A reload leaves those that cannot as they
    /// are.
    fn can_be_replaced(&self) -> bool {
        true
    }
}

impl SourceDefinition {
    /// The definition of the source with the config `T`.
    pub const fn source<T>(type_name: &'static str, summary: &'static str, sample: &'static str) -> Self
    where
        T: SourceConfig + DeserializeOwned + JsonSchema + Validate + 'static,
    {
        fn boxed<T>(table: Table<'_>) -> Result<Box<dyn SourceConfig>, Vec<Fault>>
        where
            T: SourceConfig + DeserializeOwned + JsonSchema + Validate + 'static,
        {
            Ok(Box::new(parse_own::<T>(table)?))
        }
        Self::new::<T>(type_name, summary, sample, boxed::<T>)
    }
}
