//! `http`: posts batches of events to a URL, as lines of JSON or as one list.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Invalid, Sink, SinkConfig, SinkDefinition, Validate,
};
use monitor_core::config::{DurationText, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lines;
use crate::post::{self, Address, Poster, ten_seconds};

/// The definition of `type = "http"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "http",
    "posts batches of events to a URL, as lines of JSON or as one list",
    include_str!("sample.toml"),
);

/// The keys of an `http` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to: a URL, or where it is to be found, as it may be a secret.
    pub url: Secret,
    /// How a batch is written.
    #[serde(default)]
    pub format: Format,
    /// How it is compressed.
    #[serde(default)]
    pub compression: Encoding,
    /// Sent as `Authorization: Bearer …`.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How long a request may take; then the batch is tried again.
    #[serde(default = "ten_seconds")]
    pub limit: DurationText,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line of JSON an event.
    #[default]
    Ndjson,
    /// One list of all events.
    Json,
}

/// How a batch is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        post::check(&self.url, self.headers.keys())
    }
}

impl SinkConfig for Config {
    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let address = Address {
            url: &self.url,
            path: "",
            bearer: self.bearer.as_ref(),
            basic: None,
            headers: self.headers.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            limit: self.limit.0,
            gzip: self.compression == Encoding::Gzip,
        };
        let poster = Poster::new(&address, &context.dirs, context.clock.clone())?;
        Ok(Box::new(HttpSink { poster, format: self.format, content: context.content, body: Vec::new() }))
    }
}

struct HttpSink {
    poster: Poster,
    format: Format,
    content: Content,
    /// Kept for its memory.
    body: Vec<u8>,
}

impl Sink for HttpSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        post::post_all([delivery.items()], |items| {
            self.body.clear();
            lines::write(&mut self.body, &Delivery::new(items), self.content);
            let media_type = match self.format {
                Format::Ndjson => "application/x-ndjson",
                Format::Json => {
                    lines::as_list(&mut self.body);
                    "application/json"
                }
            };
            self.poster.post(media_type, &self.body)
        })
    }
}
