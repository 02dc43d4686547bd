//! How far two distributions are from each other. Both are given as counts: a pair for each bin, of the baseline and of the window.

use std::cmp::Ordering;

/// What is added to each count, so that a bin that is empty on one side does not make the distance infinite: what
/// Jeffreys' prior does.
const SMOOTHING: f64 = 0.5;

/// The population stability index: the sum of `(now - before) ln(now / before)` over the shares of the bins. Zero without samples.
pub(super) fn psi(pairs: &[(u64, u64)]) -> f64 {
    let total =
        |count: fn(&(u64, u64)) -> u64| pairs.iter().map(count).sum::<u64>() as f64 + SMOOTHING * pairs.len() as f64;
    let (all_before, all_now) = (total(|pair| pair.0), total(|pair| pair.1));
    let of_bin = |(before, now): &(u64, u64)| {
        let (before, now) = ((*before as f64 + SMOOTHING) / all_before, (*now as f64 + SMOOTHING) / all_now);
        (now - before) * (now / before).ln()
    };
    pairs.iter().map(of_bin).sum()
}

/// The statistic of Kolmogorov and Smirnov, over bins in the order of their values: the largest difference of the cumulative
/// shares. Both sides need samples.
pub(super) fn ks(pairs: &[(u64, u64)]) -> f64 {
    let (all_before, all_now) = pairs.iter().fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let (mut before, mut now, mut largest) = (0, 0, 0.0_f64);
    for pair in pairs {
        (before, now) = (before + pair.0, now + pair.1);
        largest = largest.max((before as f64 / all_before as f64 - now as f64 / all_now as f64).abs());
    }
    largest
}

/// A pair for each value that either has, in their order. Values and counts come in the order of the values.
pub(super) fn by_values(before: &[(f64, u64)], now: &[(f64, u64)]) -> Vec<(u64, u64)> {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (before.peek(), now.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(now)) => before.0.total_cmp(&now.0),
        };
        let of_before = before.next_if(|_| order.is_le()).map_or(0, |(_, count)| *count);
        let of_now = now.next_if(|_| order.is_ge()).map_or(0, |(_, count)| *count);
        pairs.push((of_before, of_now));
    }
}

/// A pair for each bin between the deciles of the baseline, but for bins that are empty on both sides. A value that makes a
/// tenth of the baseline is a bin of its own: else nobody would see what moves away from it to the side of its bin.
pub(super) fn by_deciles(before: &[(f64, u64)], now: &[(f64, u64)]) -> Vec<(u64, u64)> {
    let total: u64 = before.iter().map(|(_, count)| count).sum();
    // Where bins end, that end included; the last has no end.
    let mut ends: Vec<f64> = Vec::new();
    let (mut up_to, mut decile) = (0, 1);
    for (value, count) in before {
        if count * 10 >= total {
            ends.push(value.next_down());
        }
        up_to += count;
        if decile < 10 && up_to * 10 >= decile * total || count * 10 >= total {
            ends.push(*value);
        }
        while up_to * 10 >= decile * total && decile < 10 {
            decile += 1;
        }
    }
    ends.dedup();
    let mut pairs = vec![(0, 0); ends.len() + 1];
    let bin = |value: f64| ends.partition_point(|end| *end < value);
    for (value, count) in before {
        pairs[bin(*value)].0 += count;
    }
    for (value, count) in now {
        pairs[bin(*value)].1 += count;
    }
    pairs.retain(|pair| *pair != (0, 0));
    pairs
}
