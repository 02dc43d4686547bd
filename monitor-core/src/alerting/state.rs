//! The state of a rule for one group: inactive, pending, firing.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::component::{Reading, Verdict};
use crate::config::NoData;
use crate::event::{AlertState, Level};

/// When a state may change.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long the condition must hold before the rule fires.
    pub hold: Duration,
    /// How long it goes on firing after the condition has ceased to hold.
    pub keep_firing_for: Duration,
    /// Once it fires, it ceases only when the value is above this.
    pub recover_above: Option<f64>,
    /// Once it fires, it ceases only when the value is below this.
    pub recover_below: Option<f64>,
    /// What no data means.
    pub no_data: NoData,
}

/// Where a rule stands for one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The condition does not hold.
    #[default]
    Inactive,
    /// It holds, but not for long enough.
    Pending,
    /// It holds, and has for long enough.
    Firing,
}

/// The state of a rule for one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    phase: Phase,
    since: Timestamp,
    /// While it fires: since when the condition has not held.
    clear_since: Option<Timestamp>,
    /// How grave it has been at most, where readings have said so.
    level: Option<Level>,
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it changed to.
    pub state: AlertState,
    /// Since when the condition has held, or had held.
    pub since: Timestamp,
}

impl State {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Since when the condition has held.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// How grave it has been at most since it began to hold, where readings have said so. It only rises: what has been critical
    /// stays so until it is over, or whoever is called would be told of every wave.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// Takes a reading at `now` into account.
    pub fn step(&mut self, policy: &Policy, reading: &Reading, now: Timestamp) -> Option<Change> {
        match (reading.verdict, policy.no_data) {
            (Verdict::NoData, NoData::Keep) => None,
            (Verdict::Breached, _) | (Verdict::NoData, NoData::Alert) => self.breached(policy, reading.level, now),
            (Verdict::Clear, _) if self.phase == Phase::Firing && !recovered(policy, reading.value) => {
                self.clear_since = None;
                None
            }
            (Verdict::Clear | Verdict::NoData, _) => self.clear(policy, now),
        }
    }

    fn breached(&mut self, policy: &Policy, level: Option<Level>, now: Timestamp) -> Option<Change> {
        self.clear_since = None;
        if self.phase == Phase::Inactive {
            *self = Self { phase: Phase::Pending, since: now, ..Self::default() };
        }
        self.level = self.level.max(level);
        if self.phase == Phase::Pending && now.since(self.since) >= policy.hold {
            self.phase = Phase::Firing;
            return Some(Change { state: AlertState::Firing, since: self.since });
        }
        None
    }

    fn clear(&mut self, policy: &Policy, now: Timestamp) -> Option<Change> {
        if self.phase != Phase::Firing {
            *self = Self::default();
            return None;
        }
        let clear_since = *self.clear_since.get_or_insert(now);
        if now.since(clear_since) < policy.keep_firing_for {
            return None;
        }
        let since = self.since;
        *self = Self::default();
        Some(Change { state: AlertState::Resolved, since })
    }
}

fn recovered(policy: &Policy, value: Option<f64>) -> bool {
    value.is_none_or(|value| {
        policy.recover_above.is_none_or(|limit| value > limit) && policy.recover_below.is_none_or(|limit| value < limit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Labels;

    fn policy() -> Policy {
        Policy {
            hold: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            recover_above: None,
            recover_below: None,
            no_data: NoData::Ok,
        }
    }

    /// Steps a second apart: `#` breached, `.` clear, `?` no data. Gives back `F` and `R` where it changed.
    fn run(policy: &Policy, readings: &str, values: &[f64]) -> String {
        let mut state = State::default();
        readings
            .chars()
            .enumerate()
            .map(|(at, reading)| {
                let verdict = match reading {
                    '#' => Verdict::Breached,
                    '.' => Verdict::Clear,
                    _ => Verdict::NoData,
                };
                let value = values.get(at).copied();
                let reading = Reading { value, ..Reading::new(Labels::NONE, verdict) };
                match state.step(policy, &reading, Timestamp::from_secs(at as i64)) {
                    Some(Change { state: AlertState::Firing, .. }) => 'F',
                    Some(Change { state: AlertState::Resolved, .. }) => 'R',
                    None => '-',
                }
            })
            .collect()
    }

    #[test]
    fn one_alert_a_change() {
        assert_eq!(run(&policy(), ".##..#?#", &[]), "-F-R-FRF");
    }

    #[test]
    fn a_condition_must_hold() {
        let policy = Policy { hold: Duration::from_secs(2), ..policy() };
        assert_eq!(run(&policy, "##.###..", &[]), "-----FR-");
        assert_eq!(run(&policy, "##?###", &[]), "-----F");
    }

    #[test]
    fn a_short_recovery_is_none() {
        let policy = Policy { keep_firing_for: Duration::from_secs(2), ..policy() };
        assert_eq!(run(&policy, "#..#....", &[]), "F-----R-");
    }

    #[test]
    fn recovery_has_a_threshold_of_its_own() {
        let below = Policy { recover_below: Some(0.1), ..policy() };
        assert_eq!(run(&below, "#..#..", &[0.3, 0.2, 0.15, 0.3, 0.15, 0.05]), "F----R");
        let above = Policy { recover_above: Some(0.9), ..policy() };
        assert_eq!(run(&above, "#..", &[0.7, 0.85, 0.95]), "F-R");
    }

    #[test]
    fn no_data_may_keep_what_was() {
        let policy = Policy { no_data: NoData::Keep, hold: Duration::from_secs(2), ..policy() };
        assert_eq!(run(&policy, "#?#??.", &[]), "--F--R");
    }

    #[test]
    fn no_data_may_be_what_people_are_told_of() {
        let policy = Policy { no_data: NoData::Alert, hold: Duration::from_secs(1), ..policy() };
        assert_eq!(run(&policy, "??.?#..", &[]), "-FR-FR-");
    }

    #[test]
    fn a_level_only_rises_until_it_is_over() {
        let mut state = State::default();
        let mut step = |level: Option<Level>, verdict, second| {
            let reading = Reading { level, ..Reading::new(Labels::NONE, verdict) };
            state.step(&policy(), &reading, Timestamp::from_secs(second));
            state.level()
        };
        assert_eq!(step(None, Verdict::Breached, 0), None);
        assert_eq!(step(Some(Level::Critical), Verdict::Breached, 1), Some(Level::Critical));
        assert_eq!(step(None, Verdict::Breached, 2), Some(Level::Critical));
        assert_eq!(step(None, Verdict::Clear, 3), None);
        assert_eq!(step(None, Verdict::Breached, 4), None);
    }

    #[test]
    fn since_tells_when_the_condition_began() {
        let policy = Policy { hold: Duration::from_secs(2), ..policy() };
        let mut state = State::default();
        for second in 0..2 {
            assert_eq!(
                state.step(&policy, &Reading::new(Labels::NONE, Verdict::Breached), Timestamp::from_secs(second)),
                None
            );
            assert_eq!(state.phase(), Phase::Pending);
        }
        let change = state.step(&policy, &Reading::new(Labels::NONE, Verdict::Breached), Timestamp::from_secs(2));
        assert_eq!(change, Some(Change { state: AlertState::Firing, since: Timestamp::from_secs(0) }));
        let change = state.step(&policy, &Reading::new(Labels::NONE, Verdict::Clear), Timestamp::from_secs(9));
        assert_eq!(change, Some(Change { state: AlertState::Resolved, since: Timestamp::from_secs(0) }));
    }
}
