//! Times without samples, over which no line is drawn.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use monitor_core::store::Window;
use monitor_core::time::parse_duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// From what length on a time without samples is a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gap {
    /// From five times the usual distance of samples, and a thirtieth of the axis. Usual is the distance that a quarter of the time
    /// lies in distances no longer than: of samples that come in bursts that of the bursts.
    #[default]
    Auto,
    /// From this length.
    From(Duration),
    /// Never.
    Never,
}

/// So many usual distances.
const UNUSUAL: i64 = 5;
/// The part of the axis that is wide enough to be seen as a gap.
const VISIBLE: i64 = 30;

impl Gap {
    /// The places of samples after which there is a gap.
    pub(super) fn breaks(self, points: &[(i64, f64)], span: Window) -> Vec<usize> {
        let longest = match self {
            Self::Never => return Vec::new(),
            Self::From(length) => i64::try_from(length.as_micros()).unwrap_or(i64::MAX),
            Self::Auto => {
                let visible = (span.end.as_micros() - span.start.as_micros()) / VISIBLE;
                usual(points).saturating_mul(UNUSUAL).max(visible)
            }
        };
        let far = |(place, pair): (usize, &[(i64, f64)])| (pair[1].0 - pair[0].0 > longest).then_some(place);
        points.windows(2).enumerate().filter_map(far).collect()
    }
}

fn usual(points: &[(i64, f64)]) -> i64 {
    let mut distances: Vec<i64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    distances.sort_unstable();
    let quarter = distances.iter().sum::<i64>() / 4;
    let mut sum = 0;
    let reaches = |distance: &i64| {
        sum += distance;
        sum >= quarter
    };
    distances.iter().copied().find(reaches).unwrap_or(0)
}

/// The points with a gap after each of the places.
pub(super) fn broken<P: Moment>(points: Vec<P>, breaks: &[usize], gap: impl Fn(i64) -> P) -> Vec<P> {
    if breaks.is_empty() {
        return points;
    }
    let mut broken = Vec::with_capacity(points.len() + breaks.len());
    let mut breaks = breaks.iter().peekable();
    for (place, point) in points.into_iter().enumerate() {
        let at = point.at();
        broken.push(point);
        if breaks.next_if_eq(&&place).is_some() {
            broken.push(gap(at));
        }
    }
    broken
}

/// A point of a line or a band.
pub(super) trait Moment {
    fn at(&self) -> i64;
}

impl Moment for (i64, f64) {
    fn at(&self) -> i64 {
        self.0
    }
}

impl Moment for (i64, f64, f64) {
    fn at(&self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Gap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Gap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\", \"never\" or a length of time")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Gap, E> {
                match text {
                    "auto" => Ok(Gap::Auto),
                    "never" => Ok(Gap::Never),
                    _ => parse_duration(text)
                        .map(Gap::From)
                        .map_err(|error| E::custom(format!("{error}; or \"auto\", or \"never\""))),
                }
            }
        }
        deserializer.deserialize_str(Word)
    }
}

impl JsonSchema for Gap {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Gap".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "default": "auto" })
    }
}
