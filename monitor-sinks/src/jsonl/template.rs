//! Paths with places in them that are filled in from an event: its day, its hour, its kind, its source. No text that an event
//! carries ever becomes part of a path.

use std::path::{Path, PathBuf};

use monitor_core::component::{Dirs, Item};
use monitor_core::suggest::hint;
use monitor_core::{Kind, Timestamp};

/// What may stand in braces.
const WORDS: [&str; 4] = ["date", "hour", "kind", "source"];
/// A name of a source is cut off at so many bytes, far from what a file name may have.
const LONGEST: usize = 100;
/// The source of what the pipeline says itself.
const NO_SOURCE: &str = "monitor";
const HOUR: i64 = 3_600_000_000;

/// A path, with or without places to be filled in.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Date,
    Hour,
    Kind,
    Source,
}

/// All that a path is made of; events that have it in common have a file in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    hour: i64,
    kind: Kind,
    source: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn of(item: &Item<'a>) -> Self {
        let hour = item.time().as_micros().div_euclid(HOUR);
        Self { hour, kind: item.kind(), source: item.source().unwrap_or(NO_SOURCE) }
    }
}

impl Template {
    /// Reads `a/{kind}-{date}.jsonl`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(path: &Path) -> Result<Self, String> {
        let path = path.to_str().ok_or("is not text")?;
        if path.contains(['\0', '\n', '\r']) {
            return Err("has a line break in it, or a NUL".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = path;
        while let Some((text, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(match word {
                "date" => Part::Date,
                "hour" => Part::Hour,
                "kind" => Part::Kind,
                "source" => Part::Source,
                _ => return Err(format!("knows no `{{{word}}}`: {}", hint(word, &WORDS))),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('}'))) {
            return Err("has a `}` without its `{`".to_owned());
        }
        Ok(Self { parts })
    }

    /// The same with its path below the folder of outputs.
    ///
    /// # Errors
    /// When that folder has a name that is not text, and so could not stand in a mark.
    pub(super) fn below(mut self, dirs: &Dirs) -> Result<Self, String> {
        let start = match self.parts.first() {
            Some(Part::Text(_)) => self.parts.remove(0),
            _ => Part::Text(String::new()),
        };
        if let Part::Text(start) = start {
            let whole = dirs.output(Path::new(&start));
            // As it is made of folders and names, without `./`; but where it ends, so does it.
            let whole = whole.components().collect::<PathBuf>();
            let mut text = whole.to_str().ok_or_else(|| format!("`{}` is not text", whole.display()))?.to_owned();
            if (start.is_empty() || start.ends_with('/')) && !text.is_empty() && !text.ends_with('/') {
                text.push('/');
            }
            self.parts.insert(0, Part::Text(text));
        }
        Ok(self)
    }

    /// Whether there is only one file.
    pub(super) fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Where an event goes.
    pub(super) fn fill(&self, place: Place<'_>) -> String {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path += text,
                Part::Date | Part::Hour => {
                    let time = Timestamp::from_micros(place.hour * HOUR).to_utc();
                    let format = if *part == Part::Date { "%Y-%m-%d" } else { "%H" };
                    path += &time.format(format).to_string();
                }
                Part::Kind => path += place.kind.as_str(),
                Part::Source => path += &file_name_part(place.source),
            }
        }
        path
    }

    /// The path of the only file.
    pub(super) fn text(&self) -> String {
        let words = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Date => "{date}",
            Part::Hour => "{hour}",
            Part::Kind => "{kind}",
            Part::Source => "{source}",
        });
        words.collect()
    }

    /// The folder that all of its files are below of.
    pub(super) fn folder(&self) -> PathBuf {
        self.text()[..self.start()].into()
    }

    /// So many bytes are the folder that it names without its words.
    fn start(&self) -> usize {
        match self.parts.first() {
            Some(Part::Text(start)) => start.rfind('/').map_or(0, |slash| slash + 1),
            _ => 0,
        }
    }

    /// The file that notes what was opened.
    pub(super) fn sidecar(&self) -> PathBuf {
        self.folder().join(format!(".{}.opened", self.text()[self.start()..].replace('/', "_")))
    }

    /// Whether it could have been filled in so.
    pub(super) fn matches(&self, path: &str) -> bool {
        matches(&self.parts, path)
    }

    /// Every folder below which there may be files of it, that is there.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let root = self.folder();
        let depth = self.text()[self.start()..].matches('/').count();
        let mut folders = vec![if root.as_os_str().is_empty() { PathBuf::from(".") } else { root }];
        for _ in 0..depth {
            folders = folders.iter().flat_map(|folder| folders_in(folder)).collect();
        }
        folders
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|of| of.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn matches(parts: &[Part], text: &str) -> bool {
    let Some((part, parts)) = parts.split_first() else { return text.is_empty() };
    let digits = |form: &[u8]| {
        text.len() >= form.len()
            && form.iter().zip(text.bytes()).all(
                |(form, byte)| {
                    if *form == b'0' { byte.is_ascii_digit() } else { byte == *form }
                },
            )
            && matches(parts, &text[form.len()..])
    };
    match part {
        Part::Text(start) => text.strip_prefix(start.as_str()).is_some_and(|rest| matches(parts, rest)),
        Part::Date => digits(b"0000-00-00"),
        Part::Hour => digits(b"00"),
        Part::Kind => {
            Kind::ALL.iter().any(|kind| text.strip_prefix(kind.as_str()).is_some_and(|rest| matches(parts, rest)))
        }
        Part::Source => text
            .char_indices()
            .take_while(|(_, c)| is_safe(*c))
            .any(|(at, c)| matches(parts, &text[at + c.len_utf8()..])),
    }
}

