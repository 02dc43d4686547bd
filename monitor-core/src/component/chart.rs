//! Charts: what it looks like. A chart only draws; where its pictures go is the host's affair.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::definition::parse_own;
use super::{BoxError, Context, Definition, Validate};
use crate::Timestamp;
use crate::config::{ChartSettings, Fault, Table};
use crate::store::Store;

/// A chart type.
pub type ChartDefinition = Definition<dyn ChartConfig>;

/// A parsed chart.
pub trait ChartConfig: Send + Sync {
    /// Opens it. `settings` are the keys that every chart has: it is the chart that heeds them.
    ///
    /// # Errors
    /// When the world does not have what the config names.
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError>;
}

/// A chart that can be drawn.
pub trait Chart: Send {
    /// Draws what the store holds at `now`. Without any data there is no picture.
    ///
    /// # Errors
    /// When it cannot be drawn.
    fn draw(&mut self, store: &Store, now: Timestamp) -> Result<Vec<Picture>, BoxError>;
}

/// A picture, as the bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The ending of the file's name: `png`, `svg`.
    pub extension: &'static str,
    /// Its media type: `image/png`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl ChartDefinition {
    /// The definition of the chart with the config `T`.
    pub const fn chart<T>(type_name: &'static str, summary: &'static str, sample: &'static str) -> Self
    where
        T: ChartConfig + DeserializeOwned + JsonSchema + Validate + 'static,
    {
        fn boxed<T>(table: Table<'_>) -> Result<Box<dyn ChartConfig>, Vec<Fault>>
        where
            T: ChartConfig + DeserializeOwned + JsonSchema + Validate + 'static,
        {
            Ok(Box::new(parse_own::<T>(table)?))
        }
        Self::new::<T>(type_name, summary, sample, boxed::<T>)
    }
}
