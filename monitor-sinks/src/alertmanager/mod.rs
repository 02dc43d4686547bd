//! `alertmanager`: posts alerts to an Alertmanager of Prometheus, and says again what fires until it does not.
//!
//! The form is that of its API, version 2: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Invalid, Item, Resume, Resumed, Sink, SinkConfig, SinkDefinition,
    Validate,
};
use monitor_core::config::{DurationText, Secret};
use monitor_core::event::{Alert, AlertState, Body, KindSet};
use monitor_core::sample::Labels;
use monitor_core::{Clock, Kind, Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::post::{self, Address, Posted, Poster, ten_seconds};

/// The definition of `type = "alertmanager"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "alertmanager",
    "posts alerts to an Alertmanager of Prometheus, and says again what fires",
    include_str!("sample.toml"),
);

/// So many alerts are posted at once.
const AT_ONCE: usize = 1_000;
/// So many that fire are said again; of more, the rest is said once.
const MOST: usize = 10_000;

/// The keys of an `alertmanager` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is: http://host:9093, with the prefix of its routes if it has one.
    pub url: Secret,
    /// How often what fires is said again. Alertmanager takes for resolved what it has not heard of for its `resolve_timeout`,
    /// five minutes if it is told nothing else: keep well below that.
    #[serde(default = "a_minute")]
    pub refresh: DurationText,
    /// Where people find out more: the address that Alertmanager shows as the source of each alert.
    #[serde(default)]
    pub generator_url: Option<String>,
    /// Sent as `Authorization: Bearer …`.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// Who asks, with `password`, for `Authorization: Basic …`.
    #[serde(default)]
    pub user: Option<Secret>,
    /// The password of `user`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How long a request may take; then the alerts are sent again.
    #[serde(default = "ten_seconds")]
    pub limit: DurationText,
}

fn a_minute() -> DurationText {
    DurationText(Duration::from_secs(60))
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        post::check(&self.url, self.headers.keys())?;
        if let Some(url) = &self.generator_url {
            post::uri(url).map_err(|error| Invalid::key("generator_url", error))?;
        }
        match (&self.bearer, &self.user, &self.password) {
            (Some(_), Some(_), _) => {
                return Err(Invalid::key("user", "cannot stand beside `bearer`: keep one of the two"));
            }
            (_, Some(_), None) => return Err(Invalid::key("user", "needs a `password`")),
            (_, None, Some(_)) => return Err(Invalid::key("password", "needs a `user`")),
            _ => {}
        }
        if self.refresh.0 < Duration::from_secs(1) {
            return Err(Invalid::key("refresh", "must be at least a second"));
        }
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
            path: "/api/v2/alerts",
            bearer: self.bearer.as_ref(),
            basic: self.user.as_ref().zip(self.password.as_ref()),
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            limit: self.limit.0,
            gzip: false,
        };
        Ok(Box::new(AlertmanagerSink {
            poster: Poster::new(&address, &context.dirs, context.clock.clone())?,
            refresh: self.refresh.0,
            generator_url: self.generator_url.clone(),
            clock: context.clock.clone(),
            said: Timestamp::MIN,
            firing: BTreeMap::new(),
        }))
    }
}

struct AlertmanagerSink {
    poster: Poster,
    refresh: Duration,
    generator_url: Option<String>,
    clock: Clock,
    /// When what fires was said again.
    said: Timestamp,
    firing: Firing,
}

/// What fires, by rule and labels.
type Firing = BTreeMap<String, Posting>;

/// An alert as Alertmanager wants it, which tells alerts from one another by all of their labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posting {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    /// None while it fires: then it ends where Alertmanager does not hear of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

