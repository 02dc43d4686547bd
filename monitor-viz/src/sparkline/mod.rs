//! `sparkline`: a metric a line of text, `▁▂▅█▃`.

use monitor_core::Text;
use monitor_core::component::{BoxError, Chart, ChartConfig, ChartDefinition, Context, Invalid, Picture, Validate};
use monitor_core::config::ChartSettings;
use monitor_core::store::{Aggregate, Store, Window};
use monitor_core::{Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::chart::Scope;
use crate::draw::in_words;
use crate::numbers::{caption, extent, joined};
use crate::series::{SeriesConfig, Top, choose, validate};

/// The definition of `type = "sparkline"`.
pub static DEFINITION: ChartDefinition = ChartDefinition::chart::<Config>(
    "sparkline",
    "draws metrics as lines of text, in a .txt file",
    include_str!("sample.toml"),
);

/// The keys of a `sparkline` chart. It is text: `formats`, `size`, `dpi` and `theme` do not concern it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is drawn: tables with `metric`, and perhaps `label`.
    pub series: Vec<SeriesConfig>,
    /// A label: a line for each of its values.
    #[serde(default)]
    pub by: Option<Text>,
    /// So many lines at most; the rest is drawn as one, `other`.
    #[serde(default = "crate::series::twelve")]
    pub top: usize,
    /// How many characters are drawn.
    #[serde(default = "width")]
    pub width: usize,
}

fn width() -> usize {
    40
}

impl Config {
    /// A line of a metric.
    pub fn of(metric: impl Into<String>) -> Self {
        Self { series: vec![SeriesConfig::of(metric)], by: None, top: crate::series::twelve(), width: width() }
    }

    /// The lines; `None` without data.
    ///
    /// # Errors
    /// When the configuration means nothing; what was parsed does.
    pub fn text(&self, store: &Store, scope: &Scope) -> Result<Option<String>, BoxError> {
        let top = Top { by: self.by.as_deref(), most: self.top, aggregate: Aggregate::Count };
        let choice = choose(&self.series, top, store, scope.window)?;
        let runs: Vec<_> = choice.chosen.iter().map(|one| (one, one.points(store, scope.window))).collect();
        let Some(span) = extent(runs.iter().map(|(_, points)| points.as_slice())) else { return Ok(None) };
        let runs: Vec<_> = runs.into_iter().filter(|(_, points)| !points.is_empty()).collect();
        let widest = runs.iter().map(|(one, _)| one.label.chars().count()).max().unwrap_or(0).min(LONGEST);
        let mut text = String::new();
        for (one, points) in &runs {
            let means = means(points, span, self.width);
            let low = points.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
            let high = points.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
            let last = points.last().map_or(f64::NAN, |(_, value)| *value);
            let label: String = one.label.chars().map(|c| if c.is_control() { ' ' } else { c }).take(widest).collect();
            text.push_str(&format!(
                "{label:widest$}  {}  last {}, {} to {}\n",
                sparkline(&means),
                in_words(last),
                in_words(low),
                in_words(high)
            ));
        }
        let samples = runs.iter().map(|(_, points)| points.len()).sum();
        text.push_str(&joined([Some(caption(samples, span, &scope.zone)), choice.remark]));
        text.push('\n');
        Ok(Some(text))
    }
}

/// Names are no longer than this.
const LONGEST: usize = 40;

/// The mean of the values in each of so many equal stretches of the window; not a number where there is none.
fn means(points: &[(i64, f64)], span: Window, count: usize) -> Vec<f64> {
    let (first, last) = (span.start.as_micros(), span.end.as_micros());
    let length = last.saturating_sub(first).max(1) as f64;
    let mut sums = vec![(0.0, 0_u32); count];
    for (at, value) in points {
        let place = (at.saturating_sub(first) as f64 / length * count as f64) as usize;
        let (sum, samples) = &mut sums[place.min(count - 1)];
        *sum += value;
        *samples += 1;
    }
    sums.into_iter().map(|(sum, samples)| if samples > 0 { sum / f64::from(samples) } else { f64::NAN }).collect()
}

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values as blocks from the least to the greatest; a blank where there is none.
///
/// ```
/// use monitor_viz::sparkline::sparkline;
///
/// assert_eq!(sparkline(&[0.0, 1.0, f64::NAN, 7.0]), "▁▂ █");
/// assert_eq!(sparkline(&[3.0, 3.0]), "▄▄");
/// ```
pub fn sparkline(values: &[f64]) -> String {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let block = |value: &f64| match value {
        value if !value.is_finite() => ' ',
        _ if high <= low => STEPS[3],
        // Halved, for the distance of the ends may be more than a number can be.
        value => STEPS[(((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * 7.0).round() as usize).min(7)],
    };
    values.iter().map(block).collect()
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        validate(&self.series, self.by.as_deref(), self.top)?;
        if !(1..=1_000).contains(&self.width) {
            return Err(Invalid::key("width", "must be from 1 to 1,000"));
        }
        Ok(())
    }
}

impl ChartConfig for Config {
    fn open(&self, context: &Context, settings: &ChartSettings) -> Result<Box<dyn Chart>, BoxError> {
        Ok(Box::new(Lines { config: self.clone(), settings: settings.clone(), zone: context.zone.clone() }))
    }
}

struct Lines {
    config: Config,
    settings: ChartSettings,
    zone: Zone,
}

impl Chart for Lines {
    fn draw(&mut self, store: &Store, now: Timestamp) -> Result<Vec<Picture>, BoxError> {
        let window = self.settings.window.as_ref().map_or(Window::ALL, |window| Window::last(window.0, now));
        let Some(text) = self.config.text(store, &Scope { window, zone: self.zone.clone() })? else {
            return Ok(Vec::new());
        };
        let title = self.settings.title.as_ref().map_or_else(String::new, |title| format!("{title}\n"));
        let bytes = format!("{title}{text}").into_bytes();
        Ok(vec![Picture { extension: "txt", media_type: "text/plain; charset=utf-8", bytes }])
    }
}

#[cfg(test)]
mod tests;
