//! A whole file: settings, presets, and a table a component.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::prices::price_settings;
use super::table::{Keys, Places, Table};
use super::{
    ChartSettings, ConfigError, Fault, Faults, PriceSettings, RuleSettings, Settings, SinkSettings, SourceSettings,
    StoreSettings,
};
use crate::Text;
use crate::component::{
    Bound, ChartConfig, ComponentKind, Definition, Dirs, Invalid, Registry, Resource, RuleConfig, SinkConfig,
    SourceConfig, Validate,
};
use crate::pipeline::REJECTED_FILE;
use crate::prices::Prices;
use crate::suggest::{hint, hint_or, nearest, there_are};
use crate::template::Template;

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
    /// The same as they are written, to tell whether they have changed.
    pub(crate) written: toml::Table,
}

impl<C: ?Sized, S> Entry<C, S> {
    /// A component that is not from a file.
    pub fn new(name: impl Into<Text>, type_name: &'static str, settings: S, config: Box<C>) -> Self {
        Self { name: name.into(), type_name, settings, config, written: toml::Table::new() }
    }
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
        let text = super::read_text(path)?;
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

    /// The prices that it gives to models, over the built-in ones; `None` if they are switched off. Reads their file, if it
    /// names one.
    ///
    /// # Errors
    /// When that cannot be read, or with all that is wrong with it.
    pub fn prices(&self) -> Result<Option<Prices>, ConfigError> {
        let settings = &self.settings.prices;
        if !settings.enabled {
            return Ok(None);
        }
        let built_in = Prices::built_in();
        let prices = match &settings.file {
            Some(file) => built_in.and(&Prices::load(&self.base.join(file))?),
            None => built_in,
        };
        Ok(Some(prices.and(&settings.models)))
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

/// A long time in days, as a configuration would say it.
fn days(length: Duration) -> String {
    format!("{}d", length.as_secs().div_ceil(24 * 3_600))
}

/// The tables of one kind with their names and the places of their headers, in the order of the file.
type Tables<'a> = Vec<(String, Range<usize>, DeTable<'a>)>;

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
        top.places.also_known.extend(["store", "durability", "notify", "prices"].map(str::to_owned));
        let preset_span = top.entries.get("presets").map_or(0..0, Spanned::span);
        let (store, durability) = (self.part(&mut top, "store"), self.part(&mut top, "durability"));
        let (notify, prices) = (self.part(&mut top, "notify"), self.prices(&mut top));
        let settings =
            Settings { store, durability, prices, notify, ..self.validated::<Settings>(top).unwrap_or_default() };
        for name in &settings.presets {
            self.preset(name, &preset_span, &mut kinds);
        }
        let [sources, sinks, rules, charts] = kinds.map(|(_, tables)| tables);
        let registry = self.registry;
        let (mut source_places, mut sink_places, mut rule_places) = (Vec::new(), Vec::new(), Vec::new());
        let config = Config {
            settings,
            base,
            sources: self.components(ComponentKind::Source, sources, registry.sources(), &mut source_places),
            sinks: self.components(ComponentKind::Sink, sinks, registry.sinks(), &mut sink_places),
            rules: self.components(ComponentKind::Rule, rules, registry.rules(), &mut rule_places),
            charts: self.components(ComponentKind::Chart, charts, registry.charts(), &mut Vec::new()),
        };
        self.conflicts(&config, &source_places, &sink_places);
        self.groups(&config, &rule_places);
        self.messages(&config, &rule_places);
        self.references(&config, &rule_places);
        self.circles(&config, &rule_places);
        self.recoveries(&config, &rule_places);
        self.reaches(&config, &rule_places);
        self.contents(&config, &sink_places);
        config
    }

    /// Takes the table of this name out of the document.
    fn part<T>(&mut self, top: &mut Table<'_>, name: &str) -> T
    where
        T: DeserializeOwned + JsonSchema + Validate + Default,
    {
        let Some((span, entries)) = self.section(top, name) else { return T::default() };
        let help = "monitor explain config".to_owned();
        self.validated(Table::new(entries, span, format!("`[{name}]`"), help)).unwrap_or_default()
    }

    /// Takes the table `[prices]` out of the document.
    fn prices(&mut self, top: &mut Table<'_>) -> PriceSettings {
        let Some((span, entries)) = self.section(top, "prices") else { return PriceSettings::default() };
        self.kept(price_settings(entries, span)).unwrap_or_default()
    }

    /// Takes a table out of the document, with the place of its header.
    fn section<'a>(&mut self, top: &mut Table<'a>, name: &str) -> Option<(Range<usize>, DeTable<'a>)> {
        let (key, value) = top.entries.remove_entry(name)?;
        let DeValue::Table(entries) = value.into_inner() else {
            let remedy = format!("write its keys under [{name}]");
            self.faults.push(Fault::new(format!("`{name}` is a table"), key.span(), remedy));
            return None;
        };
        Some((key.span(), entries))
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
        for (name, value) in entries {
            match value.into_inner() {
                DeValue::Table(table) => {
                    tables.push((name.get_ref().to_string(), name.span(), table));
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
                for (name, _, mut preset) in self.tables(&mut root, *kind) {
                    preset.make_owned();
                    place_at(&mut preset, span);
                    match tables.iter_mut().find(|(known, ..)| *known == name) {
                        Some((.., own)) => override_keys(preset, own),
                        None => tables.push((name, span.clone(), preset)),
                    }
                }
            }
        }
    }

    /// The names that tables of presets have.
    fn preset_tables(&self, kind: ComponentKind) -> Vec<String> {
        let mut names = Vec::new();
        for preset in self.registry.presets() {
            let mut root = DeTable::parse(preset.toml).map(Spanned::into_inner).unwrap_or_default();
            if let Some(DeValue::Table(tables)) = root.remove(kind.table()).map(Spanned::into_inner) {
                names.extend(tables.keys().map(|name| name.get_ref().to_string()));
            }
        }
        names
    }

    fn components<C, S>(
        &mut self,
        kind: ComponentKind,
        tables: Tables<'_>,
        types: &BTreeMap<&'static str, &'static Definition<C>>,
        places: &mut Vec<Places>,
    ) -> Vec<Entry<C, S>>
    where
        C: ?Sized,
        S: DeserializeOwned + JsonSchema + Validate,
    {
        let mut entries = Vec::new();
        for (name, header, table) in tables {
            if let Some((entry, place)) = self.component(kind, &name, &header, table, types) {
                entries.push(entry);
                places.push(place);
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
    ) -> Option<(Entry<C, S>, Places)>
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
                let known = self.preset_tables(kind);
                let label = match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("`type` must be set; or did you mean `{near}`, a table of a preset?"),
                    None => format!("`type` must be set; {}", there_are(&self.registry.types(kind))),
                };
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
        let places = table.places();
        let common = table.split(&Keys::of::<S>().known);
        let settings = self.validated::<S>(common);
        let written = table.written();
        let config = self.kept((definition.parse)(table));
        let (name, type_name) = (Text::new(name), definition.type_name);
        let entry = Entry { name, type_name, settings: settings?, config: config?, written };
        enabled.then_some((entry, places))
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
    fn contents(&mut self, config: &Config, places: &[Places]) {
        for (sink, place) in config.sinks.iter().zip(places) {
            let Some(content) = sink.settings.content else { continue };
            if !sink.config.contents().contains(&content) {
                let known: Vec<&str> = sink.config.contents().iter().map(|content| content.as_str()).collect();
                let message =
                    format!("sink `{}` of type `{}` cannot write {}", sink.name, sink.type_name, content.as_str());
                let label = format!("set `content` to \"{}\"", known.join("\" or \""));
                self.faults.push(Fault::new(message, place.header.clone(), label));
            }
        }
    }

    /// Rules that are grouped by what is no label.
    fn groups(&mut self, config: &Config, places: &[Places]) {
        let known = config.settings.labels();
        for (rule, place) in config.rules.iter().zip(places) {
            for label in rule.settings.by.iter().filter(|label| !known.contains(&label.as_str())) {
                let remedy = format!("make it one: [store] labels = [\"{label}\"]");
                let message = format!("rule `{}` is grouped by `{label}`, which is no label", rule.name);
                self.faults.push(Fault::new(message, place.header.clone(), hint_or(label, &known, &remedy)));
            }
        }
    }

    /// Messages and annotations that name what the rule does not give.
    fn messages(&mut self, config: &Config, places: &[Places]) {
        for (rule, place) in config.rules.iter().zip(places) {
            let names = rule.config.names();
            let annotations = rule.settings.annotations.values().map(|text| ("annotations", text));
            let message = rule.settings.message.iter().map(|text| ("message", text));
            for (key, text) in message.chain(annotations) {
                if let Err(error) = Template::with_names(text, &names) {
                    self.faults.push(place.fault(Invalid::key(key, error.to_string())));
                }
            }
        }
    }

    /// Rules that name other rules, or charts, that there are not.
    fn references(&mut self, config: &Config, places: &[Places]) {
        let rules: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
        let charts: Vec<&str> = config.charts.iter().map(|chart| chart.name.as_str()).collect();
        for (rule, place) in config.rules.iter().zip(places) {
            let mutes = rule.settings.mutes.iter().map(|name| ("mutes", "other rule", name, &rules));
            let chart = rule.settings.chart.iter().map(|name| ("chart", "chart", name, &charts));
            for (key, kind, name, known) in mutes.chain(chart) {
                let others = known.iter().copied().filter(|known| kind == "chart" || *known != rule.name);
                let known: Vec<&str> = others.collect();
                if !known.contains(&name.as_str()) {
                    let hint = if known.is_empty() { "there is none".to_owned() } else { hint(name, &known) };
                    self.faults.push(place.fault(Invalid::key(key, format!("there is no {kind} `{name}`: {hint}"))));
                }
            }
        }
    }

    /// Rules that would never recover, or recover where they still hold.
    fn recoveries(&mut self, config: &Config, places: &[Places]) {
        for (rule, place) in config.rules.iter().zip(places) {
            let (above, below) = (rule.settings.recover_above, rule.settings.recover_below);
            let invalid = match (rule.config.bound(), above, below) {
                (Some(Bound::Above(limit)), Some(_), _) => Some((
                    "recover_above",
                    format!("it holds above {limit}, so it recovers below: set `recover_below`"),
                )),
                (Some(Bound::Below(limit)), _, Some(_)) => Some((
                    "recover_below",
                    format!("it holds below {limit}, so it recovers above: set `recover_above`"),
                )),
                (Some(Bound::Above(limit)), _, Some(below)) if below > limit => {
                    Some(("recover_below", format!("it holds above {limit}: must be no more than that")))
                }
                (Some(Bound::Below(limit)), Some(above), _) if above < limit => {
                    Some(("recover_above", format!("it holds below {limit}: must be no less than that")))
                }
                _ => None,
            };
            self.faults.extend(invalid.map(|(key, why)| place.fault(Invalid::key(key, why))));
        }
    }

    /// Rules that mute each other: if both fire nobody is told of either.
    fn circles(&mut self, config: &Config, places: &[Places]) {
        let mutes =
            |name: &Text| config.rules.iter().find(|rule| rule.name == *name).map(|rule| &rule.settings.mutes[..]);
        for (rule, place) in config.rules.iter().zip(places) {
            let (mut seen, mut next) = (Vec::new(), rule.settings.mutes.clone());
            while let Some(name) = next.pop() {
                if !seen.contains(&name) {
                    next.extend_from_slice(mutes(&name).unwrap_or_default());
                    seen.push(name);
                }
            }
            if rule.settings.mutes.iter().any(|name| *name != rule.name) && seen.contains(&rule.name) {
                let why = "these rules mute each other, so nobody would be told of any";
                self.faults.push(place.fault(Invalid::key("mutes", why)));
            }
        }
    }

    /// Rules that look further back than the store keeps anything.
    fn reaches(&mut self, config: &Config, places: &[Places]) {
        let store = &config.settings.store;
        let kept = store.raw_retention.0.max(store.bucket_retention.0);
        for (rule, place) in config.rules.iter().zip(places) {
            if let Some(reach) = rule.config.reach().filter(|reach| *reach > kept) {
                let [reach, kept] = [reach, kept].map(days);
                let message = format!("rule `{}` looks back {reach}, and the store keeps {kept}", rule.name);
                let label = format!("make it shorter, or [store] bucket_retention = \"{reach}\"");
                self.faults.push(Fault::new(message, place.header.clone(), label));
            }
        }
    }

    /// Two components that want the same thing for themselves, and sinks that write what a source reads.
    fn conflicts(&mut self, config: &Config, source_places: &[Places], sink_places: &[Places]) {
        let dirs = config.dirs();
        let sources = config
            .sources
            .iter()
            .zip(source_places)
            .map(|(source, place)| (ComponentKind::Source, &source.name, place, source.config.resources(&dirs)));
        let sinks = config
            .sinks
            .iter()
            .zip(sink_places)
            .map(|(sink, place)| (ComponentKind::Sink, &sink.name, place, sink.config.resources(&dirs)));
        let mut owners: Vec<(ComponentKind, Text, Range<usize>, Resource)> = Vec::new();
        for (kind, name, place, resources) in sources.chain(sinks) {
            for resource in resources {
                let clash = owners.iter().find(|(first_kind, .., taken)| match (first_kind, kind, taken, &resource) {
                    // A file may be read twice.
                    (ComponentKind::Source, ComponentKind::Source, Resource::File(_), _) => false,
                    (ComponentKind::Source, _, Resource::File(glob), Resource::File(path)) => {
                        glob == path
                            || glob::Pattern::new(&glob.to_string_lossy()).is_ok_and(|glob| glob.matches_path(path))
                    }
                    _ => *taken == resource,
                });
                if kind == ComponentKind::Sink && resource == Resource::File(dirs.output(Path::new(REJECTED_FILE))) {
                    let message = format!("sink `{name}` writes {resource}, which is kept for refused lines");
                    self.faults.push(Fault::new(message, place.header.clone(), "give it a path of its own"));
                } else if let Some((first_kind, first, first_place, _)) = clash {
                    let message = match (first_kind, kind) {
                        (ComponentKind::Sink, _) => format!("sinks `{first}` and `{name}` both write {resource}"),
                        (_, ComponentKind::Sink) => {
                            format!("sink `{name}` writes {resource}, which source `{first}` reads")
                        }
                        _ => format!("sources `{first}` and `{name}` both read {resource}"),
                    };
                    let remedy =
                        if resource == Resource::Stdin { "remove one of them" } else { "give it a path of its own" };
                    let fault = Fault::new(message, place.header.clone(), remedy);
                    self.faults.push(fault.related(first_place.clone(), "this is the other one"));
                } else {
                    owners.push((kind, name.clone(), place.header.clone(), resource));
                }
            }
        }
    }
}

/// What the TOML parser says, and in the most frequent case what to do about it.
pub(super) fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(0..0);
    match error.message().trim() {
        "duplicate key" => {
            let name = text.get(span.clone()).unwrap_or_default().to_owned();
            Fault::new(format!("`{name}` is there twice"), span, "remove it, or give it another name")
        }
        message => Fault::new("not valid TOML", span, message.replace('\n', ", ")),
    }
}

