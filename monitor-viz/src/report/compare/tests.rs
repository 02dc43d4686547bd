//! Intervals against figures of scipy and statsmodels, and against what they promise: to hold the truth 95 times of 100.

use super::interval::{Difference, Mean, Rate, Z, holm, means, quantiles, rates};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1e-3), "{found} is not {expected}");
}

fn check(found: Option<Difference>, low: f64, high: f64, p: f64) {
    let found = found.expect("enough values");
    close(found.low, low);
    close(found.high, high);
    close(found.p, p);
}

/// The first is an example of Newcombe's (table II of the paper: 0.0524 to 0.3339). Low and high:
/// `statsmodels.stats.proportion.confint_proportions_2indep(k_b, n_b, k_a, n_a, method="newcomb", compare="diff")`, of 0.15.0; p: the
/// `alpha` of that at which an end is zero, by `scipy.optimize.brentq`.
#[test]
fn rates_are_those_of_statsmodels() {
    let rate = |of, all| Rate { of, all };
    let found = |a, b| rates(a, b);
    check(found(rate(48, 80), rate(56, 70)), 0.052_431_472_402, 0.333_872_654_037, 0.008_133_140_359);
    check(found(rate(3, 10), rate(9, 10)), 0.170_522_723_935, 0.809_017_973_535, 0.004_963_401_418);
    check(found(rate(0, 20), rate(10, 10)), 0.679_086_037_142, 1.0, 4.507_819_559e-9);
    check(found(rate(7, 120), rate(0, 100)), -0.115_525_920_336, -0.010_834_897_157, 0.024_151_492_536);
    let equal = found(rate(5, 50), rate(5, 50)).expect("enough");
    assert_eq!((equal.value, equal.p), (0.0, 1.0));
    assert_eq!(found(rate(1, 9), rate(5, 50)), None);
}

/// `scipy.stats.ttest_ind_from_stats(mean_b, sd_b, n_b, mean_a, sd_a, n_a, equal_var=False)`, of 1.17.1; the interval by
/// `scipy.stats.t.ppf(0.975, df)` with the degrees of freedom of Welch and Satterthwaite.
#[test]
fn means_are_those_of_scipy() {
    let mean = |count, value, stddev| Mean { count, value, stddev };
    check(means(mean(12, 20.0, 6.0), mean(15, 22.0, 2.0)), -1.905_797_474_703, 5.905_797_474_703, 0.288_595_575_664);
    check(
        means(mean(1_300, 4.93, 10.2), mean(900, 5.4, 9.1)),
        -0.343_429_773_876,
        1.283_429_773_876,
        0.257_290_211_112,
    );
    check(means(mean(30, 0.8, 0.1), mean(45, 0.7, 0.12)), -0.150_987_536_965, -0.049_012_463_035, 0.000_210_829_278);
    let constant = |value| mean(20, value, 0.0);
    assert_eq!(means(constant(5.0), constant(5.0)).map(|found| found.p), Some(1.0));
    assert_eq!(means(constant(5.0), constant(6.0)).map(|found| (found.low, found.p)), Some((1.0, 0.0)));
    assert_eq!(means(mean(9, 1.0, 1.0), mean(100, 1.0, 1.0)), None);
}

/// `statsmodels.stats.multitest.multipletests([0.01, 0.04, 0.03, 0.005, 0.5], method="holm")[1]`, of 0.15.0
#[test]
fn corrected_p_values_are_those_of_statsmodels() {
    for (found, expected) in holm(&[0.01, 0.04, 0.03, 0.005, 0.5]).into_iter().zip([0.04, 0.09, 0.09, 0.025, 0.5]) {
        close(found, expected);
    }
    assert!(holm(&[]).is_empty());
}

