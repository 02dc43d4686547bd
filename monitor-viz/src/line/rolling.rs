//! What a point of a line is the mean of: so many samples, or those of so long.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use monitor_core::time::{format_duration, parse_duration};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A window that goes along a series of samples and ends at each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rolling {
    /// So many samples; at the beginning as many as there are.
    Samples(usize),
    /// The samples of so long, both ends included.
    Time(Duration),
}

impl Default for Rolling {
    fn default() -> Self {
        Self::Samples(10)
    }
}

impl Rolling {
    /// "rolling mean of 10"; nothing for samples as they are.
    pub(super) fn in_words(self) -> Option<String> {
        match self {
            Self::Samples(1) => None,
            Self::Samples(count) => Some(format!("rolling mean of {count}")),
            Self::Time(length) => Some(format!("rolling mean of {}", format_duration(length))),
        }
    }

    /// How far the window reaches back from each sample: the place of its first one.
    fn first(self, points: &[(i64, f64)], at: usize, before: usize) -> usize {
        match self {
            Self::Samples(count) => (at + 1).saturating_sub(count),
            Self::Time(length) => {
                let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
                let start = points[at].0.saturating_sub(micros);
                (before..at).find(|place| points[*place].0 >= start).unwrap_or(at)
            }
        }
    }

    /// The mean at each sample.
    pub(crate) fn means(self, points: &[(i64, f64)]) -> Vec<(i64, f64)> {
        let (mut sum, mut first) = (Sum::default(), 0);
        let mean = |(at, (time, value)): (usize, &(i64, f64))| {
            sum.add(*value);
            let next = self.first(points, at, first);
            points[first..next].iter().for_each(|(_, old)| sum.add(-old));
            first = next;
            (*time, sum.total() / (at + 1 - first) as f64)
        };
        points.iter().enumerate().map(mean).collect()
    }

    /// The least and the greatest at each sample.
    pub(super) fn extremes(self, points: &[(i64, f64)]) -> Vec<(i64, f64, f64)> {
        // Places of samples that nothing after them undercuts, or exceeds.
        let (mut least, mut greatest) = (VecDeque::new(), VecDeque::new());
        let mut first = 0;
        let extremes = |(at, (time, value)): (usize, &(i64, f64))| {
            first = self.first(points, at, first);
            while least.pop_back_if(|last: &mut usize| points[*last].1 >= *value).is_some() {}
            while greatest.pop_back_if(|last: &mut usize| points[*last].1 <= *value).is_some() {}
            least.push_back(at);
            greatest.push_back(at);
            while least.pop_front_if(|place| *place < first).is_some() {}
            while greatest.pop_front_if(|place| *place < first).is_some() {}
            (*time, points[least[0]].1, points[greatest[0]].1)
        };
        points.iter().enumerate().map(extremes).collect()
    }
}

/// A sum in two numbers, so that what a huge value takes from it comes back when that goes (the error-free sum of Knuth, "The Art
/// of Computer Programming" 2, 4.2.2).
#[derive(Default)]
struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (value - part);
        self.high = sum;
    }

    fn total(&self) -> f64 {
        self.high + self.low
    }
}

impl<'de> Deserialize<'de> for Rolling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Rolling;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of samples or a length of time: 10, \"5m\"")
            }

            fn visit_i64<E: Error>(self, count: i64) -> Result<Rolling, E> {
                match usize::try_from(count) {
                    Ok(count) if count > 0 => Ok(Rolling::Samples(count)),
                    _ => Err(E::custom("must be at least 1")),
                }
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Rolling, E> {
                self.visit_i64(i64::try_from(count).unwrap_or(i64::MAX))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Rolling, E> {
                parse_duration(text).map(Rolling::Time).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

impl JsonSchema for Rolling {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rolling".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "format": "duration" }],
            "default": 10,
        })
    }
}
