//! One rule with its groups: evaluates it, keeps the states, knows what people were told, and words the alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Change, Incident, Phase, Policy, State};
use crate::component::{Reading, Rule, Verdict};
use crate::config::{ActionSetting, NoData, RuleSettings};
use crate::event::{Alert, AlertData, AlertState, Event, Level};
use crate::sample::Labels;
use crate::store::{Aggregate, Store};
use crate::template::Template;
use crate::time::format_duration;
use crate::{Text, Timestamp};

/// Groups beyond this many are not followed; the first time this happens it is said.
const MAX_GROUPS: usize = 1_000;
/// So many incidents of a rule are told of at the end.
const MAX_INCIDENTS: usize = 10_000;

/// A rule, its common keys, and where it stands for each group.
pub struct RuleHost {
    name: Text,
    rule: Box<dyn Rule>,
    settings: RuleSettings,
    policy: Policy,
    message: Option<Template>,
    annotations: Vec<(Text, Template)>,
    labels: Labels,
    groups: BTreeMap<Labels, Group>,
    /// Groups that are gone, and of which something is written down still.
    gone: Vec<Labels>,
    full: bool,
    counts: Counts,
    /// When it fired, as far as this process has seen; the first of them.
    incidents: Vec<Incident>,
    /// How far back the rule looks.
    reach: Option<Duration>,
    /// Until then that there is no data says nothing: it went on from an earlier process, and the store began empty.
    blind_until: Option<Timestamp>,
}

#[derive(Default)]
struct Group {
    place: Place,
    /// What of it is written down.
    written: Option<Place>,
    /// The last one that was one.
    reading: Option<Reading>,
}

/// Where a rule stands for one group, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    state: State,
    /// What people were told last, unless it was that all is over.
    told: Option<Told>,
    /// Why they were not told what they would have to be.
    held: Option<Held>,
}

/// What people were told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    /// Which time that the rule fired: since when the condition had held.
    since: Timestamp,
    level: Level,
    /// Whether they were told that it has become graver.
    graver: bool,
    /// When, last.
    at: Timestamp,
    /// How often they were reminded.
    repeat: u64,
    /// When it was over.
    ended: Option<Timestamp>,
}

/// Why people are not told of something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// By a silence, of this number.
    Silence(u64),
    /// By another rule, which fires.
    Muted(Text),
    /// In quiet hours.
    QuietHours,
    /// There were too many messages.
    Rate,
}

impl Held {
    /// The reason in one word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Silence(_) => "silence",
            Self::Muted(_) => "muted",
            Self::QuietHours => "quiet_hours",
            Self::Rate => "rate",
        }
    }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silence(id) => write!(f, "silence {id}"),
            Self::Muted(rule) => write!(f, "muted by {rule}"),
            Self::QuietHours => f.write_str("quiet hours"),
            Self::Rate => f.write_str("too many messages"),
        }
    }
}

/// Where a rule stands for one group, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedState {
    pub(super) rule: Text,
    labels: Vec<(Text, Text)>,
    place: Place,
}

/// Where a rule stands for one group, as whoever looks at it is shown. A group that there is none of is inactive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The rule.
    pub rule: Text,
    /// The group; none for a rule that is not grouped.
    pub labels: Labels,
    /// Inactive, pending or firing. An inactive one is here while people have not been told that it is over.
    pub phase: Phase,
    /// Since when the condition has held, or had held where that is over.
    pub since: Timestamp,
    /// How grave it is. Of what is written down: as far as people were told, or readings have said so.
    pub level: Option<Level>,
    /// The number that was compared last; it is not written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// When people were told of it last; none if they were not.
    pub told: Option<Timestamp>,
    /// How often they were reminded.
    pub reminders: u64,
    /// Why they are not told what they would have to be.
    pub held: Option<Held>,
}

/// What people were told of a rule, and were not.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) fired: u64,
    pub(super) resolved: u64,
    /// By reason.
    pub(super) held_back: BTreeMap<&'static str, u64>,
}

/// A message that would go out.
pub(super) struct Message<'a> {
    pub(super) rule: &'a Text,
    pub(super) labels: &'a Labels,
    pub(super) level: Level,
}

/// What people would have to be told of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Firing,
    /// It has become graver.
    Graver,
    Reminder,
    Resolved,
}

