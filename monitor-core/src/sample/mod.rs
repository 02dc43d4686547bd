//! Samples: the numbers that events yield, each with the series that it belongs to.

mod derive;
mod facts;
mod labels;
mod samples;
mod series;

pub use derive::{BUILTIN_LABELS, Deriver};
pub(crate) use facts::{Details, Facts, TellScore};
pub use labels::Labels;
pub use samples::{EventSamples, Samples, SeriesSet};
pub use series::{SeriesKey, family};

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Text, Timestamp};

/// One number of a metric at a time, with the labels of its series.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// When.
    pub time: Timestamp,
    /// The number; always finite.
    pub value: f64,
    /// Metric and labels, shared by all samples of the series.
    pub series: &'a Arc<SeriesKey>,
    /// What else the reference writes beside an evaluation score.
    pub feedback: Option<&'a Text>,
}

impl<'a> Sample<'a> {
    /// The metric's name as the reference writes it: `model_usage:gpt-4o`, not `model_usage`.
    pub fn name(&self) -> Cow<'a, str> {
        self.series.full_name()
    }
}
