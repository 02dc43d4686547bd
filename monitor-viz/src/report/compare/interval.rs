//! Intervals of a difference between two runs, and how likely chance alone makes one that large.
//!
//! Each interval is a function of its confidence; the p-value is one minus the confidence at which the interval just touches zero. So
//! the two never contradict each other: an interval of 95 % leaves out zero exactly if its p-value is below 0.05.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// `z` of an interval of 95 %: the 97.5th percentile of the standard normal distribution.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// Fewer values than this in a run say too little.
pub(super) const FEWEST: u64 = 10;

/// How far run B is from run A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Difference {
    /// B − A.
    pub(crate) value: f64,
    /// The ends of the interval of 95 %.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How likely a difference at least as large is if there is none.
    pub(crate) p: f64,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) of: u64,
    pub(crate) all: u64,
}

/// What a mean comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) count: u64,
    pub(crate) value: f64,
    /// The sample standard deviation.
    pub(crate) stddev: f64,
}

impl Rate {
    pub(crate) fn value(self) -> f64 {
        self.of as f64 / self.all as f64
    }

    /// The score interval of Wilson ("Probable Inference, the Law of Succession, and Statistical Inference", J. Am. Stat. Assoc. 22
    /// (1927), 209–212).
    fn limits(self, z: f64) -> (f64, f64) {
        let (n, p) = (self.all as f64, self.value());
        let middle = p + z * z / (2.0 * n);
        let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
    }
}

/// The difference of two rates: method 10 of Newcombe ("Interval estimation for the difference between independent proportions:
/// comparison of eleven methods", Statistics in Medicine 17 (1998), 873–890). None if one of the runs is too small.
pub(crate) fn rates(a: Rate, b: Rate) -> Option<Difference> {
    if a.all.min(b.all) < FEWEST {
        return None;
    }
    Some(squared(a.value(), |z| a.limits(z), b.value(), |z| b.limits(z), 40.0))
}

/// The difference of two means with variances of their own: Welch ("The generalization of 'Student's' problem when several different
/// population variances are involved", Biometrika 34 (1947), 28–35). None if one of the runs is too small.
pub(crate) fn means(a: Mean, b: Mean) -> Option<Difference> {
    if a.count.min(b.count) < FEWEST {
        return None;
    }
    let value = b.value - a.value;
    let [share_a, share_b] = [a, b].map(|run| run.stddev * run.stddev / run.count as f64);
    let error = (share_a + share_b).sqrt();
    if error == 0.0 {
        let p = if value == 0.0 { 1.0 } else { 0.0 };
        return Some(Difference { value, low: value, high: value, p });
    }
    let freedom = (share_a + share_b).powi(2)
        / (share_a * share_a / (a.count - 1) as f64 + share_b * share_b / (b.count - 1) as f64);
    // It fails for what is not a positive number alone.
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let half = student.inverse_cdf(0.975) * error;
    let p = 2.0 * student.cdf(-(value / error).abs());
    Some(Difference { value, low: value - half, high: value + half, p })
}

/// The difference of two percentiles of sorted values. Each has the interval between order statistics that needs no form of the
/// distribution (Conover, "Practical Nonparametric Statistics", 3rd ed. (1999), 143–148), with ranks between two values
/// interpolated (Hutson, "Calculating nonparametric confidence intervals for quantiles using fractional order statistics", J. Appl.
/// Stat. 26 (1999), 343–353); the two are put together as Newcombe's are (Zou and Donner, "Construction of confidence limits about
/// effect measures: a general approach", Statistics in Medicine 27 (2008), 1693–1702). None if one of the runs is too small for the
/// percentile: then the interval would need values beyond the largest.
pub(crate) fn quantiles(a: &[f64], b: &[f64], share: f64) -> Option<Difference> {
    let widest = [a, b].map(|values| {
        let ranks = values.len().saturating_sub(1) as f64;
        share.min(1.0 - share) * ranks / spread(values.len(), share).max(f64::MIN_POSITIVE)
    });
    let widest = widest[0].min(widest[1]);
    if a.len().min(b.len()) < FEWEST as usize || widest < Z {
        return None;
    }
    let limits = |values: &[f64], z: f64| {
        let (middle, half) = (share * (values.len() - 1) as f64, z * spread(values.len(), share));
        (at_rank(values, middle - half), at_rank(values, middle + half))
    };
    let [of_a, of_b] = [a, b].map(|values| at_rank(values, share * (values.len() - 1) as f64));
    Some(squared(of_a, |z| limits(a, z), of_b, |z| limits(b, z), widest))
}

/// The standard deviation of the rank of a percentile among so many values.
fn spread(count: usize, share: f64) -> f64 {
    (count as f64 * share * (1.0 - share)).sqrt()
}

/// The value at a rank from 0, between two values in proportion.
pub(super) fn at_rank(sorted: &[f64], rank: f64) -> f64 {
    let rank = rank.clamp(0.0, (sorted.len() - 1) as f64);
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * rank.fract()
}

/// The difference of two estimates whose own intervals are known at any `z` up to `widest`: the distances to their ends are squared
/// and added.
fn squared(
    a: f64,
    limits_a: impl Fn(f64) -> (f64, f64),
    b: f64,
    limits_b: impl Fn(f64) -> (f64, f64),
    widest: f64,
) -> Difference {
    let value = b - a;
    let ends = |z: f64| {
        let ((low_a, high_a), (low_b, high_b)) = (limits_a(z), limits_b(z));
        (value - (b - low_b).hypot(high_a - a), value + (high_b - b).hypot(a - low_a))
    };
    let (low, high) = ends(Z);
    let leaves_out_zero = |z: f64| {
        let (low, high) = ends(z);
        low > 0.0 || high < 0.0
    };
    let p = if leaves_out_zero(0.0) {
        let (mut within, mut beyond) = (0.0, widest);
        for _ in 0..60 {
            let middle = f64::midpoint(within, beyond);
            *(if leaves_out_zero(middle) { &mut within } else { &mut beyond }) = middle;
        }
        2.0 * Normal::standard().cdf(-within)
    } else {
        1.0
    };
    Difference { value, low, high, p }
}

/// p-values of comparisons that are made together, each as likely to be below a limit by chance as if it were the only one: Holm ("A
/// simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65–70).
pub(crate) fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, other| p[*one].total_cmp(&p[*other]));
    let (mut adjusted, mut largest) = (vec![1.0; p.len()], 0.0_f64);
    for (place, at) in order.into_iter().enumerate() {
        largest = largest.max((p[at] * (p.len() - place) as f64).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}
