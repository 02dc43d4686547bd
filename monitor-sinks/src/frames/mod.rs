//! Recordings as data frames, eager and lazy, for programs that go on in polars.
//!
//! Needs the feature `polars`. What the columns are is said in [`monitor_core::frame`]; times are UTC.
//!
//! ```
//! use monitor_core::Zone;
//! use monitor_sinks::frames::polars_lazy::prelude::*;
//! use monitor_sinks::frames::{BoxError, Frames};
//!
//! # let run = concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor-core/testdata/afterimage-run/afterimage.log.gz");
//! let frames = Frames::read(&[run.into()], Zone::UTC)?;
//! let latency = frames
//!     .metric("generation_time")
//!     .group_by([col("model_name")])
//!     .agg([col("value").mean().alias("mean"), len().alias("calls")])
//!     .collect()?;
//! # assert_eq!(latency.height(), 5, "four models, and calls without one");
//! # Ok::<_, BoxError>(())
//! ```
//!
//! A program that runs has the frames of what goes through it from a sink: [`Gather::sink`].

mod gather;
#[cfg(test)]
mod tests;

pub use gather::Gather;
pub use monitor_core::component::BoxError;
pub use monitor_core::frame::polars_core;
pub use polars_lazy;

use std::path::PathBuf;

use monitor_core::Zone;
use monitor_core::pipeline::Builder;
use polars_core::prelude::*;
use polars_lazy::prelude::{IntoLazy, LazyFrame, col, lit};

use crate::recording;

/// Samples and events, each in the order of time in which a recording is read.
#[derive(Clone, Debug)]
pub struct Frames {
    /// A row a sample, as [`samples_frame`](monitor_core::frame::samples_frame) makes them.
    pub samples: DataFrame,
    /// A row an event, as [`events_frame`](monitor_core::frame::events_frame) makes them.
    pub events: DataFrame,
}

impl Frames {
    /// Reads recordings in any form that [`recording::add`] takes; `zone` is that of times without one.
    ///
    /// # Errors
    /// When one is not there, or no recording, or cannot be read to its end. Lines that are no events are left out, as
    /// everywhere.
    pub fn read(recordings: &[PathBuf], zone: Zone) -> Result<Self, BoxError> {
        let gather = Gather::new();
        let builder = Builder::new().zone(zone).event_time().without_store();
        let builder = recording::add(builder, recordings)?.sink("frames", gather.sink());
        let failures = builder.start()?.wait().failures();
        match failures.as_slice() {
            [] => Ok(gather.take()?),
            failures => Err(failures.join("; ").into()),
        }
    }

    /// The samples, to be asked.
    pub fn samples_lazy(&self) -> LazyFrame {
        self.samples.clone().lazy()
    }

    /// The events, to be asked.
    pub fn events_lazy(&self) -> LazyFrame {
        self.events.clone().lazy()
    }

    /// The samples of one metric, to be asked; none if there is no such metric.
    pub fn metric(&self, name: &str) -> LazyFrame {
        self.samples_lazy().filter(col("metric").eq(lit(name)))
    }

    /// The names of the metrics, sorted.
    pub fn metrics(&self) -> Vec<String> {
        let names = self.samples.column("metric").and_then(Column::unique).expect("it is always there");
        let mut names: Vec<String> = names.str().expect("names are text").iter().flatten().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The same moments by the clock of a zone of the IANA database: what hours and days are counted by, and what is shown.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn in_zone(mut self, name: &str) -> PolarsResult<Self> {
        let zone = TimeZone::opt_try_new(Some(name))?.unwrap_or(TimeZone::UTC);
        for frame in [&mut self.samples, &mut self.events] {
            let columns = frame.columns().iter().map(|column| match column.datetime() {
                Ok(times) => {
                    let mut times = times.clone();
                    times.set_time_zone(zone.clone())?;
                    Ok(times.into_column())
                }
                Err(_) => Ok(column.clone()),
            });
            *frame = DataFrame::new(frame.height(), columns.collect::<PolarsResult<_>>()?)?;
        }
        Ok(self)
    }
}
