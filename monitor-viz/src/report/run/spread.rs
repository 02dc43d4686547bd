//! How values are spread, from how often each occurs: bins, shares, quartiles.

/// Bins of a histogram at most.
const BINS: usize = 36;
/// Points of a curve at most.
const POINTS: usize = 120;
/// Values beyond the whiskers that are drawn, on each side.
const OUTLIERS: usize = 12;

/// Edges and counts of bins of the same width on a logarithmic axis; what is not above zero is left out. None if nothing is left.
pub(super) fn log_bins(values: &[(f64, u64)]) -> Option<(Vec<f64>, Vec<u64>)> {
    let positive: Vec<_> = values.iter().copied().filter(|(value, _)| *value > 0.0).collect();
    let (low, high) = (positive.first()?.0, positive.last()?.0);
    // All in one place: a bin around it.
    let (low, high) = if high / low < 1.01 { (low / 1.5, high * 1.5) } else { (low, high * (1.0 + 1e-9)) };
    let count: u64 = positive.iter().map(|(_, count)| count).sum();
    // As many as Sturges would make ("The Choice of a Class Interval", J. Am. Stat. Assoc. 21 (1926), 65–66), and twice that, for
    // the logarithm spreads what a straight axis has in a few.
    let bins = (2.0 * ((count as f64).log2() + 1.0)).ceil().clamp(4.0, BINS as f64) as usize;
    let ratio = (high / low).ln();
    let edges: Vec<f64> = (0..=bins).map(|edge| low * (ratio * edge as f64 / bins as f64).exp()).collect();
    let mut counts = vec![0; bins];
    for (value, count) in positive {
        let place = ((value / low).ln() / ratio * bins as f64) as usize;
        counts[place.min(bins - 1)] += count;
    }
    Some((edges, counts))
}

/// The share of values that are no larger, at values in their order.
pub(in crate::report) fn cumulated(values: &[(f64, u64)]) -> Vec<(f64, f64)> {
    let all: u64 = values.iter().map(|(_, count)| count).sum();
    let every = all.div_ceil(POINTS as u64).max(1);
    let (mut points, mut below, mut next) = (Vec::new(), 0, 0);
    for (at, (value, count)) in values.iter().enumerate() {
        below += count;
        if below >= next || at + 1 == values.len() {
            points.push((*value, below as f64 / all as f64));
            next = below + every;
        }
    }
    points.retain(|(value, _)| *value > 0.0);
    points
}

/// The ends of the whiskers, the quartiles and the median, and values beyond the whiskers, which reach to the last value within one
/// and a half of the distance between the quartiles (Tukey, "Exploratory Data Analysis" (1977)). None of nothing.
pub(super) fn five(values: &[(f64, u64)]) -> Option<([f64; 5], Vec<f64>)> {
    let all: u64 = values.iter().map(|(_, count)| count).sum();
    let at_rank = |rank: u64| {
        let mut below = 0;
        let found = values.iter().find(|(_, count)| {
            below += count;
            below > rank
        });
        found.or(values.last()).map_or(f64::NAN, |(value, _)| *value)
    };
    let quartile = |share: f64| {
        let place = share * (all.checked_sub(1)? as f64);
        let (below, above) = (at_rank(place.floor() as u64), at_rank(place.ceil() as u64));
        Some(below + (above - below) * place.fract())
    };
    let [lower, median, upper] = [quartile(0.25)?, quartile(0.5)?, quartile(0.75)?];
    let reach = 1.5 * (upper - lower);
    let within = |value: &f64| (lower - reach..=upper + reach).contains(value);
    let inside: Vec<f64> = values.iter().map(|(value, _)| *value).filter(within).collect();
    let low = inside.first().copied().unwrap_or(lower).min(lower);
    let high = inside.last().copied().unwrap_or(upper).max(upper);
    let beyond: Vec<f64> =
        values.iter().map(|(value, _)| *value).filter(|value| *value < low || *value > high).collect();
    let (first, last) =
        (beyond.iter().take_while(|value| **value < low), beyond.iter().rev().take_while(|value| **value > high));
    let outliers = first.take(OUTLIERS).chain(last.take(OUTLIERS)).copied().collect();
    Some(([low, lower, median, upper, high], outliers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_every_value_above_zero_once() {
        let values: Vec<(f64, u64)> = (0..50).map(|at| (f64::from(at) * 0.5, 3)).collect();
        let (edges, counts) = log_bins(&values).expect("values");
        assert_eq!(edges.len(), counts.len() + 1);
        assert_eq!(counts.iter().sum::<u64>(), 49 * 3);
        assert!(edges.is_sorted() && edges[0] <= 0.5 && edges[counts.len()] >= 24.5);
        assert_eq!(log_bins(&[(0.0, 5)]), None);
        let (edges, counts) = log_bins(&[(2.0, 7)]).expect("a value");
        assert!(edges[0] < 2.0 && edges[counts.len()] > 2.0 && counts.iter().sum::<u64>() == 7);
    }

    #[test]
    fn shares_end_with_all() {
        let values: Vec<(f64, u64)> = (1..=1_000).map(|at| (f64::from(at), 1)).collect();
        let points = cumulated(&values);
        assert!(points.len() <= 140, "{}", points.len());
        assert_eq!(points.last(), Some(&(1_000.0, 1.0)));
        assert!(points.iter().all(|(value, share)| (value / 1_000.0 - share).abs() < 1e-12));
    }

    /// As `numpy.percentile` and `matplotlib.cbook.boxplot_stats` have it.
    #[test]
    fn quartiles_and_whiskers() {
        let values = [(1.0, 1), (2.0, 2), (3.0, 1), (4.0, 3), (30.0, 1)];
        let (five, outliers) = five(&values).expect("values");
        assert_eq!(format!("{five:?} {outliers:?}"), "[1.0, 2.0, 3.5, 4.0, 4.0] [30.0]");
        assert!(super::five(&[]).is_none());
    }
}
