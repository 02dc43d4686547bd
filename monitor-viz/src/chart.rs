//! From a chart's configuration to its pictures: what every chart type of this crate has in common.

use monitor_core::component::{BoxError, Chart, Context, Picture};
use monitor_core::config::{ChartSettings, PictureFormat, ThemeSetting};
use monitor_core::store::{Store, Window};
use monitor_core::{Timestamp, Zone};

use crate::draw::{self, Figure, Style, Theme};

/// What a chart shows of a store.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Of which time.
    pub window: Window,
    /// The zone of the times that are shown.
    pub zone: Zone,
}

impl Scope {
    /// All that the store holds.
    pub fn all(zone: Zone) -> Self {
        Self { window: Window::ALL, zone }
    }
}

/// A chart's configuration, which makes a figure of what a store holds. No pipeline is needed.
///
/// ```
/// use monitor_core::Zone;
/// use monitor_core::store::{Limits, Store};
/// use monitor_viz::{Scope, ToFigure, line};
///
/// let store = Store::new(Limits::default());
/// let chart = line::Config::of("generation_time");
/// assert!(chart.figure(&store, &Scope::all(Zone::UTC))?.is_none(), "there is nothing to draw");
/// # Ok::<_, monitor_core::component::BoxError>(())
/// ```
pub trait ToFigure {
    /// The figure; `None` if there is nothing to draw.
    ///
    /// # Errors
    /// When the configuration means nothing; what was parsed does.
    fn figure(&self, store: &Store, scope: &Scope) -> Result<Option<Figure>, BoxError>;
}

/// The figure with the names that the settings give it.
pub fn named(figure: Figure, settings: &ChartSettings) -> Figure {
    Figure {
        title: settings.title.clone().unwrap_or(figure.title),
        x_label: settings.x_label.clone().unwrap_or(figure.x_label),
        y_label: settings.y_label.clone().unwrap_or(figure.y_label),
        ..figure
    }
}

/// The size and the colours that the settings ask for.
pub fn style(settings: &ChartSettings) -> Style {
    let theme = match settings.theme {
        ThemeSetting::Light => Theme::Light,
        ThemeSetting::Dark => Theme::Dark,
    };
    let inches = |pixels: u32| f64::from(pixels) / 100.0;
    Style::inches(inches(settings.size.0), inches(settings.size.1), f64::from(settings.dpi), theme)
}

/// The figure as the files that the settings ask for.
///
/// # Errors
/// When it cannot be drawn.
pub fn pictures(figure: &Figure, settings: &ChartSettings) -> Result<Vec<Picture>, draw::DrawError> {
    let style = style(settings);
    let picture = |format: &PictureFormat| {
        Ok(match format {
            PictureFormat::Png => {
                Picture { extension: "png", media_type: "image/png", bytes: draw::png(figure, &style)? }
            }
            PictureFormat::Svg => {
                let bytes = draw::svg(figure, &style)?.into_bytes();
                Picture { extension: "svg", media_type: "image/svg+xml", bytes }
            }
        })
    };
    settings.formats.iter().map(picture).collect()
}

/// A chart of a pipeline.
pub(crate) fn open<T>(config: &T, context: &Context, settings: &ChartSettings) -> Box<dyn Chart>
where
    T: ToFigure + Clone + Send + 'static,
{
    Box::new(Drawn { config: config.clone(), settings: settings.clone(), zone: context.zone.clone() })
}

struct Drawn<T> {
    config: T,
    settings: ChartSettings,
    zone: Zone,
}

impl<T: ToFigure + Send> Chart for Drawn<T> {
    fn draw(&mut self, store: &Store, now: Timestamp) -> Result<Vec<Picture>, BoxError> {
        let window = self.settings.window.as_ref().map_or(Window::ALL, |window| Window::last(window.0, now));
        let scope = Scope { window, zone: self.zone.clone() };
        let Some(figure) = self.config.figure(store, &scope)? else { return Ok(Vec::new()) };
        match pictures(&named(figure, &self.settings), &self.settings) {
            // Whatever there is cannot be shown.
            Err(draw::DrawError::NoData) => Ok(Vec::new()),
            drawn => Ok(drawn?),
        }
    }
}

/// The zone of the drawing core.
pub(crate) fn zone(zone: &Zone) -> draw::Zone {
    let zone = zone.clone();
    draw::Zone::new(move |at| zone.offset_seconds(Timestamp::from_micros(at).to_utc()))
}
