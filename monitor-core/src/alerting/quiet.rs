//! Hours in which people are not disturbed: `22:00-07:00`, `Sat-Sun`, `Mon-Fri 18:00-08:00`.

use std::str::FromStr;

use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike, Weekday};

/// Hours of some days of the week. Those that reach beyond midnight belong to the day on which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Monday first.
    days: [bool; 7],
    /// Minutes of the day.
    from: u32,
    until: u32,
}

/// A text that names no hours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not hours: write \"22:00-07:00\", \"Sat-Sun\" or \"Mon,Wed 18:00-08:00\"")]
pub struct NotHours(String);

const DAY: u32 = 24 * 60;

impl QuietHours {
    /// Whether a moment, as the clock on the wall shows it, is one of them.
    pub fn contains(&self, local: NaiveDateTime) -> bool {
        let minute = local.hour() * 60 + local.minute();
        let today = local.weekday().num_days_from_monday() as usize;
        let (today, yesterday) = (self.days[today], self.days[(today + 6) % 7]);
        if self.from < self.until {
            today && (self.from..self.until).contains(&minute)
        } else {
            today && minute >= self.from || yesterday && minute < self.until
        }
    }
}

impl FromStr for QuietHours {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let parse = || {
            let (mut days, mut hours) = ([true; 7], None);
            for (at, part) in text.split_whitespace().enumerate() {
                if part.starts_with(|c: char| c.is_ascii_digit()) && hours.is_none() {
                    hours = Some(times(part)?);
                } else if at == 0 {
                    days = weekdays(part)?;
                } else {
                    return None;
                }
            }
            let (from, until) = hours.unwrap_or((0, DAY));
            (!text.trim().is_empty() && from != until).then_some(Self { days, from, until })
        };
        parse().ok_or_else(|| NotHours(text.to_owned()))
    }
}

fn times(text: &str) -> Option<(u32, u32)> {
    let (from, until) = text.split_once('-')?;
    let minute = |text: &str| {
        let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
        Some(time.hour() * 60 + time.minute())
    };
    Some((minute(from)?, if until == "24:00" { DAY } else { minute(until)? }))
}

fn weekdays(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    let day = |text: &str| Some(text.parse::<Weekday>().ok()?.num_days_from_monday() as usize);
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        days[at] = true;
        while at != last {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-05-04 was a Monday.
    fn quiet(hours: &str, moment: &str) -> bool {
        let hours: QuietHours = hours.parse().expect("hours");
        hours.contains(format!("2026-05-{moment}:00").parse().expect("a moment"))
    }

    #[test]
    fn hours_may_reach_beyond_midnight() {
        for (moment, expected) in
            [("04T21:59", false), ("04T22:00", true), ("04T23:30", true), ("05T06:59", true), ("05T07:00", false)]
        {
            assert_eq!(quiet("22:00-07:00", moment), expected, "{moment}");
        }
        assert!(quiet("09:00-12:00", "04T11:59") && !quiet("09:00-12:00", "04T12:00"));
        assert!(quiet("22:00-24:00", "04T23:59") && !quiet("22:00-24:00", "05T00:00"));
    }

    #[test]
    fn days_are_those_on_which_the_hours_begin() {
        for (hours, moment, expected) in [
            ("Sat-Sun", "08T23:59", false),
            ("Sat-Sun", "09T00:00", true),
            ("Sat-Sun", "10T23:59", true),
            ("Sat-Sun", "11T00:00", false),
            ("Fri 18:00-08:00", "08T17:00", false),
            ("Fri 18:00-08:00", "08T18:00", true),
            ("Fri 18:00-08:00", "09T07:59", true),
            ("Fri 18:00-08:00", "09T18:00", false),
            ("Sat-Mon,wed", "04T12:00", true),
            ("Sat-Mon,wed", "05T12:00", false),
            ("Sat-Mon,wed", "06T12:00", true),
        ] {
            assert_eq!(quiet(hours, moment), expected, "{hours} {moment}");
        }
    }

    #[test]
    fn what_is_no_hours_is_refused() {
        for text in
            ["", "22-07", "25:00-07:00", "Caturday", "Mon Tue", "22:00", "22:00-22:00", "22:00-07:00 Mon", "Mon-"]
        {
            assert_eq!(text.parse::<QuietHours>(), Err(NotHours(text.to_owned())), "{text}");
        }
    }
}