impl RuleHost {
    /// A rule under `settings`, whose messages have been validated.
    pub fn new(name: Text, rule: Box<dyn Rule>, settings: RuleSettings) -> Self {
        let policy = Policy {
            hold: settings.hold.0,
            keep_firing_for: settings.keep_firing_for.0,
            recover_above: settings.recover_above,
            recover_below: settings.recover_below,
            no_data: settings.no_data,
        };
        let labels = settings.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let message = settings.message.as_deref().map(Template::unchecked);
        let annotations = settings.annotations.iter();
        let annotations = annotations.map(|(name, text)| (name.clone(), Template::unchecked(text))).collect();
        Self {
            name,
            rule,
            settings,
            policy,
            message,
            annotations,
            labels,
            groups: BTreeMap::new(),
            gone: Vec::new(),
            full: false,
            counts: Counts::default(),
            incidents: Vec::new(),
            reach: None,
            blind_until: None,
        }
    }

    /// Says how far back the rule looks.
    pub fn reaching(mut self, reach: Option<Duration>) -> Self {
        self.reach = reach;
        self
    }

    /// The rule's name.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// What is done when it fires, beside telling people.
    pub fn action(&self) -> Option<ActionSetting> {
        self.settings.action
    }

    /// The chart that is drawn when it fires.
    pub fn chart(&self) -> Option<&Text> {
        self.settings.chart.as_ref()
    }

    /// The rules of which nobody is told while this one fires.
    pub(super) fn mutes(&self) -> &[Text] {
        &self.settings.mutes
    }

    /// What makes it doubtful that the rule can ever hold.
    pub fn doubt(&self) -> Option<String> {
        self.rule.doubt().map(|doubt| format!("rule `{}`: {doubt}", self.name))
    }

    /// The groups for which it fires now.
    pub fn firing(&self) -> impl Iterator<Item = &Labels> {
        self.groups.iter().filter(|(_, group)| group.place.state.phase() == Phase::Firing).map(|(labels, _)| labels)
    }

    /// Where it stands, to be written down.
    pub(crate) fn saved(&self) -> impl Iterator<Item = SavedState> {
        self.groups.iter().map(|(labels, group)| self.saved_as(labels, &group.place))
    }

    /// Where it stands, for each group.
    pub fn standing(&self) -> impl Iterator<Item = Standing> {
        self.groups.iter().map(|(labels, group)| Standing {
            level: Some(self.level(&group.place).max(group.place.told.map_or(Level::Debug, |told| told.level))),
            value: group.reading.as_ref().and_then(|reading| reading.value),
            ..self.saved_as(labels, &group.place).standing()
        })
    }

    fn saved_as(&self, labels: &Labels, place: &Place) -> SavedState {
        SavedState::new(self.name.clone(), labels, place.clone())
    }

    /// What has changed since it was asked last: the groups, and where it stands for each that is not gone.
    pub(super) fn unsaved(&mut self) -> Vec<(Labels, Option<SavedState>)> {
        let mut unsaved: Vec<_> = std::mem::take(&mut self.gone).into_iter().map(|labels| (labels, None)).collect();
        for (labels, group) in &mut self.groups {
            if group.written.as_ref() != Some(&group.place) {
                group.written = Some(group.place.clone());
                let saved = SavedState::new(self.name.clone(), labels, group.place.clone());
                unsaved.push((labels.clone(), Some(saved)));
            }
        }
        unsaved
    }

    /// Goes on from where it stood, if these are its states. Where the store `began_empty` at `now`, that there is no data
    /// says nothing for as long as the rule looks back.
    pub(super) fn restore(&mut self, saved: &[SavedState], began_empty: Option<Timestamp>) {
        for saved in saved.iter().filter(|saved| saved.rule == self.name).take(MAX_GROUPS) {
            let group = Group { place: saved.place.clone(), written: Some(saved.place.clone()), reading: None };
            self.groups.insert(Labels::new(saved.labels.clone()), group);
            self.blind_until = began_empty.zip(self.reach).map(|(now, reach)| now.plus(reach));
        }
    }

    /// Takes over where `old` stands, a rule of the same name that is not evaluated any more; where it was grouped otherwise,
    /// its groups end: an event for each of which people were told.
    pub(super) fn replace(&mut self, old: &mut Self, now: Timestamp) -> Vec<Event> {
        let events = if self.settings.by == old.settings.by { Vec::new() } else { old.end(now) };
        (self.groups, self.gone) = (std::mem::take(&mut old.groups), std::mem::take(&mut old.gone));
        self.blind_until = old.blind_until;
        events
    }

    /// The rule is not evaluated any more: an event for each group of which people were told that it fires.
    pub(super) fn end(&mut self, now: Timestamp) -> Vec<Event> {
        self.policy.no_data = NoData::Ok;
        for group in self.groups.values_mut() {
            group.place.state = State::default();
            group.place.end(now);
        }
        for incident in &mut self.incidents {
            incident.until.get_or_insert(now);
        }
        self.tell(now, &mut |_| None)
    }

