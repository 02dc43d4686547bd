//! Fewer points for the same picture, so that a million of them draw as quickly as a thousand.
//!
//! Curves: the first, lowest, highest and last point of every pixel column, after Jugel, Jerzak,
//! Hackenbroich and Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB
//! 7(10), 2014; the line through them covers the pixels of the full one. Dots: one for every
//! occupied cell of a raster.

/// The points of a curve (all finite, in order) that matter in a plot of so many pixel columns; `column` tells the column of a
/// place across.
pub(super) fn m4<X: Copy>(points: &[(X, f64)], columns: usize, column: impl Fn(X) -> usize) -> Vec<(X, f64)> {
    if points.len() <= columns * 2 {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(columns * 4);
    let mut start = 0;
    while start < points.len() {
        let here = column(points[start].0);
        let (mut low, mut high, mut end) = (start, start, start + 1);
        while end < points.len() && column(points[end].0) == here {
            if points[end].1 < points[low].1 {
                low = end;
            }
            if points[end].1 > points[high].1 {
                high = end;
            }
            end += 1;
        }
        let mut four = [start, low.min(high), low.max(high), end - 1].map(Some);
        for index in 1..four.len() {
            if four[..index].contains(&four[index]) {
                four[index] = None;
            }
        }
        kept.extend(four.into_iter().flatten().map(|index| points[index]));
        start = end;
    }
    kept
}

/// The same for a band: a column's least and greatest, at its first and its last moment.
pub(super) fn m4_band(band: &[(i64, f64, f64)], columns: usize, column: impl Fn(i64) -> usize) -> Vec<(i64, f64, f64)> {
    if band.len() <= columns * 2 {
        return band.to_vec();
    }
    let mut kept = Vec::with_capacity(columns * 2);
    for part in band.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let (first, last) = (part[0].0, part[part.len() - 1].0);
        let low = part.iter().map(|(_, low, _)| *low).fold(f64::INFINITY, f64::min);
        let high = part.iter().map(|(.., high)| *high).fold(f64::NEG_INFINITY, f64::max);
        kept.push((first, low, high));
        if last > first {
            kept.push((last, low, high));
        }
    }
    kept
}

/// The pixel column of a moment.
pub(super) fn column(at: i64, (from, to): (i64, i64), columns: usize) -> usize {
    let span = to.saturating_sub(from).max(1) as f64;
    let share = at.saturating_sub(from) as f64 / span;
    ((share * columns as f64).max(0.0) as usize).min(columns.saturating_sub(1))
}

/// At most about `limit` of the dots (in pixels), one for every occupied cell of a raster that is
/// as fine as that allows.
pub(super) fn thin(dots: &[(f64, f64)], size: (f64, f64), limit: usize) -> Vec<(f64, f64)> {
    if dots.len() <= limit {
        return dots.to_vec();
    }
    // In order of time the first dot of a cell would always be at its left edge, and the picture
    // would have stripes.
    let mut kept: Vec<_> = scattered(dots.len()).map(|index| dots[index]).collect();
    let mut cell = 1.0;
    while kept.len() > limit && cell < size.0.max(size.1) {
        let columns = (size.0 / cell).ceil() as usize + 1;
        let rows = (size.1 / cell).ceil() as usize + 1;
        let mut taken = vec![false; columns * rows];
        kept.retain(|(x, y)| {
            let column = ((x / cell).max(0.0) as usize).min(columns - 1);
            let row = ((y / cell).max(0.0) as usize).min(rows - 1);
            !std::mem::replace(&mut taken[row * columns + column], true)
        });
        cell *= 1.5;
    }
    kept
}

/// The numbers below `count`, each once, in an order without a pattern, the same every time: steps
/// of the golden section.
fn scattered(count: usize) -> impl Iterator<Item = usize> {
    let near = (count as f64 * 0.618_034) as usize;
    let step = (near..=count).find(|step| coprime(*step, count)).unwrap_or(1);
    (0..count).scan(0, move |at, _| {
        let here = *at;
        *at = (here + step) % count;
        Some(here)
    })
}

