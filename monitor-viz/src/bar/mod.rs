//! `bar`: one number, or several, for each value of a label.

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Aggregate, Percentiles, Query, Selector, Store};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Bars, Color, Figure, Plot, Values};
use crate::numbers::{caption, extent, joined, unit};
use crate::series::{OTHER, SeriesConfig, validate};

/// The definition of `type = "bar"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "bar",
    "draws metrics by a label, as bars: tokens by model",
    include_str!("sample.toml"),
);

/// The keys of a `bar` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// The label whose values have a bar each.
    pub by: Text,
    /// What a bar shows of the samples.
    #[serde(default = "sum")]
    pub aggregate: Aggregate,
    /// Bars of one name follow each other, rather than stand beside each other; only sums and counts add up.
    #[serde(default)]
    pub stacked: bool,
    /// So many names at most, the largest; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
}

fn sum() -> Aggregate {
    Aggregate::Sum
}

impl Config {
    /// The sum of a metric by a label.
    pub fn of(metric: impl Into<String>, by: impl Into<Text>) -> Self {
        let series = vec![SeriesConfig::of(metric)];
        Self { series, by: by.into(), aggregate: sum(), stacked: false, top: crate::series::twelve() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        validate(&self.series, Some(&self.by), self.top)?;
        if self.series.iter().any(|series| series.metric.contains('*')) {
            return Err(Invalid::key("series", "must name its metrics one by one here"));
        }
        if self.stacked && !matches!(self.aggregate, Aggregate::Sum | Aggregate::Count | Aggregate::Rate) {
            let message = "is for what adds up: `aggregate` must be \"sum\", \"count\" or \"rate\"";
            return Err(Invalid::key("stacked", message));
        }
        Ok(())
    }
}

impl ChartConfig for Config {
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError> {
        Ok(open(self, context, settings))
    }
}

impl ToFigure for Config {
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError> {
        let percentiles = if self.aggregate.is_percentile() { Percentiles::Sketched } else { Percentiles::Off };
        let query = |selector: &Selector| Query::new(selector.clone()).percentiles(percentiles);
        let selectors: Vec<Selector> = self.series.iter().map(|one| one.metric.parse()).collect::<Result<_, _>>()?;
        // A row a name: its value for each series.
        let mut rows: Vec<(Text, Vec<f64>)> = Vec::new();
        let (mut samples, mut ends) = (0, Vec::new());
        for (at, selector) in selectors.iter().enumerate() {
            let groups = store.query(&query(selector).by(std::slice::from_ref(&self.by)), scope.window);
            let mut of_series = 0;
            for group in groups.unwrap_or_default() {
                let name = group.labels.get(&self.by).cloned().unwrap_or_default();
                of_series += group.stats.count;
                ends.push([(group.stats.first_time.as_micros(), 0.0), (group.stats.last_time.as_micros(), 0.0)]);
                let row = rows.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                    rows.push((name, vec![f64::NAN; selectors.len()]));
                    rows.len() - 1
                });
                rows[row].1[at] = group.stats.get(self.aggregate);
            }
            samples = of_series.max(samples);
        }
        let Some(span) = extent(ends.iter().map(<[_; 2]>::as_slice)) else { return Ok(None) };
        let size = |values: &[f64]| {
            let finite = values.iter().filter(|value| value.is_finite());
            if self.stacked { finite.sum::<f64>() } else { finite.copied().fold(f64::NEG_INFINITY, f64::max) }
        };
        rows.sort_by(|a, b| size(&b.1).total_cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0)));
        let all = rows.len();
        let most = if all == self.top + 1 { all } else { self.top };
        let rest = rows.split_off(most.min(all));
        let names = rows.iter().map(|(name, _)| if name.is_empty() { "unknown".to_owned() } else { name.to_string() });
        let mut categories: Vec<String> = names.collect();
        let mut remark = None;
        if !rest.is_empty() {
            let mut values = Vec::new();
            for selector in &selectors {
                let kept = rows.iter().fold(selector.clone(), |rest, (name, _)| rest.without(&*self.by, name.clone()));
                let group = store.query(&query(&kept), scope.window).unwrap_or_default().into_iter().next();
                values.push(group.map_or(f64::NAN, |group| group.stats.get(self.aggregate)));
            }
            rows.push((Text::new_static(OTHER), values));
            categories.push(OTHER.to_owned());
            remark = Some(format!("the {most} largest of {all} by {}, the rest as {OTHER}", self.by));
        }
        let mut series = Vec::new();
        for (at, one) in self.series.iter().enumerate() {
            let color = one.color.as_ref().map_or_else(|| Ok(Color::palette(at)), |color| color.parse())?;
            // One series needs no legend: the axis has its name.
            let label = if self.series.len() == 1 { String::new() } else { one.metric.clone() };
            let values = rows.iter().map(|(_, values)| values[at]).collect();
            series.push(Values { label: one.label.clone().unwrap_or(label), color, values });
        }
        let metric = &self.series[0].metric;
        Ok(Some(Figure {
            title: format!("{} of {metric} by {}", self.aggregate, self.by),
            x_label: if self.aggregate == Aggregate::Count { "Samples".into() } else { unit(metric).into() },
            y_label: String::new(),
            caption: joined([Some(caption(samples as usize, span, &scope.zone)), remark]),
            plot: Plot::Bars(Bars { categories, series, stacked: self.stacked }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
