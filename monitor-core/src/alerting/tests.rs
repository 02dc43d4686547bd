//! Who is told what, held against a naive reading of the same history, with processes that end at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::component::{Reading, Rule, Verdict};
use crate::config::{DurationText, NotifySettings, RuleSettings};
use crate::event::{Alert, AlertState, Body, Event, Level};
use crate::sample::Labels;
use crate::store::{Limits, Store};
use crate::{Text, Timestamp, Zone};

/// What a rule reads next: of each group, whether its condition holds.
type Script = Arc<Mutex<Vec<(Labels, Verdict, Option<Level>)>>>;

struct Scripted(Script);

impl Rule for Scripted {
    fn evaluate(&mut self, _: &Store, _: Timestamp) -> Vec<Reading> {
        let script = self.0.lock().expect("no panic");
        let reading = |(labels, verdict, level): &(Labels, _, _)| Reading {
            level: *level,
            ..Reading::new(labels.clone(), *verdict)
        };
        script.iter().map(reading).collect()
    }
}

fn seconds(seconds: u64) -> DurationText {
    DurationText(Duration::from_secs(seconds))
}

fn at(second: usize) -> Timestamp {
    Timestamp::from_secs(1_777_903_200 + second as i64)
}

fn group(name: &str) -> Labels {
    [("group", name.to_owned())].into_iter().collect()
}

fn alert(event: &Event) -> &Alert {
    match &event.body {
        Body::Alert(alert) => alert,
        other => panic!("no alert: {other:?}"),
    }
}

/// Rules by name, with what they read.
struct House {
    scripts: BTreeMap<&'static str, Script>,
    settings: BTreeMap<&'static str, RuleSettings>,
    notify: NotifySettings,
    /// What is written down.
    disk: BTreeMap<Text, String>,
    board: Board,
    store: Store,
}

