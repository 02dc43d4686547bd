//! `line`: metrics over time, as rolling means.

use std::collections::VecDeque;

use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Picture, Validate};
use monitor_core::store::{Selector, Store, Window};
use monitor_core::template::thousands;
use monitor_core::{Timestamp, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draw::{self, Color, Figure, Style, Theme};

/// The definition of `type = "line"`.
pub static DEFINITION: ChartDefinition =
    ChartDefinition::chart::<Config>("line", "draws metrics over time, as rolling means", include_str!("sample.toml"));

/// The keys of a `line` chart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label` and `color` (a name, or #rrggbb).
    pub series: Vec<SeriesConfig>,
    /// The heading.
    #[serde(default)]
    pub title: String,
    /// The name of the time axis.
    #[serde(default = "time")]
    pub x_label: String,
    /// The name of the value axis.
    #[serde(default)]
    pub y_label: String,
    /// The mean of so many events is drawn.
    #[serde(default = "ten")]
    pub rolling: usize,
    /// Draw each event as a faint dot behind the lines.
    #[serde(default)]
    pub raw: bool,
    /// Width and height in pixels.
    #[serde(default = "size")]
    pub size: (u32, u32),
    /// Dark ink on white, or light ink on black.
    #[serde(default)]
    pub theme: ThemeName,
    /// The files to write.
    #[serde(default = "png")]
    pub formats: Vec<Format>,
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

/// A set of inks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThemeName {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// A kind of picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Pixels.
    Png,
    /// Shapes.
    Svg,
}

fn time() -> String {
    "Time".to_owned()
}

fn ten() -> usize {
    10
}

fn size() -> (u32, u32) {
    (1_200, 600)
}

