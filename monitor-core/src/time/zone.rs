//! The zone of timestamps that carry none, and of times shown to people.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Local, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};

/// A time zone: the machine's, a named one, or a fixed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The machine's zone (`TZ`, `/etc/localtime`).
    Local,
    /// A zone of the IANA database.
    Named(chrono_tz::Tz),
    /// A fixed distance from UTC.
    Fixed(FixedOffset),
}

/// A zone name that nobody knows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown time zone `{0}`: write \"local\", \"UTC\", an offset like \"+02:00\" or a name like \"Europe/Berlin\""
)]
pub struct UnknownZone(pub String);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self::Named(chrono_tz::UTC);

    /// A naive reading of this zone's clock, as a moment. Of a reading that comes twice (clocks set back) the first is
    /// taken; one that never comes (clocks set forward) is read as if they had not been set.
    pub fn to_utc(&self, naive: NaiveDateTime) -> DateTime<Utc> {
        match self {
            Self::Local => resolve(&Local, naive),
            Self::Named(zone) => resolve(zone, naive),
            Self::Fixed(zone) => resolve(zone, naive),
        }
    }

    /// What this zone's clock shows at a moment.
    pub fn to_local(&self, moment: DateTime<Utc>) -> NaiveDateTime {
        moment.naive_utc() + TimeDelta::seconds(i64::from(self.offset_seconds(moment)))
    }

    /// Seconds east of UTC at a moment.
    pub fn offset_seconds(&self, moment: DateTime<Utc>) -> i32 {
        let naive = moment.naive_utc();
        match self {
            Self::Local => Local.offset_from_utc_datetime(&naive).fix().local_minus_utc(),
            Self::Named(zone) => zone.offset_from_utc_datetime(&naive).fix().local_minus_utc(),
            Self::Fixed(zone) => zone.local_minus_utc(),
        }
    }
}

fn resolve<Z: TimeZone>(zone: &Z, naive: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&naive) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => moment.with_timezone(&Utc),
        MappedLocalTime::None => {
            let before = zone.offset_from_utc_datetime(&(naive - TimeDelta::hours(3))).fix();
            (naive - TimeDelta::seconds(i64::from(before.local_minus_utc()))).and_utc()
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        match text {
            "local" => Ok(Self::Local),
            "utc" | "UTC" | "Z" => Ok(Self::UTC),
            _ => text
                .parse::<chrono_tz::Tz>()
                .map(Self::Named)
                .or_else(|_| text.parse::<FixedOffset>().map(Self::Fixed))
                .map_err(|_| UnknownZone(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Timestamp;
    use super::*;

    fn berlin(text: &str) -> String {
        let zone: Zone = "Europe/Berlin".parse().expect("a name of the IANA database");
        Timestamp::parse(text, &zone).expect("a naive timestamp").to_rfc3339()
    }

    #[test]
    fn naive_readings_across_daylight_saving() {
        assert_eq!(berlin("2026-01-15T12:00:00"), "2026-01-15T11:00:00.000000Z");
        assert_eq!(berlin("2026-07-15T12:00:00"), "2026-07-15T10:00:00.000000Z");
        // 02:30 comes twice on 25 October 2026: the first is meant.
        assert_eq!(berlin("2026-10-25T02:30:00"), "2026-10-25T00:30:00.000000Z");
        // 02:30 never comes on 29 March 2026.
        assert_eq!(berlin("2026-03-29T02:30:00"), "2026-03-29T01:30:00.000000Z");
    }

    #[test]
    fn names_and_offsets() {
        assert_eq!("+02:00".parse(), Ok(Zone::Fixed(FixedOffset::east_opt(7_200).expect("two hours"))));
        assert_eq!("UTC".parse(), Ok(Zone::UTC));
        assert_eq!("Mars/Olympus".parse::<Zone>(), Err(UnknownZone("Mars/Olympus".into())));
    }
}
