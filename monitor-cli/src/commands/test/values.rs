//! The values of a series in the notation of `promtool test rules`, which people know and have files of:
//! <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series>.

/// A series of more samples than this is a mistake.
const MOST: usize = 1_000_000;

/// Expands a notation to a value, or none, for each step: `1`, `1x3` (1 and 3 more), `1+2x3` (1 3 5 7), `1-2x3`, `_` (none) and
/// `_x3` (3 times none), with blanks between.
///
/// # Errors
/// What cannot be read, in words.
pub(super) fn expand(text: &str) -> Result<Vec<Option<f64>>, String> {
    let mut values = Vec::new();
    for part in text.split_whitespace() {
        let (first, step, times) = read(part).ok_or_else(|| unreadable(part))?;
        // What is missing cannot be the first of a row, so it is not counted once more.
        let count = times.map_or(1, |times| times.saturating_add(usize::from(first.is_some())));
        if count > MOST - values.len() {
            return Err(format!("`{part}` is more than {MOST} values"));
        }
        values.extend((0..count).map(|at| first.map(|first| first + step * at as f64)));
    }
    if let Some(value) = values.iter().flatten().find(|value| value.abs() > monitor_core::read::LARGEST) {
        return Err(format!("{value:e} is larger than any value may be"));
    }
    Ok(values)
}

/// The first value, what is added to it each time, and how often.
fn read(part: &str) -> Option<(Option<f64>, f64, Option<usize>)> {
    let (series, times) = match part.rsplit_once('x') {
        Some((series, times)) if times.bytes().all(|byte| byte.is_ascii_digit()) => (series, Some(times.parse().ok()?)),
        Some(_) => return None,
        None => (part, None),
    };
    if series == "_" {
        return Some((None, 0.0, times));
    }
    if let Some(value) = number(series) {
        return Some((Some(value), 0.0, times));
    }
    // The sign that is not the first one's own, nor of an exponent.
    let at = series
        .char_indices()
        .skip(1)
        .find(|(at, sign)| matches!(sign, '+' | '-') && !series[..*at].ends_with(['e', 'E']))?;
    let (first, step) = series.split_at(at.0);
    times?;
    Some((Some(number(first)?), number(step)?, times))
}

/// A number that is written in digits.
fn number(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse::<f64>().ok().filter(|value| digits && value.is_finite())
}

fn unreadable(part: &str) -> String {
    match part {
        "stale" => "`stale` has no meaning here: write `_` where there is no sample".to_owned(),
        _ if part.starts_with("{{") => "histograms have no meaning here: a sample is a number".to_owned(),
        _ => format!("`{part}` is no value: write them as in `1 1x5 0.5+0.1x3 10-1x9 _ _x5`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_documentation() {
        let some = |values: &[f64]| Ok(values.iter().map(|value| Some(*value)).collect());
        assert_eq!(expand("-2+4x3"), some(&[-2.0, 2.0, 6.0, 10.0]));
        assert_eq!(expand(" 1-2x4"), some(&[1.0, -1.0, -3.0, -5.0, -7.0]));
        assert_eq!(expand(" 1x4"), some(&[1.0; 5]));
        assert_eq!(expand("1 _x3 _"), Ok(vec![Some(1.0), None, None, None, None]));
    }

    #[test]
    fn other_numbers() {
        let some = |values: &[f64]| Ok(values.iter().map(|value| Some(*value)).collect());
        assert_eq!(expand("1e3 1e-1+1e-1x1 .5 +2"), some(&[1e3, 0.1, 0.2, 0.5, 2.0]));
        assert_eq!(expand("-1-1x1\n 3x0"), some(&[-1.0, -2.0, 3.0]));
        // Not hexadecimal.
        assert_eq!(expand("0x2"), some(&[0.0; 3]));
        assert_eq!(expand(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_value() {
        for bad in [
            "x3", "1x", "1x-2", "a", "NaN", "inf", "1+", "+", "_+1x2", "1+2", "1x2x3", "1++2x3", "1+-2x3", "1*3",
            "1e400",
        ] {
            assert!(expand(bad).is_err(), "{bad}: {:?}", expand(bad));
        }
        assert!(expand("stale").is_err_and(|error| error.contains('_')));
        assert!(expand("1x99999999999999999999").is_err());
        assert!(expand("1x999999 1").is_err_and(|error| error.contains("1000000")));
        assert!(expand("_x18446744073709551615").is_err());
        assert!(expand("1e149+1e149x99").is_err_and(|error| error.contains("larger")));
    }
}
