//! All rules together: evaluates them, and decides who is told what. Rules mute each other, people silence them, there are
//! quiet hours and a limit to the number of messages; what is held back is told once nothing holds it back, if it is so still.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::host::{Held, Message, SavedState};
use super::silence::Watched;
use super::{Incident, QuietHours, RuleHost};
use crate::bus::Position;
use crate::config::{ActionSetting, NotifySettings};
use crate::event::{Event, Level};
use crate::pipeline::Part;
use crate::sample::Labels;
use crate::store::Store;
use crate::{Text, Timestamp, Zone};

/// The states of the rules stand beside the positions of the sources, under a name that no source has.
pub(crate) const STATES: &str = "[alerts]";

/// Messages that were held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// The rule.
    pub rule: Text,
    /// Why: `silence`, `muted`, `quiet_hours` or `rate`.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// When messages go out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notify {
    quiet: Vec<QuietHours>,
    /// What is as grave as this is told in any case.
    urgent: Option<Level>,
    zone: Option<Zone>,
    at_most: Option<usize>,
    per: Duration,
}

impl Notify {
    pub(crate) fn new(settings: &NotifySettings, zone: Zone) -> Self {
        let quiet = settings.quiet.iter().map(|hours| hours.parse().expect("settings are validated")).collect();
        let (urgent, per) = (Some(settings.urgent), settings.per.0);
        Self { quiet, urgent, zone: Some(zone), at_most: settings.at_most, per }
    }

    fn is_urgent(&self, level: Level) -> bool {
        self.urgent.is_some_and(|urgent| level >= urgent)
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let is_quiet = |zone| self.quiet.iter().any(|hours| hours.contains(now.to_local(zone)));
        self.zone.as_ref().is_some_and(is_quiet)
    }
}

/// The rules of a pipeline.
#[derive(Default)]
pub(crate) struct Board {
    rules: Vec<RuleHost>,
    pub(crate) notify: Notify,
    silences: Option<Watched>,
    /// When the last messages went out.
    sent: VecDeque<Timestamp>,
    held_back: BTreeMap<(Text, &'static str), u64>,
    /// Whether states are written down at every change.
    written: bool,
    /// What is to be told, or written down, at the next occasion.
    waiting: Ticked,
}

/// What has come of a tick.
#[derive(Debug, Default)]
pub(crate) struct Ticked {
    /// What people are told.
    pub(crate) alerts: Vec<Event>,
    /// What is to be written down with it.
    pub(crate) states: Vec<Position>,
    /// The alerts of rules that stop the run and fire, whether or not people are told, and since when.
    pub(crate) stops: Vec<Event>,
    /// How many rules began to fire, and ceased to, by what people are told.
    pub(crate) fired: u64,
    pub(crate) resolved: u64,
}

/// A rule that fires, and mutes others.
struct Muting {
    rule: Text,
    mutes: Vec<Text>,
    group: Labels,
}

impl Muting {
    /// Whether it mutes this group: of labels that both have, the values are the same.
    fn covers(&self, rule: &Text, labels: &Labels) -> bool {
        let same = |(name, value): (&Text, &Text)| labels.get(name).is_none_or(|other| other == value);
        self.rule != *rule && self.mutes.contains(rule) && self.group.iter().all(same)
    }
}

impl Board {
    pub(crate) fn new(rules: Vec<RuleHost>, notify: Notify) -> Self {
        Self { rules, notify, ..Self::default() }
    }

    /// Heeds the silences of a data folder.
    pub(crate) fn heed_silences(&mut self, folder: PathBuf) {
        self.silences = Some(Watched::new(folder));
    }

    /// Goes on from where the rules stood.
    pub(crate) fn restore(&mut self, saved: &[SavedState], began_empty: Option<Timestamp>) {
        for rule in &mut self.rules {
            rule.restore(saved, began_empty);
        }
    }

    /// Goes on from where the rules stood, as it was written down by [`Ticked::states`]; from now on states are written down. Of
    /// what there is no rule for any more people are told that it is over.
    pub(crate) fn restore_written(
        &mut self,
        written: Vec<(Text, String)>,
        began_empty: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.written = true;
        let mut saved = Vec::new();
        for (key, json) in written {
            match serde_json::from_str::<SavedState>(&json) {
                Ok(state) if self.rules.iter().any(|rule| *rule.name() == state.rule) => saved.push(state),
                Ok(state) => {
                    let orphan = state.orphan(now);
                    self.waiting.resolved += u64::from(orphan.is_some());
                    self.waiting.alerts.extend(orphan);
                    self.waiting.states.push(position(key, None));
                }
                Err(error) => {
                    tracing::error!("failed to read where a rule stood: {error}");
                    self.waiting.states.push(position(key, None));
                }
            }
        }
        self.restore(&saved, began_empty);
    }

    /// Evaluates all rules as of `now`.
    pub(crate) fn tick(&mut self, store: &Store, now: Timestamp) -> Ticked {
        let mut ticked = std::mem::take(&mut self.waiting);
        for rule in &mut self.rules {
            rule.evaluate(store, now);
            if rule.action() == Some(ActionSetting::Stop) {
                ticked.stops.extend(rule.firing_alerts(now));
            }
        }
        self.tell(now, &mut ticked);
        self.note(&mut ticked.states);
        ticked
    }