fn coprime(mut a: usize, mut b: usize) -> bool {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Values without a pattern, the same in every run (a linear congruential generator; Knuth's constants).
    fn noise(count: usize) -> Vec<(i64, f64)> {
        let mut state = 42_u64;
        (0..count as i64)
            .map(|at| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (at * 1_000, (state >> 40) as f64)
            })
            .collect()
    }

    type Columns = BTreeMap<usize, (f64, f64, i64, i64)>;

    /// What must survive, found the slow way.
    fn naive(points: &[(i64, f64)], time: (i64, i64), columns: usize) -> Columns {
        let mut seen = Columns::new();
        for &(at, value) in points {
            let entry = seen.entry(column(at, time, columns)).or_insert((value, value, at, at));
            *entry = (entry.0.min(value), entry.1.max(value), entry.2.min(at), entry.3.max(at));
        }
        seen
    }

    #[test]
    fn every_column_keeps_its_least_greatest_first_and_last() {
        for columns in [1, 7, 100, 1_137] {
            let points = noise(50_000);
            let time = (points[0].0, points[points.len() - 1].0);
            let kept = m4(&points, columns, |at| column(at, time, columns));
            assert!(kept.len() <= columns * 4, "{} for {columns}", kept.len());
            assert_eq!(naive(&kept, time, columns), naive(&points, time, columns));
            assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order of time, none twice");
        }
    }

    #[test]
    fn a_band_keeps_the_least_and_the_greatest_of_every_column() {
        let points = noise(50_000);
        let band: Vec<_> = points.iter().map(|(at, value)| (*at, *value, value * 2.0)).collect();
        let time = (points[0].0, points[points.len() - 1].0);
        for columns in [1, 7, 1_137] {
            let kept = m4_band(&band, columns, |at| column(at, time, columns));
            assert!(kept.len() <= columns * 2);
            let ends = |pick: fn(&(i64, f64, f64)) -> f64, band: &[(i64, f64, f64)]| {
                let one = band.iter().map(|part| (part.0, pick(part))).collect::<Vec<_>>();
                naive(&one, time, columns)
            };
            let (low, kept_low) = (ends(|part| part.1, &band), ends(|part| part.1, &kept));
            let (high, kept_high) = (ends(|part| part.2, &band), ends(|part| part.2, &kept));
            for (here, there) in low.iter().zip(&kept_low) {
                assert_eq!((here.0, here.1.0, here.1.2, here.1.3), (there.0, there.1.0, there.1.2, there.1.3));
            }
            for (here, there) in high.iter().zip(&kept_high) {
                assert_eq!((here.0, here.1.1), (there.0, there.1.1));
            }
        }
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = noise(200);
        assert_eq!(m4(&points, 100, |at| column(at, (0, 200_000), 100)), points);
    }

    #[test]
    fn columns_at_the_ends_and_outside() {
        assert_eq!([-5, 0, 9, 10, 99, 100, 500].map(|at| column(at, (0, 100), 10)), [0, 0, 0, 1, 9, 9, 9]);
        assert_eq!(column(7, (7, 7), 10), 0);
        assert_eq!(column(i64::MAX, (i64::MIN, i64::MAX), 10), 9);
    }

    #[test]
    fn dots_are_thinned_to_the_limit_and_outliers_stay() {
        let mut dots: Vec<_> = (0..100_000).map(|i| (f64::from(i % 1000), f64::from(i / 1000))).collect();
        dots.push((500.0, 400.0));
        let kept = thin(&dots, (1000.0, 500.0), 5_000);
        assert!(kept.len() <= 5_000 && kept.len() > 1_000, "{}", kept.len());
        assert!(kept.contains(&(500.0, 400.0)));
        assert_eq!(thin(&dots[..10], (1000.0, 500.0), 5_000), dots[..10]);
    }

    #[test]
    fn a_scattered_order_has_every_number_once() {
        for count in 1..200 {
            let mut numbers: Vec<_> = scattered(count).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        }
    }
}