    /// Evaluates the rule as of `now`, and tells of every change: what a program does that has rules and no pipeline.
    pub fn tick(&mut self, store: &Store, now: Timestamp) -> Vec<Event> {
        self.evaluate(store, now);
        self.tell(now, &mut |_| None)
    }

    /// Evaluates the rule as of `now`.
    pub(super) fn evaluate(&mut self, store: &Store, now: Timestamp) {
        let Ok(mut readings) = catch_unwind(AssertUnwindSafe(|| self.rule.evaluate(store, now))) else {
            tracing::error!(rule = %self.name, "the rule panicked; its states stay as they are");
            return;
        };
        if !self.groups.is_empty() {
            let read: BTreeSet<&Labels> = readings.iter().map(|reading| &reading.labels).collect();
            let unread: Vec<_> = self.groups.keys().filter(|labels| !read.contains(labels)).cloned().collect();
            readings.extend(unread.into_iter().map(Reading::no_data));
        }
        for reading in readings {
            self.take(reading, now);
        }
    }

    /// Takes a reading into account.
    fn take(&mut self, mut reading: Reading, now: Timestamp) {
        if reading.stats.is_some_and(|stats| stats.count < self.settings.min_samples) {
            reading.verdict = Verdict::NoData;
        }
        if reading.verdict == Verdict::NoData && self.blind_until.is_some_and(|until| now < until) {
            return;
        }
        if !self.groups.contains_key(&reading.labels) {
            // Where no data is what people are told of, it must be known that there was some.
            if reading.verdict != Verdict::Breached && self.policy.no_data != NoData::Alert {
                return;
            }
            if self.groups.len() >= MAX_GROUPS {
                if !std::mem::replace(&mut self.full, true) {
                    tracing::warn!(rule = %self.name, "more than {MAX_GROUPS} groups: the others are not followed");
                }
                return;
            }
        }
        let (labels, value) = (reading.labels.clone(), reading.value);
        let group = self.groups.entry(labels.clone()).or_default();
        let change = group.place.state.step(&self.policy, &reading, now);
        // What a silence leaves is what was read before it.
        if reading.verdict != Verdict::NoData || self.policy.no_data == NoData::Alert {
            group.reading = Some(reading);
        }
        if change.is_some_and(|change| change.state == AlertState::Resolved) {
            group.place.end(now);
        }
        let state = group.place.state;
        self.note_incident(&labels, change, state, value, now);
    }

    fn note_incident(
        &mut self,
        labels: &Labels,
        change: Option<Change>,
        state: State,
        value: Option<f64>,
        now: Timestamp,
    ) {
        let level = state.level().map_or(self.settings.level, |level| level.max(self.settings.level));
        match change {
            Some(Change { state: AlertState::Firing, since }) if self.incidents.len() < MAX_INCIDENTS => {
                let (rule, labels) = (self.name.clone(), self.labels.merged(labels));
                let begins = Incident { rule, labels, level, since, fired: now, until: None, messages: 0, value };
                self.incidents.push(begins);
            }
            Some(Change { state: AlertState::Resolved, since }) => {
                if let Some(incident) = self.incident(labels, since) {
                    incident.until = Some(now);
                }
            }
            // It may have become graver.
            None if state.phase() == Phase::Firing => {
                if let Some(incident) = self.incident(labels, state.since()) {
                    incident.level = incident.level.max(level);
                }
            }
            _ => {}
        }
    }

