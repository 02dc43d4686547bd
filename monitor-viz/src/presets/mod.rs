//! Presets: sets of charts that a configuration switches on in one line, beside the rules of the same preset; and the same
//! pictures of any store, without a pipeline.

use std::path::PathBuf;

use monitor_core::component::{BoxError, Picture, Preset, Registry};
use monitor_core::config::{ChartSettings, Config};
use monitor_core::pipeline::Builder;
use monitor_core::store::Store;
use monitor_core::{Text, Timestamp, Zone};

/// The charts of the Python class that monitor replaces: same file names, titles and axes.
pub const REFERENCE: Preset = Preset {
    name: "reference",
    summary: "the charts of the Python reference, with its names and titles",
    toml: include_str!("reference.toml"),
};

/// What one looks at first.
pub const RECOMMENDED: Preset = Preset {
    name: "recommended",
    summary: "what to look at first: errors, latency, tokens, cost, scores",
    toml: include_str!("recommended.toml"),
};

/// The pictures of a preset, by the names of its charts and in its order; a chart without data has none and is left out. Of the
/// settings all hold for every chart, but that those that are not set leave a chart's own.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn draw(
    preset: &Preset,
    store: &Store,
    settings: &ChartSettings,
    now: Timestamp,
    zone: &Zone,
) -> Result<Vec<(Text, Vec<Picture>)>, BoxError> {
    let mut registry = Registry::new();
    crate::register(&mut registry)?;
    let config = Config::parse(preset.toml, preset.name, PathBuf::new(), &registry)?;
    let builder = Builder::new().zone(zone.clone());
    let mut drawn = Vec::new();
    for entry in config.charts {
        let own = entry.settings;
        let settings = ChartSettings {
            title: settings.title.clone().or(own.title),
            x_label: settings.x_label.clone().or(own.x_label),
            y_label: settings.y_label.clone().or(own.y_label),
            window: settings.window.clone().or(own.window),
            ..settings.clone()
        };
        let mut chart = entry.config.open(&builder.context(&entry.name), &settings)?;
        let pictures = chart.draw(store, now)?;
        if !pictures.is_empty() {
            drawn.push((entry.name, pictures));
        }
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests;