/// What a name may have in a path: neither dots nor slashes, so it is never a folder, and nothing that could be taken for the
/// time in the name of a rotated file.
fn is_safe(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

fn file_name_part(name: &str) -> String {
    let mut part: String = name.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    let mut end = part.len().min(LONGEST);
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    part.truncate(end);
    if part.is_empty() { "_".to_owned() } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Template {
        Template::parse(Path::new(path)).expect("a template")
    }

    #[test]
    fn only_words_that_are_known_stand_in_braces() {
        let error = |path: &str| Template::parse(Path::new(path)).expect_err("a fault");
        assert_eq!(error("a/{dat}.jsonl"), "knows no `{dat}`: did you mean `date`?");
        assert_eq!(error("a/{message}.jsonl"), "knows no `{message}`: there are date, hour, kind and source");
        assert_eq!(error("a/{date.jsonl"), "has a `{` without its `}`");
        assert_eq!(error("a/date}.jsonl"), "has a `}` without its `{`");
        assert!(parse("events.jsonl").is_fixed() && !parse("{kind}.jsonl").is_fixed());
    }

    #[test]
    fn a_path_is_filled_in_and_known_again() {
        let template = parse("out/{source}/{date}T{hour}-{kind}.jsonl");
        let place = |source| Place { hour: 494_126, kind: Kind::Metric, source };
        assert_eq!(template.fill(place("app")), "out/app/2026-05-15T14-metric.jsonl");
        for source in ["app", "../../etc", "..", "a/b\0c", "", "Größe 7", &"ü".repeat(500)] {
            let path = template.fill(place(source));
            assert!(template.matches(&path) && path.split('/').count() == 3 && !path.contains(".."), "{path}");
            assert!(path.len() < 160 && !path.contains('\0'), "{path}");
        }
        for other in ["out/a.b/2026-05-15T14-metric.jsonl", "out/app/2026-05-1xT14-metric.jsonl", "app/x", ""] {
            assert!(!template.matches(other), "{other}");
        }
        assert_eq!(template.folder(), Path::new("out/"));
        assert_eq!(template.sidecar(), Path::new("out/.{source}_{date}T{hour}-{kind}.jsonl.opened"));
        let dirs = Dirs { base: "/b".into(), data: "/d".into() };
        let below = |path: &str| parse(path).below(&dirs).expect("text").text();
        assert_eq!(below("{kind}.jsonl"), "/d/{kind}.jsonl");
        assert_eq!(below("./a//{kind}.jsonl"), "/d/a/{kind}.jsonl");
        assert_eq!(below("a/b-{kind}.jsonl"), "/d/a/b-{kind}.jsonl");
        assert_eq!(below("/a/{kind}.jsonl"), "/a/{kind}.jsonl");
    }
}
