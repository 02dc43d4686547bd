//! What is wrong with a configuration, drawn with the line and a caret.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read configuration `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is no UTF-8.
    #[error("read configuration `{}`: not UTF-8 text (byte {at})", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where the text ends.
        at: usize,
    },
    /// The file can be read, and says something that has no meaning.
    #[error("{0}")]
    Faults(Faults),
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// The bytes of the file that are at fault.
    pub span: Range<usize>,
    /// What to say under them: what was expected, or the remedy.
    pub label: String,
    /// Where to read on.
    pub help: Option<String>,
    /// Another place that it has to do with.
    pub related: Option<(Range<usize>, String)>,
}

impl Fault {
    /// A fault at `span`.
    pub fn new(message: impl Into<String>, span: Range<usize>, label: impl Into<String>) -> Self {
        Self { message: message.into(), span, label: label.into(), help: None, related: None }
    }

    /// Says where to read on.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points to another place.
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// All that is wrong with a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The file's name as it was given.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

impl Faults {
    /// Drawn for a terminal that can show colours, or not.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let drawn: Vec<String> = self.faults.iter().map(|fault| self.draw(fault, &renderer)).collect();
        drawn.join("\n\n")
    }

    fn draw(&self, fault: &Fault, renderer: &Renderer) -> String {
        let mut snippet = Snippet::source(&self.text)
            .path(&self.file)
            .annotation(AnnotationKind::Primary.span(self.clip(&fault.span)).label(&fault.label));
        if let Some((span, label)) = &fault.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(self.clip(span)).label(label));
        }
        let mut group = Level::ERROR.primary_title(&fault.message).element(snippet);
        if let Some(help) = &fault.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// A span that lies in the text, on whole characters.
    fn clip(&self, span: &Range<usize>) -> Range<usize> {
        let floor = |at: usize| self.text.floor_char_boundary(at.min(self.text.len()));
        let start = floor(span.start);
        start..floor(span.end).max(start)
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
