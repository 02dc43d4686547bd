//! The axes: what their ends stand for, and where a value lies between them.

use super::error::DrawError;
use super::scene::Point;

/// What an axis measures.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scale {
    /// Moments, in microseconds since the epoch.
    Time(i64, i64),
    /// Numbers.
    Number(f64, f64),
    /// Numbers, each power of ten as wide as the next.
    Log(f64, f64),
    /// So many names, from the top.
    Rows(usize),
}

impl Scale {
    /// Where a number lies between the ends, 0 to 1. Far outside it is held near, so that no place becomes an infinity, which
    /// nothing could cut off any more.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = match *self {
            Self::Number(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value.max(low * 1e-9) / low).ln() / (high / low).ln(),
            Self::Time(..) | Self::Rows(_) => 0.0,
        };
        share.clamp(-1e9, 1e9)
    }

    /// Where a moment lies between the ends.
    pub(super) fn share_of_time(&self, at: i64) -> f64 {
        let Self::Time(from, to) = *self else { return 0.0 };
        at.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64
    }

    /// Whether a number lies between the ends.
    pub(super) fn holds(&self, value: f64) -> bool {
        match *self {
            Self::Number(low, high) | Self::Log(low, high) => (low..=high).contains(&value),
            Self::Time(..) | Self::Rows(_) => false,
        }
    }

    /// The moments from the first to the last, and a hundredth more on each side, so that nothing touches an edge.
    pub(super) fn of_times(times: impl IntoIterator<Item = i64>) -> Result<Self, DrawError> {
        let range = times.into_iter().fold(None, |range: Option<(i64, i64)>, at| {
            Some(range.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        });
        let (from, to) = range.ok_or(DrawError::NoData)?;
        let span = to.saturating_sub(from);
        let pad = if span == 0 { 30_000_000 } else { (span / 100).max(1) };
        Ok(Self::Time(from.saturating_sub(pad), to.saturating_add(pad)))
    }

    /// The numbers from the least to the greatest with headroom, and from zero where zero is near. What is not finite is passed
    /// over.
    pub(super) fn of_numbers(numbers: impl IntoIterator<Item = f64>) -> Result<Self, DrawError> {
        let (low, high) = extent(numbers).ok_or(DrawError::NoData)?;
        // Beyond this the width of the range itself would overflow; such values are cut at the edge.
        let (low, high) = with_headroom(low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300));
        Ok(Self::Number(low, high))
    }

    /// A range that was asked for.
    pub(super) fn asked((low, high): (f64, f64)) -> Result<Self, DrawError> {
        let sound = low.is_finite() && high.is_finite() && low < high && (high - low).is_finite();
        if sound { Ok(Self::Number(low, high)) } else { Err(DrawError::Range { low, high }) }
    }

    /// From exactly the least to exactly the greatest, by powers of ten or evenly.
    pub(super) fn exact(low: f64, high: f64, log: bool) -> Result<Self, DrawError> {
        if log && low > 0.0 && high > low && high.is_finite() && (high / low).is_finite() {
            return Ok(Self::Log(low, high));
        }
        Self::asked((low, high))
    }
}

/// The least and the greatest finite number.
pub(super) fn extent(numbers: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.into_iter().filter(|number| number.is_finite()).fold(None, |range: Option<(f64, f64)>, number| {
        Some(range.map_or((number, number), |(low, high)| (low.min(number), high.max(number))))
    })
}

fn with_headroom(low: f64, high: f64) -> (f64, f64) {
    let greatest = low.abs().max(high.abs());
    if greatest < 1e-290 {
        return (0.0, 1.0);
    }
    let span = high - low;
    // A span of a few units in the last place is rounding noise; the marks could not be told apart.
    if span <= greatest * 1e-12 {
        return (low - greatest * 0.1, high + greatest * 0.1);
    }
    let pad = span * 0.06;
    let near_zero = span * 0.25;
    let floor = if (0.0..=near_zero).contains(&low) { 0.0 } else { low - pad };
    let ceiling = if (-near_zero..=0.0).contains(&high) { 0.0 } else { high + pad };
    (floor, ceiling)
}

/// The plot area, in pixels, and its axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) across: Scale,
    pub(super) upwards: Scale,
}

impl Frame {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The horizontal place of a moment.
    pub(super) fn x_of_time(&self, at: i64) -> f64 {
        self.left + self.across.share_of_time(at) * self.width()
    }

    /// The horizontal place of a number.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.left + self.across.share(value) * self.width()
    }

    /// The vertical place of a number.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom - self.upwards.share(value) * self.height()
    }

    /// The upper and the lower edge of a row.
    pub(super) fn row(&self, row: usize) -> (f64, f64) {
        let rows = if let Scale::Rows(rows) = self.upwards { rows.max(1) } else { 1 };
        let height = self.height() / rows as f64;
        (self.top + row as f64 * height, self.top + (row + 1) as f64 * height)
    }

    /// The place of a moment and a value.
    pub(super) fn at(&self, at: i64, value: f64) -> Point {
        (self.x_of_time(at), self.y(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom() {
        assert_eq!(with_headroom(0.0, 1.0), (0.0, 1.06));
        assert_eq!(with_headroom(-1.0, 0.0), (-1.06, 0.0));
        assert_eq!(with_headroom(0.0, 0.0), (0.0, 1.0));
        assert_eq!(with_headroom(100.0, 200.0), (94.0, 206.0));
        assert_eq!(with_headroom(10.0, 10.0), (9.0, 11.0));
        let (low, high) = with_headroom(-1e300, 1e300);
        assert!(low.is_finite() && high.is_finite() && (high - low).is_finite());
    }

    #[test]
    fn a_power_of_ten_is_as_wide_as_the_next() {
        let scale = Scale::exact(0.1, 1_000.0, true).expect("a range");
        for (value, share) in [(0.1, 0.0), (1.0, 0.25), (10.0, 0.5), (100.0, 0.75), (1_000.0, 1.0)] {
            assert!((scale.share(value) - share).abs() < 1e-9, "{value}");
        }
        assert!(scale.share(0.0) < 0.0 && scale.share(-5.0).is_finite());
        assert_eq!(Scale::exact(0.0, 1.0, true), Ok(Scale::Number(0.0, 1.0)), "zero has no logarithm");
    }
}
