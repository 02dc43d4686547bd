//! What is compared: rates, means and percentiles that both runs have.

use std::collections::BTreeSet;

use monitor_core::Text;
use monitor_core::store::{Percentiles, Selector, Window, WindowStats};

use super::interval::{self, Difference, Mean, Rate};
use crate::report::run::{Look, errors, other, scores};
use crate::report::words;

/// Something of which both runs have a number.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) unit: Unit,
    /// Whether more of it is good, if it is good or bad.
    pub(super) good: Option<bool>,
    pub(super) test: Test,
    /// None if there are too few values.
    pub(super) outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) difference: Difference,
    /// The p-value, corrected for how many comparisons are made.
    pub(super) corrected: f64,
}

/// How a difference was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Test {
    Newcombe,
    Welch,
    OrderStatistics,
}

impl Test {
    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Newcombe => "Newcombe",
            Self::Welch => "Welch",
            Self::OrderStatistics => "order statistics",
        }
    }

    pub(super) const fn used_for(self) -> &'static str {
        match self {
            Self::Newcombe => {
                "rates: the interval of the difference of two proportions, from their score intervals (method 10)"
            }
            Self::Welch => "means: the t-test and its interval, for variances that differ",
            Self::OrderStatistics => {
                "percentiles: intervals between ranked values, which need no form of the distribution, put together by their squares"
            }
        }
    }

    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Newcombe => {
                "Newcombe, Statistics in Medicine 17 (1998), 873–890; Wilson, J. Am. Stat. Assoc. 22 (1927), 209–212"
            }
            Self::Welch => "Welch, Biometrika 34 (1947), 28–35",
            Self::OrderStatistics => {
                "Conover, Practical Nonparametric Statistics (1999), 143–148; Hutson, J. Appl. Stat. 26 (1999), 343–353; Zou and \
                 Donner, Statistics in Medicine 27 (2008), 1693–1702"
            }
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Share,
    Seconds,
    Usd,
    Number,
}

impl Unit {
    pub(super) fn text(self, value: f64) -> String {
        match self {
            Self::Share => words::percent(value),
            Self::Seconds => words::seconds(value),
            Self::Usd => words::usd(value),
            Self::Number => words::digits(value, 4),
        }
    }

    /// Of a difference; of shares in points, for "5% more" could be either.
    pub(super) fn difference(self, value: f64) -> String {
        match self {
            Self::Share => words::signed(value, |value| format!("{} points", words::digits(value * 100.0, 2))),
            Self::Number => words::signed(value, |value| words::digits(value, 3)),
            other => words::signed(value, |value| other.text(value)),
        }
    }
}

/// So many names of a label are compared.
const NAMES: usize = 20;

/// All comparisons, with their p-values corrected together.
pub(super) fn gather(looks: &[Look<'_>; 2]) -> Vec<Compared> {
    let mut all = Vec::new();
    let success = |look: &Look<'_>| look.plain("success_rate").map(rate_of);
    all.extend(rate("Outcomes", "success rate".to_owned(), looks, Some(true), success));
    for name in error_types(looks) {
        let share = |look: &Look<'_>| {
            let selector = Selector::metric("error_rate").with("error_type", name.clone());
            let errors = look.stats(&selector).map_or(0.0, |stats| stats.sum);
            Some(Rate { of: errors.round() as u64, all: look.calls() }).filter(|rate| rate.all > 0)
        };
        all.extend(rate("Outcomes", format!("errors of type {name}"), looks, Some(false), share));
    }
    for name in values(looks, "finish_reason", "finish_reason") {
        let share = |look: &Look<'_>| {
            let selector = Selector::metric("finish_reason");
            let all = look.stats(&selector)?.count;
            let of = look.stats(&selector.with("finish_reason", name.clone())).map_or(0, |stats| stats.count);
            Some(Rate { of, all })
        };
        all.extend(rate("Outcomes", format!("finish reason {name}"), looks, None, share));
    }
    times(looks, "generation_time", "generation time", &mut all);
    times(looks, "evaluation_time", "evaluation time", &mut all);
    for model in values(looks, "generation_time", "model_name") {
        let of_model = |metric: &str| Selector::metric(metric.to_owned()).with("model_name", model.clone());
        let selector = of_model("success_rate");
        let success = |look: &Look<'_>| look.stats(&selector).map(rate_of);
        all.extend(rate("By model", format!("success rate of {model}"), looks, Some(true), success));
        let selector = of_model("generation_time");
        all.extend(quantile("By model", format!("median time of {model}"), looks, &selector, 0.5));
        all.extend(mean(
            "By model",
            format!("cost of 1,000 calls of {model}"),
            looks,
            &of_model("cost_usd"),
            Unit::Usd,
            Some(false),
        ));
    }
    for (metric, name, unit) in [
        ("prompt_token_count", "prompt tokens a call", Unit::Number),
        ("completion_token_count", "completion tokens a call", Unit::Number),
        ("total_token_count", "tokens a call", Unit::Number),
        ("cost_usd", "cost of 1,000 calls", Unit::Usd),
    ] {
        let good = (metric == "cost_usd").then_some(false);
        all.extend(mean("Tokens and cost", name.to_owned(), looks, &Selector::metric(metric), unit, good));
    }
    for metric in names(looks, scores::metrics) {
        let name = format!("score {}", words::score(&metric));
        all.extend(mean("Scores", name, looks, &Selector::metric(metric), Unit::Number, Some(true)));
    }
    for metric in names(looks, other::metrics) {
        all.extend(mean(
            "Other metrics",
            metric.to_string(),
            looks,
            &Selector::metric(metric.clone()),
            Unit::Number,
            None,
        ));
    }
    // Of one group what follows each other is one table.
    let p: Vec<f64> = all.iter().filter_map(|compared| Some(compared.outcome?.difference.p)).collect();
    let corrected = interval::holm(&p);
    for (compared, corrected) in all.iter_mut().filter_map(|compared| compared.outcome.as_mut()).zip(corrected) {
        compared.corrected = corrected;
    }
    all
}

