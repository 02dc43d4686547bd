//! Two sets of rules over one recording: what a change of the rules changes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use monitor_core::alerting::Incident;
use monitor_core::sample::Labels;
use monitor_core::store::Window;
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp, Zone};
use serde::Serialize;
use serde_json::{Value, json};

use super::Replayed;
use super::chart::{Row, chart};
use super::timeline::spans;
use crate::commands::query::text::local;
use crate::summary::number;
use crate::table::{clean, columns, name};

/// An incident that there is under one set of rules only, or at other times under the other.
#[derive(Debug, PartialEq, Serialize)]
struct Difference<'a> {
    rule: &'a Text,
    labels: &'a Labels,
    /// Under the rules that are asked about.
    rules: Option<&'a Incident>,
    /// Under those that they are compared with.
    against: Option<&'a Incident>,
}

/// How often a rule fired, and so on.
#[derive(Clone, Copy, Default)]
struct Totals {
    incidents: u64,
    firing: Duration,
    messages: u64,
}

/// Both, and what differs.
pub(super) fn json(rules: &Replayed, against: &Replayed) -> Value {
    let difference = differences(&rules.summary.incidents, &against.summary.incidents);
    json!({ "rules": rules.json(), "against": against.json(), "difference": difference })
}

/// The same for people. `names` are those of the old rules and of the new ones.
pub(super) fn text(rules: &Replayed, against: &Replayed, names: &[String; 2], zone: &Zone) -> String {
    let [old_name, new_name] = names.each_ref().map(|name| clean(name));
    let mut out = format!("old: {old_name}\nnew: {new_name}\n");
    let over = Window { start: rules.over.start.min(against.over.start), end: rules.over.end.max(against.over.end) };
    let [new, old] = [rules, against].map(|replayed| totals(&replayed.summary.incidents, over.end));
    let fired: BTreeSet<&Text> = old.keys().chain(new.keys()).copied().collect();
    if fired.is_empty() {
        out.push_str("\nno rule fires, under either\n");
        return out;
    }
    let rows = fired.iter().map(|rule| {
        let [old, new] = [&old, &new].map(|totals| totals.get(rule).copied().unwrap_or_default());
        vec![
            name(rule),
            counts(old.incidents, new.incidents),
            lengths(old.firing, new.firing),
            counts(old.messages, new.messages),
        ]
    });
    let head = ["rule", "incidents", "time firing", "messages"];
    writeln!(out, "\n{}", columns(&head, |_| false, rows)).expect("memory takes it");
    let differences = differences(&rules.summary.incidents, &against.summary.incidents);
    if differences.is_empty() {
        out.push_str("\nno incident differs\n");
    } else {
        let rows = differences.iter().map(|difference| {
            let shown = |incident: Option<&Incident>| incident.map_or_else(|| "–".to_owned(), |one| span(one, zone));
            let name = name(&format!("{}{}", difference.rule, difference.labels));
            vec![name, shown(difference.against), shown(difference.rules)]
        });
        writeln!(out, "\n{}", columns(&["differs", "old", "new"], |_| false, rows)).expect("memory takes it");
    }
    let [mut new, mut old] = [rules, against].map(|replayed| spans(&replayed.summary.incidents, over.end));
    let rows = fired.iter().flat_map(|rule| {
        let row = |name: &str, which: &str, spans| Row { cells: vec![name.to_owned(), which.to_owned()], spans };
        let (old, new) = (old.remove(rule).unwrap_or_default(), new.remove(rule).unwrap_or_default());
        [row(rule, "old", old), row("", "new", new)]
    });
    write!(out, "\n{}", chart(rows.collect(), over, zone)).expect("memory takes it");
    out
}

fn totals(incidents: &[Incident], end: Timestamp) -> BTreeMap<&Text, Totals> {
    let mut totals: BTreeMap<&Text, Totals> = BTreeMap::new();
    for incident in incidents {
        let of_rule = totals.entry(&incident.rule).or_default();
        of_rule.incidents += 1;
        of_rule.firing += incident.lasted(end);
        of_rule.messages += incident.messages;
    }
    totals
}

