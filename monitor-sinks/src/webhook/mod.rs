//! `webhook`: posts alerts to a URL: to a chat as a message, or each by itself in a shape of one's own.

mod chat;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Invalid, Item, Sink, SinkConfig, SinkDefinition, Validate,
};
use monitor_core::config::{DurationText, Secret};
use monitor_core::event::{Alert, AlertState, KindSet};
use monitor_core::template::Template;
use monitor_core::{Event, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::post::{self, Address, Posted, Poster, ten_seconds};
use crate::words;

/// The definition of `type = "webhook"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "webhook",
    "posts alerts to a URL, as Slack, Discord or Teams expect them, or in a shape of one's own",
    include_str!("sample.toml"),
);

/// The keys of a `webhook` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to: a URL, or where it is to be found, as it may be a secret.
    pub url: Secret,
    /// Whose shape the body has. To a chat, alerts that come together are one message.
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
        let body = template.try_out(&sample).map_err(|error| wrong(error.to_string()))?;
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
            path: "",
            bearer: self.bearer.as_ref(),
            basic: None,
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
        let together =
            |a: &Item<'_>, b: &Item<'_>| self.chat().is_some() && [a, b].iter().all(|item| item.kind() == Kind::Alert);
        post::post_all(delivery.items().chunk_by(together), |items| match self.body(items) {
            Ok(body) => self.poster.post("application/json", body.as_bytes()),
            Err(error) => Posted::Refused(error),
        })
    }
}

impl WebhookSink {
    /// What makes a message of several alerts.
    fn chat(&self) -> Option<fn(&[&Alert]) -> Value> {
        match self.preset {
            Preset::Generic => None,
            Preset::Slack => Some(chat::slack),
            Preset::Discord => Some(chat::discord),
            Preset::Teams => Some(chat::teams),
        }
    }

    /// Of one event, or of alerts for a chat.
    fn body(&self, items: &[Item<'_>]) -> Result<String, BoxError> {
        let alerts: Vec<&Alert> = items.iter().filter_map(|item| words::alert(*item)).collect();
        if let (Some(message), [_, ..]) = (self.chat(), &alerts[..]) {
            return Ok(message(&alerts).to_string());
        }
        let event = items.first().ok_or("there is no event")?.event();
        if let (Some(template), [alert]) = (&self.template, &alerts[..]) {
            let body = template.render(&values(event, alert))?;
            serde_json::from_str::<Value>(&body).map_err(|error| format!("the template gives no JSON: {error}"))?;
            return Ok(body);
        }
        Ok(serde_json::to_string(event)?)
    }
}

/// What a template knows.
fn values(event: &Event, alert: &Alert) -> Map<String, Value> {
    let mut values = match serde_json::to_value(event) {
        Ok(Value::Object(values)) => values,
        other => unreachable!("an event is an object, not {other:?}"),
    };
    values.insert("firing".to_owned(), (alert.state == AlertState::Firing).into());
    values.entry("annotations").or_insert_with(|| json!({}));
    values.entry("repeat").or_insert(0.into());
    values.entry("chart").or_insert(Value::Null);
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
