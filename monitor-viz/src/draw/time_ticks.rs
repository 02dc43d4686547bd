//! Marks for the time axis: at round moments of the wall clock, with the date only where it changes.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime};

use super::time_steps::{DAY, Step};
use super::zone::{Zone, calendar};

/// A mark on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeTick {
    /// When, in microseconds since the epoch.
    pub(super) at: i64,
    /// What is written there.
    pub(super) label: String,
    /// What is written under it, if it differs from the mark before.
    pub(super) context: Option<String>,
}

/// No axis has room for more marks than this; it also bounds the work if a clock behaves strangely.
const MOST: usize = 200;

/// The marks from `from` to `to`, by the shortest step whose marks fit: `room` is the number of
/// marks that a label of so many pixels leaves room for.
pub(super) fn time_ticks((from, to): (i64, i64), zone: &Zone, room: impl Fn(&str) -> usize) -> Vec<TimeTick> {
    let span = to.saturating_sub(from).max(1);
    let sample = calendar(zone.to_local(from));
    let fits = |step: &Step| {
        let label = sample.map_or(String::new(), |local| local.format(&step.format()).to_string());
        span / step.length() < room(&label).clamp(1, MOST) as i64
    };
    let step = Step::all().find(fits).unwrap_or(Step::Years(50_000));
    let mut ticks: Vec<TimeTick> = Vec::new();
    let mut last_context = None;
    for local in moments(step, zone.to_local(from), zone.to_local(to)) {
        let at = zone.to_utc(local);
        let after_last = ticks.last().is_none_or(|last| last.at < at);
        // Clocks set forward leave out some readings; a mark there would name a moment that never was.
        let exists = !matches!(step, Step::Micros(_)) || zone.to_local(at) == local;
        let Some(moment) = calendar(local).filter(|_| after_last && exists && (from..=to).contains(&at)) else {
            continue;
        };
        let context = step.context().map(|format| moment.format(format).to_string());
        ticks.push(TimeTick {
            at,
            label: moment.format(&step.format()).to_string(),
            context: context.clone().filter(|_| context != last_context),
        });
        last_context = context;
    }
    ticks
}

/// The wall clock's readings at whole multiples of the step, from a little before `from` to a
/// little after `to`.
fn moments(step: Step, from: i64, to: i64) -> Vec<i64> {
    match step {
        Step::Micros(size) => multiples(size, 0, from, to),
        Step::Days(1) => multiples(DAY, 0, from, to),
        // 5 January 1970 was the first Monday.
        Step::Days(count) => multiples(count * DAY, if count % 7 == 0 { 4 * DAY } else { 0 }, from, to),
        Step::Months(count) => months(count, from, to),
        Step::Years(count) => months(count.saturating_mul(12), from, to),
    }
}

fn multiples(size: i64, origin: i64, from: i64, to: i64) -> Vec<i64> {
    // An hour either way: the zone's distance may differ at the two ends.
    let slack = 3_600_000_000.min(size.saturating_mul(2));
    let first = from.saturating_sub(slack).saturating_sub(origin).div_euclid(size);
    let first = first.saturating_mul(size).saturating_add(origin);
    std::iter::successors(Some(first), |local| local.checked_add(size))
        .take_while(|local| *local <= to.saturating_add(slack))
        .take(MOST * 2)
        .collect()
}

