//! `stdin`: events from standard input, a line an event, for as long as somebody writes.

use std::io::{BufReader, Stdin};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BoxError, Context, Dirs, Resource, Source, SourceConfig, SourceDefinition, Validate};
use crate::pipeline::{Emitter, Place};
use crate::read::{Lines, Next, Reason, Refusal};

/// The definition of `type = "stdin"`.
pub static DEFINITION: SourceDefinition = SourceDefinition::source::<Config>(
    "stdin",
    "reads events from standard input, one a line",
    include_str!("sample.toml"),
);

/// It has no keys of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Validate for Config {}

impl SourceConfig for Config {
    fn bounded(&self) -> bool {
        false
    }

    fn resources(&self, _: &Dirs) -> Vec<Resource> {
        vec![Resource::Stdin]
    }

    fn open(&self, _: &Context) -> Result<Box<dyn Source>, BoxError> {
        Ok(Box::new(StdinSource))
    }
}

struct StdinSource;

impl Source for StdinSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let mut lines = Lines::new(BufReader::<Stdin>::with_capacity(64 << 10, std::io::stdin()));
        while !out.stopped() {
            // Without a whole line at hand the next read may wait: what is there must not wait with it.
            if !lines.reader().buffer().contains(&b'\n') {
                out.flush()?;
            }
            let number = lines.number() + 1;
            let place = Place { file: None, line: Some(number) };
            match lines.next(true)? {
                Next::Line(line) => out.line(line, place)?,
                Next::TooLong(head) => out.refuse(&Refusal::too_long(), head, place),
                Next::End => break,
            }
        }
        Ok(())
    }

    fn endless(&self) -> bool {
        true
    }

    fn blocks(&self) -> bool {
        true
    }
}

impl Refusal {
    /// The refusal of a line that is longer than [`crate::read::MAX_LINE`].
    pub(crate) fn too_long() -> Self {
        Self::new(Reason::TooLong, "the line is longer than 8 MiB")
    }
}
