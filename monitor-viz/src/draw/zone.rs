//! The zone of the time labels, as a function: the drawing core needs no time-zone database and no
//! clock, only the answer to "how far from UTC was it then".

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};

/// Maps a moment to the zone's distance from UTC.
#[derive(Clone)]
pub struct Zone(Arc<dyn Fn(i64) -> i32 + Send + Sync>);

impl Zone {
    /// A zone from a function: microseconds since the epoch (UTC) to seconds east of UTC.
    pub fn new(offset: impl Fn(i64) -> i32 + Send + Sync + 'static) -> Self {
        Self(Arc::new(offset))
    }

    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self::new(|_| 0)
    }

    /// Any zone of chrono's kind: `chrono::Local`, a `FixedOffset`, one of chrono-tz.
    pub fn of<T>(zone: T) -> Self
    where
        T: TimeZone + Send + Sync + 'static,
    {
        Self::new(move |at| {
            DateTime::from_timestamp_micros(at)
                .map_or(0, |moment| zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc())
        })
    }

    /// The distance from UTC in microseconds. No zone is more than a day away; a function that says
    /// so is held to it.
    pub(super) fn offset(&self, at: i64) -> i64 {
        i64::from((self.0)(at).clamp(-86_400, 86_400)) * 1_000_000
    }

    /// The wall clock's reading, in microseconds since its own 1970.
    pub(super) fn to_local(&self, at: i64) -> i64 {
        at.saturating_add(self.offset(at))
    }

    /// The moment at which the wall clock reads `local`. Of two (clocks set back) one; where there
    /// is none (clocks set forward) a moment beside the jump.
    pub(super) fn to_utc(&self, local: i64) -> i64 {
        let guess = local.saturating_sub(self.offset(local));
        local.saturating_sub(self.offset(guess))
    }
}

/// A wall clock's reading as calendar fields; `None` outside chrono's 262,000 years.
pub(super) fn calendar(local: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(local).map(|moment| moment.naive_utc())
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zone(..)")
    }
}