    /// Tells people what they have to be told, unless `ask` has a reason not to: then they are told once that is over, if it
    /// is so still.
    pub(super) fn tell(&mut self, now: Timestamp, ask: &mut dyn FnMut(&Message<'_>) -> Option<Held>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut groups = std::mem::take(&mut self.groups);
        for (labels, group) in &mut groups {
            loop {
                let Some(due) = group.place.due(self.level(&group.place), &self.settings, now) else {
                    break group.place.held = None;
                };
                let level = match (due, group.place.told) {
                    (Due::Resolved, Some(told)) => told.level,
                    _ => self.level(&group.place),
                };
                let held = ask(&Message { rule: &self.name, labels, level });
                if let Some(held) = held {
                    if group.place.held.is_none() {
                        *self.counts.held_back.entry(held.reason()).or_default() += 1;
                    }
                    break group.place.held = Some(held);
                }
                group.place.held = None;
                match due {
                    Due::Firing => self.counts.fired += 1,
                    Due::Resolved => self.counts.resolved += 1,
                    Due::Graver | Due::Reminder => {}
                }
                let told = group.place.tell(due, level, now);
                if let Some(incident) = self.incident(labels, told.since) {
                    incident.messages += 1;
                }
                // What is told late happened when it did.
                let time = told.ended.unwrap_or(now);
                events.push(Event::new(time, self.alert(labels, group.reading.as_ref(), due, &told)));
            }
        }
        groups.retain(|labels, group| {
            let is_followed = self.policy.no_data == NoData::Alert;
            let keep = group.place.state.phase() != Phase::Inactive || group.place.told.is_some() || is_followed;
            if !keep && group.written.is_some() {
                self.gone.push(labels.clone());
            }
            keep
        });
        self.groups = groups;
        events
    }

    /// When it fired, as far as this process has seen.
    pub(super) fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    fn incident(&mut self, labels: &Labels, since: Timestamp) -> Option<&mut Incident> {
        if self.incidents.is_empty() {
            return None;
        }
        let labels = self.labels.merged(labels);
        self.incidents.iter_mut().rev().find(|incident| incident.since == since && incident.labels == labels)
    }

    /// What people were told, and were not, since this was asked last.
    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn level(&self, place: &Place) -> Level {
        place.state.level().map_or(self.settings.level, |level| level.max(self.settings.level))
    }

    /// The alerts for the groups for which the rule fires by what it reads, whether or not anybody is told: not where it only has
    /// fired before the start, and there is no data yet, or it goes on firing for a while.
    pub(super) fn firing_alerts(&self, now: Timestamp) -> impl Iterator<Item = Event> {
        self.groups.iter().filter(|(_, group)| group.place.state.phase() == Phase::Firing).filter_map(
            move |(labels, group)| {
                let reading = group.reading.as_ref().filter(|reading| reading.verdict != Verdict::Clear)?;
                let told = Told::first(group.place.state.since(), self.level(&group.place), now);
                Some(Event::new(now, self.alert(labels, Some(reading), Due::Firing, &told)))
            },
        )
    }

    fn alert(&self, labels: &Labels, reading: Option<&Reading>, due: Due, told: &Told) -> Alert {
        let key = |what: &str| Text::new(format!("{}{labels}@{}/{what}", self.name, told.since));
        // A reminder is of the change that people were told of last.
        let (state, key) = match due {
            Due::Resolved => (AlertState::Resolved, key("resolved")),
            _ if told.graver => (AlertState::Firing, key(told.level.as_str())),
            _ => (AlertState::Firing, key("firing")),
        };
        let message = match state {
            AlertState::Firing => match reading {
                Some(reading) => self.firing_message(reading, told.level),
                None => Text::new(format!("{} has held since {}, before the start", self.name, told.since)),
            },
            AlertState::Resolved => {
                let lasted = format_duration(told.ended.unwrap_or(told.at).since(told.since));
                Text::new(format!("{} resolved after {lasted}", self.name))
            }
        };
        let of_data = |stats: crate::store::WindowStats| AlertData {
            mean: stats.mean,
            min: stats.min,
            max: stats.max,
            count: stats.count,
        };
        Alert {
            name: self.name.clone(),
            state,
            level: told.level,
            message,
            labels: self.labels.merged(labels),
            annotations: self.annotations(reading.unwrap_or(&Reading::no_data(labels.clone())), told.level),
            value: reading.and_then(|reading| reading.value),
            data: reading.and_then(|reading| reading.stats).map(of_data),
            since: told.since,
            key,
            repeat: told.repeat,
            chart: None,
        }
    }

    fn firing_message(&self, reading: &Reading, level: Level) -> Text {
        let plain = || {
            let said = match (reading.verdict, reading.stats) {
                (Verdict::NoData, Some(stats)) => {
                    Some(format!("{} samples, fewer than {}", stats.count, self.settings.min_samples))
                }
                (Verdict::NoData, None) => Some("no data".to_owned()),
                _ => self.rule.message(reading).or_else(|| reading.value.map(|value| format!("{value}"))),
            };
            said.map_or_else(|| self.name.clone(), |said| Text::new(format!("{}: {said}", self.name)))
        };
        let Some(template) = &self.message else {
            return plain();
        };
        // There is nothing to fill in.
        if reading.verdict == Verdict::NoData && reading.value.is_none() {
            return plain();
        }
        template.render(&self.values(reading, level)).map_or_else(
            |error| {
                tracing::warn!(rule = %self.name, "failed to word the message: {error}");
                plain()
            },
            Text::new,
        )
    }

    fn annotations(&self, reading: &Reading, level: Level) -> Labels {
        if self.annotations.is_empty() {
            return Labels::NONE;
        }
        let values = self.values(reading, level);
        let annotation = |(name, template): &(Text, Template)| {
            let text = template.render(&values).unwrap_or_else(|error| format!("({error})"));
            (name.clone(), Text::new(text))
        };
        Labels::new(self.annotations.iter().map(annotation).collect())
    }

    fn values(&self, reading: &Reading, level: Level) -> Map<String, Value> {
        let mut values = Map::new();
        if let Some(stats) = &reading.stats {
            for aggregate in Aggregate::ALL {
                values.insert(aggregate.as_str().to_owned(), stats.get(aggregate).into());
            }
            values.insert("count".to_owned(), stats.count.into());
        }
        // A group may be of events that have no such label.
        let without = self.settings.by.iter().map(|name| (name.to_string(), "".into()));
        let labels = self.labels.merged(&reading.labels);
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.as_str().into()));
        let labels = without.chain(labels).collect();
        values.insert("name".to_owned(), self.name.as_str().into());
        values.insert("level".to_owned(), level.as_str().into());
        values.insert("value".to_owned(), reading.value.into());
        values.insert("limit".to_owned(), reading.limit.into());
        values.insert("labels".to_owned(), Value::Object(labels));
        for (name, value) in &reading.more {
            values.insert(name.to_string(), (*value).into());
        }
        values
    }
}

