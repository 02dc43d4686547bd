//! `email`: a mail for alerts, one for all that come together.

mod letter;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Sink, SinkConfig, SinkDefinition, Validate,
};
use monitor_core::config::{DurationText, Secret};
use monitor_core::event::KindSet;
use monitor_core::{Clock, Kind, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::letter::{Letter, Told};
use self::server::{Sent, Server};
use crate::words;

/// The definition of `type = "email"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "email",
    "sends alerts by mail, those that come together in one",
    include_str!("sample.toml"),
);

/// The keys of an `email` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The server that takes mail.
    pub host: String,
    /// Its port. Without one: 587 for starttls, 465 for tls, 25 for none.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the line is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// A file of certificates (PEM) that are trusted beside those that browsers trust, relative to the configuration file.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Who logs in, with `password`.
    #[serde(default)]
    pub user: Option<Secret>,
    /// The password of `user`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// From whom it is: monitor@example.com, or Monitor <monitor@example.com>.
    pub from: String,
    /// Whom it is for.
    pub to: Vec<String>,
    /// What every subject begins with.
    #[serde(default = "monitor")]
    pub subject_prefix: String,
    /// How long the server may take to answer; then the mail is sent again.
    #[serde(default = "half_a_minute")]
    pub limit: DurationText,
}

/// How a line is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// From the command STARTTLS on; a server that does not know it is sent nothing.
    #[default]
    Starttls,
    /// From the beginning.
    Tls,
    /// Not at all.
    None,
}

impl Tls {
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

fn monitor() -> String {
    "[monitor]".to_owned()
}

fn half_a_minute() -> DurationText {
    DurationText(Duration::from_secs(30))
}

/// A mail address, with or without a name.
fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, Invalid> {
    let wrong = |why: String| Invalid::key(key, format!("`{text}` is no mail address: {why}"));
    let mailbox: Mailbox = text.parse().map_err(|error| wrong(format!("{error}")))?;
    let mailbox_is_plain = AsRef::<str>::as_ref(&mailbox.email).is_ascii();
    if mailbox_is_plain { Ok(mailbox) } else { Err(wrong("write its domain in ASCII, as xn--…".to_owned())) }
}

impl Config {
    fn mailboxes(&self) -> Result<(Mailbox, Vec<Mailbox>), Invalid> {
        let to = self.to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?;
        Ok((mailbox("from", &self.from)?, to))
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        self.mailboxes()?;
        if self.host.is_empty() {
            return Err(Invalid::key("host", "must name a server"));
        }
        if self.to.is_empty() {
            return Err(Invalid::key("to", "must name somebody"));
        }
        if self.user.is_some() != self.password.is_some() {
            let (key, other) = if self.user.is_some() { ("user", "password") } else { ("password", "user") };
            return Err(Invalid::key(key, format!("needs a `{other}`")));
        }
        match (self.tls, &self.user, &self.ca) {
            (Tls::None, Some(_), _) => {
                Err(Invalid::key("user", "would be sent in the clear: set `tls` to \"starttls\" or \"tls\""))
            }
            (Tls::None, _, Some(_)) => Err(Invalid::key("ca", "has no use where `tls` is \"none\"")),
            _ => Ok(()),
        }
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
        let (from, to) = self.mailboxes().map_err(|error| format!("{error:?}"))?;
        Ok(Box::new(EmailSink {
            server: Server::new(self, &context.dirs)?,
            from,
            to,
            subject_prefix: self.subject_prefix.clone(),
            dirs: context.dirs.clone(),
            clock: context.clock.clone(),
            zone: context.zone.clone(),
            partly: None,
        }))
    }
}

struct EmailSink {
    server: Server,
    from: Mailbox,
    to: Vec<Mailbox>,
    subject_prefix: String,
    dirs: Dirs,
    clock: Clock,
    zone: Zone,
    /// The id of a mail that some have, and who they are.
    partly: Option<(String, Vec<Mailbox>)>,
}

impl Sink for EmailSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        let told =
            delivery.items().iter().filter_map(|item| Some(Told { time: item.time(), alert: words::alert(*item)? }));
        let alerts: Vec<Told<'_>> = told.collect();
        if alerts.is_empty() {
            return Answer::Ok;
        }
        let rejected = |error| Answer::Rejected { indices: (0..delivery.len()).collect(), error };
        let letter = match Letter::new(self, &alerts) {
            Ok(letter) => letter,
            Err(error) => return rejected(error),
        };
        // Who has it already does not get it again because of somebody else.
        let partly = self.partly.take().filter(|(id, _)| *id == letter.id);
        let mut have = partly.map_or_else(Vec::new, |(_, have)| have);
        let missing: Vec<Mailbox> = self.to.iter().filter(|to| !have.contains(to)).cloned().collect();
        match self.server.send(&self.from, &missing, &letter.bytes) {
            Sent::Taken => Answer::Ok,
            Sent::Refused(error) if have.is_empty() => rejected(error),
            Sent::Refused(error) => {
                tracing::warn!("a mail was not taken for all: {error}");
                Answer::Ok
            }
            Sent::Later { taken, after, error } => {
                have.extend(taken);
                self.partly = Some((letter.id, have));
                Answer::Retry { accepted: 0, after, error }
            }
        }
    }
}
