//! Alerts as messages of chats: in their markup, with that in names and values escaped, and no longer than they may be.

use monitor_core::event::{Alert, AlertState};
use serde_json::{Value, json};

use crate::words::{cut, gravest_first, is_link, one_line, sign, title};

/// So many characters of a message, of the labels and of an annotation are shown, where there is room; else the next number.
const LONGEST: [usize; 3] = [1_000, 250, 60];
/// So many annotations are shown.
const ANNOTATIONS: usize = 5;
/// In a message of 4,000 characters, the most that Slack recommends, beside the last line.
const SLACK: usize = 3_900;
/// In a message of 2,000 characters, the most that Discord takes, beside the last line.
const DISCORD: usize = 1_900;
/// In a message of 28 KB, the most that Teams takes, beside what is around.
const TEAMS: usize = 24_000;

/// <https://api.slack.com/reference/surfaces/formatting#escaping>
pub(super) fn slack(alerts: &[&Alert]) -> Value {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let link = |name: &str, address: &str| format!("<{}|{}>", escape(address), escape(name));
    json!({ "text": text(alerts, SLACK, &Markup { bold: "*", escape: &escape, link: &link }) })
}

/// Nobody is called by what an alert says.
/// <https://support.discord.com/hc/articles/210298617>
pub(super) fn discord(alerts: &[&Alert]) -> Value {
    let escape = |text: &str| {
        let escaped = |c: char| ["\\*_~`|>#-[]()<".contains(c).then_some('\\'), Some(c)];
        text.chars().flat_map(escaped).flatten().collect()
    };
    let link = |name: &str, address: &str| format!("{}: <{address}>", escape(name));
    let content = text(alerts, DISCORD, &Markup { bold: "**", escape: &escape, link: &link });
    json!({ "content": content, "allowed_mentions": { "parse": [] } })
}

/// An Adaptive Card. In a `TextRun` there is no markup, so nothing need be escaped.
/// <https://adaptivecards.io/explorer/TextRun.html>
pub(super) fn teams(alerts: &[&Alert]) -> Value {
    let (parts, more) =
        fitted(alerts, TEAMS, teams_part, |part| part.iter().map(|block| block.to_string().len() + 1).sum());
    let mut body: Vec<Value> = parts.into_iter().flatten().collect();
    if more > 0 {
        body.push(runs(&[json!({ "type": "TextRun", "text": and_more(more) })]));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

fn runs(inlines: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn teams_part(alert: &Alert, longest: usize) -> Vec<Value> {
    let color = if alert.state == AlertState::Firing { "attention" } else { "good" };
    let title = format!("{} {}", sign(alert), cut(&title(alert), longest));
    let run = |text: &str| json!({ "type": "TextRun", "text": text });
    let mut blocks = vec![
        runs(&[json!({ "type": "TextRun", "weight": "bolder", "color": color, "text": title })]),
        runs(&[run(&cut(&alert.message, longest))]),
    ];
    if !alert.labels.is_empty() {
        blocks.push(runs(&[run(&labels(alert, longest))]));
    }
    for (name, value, link) in annotations(alert, longest) {
        let mut shown = run(&value);
        if link {
            shown["selectAction"] = json!({ "type": "Action.OpenUrl", "url": value });
        }
        blocks.push(runs(&[run(&format!("{name}: ")), shown]));
    }
    blocks
}

/// How a chat writes what it is told.
struct Markup<'a> {
    /// Stands around what is bold.
    bold: &'static str,
    escape: &'a dyn Fn(&str) -> String,
    /// Of a name and an address.
    link: &'a dyn Fn(&str, &str) -> String,
}

fn text(alerts: &[&Alert], limit: usize, markup: &Markup<'_>) -> String {
    // As the most sparing of them count.
    let (mut parts, more) =
        fitted(alerts, limit, |alert, longest| markup.part(alert, longest), |part| part.encode_utf16().count() + 2);
    if more > 0 {
        parts.push(and_more(more));
    }
    parts.join("\n\n")
}

impl Markup<'_> {
    fn part(&self, alert: &Alert, longest: usize) -> String {
        let Self { bold, escape, link } = self;
        let mut part = format!("{} {bold}{}{bold}\n", sign(alert), escape(&cut(&title(alert), longest)));
        part.push_str(&escape(&cut(&alert.message, longest)));
        if !alert.labels.is_empty() {
            part.push_str(&format!("\n{}", escape(&labels(alert, longest))));
        }
        for (name, value, is_link) in annotations(alert, longest) {
            let shown = if is_link { link(&name, &value) } else { format!("{}: {}", escape(&name), escape(&value)) };
            part.push_str(&format!("\n{shown}"));
        }
        part
    }
}

fn labels(alert: &Alert, longest: usize) -> String {
    let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    cut(&one_line(&labels.join(", ")), longest).into_owned()
}

/// Names, values, and whether these are links: one that was cut would lead elsewhere.
fn annotations(alert: &Alert, longest: usize) -> impl Iterator<Item = (String, String, bool)> {
    alert.annotations.iter().take(ANNOTATIONS).map(move |(name, value)| {
        let shown = cut(value, longest);
        let link = is_link(&shown) && shown == value.as_str();
        (cut(&one_line(name), longest / 2).into_owned(), shown.into_owned(), link)
    })
}

/// The parts of a message, the gravest first and each as long as there is room for all; and how many there is no room for.
fn fitted<T>(
    alerts: &[&Alert],
    limit: usize,
    part: impl Fn(&Alert, usize) -> T,
    size: impl Fn(&T) -> usize,
) -> (Vec<T>, usize) {
    let alerts = gravest_first(alerts.to_vec(), |alert| alert.level);
    let mut fitting = Vec::new();
    for longest in LONGEST {
        fitting.clear();
        let mut room = limit;
        for alert in &alerts {
            let part = part(alert, longest);
            let Some(left) = room.checked_sub(size(&part)) else { break };
            room = left;
            fitting.push(part);
        }
        if fitting.len() == alerts.len() {
            break;
        }
    }
    let more = alerts.len() - fitting.len();
    (fitting, more)
}

fn and_more(more: usize) -> String {
    format!("and {more} more")
}