/// Types of errors; none if one of the runs does not tell them, for then it would look as if it had none of any type.
fn error_types(looks: &[Look<'_>; 2]) -> Vec<Text> {
    let types = |look: &Look<'_>| {
        errors::types(look).iter().map(|(labels, _)| labels.get("error_type").cloned()).collect::<Vec<_>>()
    };
    let untold = |look| {
        let types = types(look);
        !types.is_empty() && types.iter().all(Option::is_none)
    };
    if looks.iter().any(untold) {
        return Vec::new();
    }
    names(looks, |look| types(look).into_iter().flatten().collect())
}

/// Names that one of the runs has, the first of them.
fn names(looks: &[Look<'_>; 2], of: impl Fn(&Look<'_>) -> Vec<Text>) -> Vec<Text> {
    let names: BTreeSet<Text> = looks.iter().flat_map(of).collect();
    names.into_iter().take(NAMES).collect()
}

/// The values of a label that one of the runs has, but for those that name none.
fn values(looks: &[Look<'_>; 2], metric: &str, label: &str) -> Vec<Text> {
    names(looks, |look| {
        let groups = look.by(metric, label, Percentiles::Off).into_iter();
        groups.filter_map(|group| group.labels.get(label).filter(|value| !value.is_empty()).cloned()).collect()
    })
}

fn rate_of(stats: WindowStats) -> Rate {
    Rate { of: (stats.sum.round() as u64).min(stats.count), all: stats.count }
}

fn rate(
    group: &'static str,
    name: String,
    looks: &[Look<'_>; 2],
    good: Option<bool>,
    of: impl Fn(&Look<'_>) -> Option<Rate>,
) -> Option<Compared> {
    let (a, b) = (of(&looks[0])?, of(&looks[1])?);
    let outcome = interval::rates(a, b);
    Some(compared((group, name), (a.value(), b.value()), Unit::Share, good, Test::Newcombe, outcome))
}

fn mean(
    group: &'static str,
    name: String,
    looks: &[Look<'_>; 2],
    selector: &Selector,
    unit: Unit,
    good: Option<bool>,
) -> Option<Compared> {
    let of = |look: &Look<'_>| {
        let stats = look.stats(selector)?;
        // A call costs too little to be read.
        let of = if unit == Unit::Usd { 1_000.0 } else { 1.0 };
        Some(Mean { count: stats.count, value: of * stats.mean, stddev: of * stats.stddev })
    };
    let (a, b) = (of(&looks[0])?, of(&looks[1])?);
    Some(compared((group, name), (a.value, b.value), unit, good, Test::Welch, interval::means(a, b)))
}

/// The mean and the percentiles of a time.
fn times(looks: &[Look<'_>; 2], metric: &'static str, name: &str, all: &mut Vec<Compared>) {
    let selector = Selector::metric(metric);
    all.extend(mean("Latency", format!("mean {name}"), looks, &selector, Unit::Seconds, Some(false)));
    let [a, b] = [0, 1].map(|run| sorted(&looks[run], &selector));
    for (share, percentile) in [(0.5, "median"), (0.9, "p90 of"), (0.95, "p95 of"), (0.99, "p99 of")] {
        let name = format!("{percentile} {name}");
        all.extend(quantile_of(("Latency", name), (&a, &b), share));
    }
}

fn quantile(
    group: &'static str,
    name: String,
    looks: &[Look<'_>; 2],
    selector: &Selector,
    share: f64,
) -> Option<Compared> {
    let [a, b] = [0, 1].map(|run| sorted(&looks[run], selector));
    quantile_of((group, name), (&a, &b), share)
}

fn quantile_of(named: (&'static str, String), (a, b): (&[f64], &[f64]), share: f64) -> Option<Compared> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let at = |values: &[f64]| interval::at_rank(values, share * (values.len() - 1) as f64);
    let outcome = interval::quantiles(a, b, share);
    Some(compared(named, (at(a), at(b)), Unit::Seconds, Some(false), Test::OrderStatistics, outcome))
}

fn sorted(look: &Look<'_>, selector: &Selector) -> Vec<f64> {
    let Window { start, end } = look.window;
    let points = look.run.store.points(selector, Window { start, end }).unwrap_or_default();
    let mut values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn compared(
    (group, name): (&'static str, String),
    (a, b): (f64, f64),
    unit: Unit,
    good: Option<bool>,
    test: Test,
    difference: Option<Difference>,
) -> Compared {
    let outcome = difference.map(|difference| Outcome { difference, corrected: difference.p });
    Compared { group, name, a, b, unit, good, test, outcome }
}
