//! How far a value is from those of a baseline.

/// A distance from what is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    /// What is compared: the latest value, or the moving average that ends with it.
    pub(super) now: f64,
    /// What it would be if all were as in the baseline.
    pub(super) expected: f64,
    /// How far from that it usually is; above zero.
    pub(super) deviation: f64,
}

/// So many standard deviations of a normal distribution is its median absolute deviation.
const MAD_OF_NORMAL: f64 = 0.6745;
/// A standard deviation of a normal distribution is so many mean absolute deviations: the root of pi / 2.
const MEAN_DEVIATIONS: f64 = 1.253_314;
/// What is nearer to each other than this share has been rounded otherwise, and is the same.
const ROUNDING: f64 = 1e-9;

impl Score {
    fn new(now: f64, expected: f64, deviation: f64, least: f64) -> Self {
        let size = if expected == 0.0 { 1.0 } else { expected.abs() };
        Self { now, expected, deviation: deviation.max(least).max(ROUNDING * size) }
    }

    /// How many deviations above what is expected; negative below it.
    pub(super) fn deviations(self) -> f64 {
        (self.now - self.expected) / self.deviation
    }

    /// The modified z-score, `0.6745 (x - median) / MAD` (Iglewicz and Hoaglin 1993); where MAD is zero, the mean absolute
    /// deviation from the median takes its place.
    pub(super) fn modified_z(baseline: &[f64], latest: f64, least: f64) -> Self {
        let expected = median(baseline.to_vec());
        let distances: Vec<f64> = baseline.iter().map(|value| (value - expected).abs()).collect();
        let mean = distances.iter().sum::<f64>() / distances.len() as f64;
        let deviation = match median(distances) {
            0.0 => MEAN_DEVIATIONS * mean,
            mad => mad / MAD_OF_NORMAL,
        };
        Self::new(latest, expected, deviation, least)
    }

    /// The exponentially weighted moving average over the baseline and the latest value, in the order of time, against the mean
    /// of the baseline (Roberts 1959).
    pub(super) fn ewma(baseline: &[f64], latest: f64, least: f64, weight: f64) -> Self {
        let count = baseline.len() as f64;
        let mean = baseline.iter().sum::<f64>() / count;
        let squares: f64 = baseline.iter().map(|value| (value - mean).powi(2)).sum();
        let average =
            baseline.iter().chain([&latest]).fold(mean, |average, value| average + weight * (value - average));
        let deviation = (squares / (count - 1.0)).sqrt() * (weight / (2.0 - weight)).sqrt();
        Self::new(average, mean, deviation, least)
    }
}

/// The median of at least one value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[upper - 1], values[upper]) } else { values[upper] }
}
