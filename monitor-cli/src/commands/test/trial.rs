//! One test: its inputs in the order of time, the rules at their ticks, and what was not as expected.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use monitor_core::alerting::Phase;
use monitor_core::config::Config;
use monitor_core::pipeline::{Builder, Trial};
use monitor_core::read::{LineParser, Lines, Next, open_recording};
use monitor_core::sample::Labels;
use monitor_core::time::format_duration;
use monitor_core::{Alert, Body, Event, Metadata, Metric, Text, Timestamp, Zone};
use serde::Serialize;

use super::file::{Expect, Test, Told, labels};
use crate::exit::Failure;

/// When a test begins that does not say.
const START: Timestamp = Timestamp::from_secs(1_767_225_600);
/// A test of more evaluations than this is a mistake.
const MOST_TICKS: u128 = 1_000_000;

/// What was not as expected.
#[derive(Debug, Serialize)]
pub(super) struct Miss {
    /// When, from the start of the test.
    pub(super) at: String,
    /// The same as a time.
    pub(super) time: Timestamp,
    pub(super) rule: Text,
    pub(super) labels: Labels,
    pub(super) expected: String,
    pub(super) found: String,
}

/// A message that went out.
struct Sent {
    time: Timestamp,
    group: Labels,
    alert: Box<Alert>,
    taken: bool,
}

/// A test while it runs.
struct Running<'t> {
    test: &'t Test,
    start: Timestamp,
    /// The labels that each rule is grouped by.
    by: HashMap<Text, Vec<Text>>,
    sent: Vec<Sent>,
    misses: Vec<Miss>,
}

/// Runs a test over rules that have seen nothing: what was not as expected, and which rules look as if they could never hold.
pub(super) fn run(test: &Test, config: Config, base: &Path) -> Result<(Vec<Miss>, Vec<String>), Failure> {
    let interval = test.interval.as_ref().map_or(config.settings.metrics_interval.0, |interval| interval.0);
    let (start, events) = inputs(test, interval, base, &config.settings.timezone.0)?;
    let named = test.expect.iter().map(|expect| &expect.at);
    let named = named.chain(test.messages.iter().flatten().map(|message| &message.at)).map(|at| start.plus(at.0)).max();
    let first = ceil(start, interval);
    let end = named.into_iter().chain(events.last().map(|event| ceil(event.time, interval))).max().unwrap_or(first);
    if end.since(first).as_nanos() / interval.as_nanos() > MOST_TICKS {
        let length = format_duration(end.since(first));
        let name = test.name.get_ref();
        let error = format!("run test `{name}`: it lasts {length}, which is more than {MOST_TICKS} evaluations");
        return Err(Failure::Run(vec![format!("{error}; set `interval` or `start`")]));
    }
    let by = config.rules.iter().map(|rule| (rule.name.clone(), rule.settings.by.clone())).collect();
    let mut trial = Builder::for_replay(config)?.trial();
    let mut running = Running { test, start, by, sent: Vec::new(), misses: Vec::new() };
    let mut expects: Vec<&Expect> = test.expect.iter().collect();
    expects.sort_by_key(|expect| expect.at.0);
    let (mut expects, mut events) = (expects.into_iter().peekable(), events.iter().peekable());
    let mut tick = first;
    while tick <= end {
        while let Some(expect) = expects.next_if(|expect| start.plus(expect.at.0) < tick) {
            running.look(&trial, expect);
        }
        while let Some(event) = events.next_if(|event| event.time <= tick) {
            trial.record(event);
        }
        running.tick(&mut trial, tick);
        tick = tick.plus(interval);
    }
    expects.for_each(|expect| running.look(&trial, expect));
    running.messages();
    let mut misses = running.misses;
    misses.sort_by_key(|miss| miss.time);
    Ok((misses, trial.doubts()))
}

/// When the test begins, and its events in the order of time.
fn inputs(test: &Test, interval: Duration, base: &Path, zone: &Zone) -> Result<(Timestamp, Vec<Event>), Failure> {
    let mut events = Vec::new();
    for file in test.input.iter().filter_map(|input| input.file.as_ref()) {
        read(&base.join(file.get_ref()), zone, test.start.unwrap_or(START), &mut events)?;
    }
    let first = events.iter().map(|event| event.time.floor(interval)).min();
    let start = test.start.or(first).unwrap_or(START);
    for input in &test.input {
        let Some((name, values)) = input.series() else { continue };
        let every = input.every.as_ref().map_or(interval, |every| every.0);
        let mut metadata = Metadata::new();
        input.labels.iter().for_each(|(name, value)| metadata.insert(name.as_str(), value.as_str()));
        let event = |(at, value): (usize, Option<f64>)| {
            let metric = Metric::with_metadata(name.clone(), value?, metadata.clone());
            Some(Event::new(start.plus(every.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX))), metric))
        };
        events.extend(values.into_iter().enumerate().filter_map(event));
    }
    events.sort_by_key(|event| event.time);
    Ok((start, events))
}

