//! The common forms of a timestamp, read by position: every line of a recording has one, and chrono takes longer over it
//! than the parser over the rest of the line.

use chrono::DateTime;

use super::{TimeError, Timestamp, Zone};

const SECOND: i64 = 1_000_000;
/// Zones set their clocks at most once in it: most change at a whole hour, none twice in a day.
const QUARTER: i64 = 900 * SECOND;

/// What a timestamp of a common form says, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A moment: the text names its distance from UTC.
    Moment(i64),
    /// What a clock on the wall shows.
    Naive(i64),
}

impl Reading {
    /// Reads `2026-05-04T14:00:02` with `T` or a blank, with a fraction of at most nine digits or none, and `Z`, `+02:00`
    /// or nothing behind it; or with a comma and three digits. Of all other texts, wrong ones among them, it says nothing.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (clock, rest) = text.as_bytes().split_first_chunk::<19>()?;
        let separated = clock[4] == b'-' && clock[7] == b'-' && clock[13] == b':' && clock[16] == b':';
        if !separated || !matches!(clock[10], b'T' | b' ') {
            return None;
        }
        let part = |at: usize, limit: i64| two_digits(clock[at], clock[at + 1]).filter(|part| *part < limit);
        let days = days(part(0, 100)? * 100 + part(2, 100)?, part(5, 13)?, part(8, 32)?)?;
        let seconds = (part(11, 24)? * 60 + part(14, 60)?) * 60 + part(17, 60)?;
        let (fraction, zone) = match rest {
            [b'.', digits @ ..] => fraction(digits)?,
            [b',', digits @ ..] if digits.len() == 3 => fraction(digits).filter(|(_, zone)| zone.is_empty())?,
            zone => (0, zone),
        };
        let micros = (days * 86_400 + seconds) * SECOND + fraction;
        match zone {
            [] => Some(Self::Naive(micros)),
            b"Z" => Some(Self::Moment(micros)),
            [sign @ (b'+' | b'-'), h, hh, b':', m, mm] => {
                let hours = two_digits(*h, *hh).filter(|hours| *hours < 24)?;
                let minutes = two_digits(*m, *mm).filter(|minutes| *minutes < 60)?;
                let east = (hours * 60 + minutes) * 60 * SECOND;
                Some(Self::Moment(if *sign == b'+' { micros - east } else { micros + east }))
            }
            _ => None,
        }
    }
}

/// Reads timestamps in one zone as [`Timestamp::parse`] does, and remembers how far that zone is from UTC.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    zone: Zone,
    /// The quarter of an hour on the zone's clock, and its microseconds east of UTC throughout.
    quarter: Option<(i64, i64)>,
    /// The minute read last, as it was written with `Z` behind it, and when it began.
    minute: Option<([u8; MINUTE], i64)>,
}

/// `2026-05-04T14:00:`
const MINUTE: usize = 17;

impl Moments {
    pub(crate) const fn new(zone: Zone) -> Self {
        Self { zone, quarter: None, minute: None }
    }

    pub(crate) const fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(crate) fn read(&mut self, text: &str) -> Result<Timestamp, TimeError> {
        if let Some(moment) = text.as_bytes().first_chunk().and_then(|text| self.read_usual(text))
            && text.len() == USUAL
        {
            return Ok(moment);
        }
        let micros = match Reading::of(text) {
            Some(Reading::Moment(micros)) => {
                let begin = micros - micros.rem_euclid(60 * SECOND);
                if text.ends_with('Z')
                    && is_in_range(begin)
                    && let Some(minute) = text.as_bytes().first_chunk()
                {
                    self.minute = Some((*minute, begin));
                }
                Some(micros)
            }
            Some(Reading::Naive(naive)) => self.offset(naive).map(|east| naive - east),
            None => None,
        };
        match micros.filter(|micros| is_in_range(*micros)) {
            Some(micros) => Ok(Timestamp::from_micros(micros)),
            None => Timestamp::parse_any(text, &self.zone),
        }
    }

    /// Reads `2026-05-04T14:00:02.881000Z` if it lies in the minute of the one before.
    #[inline]
    pub(crate) fn read_usual(&self, text: &[u8; USUAL]) -> Option<Timestamp> {
        let (minute, begin) = self.minute.as_ref()?;
        let (head, rest) = text.split_first_chunk::<MINUTE>()?;
        let ([tens, ones], fraction) = rest.split_first_chunk::<2>()?;
        if head != minute || fraction[0] != b'.' || fraction[7] != b'Z' {
            return None;
        }
        let seconds = two_digits(*tens, *ones).filter(|seconds| *seconds < 60)?;
        let digits = u64::from_le_bytes(*fraction.first_chunk()?) >> 8;
        let micros = Digits::of(digits);
        // A minute of which the beginning is in range is so to its end.
        (micros.count == 6).then(|| Timestamp::from_micros(begin + seconds * SECOND + micros.value.cast_signed()))
    }

    /// Microseconds east of UTC, if they are the same for as long as the quarter of the hour lasts.
    fn offset(&mut self, naive: i64) -> Option<i64> {
        let quarter = naive.div_euclid(QUARTER);
        if let Some((known, east)) = self.quarter
            && known == quarter
        {
            return Some(east);
        }
        let begin = east(&self.zone, quarter * QUARTER)?;
        let end = east(&self.zone, (quarter + 1) * QUARTER - 1)?;
        self.quarter = (begin == end).then_some((quarter, begin));
        self.quarter.map(|(_, east)| east)
    }
}

