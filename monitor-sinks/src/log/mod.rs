//! `log`: lines in the form of the reference's `afterimage.log`, with the right levels.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use monitor_core::bus::Durability;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Resource, Resume, Resumed, Sink, SinkConfig,
    SinkDefinition, Validate,
};
use monitor_core::{Alert, AlertState, Body, Event, Level, Metadata, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::append::AppendFile;
use crate::path::names_a_file;
use crate::reference::{isoformat, write_json};

/// The definition of `type = "log"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "log",
    "appends log lines in the form of afterimage.log",
    include_str!("sample.toml"),
);

/// The keys of a `log` sink.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file, relative to `data_dir`. It is appended to.
    pub path: PathBuf,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        names_a_file("path", &self.path)
    }
}

impl SinkConfig for Config {
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        vec![Resource::File(dirs.output(&self.path))]
    }

    fn contents(&self) -> &'static [Content] {
        &[Content::Events]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let file = AppendFile::open(&context.dirs.output(&self.path), context.durability >= Durability::L2)?;
        Ok(Box::new(LogSink { file, zone: context.zone.clone() }))
    }
}

struct LogSink {
    file: AppendFile,
    zone: Zone,
}

impl Sink for LogSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        if let Err(full) = self.file.room() {
            return full;
        }
        for event in delivery.events() {
            write_line(self.file.lines(), event, &self.zone);
        }
        self.file.written();
        Answer::Ok
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        self.file.flush()
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        self.file.resume(from)
    }

    fn mark(&mut self) -> Option<Vec<u8>> {
        self.file.mark()
    }
}

fn write_line(out: &mut Vec<u8>, event: &Event, zone: &Zone) {
    let time = event.time.to_local(zone).format("%Y-%m-%d %H:%M:%S,%3f - ");
    out.extend_from_slice(time.to_string().as_bytes());
    let mut line = Map::new();
    let level = match &event.body {
        Body::Generation(_) => tracked(&mut line, "Generation metrics", event, zone),
        Body::Evaluation(_) => tracked(&mut line, "Evaluation metrics", event, zone),
        Body::Metric(metric) => {
            line.insert("message".to_owned(), "Metric".into());
            line.insert("metric".to_owned(), metric.key.name.as_str().into());
            line.insert("value".to_owned(), metric.value.into());
            add_metadata(&mut line, &metric.key.metadata);
            Level::Info
        }
        Body::Log(log) => {
            line.insert("message".to_owned(), log.message.as_str().into());
            add_metadata(&mut line, &log.metadata);
            log.level
        }
        Body::Alert(alert) => add_alert(&mut line, alert),
    };
    line.insert("level".to_owned(), level.as_str().into());
    write_json(out, &line);
    out.push(b'\n');
}

/// The whole event under `data`, as the reference writes its calls.
fn tracked(line: &mut Map<String, Value>, message: &str, event: &Event, zone: &Zone) -> Level {
    let mut data = Map::new();
    data.insert("timestamp".to_owned(), isoformat(event.time, zone).into());
    let fields = serde_json::to_value(Fields(&event.body)).expect("an event is JSON");
    if let Value::Object(fields) = fields {
        data.extend(fields);
    }
    line.insert("message".to_owned(), message.into());
    line.insert("data".to_owned(), data.into());
    Level::Info
}

fn add_alert(line: &mut Map<String, Value>, alert: &Alert) -> Level {
    line.insert("message".to_owned(), alert.message.as_str().into());
    line.insert("alert".to_owned(), alert.name.as_str().into());
    line.insert("state".to_owned(), alert.state.as_str().into());
    line.insert("labels".to_owned(), serde_json::to_value(&alert.labels).expect("labels are JSON"));
    line.insert("value".to_owned(), alert.value.into());
    if !alert.annotations.is_empty() {
        let annotations = serde_json::to_value(&alert.annotations).expect("annotations are JSON");
        line.insert("annotations".to_owned(), annotations);
    }
    if alert.repeat > 0 {
        line.insert("repeat".to_owned(), alert.repeat.into());
    }
    if let Some(chart) = &alert.chart {
        line.insert("chart".to_owned(), chart.as_str().into());
    }
    match alert.state {
        AlertState::Firing => alert.level,
        AlertState::Resolved => Level::Info,
    }
}

/// Attributes beside the message; one of the same name as a key of the line does not overwrite it.
fn add_metadata(line: &mut Map<String, Value>, metadata: &Metadata) {
    for (name, value) in metadata.iter() {
        let name =
            if line.contains_key(name) || name == "level" { format!("metadata_{name}") } else { name.to_owned() };
        line.insert(name, value.clone());
    }
}

/// The fields of an event without its type and time.
struct Fields<'a>(&'a Body);

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        self.0.fields(&mut map)?;
        map.end()
    }
}
