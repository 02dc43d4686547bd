//! Time as the whole product sees it: microseconds of UTC, zones for naive timestamps, clocks as parameters.

mod clock;
mod duration;
mod reading;
mod timestamp;
mod zone;

pub use clock::Clock;
pub use duration::{ParseDurationError, format_duration, parse_duration};
pub(crate) use reading::{Digits, Moments, USUAL};
pub use timestamp::{TimeError, Timestamp};
pub use zone::{UnknownZone, Zone};