/// Keys of which a table has one or the other.
const EXCLUSIVE: [(&str, &str); 2] = [("above", "below"), ("recover_above", "recover_below")];

/// Puts the keys of `preset` under those that the file sets itself.
fn override_keys<'a>(preset: DeTable<'a>, own: &mut DeTable<'a>) {
    let type_of = |table: &DeTable<'_>| match table.get("type").map(Spanned::get_ref) {
        Some(DeValue::String(name)) => Some(name.to_string()),
        _ => None,
    };
    if type_of(own).is_some_and(|own| Some(own) != type_of(&preset)) {
        return;
    }
    // Of keys that exclude each other, the file's own takes the place of the preset's.
    let excluded = |key: &str| {
        EXCLUSIVE
            .iter()
            .any(|(one, other)| (key == *one && own.contains_key(*other)) || (key == *other && own.contains_key(*one)))
    };
    let preset: Vec<_> = preset.into_iter().filter(|(key, _)| !excluded(key.get_ref())).collect();
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

impl Validate for StoreSettings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.max_series == 0 {
            return Err(Invalid::key("max_series", "must be at least 1"));
        }
        if self.max_series_per_metric == 0 {
            return Err(Invalid::key("max_series_per_metric", "must be at least 1"));
        }
        if !(0.001..=0.5).contains(&self.percentile_error) {
            return Err(Invalid::key("percentile_error", "must lie between 0.001 and 0.5: 0.01 is 1 %"));
        }
        if self.max_bytes.0 < 1 << 20 {
            return Err(Invalid::key("max_bytes", "must be at least 1 MiB"));
        }
        if self.raw_retention.0 < Duration::from_secs(1) {
            return Err(Invalid::key("raw_retention", "must be at least 1s"));
        }
        Ok(())
    }
}
