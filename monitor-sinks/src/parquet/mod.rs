//! `parquet`: samples in columns, compressed, with the attributes as columns of their own; and back.

mod read;
mod write;

pub(crate) use write::write;

use std::path::Path;

use monitor_core::component::{BoxError, SinkDefinition, SourceDefinition};
use monitor_core::{Timestamp, Zone};

use crate::table::{Format, ReaderConfig, Reading, RollingConfig, TableFormat};

/// Where a file says what all of its rows have in common, beside its columns.
const COMMON: &str = "monitor.common";

/// The definition of the sink `type = "parquet"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<RollingConfig<Parquet>>(
    "parquet",
    "writes samples as columns, compressed, to files that are each whole or not there",
    include_str!("sample.toml"),
);

/// The definition of the source `type = "parquet"`.
pub static SOURCE: SourceDefinition = SourceDefinition::source::<ReaderConfig<Parquet>>(
    "parquet",
    "reads samples from Parquet files",
    include_str!("source.toml"),
);

/// Columns.
#[derive(Debug)]
pub struct Parquet;

impl TableFormat for Parquet {
    const FORMAT: Format = Format::Parquet;

    fn read(path: &Path, _: &Zone) -> Result<Reading, BoxError> {
        read::read(path)
    }

    fn begins(path: &Path) -> Option<Timestamp> {
        read::begins(path)
    }
}