fn read(path: &Path, zone: &Zone, arrival: Timestamp, events: &mut Vec<Event>) -> Result<(), Failure> {
    let failed = |error: String| Failure::Run(vec![format!("read the input of a test: {error}")]);
    let mut lines = Lines::new(open_recording(path).map_err(|error| failed(error.to_string()))?);
    let mut parser = LineParser::new(zone.clone());
    for number in 1.. {
        let at = |error: String| failed(format!("`{}`, line {number}: {error}", path.display()));
        match lines.next(true).map_err(|error| at(error.to_string()))? {
            Next::Line(line) => events.extend(parser.parse(line, arrival).map_err(|refusal| at(refusal.to_string()))?),
            Next::TooLong(_) => return Err(at("it is too long".to_owned())),
            Next::End => break,
        }
    }
    Ok(())
}

impl Running<'_> {
    fn tick(&mut self, trial: &mut Trial, tick: Timestamp) {
        for event in trial.tick(tick) {
            let Body::Alert(alert) = event.body else { continue };
            let group = self.by.get(&alert.name).map_or(Labels::NONE, |by| alert.labels.only(by));
            self.sent.push(Sent { time: event.time, group, alert, taken: false });
        }
    }

    /// Whether a rule stands as expected, as of the last tick.
    fn look(&mut self, trial: &Trial, expect: &Expect) {
        let (rule, group) = (expect.rule.get_ref(), labels(&expect.labels));
        let standing = trial.standing().into_iter().find(|one| one.rule == *rule && one.labels == group);
        let phase = standing.as_ref().map_or(Phase::Inactive, |standing| standing.phase);
        let level = standing.as_ref().filter(|_| phase != Phase::Inactive).and_then(|standing| standing.level);
        let last = self.sent.iter().rfind(|sent| sent.alert.name == *rule && sent.group == group);
        let told = last.map(|sent| sent.alert.message.as_str());
        let as_expected = phase == expect.state
            && expect.level.is_none_or(|expected| level == Some(expected))
            && expect.message.as_deref().is_none_or(|expected| told == Some(expected));
        if !as_expected {
            let expected =
                words(phase_word(expect.state), expect.level.map(|level| level.to_string()), expect.message.as_deref());
            let level = level.map(|level| level.to_string());
            let mut found =
                words(phase_word(phase), level, expect.message.is_some().then_some(told.unwrap_or("nothing")));
            if let Some(standing) = standing.filter(|_| phase != Phase::Inactive) {
                found.push_str(&format!(", held since {}", self.offset(standing.since)));
                found.push_str(&standing.value.map_or_else(String::new, |value| format!(", value {value}")));
            }
            self.miss(self.start.plus(expect.at.0), rule.clone(), group, expected, found);
        }
    }

    /// Whether the messages that went out are those that were expected.
    fn messages(&mut self) {
        let Some(expected) = &self.test.messages else { return };
        let mut missing = Vec::new();
        for message in expected {
            let (time, group) = (self.start.plus(message.at.0), labels(&message.labels));
            let found = self.sent.iter_mut().find(|sent| !sent.taken && sent.is(message, time, &group));
            match found {
                Some(sent) => sent.taken = true,
                None => missing.push((message, time, group)),
            }
        }
        for (message, time, group) in missing {
            let rule = message.rule.get_ref();
            let level = message.level.map(|level| level.to_string());
            let expected = format!("the message {}", words(message.state.as_str(), level, message.message.as_deref()));
            // One of the same rule and time is what it was instead.
            let instead =
                |sent: &&mut Sent| !sent.taken && sent.time == time && sent.alert.name == *rule && sent.group == group;
            let found = self.sent.iter_mut().find(instead).map_or_else(
                || "none".to_owned(),
                |sent| {
                    sent.taken = true;
                    sent.words()
                },
            );
            self.miss(time, rule.clone(), group, expected, found);
        }
        for sent in std::mem::take(&mut self.sent).into_iter().filter(|sent| !sent.taken) {
            let found = format!("the message {}", sent.words());
            self.miss(sent.time, sent.alert.name.clone(), sent.group, "no message".to_owned(), found);
        }
    }

    fn miss(&mut self, time: Timestamp, rule: Text, labels: Labels, expected: String, found: String) {
        self.misses.push(Miss { at: self.offset(time), time, rule, labels, expected, found });
    }

    fn offset(&self, time: Timestamp) -> String {
        format_duration(time.since(self.start))
    }
}

impl Sent {
    fn is(&self, message: &Told, time: Timestamp, group: &Labels) -> bool {
        let alert = &self.alert;
        self.time == time
            && alert.name == *message.rule.get_ref()
            && self.group == *group
            && alert.state == message.state
            && message.level.is_none_or(|level| alert.level == level)
            && message.message.as_ref().is_none_or(|text| alert.message == *text)
    }

    fn words(&self) -> String {
        words(self.alert.state.as_str(), Some(self.alert.level.to_string()), Some(&self.alert.message))
    }
}

/// `firing [error], told “…”`.
fn words(state: &str, level: Option<String>, message: Option<&str>) -> String {
    let level = level.map_or_else(String::new, |level| format!(" [{level}]"));
    let message = message.map_or_else(String::new, |message| format!(", told “{message}”"));
    format!("{state}{level}{message}")
}

const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Inactive => "inactive",
        Phase::Pending => "pending",
        Phase::Firing => "firing",
    }
}

/// The first whole interval at or after a moment.
fn ceil(moment: Timestamp, interval: Duration) -> Timestamp {
    let floor = moment.floor(interval);
    if floor == moment { floor } else { floor.plus(interval) }
}
