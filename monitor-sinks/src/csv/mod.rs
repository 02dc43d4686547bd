//! `csv`: samples as lines of values, a file a metric or as one asks; and back.

mod cell;
mod read;
mod write;

pub(crate) use write::write;

use std::path::Path;

use monitor_core::Zone;
use monitor_core::component::{BoxError, SinkDefinition, SourceDefinition};

use crate::table::{Format, ReaderConfig, Reading, RollingConfig, TableFormat};

/// The definition of the sink `type = "csv"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<RollingConfig<Csv>>(
    "csv",
    "writes samples as files of values, a file a metric, each whole or not at all",
    include_str!("sample.toml"),
);

/// The definition of the source `type = "csv"`.
pub static SOURCE: SourceDefinition = SourceDefinition::source::<ReaderConfig<Csv>>(
    "csv",
    "reads samples from files of values",
    include_str!("source.toml"),
);

/// Lines of values.
#[derive(Debug)]
pub struct Csv;

impl TableFormat for Csv {
    const FORMAT: Format = Format::Csv;

    fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
        read::read(path, zone)
    }
}
