//! An alert in words, for chats and mail: what people read first, what is a link, what is too long.

use std::borrow::Cow;

use monitor_core::component::Item;
use monitor_core::event::{Alert, AlertState, Body, Level};

/// The alert that an event is.
pub(crate) fn alert(item: Item<'_>) -> Option<&Alert> {
    match &item.event().body {
        Body::Alert(alert) => Some(alert),
        _ => None,
    }
}

/// As people read it first.
pub(crate) fn title(alert: &Alert) -> String {
    let level = match alert.level {
        Level::Critical => "CRITICAL",
        level => level.as_str(),
    };
    let reminder = if alert.repeat > 0 { format!(", reminder {}", alert.repeat) } else { String::new() };
    match alert.state {
        AlertState::Firing => format!("{} [{level}]{reminder}", one_line(&alert.name)),
        AlertState::Resolved => format!("{} resolved{reminder}", one_line(&alert.name)),
    }
}

/// A name or a label on the line where it stands: it begins none of its own.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

/// What is seen before anything is read.
pub(crate) fn sign(alert: &Alert) -> &'static str {
    match (alert.state, alert.level) {
        (AlertState::Firing, Level::Critical) => "\u{1f6a8}",
        (AlertState::Firing, _) => "\u{1f534}",
        (AlertState::Resolved, _) => "\u{1f7e2}",
    }
}

/// The gravest first, and those that are equally grave in their order.
pub(crate) fn gravest_first<T>(mut alerts: Vec<T>, level: impl Fn(&T) -> Level) -> Vec<T> {
    alerts.sort_by_key(|alert| std::cmp::Reverse(level(alert)));
    alerts
}

/// Whether a text is an address that may be followed, and that nothing can end early: neither a space, nor a quotation mark, nor
/// what closes a link in a chat.
pub(crate) fn is_link(text: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`|\\".contains(c);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(ends)
}

/// At most so many characters of a text, the last one telling that there are more.
pub(crate) fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    if text.chars().nth(longest).is_none() {
        return text.into();
    }
    text.chars().take(longest.saturating_sub(1)).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_end_early_is_a_link() {
        for link in ["https://wiki/runbook?a=1&b=2#c_(d)", "http://x"] {
            assert!(is_link(link), "{link}");
        }
        for text in
            ["https://", "javascript:alert(1)", "https://x y", "https://x\">", "https://x|y", "ftp://x", "HTTPS", ""]
        {
            assert!(!is_link(text), "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("ä🦀b", 3), cut("ä🦀bc", 3)), ("ä🦀b".into(), "ä🦀…".into()));
    }
}
