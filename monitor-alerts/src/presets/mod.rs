//! Presets: sets of rules that a configuration switches on in one line, `presets = ["recommended"]`.

use monitor_core::component::Preset;

/// The seven rules of the Python class that monitor replaces: same names, limits, windows and messages.
pub const REFERENCE: Preset = Preset {
    name: "reference",
    summary: "the seven rules of the Python reference, with its limits and messages",
    toml: include_str!("reference.toml"),
};

/// The rules to leave on: few, and each message is worth reading.
pub const RECOMMENDED: Preset = Preset {
    name: "recommended",
    summary: "rules to leave on: failing calls and slow calls, once an incident",
    toml: include_str!("recommended.toml"),
};
