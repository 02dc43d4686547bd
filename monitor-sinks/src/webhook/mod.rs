//! `webhook`: posts each alert to a URL, in the shape that a chat expects, or in one's own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Invalid, Item, Sink, SinkConfig, SinkDefinition, Validate,
};
use monitor_core::config::{DurationText, Secret};
use monitor_core::event::{Alert, AlertState, Body, KindSet};
use monitor_core::template::Template;
use monitor_core::{Event, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::post::{self, Address, Posted, Poster, ten_seconds};

/// The definition of `type = "webhook"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "webhook",
    "posts each alert to a URL, as Slack, Discord or Teams expect it, or in a shape of one's own",
    include_str!("sample.toml"),
);

/// The keys of a `webhook` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to: a URL, or where it is to be found, as it may be a secret.
    pub url: Secret,
    /// Whose shape the body has.
    #[serde(default)]
    pub preset: Preset,
    /// Rather than a preset: a template of the body, which is JSON once its places are filled in.
    #[serde(default)]
    pub template: Option<String>,
    /// Sent as `Authorization: Bearer …`.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How long a request may take; then the alert is sent again.
    #[serde(default = "ten_seconds")]
    pub limit: DurationText,
}

/// Whose shape a body has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// The alert as it stands in `events.jsonl`.
    #[default]
    Generic,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A workflow of Microsoft Teams.
    Teams,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        post::check(&self.url, self.headers.keys())?;
        let Some(template) = &self.template else { return Ok(()) };
        let wrong = |error: String| Invalid::key("template", error);
        if self.preset != Preset::Generic {
            return Err(Invalid::key("template", "cannot stand beside `preset`: keep one of the two"));
        }
        let sample = values(&Event::new(monitor_core::Timestamp::MIN, sample_alert()), &sample_alert());
        let template = Template::with_values(template, &sample).map_err(|error| wrong(error.to_string()))?;
        let body = template.render(&sample).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str::<Value>(&body)
            .map_err(|error| wrong(format!("gives no JSON: {error}; write texts as {{{{ message | json }}}}")))?;
        Ok(())
    }
}

impl SinkConfig for Config {
    fn accepts(&self) -> KindSet {
        KindSet::of(&[Kind::Alert])
    }

    fn contents(&self) -> &'static [Content] {
        &[Content::Events]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let address = Address {
            url: &self.url,
            bearer: self.bearer.as_ref(),
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            limit: self.limit.0,
            gzip: false,
        };
        let poster = Poster::new(&address, &context.dirs, context.clock.clone())?;
        let sample = values(&Event::new(monitor_core::Timestamp::MIN, sample_alert()), &sample_alert());
        let template = self.template.as_ref().map(|template| Template::with_values(template, &sample)).transpose()?;
        Ok(Box::new(WebhookSink { poster, preset: self.preset, template }))
    }
}

struct WebhookSink {
    poster: Poster,
    preset: Preset,
    template: Option<Template>,
}

impl Sink for WebhookSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        let mut refused: Option<(Vec<usize>, BoxError)> = None;
        for (at, item) in delivery.items().iter().enumerate() {
            let posted = match self.body(*item) {
                Ok(body) => self.poster.post("application/json", body.as_bytes()),
                Err(error) => Posted::Refused(error),
            };
            match posted {
                Posted::Taken => {}
                Posted::Refused(error) => refused.get_or_insert_with(|| (Vec::new(), error)).0.push(at),
                Posted::Later { after, error } => {
                    // What comes before one that was refused is done with, and that one is found out again.
                    let accepted = refused.map_or(at, |(indices, _)| indices[0]);
                    return Answer::Retry { accepted, after, error };
                }
            }
        }
        match refused {
            None => Answer::Ok,
            Some((indices, error)) => Answer::Rejected { indices, error },
        }
    }
}

impl WebhookSink {
    fn body(&self, item: Item<'_>) -> Result<String, BoxError> {
        let event = item.event();
        let Body::Alert(alert) = &event.body else { return Ok(serde_json::to_string(event)?) };
        if let Some(template) = &self.template {
            let body = template.render(&values(event, alert))?;
            serde_json::from_str::<Value>(&body).map_err(|error| format!("the template gives no JSON: {error}"))?;
            return Ok(body);
        }
        Ok(match self.preset {
            Preset::Generic => serde_json::to_string(event)?,
            Preset::Slack => slack(alert).to_string(),
            Preset::Discord => discord(alert).to_string(),
            Preset::Teams => teams(alert).to_string(),
        })
    }
}

/// What a template knows.
fn values(event: &Event, alert: &Alert) -> Map<String, Value> {
    let mut values = match serde_json::to_value(event) {
        Ok(Value::Object(values)) => values,
        other => unreachable!("an event is an object, not {other:?}"),
    };
    values.insert("firing".to_owned(), (alert.state == AlertState::Firing).into());
    for optional in ["value", "data"] {
        values.entry(optional).or_insert(Value::Null);
    }
    values.entry("labels").or_insert_with(|| json!({}));
    values
}

fn sample_alert() -> Alert {
    Alert {
        name: "rule".into(),
        state: AlertState::Firing,
        level: monitor_core::event::Level::Warning,
        message: "a \"message\"".into(),
        labels: monitor_core::sample::Labels::NONE,
        annotations: monitor_core::sample::Labels::NONE,
        value: Some(1.0),
        data: None,
        since: monitor_core::Timestamp::MIN,
        key: "key".into(),
        repeat: 0,
        chart: None,
    }
}

/// As people read it first.
fn title(alert: &Alert) -> String {
    match alert.state {
        AlertState::Firing => format!("{} [{}]", alert.name, alert.level),
        AlertState::Resolved => format!("{} resolved", alert.name),
    }
}

fn sign(alert: &Alert) -> &'static str {
    match alert.state {
        AlertState::Firing => "\u{1f534}",
        AlertState::Resolved => "\u{1f7e2}",
    }
}

/// <https://api.slack.com/reference/surfaces/formatting#escaping>
fn slack(alert: &Alert) -> Value {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": format!("{} *{}*\n{}", sign(alert), escaped(&title(alert)), escaped(&alert.message)) })
}

/// A message has 2,000 characters at most; and nobody is called by what an alert says.
fn discord(alert: &Alert) -> Value {
    let content: String =
        format!("{} **{}**\n{}", sign(alert), title(alert), alert.message).chars().take(2_000).collect();
    json!({ "content": content, "allowed_mentions": { "parse": [] } })
}

fn teams(alert: &Alert) -> Value {
    let facts: Vec<Value> =
        alert.labels.iter().map(|(name, value)| json!({ "title": name.as_str(), "value": value.as_str() })).collect();
    let color = if alert.state == AlertState::Firing { "attention" } else { "good" };
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    { "type": "TextBlock", "weight": "bolder", "color": color, "wrap": true, "text": title(alert) },
                    { "type": "TextBlock", "wrap": true, "text": alert.message.as_str() },
                    { "type": "FactSet", "facts": facts },
                ],
            },
        }],
    })
}
