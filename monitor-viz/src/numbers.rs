//! Numbers that charts need of many values: percentiles, bins, stretches of time; and what captions say of them.

use std::time::Duration;

use monitor_core::store::Window;
use monitor_core::template::thousands;
use monitor_core::{Timestamp, Zone};

/// A percentile of sorted values, interpolated between neighbours (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
/// Packages", The American Statistician 50, 1996), as the store's are.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    low + (high - low) * place.fract()
}

/// More bins than this are narrower than the eye can tell apart.
const MOST_BINS: usize = 200;

/// How many bins suit sorted values from `low` to `high`: of the width of Freedman and Diaconis, "On the histogram as a density
/// estimator: L2 theory" (Zeitschrift für Wahrscheinlichkeitstheorie 57, 1981); where half of the values are one and the same, by
/// Sturges, "The Choice of a Class Interval" (JASA 21, 1926).
pub(crate) fn bins(sorted: &[f64], low: f64, high: f64) -> usize {
    let count = sorted.len() as f64;
    let spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    let width = 2.0 * spread / count.cbrt();
    let bins = if width > 0.0 { (high - low) / width } else { count.log2() + 1.0 };
    (bins.ceil() as usize).clamp(1, MOST_BINS)
}

/// The edges of `bins` bins from `low` to `high`, of one width, or by powers of ten.
pub(crate) fn edges(low: f64, high: f64, bins: usize, log: bool) -> Vec<f64> {
    let (low, high) = if low < high {
        (low, high)
    } else if log {
        (low / 1.5, high * 1.5)
    } else {
        let half = if low == 0.0 { 0.5 } else { low.abs() * 0.1 };
        (low - half, high + half)
    };
    let edge = |at: usize| {
        let share = at as f64 / bins as f64;
        match at {
            // Exact, so that the greatest value lies inside.
            0 => low,
            _ if at == bins => high,
            _ if log => low * (high / low).powf(share),
            _ => low + (high - low) * share,
        }
    };
    (0..=bins).map(edge).collect()
}

/// The bin of a value: from its lower edge up to, not including, its upper one; but the last one has both. `None` outside.
pub(crate) fn bin_of(edges: &[f64], value: f64) -> Option<usize> {
    let last = edges.len().checked_sub(2)?;
    if !(edges[0]..=edges[last + 1]).contains(&value) {
        return None;
    }
    Some((edges.partition_point(|edge| *edge <= value) - 1).min(last))
}

/// The lengths of time that stretches can have.
const STEPS: [u64; 24] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_592_000, 7_776_000, 31_536_000,
];

/// Where stretches of time begin, and the last one ends, that hold all moments from `first` to `last`: whole multiples of `step`
/// since the epoch on the wall clock at the beginning, or of the shortest round step that gives no more than `most`.
pub(crate) fn stretches(first: i64, last: i64, step: Option<Duration>, most: usize, zone: &Zone) -> Vec<i64> {
    let span = last.saturating_sub(first).max(0);
    let rounded = || {
        // Below a second, and beyond a year: 1, 2 or 5 times a power of ten.
        let fine = (0..6).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_i64.pow(power)));
        let years = (0..4).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_i64.pow(power) * 31_536_000_000_000));
        let all = fine.chain(STEPS.map(|seconds| seconds as i64 * 1_000_000)).chain(years);
        all.into_iter().find(|step| span / step < most as i64).unwrap_or(i64::MAX / 4)
    };
    let step = step.map_or_else(rounded, |step| i64::try_from(step.as_micros()).unwrap_or(i64::MAX / 4).max(1));
    let offset = i64::from(zone.offset_seconds(Timestamp::from_micros(first).to_utc())) * 1_000_000;
    let begin = first.saturating_add(offset).div_euclid(step).saturating_mul(step).saturating_sub(offset);
    let mut edges = vec![begin];
    while edges[edges.len() - 1] <= last && edges.len() <= MOST_STRETCHES {
        let next = edges[edges.len() - 1].checked_add(step);
        edges.push(next.unwrap_or(i64::MAX));
        if next.is_none() {
            break;
        }
    }
    edges
}

/// A step that somebody asks for may be too short for the window: beyond so many stretches a chart ends.
const MOST_STRETCHES: usize = 2_000;

