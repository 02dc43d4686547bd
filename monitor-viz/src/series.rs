//! What is drawn of a store: the metrics that a chart names, split by a label, the largest groups and the rest as one.

use monitor_core::Text;
use monitor_core::component::{BoxError, Invalid};
use monitor_core::store::{Aggregate, Percentiles, Query, Selector, Store, Window};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::draw::Color;

/// The name of what is drawn together because it is too many.
pub(crate) const OTHER: &str = "other";

/// One series of a chart.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesConfig {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}". A `*` stands for any part of a name:
    /// "evaluation_score_*".
    pub metric: String,
    /// Its name in the legend; the metric without it. A `*` stands for what the one of `metric` stands for.
    pub label: Option<String>,
    /// A name or #rrggbb; the next of the palette without it.
    pub color: Option<String>,
}

impl SeriesConfig {
    /// A metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), ..Self::default() }
    }
}

/// The usual number of groups that are drawn one by one: as many as the palette has clearly different colours for.
pub(crate) fn twelve() -> usize {
    12
}

/// Checks what a chart names.
pub(crate) fn validate(series: &[SeriesConfig], by: Option<&str>, top: usize) -> Result<(), Invalid> {
    if series.is_empty() {
        return Err(Invalid::key("series", "must name at least one metric"));
    }
    for one in series {
        one.metric.parse::<Selector>().map_err(|error| Invalid::key("series", error.to_string()))?;
        if let Some(color) = &one.color {
            color.parse::<Color>().map_err(|error| Invalid::key("series", error.to_string()))?;
        }
    }
    grouping(by, top)
}

/// Checks by what a chart is split.
pub(crate) fn grouping(by: Option<&str>, top: usize) -> Result<(), Invalid> {
    if by.is_some_and(|label| label.trim().is_empty()) {
        return Err(Invalid::key("by", "must name a label"));
    }
    if top == 0 {
        return Err(Invalid::key("top", "must be at least 1"));
    }
    Ok(())
}

/// Something that is drawn under a name.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) label: String,
    pub(crate) color: Color,
    pub(crate) selector: Selector,
}

impl Chosen {
    /// Its samples in the window, in the order of time.
    pub(crate) fn points(&self, store: &Store, window: Window) -> Vec<(i64, f64)> {
        let points = store.points(&self.selector, window).unwrap_or_default();
        points.into_iter().map(|(time, value)| (time.as_micros(), value)).collect()
    }
}

/// What is drawn, and what the caption says of what is not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) chosen: Vec<Chosen>,
    /// Nothing, or "the 12 largest of 500 by model_name, the rest as other".
    pub(crate) remark: Option<String>,
}

/// How the largest groups are found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Top<'a> {
    /// The label that is split by.
    pub(crate) by: Option<&'a str>,
    /// So many groups are drawn one by one.
    pub(crate) most: usize,
    /// The groups in which this is largest.
    pub(crate) aggregate: Aggregate,
}

/// Finds what a chart draws. What the store does not know, or has no samples of in the window, is left out.
pub(crate) fn choose(series: &[SeriesConfig], top: Top<'_>, store: &Store, window: Window) -> Result<Choice, BoxError> {
    let found = expand(series, store)?;
    let mut choice = Choice::default();
    let Some(by) = top.by else {
        let all = found.len();
        let mut found: Vec<_> = found
            .into_iter()
            .filter_map(|one| {
                let stats = store.query(&quick(&one.selector), window).ok()?.into_iter().next()?.stats;
                Some((stats.count, one))
            })
            .collect();
        // A pattern may stand for more metrics than anybody can look at: those with the most samples, in their order.
        if found.len() > top.most && all > series.len() {
            let mut counts: Vec<u64> = found.iter().map(|(count, _)| *count).collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            let least = counts[top.most - 1];
            choice.remark = Some(format!("the {} with the most samples of {} metrics", top.most, found.len()));
            found.retain(|(count, _)| *count >= least);
            found.truncate(top.most);
        }
        choice.chosen = found.into_iter().enumerate().map(|(at, (_, one))| one.chosen(at)).collect();
        return Ok(choice);
    };
    let alone = found.len() == 1;
    for one in found {
        let query = quick(&one.selector).by(&[Text::new(by)]).top(usize::MAX, top.aggregate);
        let query = if top.aggregate.is_percentile() { query.percentiles(Percentiles::Sketched) } else { query };
        let groups = store.query(&query, window).unwrap_or_default();
        let all = groups.len();
        // A last one that would be alone in the rest may as well have its name.
        let most = if all == top.most + 1 { all } else { top.most };
        let mut rest = one.selector.clone();
        for group in groups.into_iter().take(most) {
            let value = group.labels.get(by).cloned().unwrap_or_default();
            rest = rest.without(Text::new(by), value.clone());
            let name = if value.is_empty() { "unknown".to_owned() } else { value.to_string() };
            let label = if alone { name } else { format!("{}, {name}", one.label) };
            let color = Color::palette(choice.chosen.len());
            let selector = one.selector.clone().with(Text::new(by), value);
            choice.chosen.push(Chosen { label, color, selector });
        }
        if all > most {
            let label = if alone { OTHER.to_owned() } else { format!("{}, {OTHER}", one.label) };
            choice.chosen.push(Chosen { label, color: Color::grey(), selector: rest });
            choice.remark = Some(format!("the {most} largest of {all} by {by}, the rest as {OTHER}"));
        }
    }
    Ok(choice)
}

