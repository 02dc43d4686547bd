//! The steps between marks on a time axis that people count in: 1, 2, 5, 10, 15 or 30 seconds,
//! minutes, hours of a day, days, weeks, months, years.

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// A day in microseconds.
pub(super) const DAY: i64 = 24 * HOUR;

/// The distance between two marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Shorter than a day: so many microseconds of the wall clock.
    Micros(i64),
    /// So many days; seven of them begin on a Monday.
    Days(i64),
    /// So many months; they divide the year.
    Months(i64),
    /// So many years.
    Years(i64),
}

impl Step {
    /// All of them, the shortest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let decimal = (0..6).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_i64.pow(power)));
        let clock = [1, 2, 5, 10, 15, 30];
        let centuries = (1..5).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_i64.pow(power)));
        decimal
            .chain(clock.map(|count| count * SECOND))
            .chain(clock.map(|count| count * MINUTE))
            .chain([1, 2, 3, 6, 12].map(|count| count * HOUR))
            .map(Self::Micros)
            .chain([1, 2, 7, 14].map(Self::Days))
            .chain([1, 2, 3, 6].map(Self::Months))
            .chain([1, 2, 5].into_iter().chain(centuries).map(Self::Years))
    }

    /// Its length, on the average, in microseconds.
    pub(super) fn length(self) -> i64 {
        match self {
            Self::Micros(count) => count,
            Self::Days(count) => count * DAY,
            Self::Months(count) => count * DAY * 30,
            Self::Years(count) => count.saturating_mul(DAY * 365),
        }
    }

    /// How the mark itself is written, in chrono's notation; the seconds have the decimals that the
    /// step needs.
    pub(super) fn format(self) -> String {
        match self {
            Self::Micros(count) if count >= MINUTE => "%H:%M".to_owned(),
            Self::Micros(count) if count >= SECOND => "%H:%M:%S".to_owned(),
            Self::Micros(count) if count % 1_000 == 0 => "%H:%M:%S%.3f".to_owned(),
            Self::Micros(_) => "%H:%M:%S%.6f".to_owned(),
            Self::Days(_) => "%-d %b".to_owned(),
            Self::Months(_) => "%b".to_owned(),
            Self::Years(_) => "%Y".to_owned(),
        }
    }

    /// What the mark leaves out; written under the first one and wherever it changes.
    pub(super) fn context(self) -> Option<&'static str> {
        match self {
            Self::Micros(_) => Some("%-d %b %Y"),
            Self::Days(_) | Self::Months(_) => Some("%Y"),
            Self::Years(_) => None,
        }
    }
}
