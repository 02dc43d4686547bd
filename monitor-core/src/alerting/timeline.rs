//! From the alerts of a run back to what happened: when each rule fired, for how long, and how many messages that was.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::event::{Alert, AlertState, Body, Event, Level};
use crate::sample::Labels;
use crate::{Text, Timestamp};

/// A rule that fired for a group, from the first message to the one that says that it is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// The rule.
    pub rule: Text,
    /// The group, and what the rule adds.
    pub labels: Labels,
    /// How grave it was at most.
    pub level: Level,
    /// Since when the condition had held.
    pub since: Timestamp,
    /// When people were told first.
    pub fired: Timestamp,
    /// When they were told that it is over; none if it fires still.
    pub until: Option<Timestamp>,
    /// How many messages they got: that it fires, that it has become graver, reminders, that it is over.
    pub messages: u64,
    /// The number that was compared when they were told first.
    pub value: Option<f64>,
}

impl Incident {
    /// How long it fired; what fires still did until `end`.
    pub fn lasted(&self, end: Timestamp) -> Duration {
        self.until.unwrap_or(end).since(self.fired)
    }

    fn of(alert: &Alert, fired: Timestamp) -> Self {
        Self {
            rule: alert.name.clone(),
            labels: alert.labels.clone(),
            level: alert.level,
            since: alert.since,
            fired,
            until: None,
            messages: 0,
            value: alert.value,
        }
    }
}

/// The incidents that the alerts among these events tell of, in the order in which they began. The events are in the order
/// of time, as those of a [`Summary`](crate::pipeline::Summary) are. What ends and was not seen to begin began when its
/// condition did.
pub fn incidents(events: &[Event]) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = Vec::new();
    // Of each rule and group the last one.
    let mut last: HashMap<(&Text, &Labels), usize> = HashMap::new();
    for event in events {
        let Body::Alert(alert) = &event.body else { continue };
        let known = last.get(&(&alert.name, &alert.labels)).copied();
        let open = known.filter(|at| incidents[*at].until.is_none() && incidents[*at].since == alert.since);
        let at = open.unwrap_or_else(|| {
            let fired = if alert.state == AlertState::Firing { event.time } else { alert.since };
            incidents.push(Incident::of(alert, fired));
            incidents.len() - 1
        });
        last.insert((&alert.name, &alert.labels), at);
        let incident = &mut incidents[at];
        incident.messages += 1;
        incident.level = incident.level.max(alert.level);
        if alert.state == AlertState::Resolved {
            incident.until = Some(event.time);
        }
    }
    incidents.sort_by_key(|incident| incident.fired);
    incidents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn alert(time: i64, group: &str, state: AlertState, level: Level, since: i64, repeat: u64) -> Event {
        let alert = Alert {
            name: "r".into(),
            state,
            level,
            message: Text::default(),
            labels: [("group", group)].into_iter().collect(),
            annotations: Labels::NONE,
            value: Some(time as f64),
            data: None,
            since: at(since),
            key: Text::default(),
            repeat,
            chart: None,
        };
        Event::new(at(time), alert)
    }

    /// `group fired-until level messages`.
    fn told(events: &[Event]) -> Vec<String> {
        let second = |time: Timestamp| time.as_micros() / 1_000_000;
        let line = |incident: &Incident| {
            let until = incident.until.map_or_else(String::new, |until| second(until).to_string());
            let group = incident.labels.get("group").expect("a group");
            format!("{group} {}-{until} {} {}", second(incident.fired), incident.level, incident.messages)
        };
        incidents(events).iter().map(line).collect()
    }

    #[test]
    fn messages_of_one_firing_are_one_incident() {
        use AlertState::{Firing, Resolved};
        let events = [
            alert(2, "a", Firing, Level::Warning, 1, 0),
            alert(3, "b", Firing, Level::Error, 3, 0),
            alert(4, "a", Firing, Level::Critical, 1, 0),
            alert(5, "a", Firing, Level::Critical, 1, 1),
            alert(6, "a", Resolved, Level::Critical, 1, 0),
            alert(7, "a", Firing, Level::Warning, 7, 0),
        ];
        assert_eq!(told(&events), ["a 2-6 critical 4", "b 3- error 1", "a 7- warning 1"]);
        let first = &incidents(&events)[0];
        assert_eq!((first.since, first.value, first.lasted(at(9))), (at(1), Some(2.0), Duration::from_secs(4)));
        assert_eq!(incidents(&events)[1].lasted(at(9)), Duration::from_secs(6));
    }

    #[test]
    fn what_is_cut_off_at_either_end() {
        use AlertState::{Firing, Resolved};
        let events = [
            alert(5, "a", Resolved, Level::Warning, 1, 0),
            alert(6, "a", Firing, Level::Warning, 6, 0),
            // The message that it was over is missing.
            alert(9, "a", Firing, Level::Warning, 9, 0),
        ];
        assert_eq!(told(&events), ["a 1-5 warning 1", "a 6- warning 1", "a 9- warning 1"]);
        assert_eq!(incidents(&[Event::new(at(1), crate::event::Metric::new("m", 1.0))]), []);
    }
}
