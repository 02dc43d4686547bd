//! The hour, day, week or month of a calendar that a moment lies in.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Timelike};
use monitor_core::{Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a budget is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// The run as a whole.
    #[default]
    Run,
    /// Each hour of the clock.
    Hour,
    /// Each day.
    Day,
    /// Each week, from Monday on.
    Week,
    /// Each month.
    Month,
}

/// Where a period of the calendar begins, and where the next one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: Timestamp,
    pub(super) next: Timestamp,
}

impl Period {
    /// The period that `now` lies in, by the clocks of `zone`; none of the run, which has no end that is known.
    pub(super) fn around(self, now: Timestamp, zone: &Zone) -> Option<Bounds> {
        let local = now.to_local(zone);
        let today = local.date();
        let (first, next) = match self {
            Self::Run => return None,
            Self::Hour => {
                // Not by the reading of the clock: that comes twice when clocks are set back.
                let into = i64::from(local.num_seconds_from_midnight() % 3_600) * 1_000_000;
                let micros = now.as_micros() - into - i64::from(local.nanosecond() / 1_000);
                return Some(Bounds {
                    start: Timestamp::from_micros(micros),
                    next: Timestamp::from_micros(micros + 3_600_000_000),
                });
            }
            Self::Day => (Some(today), today.checked_add_days(Days::new(1))),
            Self::Week => {
                let monday = today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()));
                (monday, monday.and_then(|monday| monday.checked_add_days(Days::new(7))))
            }
            Self::Month => {
                let first = today.with_day(1);
                (first, first.and_then(|first| first.checked_add_months(Months::new(1))))
            }
        };
        let midnight =
            |day: NaiveDate| Timestamp::from_micros(zone.to_utc(day.and_time(NaiveTime::MIN)).timestamp_micros());
        Some(Bounds { start: midnight(first?), next: midnight(next?) })
    }

    /// How long it is at most, clocks that are set back included.
    pub(super) const fn longest(self) -> Option<std::time::Duration> {
        let hours = match self {
            Self::Run => return None,
            Self::Hour => 1,
            Self::Day => 25,
            Self::Week => 7 * 24 + 1,
            Self::Month => 31 * 24 + 1,
        };
        Some(std::time::Duration::from_secs(hours * 3_600))
    }

    /// When what is used was used: "today".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Run => "",
            Self::Hour => " this hour",
            Self::Day => " today",
            Self::Week => " this week",
            Self::Month => " this month",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(period: Period, now: &str) -> (String, String) {
        let zone: Zone = "Europe/Berlin".parse().expect("a zone");
        let now = Timestamp::parse(now, &zone).expect("a time");
        let bounds = period.around(now, &zone).expect("of a calendar");
        assert!(bounds.start <= now && now < bounds.next, "{bounds:?}");
        let shown = |time: Timestamp| time.to_utc().format("%m-%d %H:%M").to_string();
        (shown(bounds.start), shown(bounds.next))
    }

    #[test]
    fn periods_begin_by_the_clocks_of_the_zone() {
        for (period, now, start, next) in [
            (Period::Hour, "2026-05-06T14:59:59.999999", "05-06 12:00", "05-06 13:00"),
            (Period::Day, "2026-05-06T00:00:00", "05-05 22:00", "05-06 22:00"),
            (Period::Day, "2026-05-05T23:59:59", "05-04 22:00", "05-05 22:00"),
            // A Sunday, and the Monday after it.
            (Period::Week, "2026-05-10T12:00:00", "05-03 22:00", "05-10 22:00"),
            (Period::Week, "2026-05-11T00:00:00", "05-10 22:00", "05-17 22:00"),
            (Period::Month, "2026-12-31T12:00:00", "11-30 23:00", "12-31 23:00"),
            // Clocks are set forward on 29 March, and back on 25 October.
            (Period::Day, "2026-03-29T12:00:00", "03-28 23:00", "03-29 22:00"),
            (Period::Day, "2026-10-25T12:00:00", "10-24 22:00", "10-25 23:00"),
            (Period::Month, "2026-03-01T00:00:00", "02-28 23:00", "03-31 22:00"),
            (Period::Hour, "2026-10-25T00:30:00Z", "10-25 00:00", "10-25 01:00"),
            (Period::Hour, "2026-10-25T01:30:00Z", "10-25 01:00", "10-25 02:00"),
        ] {
            assert_eq!(around(period, now), (start.to_owned(), next.to_owned()), "{period:?} {now}");
        }
        assert_eq!(Period::Run.around(Timestamp::MIN, &Zone::UTC), None);
        // At the ends of time nothing overflows.
        for zone in ["-11:00", "+14:00"] {
            let zone: Zone = zone.parse().expect("a zone");
            for now in [Timestamp::MIN, Timestamp::MAX] {
                for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
                    let bounds = period.around(now, &zone).expect("of a calendar");
                    assert!(bounds.start <= now && now < bounds.next, "{bounds:?}");
                }
            }
        }
    }
}
