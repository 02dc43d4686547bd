//! `line`: metrics over time, as rolling means.

use std::collections::VecDeque;

use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Selector, Store};
use monitor_core::template::thousands;
use monitor_core::{Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::{Scope, ToFigure, open, zone};
use crate::draw::{Color, Figure, Line, Lines, Plot};

/// The definition of `type = "line"`.
pub static DEFINITION: ChartDefinition =
    ChartDefinition::chart::<Config>("line", "draws metrics over time, as rolling means", include_str!("sample.toml"));

/// The keys of a `line` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// The mean of so many events is drawn.
    #[serde(default = "ten")]
    pub rolling: usize,
    /// Draw each event as a faint dot behind the lines.
    #[serde(default)]
    pub raw: bool,
}

/// One line of a chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesConfig {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// Its name in the legend; the metric without it.
    pub label: Option<String>,
    /// A name or #rrggbb; the next of the palette without it.
    pub color: Option<String>,
}

impl Config {
    /// A chart of one metric.
    pub fn of(metric: impl Into<String>) -> Self {
        let series = SeriesConfig { metric: metric.into(), label: None, color: None };
        Self { series: vec![series], rolling: ten(), raw: false }
    }
}

fn ten() -> usize {
    10
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        if self.series.is_empty() {
            return Err(Invalid::key("series", "must name at least one metric"));
        }
        if self.rolling == 0 {
            return Err(Invalid::key("rolling", "must be at least 1"));
        }
        for series in &self.series {
            series.metric.parse::<Selector>().map_err(|error| Invalid::key("series", error.to_string()))?;
            if let Some(color) = &series.color {
                color.parse::<Color>().map_err(|error| Invalid::key("series", error.to_string()))?;
            }
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
        let mut lines = Vec::new();
        let mut extent: Option<(Timestamp, Timestamp)> = None;
        let mut most = 0;
        for (place, series) in self.series.iter().enumerate() {
            let points = store.points(&series.metric.parse()?, scope.window).unwrap_or_default();
            let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
                continue;
            };
            extent = Some(extent.map_or((*first, *last), |(from, to)| (from.min(*first), to.max(*last))));
            most = most.max(points.len());
            let raw: Vec<_> = points.iter().map(|(time, value)| (time.as_micros(), *value)).collect();
            lines.push(Line {
                label: series.label.clone().unwrap_or_else(|| series.metric.clone()),
                color: series.color.as_ref().map_or(Ok(Color::palette(place)), |color| color.parse())?,
                points: rolling_mean(&raw, self.rolling),
                raw: if self.raw { raw } else { Vec::new() },
                band: Vec::new(),
            });
        }
        let Some((from, to)) = extent else {
            return Ok(None);
        };
        Ok(Some(Figure {
            title: String::new(),
            x_label: "Time".to_owned(),
            y_label: String::new(),
            caption: self.caption(most, from, to, &scope.zone),
            plot: Plot::Lines(Lines { lines, ..Lines::default() }),
            zone: zone(&scope.zone),
        }))
    }
}

impl Config {
    fn caption(&self, events: usize, from: Timestamp, to: Timestamp, zone: &Zone) -> String {
        let (from, to) = (from.to_local(zone), to.to_local(zone));
        let end = if from.date() == to.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        let mean = match self.rolling {
            1 => String::new(),
            events => format!(", rolling mean of {events}"),
        };
        let events = thousands(events as i64);
        format!("{events} events{mean}, {} to {}", from.format("%Y-%m-%d %H:%M:%S"), to.format(end))
    }
}

/// The mean of each value and those before it, `count` in all; of fewer at the beginning.
fn rolling_mean(points: &[(i64, f64)], count: usize) -> Vec<(i64, f64)> {
    let mut window = VecDeque::with_capacity(count);
    points
        .iter()
        .map(|(time, value)| {
            if window.len() == count {
                window.pop_front();
            }
            window.push_back(*value);
            // Summed anew each time: a running sum would drift, and keep what a huge value took from it.
            (*time, window.iter().sum::<f64>() / window.len() as f64)
        })
        .collect()
}