fn is_in_range(micros: i64) -> bool {
    (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()).contains(&micros)
}

/// The length of `2026-05-04T14:00:02.881000Z`.
pub(crate) const USUAL: usize = 27;

/// The decimal digits that eight bytes begin with, the first of them in the lowest place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    pub(crate) value: u64,
    pub(crate) count: usize,
}

impl Digits {
    /// Without a loop: how many there are differs from number to number, and a processor that guesses wrong waits.
    #[inline]
    pub(crate) fn of(bytes: u64) -> Self {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        // What is left of a digit is its value.
        let digits = bytes ^ (ONES * 0x30);
        // The highest bit of each byte that is no digit; above the lowest of them it may be set wrongly.
        let others = (digits.wrapping_add(ONES * 0x76) | digits) & (ONES << 7);
        let count = others.trailing_zeros() as usize / 8;
        // Zeros before them, so that there are always eight; two, four and eight at a time.
        let digits = digits.unbounded_shl(64 - 8 * count as u32);
        let pairs = digits.wrapping_mul(10 * 256 + 1) >> 8 & 0x00FF_00FF_00FF_00FF;
        let fours = pairs.wrapping_mul(100 * 65_536 + 1) >> 16 & 0x0000_FFFF_0000_FFFF;
        Self { value: fours.wrapping_mul(10_000 * 4_294_967_296 + 1) >> 32, count }
    }
}

/// How far ahead of UTC a zone's clock is when it shows `naive`.
fn east(zone: &Zone, naive: i64) -> Option<i64> {
    let shown = DateTime::from_timestamp_micros(naive)?.naive_utc();
    Some(naive - zone.to_utc(shown).timestamp_micros())
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// The microseconds of a fraction, cut off as chrono does, and what stands behind it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    let kept = &digits[..digits.len().min(6)];
    let micros = kept.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some((micros * 10_i64.pow(6 - kept.len() as u32), rest))
}

/// Days since the epoch of a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const LENGTHS: [i64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = LENGTHS[month as usize] + i64::from(leap && month == 2);
    if day == 0 || day > length {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ZONES: [&str; 9] = [
        "UTC",
        "+05:30",
        "-09:30",
        "Europe/Berlin",
        "America/New_York",
        // Half an hour of daylight saving; a change by 44.5 minutes in 1972; a day left out in 2011; a double summer time.
        "Australia/Lord_Howe",
        "Africa/Monrovia",
        "Pacific/Apia",
        "Antarctica/Troll",
    ];

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone")
    }

    fn agree(text: &str, moments: &mut Moments) {
        let expected = Timestamp::parse_any(text, moments.zone());
        assert_eq!(moments.read(text), expected, "{text} in {:?}", moments.zone());
        assert_eq!(Timestamp::parse(text, moments.zone()), expected, "{text} in {:?}", moments.zone());
    }

    #[test]
    fn common_forms_are_read_by_position() {
        let known = Some(Reading::Moment(1_777_903_202_881_194));
        assert_eq!(Reading::of("2026-05-04T14:00:02.881194Z"), known);
        assert_eq!(Reading::of("2026-05-04 16:30:02.881194999+02:30"), known);
        assert_eq!(Reading::of("2026-05-04T04:30:02.881194-09:30"), known);
        assert_eq!(Reading::of("2026-05-04T14:00:02"), Some(Reading::Naive(1_777_903_202_000_000)));
        assert_eq!(Reading::of("2026-05-04 14:00:02,881"), Some(Reading::Naive(1_777_903_202_881_000)));
    }

    #[test]
    fn every_minute_around_a_change_of_the_clocks_is_read_as_by_chrono() {
        let changes = [
            "2026-03-29",
            "2026-10-25",
            "2026-03-08",
            "2026-11-01",
            "2026-04-05",
            "2026-10-04",
            "1972-01-07",
            "2011-12-30",
        ];
        for name in ZONES {
            let mut moments = Moments::new(zone(name));
            for day in changes {
                for minute in 0..24 * 60 {
                    let text = format!("{day}T{:02}:{:02}:{:02}.5", minute / 60, minute % 60, minute % 60);
                    agree(&text, &mut moments);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_read_by_position_is_read_as_by_chrono(
            date in "(19[67][0-9]|20[0-9]{2}|[0-9]{4})-(0[1-9]|1[0-2]|[0-9]{2})-(0[1-9]|[12][0-9]|3[01]|[0-9]{2})",
            time in "[T t]([01][0-9]|2[0-4]):[0-5][0-9]:([0-5][0-9]|60)",
            rest in "([.,][0-9]{0,11})?(Z|z|[+-](0[0-9]|1[0-4]):(00|30|45)|[+-][0-9]{2}:?[0-9]{2}| |UTC)?",
            changed in proptest::option::weighted(0.2, (0_usize..40, any::<char>())),
            place in 0..ZONES.len(),
        ) {
            let mut text = format!("{date}{time}{rest}");
            if let Some((at, by)) = changed && at < text.len() {
                text.replace_range(at..=at, &by.to_string());
            }
            agree(&text, &mut Moments::new(zone(ZONES[place])));
        }
    }
}
