//! The axes' ranges and where a value lies on the picture.

use super::error::DrawError;
use super::figure::Figure;

/// The plot area (in pixels) and what its edges stand for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    /// The moments at the left and the right edge.
    pub(super) time: (i64, i64),
    /// The values at the lower and the upper edge.
    pub(super) value: (f64, f64),
}

impl Frame {
    /// The horizontal place of a moment.
    pub(super) fn x(&self, at: i64) -> f64 {
        let (from, to) = self.time;
        let share = at.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64;
        self.left + share * (self.right - self.left)
    }

    /// The vertical place of a value.
    pub(super) fn y(&self, value: f64) -> f64 {
        let (low, high) = self.value;
        // A value far outside a narrow range must not become an infinity: then the clipping could not cut it.
        let share = ((value - low) / (high - low)).clamp(-1e9, 1e9);
        self.bottom - share * (self.bottom - self.top)
    }
}

/// The range of the time axis: the data's, and a hundredth more on each side, so that no curve
/// touches an edge.
pub(super) fn time_range(figure: &Figure) -> Result<(i64, i64), DrawError> {
    let range = figure.finite().fold(None, |range: Option<(i64, i64)>, (at, _)| {
        Some(range.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
    });
    let (from, to) = range.ok_or(DrawError::NoData)?;
    let span = to.saturating_sub(from);
    let pad = if span == 0 { 30_000_000 } else { (span / 100).max(1) };
    Ok((from.saturating_sub(pad), to.saturating_add(pad)))
}

/// The range of the value axis: the one that was asked for, or the data's with headroom.
pub(super) fn value_range(figure: &Figure) -> Result<(f64, f64), DrawError> {
    if let Some((low, high)) = figure.y_range {
        let sound = low.is_finite() && high.is_finite() && low < high && (high - low).is_finite();
        return if sound { Ok((low, high)) } else { Err(DrawError::Range { low, high }) };
    }
    let range = figure.finite().fold(None, |range: Option<(f64, f64)>, (_, value)| {
        Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    let (low, high) = range.ok_or(DrawError::NoData)?;
    // Beyond this the width of the range itself would overflow; such values are cut at the edge.
    Ok(with_headroom(low.clamp(-1e300, 1e300), high.clamp(-1e300, 1e300)))
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
}
