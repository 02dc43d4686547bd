//! A whole file: settings, presets, and a table a component.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::{Keys, Table};
use super::{
    ChartSettings, ConfigError, Fault, Faults, RuleSettings, Settings, SinkSettings, SourceSettings, StoreSettings,
};
use crate::Text;
use crate::component::{
    ChartConfig, ComponentKind, Definition, Dirs, Registry, Resource, RuleConfig, SinkConfig, SourceConfig, Validate,
};
use crate::suggest::{hint, there_are};

/// A parsed configuration: everything that can be said about it without touching the world.
#[derive(Debug, Default)]
pub struct Config {
    /// The keys at the top.
    pub settings: Settings,
    /// The folder that inputs are relative to.
    pub base: PathBuf,
    /// `[sources.…]`
    pub sources: Vec<Entry<dyn SourceConfig, SourceSettings>>,
    /// `[sinks.…]`
    pub sinks: Vec<Entry<dyn SinkConfig, SinkSettings>>,
    /// `[alerts.…]`
    pub rules: Vec<Entry<dyn RuleConfig, RuleSettings>>,
    /// `[charts.…]`
    pub charts: Vec<Entry<dyn ChartConfig, ChartSettings>>,
}

/// A component of the configuration.
pub struct Entry<C: ?Sized, S> {
    /// Its name.
    pub name: Text,
    /// Its type.
    pub type_name: &'static str,
    /// The keys that every component of its kind has.
    pub settings: S,
    /// Its own keys.
    pub config: Box<C>,
}

impl<C: ?Sized, S: fmt::Debug> fmt::Debug for Entry<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("type_name", &self.type_name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// When the file cannot be read, or with all that is wrong with it.
    pub fn load(path: &Path, registry: &Registry) -> Result<Self, ConfigError> {
        let bytes = std::fs::read(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let text = String::from_utf8(bytes)
            .map_err(|error| ConfigError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() })?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&text, &path.display().to_string(), base, registry).map_err(ConfigError::Faults)
    }

    /// Parses a text. `file` is its name in errors, `base` the folder that inputs are relative to.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str, file: &str, base: PathBuf, registry: &Registry) -> Result<Self, Faults> {
        let mut parser = Parser { registry, faults: Vec::new() };
        let config = parser.document(text, base);
        parser.faults.sort_by_key(|fault| fault.span.start);
        if parser.faults.is_empty() {
            Ok(config)
        } else {
            Err(Faults { file: file.to_owned(), text: text.to_owned(), faults: parser.faults })
        }
    }

    /// Where relative paths lead, with `{start}` as it stands.
    pub fn dirs(&self) -> Dirs {
        Dirs { base: self.base.clone(), data: self.settings.data_dir.clone() }
    }
}

struct Parser<'r> {
    registry: &'r Registry,
    faults: Vec<Fault>,
}

/// The tables of one kind, by name, with the place of each header.
type Tables<'a> = BTreeMap<(usize, String), (Range<usize>, DeTable<'a>)>;

