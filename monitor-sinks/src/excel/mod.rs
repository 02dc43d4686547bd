//! `excel`: samples as workbooks, a sheet a metric or as one asks, with an index; and back.

mod read;
mod write;

pub(crate) use write::write;

use std::path::Path;

use monitor_core::Zone;
use monitor_core::component::{BoxError, SinkDefinition, SourceDefinition};

use crate::table::{Format, ReaderConfig, Reading, RollingConfig, TableFormat};

/// The definition of the sink `type = "excel"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<RollingConfig<Excel>>(
    "excel",
    "writes samples as workbooks, a sheet a metric, each whole or not at all",
    include_str!("sample.toml"),
);

/// The definition of the source `type = "excel"`.
pub static SOURCE: SourceDefinition = SourceDefinition::source::<ReaderConfig<Excel>>(
    "excel",
    "reads samples from workbooks",
    include_str!("source.toml"),
);

/// Workbooks.
#[derive(Debug)]
pub struct Excel;

impl TableFormat for Excel {
    const FORMAT: Format = Format::Excel;

    fn read(path: &Path, zone: &Zone) -> Result<Reading, BoxError> {
        read::read(path, zone)
    }
}

/// The sheet that lists the others.
const INDEX: &str = "index";
/// The day of the Unix epoch, as Excel counts days.
const EPOCH: f64 = 25_569.0;
const MILLIS_A_DAY: f64 = 86_400_000.0;