impl Place {
    /// It is over: what people were told has ended.
    fn end(&mut self, now: Timestamp) {
        if let Some(told) = &mut self.told {
            told.ended.get_or_insert(now);
        }
    }

    fn due(&self, level: Level, settings: &RuleSettings, now: Timestamp) -> Option<Due> {
        let Some(told) = self.told else {
            return (self.state.phase() == Phase::Firing).then_some(Due::Firing);
        };
        if told.ended.is_some() {
            return Some(Due::Resolved);
        }
        if level > told.level {
            return Some(Due::Graver);
        }
        settings.repeat_every.as_ref().filter(|every| now.since(told.at) >= every.0).map(|_| Due::Reminder)
    }

    /// People are told; gives back what.
    fn tell(&mut self, due: Due, level: Level, now: Timestamp) -> Told {
        let first = Told::first(self.state.since(), level, now);
        let told = match (due, self.told) {
            (Due::Firing, _) | (_, None) => first,
            (Due::Graver, Some(told)) => Told { level, graver: true, at: now, repeat: 0, ..told },
            (Due::Reminder, Some(told)) => Told { at: now, repeat: told.repeat + 1, ..told },
            (Due::Resolved, Some(told)) => Told { at: now, repeat: 0, ..told },
        };
        self.told = (due != Due::Resolved).then_some(told);
        told
    }
}

impl Told {
    fn first(since: Timestamp, level: Level, at: Timestamp) -> Self {
        Self { since, level, graver: false, at, repeat: 0, ended: None }
    }
}

impl Standing {
    /// Whether the condition holds, or people do not know yet that it is over.
    pub fn is_of_interest(&self) -> bool {
        self.phase != Phase::Inactive || self.told.is_some()
    }
}

impl SavedState {
    fn new(rule: Text, labels: &Labels, place: Place) -> Self {
        let labels = labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { rule, labels, place }
    }

    /// Where the rule stands.
    pub(crate) fn standing(self) -> Standing {
        let Place { state, told, held } = self.place;
        let over = state.phase() == Phase::Inactive;
        Standing {
            rule: self.rule,
            labels: Labels::new(self.labels),
            phase: state.phase(),
            since: told.filter(|_| over).map_or(state.since(), |told| told.since),
            level: state.level().max(told.map(|told| told.level)),
            value: None,
            told: told.map(|told| told.at),
            reminders: told.map_or(0, |told| told.repeat),
            held,
        }
    }

    /// The alert that tells people that it is over, of a rule that there is not any more; none if they were told nothing.
    pub(super) fn orphan(&self, now: Timestamp) -> Option<Event> {
        let told = self.place.told?;
        let labels = Labels::new(self.labels.clone());
        let alert = Alert {
            name: self.rule.clone(),
            state: AlertState::Resolved,
            level: told.level,
            message: Text::new(format!("{} is not in the configuration any more", self.rule)),
            key: Text::new(format!("{}{labels}@{}/resolved", self.rule, told.since)),
            labels,
            annotations: Labels::NONE,
            value: None,
            data: None,
            since: told.since,
            repeat: 0,
            chart: None,
        };
        Some(Event::new(now, alert))
    }
}