/// The stretch of a moment.
pub(crate) fn stretch_of(edges: &[i64], at: i64) -> Option<usize> {
    let after = edges.partition_point(|edge| *edge <= at);
    (1..edges.len()).contains(&after).then(|| after - 1)
}

/// "2,756 samples, 2026-05-04 14:00:02 to 14:28:51".
pub(crate) fn caption(samples: usize, extent: Window, zone: &Zone) -> String {
    let (from, to) = (extent.start.to_local(zone), extent.end.to_local(zone));
    let end = if from.date() == to.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    let word = if samples == 1 { "sample" } else { "samples" };
    let count = thousands(samples as i64);
    format!("{count} {word}, {} to {}", from.format("%Y-%m-%d %H:%M:%S"), to.format(end))
}

/// The parts that there are, with commas.
pub(crate) fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The first and the last moment of several runs of samples.
pub(crate) fn extent<'a>(runs: impl IntoIterator<Item = &'a [(i64, f64)]>) -> Option<Window> {
    let ends = runs.into_iter().filter_map(|run| Some((run.first()?.0, run.last()?.0)));
    let (start, end) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some(Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) })
}

/// What the values of a metric are counted in, as the name of an axis; empty where its name does not tell.
pub(crate) fn unit(metric: &str) -> &'static str {
    let name = metric.split('{').next().unwrap_or(metric).trim();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&["_time", "_seconds", "duration", "latency"]) {
        "Seconds"
    } else if name.contains("token") {
        "Tokens"
    } else if ends(&["_usd"]) {
        "USD"
    } else if ends(&["_rate"]) {
        "Share"
    } else if name.starts_with("evaluation_score") {
        "Score"
    } else if ends(&["_bytes"]) {
        "Bytes"
    } else if name == "conversation_length" {
        "Turns"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_every_value_once() {
        let edges = edges(1.0, 3.0, 4, false);
        assert_eq!(edges, [1.0, 1.5, 2.0, 2.5, 3.0]);
        assert_eq!(
            [0.9, 1.0, 1.49, 1.5, 2.99, 3.0, 3.1].map(|value| bin_of(&edges, value)),
            [None, Some(0), Some(0), Some(1), Some(3), Some(3), None]
        );
        assert_eq!(super::edges(2.0, 2.0, 1, false), [1.8, 2.2]);
        let by_ten: Vec<_> =
            super::edges(0.1, 1_000.0, 4, true).into_iter().map(|edge| (edge * 1e6).round() / 1e6).collect();
        assert_eq!(by_ten, [0.1, 1.0, 10.0, 100.0, 1_000.0]);
    }

    #[test]
    fn the_width_of_freedman_and_diaconis() {
        // 0 to 999: quartiles 249.75 and 749.25, so the width is 2 · 499.5 / 10 = 99.9.
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();
        assert_eq!(bins(&values, 0.0, 999.0), 10);
        assert_eq!(bins(&[5.0; 64], 5.0, 5.0), 7, "by Sturges");
    }

    #[test]
    fn stretches_are_round_on_the_wall_clock() {
        let minute = 60_000_000;
        let edges = stretches(90_000_000, 5 * minute, Some(Duration::from_secs(60)), 60, &Zone::UTC);
        assert_eq!(edges, [1, 2, 3, 4, 5, 6].map(|count| count * minute));
        assert_eq!(
            [59, 60, 119, 360].map(|second| stretch_of(&edges, second * 1_000_000)),
            [None, Some(0), Some(0), None]
        );
        for (first, last) in [(0, 0), (0, 1), (0, 1_000), (0, 86_400_000_000), (0, i64::MAX), (i64::MIN, 0)] {
            let edges = stretches(first, last, None, 60, &Zone::UTC);
            assert!((2..=62).contains(&edges.len()), "{first} to {last}: {}", edges.len());
        }
        let kathmandu: Zone = "+05:45".parse().expect("an offset");
        assert_eq!(stretches(0, 0, Some(Duration::from_secs(86_400)), 60, &kathmandu)[0], -20_700_000_000);
    }

    #[test]
    fn names_tell_units() {
        let units = ["generation_time", "prompt_token_count", "cost_usd{model_name=a}", "error_rate", "queue_depth"];
        assert_eq!(units.map(unit), ["Seconds", "Tokens", "USD", "Share", ""]);
    }
}
