//! One rule with its states: evaluates, applies the common keys, and words the alerts.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Phase, Policy, State};
use crate::component::{Reading, Rule, Verdict};
use crate::config::{ActionSetting, NoData, RuleSettings};
use crate::event::{Alert, AlertData, AlertState, Event};
use crate::sample::Labels;
use crate::store::{Aggregate, Store};
use crate::template::Template;
use crate::time::format_duration;
use crate::{Text, Timestamp};

/// Groups beyond this many are not followed; the first time this happens it is said.
const MAX_GROUPS: usize = 1_000;

/// The state of a rule for one group, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedState {
    rule: Text,
    labels: Vec<(Text, Text)>,
    state: State,
}

/// A rule, its common keys, and its state for each group.
pub struct RuleHost {
    name: Text,
    rule: Box<dyn Rule>,
    settings: RuleSettings,
    policy: Policy,
    message: Option<Template>,
    labels: Labels,
    states: BTreeMap<Labels, State>,
    full: bool,
}

impl RuleHost {
    /// A rule under `settings`, whose message has been validated.
    pub fn new(name: Text, rule: Box<dyn Rule>, settings: RuleSettings) -> Self {
        let policy = Policy {
            hold: settings.hold.0,
            keep_firing_for: settings.keep_firing_for.0,
            recover_above: settings.recover_above,
            recover_below: settings.recover_below,
            no_data: settings.no_data,
        };
        let message = settings.message.as_deref().and_then(|source| match Template::new(source) {
            Ok(template) => Some(template),
            Err(error) => {
                tracing::error!(rule = %name, "failed to read the message: {error}");
                None
            }
        });
        let labels = settings.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { name, rule, settings, policy, message, labels, states: BTreeMap::new(), full: false }
    }

    /// The rule's name.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// Whether the run is to stop when it fires.
    pub(crate) fn stops(&self) -> bool {
        self.settings.action == Some(ActionSetting::Stop)
    }

    /// What makes it doubtful that the rule can ever hold.
    pub fn doubt(&self) -> Option<String> {
        self.rule.doubt().map(|doubt| format!("rule `{}`: {doubt}", self.name))
    }

    /// The groups for which it fires now.
    pub fn firing(&self) -> impl Iterator<Item = &Labels> {
        self.states.iter().filter(|(_, state)| state.phase() == Phase::Firing).map(|(labels, _)| labels)
    }

    /// Where it stands, to be written down.
    pub(crate) fn saved(&self) -> impl Iterator<Item = SavedState> {
        self.states.iter().map(|(labels, state)| SavedState {
            rule: self.name.clone(),
            labels: labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            state: *state,
        })
    }

    /// Goes on from where it stood, if these are its states.
    pub(crate) fn restore(&mut self, saved: &[SavedState]) {
        let mine = saved.iter().filter(|saved| saved.rule == self.name).take(MAX_GROUPS);
        self.states.extend(mine.map(|saved| (Labels::new(saved.labels.clone()), saved.state)));
    }

    /// Takes over where `old` stands, a rule of the same name that is not evaluated any more; where it was grouped otherwise,
    /// its groups end: an event for each that fired.
    pub(crate) fn replace(&mut self, old: &mut Self, now: Timestamp) -> Vec<Event> {
        if self.settings.by != old.settings.by {
            return old.end(now);
        }
        self.states = std::mem::take(&mut old.states);
        Vec::new()
    }

    /// The rule is not evaluated any more: an event for each group for which it fired.
    pub(crate) fn end(&mut self, now: Timestamp) -> Vec<Event> {
        self.policy = Policy {
            hold: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            recover_above: None,
            recover_below: None,
            no_data: NoData::Ok,
        };
        let groups: Vec<Labels> = self.states.keys().cloned().collect();
        groups.into_iter().filter_map(|labels| self.apply(silent(labels), now)).collect()
    }

    /// Evaluates the rule as of `now`: an event for every change.
    pub fn tick(&mut self, store: &Store, now: Timestamp) -> Vec<Event> {
        let Ok(mut readings) = catch_unwind(AssertUnwindSafe(|| self.rule.evaluate(store, now))) else {
            tracing::error!(rule = %self.name, "the rule panicked; its states stay as they are");
            return Vec::new();
        };
        let unread = |labels: &Labels| !readings.iter().any(|reading| reading.labels == *labels);
        let without: Vec<Labels> = self.states.keys().filter(|labels| unread(labels)).cloned().collect();
        readings.extend(without.into_iter().map(silent));
        readings.into_iter().filter_map(|reading| self.apply(reading, now)).collect()
    }

    fn apply(&mut self, mut reading: Reading, now: Timestamp) -> Option<Event> {
        if reading.stats.is_some_and(|stats| stats.count < self.settings.min_samples) {
            reading.verdict = Verdict::NoData;
        }
        if !self.states.contains_key(&reading.labels) && self.states.len() >= MAX_GROUPS {
            if !std::mem::replace(&mut self.full, true) {
                tracing::warn!(rule = %self.name, "more than {MAX_GROUPS} groups: the others are not followed");
            }
            return None;
        }
        let state = self.states.entry(reading.labels.clone()).or_default();
        let change = state.step(&self.policy, reading.verdict, reading.value, now);
        if state.phase() == Phase::Inactive {
            self.states.remove(&reading.labels);
        }
        let change = change?;
        let message = match change.state {
            AlertState::Firing => self.firing_message(&reading),
            AlertState::Resolved => {
                let lasted = format_duration(now.since(change.since));
                Text::new(format!("{} resolved after {lasted}", self.name))
            }
        };
        let key = format!("{}{}@{}/{}", self.name, reading.labels, change.since, change.state.as_str());
        let alert = Alert {
            name: self.name.clone(),
            state: change.state,
            level: self.settings.level,
            message,
            labels: self.labels.merged(&reading.labels),
            annotations: Labels::NONE,
            value: reading.value,
            data: reading.stats.map(|stats| AlertData {
                mean: stats.mean,
                min: stats.min,
                max: stats.max,
                count: stats.count,
            }),
            since: change.since,
            key: Text::new(key),
            repeat: 0,
            chart: None,
        };
        Some(Event::new(now, alert))
    }

    fn firing_message(&self, reading: &Reading) -> Text {
        let plain = || Text::new(format!("{}: {}", self.name, reading.value.unwrap_or(f64::NAN)));
        let Some(template) = &self.message else {
            return plain();
        };
        template.render(&self.values(reading)).map_or_else(
            |error| {
                tracing::warn!(rule = %self.name, "failed to word the message: {error}");
                plain()
            },
            Text::new,
        )
    }

    fn values(&self, reading: &Reading) -> Map<String, Value> {
        let mut values = Map::new();
        if let Some(stats) = &reading.stats {
            for aggregate in Aggregate::ALL {
                values.insert(aggregate.as_str().to_owned(), stats.get(aggregate).into());
            }
            values.insert("count".to_owned(), stats.count.into());
        }
        let labels = self.labels.merged(&reading.labels);
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.as_str().into())).collect();
        values.insert("name".to_owned(), self.name.as_str().into());
        values.insert("level".to_owned(), self.settings.level.as_str().into());
        values.insert("value".to_owned(), reading.value.into());
        values.insert("labels".to_owned(), Value::Object(labels));
        values
    }
}

/// Of a group of which nothing is known.
fn silent(labels: Labels) -> Reading {
    Reading::no_data(labels)
}
