//! What a mail says, as text and as HTML, with the charts in it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MultiPart, SinglePart};
use monitor_core::component::{BoxError, Dirs};
use monitor_core::event::{Alert, AlertState, Level};
use monitor_core::time::format_duration;
use monitor_core::{Timestamp, Zone};
use sha2::{Digest, Sha256};

use super::EmailSink;
use crate::words::{cut, gravest_first, is_link, one_line, sign, title};

/// A mail tells of so many alerts; of more it says how many they are.
const ALERTS: usize = 100;
/// A subject has so many characters at most.
const SUBJECT: usize = 150;
/// A message, or a value, has so many at most.
const TEXT: usize = 10_000;
/// So many bytes of pictures are attached: most servers take ten megabytes, and a third is added on the way.
const PICTURES: u64 = 5 << 20;

/// An alert, and when it was.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) time: Timestamp,
    pub(super) alert: &'a Alert,
}

/// A mail as it goes over the line.
pub(super) struct Letter {
    /// The same each time these alerts are sent.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

impl Letter {
    pub(super) fn new(sink: &EmailSink, alerts: &[Told<'_>]) -> Result<Self, BoxError> {
        let domain = sink.from.email.domain();
        let id = format!("<{}@{domain}>", hash(alerts.iter().flat_map(|told| identity(told.alert))));
        let sent = u64::try_from(sink.clock.now().as_micros()).unwrap_or_default();
        let mut mail = Message::builder()
            .from(sink.from.clone())
            .subject(subject(&sink.subject_prefix, alerts))
            .date(UNIX_EPOCH + Duration::from_micros(sent))
            .message_id(Some(id.clone()))
            // So that nobody's absence is told to a program (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &sink.to {
            mail = mail.to(to.clone());
        }
        if let [told] = alerts {
            // All mails about it follow one that was never sent, so they are found together whichever of them there are.
            let root = format!("<{}@{domain}>", hash(incident(told.alert)));
            mail = mail.in_reply_to(root.clone()).references(root);
        }
        let mut pictures = Pictures::default();
        let (text, html) = bodies(alerts, &sink.zone, &sink.dirs, &mut pictures);
        let alternative = MultiPart::alternative().singlepart(SinglePart::plain(text));
        let mail = mail.multipart(if pictures.attached.is_empty() {
            alternative.singlepart(SinglePart::html(html))
        } else {
            let html = MultiPart::related().singlepart(SinglePart::html(html));
            alternative.multipart(pictures.attached.into_iter().fold(html, MultiPart::singlepart))
        })?;
        Ok(Self { id, bytes: mail.formatted() })
    }
}

/// 128 bits of SHA-256 over texts, in hexadecimal.
fn hash(texts: impl IntoIterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells a change, and a reminder of it, from all others. What comes from elsewhere may have no key.
fn identity(alert: &Alert) -> Vec<String> {
    let mut texts = vec![alert.key.to_string(), alert.repeat.to_string()];
    if alert.key.is_empty() {
        texts.push(alert.state.as_str().to_owned());
        texts.extend(incident(alert));
    }
    texts
}

/// What is the same from when it fires until it resolves.
fn incident(alert: &Alert) -> Vec<String> {
    let labels = alert.labels.iter().flat_map(|(name, value)| [name.to_string(), value.to_string()]);
    [alert.name.to_string(), alert.since.to_string()].into_iter().chain(labels).collect()
}

/// A line: what a name or a label brings along becomes neither a header nor a line of its own.
fn subject(prefix: &str, alerts: &[Told<'_>]) -> String {
    let subject = if let [told] = alerts {
        format!("{prefix} {}: {}", title(told.alert), told.alert.message)
    } else {
        format!("{prefix} {}: {}", counts(alerts), names(alerts))
    };
    let words = subject.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    cut(&words.collect::<Vec<_>>().join(" "), SUBJECT).into_owned()
}

/// `2 firing, 1 CRITICAL, 3 resolved`, without what there is none of.
fn counts(alerts: &[Told<'_>]) -> String {
    let count = |wanted: fn(&Alert) -> bool| alerts.iter().filter(|told| wanted(told.alert)).count();
    let firing = count(|alert| alert.state == AlertState::Firing);
    let critical = count(|alert| alert.state == AlertState::Firing && alert.level == Level::Critical);
    let counts = [(firing, "firing"), (critical, "CRITICAL"), (alerts.len() - firing, "resolved")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// Each once.
fn names(alerts: &[Told<'_>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for told in alerts {
        if !names.contains(&told.alert.name.as_str()) {
            names.push(&told.alert.name);
        }
    }
    names.join(", ")
}

/// The text and the HTML.
pub(super) fn bodies(alerts: &[Told<'_>], zone: &Zone, dirs: &Dirs, pictures: &mut Pictures) -> (String, String) {
    let mut text = String::new();
    let mut html = "<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n".to_owned();
    for told in gravest_first(alerts.to_vec(), |told| told.alert.level).iter().take(ALERTS) {
        let alert = told.alert;
        let (head, message) = (readable(&format!("{} {}", sign(alert), title(alert))), readable(&alert.message));
        text += &format!("{head}\n{message}\n\n");
        html += &format!("<h3 style=\"color: {}\">{}</h3>\n", color(alert), escape(&head));
        html += &format!("<p style=\"white-space: pre-wrap\">{}</p>\n<table>\n", escape(&message));
        for (name, value) in facts(told, zone) {
            text += &format!("{name}: {value}\n");
            let (name, shown) = (escape(&name), escape(&value));
            let shown = if is_link(&value) { format!("<a href=\"{shown}\">{shown}</a>") } else { shown };
            html += &format!("<tr><th align=\"left\">{name}</th><td>{shown}</td></tr>\n");
        }
        html += "</table>\n";
        match alert.chart.as_deref().map(|path| (path, pictures.attach(path, dirs))) {
            None => {}
            Some((_, Ok(Picture { id, name }))) => {
                text += &format!("chart: {name}, attached\n");
                html += &format!("<p><img src=\"cid:{id}\" alt=\"{name}\" style=\"max-width: 100%\"></p>\n");
            }
            Some((path, Err(error))) => {
                let missing = readable(&format!("the chart {path} is not attached: {error}"));
                text += &format!("{missing}\n");
                html += &format!("<p><em>{}</em></p>\n", escape(&missing));
            }
        }
        text.push('\n');
    }
    if let Some(more) = alerts.len().checked_sub(ALERTS).filter(|more| *more > 0) {
        text += &format!("and {more} more\n");
        html += &format!("<p>and {more} more</p>\n");
    }
    (text, html + "</body></html>\n")
}

/// What is told beside the message.
fn facts(told: &Told<'_>, zone: &Zone) -> Vec<(String, String)> {
    let Told { time, alert } = *told;
    let mut facts = vec![("since".to_owned(), local(alert.since, zone))];
    if alert.state == AlertState::Resolved {
        let lasted = format_duration(time.since(alert.since));
        facts.push(("resolved".to_owned(), format!("{}, after {lasted}", local(time, zone))));
    }
    facts.extend(alert.value.map(|value| ("value".to_owned(), value.to_string())));
    facts.extend(alert.labels.iter().map(|(name, value)| (readable(&one_line(name)), readable(&one_line(value)))));
    facts.extend(alert.annotations.iter().map(|(name, value)| (readable(&one_line(name)), readable(value))));
    facts
}

fn local(time: Timestamp, zone: &Zone) -> String {
    let offset = zone.offset_seconds(time.to_utc()) / 60;
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let local = time.to_local(zone).format("%Y-%m-%d %H:%M:%S");
    format!("{local} {sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn color(alert: &Alert) -> &'static str {
    match (alert.state, alert.level) {
        (AlertState::Resolved, _) => "#1a7f37",
        (_, Level::Error | Level::Critical) => "#b60205",
        _ => "#9a6700",
    }
}

/// Without control characters, and no longer than it may be.
fn readable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    cut(text, TEXT).replace("\r\n", "\n").chars().map(shown).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The pictures of a mail, each once.
#[derive(Default)]
pub(super) struct Pictures {
    attached: Vec<SinglePart>,
    known: BTreeMap<String, Picture>,
    bytes: u64,
}

#[derive(Clone)]
struct Picture {
    id: String,
    name: String,
}

impl Pictures {
    fn attach(&mut self, path: &str, dirs: &Dirs) -> Result<Picture, BoxError> {
        if let Some(picture) = self.known.get(path) {
            return Ok(picture.clone());
        }
        let file = dirs.output(Path::new(path));
        // Whoever sends alerts says where their charts are: neither a pipe nor a device is waited for.
        if !file.metadata()?.is_file() {
            return Err("it is no file".into());
        }
        let room = PICTURES - self.bytes;
        let mut picture = Vec::new();
        std::fs::File::open(&file)?.take(room + 1).read_to_end(&mut picture)?;
        if picture.len() as u64 > room {
            return Err("there is no room for it in the mail".into());
        }
        // Nor is any other file sent around the world.
        let (media_type, ending) = kind(&picture).ok_or("it is neither PNG nor SVG")?;
        let number = self.attached.len() + 1;
        let stem = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let stem: String = stem.chars().take(60).map(plain).collect();
        let attached = Picture { id: format!("chart-{number}@monitor"), name: format!("{stem}.{ending}") };
        self.bytes += picture.len() as u64;
        let part = Attachment::new_inline_with_name(attached.id.clone(), attached.name.clone());
        self.attached.push(part.body(picture, ContentType::parse(media_type).expect("a type of pictures")));
        self.known.insert(path.to_owned(), attached.clone());
        Ok(attached)
    }
}

/// The media type of a picture, and how its name ends, by what is in it.
fn kind(picture: &[u8]) -> Option<(&'static str, &'static str)> {
    if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("image/png", "png"));
    }
    let text = std::str::from_utf8(picture).ok()?.trim_start_matches('\u{feff}').trim_start();
    let begins = cut(text, 1_000);
    let is_svg = begins.starts_with("<svg") || (begins.starts_with("<?xml") && begins.contains("<svg"));
    is_svg.then_some(("image/svg+xml", "svg"))
}
