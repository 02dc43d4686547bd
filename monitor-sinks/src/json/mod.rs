//! `json`: a list of samples for each metric, as the Python class exports them; and back.

mod read;
mod write;

pub(crate) use write::write;

use std::path::Path;

use monitor_core::Zone;
use monitor_core::component::{BoxError, SinkDefinition, SourceDefinition};

use crate::table::{Format, ReaderConfig, Reading, RollingConfig, TableFormat};

/// The definition of the sink `type = "json"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<RollingConfig<Json>>(
    "json",
    "writes files with a list of samples for each metric, each whole or not at all",
    include_str!("sample.toml"),
);

/// The definition of the source `type = "json"`.
pub static SOURCE: SourceDefinition = SourceDefinition::source::<ReaderConfig<Json>>(
    "json",
    "reads samples from files with a list for each metric",
    include_str!("source.toml"),
);

/// A list a metric.
#[derive(Debug)]
pub struct Json;

impl TableFormat for Json {
    const FORMAT: Format = Format::Json;

    fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
        read::read(path, zone)
    }
}