fn months(count: i64, from: i64, to: i64) -> Vec<i64> {
    let Some(start) = calendar(from) else {
        return Vec::new();
    };
    let number = i64::from(start.year()) * 12 + i64::from(start.month0());
    let first = number.div_euclid(count) * count;
    let year = i32::try_from(first.div_euclid(12)).ok();
    let month = u32::try_from(first.rem_euclid(12) + 1).ok();
    let day = year.zip(month).and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1));
    let Some(step) = u32::try_from(count).ok().map(Months::new) else {
        return Vec::new();
    };
    std::iter::successors(day, |day| day.checked_add_months(step))
        .map(|day| NaiveDateTime::new(day, NaiveTime::MIN).and_utc().timestamp_micros())
        .take_while(|local| *local <= to)
        .take(MOST * 2)
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset};

    use super::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).expect("a date in a test").timestamp_micros()
    }

    fn ticks(from: &str, to: &str, zone: &Zone) -> Vec<String> {
        let marks = time_ticks((micros(from), micros(to)), zone, |_| 8);
        marks
            .into_iter()
            .map(|tick| tick.context.map_or(tick.label.clone(), |context| format!("{} ({context})", tick.label)))
            .collect()
    }

    #[test]
    fn half_an_hour_is_marked_every_five_minutes_with_the_date_once() {
        assert_eq!(
            ticks("2026-05-04T14:00:02Z", "2026-05-04T14:29:50Z", &Zone::utc()),
            ["14:05 (4 May 2026)", "14:10", "14:15", "14:20", "14:25"]
        );
    }

    #[test]
    fn the_date_comes_again_where_it_changes() {
        assert_eq!(
            ticks("2026-12-31T20:00:00Z", "2027-01-01T03:00:00Z", &Zone::utc()),
            ["20:00 (31 Dec 2026)", "21:00", "22:00", "23:00", "00:00 (1 Jan 2027)", "01:00", "02:00", "03:00"]
        );
    }

    #[test]
    fn each_span_has_its_step() {
        let utc = Zone::utc();
        let first = |from, to| ticks(from, to, &utc).into_iter().take(2).collect::<Vec<_>>();
        assert_eq!(
            first("2026-05-04T14:00:00.001Z", "2026-05-04T14:00:00.002Z"),
            ["14:00:00.001000 (4 May 2026)", "14:00:00.001200"]
        );
        assert_eq!(
            first("2026-05-04T14:00:00Z", "2026-05-04T14:00:01Z"),
            ["14:00:00.000 (4 May 2026)", "14:00:00.200"]
        );
        assert_eq!(first("2026-05-04T14:00:00Z", "2026-05-04T14:01:00Z"), ["14:00:00 (4 May 2026)", "14:00:10"]);
        assert_eq!(first("2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z"), ["00:00 (4 May 2026)", "06:00"]);
        assert_eq!(first("2026-05-04T00:00:00Z", "2026-05-10T00:00:00Z"), ["4 May (2026)", "5 May"]);
        assert_eq!(first("2026-05-01T00:00:00Z", "2026-06-15T00:00:00Z"), ["4 May (2026)", "11 May"]);
        assert_eq!(first("2025-11-20T00:00:00Z", "2026-05-10T00:00:00Z"), ["Dec (2025)", "Jan (2026)"]);
        assert_eq!(first("2016-05-04T00:00:00Z", "2026-05-04T00:00:00Z"), ["2018", "2020"]);
    }

    #[test]
    fn marks_are_round_on_the_wall_clock_of_the_zone() {
        let kathmandu = Zone::of(FixedOffset::east_opt(20_700).expect("5:45"));
        assert_eq!(
            ticks("2026-05-04T14:00:00Z", "2026-05-04T20:00:00Z", &kathmandu),
            ["20:00 (4 May 2026)", "21:00", "22:00", "23:00", "00:00 (5 May 2026)", "01:00"]
        );
    }

    /// Berlin in 2026: one hour ahead, two from 29 March 01:00 UTC to 25 October 01:00 UTC.
    fn berlin() -> Zone {
        let summer = micros("2026-03-29T01:00:00Z")..micros("2026-10-25T01:00:00Z");
        Zone::new(move |at| if summer.contains(&at) { 7_200 } else { 3_600 })
    }

    #[test]
    fn clocks_set_forward_skip_the_hour_that_never_was() {
        assert_eq!(
            ticks("2026-03-28T23:00:00Z", "2026-03-29T03:30:00Z", &berlin()),
            ["00:00 (29 Mar 2026)", "01:00", "03:00", "04:00", "05:00"]
        );
    }

    #[test]
    fn clocks_set_back_keep_the_marks_in_order() {
        let range = (micros("2026-10-24T22:00:00Z"), micros("2026-10-25T03:30:00Z"));
        let marks = time_ticks(range, &berlin(), |_| 8);
        assert!(marks.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!(
            marks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(),
            ["00:00", "01:00", "02:00", "03:00", "04:00"]
        );
    }

    #[test]
    fn any_range_gives_a_bounded_number_of_marks() {
        for (from, to) in [(i64::MIN, i64::MAX), (0, 0), (0, 1), (i64::MAX - 5, i64::MAX), (i64::MIN, i64::MIN + 5)] {
            assert!(time_ticks((from, to), &Zone::utc(), |_| 10).len() <= MOST);
        }
        let mut span = 1;
        while span < 400_000_000_000_000_000 {
            let count = time_ticks((1_777_903_200_000_000, 1_777_903_200_000_000 + span), &Zone::utc(), |_| 10).len();
            assert!((1..=11).contains(&count), "{count} for {span}");
            span = span * 7 / 5 + 1;
        }
    }
}
