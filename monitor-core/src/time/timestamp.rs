//! A moment: microseconds since the Unix epoch, UTC. Reading it from the forms that real files hold, writing it back.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDateTime, SecondsFormat, TimeDelta, Utc};

use super::Zone;
use super::reading::Reading;

/// A moment, to the microsecond, as microseconds since the Unix epoch in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A timestamp that could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    /// The text has none of the known forms.
    #[error("`{0}` is not a timestamp: RFC 3339 (2026-05-04T14:00:02Z), the same without a zone, or a Unix number")]
    Unreadable(String),
    /// A year outside 1970 to 9999.
    #[error("timestamp `{0}` lies outside the years 1970 to 9999")]
    OutOfRange(String),
}

/// The last microsecond of the year 9999: beyond it RFC 3339 has no form.
const LAST: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The earliest moment there is.
    pub const MIN: Self = Self(0);
    /// The latest moment there is: the end of the year 9999.
    pub const MAX: Self = Self(LAST);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This moment moved forward, saturating.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// This moment moved back.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The whole multiple of `step` since the epoch at or before this moment.
    pub fn floor(self, step: Duration) -> Self {
        let step = micros(step).max(1);
        Self(self.0.div_euclid(step).saturating_mul(step))
    }

    /// Reads RFC 3339, the same without a zone (then in `zone`), with `T` or a blank, with `.` or `,` before the fraction.
    ///
    /// # Errors
    /// When the text has none of these forms, or a year outside 1970 to 9999.
    pub fn parse(text: &str, zone: &Zone) -> Result<Self, TimeError> {
        if let Some(Reading::Moment(micros)) = Reading::of(text)
            && (0..=LAST).contains(&micros)
        {
            return Ok(Self(micros));
        }
        Self::parse_any(text, zone)
    }

    /// Reads every form there is, by chrono.
    pub(crate) fn parse_any(text: &str, zone: &Zone) -> Result<Self, TimeError> {
        let text = text.trim();
        let checked = |micros: i64| {
            if (0..=LAST).contains(&micros) { Ok(Self(micros)) } else { Err(TimeError::OutOfRange(excerpt(text))) }
        };
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return checked(moment.timestamp_micros());
        }
        for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S,%3f", "%Y-%m-%dT%H:%M:%S,%3f"] {
            if let Ok(naive) = NaiveDateTime::parse_from_str(text, form) {
                // At the ends of chrono's calendar a zone has no place to move to.
                if !(1969..=10_000).contains(&naive.year()) {
                    return Err(TimeError::OutOfRange(excerpt(text)));
                }
                return checked(zone.to_utc(naive).timestamp_micros());
            }
        }
        if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z") {
            return checked(moment.timestamp_micros());
        }
        match text.parse::<f64>() {
            Ok(number) => Self::from_unix(number),
            Err(_) => Err(TimeError::Unreadable(excerpt(text))),
        }
    }

    /// From a Unix number. Its unit follows from its size, as nobody records the years before 1973 in milliseconds:
    /// below 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
    ///
    /// # Errors
    /// When the number is not finite or lies outside the years 1970 to 9999.
    pub fn from_unix(number: f64) -> Result<Self, TimeError> {
        let micros = match number.abs() {
            size if size < 1e11 => number * 1e6,
            size if size < 1e14 => number * 1e3,
            size if size < 1e17 => number,
            _ => number / 1e3,
        };
        if micros.is_finite() && (0.0..=LAST as f64).contains(&micros) {
            Ok(Self(micros.round() as i64))
        } else {
            Err(TimeError::OutOfRange(number.to_string()))
        }
    }

    /// The moment in UTC as chrono has it.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The wall-clock reading of `zone` at this moment.
    pub fn to_local(self, zone: &Zone) -> NaiveDateTime {
        zone.to_local(self.to_utc())
    }

    /// RFC 3339 in UTC with microseconds: `2026-05-04T14:00:02.881194Z`.
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

/// RFC 3339 in UTC with microseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// As RFC 3339 in UTC.
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    /// From the text that it is written as, and from every other form that [`Timestamp::parse`] reads, in UTC.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text, &Zone::UTC).map_err(serde::de::Error::custom)
    }
}

fn micros(span: Duration) -> i64 {
    TimeDelta::from_std(span).ok().and_then(|delta| delta.num_microseconds()).unwrap_or(i64::MAX)
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Result<String, TimeError> {
        Timestamp::parse(text, &Zone::UTC).map(Timestamp::to_rfc3339)
    }

    #[test]
    fn every_form_of_one_moment() {
        for text in [
            "2026-05-04T14:00:02.881Z",
            "2026-05-04T16:00:02.881+02:00",
            "2026-05-04T14:00:02.881",
            "2026-05-04 14:00:02.881",
            "2026-05-04 14:00:02,881",
            "2026-05-04 16:00:02.881+02:00",
            "1777903202.881",
            "1777903202881",
        ] {
            assert_eq!(utc(text).as_deref(), Ok("2026-05-04T14:00:02.881000Z"), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment() {
        assert_eq!(utc("yesterday"), Err(TimeError::Unreadable("yesterday".into())));
        assert_eq!(utc("2026-13-04T14:00:02"), Err(TimeError::Unreadable("2026-13-04T14:00:02".into())));
        assert!(matches!(utc("1969-12-31T23:59:59Z"), Err(TimeError::OutOfRange(_))));
        assert!(matches!(utc("1e300"), Err(TimeError::OutOfRange(_))));
        for zone in ["+02:00", "-02:00", "Europe/Berlin", "America/New_York"] {
            let zone: Zone = zone.parse().expect("a zone");
            for text in ["-262143-01-01T00:00:00", "+262142-12-31T23:59:59", "+10001-01-01T00:00:00"] {
                assert!(matches!(Timestamp::parse(text, &zone), Err(TimeError::OutOfRange(_))), "{text}");
            }
        }
        assert!(matches!(utc("NaN"), Err(TimeError::OutOfRange(_))));
    }

    #[test]
    fn floors_to_whole_steps() {
        let at = Timestamp::from_secs(125);
        assert_eq!(at.floor(Duration::from_secs(60)), Timestamp::from_secs(120));
        assert_eq!(at.floor(Duration::ZERO), at);
    }
}