/// Incidents of one rule and group belong together where they overlap; each belongs to one other at most. In the order in
/// which they began.
fn differences<'a>(rules: &'a [Incident], against: &'a [Incident]) -> Vec<Difference<'a>> {
    let mut left: BTreeMap<(&Text, &Labels), Vec<&Incident>> = BTreeMap::new();
    for incident in against {
        left.entry((&incident.rule, &incident.labels)).or_default().push(incident);
    }
    let mut differences = Vec::new();
    for new in rules {
        let of_group = left.entry((&new.rule, &new.labels)).or_default();
        let old = of_group.iter().position(|old| overlap(old, new)).map(|at| of_group.remove(at));
        let same = old.is_some_and(|old| (old.fired, old.until, old.level) == (new.fired, new.until, new.level));
        if !same {
            differences.push(Difference { rule: &new.rule, labels: &new.labels, rules: Some(new), against: old });
        }
    }
    differences.extend(left.into_values().flatten().map(|old| Difference {
        rule: &old.rule,
        labels: &old.labels,
        rules: None,
        against: Some(old),
    }));
    differences.sort_by_key(|difference| difference.rules.iter().chain(&difference.against).map(|one| one.fired).min());
    differences
}

fn overlap(a: &Incident, b: &Incident) -> bool {
    let until = |incident: &Incident| incident.until.unwrap_or(Timestamp::MAX);
    a.fired <= until(b) && b.fired <= until(a)
}

fn span(incident: &Incident, zone: &Zone) -> String {
    let until = match incident.until {
        Some(until) if until.to_local(zone).date() == incident.fired.to_local(zone).date() => {
            until.to_local(zone).format("%H:%M:%S").to_string()
        }
        Some(until) => local(until, zone),
        None => "still".to_owned(),
    };
    format!("{} – {until} [{}]", local(incident.fired, zone), incident.level)
}

fn counts(old: u64, new: u64) -> String {
    changed(old.cmp(&new), &number(old), &number(new), &number(old.abs_diff(new)))
}

fn lengths(old: Duration, new: Duration) -> String {
    changed(old.cmp(&new), &format_duration(old), &format_duration(new), &format_duration(old.abs_diff(new)))
}

/// `2`, `2 → 3 (+1)` or `3 → 2 (-1)`.
fn changed(ordering: Ordering, old: &str, new: &str, difference: &str) -> String {
    match ordering {
        Ordering::Equal => old.to_owned(),
        Ordering::Less => format!("{old} → {new} (+{difference})"),
        Ordering::Greater => format!("{old} → {new} (-{difference})"),
    }
}

#[cfg(test)]
mod tests {
    use monitor_core::Level;

    use super::*;

    fn incident(group: &str, fired: i64, until: Option<i64>) -> Incident {
        Incident {
            rule: "r".into(),
            labels: [("group", group)].into_iter().collect(),
            level: Level::Warning,
            since: Timestamp::from_secs(fired),
            fired: Timestamp::from_secs(fired),
            until: until.map(Timestamp::from_secs),
            messages: 1,
            value: None,
        }
    }

    #[test]
    fn what_overlaps_belongs_together() {
        let old = [incident("a", 0, Some(10)), incident("a", 20, Some(30)), incident("b", 50, None)];
        let new = [
            incident("a", 0, Some(10)),
            incident("a", 25, Some(28)),
            incident("a", 29, Some(30)),
            incident("c", 60, None),
        ];
        let found = differences(&new, &old);
        let pairs: Vec<_> = found.iter().map(|one| (one.rules, one.against)).collect();
        assert_eq!(
            pairs,
            [(Some(&new[1]), Some(&old[1])), (Some(&new[2]), None), (None, Some(&old[2])), (Some(&new[3]), None),]
        );
    }
}
