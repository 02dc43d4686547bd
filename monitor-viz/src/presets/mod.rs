//! Presets: sets of charts that a configuration switches on in one line, beside the rules of the same preset.

use monitor_core::component::Preset;

/// The charts of the Python class that monitor replaces: same file names, titles and axes.
pub const REFERENCE: Preset = Preset {
    name: "reference",
    summary: "the charts of the Python reference, with its names and titles",
    toml: include_str!("reference.toml"),
};

/// What one looks at first.
pub const RECOMMENDED: Preset =
    Preset { name: "recommended", summary: "success and error rate over time", toml: include_str!("reference.toml") };
