//! Numbers and texts as people read them in a report. The same number is always the same text.

use std::time::Duration;

use monitor_core::template::thousands;
use monitor_core::time::format_duration;
use monitor_core::{Timestamp, Zone};

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

pub(super) fn count(number: u64) -> String {
    thousands(i64::try_from(number).unwrap_or(i64::MAX))
}

/// One of them, or so many.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A large count in three or four digits: `3.21M`.
pub(super) fn compact(number: u64) -> String {
    let value = number as f64;
    match number {
        0..100_000 => count(number),
        100_000..1_000_000 => format!("{}k", digits(value / 1e3, 3)),
        1_000_000..1_000_000_000 => format!("{}M", digits(value / 1e6, 3)),
        _ => format!("{}G", digits(value / 1e9, 3)),
    }
}

/// `96.6%`; a share that is neither nothing nor all never reads as if it were.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if !percent.is_finite() => NONE.to_owned(),
        _ if percent > 0.0 && percent < 0.05 => "<0.1%".to_owned(),
        _ if percent < 100.0 && percent > 99.95 => format!("{:.2}%", (percent * 100.0).floor() / 100.0),
        _ if percent.fract() == 0.0 => format!("{percent:.0}%"),
        _ => format!("{percent:.1}%"),
    }
}

/// A length of time in seconds: `42.3ms`, `2.78s`, `1m 45s`.
pub(super) fn seconds(value: f64) -> String {
    match value.abs() {
        magnitude if !magnitude.is_finite() => NONE.to_owned(),
        60.0..1e12 => {
            let length = format_duration(Duration::from_secs(value.abs().round() as u64));
            format!("{}{length}", if value < 0.0 { "-" } else { "" })
        }
        1e-3..1.0 => format!("{}ms", digits(value * 1e3, 3)),
        _ => format!("{}s", digits(value, 3)),
    }
}

pub(super) fn usd(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match value.abs() {
        magnitude if !magnitude.is_finite() => NONE.to_owned(),
        magnitude if magnitude >= 100.0 => format!("{sign}${}", count(magnitude.round() as u64)),
        magnitude if magnitude >= 1.0 => format!("{sign}${magnitude:.2}"),
        magnitude => format!("{sign}${}", digits(magnitude, 3)),
    }
}

/// So many digits that count, and no zeros behind.
pub(super) fn digits(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-6..15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    match usize::try_from(digits - 1 - magnitude) {
        Ok(decimals) if decimals > 0 => {
            let text = format!("{value:.decimals$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => thousands(value.round() as i64),
    }
}

/// With its sign, also where it is positive.
pub(super) fn signed(value: f64, text: impl Fn(f64) -> String) -> String {
    let magnitude = text(value.abs());
    match value {
        _ if value > 0.0 => format!("+{magnitude}"),
        _ if value < 0.0 => format!("−{magnitude}"),
        _ => magnitude,
    }
}

pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    let length = to.since(from);
    let whole = if length >= Duration::from_secs(60) { Duration::from_secs(length.as_secs()) } else { length };
    format_duration(whole)
}

pub(super) fn moment(time: Timestamp, zone: &Zone) -> String {
    time.to_local(zone).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// From one moment to another; a day is told once.
pub(super) fn span(from: Timestamp, to: Timestamp, zone: &Zone) -> String {
    let (first, last) = (from.to_local(zone), to.to_local(zone));
    let end = if first.date() == last.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    format!("{} to {}", first.format("%Y-%m-%d %H:%M:%S"), last.format(end))
}

/// The name of a metric or a label as a heading: `evaluation_score_tone` of a metric of scores is `tone`.
pub(super) fn score(metric: &str) -> String {
    metric.strip_prefix("evaluation_score_").unwrap_or(metric).to_owned()
}

/// No longer than so many characters.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        let all = [
            compact(2_756),
            compact(123_456),
            compact(3_214_567),
            percent(0.9662),
            percent(1.0),
            percent(0.999_999),
            percent(0.000_01),
            percent(f64::NAN),
            seconds(0.0423),
            seconds(2.7812),
            seconds(105.3),
            seconds(-61.0),
            usd(3.424),
            usd(0.001_234),
            usd(-12_345.6),
            digits(0.812_34, 3),
            signed(-0.5, percent),
            signed(0.5, percent),
            signed(0.0, seconds),
            shortened("  a long text ", 6),
        ];
        let texts = [
            "2,756",
            "123k",
            "3.21M",
            "96.6%",
            "100%",
            "99.99%",
            "<0.1%",
            "–",
            "42.3ms",
            "2.78s",
            "1m 45s",
            "-1m 1s",
            "$3.42",
            "$0.00123",
            "-$12,346",
            "0.812",
            "−50%",
            "+50%",
            "0s",
            "a long…",
        ];
        assert_eq!(all.map(|text| text.clone()), texts);
    }
}
