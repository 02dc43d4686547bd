//! Numbers as they stand in narrow columns: at most eight characters, units and all. What there is no data for is [`NONE`].

use std::time::Duration;

use monitor_core::template::thousands;
use monitor_core::time::format_duration;

/// What stands where there is no number.
pub(super) const NONE: &str = "–";

/// What there is, shown; or that there is nothing.
pub(super) fn or_none<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), show)
}

/// `26,387`, and from a million on `1.23M`.
pub(super) fn count(number: u64) -> String {
    match number {
        0..1_000_000 => thousands(number.cast_signed()),
        1_000_000..1_000_000_000 => format!("{}M", digits(number as f64 / 1e6, 3)),
        _ => format!("{}G", digits(number as f64 / 1e9, 3)),
    }
}

/// With three digits that count: `0.0123`, `12.3`, `1,235`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        1e-4..1e6 => digits(value, 3),
        1e6..1e12 => format!("{}{}", if value < 0.0 { "-" } else { "" }, count(size.round() as u64)),
        _ => format!("{value:.1e}"),
    }
}

/// With so many digits that count, more before the point where there are more, and no zeros behind it.
fn digits(value: f64, digits: i32) -> String {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    match usize::try_from(digits - 1 - magnitude) {
        Ok(decimals) if decimals > 0 => {
            let text = format!("{value:.decimals$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => thousands(value.round() as i64),
    }
}

/// `42.3ms`, `2.78s`, `4m 12s`, `3h 5m`: from a minute on in two parts.
pub(super) fn seconds(value: f64) -> String {
    match value {
        0.0 => "0s".to_owned(),
        59.5..1e9 => length(Duration::from_secs(value.round() as u64)),
        ..1.0 => format!("{}ms", digits(value * 1e3, 3)),
        _ => format!("{}s", digits(value, 3)),
    }
}

/// A length of time in its two largest parts.
pub(super) fn length(length: Duration) -> String {
    let whole = if length < Duration::from_secs(1) { Duration::ZERO } else { Duration::from_secs(length.as_secs()) };
    let text = format_duration(whole);
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A share of one: `16.3%`; what is not zero never looks like it, nor what is not all like that.
pub(super) fn percent(share: f64) -> String {
    match share {
        0.0 => "0%".to_owned(),
        1.0 => "100%".to_owned(),
        0.0..0.0005 => "<0.1%".to_owned(),
        0.9995..1.0 => ">99.9%".to_owned(),
        _ => format!("{:.1}%", share * 100.0),
    }
}

/// US dollars.
pub(super) fn usd(value: f64) -> String {
    match value.abs() {
        0.0 => "$0".to_owned(),
        0.995..1_000.0 => format!("${value:.2}"),
        1_000.0.. => format!("${}", number(value)),
        _ => format!("${}", digits(value, 3)),
    }
}

/// How often: a second, or where that would be a small number a minute or an hour.
pub(super) fn rate(a_second: f64) -> String {
    match a_second {
        0.0 => "0/s".to_owned(),
        0.1.. => format!("{}/s", number(a_second)),
        0.01..0.1 => format!("{}/min", digits(a_second * 60.0, 3)),
        _ => format!("{}/h", digits(a_second * 3_600.0, 3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_find_room() {
        let counts = [0, 999, 26_387, 999_999, 1_234_567, 362_412_000, 7_300_000_000].map(count);
        assert_eq!(counts, ["0", "999", "26,387", "999,999", "1.23M", "362M", "7.3G"]);
        let numbers = [0.0, 0.012_34, 2.781, -12.346_7, 1_483.7, 123_456.0, -2_500_000.0, 1.25e-7, 2e20].map(number);
        assert_eq!(numbers, ["0", "0.0123", "2.78", "-12.3", "1,484", "123,456", "-2.5M", "1.2e-7", "2.0e20"]);
        let times = [0.0, 0.000_5, 0.0423, 0.9999, 2.7812, 59.4, 59.7, 252.0, 11_100.0, 200_000.0].map(seconds);
        assert_eq!(times, ["0s", "0.5ms", "42.3ms", "1,000ms", "2.78s", "59.4s", "1m", "4m 12s", "3h 5m", "2days 7h"]);
        let shares = [0.0, 0.000_1, 0.163, 0.9999, 1.0].map(percent);
        assert_eq!(shares, ["0%", "<0.1%", "16.3%", ">99.9%", "100%"]);
        let costs = [0.0, 0.000_123, 0.0312, 0.999, 12.345, 1_234.5, 2.5e6].map(usd);
        assert_eq!(costs, ["$0", "$0.000123", "$0.0312", "$1.00", "$12.35", "$1,235", "$2.5M"]);
        let rates = [0.0, 63_336.2, 0.7167, 0.05, 0.003].map(rate);
        assert_eq!(rates, ["0/s", "63,336/s", "0.717/s", "3/min", "10.8/h"]);
        for text in numbers.iter().chain(&times).chain(&shares).chain(&costs).chain(&rates) {
            assert!(text.len() <= 9, "{text}");
        }
    }
}
