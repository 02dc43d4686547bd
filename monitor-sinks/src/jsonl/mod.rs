//! `jsonl`: a line of JSON an event, or a line a sample as the reference's `metrics.jsonl` has them.

mod samples;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use monitor_core::Zone;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Resource, Resume, Resumed, Sink, SinkConfig,
    SinkDefinition, Validate,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::append::AppendFile;
use crate::path::names_a_file;

/// The definition of `type = "jsonl"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "jsonl",
    "appends a line of JSON an event, or a line a sample",
    include_str!("sample.toml"),
);

/// The keys of a `jsonl` sink.
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

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let file = AppendFile::open(&context.dirs.output(&self.path), context.durability)?;
        Ok(Box::new(JsonlSink { file, content: context.content, zone: context.zone.clone() }))
    }
}

struct JsonlSink {
    file: AppendFile,
    content: Content,
    zone: Zone,
}

impl Sink for JsonlSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        if let Err(full) = self.file.room() {
            return full;
        }
        let out = self.file.lines();
        match self.content {
            Content::Events => {
                for event in delivery.events() {
                    serde_json::to_writer(&mut *out, event).expect("an event is JSON, and memory takes it");
                    out.push(b'\n');
                }
            }
            Content::Samples => {
                for item in delivery.items() {
                    samples::write(out, item, &self.zone);
                }
            }
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
