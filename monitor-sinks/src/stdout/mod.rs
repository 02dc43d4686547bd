//! `stdout`: events on standard output, as text for people or as lines of JSON.

mod text;

use std::io::{IsTerminal, Write};

use monitor_core::component::{
    Answer, BoxError, Content, Context, Delivery, Dirs, Resource, Sink, SinkConfig, SinkDefinition, Validate,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use text::{Text, clean};

use crate::lines;

/// The definition of `type = "stdout"`.
pub static DEFINITION: SinkDefinition = SinkDefinition::sink::<Config>(
    "stdout",
    "writes events to standard output, as text or JSON",
    include_str!("sample.toml"),
);

/// The keys of a `stdout` sink.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Text for people, or a line of JSON an event.
    pub format: Format,
}

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A line of JSON an event, or a sample.
    Json,
}

impl Validate for Config {}

impl SinkConfig for Config {
    fn resources(&self, _: &Dirs) -> Vec<Resource> {
        Vec::new()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        let terminal = std::io::stdout().is_terminal();
        let text = Text::new(context.zone.clone(), terminal && std::env::var_os("NO_COLOR").is_none());
        Ok(Box::new(StdoutSink { format: self.format, content: context.content, terminal, text, buffer: Vec::new() }))
    }
}

struct StdoutSink {
    format: Format,
    content: Content,
    terminal: bool,
    text: Text,
    buffer: Vec<u8>,
}

impl Sink for StdoutSink {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.buffer.clear();
        if self.terminal {
            // The host's progress line may stand here.
            self.buffer.extend_from_slice(b"\r\x1b[K");
        }
        match (self.format, self.content) {
            (Format::Text, Content::Events) => {
                delivery.events().for_each(|event| self.text.event(&mut self.buffer, event));
            }
            (Format::Text, Content::Samples) => {
                delivery.samples().for_each(|sample| self.text.sample(&mut self.buffer, sample));
            }
            (Format::Json, content) => {
                let from = self.buffer.len();
                lines::write(&mut self.buffer, delivery, content);
                if self.terminal {
                    hide_controls(&mut self.buffer, from);
                }
            }
        }
        let mut out = std::io::stdout().lock();
        // Who has gone away does not come back.
        match out.write_all(&self.buffer).and_then(|()| out.flush()) {
            Ok(()) => Answer::Ok,
            Err(error) => Answer::Fatal(format!("standard output: {error}").into()),
        }
    }
}

/// JSON escapes the control characters of ASCII. Others that terminals obey as well can stand in its strings only.
fn hide_controls(json: &mut Vec<u8>, from: usize) {
    let text = String::from_utf8_lossy(&json[from..]);
    let obeyed = |c: char| !c.is_ascii_control() && text::is_obeyed(c) || c == '\u{7f}';
    if text.contains(obeyed) {
        let hidden = |c: char| if obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
        let hidden: String = text.chars().map(hidden).collect();
        json.truncate(from);
        json.extend_from_slice(hidden.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::hide_controls;

    #[test]
    fn json_on_a_terminal_says_the_same_without_control_characters() {
        let line = serde_json::to_string("ä\u{9b}2J\u{7f}\x1b[2J\u{202e}").expect("JSON");
        let mut shown = format!("\r{line}").into_bytes();
        hide_controls(&mut shown, 1);
        let shown = String::from_utf8(shown).expect("text");
        assert_eq!(shown, "\r\"ä\\u009b2J\\u007f\\u001b[2J\\u202e\"");
        assert_eq!(serde_json::from_str::<String>(&shown[1..]).ok(), serde_json::from_str(&line).ok());
    }
}
