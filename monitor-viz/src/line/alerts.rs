//! When rules fired, as stretches of time behind the lines.

use monitor_core::Text;
use monitor_core::pipeline::ALERT_FIRING;
use monitor_core::store::{Selector, Store, Window};

use crate::draw::{Color, Shade};

/// The stretches in which the rules fired; of all rules for `*`. What still fires does so to the end.
pub(super) fn shades(rules: &[Text], store: &Store, span: Window) -> Vec<Shade> {
    if rules.is_empty() {
        return Vec::new();
    }
    let all = Selector::metric(ALERT_FIRING.name);
    let known = store.stats_by(&all, Window::ALL, &[Text::new_static("rule")]).unwrap_or_default();
    let names = known.iter().filter_map(|group| group.labels.get("rule"));
    let (first, last) = (span.start.as_micros(), span.end.as_micros());
    let mut shades = Vec::new();
    for rule in names.filter(|name| rules.iter().any(|rule| rule == "*" || rule == *name)) {
        let changes = store.points(&all.clone().with("rule", rule.clone()), Window::ALL).unwrap_or_default();
        let mut since = None;
        let mut add = |from: i64, to: i64| {
            if to >= first && from <= last {
                let (from, to) = (from.max(first), to.min(last));
                shades.push(Shade { label: rule.to_string(), color: Color::alarm(), from, to });
            }
        };
        for (time, groups) in changes {
            match since {
                None if groups > 0.0 => since = Some(time.as_micros()),
                Some(from) if groups <= 0.0 => {
                    add(from, time.as_micros());
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(from) = since {
            add(from, i64::MAX);
        }
    }
    shades.sort_by(|a, b| (a.from, &a.label).cmp(&(b.from, &b.label)));
    shades
}