fn png() -> Vec<Format> {
    vec![Format::Png]
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        if self.series.is_empty() {
            return Err(Invalid::key("series", "must name at least one metric"));
        }
        if self.rolling == 0 {
            return Err(Invalid::key("rolling", "must be at least 1"));
        }
        if self.formats.is_empty() {
            return Err(Invalid::key("formats", "must name at least one of \"png\" and \"svg\""));
        }
        let fits = |pixels: u32| (240..=16_384).contains(&pixels);
        if !fits(self.size.0) || !fits(self.size.1) {
            return Err(Invalid::key("size", "must be from 240 to 16,384 pixels each way"));
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
    fn open(&self, context: &Context) -> Result<Box<dyn Chart>, BoxError> {
        Ok(Box::new(LineChart { config: self.clone(), zone: context.zone.clone() }))
    }
}

struct LineChart {
    config: Config,
    zone: Zone,
}

impl Chart for LineChart {
    fn draw(&mut self, store: &Store, _: Timestamp) -> Result<Vec<Picture>, BoxError> {
        let Some(figure) = self.figure(store)? else {
            return Ok(Vec::new());
        };
        let theme = match self.config.theme {
            ThemeName::Light => Theme::Light,
            ThemeName::Dark => Theme::Dark,
        };
        let style = Style { width: self.config.size.0, height: self.config.size.1, theme, ..Style::default() };
        let mut pictures = Vec::new();
        for format in &self.config.formats {
            pictures.push(match format {
                Format::Png => {
                    Picture { extension: "png", media_type: "image/png", bytes: draw::png(&figure, &style)? }
                }
                Format::Svg => Picture {
                    extension: "svg",
                    media_type: "image/svg+xml",
                    bytes: draw::svg(&figure, &style)?.into_bytes(),
                },
            });
        }
        Ok(pictures)
    }
}

impl LineChart {
    /// What there is to draw; `None` if there is nothing.
    fn figure(&self, store: &Store) -> Result<Option<Figure>, BoxError> {
        let config = &self.config;
        let mut lines = Vec::new();
        let mut extent: Option<(Timestamp, Timestamp)> = None;
        let mut most = 0;
        for (place, series) in config.series.iter().enumerate() {
            let points = store.points(&series.metric.parse()?, Window::ALL).unwrap_or_default();
            let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
                continue;
            };
            extent = Some(extent.map_or((*first, *last), |(from, to)| (from.min(*first), to.max(*last))));
            most = most.max(points.len());
            let raw: Vec<_> = points.iter().map(|(time, value)| (time.as_micros(), *value)).collect();
            lines.push(draw::Line {
                label: series.label.clone().unwrap_or_else(|| series.metric.clone()),
                color: series.color.as_ref().map_or(Ok(Color::palette(place)), |color| color.parse())?,
                points: rolling_mean(&raw, config.rolling),
                raw: if config.raw { raw } else { Vec::new() },
            });
        }
        let Some((from, to)) = extent else {
            return Ok(None);
        };
        let zone = self.zone.clone();
        Ok(Some(Figure {
            title: config.title.clone(),
            x_label: config.x_label.clone(),
            y_label: config.y_label.clone(),
            caption: self.caption(most, from, to),
            series: lines,
            y_range: None,
            zone: draw::Zone::new(move |at| zone.offset_seconds(Timestamp::from_micros(at).to_utc())),
        }))
    }

    fn caption(&self, events: usize, from: Timestamp, to: Timestamp) -> String {
        let (from, to) = (from.to_local(&self.zone), to.to_local(&self.zone));
        let end = if from.date() == to.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        let mean = match self.config.rolling {
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

#[cfg(test)]
mod tests {

    use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
    use monitor_core::store::Limits;

    use super::*;

    fn chart(toml_series: Vec<SeriesConfig>, rolling: usize, formats: Vec<Format>) -> LineChart {
        let config = Config {
            series: toml_series,
            title: "T".into(),
            x_label: time(),
            y_label: "Y".into(),
            rolling,
            raw: false,
            size: size(),
            theme: ThemeName::Light,
            formats,
        };
        config.validate().expect("valid");
        LineChart { config, zone: Zone::UTC }
    }

    fn series(metric: &str) -> SeriesConfig {
        SeriesConfig { metric: metric.into(), label: None, color: Some("green".into()) }
    }

    fn store(values: &[f64]) -> Store {
        let store = Store::new(Limits::default());
        let series = SeriesSet::new([SeriesKey::new("m", Labels::NONE).into()]);
        let mut samples = Samples::default();
        for (at, value) in values.iter().enumerate() {
            samples.push(Timestamp::from_secs(1_777_903_200 + at as i64), &series, &[*value]);
        }
        store.insert(&samples, Timestamp::MAX);
        store
    }

    #[test]
    fn the_rolling_mean_needs_one_point_and_counts_events() {
        let points: Vec<_> =
            [1.0, 3.0, 5.0, 1e12, 1.0].into_iter().zip(0..).map(|(value, time)| (time, value)).collect();
        let means: Vec<f64> = rolling_mean(&points, 2).into_iter().map(|(_, value)| value).collect();
        assert_eq!(means, [1.0, 2.0, 4.0, 5e11 + 2.5, 5e11 + 0.5]);
    }

    #[test]
    fn what_is_drawn_is_what_the_store_holds() {
        let chart = chart(vec![series("m"), series("unknown")], 2, vec![Format::Svg]);
        let figure = chart.figure(&store(&[0.0, 1.0, 1.0])).expect("valid").expect("data");
        assert_eq!(figure.series.len(), 1);
        let values: Vec<f64> = figure.series[0].points.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [0.0, 0.5, 1.0]);
        assert_eq!(figure.caption, "3 events, rolling mean of 2, 2026-05-04 14:00:00 to 14:00:02");
    }

    #[test]
    fn pictures_of_both_kinds_and_none_without_data() {
        let mut chart = chart(vec![series("m")], 1, vec![Format::Png, Format::Svg]);
        let pictures = chart.draw(&store(&[0.0, 1.0]), Timestamp::MIN).expect("draws");
        assert_eq!(pictures[0].bytes[..4], *b"\x89PNG");
        assert!(pictures[1].bytes.starts_with(b"<svg"));
        assert_eq!(chart.draw(&store(&[]), Timestamp::MIN).expect("draws"), []);
    }
}