impl Parser<'_> {
    fn document(&mut self, text: &str, base: PathBuf) -> Config {
        let (root, errors) = DeTable::parse_recoverable(text);
        // What follows the first is often only its consequence.
        if let Some(error) = errors.first() {
            self.faults.push(not_toml(text, error));
            return Config::default();
        }
        let mut root = root.into_inner();
        let mut kinds = ComponentKind::ALL.map(|kind| (kind, self.tables(&mut root, kind)));
        let mut top = Table::new(root, 0..0, String::new(), "monitor explain config".to_owned());
        top.places.also_known = ComponentKind::ALL.map(|kind| kind.table().to_owned()).to_vec();
        top.places.also_known.push("store".to_owned());
        let preset_span = top.entries.get("presets").map_or(0..0, Spanned::span);
        let store = self.store(&mut top);
        let settings = Settings { store, ..self.validated::<Settings>(top).unwrap_or_default() };
        for name in &settings.presets {
            self.preset(name, &preset_span, &mut kinds);
        }
        let [sources, sinks, rules, charts] = kinds.map(|(_, tables)| tables);
        let registry = self.registry;
        let mut sink_places = Vec::new();
        let config = Config {
            settings,
            base,
            sources: self.components(ComponentKind::Source, sources, registry.sources(), &mut Vec::new()),
            sinks: self.components(ComponentKind::Sink, sinks, registry.sinks(), &mut sink_places),
            rules: self.components(ComponentKind::Rule, rules, registry.rules(), &mut Vec::new()),
            charts: self.components(ComponentKind::Chart, charts, registry.charts(), &mut Vec::new()),
        };
        self.conflicts(&config, &sink_places);
        self.contents(&config, &sink_places);
        config
    }

    /// Takes the table `[store]` out of the document.
    fn store(&mut self, top: &mut Table<'_>) -> StoreSettings {
        let Some((key, value)) = top.entries.remove_entry("store") else { return StoreSettings::default() };
        let DeValue::Table(entries) = value.into_inner() else {
            self.faults.push(Fault::new("`store` is a table", key.span(), "write its keys under [store]"));
            return StoreSettings::default();
        };
        let help = "monitor explain config".to_owned();
        self.validated(Table::new(entries, key.span(), "`[store]`".to_owned(), help)).unwrap_or_default()
    }

    /// Takes the tables of a kind out of the document.
    fn tables<'a>(&mut self, root: &mut DeTable<'a>, kind: ComponentKind) -> Tables<'a> {
        let Some((key, value)) = root.remove_entry(kind.table()) else {
            return Tables::new();
        };
        let section = kind.table();
        let not_tables = |span| {
            Fault::new(format!("`{section}` holds tables"), span, format!("write a table a {kind}: [{section}.NAME]"))
        };
        let DeValue::Table(entries) = value.into_inner() else {
            self.faults.push(not_tables(key.span()));
            return Tables::new();
        };
        let mut tables = Tables::new();
        for (at, (name, value)) in entries.into_iter().enumerate() {
            match value.into_inner() {
                DeValue::Table(table) => {
                    tables.insert((at, name.get_ref().to_string()), (name.span(), table));
                }
                _ => self.faults.push(not_tables(name.span())),
            }
        }
        tables
    }

    /// Adds the tables of a preset; a table of the file overrides by key, or as a whole if it is of another type.
    fn preset(&mut self, name: &str, span: &Range<usize>, kinds: &mut [(ComponentKind, Tables<'_>); 4]) {
        let parts: Vec<_> = self.registry.presets().iter().filter(|preset| preset.name == name).collect();
        if parts.is_empty() {
            let known: std::collections::BTreeSet<&str> =
                self.registry.presets().iter().map(|preset| preset.name).collect();
            let known: Vec<&str> = known.into_iter().collect();
            let label = hint(name, &known);
            self.faults.push(Fault::new(format!("unknown preset `{name}`"), span.clone(), label));
        }
        for part in parts {
            let mut root =
                DeTable::parse(part.toml).expect("a preset is valid TOML: a test of its crate parses it").into_inner();
            for (kind, tables) in &mut *kinds {
                for ((_, name), (_, mut preset)) in self.tables(&mut root, *kind) {
                    preset.make_owned();
                    place_at(&mut preset, span);
                    match tables.iter_mut().find(|((_, known), _)| *known == name) {
                        Some((_, (_, own))) => override_keys(preset, own),
                        None => {
                            tables.insert((usize::MAX - 1_000 + tables.len(), name), (span.clone(), preset));
                        }
                    }
                }
            }
        }
    }

    fn components<C, S>(
        &mut self,
        kind: ComponentKind,
        tables: Tables<'_>,
        types: &BTreeMap<&'static str, &'static Definition<C>>,
        places: &mut Vec<Range<usize>>,
    ) -> Vec<Entry<C, S>>
    where
        C: ?Sized,
        S: DeserializeOwned + JsonSchema + Validate,
    {
        let mut entries = Vec::new();
        for ((_, name), (header, table)) in tables {
            if let Some(entry) = self.component(kind, &name, &header, table, types) {
                entries.push(entry);
                places.push(header);
            }
        }
        entries
    }

    fn component<C, S>(
        &mut self,
        kind: ComponentKind,
        name: &str,
        header: &Range<usize>,
        mut entries: DeTable<'_>,
        types: &BTreeMap<&'static str, &'static Definition<C>>,
    ) -> Option<Entry<C, S>>
    where
        C: ?Sized,
        S: DeserializeOwned + JsonSchema + Validate,
    {
        let what = format!("{kind} `{name}`");
        let type_name = match entries.remove("type").map(|value| (value.span(), value.into_inner())) {
            Some((span, DeValue::String(type_name))) => (span, type_name.into_owned()),
            Some((span, _)) => {
                self.faults.push(Fault::new(format!("wrong value for `type` in {what}"), span, "expected text"));
                return None;
            }
            None => {
                let label = format!("`type` must be set; {}", there_are(&self.registry.types(kind)));
                let fault = Fault::new(format!("missing key `type` in {what}"), header.clone(), label);
                self.faults.push(fault.help("see `monitor components`"));
                return None;
            }
        };
        let Some(definition) = types.get(type_name.1.as_str()) else {
            let label = hint(&type_name.1, &self.registry.types(kind));
            let fault = Fault::new(format!("unknown type `{}` of {what}", type_name.1), type_name.0, label);
            self.faults.push(fault.help("see `monitor components`"));
            return None;
        };
        let enabled = match entries.remove("enabled").map(|value| (value.span(), value.into_inner())) {
            None => true,
            Some((_, DeValue::Boolean(enabled))) => enabled,
            Some((span, _)) => {
                let message = format!("wrong value for `enabled` in {what}");
                self.faults.push(Fault::new(message, span, "expected true or false"));
                true
            }
        };
        let help = format!("monitor explain {kind}.{}", definition.type_name);
        let mut table = Table::new(entries, header.clone(), what, help);
        table.places.also_known = vec!["type".to_owned(), "enabled".to_owned()];
        let common = table.split(&Keys::of::<S>().known);
        let settings = self.validated::<S>(common);
        let config = self.kept((definition.parse)(table));
        let entry =
            Entry { name: Text::new(name), type_name: definition.type_name, settings: settings?, config: config? };
        enabled.then_some(entry)
    }

    fn validated<T: DeserializeOwned + JsonSchema + Validate>(&mut self, table: Table<'_>) -> Option<T> {
        let places = table.places();
        let decoded = self.kept(table.decode::<T>())?;
        self.kept(decoded.validate().map(|()| decoded).map_err(|invalid| vec![places.fault(invalid)]))
    }

    fn kept<T>(&mut self, result: Result<T, Vec<Fault>>) -> Option<T> {
        result.map_err(|faults| self.faults.extend(faults)).ok()
    }

    /// Sinks that are meant to see what they cannot write.
    fn contents(&mut self, config: &Config, places: &[Range<usize>]) {
        for (sink, place) in config.sinks.iter().zip(places) {
            let content = sink.settings.content;
            if !sink.config.contents().contains(&content) {
                let known: Vec<&str> = sink.config.contents().iter().map(|content| content.as_str()).collect();
                let message =
                    format!("sink `{}` of type `{}` cannot write {}", sink.name, sink.type_name, content.as_str());
                let label = format!("set `content` to \"{}\"", known.join("\" or \""));
                self.faults.push(Fault::new(message, place.clone(), label));
            }
        }
    }

    /// Two sinks that want the same file.
    fn conflicts(&mut self, config: &Config, places: &[Range<usize>]) {
        let dirs = config.dirs();
        let mut owners: BTreeMap<Resource, usize> = BTreeMap::new();
        for (at, sink) in config.sinks.iter().enumerate() {
            for resource in sink.config.resources(&dirs) {
                if let Some(first) = owners.get(&resource) {
                    let (one, two) = (&config.sinks[*first].name, &sink.name);
                    self.faults.push(
                        Fault::new(
                            format!("sinks `{one}` and `{two}` both write {resource}"),
                            places[at].clone(),
                            "give it a path of its own",
                        )
                        .related(places[*first].clone(), "this one writes it too"),
                    );
                } else {
                    owners.insert(resource, at);
                }
            }
        }
    }
}

/// What the TOML parser says, and in the most frequent case what to do about it.
fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(0..0);
    match error.message().trim() {
        "duplicate key" => {
            let name = text.get(span.clone()).unwrap_or_default().to_owned();
            Fault::new(format!("`{name}` is there twice"), span, "remove it, or give it another name")
        }
        message => Fault::new("not valid TOML", span, message.replace('\n', ", ")),
    }
}

/// Puts the keys of `preset` under those that the file sets itself.
fn override_keys<'a>(preset: DeTable<'a>, own: &mut DeTable<'a>) {
    let type_of = |table: &DeTable<'_>| match table.get("type").map(Spanned::get_ref) {
        Some(DeValue::String(name)) => Some(name.to_string()),
        _ => None,
    };
    if type_of(own).is_some_and(|own| Some(own) != type_of(&preset)) {
        return;
    }
    for (key, value) in preset {
        if !own.contains_key(key.get_ref().as_ref()) {
            own.insert(key, value);
        }
    }
}

/// A preset has no place in the file: its values are said to stand where the preset is named.
fn place_at(table: &mut DeTable<'_>, span: &Range<usize>) {
    let old = std::mem::take(table);
    *table = old
        .into_iter()
        .map(|(key, value)| {
            (Spanned::new(span.clone(), key.into_inner()), Spanned::new(span.clone(), value.into_inner()))
        })
        .collect();
}

impl Validate for SourceSettings {}
impl Validate for StoreSettings {}
impl Validate for ChartSettings {}
