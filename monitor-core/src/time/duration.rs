//! Lengths of time as people write them ("90s", "5m", "1h 30m") and read them ("2m 30s").

use std::time::Duration;

/// A length of time that could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a length of time: write a number and a unit, as in \"90s\", \"5m\" or \"1h 30m\"")]
pub struct ParseDurationError {
    /// What was written.
    pub text: String,
}

/// Reads "90s", "5m", "1h 30m", "500ms".
///
/// # Errors
/// When the text is not a number with a unit, or is longer than 1,000 years (no window needs that, and sums stay safe).
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    const LONGEST: Duration = Duration::from_secs(1_000 * 366 * 86_400);
    match humantime::parse_duration(text.trim()) {
        Ok(length) if length <= LONGEST => Ok(length),
        _ => Err(ParseDurationError { text: text.to_owned() }),
    }
}

/// Writes a length of time for people: "5m", "1h 30m", "2.5s".
pub fn format_duration(length: Duration) -> String {
    if length < Duration::from_secs(1) && length.subsec_micros().is_multiple_of(1_000) && !length.is_zero() {
        return format!("{}ms", length.as_millis());
    }
    if length < Duration::from_secs(60) && length.subsec_nanos() != 0 {
        let text = format!("{:.3}", length.as_secs_f64());
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    humantime::format_duration(Duration::from_secs(length.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration(" 1h 30m "), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "5", "five minutes", "-5m", "5 parsecs", "100000000y", "1e3s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn writes_what_people_read() {
        assert_eq!(format_duration(Duration::from_secs(300)), "5m");
        assert_eq!(format_duration(Duration::from_millis(2_500)), "2.5s");
        assert_eq!(format_duration(Duration::from_millis(100)), "100ms");
        assert_eq!(format_duration(Duration::ZERO), "0s");
        assert_eq!(format_duration(Duration::from_secs(5_400)), "1h 30m");
    }
}
