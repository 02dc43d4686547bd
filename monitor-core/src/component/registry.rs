//! The registry: an instance, never a global. Registration is a line that can be found by searching for the type.

use std::collections::BTreeMap;
use std::fmt;

use super::{ChartDefinition, ComponentKind, RuleDefinition, SinkDefinition, SourceDefinition};

/// Component types by kind and name, and presets.
#[derive(Clone, Default)]
pub struct Registry {
    sources: BTreeMap<&'static str, &'static SourceDefinition>,
    sinks: BTreeMap<&'static str, &'static SinkDefinition>,
    rules: BTreeMap<&'static str, &'static RuleDefinition>,
    charts: BTreeMap<&'static str, &'static ChartDefinition>,
    presets: Vec<Preset>,
}

/// Tables that a configuration takes over by name: `presets = ["reference"]`.
///
/// Several crates may add to one preset: its rules come from one, its charts from another.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// `[alerts.…]` and `[charts.…]` tables.
    pub toml: &'static str,
}

/// A type name that is taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} type `{type_name}` is registered already")]
pub struct DuplicateType {
    /// The kind of component.
    pub kind: ComponentKind,
    /// The name that two want.
    pub type_name: &'static str,
}

impl Registry {
    /// A registry without any component.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source type.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn source(&mut self, definition: &'static SourceDefinition) -> Result<(), DuplicateType> {
        add(&mut self.sources, definition.type_name, definition, ComponentKind::Source)
    }

    /// Adds a sink type.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn sink(&mut self, definition: &'static SinkDefinition) -> Result<(), DuplicateType> {
        add(&mut self.sinks, definition.type_name, definition, ComponentKind::Sink)
    }

    /// Adds a rule type.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn rule(&mut self, definition: &'static RuleDefinition) -> Result<(), DuplicateType> {
        add(&mut self.rules, definition.type_name, definition, ComponentKind::Rule)
    }

    /// Adds a chart type.
    ///
    /// # Errors
    /// When the name is taken.
    pub fn chart(&mut self, definition: &'static ChartDefinition) -> Result<(), DuplicateType> {
        add(&mut self.charts, definition.type_name, definition, ComponentKind::Chart)
    }

    /// Adds tables to a preset.
    pub fn preset(&mut self, preset: Preset) {
        self.presets.push(preset);
    }

    /// The source types, by name.
    pub fn sources(&self) -> &BTreeMap<&'static str, &'static SourceDefinition> {
        &self.sources
    }

    /// The sink types, by name.
    pub fn sinks(&self) -> &BTreeMap<&'static str, &'static SinkDefinition> {
        &self.sinks
    }

    /// The rule types, by name.
    pub fn rules(&self) -> &BTreeMap<&'static str, &'static RuleDefinition> {
        &self.rules
    }

    /// The chart types, by name.
    pub fn charts(&self) -> &BTreeMap<&'static str, &'static ChartDefinition> {
        &self.charts
    }

    /// The parts of all presets, in the order in which they were added.
    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    /// The names of all types of a kind.
    pub fn types(&self, kind: ComponentKind) -> Vec<&'static str> {
        match kind {
            ComponentKind::Source => self.sources.keys().copied().collect(),
            ComponentKind::Sink => self.sinks.keys().copied().collect(),
            ComponentKind::Rule => self.rules.keys().copied().collect(),
            ComponentKind::Chart => self.charts.keys().copied().collect(),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(ComponentKind::ALL.map(|kind| (kind, self.types(kind)))).finish()
    }
}

fn add<D>(
    known: &mut BTreeMap<&'static str, &'static D>,
    type_name: &'static str,
    definition: &'static D,
    kind: ComponentKind,
) -> Result<(), DuplicateType> {
    if known.contains_key(type_name) {
        return Err(DuplicateType { kind, type_name });
    }
    known.insert(type_name, definition);
    Ok(())
}
