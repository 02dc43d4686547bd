//! Pictures for a program that embeds monitor: the set of the Python class, and any metric.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use monitor_core::component::{BoxError, Picture};
use monitor_core::config::ChartSettings;
use monitor_core::store::{NoSuchMetric, Selector, Window};
use monitor_core::{Monitor, Text, Zone};

use crate::chart::{Scope, ToFigure, named, pictures};
use crate::draw::DrawError;
use crate::line::{self, Rolling};
use crate::presets;

/// Pictures of what the store holds. Nobody waits for them: recording goes on, and so does whoever asks the store.
///
/// ```
/// use monitor_core::config::ChartSettings;
/// use monitor_core::{Generation, Monitor};
/// use monitor_viz::{PlotOptions, Visualize};
/// use std::time::Duration;
///
/// let monitor = Monitor::builder().start()?;
/// monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
/// monitor.flush(Duration::from_secs(1));
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let files = monitor.visualize_metrics(folder, &ChartSettings::default())?;
/// assert!(files[0].ends_with("success_error_rate.png"));
///
/// let picture = monitor.plot_metric("generation_time", &PlotOptions::default())?;
/// assert_eq!(picture[0].media_type, "image/png");
///
/// let unknown = monitor.plot_metric("generation_tme", &PlotOptions::default()).expect_err("there is none");
/// assert_eq!(unknown.to_string(), "Metric generation_tme not found; did you mean `generation_time`?");
/// # Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub trait Visualize {
    /// Writes the charts of the preset `reference` into a folder, which is made, as `success_error_rate.png` and so on. Files are
    /// there whole or not at all, and take the place of older ones. Charts without data are left out; without any data at all no
    /// file is written and a warning is logged.
    ///
    /// # Errors
    /// When a chart cannot be drawn, or the system refuses.
    fn visualize_metrics(&self, folder: impl AsRef<Path>, settings: &ChartSettings) -> Result<Vec<PathBuf>, BoxError>;

    /// The same charts as they would be written, by their names: PNG or SVG, as the settings say.
    ///
    /// # Errors
    /// When a chart cannot be drawn.
    fn figures(&self, settings: &ChartSettings) -> Result<Vec<(Text, Vec<Picture>)>, BoxError>;

    /// A metric over time: the rolling mean, and each sample as a dot.
    ///
    /// # Errors
    /// When the metric was never recorded, has no samples in the window, or cannot be drawn.
    fn plot_metric(&self, name: &str, options: &PlotOptions) -> Result<Vec<Picture>, PlotError>;
}

/// How [`Visualize::plot_metric`] draws.
#[derive(Clone, Debug)]
pub struct PlotOptions {
    /// The last so long: an hour.
    pub window: Duration,
    /// What a point of the line is the mean of: ten samples.
    pub rolling: Rolling,
    /// Size (1,200 by 800), density, theme, formats and names. Its `window` is not heeded.
    pub settings: ChartSettings,
}

impl Default for PlotOptions {
    fn default() -> Self {
        let settings = ChartSettings { size: (1_200, 800), ..ChartSettings::default() };
        Self { window: Duration::from_secs(3_600), rolling: Rolling::default(), settings }
    }
}

/// Why a metric was not drawn. The first two say it in the words of the Python class.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlotError {
    /// It was never recorded.
    NotFound(NoSuchMetric),
    /// It has no samples in the window.
    NoData(String),
    /// It cannot be drawn so.
    Draw(DrawError),
    /// Its name means nothing.
    Name(BoxError),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(NoSuchMetric { name, nearest }) => {
                write!(f, "Metric {name} not found")?;
                nearest.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean `{near}`?"))
            }
            Self::NoData(name) => write!(f, "No data for metric {name} in specified window"),
            Self::Draw(error) => error.fmt(f),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlotError {}

impl Visualize for Monitor {
    fn visualize_metrics(&self, folder: impl AsRef<Path>, settings: &ChartSettings) -> Result<Vec<PathBuf>, BoxError> {
        let figures = self.figures(settings)?;
        if figures.is_empty() {
            tracing::warn!("no metrics: nothing is drawn");
        }
        let mut written = Vec::new();
        for (name, pictures) in figures {
            for picture in pictures {
                let path = folder.as_ref().join(&name).with_extension(picture.extension);
                write_whole(&path, &picture.bytes).map_err(|error| format!("`{}`: {error}", path.display()))?;
                written.push(path);
            }
        }
        Ok(written)
    }

    fn figures(&self, settings: &ChartSettings) -> Result<Vec<(Text, Vec<Picture>)>, BoxError> {
        presets::draw(&presets::REFERENCE, self.store(), settings, self.now(), &Zone::Local)
    }

    fn plot_metric(&self, name: &str, options: &PlotOptions) -> Result<Vec<Picture>, PlotError> {
        let selector: Selector = name.parse().map_err(|error| PlotError::Name(BoxError::from(error)))?;
        let window = Window::last(options.window, self.now());
        self.store().stats(&selector, window).map_err(PlotError::NotFound)?;
        let chart = line::Config { rolling: options.rolling, raw: true, ..line::Config::of(name) };
        let scope = Scope { window, zone: Zone::Local };
        let figure = chart.figure(self.store(), &scope).map_err(PlotError::Name)?;
        let figure = figure.ok_or_else(|| PlotError::NoData(name.to_owned()))?;
        let figure = crate::draw::Figure { title: format!("{name} Over Time"), y_label: name.to_owned(), ..figure };
        pictures(&named(figure, &options.settings), &options.settings).map_err(PlotError::Draw)
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_added_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}
