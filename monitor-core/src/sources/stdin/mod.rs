//! `stdin`: events from standard input, a line an event, for as long as somebody writes.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::component::{BoxError, Context, Dirs, Resource, Source, SourceConfig, SourceDefinition, Validate};
use crate::pipeline::{Emitter, Place};
use crate::read::{Lines, Next, Reason, Refusal};

/// The definition of `type = "stdin"`.
pub static DEFINITION: SourceDefinition = SourceDefinition::source::<Config>(
    "stdin",
    "reads events from standard input, one a line, plain or gzip",
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

/// It is read by this much at a time.
const CHUNK: usize = 64 << 10;

struct StdinSource;

impl Source for StdinSource {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let mut input = BufReader::with_capacity(CHUNK, std::io::stdin());
        if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            return read(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(input)), out);
        }
        read(input, out)
    }

    fn endless(&self) -> bool {
        true
    }

    fn blocks(&self) -> bool {
        true
    }
}

fn read<R: Read>(input: BufReader<R>, out: &mut Emitter) -> Result<(), BoxError> {
    let mut lines = Lines::new(input);
    while !out.stopped() {
        // Without a whole line at hand the next read may wait: what is there must not wait with it.
        if !lines.has_line() {
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

impl Refusal {
    /// The refusal of a line that is longer than [`crate::read::MAX_LINE`].
    pub(crate) fn too_long() -> Self {
        Self::new(Reason::TooLong, "the line is longer than 8 MiB")
    }
}