fn quick(selector: &Selector) -> Query {
    Query::new(selector.clone()).percentiles(Percentiles::Off)
}

/// A series whose metric has no `*` any more.
struct One {
    label: String,
    color: Option<Color>,
    selector: Selector,
}

impl One {
    fn chosen(self, at: usize) -> Chosen {
        Chosen { label: self.label, color: self.color.unwrap_or_else(|| Color::palette(at)), selector: self.selector }
    }
}

fn expand(series: &[SeriesConfig], store: &Store) -> Result<Vec<One>, BoxError> {
    let mut all = Vec::new();
    for one in series {
        let color = one.color.as_ref().map(|color| color.parse::<Color>()).transpose()?;
        let (name, conditions) = one.metric.split_at(one.metric.find('{').unwrap_or(one.metric.len()));
        let Some((before, after)) = name.trim().split_once('*') else {
            let label = one.label.clone().unwrap_or_else(|| one.metric.clone());
            all.push(One { label, color, selector: one.metric.parse()? });
            continue;
        };
        for metric in store.metrics() {
            let matched = metric.name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            let Some(matched) = matched else { continue };
            let label = one
                .label
                .as_ref()
                .map_or_else(|| in_title(matched), |label| label.replacen('*', &in_title(matched), 1));
            // A name that a selector cannot spell is left out.
            if let Ok(selector) = format!("{}{conditions}", metric.name).parse() {
                all.push(One { label, color, selector });
            }
        }
    }
    Ok(all)
}

/// `EvaluationMetric.COHERENCE` and `brand_voice` as a heading has them: the last part, each word with a capital.
fn in_title(name: &str) -> String {
    let last = name.rsplit('.').next().filter(|last| !last.is_empty()).unwrap_or(name);
    let words = last.split(['_', ' ']).filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let rest = letters.as_str();
        // A word all in capitals is no abbreviation here: Python's enumerations are written so.
        if rest.chars().any(char::is_lowercase) { format!("{first}{rest}") } else { first + &rest.to_lowercase() }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_of;

    fn top(by: Option<&str>, most: usize) -> Top<'_> {
        Top { by, most, aggregate: Aggregate::Count }
    }

    #[test]
    fn a_star_stands_for_names_and_their_titles() {
        let store = store_of(&[
            ("evaluation_score_brand_voice", &[], &[1.0]),
            ("evaluation_score_EvaluationMetric.COHERENCE", &[], &[1.0]),
            ("evaluation_time", &[], &[1.0]),
        ]);
        let series = SeriesConfig { label: Some("* Score".into()), ..SeriesConfig::of("evaluation_score_*") };
        let choice = choose(&[series], top(None, 12), &store, Window::ALL).expect("valid");
        let labels: Vec<_> = choice.chosen.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["Coherence Score", "Brand Voice Score"]);
    }

    #[test]
    fn the_largest_groups_and_the_rest_as_one_are_all_there_is() {
        let names: Vec<String> = (0..500).map(|at| format!("model-{at:03}")).collect();
        let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("model_name", name.as_str())]).collect();
        let values: Vec<Vec<f64>> = (0..500).map(|at| vec![1.0; 1 + at % 50]).collect();
        let series: Vec<_> =
            labels.iter().zip(&values).map(|(labels, values)| ("m", &labels[..], &values[..])).collect();
        let store = store_of(&series);
        let choice = choose(&[SeriesConfig::of("m")], top(Some("model_name"), 12), &store, Window::ALL).expect("valid");
        assert_eq!(choice.chosen.len(), 13);
        assert_eq!(choice.remark.as_deref(), Some("the 12 largest of 500 by model_name, the rest as other"));
        let counts: Vec<usize> = choice.chosen.iter().map(|one| one.points(&store, Window::ALL).len()).collect();
        assert_eq!(counts[..12], [50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 49, 49]);
        assert_eq!(counts.iter().sum::<usize>(), values.iter().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn what_has_no_label_is_unknown_and_what_is_not_there_is_left_out() {
        let store = store_of(&[("m", &[("model_name", "a")], &[1.0, 2.0]), ("m", &[], &[3.0])]);
        let series = [SeriesConfig::of("m"), SeriesConfig::of("nothing")];
        let choice = choose(&series[..1], top(Some("model_name"), 12), &store, Window::ALL).expect("valid");
        let labels: Vec<_> = choice.chosen.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["a", "unknown"]);
        let choice = choose(&series, top(None, 12), &store, Window::ALL).expect("valid");
        assert_eq!(choice.chosen.len(), 1);
    }
}
