//! What the numbers of a metric count, as far as its name tells, and how people read them.

use std::time::Duration;

use monitor_core::store::Aggregate;
use monitor_core::template::thousands;
use monitor_core::time::format_duration;

/// What the numbers of a metric count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    /// Of one: each number is 0 or 1.
    Share,
    Tokens,
    Usd,
}

impl Unit {
    /// By the names that generations and evaluations give their metrics, and those that people give theirs.
    pub(super) fn of(metric: &str) -> Option<Self> {
        let ends = |endings: &[&str]| endings.iter().any(|ending| metric.ends_with(ending));
        match metric {
            "success_rate" | "error_rate" | "evaluation_error_rate" => Some(Self::Share),
            _ if ends(&["_time", "_seconds"]) => Some(Self::Seconds),
            _ if ends(&["token_count", "_tokens"]) => Some(Self::Tokens),
            _ if ends(&["_usd", "_cost"]) => Some(Self::Usd),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Share => "share",
            Self::Tokens => "tokens",
            Self::Usd => "USD",
        }
    }
}

/// A number for people.
pub(super) fn shown(value: f64, aggregate: Aggregate, unit: Option<Unit>) -> String {
    match (aggregate, unit) {
        (Aggregate::Count, _) => thousands(value as i64),
        (Aggregate::Rate, _) => format!("{}/s", number(value, 3)),
        (_, Some(Unit::Seconds)) => seconds(value),
        (Aggregate::Sum, Some(Unit::Share)) | (_, None | Some(Unit::Tokens)) => number(value, 4),
        (_, Some(Unit::Share)) => format!("{:.1}%", value * 100.0),
        (_, Some(Unit::Usd)) if value.abs() >= 1.0 => format!("${value:.2}"),
        (_, Some(Unit::Usd)) => format!("${}", number(value, 3)),
    }
}

fn seconds(value: f64) -> String {
    match value {
        60.0..1e12 => format_duration(Duration::from_secs(value.round() as u64)),
        1e-3..1.0 => format!("{}ms", number(value * 1e3, 3)),
        _ => format!("{}s", number(value, 3)),
    }
}

/// With this many digits that count, more where a whole number has them, and no zeros behind.
pub(in crate::commands) fn number(value: f64, digits: i32) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return thousands(value as i64);
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    match usize::try_from(digits - 1 - magnitude) {
        Ok(decimals) if decimals > 0 => {
            format!("{value:.decimals$}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => thousands(value.round() as i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        let mean = |metric: &str, value| shown(value, Aggregate::Mean, Unit::of(metric));
        let all = [
            mean("generation_time", 0.0423),
            mean("generation_time", 2.7812),
            mean("generation_time", 3_723.4),
            mean("success_rate", 0.9662),
            mean("total_token_count", 1_483.71),
            mean("call_cost", 0.012_34),
            mean("call_usd", 12.345),
            mean("temperature", -12.346_7),
            mean("load", 1.25e-7),
            mean("load", 2e20),
            shown(1.616_1, Aggregate::Rate, None),
            shown(2_663.0, Aggregate::Sum, Unit::of("success_rate")),
            shown(26_387.0, Aggregate::Count, Unit::of("generation_time")),
        ];
        let texts = [
            "42.3ms", "2.78s", "1h 2m 3s", "96.6%", "1,484", "$0.0123", "$12.35", "-12.35", "1.25e-7", "2.00e20",
            "1.62/s", "2,663", "26,387",
        ];
        assert_eq!(all, texts);
    }
}
