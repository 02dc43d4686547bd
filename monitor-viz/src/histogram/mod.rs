//! `histogram`: how often values of some size occur.

use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Selector, Store};
use monitor_core::template::thousands;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Color, Figure, Histogram, Plot, in_words};
use crate::numbers::{bin_of, bins, caption, edges, extent, joined, quantile, unit};
use crate::series::{Chosen, SeriesConfig, validate};

/// The definition of `type = "histogram"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "histogram",
    "draws how often values of some size occur, with percentiles",
    include_str!("sample.toml"),
);

/// The keys of a `histogram` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// A name or #rrggbb.
    #[serde(default)]
    pub color: Option<String>,
    /// How many bins; without it as many as suit the values (Freedman and Diaconis).
    #[serde(default)]
    pub bins: Option<usize>,
    /// Bins by powers of ten; values that are not above zero are left out.
    #[serde(default)]
    pub log: bool,
    /// The percentiles that are marked.
    #[serde(default = "marks")]
    pub marks: Vec<f64>,
    /// The share of the largest values that is cut off if they lie far out, which the caption tells; 0 to cut nothing.
    #[serde(default = "clip")]
    pub clip: f64,
}

fn marks() -> Vec<f64> {
    vec![50.0, 90.0, 99.0]
}

fn clip() -> f64 {
    0.01
}

/// Values are cut off only if the axis would else be so many times as long.
const FAR_OUT: f64 = 1.5;

impl Config {
    /// A chart of a metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), color: None, bins: None, log: false, marks: marks(), clip: clip() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        let series = SeriesConfig { color: self.color.clone(), ..SeriesConfig::of(&self.metric) };
        validate(&[series], None, 1).map_err(|invalid| Invalid::key("metric", invalid.message))?;
        if self.bins.is_some_and(|bins| !(1..=1_000).contains(&bins)) {
            return Err(Invalid::key("bins", "must be from 1 to 1,000"));
        }
        if !self.marks.iter().all(|mark| (0.0..=100.0).contains(mark)) {
            return Err(Invalid::key("marks", "must lie between 0 and 100: 99 is the 99th percentile"));
        }
        if !(0.0..0.5).contains(&self.clip) {
            return Err(Invalid::key("clip", "must lie between 0 and 0.5: 0.01 is one percent"));
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
        let selector: Selector = self.metric.parse()?;
        let color = self.color.as_ref().map_or_else(|| Ok(Color::default()), |color| color.parse())?;
        let one = Chosen { label: String::new(), color, selector };
        let points = one.points(store, scope.window);
        let Some(span) = extent([points.as_slice()]) else { return Ok(None) };
        let mut values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let all = values.len();
        let below = if self.log { values.partition_point(|value| *value <= 0.0) } else { 0 };
        let values = &values[below..];
        let (Some(low), Some(high)) = (values.first().copied(), values.last().copied()) else { return Ok(None) };
        let cut = quantile(values, 1.0 - self.clip);
        let is_far = !self.log && self.clip > 0.0 && high - low > (cut - low) * FAR_OUT && cut > low;
        let shown = &values[..if is_far { values.partition_point(|value| *value <= cut) } else { values.len() }];
        let end = if is_far { cut } else { high };
        let edges = if self.log {
            let logs: Vec<f64> = shown.iter().map(|value| value.log10()).collect();
            edges(low, end, self.bins.unwrap_or_else(|| bins(&logs, low.log10(), end.log10())), true)
        } else {
            edges(low, end, self.bins.unwrap_or_else(|| bins(shown, low, end)), false)
        };
        let mut counts = vec![0; edges.len() - 1];
        shown.iter().filter_map(|value| bin_of(&edges, *value)).for_each(|bin| counts[bin] += 1);
        let marks = self.marks.iter().map(|percent| {
            let value = quantile(values, percent / 100.0);
            (format!("p{percent} {}", in_words(value)), value)
        });
        let tail = values.len() - shown.len();
        let told = |count: usize, words: String| (count > 0).then(|| format!("{} {words}", thousands(count as i64)));
        let caption = joined([
            Some(caption(all, span, &scope.zone)),
            told(tail, format!("above {} not shown, up to {}", in_words(end), in_words(high))),
            told(below, "not above zero not shown".to_owned()),
        ]);
        Ok(Some(Figure {
            title: format!("{} distribution", self.metric),
            x_label: unit(&self.metric).to_owned(),
            y_label: "Count".to_owned(),
            caption,
            plot: Plot::Histogram(Histogram { edges, counts, color, log: self.log, marks: marks.collect() }),
            zone: zone(&scope.zone),
        }))
    }
}

#[cfg(test)]
mod tests;