    fn tell(&mut self, now: Timestamp, ticked: &mut Ticked) {
        if let Some(watched) = &mut self.silences {
            watched.look();
        }
        let silences = self.silences.as_ref().map(|watched| &watched.silences);
        let mut muting = Vec::new();
        for rule in self.rules.iter().filter(|rule| !rule.mutes().is_empty()) {
            let of_group = |group: &Labels| Muting {
                rule: rule.name().clone(),
                mutes: rule.mutes().to_vec(),
                group: group.clone(),
            };
            muting.extend(rule.firing().map(of_group));
        }
        while self.sent.front().is_some_and(|first| now.since(*first) >= self.notify.per || *first > now) {
            self.sent.pop_front();
        }
        let (notify, is_quiet, sent) = (&self.notify, self.notify.is_quiet(now), &mut self.sent);
        for rule in &mut self.rules {
            let told = rule.tell(now, &mut |message: &Message<'_>| {
                if let Some(id) = silences.and_then(|all| all.covering(message.rule, message.labels, now)) {
                    return Some(Held::Silence(id));
                }
                if let Some(by) = muting.iter().find(|muting| muting.covers(message.rule, message.labels)) {
                    return Some(Held::Muted(by.rule.clone()));
                }
                if is_quiet && !notify.is_urgent(message.level) {
                    return Some(Held::QuietHours);
                }
                if notify.at_most.is_some_and(|most| sent.len() >= most) && !notify.is_urgent(message.level) {
                    return Some(Held::Rate);
                }
                if notify.at_most.is_some() {
                    sent.push_back(now);
                }
                None
            });
            ticked.alerts.extend(told);
            let counts = rule.take_counts();
            ticked.fired += counts.fired;
            ticked.resolved += counts.resolved;
            for (reason, count) in counts.held_back {
                *self.held_back.entry((rule.name().clone(), reason)).or_default() += count;
            }
        }
    }

    /// What has changed of the states, if that is written down.
    fn note(&mut self, states: &mut Vec<Position>) {
        if !self.written {
            return;
        }
        for rule in &mut self.rules {
            let unsaved = rule.unsaved();
            states.extend(unsaved.into_iter().map(|(labels, state)| {
                let json = state.map(|state| serde_json::to_string(&state).expect("a state is JSON"));
                position(Text::new(format!("{}{labels}", rule.name())), json)
            }));
        }
    }

    /// Goes on with these rules, in this order: those that are as they were by their names, and new ones, which go on from where
    /// one of their name stood. One that is not there any more ends.
    pub(crate) fn reload(&mut self, parts: Vec<Part<RuleHost>>, now: Timestamp) -> Ticked {
        let mut old = std::mem::take(&mut self.rules);
        let mut ticked = std::mem::take(&mut self.waiting);
        let waiting = ticked.alerts.len();
        for part in parts {
            let (Part::Same(name) | Part::New(name, _)) = &part;
            let before = old.iter().position(|rule| rule.name() == name).map(|at| old.remove(at));
            match (part, before) {
                (Part::Same(_), before) => self.rules.extend(before),
                (Part::New(_, mut rule), before) => {
                    ticked.alerts.extend(before.into_iter().flat_map(|mut before| rule.replace(&mut before, now)));
                    self.rules.push(rule);
                }
            }
        }
        let kept = self.rules.len();
        ticked.alerts.extend(old.iter_mut().flat_map(|rule| rule.end(now)));
        ticked.resolved += (ticked.alerts.len() - waiting) as u64;
        // Once more, for what is written down of those that have ended.
        self.rules.append(&mut old);
        self.note(&mut ticked.states);
        self.rules.truncate(kept);
        ticked
    }

    /// Where the rules stand.
    pub(crate) fn saved(&self) -> Vec<SavedState> {
        self.rules.iter().flat_map(RuleHost::saved).collect()
    }

    pub(crate) fn rules(&self) -> &[RuleHost] {
        &self.rules
    }

    /// The chart that is drawn when a rule fires.
    pub(crate) fn chart_of(&self, rule: &Text) -> Option<&Text> {
        self.rules.iter().find(|known| known.name() == rule)?.chart()
    }

    /// When the rules fired, in the order in which that began.
    pub(crate) fn incidents(&self) -> Vec<Incident> {
        let mut incidents: Vec<_> = self.rules.iter().flat_map(|rule| rule.incidents().iter().cloned()).collect();
        incidents.sort_by_key(|incident| incident.fired);
        incidents
    }

    /// What was held back since the start.
    pub(crate) fn held_back(&self) -> Vec<HeldBack> {
        let one = |((rule, reason), count): (&(Text, &'static str), &u64)| HeldBack {
            rule: rule.clone(),
            reason,
            count: *count,
        };
        self.held_back.iter().map(one).collect()
    }
}

fn position(key: Text, value: Option<String>) -> Position {
    Position { source: Text::new_static(STATES), key, value }
}