#[test]
fn percentiles_lie_between_ranked_values() {
    // 1 to 101: a value is its rank, so the median is 51, and its interval 51 ± z · √(101 / 4) on both sides.
    let values: Vec<f64> = (1..=101).map(f64::from).collect();
    let moved: Vec<f64> = values.iter().map(|value| value + 40.0).collect();
    let found = quantiles(&values, &moved, 0.5).expect("enough");
    let half = Z * (101.0_f64 / 4.0).sqrt() * std::f64::consts::SQRT_2;
    close(found.value, 40.0);
    close(found.low, 40.0 - half);
    close(found.high, 40.0 + half);
    assert!(found.p < 1e-6, "{}", found.p);
    assert_eq!(quantiles(&values, &values, 0.5).map(|found| found.p), Some(1.0));
    // The 99th percentile of a hundred values would need more than the largest.
    assert_eq!(quantiles(&values, &values, 0.99), None);
    assert_eq!(quantiles(&values, &[], 0.5), None);
}

/// Numbers between 0 and 1, always the same: SplitMix64 (Steele, Lea and Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How long calls take is skewed like this: many short, a few very long.
    fn waited(&mut self, scale: f64) -> f64 {
        -scale * (1.0 - self.next()).ln()
    }
}

/// How many of 2,000 intervals hold the truth.
fn coverage(truth: f64, mut interval: impl FnMut(&mut Chance) -> Option<Difference>) -> f64 {
    let mut chance = Chance(1);
    let found = (0..2_000).filter_map(|_| interval(&mut chance)).map(|found| {
        assert!(found.low <= found.value && found.value <= found.high, "{found:?}");
        // The interval and the p-value say the same.
        let leaves_out_zero = found.low > 0.0 || found.high < 0.0;
        assert!(leaves_out_zero == (found.p < 0.05) || (found.p - 0.05).abs() < 1e-3, "{found:?}");
        found.low <= truth && truth <= found.high
    });
    let found: Vec<bool> = found.collect();
    found.iter().filter(|holds| **holds).count() as f64 / found.len() as f64
}

/// Of 2,000 tries at 95 % a share from 93.5 to 96.5 % is within three standard deviations. Intervals of high percentiles of skewed
/// values err on the safe side: they hold the truth half a percent to one and a half more often.
#[test]
fn intervals_hold_the_truth_95_times_of_100() {
    let near = |covered: f64| (0.935..=0.965).contains(&covered);
    let covered = coverage(-0.08, |chance| {
        let mut rate =
            |all: u64, share: f64| Rate { of: (0..all).filter(|_| chance.next() < share).count() as u64, all };
        let (a, b) = (rate(150, 0.96), rate(200, 0.88));
        rates(a, b)
    });
    assert!(near(covered), "rates: {covered}");
    let covered = coverage(1.0, |chance| {
        let mut mean = |count: u64, scale: f64| {
            let values: Vec<f64> = (0..count).map(|_| chance.waited(scale)).collect();
            let value = values.iter().sum::<f64>() / count as f64;
            let squares = values.iter().map(|one| (one - value).powi(2)).sum::<f64>();
            Mean { count, value, stddev: (squares / (count - 1) as f64).sqrt() }
        };
        let (a, b) = (mean(200, 3.0), mean(120, 4.0));
        means(a, b)
    });
    assert!(near(covered), "means: {covered}");
    for (share, count) in [(0.5, 80), (0.9, 200), (0.95, 300)] {
        // A percentile of an exponential distribution is known.
        let truth = -(1.0_f64 - share).ln() * (4.0 - 3.0);
        let covered = coverage(truth, |chance| {
            let mut sorted = |scale: f64| {
                let mut values: Vec<f64> = (0..count).map(|_| chance.waited(scale)).collect();
                values.sort_unstable_by(f64::total_cmp);
                values
            };
            let (a, b) = (sorted(3.0), sorted(4.0));
            quantiles(&a, &b, share)
        });
        assert!((0.935..=0.975).contains(&covered), "percentile {share}: {covered}");
    }
}
