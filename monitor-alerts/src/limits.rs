//! What a number is compared with: above or below a limit, and a further one for what is critical.

use monitor_core::component::{Bound, Invalid, Reading, Verdict};
use monitor_core::event::Level;
use monitor_core::sample::Labels;

/// The limits of a rule: the keys `above` or `below`, and `critical`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    side: Side,
    limit: f64,
    critical: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

impl Limits {
    /// From the keys of a rule that has to have a limit.
    pub(crate) fn new(above: Option<f64>, below: Option<f64>, critical: Option<f64>) -> Result<Self, Invalid> {
        let (side, key, limit) = match (above, below) {
            (None, None) => return Err(Invalid::table("set one of `above` and `below`")),
            (Some(_), Some(_)) => {
                return Err(Invalid::table("`above` and `below` cannot both be set: make two rules of it"));
            }
            (Some(limit), None) => (Side::Above, "above", limit),
            (None, Some(limit)) => (Side::Below, "below", limit),
        };
        if !limit.is_finite() {
            return Err(Invalid::key(key, "must be a finite number"));
        }
        let limits = Self { side, limit, critical };
        match critical {
            Some(critical) if !critical.is_finite() => Err(Invalid::key("critical", "must be a finite number")),
            Some(critical) if !limits.is_past(critical, limit) => {
                Err(Invalid::key("critical", format!("must be {key} {limit}, or what is critical is found too late")))
            }
            _ => Ok(limits),
        }
    }

    /// The limit itself.
    pub(crate) fn bound(self) -> Bound {
        match self.side {
            Side::Above => Bound::Above(self.limit),
            Side::Below => Bound::Below(self.limit),
        }
    }

    fn is_past(self, value: f64, limit: f64) -> bool {
        match self.side {
            Side::Above => value > limit,
            Side::Below => value < limit,
        }
    }

    /// What a value means; without one, or with one that is no finite number, nobody can say. Comparison is strict.
    pub(crate) fn reading(self, labels: Labels, value: Option<f64>) -> Reading {
        let value = value.filter(|value| value.is_finite());
        let below = self.side == Side::Below;
        let mut reading = Reading { value, limit: Some(self.limit), below, ..Reading::no_data(labels) };
        let Some(value) = value else { return reading };
        reading.verdict = if self.is_past(value, self.limit) { Verdict::Breached } else { Verdict::Clear };
        if let Some(critical) = self.critical.filter(|critical| self.is_past(value, *critical)) {
            (reading.level, reading.limit) = (Some(Level::Critical), Some(critical));
        }
        reading
    }

    /// `above 30`, of the limit that a reading is compared with.
    pub(crate) fn words(self, reading: &Reading) -> String {
        let side = match self.side {
            Side::Above => "above",
            Side::Below => "below",
        };
        format!("{side} {}", short(reading.limit.unwrap_or(self.limit)))
    }
}

/// A number for people: no more than four digits that mean something, unless it is whole.
pub fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number}");
    }
    let digits = (3.0 - number.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_is_strict_and_critical_is_further_out() {
        let limits = Limits::new(Some(2.0), None, Some(3.0)).expect("limits");
        let read = |value| {
            let reading = limits.reading(Labels::NONE, value);
            (reading.verdict, reading.level, reading.limit)
        };
        assert_eq!(read(Some(2.0)), (Verdict::Clear, None, Some(2.0)));
        assert_eq!(read(Some(2.5)), (Verdict::Breached, None, Some(2.0)));
        assert_eq!(read(Some(3.5)), (Verdict::Breached, Some(Level::Critical), Some(3.0)));
        assert_eq!(read(None), (Verdict::NoData, None, Some(2.0)));
        assert_eq!(read(Some(f64::NAN)), (Verdict::NoData, None, Some(2.0)));
        let below = Limits::new(None, Some(0.9), Some(0.5)).expect("limits").reading(Labels::NONE, Some(0.4));
        assert_eq!((below.verdict, below.level, below.below), (Verdict::Breached, Some(Level::Critical), true));
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let wrong = |above, below, critical| Limits::new(above, below, critical).expect_err("no limits").to_string();
        assert_eq!(wrong(None, None, None), "set one of `above` and `below`");
        assert!(wrong(Some(1.0), Some(1.0), None).contains("make two rules of it"));
        assert_eq!(wrong(Some(f64::NAN), None, None), "must be a finite number");
        assert!(wrong(Some(2.0), None, Some(1.0)).contains("must be above 2"));
        assert!(wrong(None, Some(2.0), Some(2.0)).contains("must be below 2"));
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in
            [(30.0, "30"), (31.234_567, "31.23"), (0.162_9, "0.1629"), (0.5, "0.5"), (123_456.7, "123457")]
        {
            assert_eq!(short(number), text);
        }
    }
}
