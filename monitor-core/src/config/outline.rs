//! What a configuration says, to be compared with what another one says: a reload changes no more than has changed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Config, Entry};
use crate::Text;
use crate::component::ComponentKind;

/// The keys and components of a configuration, with defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outline {
    settings: Map<String, Value>,
    components: BTreeMap<(ComponentKind, Text), Component>,
}

#[derive(Clone, Debug, PartialEq)]
struct Component {
    type_name: &'static str,
    settings: Value,
    written: toml::Table,
}

impl Outline {
    pub(crate) fn of(config: &Config) -> Self {
        let top = &config.settings;
        let mut settings = match json(top) {
            Value::Object(settings) => settings,
            other => unreachable!("settings are a table, not {other}"),
        };
        let models = format!("{:?}", top.prices.models.rows().collect::<Vec<_>>());
        settings.insert("store".to_owned(), json(&top.store));
        settings.insert("notify".to_owned(), json(&top.notify));
        settings.insert("durability".to_owned(), json(&top.durability));
        settings.insert("prices".to_owned(), json(&(&top.prices, models)));
        let mut outline = Self { settings, components: BTreeMap::new() };
        outline.add(ComponentKind::Source, &config.sources);
        outline.add(ComponentKind::Sink, &config.sinks);
        outline.add(ComponentKind::Rule, &config.rules);
        outline.add(ComponentKind::Chart, &config.charts);
        outline
    }

    fn add<C: ?Sized, S: Serialize>(&mut self, kind: ComponentKind, entries: &[Entry<C, S>]) {
        self.components.extend(entries.iter().map(|entry| {
            let Entry { name, type_name, settings, written, .. } = entry;
            ((kind, name.clone()), Component { type_name, settings: json(settings), written: written.clone() })
        }));
    }

    /// The keys at the top, and the tables `store`, `durability` and `prices`, that say something else in `other`.
    pub(crate) fn changed_settings(&self, other: &Self) -> Vec<String> {
        let names = self.settings.keys().chain(other.settings.keys().filter(|name| !self.settings.contains_key(*name)));
        names.filter(|name| self.settings.get(*name) != other.settings.get(*name)).cloned().collect()
    }

    /// Whether `other` has this component, and says the same of it; `None` if it is in neither.
    pub(crate) fn fate(&self, other: &Self, kind: ComponentKind, name: &Text) -> Option<Fate> {
        let key = (kind, name.clone());
        match (self.components.get(&key), other.components.get(&key)) {
            (None, None) => None,
            (None, Some(_)) => Some(Fate::Added),
            (Some(_), None) => Some(Fate::Removed),
            (Some(old), Some(new)) if old == new => Some(Fate::Same),
            (Some(_), Some(_)) => Some(Fate::Changed),
        }
    }

    /// The components of either, by kind and name.
    pub(crate) fn fates(&self, other: &Self) -> BTreeMap<(ComponentKind, Text), Fate> {
        let keys = self.components.keys().chain(other.components.keys());
        keys.filter_map(|(kind, name)| Some(((*kind, name.clone()), self.fate(other, *kind, name)?))).collect()
    }
}

/// What becomes of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It was not there before.
    Added,
    /// It says something else.
    Changed,
    /// It is not there any more.
    Removed,
    /// It says the same.
    Same,
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("what is read from TOML has text for keys")
}
