//! `jsonl`: a line of JSON an event, or a line a sample as the reference's `metrics.jsonl` has them.
//!
//! A file that has become large, or old, is rotated in a turn (see [`Sink::turn`]): then all that is in it is noted, and no mark
//! has to undo a name.

mod files;
mod keeper;
mod pack;
mod rotated;
mod samples;
mod template;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod turns;

use std::path::PathBuf;
use std::time::Duration;

use monitor_core::Zone;
use monitor_core::bus::Durability;
use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Invalid, Resource, Resume, Resumed, Sink, SinkConfig,
    SinkDefinition, Validate,
};
use monitor_core::config::{DurationText, SizeText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::files::{Files, Schedule};
use self::keeper::{Keeper, Policy};
pub use self::pack::Packing;
use self::template::Template;
use crate::path::names_a_file;

/// More than one file a second is nobody's wish.
const SHORTEST: Duration = Duration::from_secs(1);

/// The definition of `type = "jsonl"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "jsonl",
    "appends a line of JSON an event, or a line a sample",
    include_str!("sample.toml"),
);

/// The keys of a `jsonl` sink.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file, relative to `data_dir`. It is appended to. {date} and {hour} (of the event, in UTC), {kind} and {source} are
    /// filled in for every event.
    pub path: PathBuf,
    /// A file that has so many bytes is rotated.
    #[serde(default)]
    pub rotate_size: Option<SizeText>,
    /// A file is rotated at whole multiples of this, by the clocks of the pipeline's time zone: "1d" is at midnight.
    #[serde(default)]
    pub rotate_every: Option<DurationText>,
    /// How rotated files are packed. Without it they stay as they are.
    #[serde(default)]
    pub compress: Option<Packing>,
    /// How many rotated files of each path are kept. Without it all are.
    #[serde(default)]
    pub keep: Option<usize>,
    /// How long rotated files are kept. Without it they are kept for ever.
    #[serde(default)]
    pub keep_for: Option<DurationText>,
    /// When the disk must have what was written: at every flush where the level of `[durability]` is L2, or at every flush at
    /// any level.
    #[serde(default)]
    pub fsync: Fsync,
}

/// When the disk must have what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// As the level of `[durability]` asks: at L2 with every flush.
    #[default]
    Level,
    /// With every flush, at every level.
    Flush,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        names_a_file("path", &self.path)?;
        Template::parse(&self.path).map_err(|error| Invalid::key("path", error))?;
        if self.rotate_size.as_ref().is_some_and(|size| size.0 == 0) {
            return Err(Invalid::key("rotate_size", "must be more than 0"));
        }
        if self.rotate_every.as_ref().is_some_and(|every| every.0 < SHORTEST) {
            return Err(Invalid::key("rotate_every", "must be at least 1s"));
        }
        if self.keep == Some(0) {
            return Err(Invalid::key("keep", "must be at least 1"));
        }
        if self.rotate_size.is_some() || self.rotate_every.is_some() {
            let name = self.path.to_string_lossy();
            return match Packing::ALL.into_iter().find(|packing| name.ends_with(packing.extension())) {
                Some(packing) => Err(Invalid::key(
                    "path",
                    format!(
                        "is written plain: leave out `{}`, which rotated files get by `compress`",
                        packing.extension()
                    ),
                )),
                None => Ok(()),
            };
        }
        for (key, is_there) in [
            ("compress", self.compress.is_some()),
            ("keep", self.keep.is_some()),
            ("keep_for", self.keep_for.is_some()),
        ] {
            if is_there {
                return Err(Invalid::key(
                    key,
                    "is for rotated files, and none are: add `rotate_size` or `rotate_every`, or remove it",
                ));
            }
        }
        Ok(())
    }
}

impl SinkConfig for Config {
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        vec![Resource::File(dirs.output(&self.path))]
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let template = Template::parse(&self.path)?.below(&context.dirs)?;
        let schedule = Schedule {
            size: self.rotate_size.as_ref().map(|size| size.0),
            every: self.rotate_every.as_ref().map(|every| every.0),
        };
        let rotates = schedule.size.is_some() || schedule.every.is_some();
        let policy = Policy {
            sink: context.name.clone(),
            template: template.clone(),
            packing: self.compress,
            keep: self.keep,
            keep_for: self.keep_for.as_ref().map(|keep_for| keep_for.0),
            clock: context.clock.clone(),
        };
        let sync = self.fsync == Fsync::Flush || context.durability >= Durability::L2;
        let marked = context.durability > Durability::L0;
        let (clock, zone) = (context.clock.clone(), context.zone.clone());
        Ok(Box::new(JsonlSink {
            files: Files::open(template, sync, marked, schedule, clock, zone)?,
            keeper: rotates.then(|| Keeper::new(policy)),
            content: context.content,
            zone: context.zone.clone(),
        }))
    }
}

struct JsonlSink {
    files: Files,
    /// None if nothing is rotated.
    keeper: Option<Keeper>,
    content: Content,
    zone: Zone,
}

impl Sink for JsonlSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        let (content, zone) = (self.content, &self.zone);
        self.files.write(delivery, |out, delivery| match content {
            Content::Events => {
                for event in delivery.events() {
                    serde_json::to_writer(&mut *out, event).expect("an event is JSON, and memory takes it");
                    out.push(b'\n');
                }
            }
            Content::Samples => {
                for item in delivery.items() {
                    samples::write(out, item, zone);
                }
            }
        })
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        self.files.flush()
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        self.files.resume(from)
    }

    fn mark(&mut self) -> Option<Vec<u8>> {
        self.files.mark()
    }

    fn wants_turn(&self) -> bool {
        self.files.wants_turn() || self.keeper.as_ref().is_some_and(Keeper::is_due)
    }

    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        let rotated = self.files.turn()?;
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        if rotated {
            keeper.note_rotated();
        }
        Ok(if at_end { keeper.end() } else { keeper.turn() }?)
    }
}