impl House {
    fn new(rules: Vec<(&'static str, RuleSettings)>, notify: NotifySettings) -> Self {
        let mut house = Self {
            scripts: rules.iter().map(|(name, _)| (*name, Script::default())).collect(),
            settings: rules.into_iter().collect(),
            notify,
            disk: BTreeMap::new(),
            board: Board::default(),
            store: Store::new(Limits::default()),
        };
        house.restart(0);
        house
    }

    /// A process ends, and another one begins.
    fn restart(&mut self, second: usize) {
        let rule = |(name, settings): (&&'static str, &RuleSettings)| {
            let script = Scripted(Arc::clone(&self.scripts[name]));
            RuleHost::new(Text::new_static(name), Box::new(script), settings.clone())
        };
        self.board = Board::new(self.settings.iter().map(rule).collect(), Notify::new(&self.notify, Zone::UTC));
        let written = self.disk.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.board.restore_written(written, None, at(second));
    }

    fn reads(&self, rule: &str, verdict: Verdict) {
        self.reads_of(rule, vec![(Labels::NONE, verdict, None)]);
    }

    fn reads_of(&self, rule: &str, readings: Vec<(Labels, Verdict, Option<Level>)>) {
        *self.scripts[rule].lock().expect("no panic") = readings;
    }

    /// A tick whose outcome is written down as a whole, or not at all.
    fn tick(&mut self, second: usize) -> Vec<Event> {
        let ticked = self.board.tick(&self.store, at(second));
        for state in ticked.states {
            match state.value {
                Some(value) => drop(self.disk.insert(state.key, value)),
                None => drop(self.disk.remove(&state.key)),
            }
        }
        ticked.alerts
    }

    /// The same, and what people are told in short: the rule, its group, what it is, how often they were reminded.
    fn told(&mut self, second: usize) -> Vec<String> {
        let short = |event: &Event| {
            let alert = alert(event);
            let what = alert.key.rsplit('/').next().expect("a key");
            let repeat = if alert.repeat > 0 { format!(" {}", alert.repeat) } else { String::new() };
            format!("{}{} {what}{repeat}", alert.name, alert.labels)
        };
        self.tick(second).iter().map(short).collect()
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_rule_that_fires_mutes_others_of_the_same_group() {
    let mute = RuleSettings { mutes: vec!["slow".into()], ..RuleSettings::default() };
    let mut house = House::new(vec![("down", mute), ("slow", RuleSettings::default())], NotifySettings::default());
    house.reads_of("slow", vec![(group("a"), Verdict::Breached, None), (group("b"), Verdict::Breached, None)]);
    house.reads_of("down", vec![(group("a"), Verdict::Breached, None)]);
    assert_eq!(house.told(1), ["down{group=a} firing", "slow{group=b} firing"]);
    assert_eq!(house.told(2), NOTHING);
    assert_eq!(house.board.held_back(), [HeldBack { rule: "slow".into(), reason: "muted", count: 1 }]);
    // What mutes is over, and what was muted is so still.
    house.reads_of("down", vec![]);
    assert_eq!(house.told(3), ["down{group=a} resolved", "slow{group=a} firing"]);
    // Muted while it is over: that is told late.
    house.reads_of("down", vec![(group("b"), Verdict::Breached, None)]);
    house.reads_of("slow", vec![]);
    assert_eq!(house.told(4), ["down{group=b} firing", "slow{group=a} resolved"]);
    house.reads_of("down", vec![]);
    let late = house.tick(9);
    assert_eq!(alert(&late[1]).message, "slow resolved after 3s");
    assert!(house.disk.is_empty(), "{:?}", house.disk);
}

#[test]
fn reminders_carry_the_key_of_what_they_remind_of() {
    let settings = RuleSettings { repeat_every: Some(seconds(10)), ..RuleSettings::default() };
    let mut house = House::new(vec![("r", settings)], NotifySettings::default());
    house.reads("r", Verdict::Breached);
    let first = house.tick(0);
    assert_eq!(house.told(9), NOTHING);
    let reminder = house.tick(10);
    assert_eq!((&alert(&reminder[0]).key, alert(&reminder[0]).repeat), (&alert(&first[0]).key, 1));
    house.restart(15);
    assert_eq!(house.told(19), NOTHING);
    assert_eq!(house.told(20), ["r firing 2"]);
    house.reads_of("r", vec![(Labels::NONE, Verdict::Breached, Some(Level::Critical))]);
    assert_eq!(house.told(21), ["r critical"]);
    assert_eq!(house.told(31), ["r critical 1"]);
    house.reads("r", Verdict::Clear);
    assert_eq!(house.told(41), ["r resolved"]);
}

#[test]
fn what_becomes_critical_is_told_once_more_and_is_over_once() {
    let mut house = House::new(vec![("r", RuleSettings::default())], NotifySettings::default());
    let critical = |house: &House, level| house.reads_of("r", vec![(Labels::NONE, Verdict::Breached, level)]);
    critical(&house, None);
    assert_eq!(house.told(0), ["r firing"]);
    critical(&house, Some(Level::Critical));
    let graver = house.tick(1);
    assert_eq!((alert(&graver[0]).level, alert(&graver[0]).since), (Level::Critical, at(0)));
    critical(&house, None);
    assert_eq!(house.told(2), NOTHING);
    critical(&house, Some(Level::Critical));
    assert_eq!(house.told(3), NOTHING);
    house.reads("r", Verdict::Clear);
    let over = house.tick(4);
    assert_eq!((alert(&over[0]).level, alert(&over[0]).state, over.len()), (Level::Critical, AlertState::Resolved, 1));
}

#[test]
fn no_more_messages_than_allowed_and_the_rest_later() {
    let notify = NotifySettings { at_most: Some(2), per: seconds(60), ..NotifySettings::default() };
    let mut house = House::new(vec![("r", RuleSettings::default())], notify);
    house.reads_of("r", ["a", "b", "c"].map(|name| (group(name), Verdict::Breached, None)).to_vec());
    assert_eq!(house.told(0), ["r{group=a} firing", "r{group=b} firing"]);
    assert_eq!(house.told(59), NOTHING);
    assert_eq!(house.told(60), ["r{group=c} firing"]);
    assert_eq!(house.board.held_back(), [HeldBack { rule: "r".into(), reason: "rate", count: 1 }]);
}

#[test]
fn quiet_hours_hold_back_all_but_what_is_grave() {
    // The first second is 14:00 of a Monday.
    let notify = NotifySettings { quiet: vec!["Mon 14:00-14:01".to_owned()], ..NotifySettings::default() };
    let mut house = House::new(vec![("a", RuleSettings::default()), ("b", RuleSettings::default())], notify);
    house.reads("a", Verdict::Breached);
    house.reads_of("b", vec![(Labels::NONE, Verdict::Breached, Some(Level::Critical))]);
    assert_eq!(house.told(0), ["b firing"]);
    house.restart(30);
    assert_eq!(house.told(59), NOTHING);
    assert_eq!(house.told(60), ["a firing"]);
}

#[test]
fn silences_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut house = House::new(vec![("r", RuleSettings::default())], NotifySettings::default());
    house.board.heed_silences(folder.path().to_owned());
    let silence = Silence {
        id: 0,
        rule: "r".to_owned(),
        labels: vec!["group=a".to_owned()],
        from: at(0),
        until: at(10),
        reason: "known".to_owned(),
    };
    let mut silences = Silences::default();
    silences.add(silence, at(0)).expect("it can be read");
    silences.write(folder.path()).expect("a folder");
    house.reads_of("r", ["a", "b"].map(|name| (group(name), Verdict::Breached, None)).to_vec());
    assert_eq!(house.told(1), ["r{group=b} firing"]);
    // What nobody can read changes nothing.
    std::fs::write(folder.path().join(SILENCES_FILE), "no silences at all").expect("a folder");
    assert_eq!(house.told(2), NOTHING);
    Silences::default().write(folder.path()).expect("a folder");
    assert_eq!(house.told(3), ["r{group=a} firing"]);
}

#[test]
fn a_rule_that_is_gone_at_the_next_start_is_over_for_those_who_were_told() {
    let settings = || RuleSettings { hold: seconds(5), ..RuleSettings::default() };
    let mut house = House::new(vec![("gone", settings()), ("pending", settings())], NotifySettings::default());
    house.reads("gone", Verdict::Breached);
    assert_eq!(house.told(0), NOTHING);
    house.reads("pending", Verdict::Breached);
    assert_eq!(house.told(5), ["gone firing"]);
    assert_eq!(house.disk.len(), 2);
    house.settings.clear();
    house.restart(6);
    assert_eq!(house.told(7), ["gone resolved"]);
    assert!(house.disk.is_empty(), "{:?}", house.disk);
    assert_eq!(house.told(8), NOTHING);
}

#[test]
fn an_empty_store_after_a_restart_is_no_recovery() {
    let rule = |script: &Script| {
        let host = RuleHost::new("r".into(), Box::new(Scripted(Arc::clone(script))), RuleSettings::default());
        Board::new(vec![host.reaching(Some(Duration::from_secs(300)))], Notify::default())
    };
    let (script, store) = (Script::default(), Store::new(Limits::default()));
    let read = |verdict| *script.lock().expect("no panic") = vec![(Labels::NONE, verdict, None)];
    let mut board = rule(&script);
    board.restore_written(Vec::new(), None, at(0));
    read(Verdict::Breached);
    let ticked = board.tick(&store, at(0));
    let written = ticked.states.into_iter().map(|state| (state.key, state.value.expect("it stands"))).collect();
    let mut board = rule(&script);
    board.restore_written(written, Some(at(60)), at(60));
    read(Verdict::NoData);
    assert!(board.tick(&store, at(61)).alerts.is_empty());
    assert!(board.tick(&store, at(359)).alerts.is_empty());
    assert_eq!(board.tick(&store, at(360)).resolved, 1);
}

/// Whether a rule fires after the last of these readings, a second apart, as its keys say it in words.
fn fires(breached: &[bool], times: &[usize], hold: usize, keep: usize) -> bool {
    let last = breached.len() - 1;
    let began = |end: usize, value: bool| {
        let run = (0..=end).rev().take_while(|at| breached[*at] == value).last();
        run.map(|begin| times[end] - times[begin])
    };
    let fired = |end: usize| breached[end] && began(end, true).is_some_and(|lasted| lasted >= hold);
    let over = |end: usize| !breached[end] && began(end, false).is_some_and(|lasted| lasted >= keep);
    // The last moment that decides.
    (0..=last).rev().find_map(|at| if fired(at) { Some(true) } else { over(at).then_some(false) }).unwrap_or(false)
}

/// One tick of a timeline.
#[derive(Clone, Debug)]
struct Step {
    after: usize,
    breached: [bool; 2],
    muted: bool,
    /// The process ends before anything of this tick is written down.
    lost: bool,
    /// Or after it.
    restarts: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let chance = |weight: f64| proptest::bool::weighted(weight);
    (1..4_usize, [chance(0.5), chance(0.6)], chance(0.2), chance(0.1), chance(0.1))
        .prop_map(|(after, breached, muted, lost, restarts)| Step { after, breached, muted, lost, restarts })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_key_a_change_and_no_change_without_a_message(
        steps in proptest::collection::vec(step(), 1..30), hold in 0..4_u64, keep in 0..4_u64,
    ) {
        let mutes = RuleSettings { mutes: vec!["r".into()], ..RuleSettings::default() };
        let settings =
            RuleSettings { hold: seconds(hold), keep_firing_for: seconds(keep), ..RuleSettings::default() };
        let mut house = House::new(vec![("m", mutes), ("r", settings)], NotifySettings::default());
        let names = ["a", "b"];
        let (mut second, mut times, mut history) = (0, Vec::new(), [Vec::new(), Vec::new()]);
        let mut keys = BTreeSet::new();
        let mut known: [Option<Timestamp>; 2] = [None, None];
        for step in steps {
            second += step.after;
            let verdict = |holds| if holds { Verdict::Breached } else { Verdict::Clear };
            house.reads("m", verdict(step.muted));
            let groups = [0, 1].map(|at| (group(names[at]), verdict(step.breached[at]), None));
            house.reads_of("r", groups.to_vec());
            if step.lost {
                drop(house.board.tick(&house.store, at(second)));
                house.restart(second);
                continue;
            }
            times.push(second);
            let told = house.tick(second);
            for event in &told {
                let alert = alert(event);
                prop_assert!(keys.insert(alert.key.clone()), "{} twice", alert.key);
                let Some(which) = names.iter().position(|name| alert.labels.get("group").is_some_and(|of| of == name)) else {
                    prop_assert_eq!(&alert.name, "m");
                    continue;
                };
                match alert.state {
                    AlertState::Firing => {
                        prop_assert_eq!(known[which].replace(alert.since), None, "told that it fires twice");
                    }
                    AlertState::Resolved => {
                        prop_assert_eq!(known[which].take(), Some(alert.since), "over is what fired");
                    }
                }
                prop_assert!(!step.muted, "muted, and told {}", alert.key);
            }
            for which in [0, 1] {
                history[which].push(step.breached[which]);
                let fires = fires(&history[which], &times, hold as usize, keep as usize);
                prop_assert!(step.muted || known[which].is_some() == fires, "{fires} at {second}, {:?}", known[which]);
            }
            if step.restarts {
                house.restart(second);
            }
        }
    }
}

#[test]
fn a_group_that_vanishes_may_be_what_people_are_told_of() {
    let settings =
        RuleSettings { no_data: crate::config::NoData::Alert, by: vec!["group".into()], ..RuleSettings::default() };
    let mut house = House::new(vec![("r", settings)], NotifySettings::default());
    house.reads_of("r", ["a", "b"].map(|name| (group(name), Verdict::Clear, None)).to_vec());
    assert_eq!(house.told(0), NOTHING);
    house.restart(1);
    house.reads_of("r", vec![(group("a"), Verdict::Clear, None)]);
    let gone = house.tick(2);
    assert_eq!((gone.len(), alert(&gone[0]).message.as_str()), (1, "r: no data"));
    house.reads_of("r", ["a", "b"].map(|name| (group(name), Verdict::Clear, None)).to_vec());
    assert_eq!(house.told(3), ["r{group=b} resolved"]);
    // A rule that is gone leaves nothing behind.
    house.settings.clear();
    house.restart(4);
    assert_eq!(house.told(5), NOTHING);
    assert!(house.disk.is_empty(), "{:?}", house.disk);
}

#[test]
fn what_is_urgent_is_told_beyond_the_limit_of_messages() {
    let notify = NotifySettings { at_most: Some(1), per: seconds(60), ..NotifySettings::default() };
    let mut house = House::new(vec![("r", RuleSettings::default())], notify);
    let of = |name, level| (group(name), Verdict::Breached, level);
    house.reads_of("r", vec![of("a", None), of("b", None), of("c", Some(Level::Critical))]);
    assert_eq!(house.told(0), ["r{group=a} firing", "r{group=c} firing"]);
    house.reads_of("r", vec![of("a", Some(Level::Critical)), of("b", None), of("c", None)]);
    assert_eq!(house.told(1), ["r{group=a} critical"]);
}

#[test]
fn incidents_are_what_happened_and_not_what_was_told() {
    let notify = NotifySettings { quiet: vec!["Mon 14:00-14:01".to_owned()], ..NotifySettings::default() };
    let settings = RuleSettings { hold: seconds(2), ..RuleSettings::default() };
    let mut house = House::new(vec![("r", settings)], notify);
    let mut at_second = |second, verdict| {
        house.reads("r", verdict);
        house.tick(second)
    };
    for (second, verdict) in
        [(0, Verdict::Breached), (2, Verdict::Breached), (5, Verdict::Clear), (50, Verdict::Breached)]
    {
        assert!(at_second(second, verdict).is_empty());
    }
    // The second one is told when the quiet hours are over, and ends while there are none.
    assert_eq!(at_second(60, Verdict::Breached).len(), 1);
    let over = at_second(70, Verdict::Clear);
    assert_eq!((over[0].time, alert(&over[0]).message.as_str()), (at(70), "r resolved after 20s"));
    let times = |incident: Incident| (incident.since, incident.fired, incident.until, incident.messages);
    let incidents: Vec<_> = house.board.incidents().into_iter().map(times).collect();
    assert_eq!(incidents, [(at(0), at(2), Some(at(5)), 0), (at(50), at(60), Some(at(70)), 2)]);
}

#[test]
fn what_is_told_late_happened_when_it_did() {
    let mute = RuleSettings { mutes: vec!["r".into()], ..RuleSettings::default() };
    let mut house = House::new(vec![("m", mute), ("r", RuleSettings::default())], NotifySettings::default());
    house.reads("r", Verdict::Breached);
    assert_eq!(house.told(1), ["r firing"]);
    house.reads("m", Verdict::Breached);
    house.reads("r", Verdict::Clear);
    assert_eq!(house.told(4), ["m firing"]);
    house.reads("m", Verdict::Clear);
    let late = house.tick(9);
    assert_eq!((late[1].time, alert(&late[1]).message.as_str()), (at(4), "r resolved after 3s"));
}