impl Sink for AlertmanagerSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        post::post_all(delivery.items().chunks(AT_ONCE), |items| {
            let mut firing = self.firing.clone();
            if firing.is_empty() {
                self.said = self.clock.now();
            }
            let postings = self.postings(items, &mut firing);
            let posted = if postings.is_empty() { Posted::Taken } else { self.post(&postings) };
            if matches!(posted, Posted::Taken) {
                self.firing = firing;
            }
            posted
        })
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        if let Some(mark) = from.mark {
            self.firing = serde_json::from_slice(mark).unwrap_or_else(|error| {
                tracing::warn!("what fired is not known any more, and not said again: {error}");
                Firing::new()
            });
        }
        Ok(Resumed::AsNoted)
    }

    fn mark(&mut self) -> Option<Vec<u8>> {
        Some(serde_json::to_vec(&self.firing).expect("texts are JSON"))
    }

    fn wants_turn(&self) -> bool {
        !self.firing.is_empty() && self.clock.now() >= self.said.plus(self.refresh)
    }

    /// Says again what fires.
    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        if at_end {
            return Ok(());
        }
        let firing: Vec<Posting> = self.firing.values().cloned().collect();
        for postings in firing.chunks(AT_ONCE) {
            match self.post(postings) {
                Posted::Taken => {}
                // It was taken before: nothing else waits for it.
                Posted::Refused(error) => tracing::warn!("what fires was not taken again: {error}"),
                Posted::Later { error, .. } => return Err(error),
            }
        }
        self.said = self.clock.now();
        Ok(())
    }
}

impl AlertmanagerSink {
    fn post(&self, postings: &[Posting]) -> Posted {
        self.poster.post("application/json", &serde_json::to_vec(postings).expect("texts are JSON"))
    }

    /// What is to be said of these events, and what fires then.
    fn postings(&self, items: &[Item<'_>], firing: &mut Firing) -> Vec<Posting> {
        let mut postings = Vec::new();
        for event in items.iter().map(|item| item.event()) {
            let Body::Alert(alert) = &event.body else { continue };
            let identity = serde_json::to_string(&(&alert.name, &alert.labels)).expect("texts are JSON");
            let posting = self.posting(alert, event.time);
            let before = firing.remove(&identity);
            // With another level it is another one to Alertmanager, and the former one is over.
            if let Some(before) = before.filter(|before| before.labels != posting.labels) {
                postings.push(Posting { ends_at: Some(event.time.to_rfc3339()), ..before });
            }
            if alert.state == AlertState::Firing && firing.len() < MOST {
                firing.insert(identity, posting.clone());
            }
            postings.push(posting);
        }
        postings
    }

    fn posting(&self, alert: &Alert, time: Timestamp) -> Posting {
        let own = [("alertname", alert.name.to_string()), ("severity", alert.level.to_string())];
        let value = alert.value.map(|value| ("value", value.to_string()));
        let told = [("summary", alert.message.to_string())].into_iter().chain(value);
        Posting {
            labels: named(own, &alert.labels),
            annotations: named(told, &alert.annotations),
            // What ends before it begins is refused.
            starts_at: alert.since.min(time).to_rfc3339(),
            ends_at: (alert.state == AlertState::Resolved).then(|| time.to_rfc3339()),
            generator_url: self.generator_url.clone(),
        }
    }
}

/// Our own labels and others under names that Prometheus allows. Of those that would have one name, ours keeps it, then one that
/// has it as it is; the others get underscores.
/// <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>
fn named<'a>(own: impl IntoIterator<Item = (&'a str, String)>, others: &Labels) -> BTreeMap<String, String> {
    let mut named: BTreeMap<String, String> = own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let others = others.iter().map(|(name, value)| (name, allowed(name), value));
    let as_it_is =
        |(name, allowed, _): &(&Text, String, &Text)| name.as_str() == allowed && !named.contains_key(allowed);
    let (as_they_are, changed): (Vec<_>, Vec<_>) = others.partition(as_it_is);
    for (_, mut name, value) in as_they_are.into_iter().chain(changed) {
        while named.contains_key(&name) {
            name.push('_');
        }
        named.insert(name, value.to_string());
    }
    // To Alertmanager an empty label is none.
    named.retain(|_, value| !value.is_empty());
    named
}

/// A name with nothing in it but letters of ASCII, digits and underscores, no digit in front.
fn allowed(name: &str) -> String {
    let mut allowed: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !allowed.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        allowed.insert(0, '_');
    }
    allowed
}
