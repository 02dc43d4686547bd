//! Times as text, quickly: a table has one a row, and most of each is that of the row before.

use monitor_core::{Timestamp, Zone};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;
/// No zone sets its clocks but at whole ones of these.
const QUARTER: i64 = 900;

/// Writes times.
pub(crate) struct Stamps {
    zone: Zone,
    form: Form,
    /// A quarter of an hour, how far east of UTC the zone is then, and whether its clocks show it twice.
    quarter: Option<(i64, i64, bool)>,
    /// A day of the zone, and its text.
    day: Option<(i64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `2026-05-04T14:00:02.881194Z`: RFC 3339, UTC.
    Utc,
    /// `2026-05-04 14:00:02.881194`, as Python's `str` of a naive time in the zone, without the fraction where that is zero;
    /// with the distance from UTC in the one hour of the year that the clocks show twice.
    Python,
}

impl Stamps {
    /// As RFC 3339 in UTC.
    pub(crate) fn utc() -> Self {
        Self { zone: Zone::UTC, form: Form::Utc, quarter: None, day: None }
    }

    /// As Python's `str` of a time in a zone.
    pub(crate) fn python(zone: &Zone) -> Self {
        Self { zone: zone.clone(), form: Form::Python, quarter: None, day: None }
    }

    pub(crate) fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let (seconds, micros) = (time.as_micros().div_euclid(SECOND), time.as_micros().rem_euclid(SECOND));
        let (east, twice) = self.east(time, seconds.div_euclid(QUARTER));
        let local = seconds + east;
        let day = local.div_euclid(DAY);
        if self.day.as_ref().is_none_or(|(known, _)| *known != day) {
            let text = time.to_local(&self.zone).format("%Y-%m-%d").to_string();
            self.day = Some((day, text));
        }
        let (_, text) = self.day.as_ref().expect("was just set");
        out.extend_from_slice(text.as_bytes());
        out.push(if self.form == Form::Utc { b'T' } else { b' ' });
        let of_day = local.rem_euclid(DAY);
        two(out, of_day / 3_600);
        out.push(b':');
        two(out, of_day / 60 % 60);
        out.push(b':');
        two(out, of_day % 60);
        if micros != 0 || self.form == Form::Utc {
            out.push(b'.');
            two(out, micros / 10_000);
            two(out, micros / 100 % 100);
            two(out, micros % 100);
        }
        if self.form == Form::Utc {
            out.push(b'Z');
        } else if twice {
            out.push(if east < 0 { b'-' } else { b'+' });
            two(out, east.abs() / 3_600);
            out.push(b':');
            two(out, east.abs() / 60 % 60);
        }
    }

    fn east(&mut self, time: Timestamp, quarter: i64) -> (i64, bool) {
        if let Some((known, east, twice)) = self.quarter
            && known == quarter
        {
            return (east, twice);
        }
        let moment = time.to_utc();
        let east = i64::from(self.zone.offset_seconds(moment));
        let local = self.zone.to_local(moment);
        let hour = chrono::TimeDelta::hours(1);
        let twice = self.zone.to_utc(local) != moment
            // Of the two moments the clocks read as the first.
            || self.zone.to_local(moment + hour) == local;
        self.quarter = Some((quarter, east, twice));
        (east, twice)
    }
}

fn two(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(time: &str, zone: &str, form: Form) -> String {
        let zone: Zone = zone.parse().expect("a zone");
        let mut out = Vec::new();
        let time = Timestamp::parse(time, &Zone::UTC).expect("a time");
        let mut stamps = if form == Form::Utc { Stamps::utc() } else { Stamps::python(&zone) };
        stamps.write(&mut out, time);
        let text = String::from_utf8(out).expect("digits");
        assert_eq!(Timestamp::parse(&text, &zone).expect("a time"), time, "{text} is read as another time");
        text
    }

    #[test]
    fn as_python_writes_them_and_unambiguous() {
        let python = |time| written(time, "Europe/Berlin", Form::Python);
        assert_eq!(python("2026-05-04T12:00:02.881194Z"), "2026-05-04 14:00:02.881194");
        assert_eq!(python("2026-05-04T12:00:02Z"), "2026-05-04 14:00:02");
        assert_eq!(python("2026-10-24T22:30:00Z"), "2026-10-25 00:30:00");
        assert_eq!(python("2026-10-25T00:30:00Z"), "2026-10-25 02:30:00+02:00");
        assert_eq!(python("2026-10-25T01:30:00Z"), "2026-10-25 02:30:00+01:00");
        assert_eq!(python("2026-10-25T02:00:00Z"), "2026-10-25 03:00:00");
        assert_eq!(written("2026-10-25T00:30:00.000001Z", "Europe/Berlin", Form::Utc), "2026-10-25T00:30:00.000001Z");
        assert_eq!(written("1970-01-01T00:00:00Z", "-03:30", Form::Python), "1969-12-31 20:30:00");
    }
}
