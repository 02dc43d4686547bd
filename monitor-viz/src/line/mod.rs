//! `line`: metrics over time, as rolling means.

mod alerts;
mod gaps;
mod rolling;
#[cfg(test)]
mod tests;

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Aggregate, Store};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::gaps::Gap;
pub use self::rolling::Rolling;
use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Figure, Line, Lines, Plot};
use crate::numbers::{caption, extent, joined, unit};
use crate::series::{self, SeriesConfig, Top, choose};

/// The definition of `type = "line"`.
pub static DEFINITION: ChartDefinition =
    ChartDefinition::chart::<Config>("line", "draws metrics over time, as rolling means", include_str!("sample.toml"));

/// The keys of a `line` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// A label: a line for each of its values.
    #[serde(default)]
    pub by: Option<Text>,
    /// So many lines at most; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
    /// What a point is the mean of: the last so many samples, or those of the last "5m".
    #[serde(default)]
    pub rolling: Rolling,
    /// Draw each sample as a faint dot behind the lines.
    #[serde(default)]
    pub raw: bool,
    /// Draw a faint band from the least to the greatest of the samples that a point is the mean of.
    #[serde(default)]
    pub band: bool,
    /// Mark when these rules fired; `["*"]` for all.
    #[serde(default)]
    pub alerts: Vec<Text>,
    /// No line is drawn over a time without samples as long as this: "5m", "auto" (five times the usual distance, and long
    /// enough to be seen) or "never".
    #[serde(default)]
    pub gap: Gap,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            by: None,
            top: series::twelve(),
            rolling: Rolling::default(),
            raw: false,
            band: false,
            alerts: Vec::new(),
            gap: Gap::default(),
        }
    }
}

impl Config {
    /// A chart of one metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { series: vec![SeriesConfig::of(metric)], ..Self::default() }
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        series::validate(&self.series, self.by.as_deref(), self.top)
    }
}

impl ChartConfig for Config {
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError> {
        Ok(open(self, context, settings))
    }
}

impl ToFigure for Config {
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError> {
        let top = Top { by: self.by.as_deref(), most: self.top, aggregate: Aggregate::Count };
        let choice = choose(&self.series, top, store, scope.window)?;
        let runs: Vec<_> = choice.chosen.iter().map(|one| (one, one.points(store, scope.window))).collect();
        let Some(span) = extent(runs.iter().map(|(_, raw)| raw.as_slice())) else {
            return Ok(None);
        };
        // Samples that came with one event, as success and error, are one to whoever reads.
        let most = if self.by.is_some() {
            runs.iter().map(|(_, raw)| raw.len()).sum()
        } else {
            runs.iter().map(|(_, raw)| raw.len()).max().unwrap_or(0)
        };
        let lines = runs.into_iter().filter(|(_, raw)| !raw.is_empty()).map(|(one, raw)| {
            let breaks = self.gap.breaks(&raw, span);
            let mut line = Line { label: one.label.clone(), color: one.color, ..Line::default() };
            line.points = gaps::broken(self.rolling.means(&raw), &breaks, |at| (at, f64::NAN));
            if self.band {
                line.band = gaps::broken(self.rolling.extremes(&raw), &breaks, |at| (at, f64::NAN, f64::NAN));
            }
            if self.raw {
                line.raw = raw;
            }
            line
        });
        let lines: Vec<Line> = lines.collect();
        let shades = alerts::shades(&self.alerts, store, span);
        let caption = joined([Some(caption(most, span, &scope.zone)), self.rolling.in_words(), choice.remark]);
        let first = &self.series[0].metric;
        let title = if self.series.len() == 1 { format!("{first} over time") } else { String::new() };
        Ok(Some(Figure {
            title,
            x_label: "Time".to_owned(),
            y_label: unit(first).to_owned(),
            caption,
            plot: Plot::Lines(Lines { lines, shades, y_range: None }),
            zone: zone(&scope.zone),
        }))
    }
}
