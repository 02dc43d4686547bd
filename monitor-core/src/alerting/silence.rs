//! Silences: alerts that nobody is to be told of for a while. They are a file of the data folder, which a pipeline that runs
//! there reads again when it has changed.

use std::io;
use std::path::{Path, PathBuf};

use glob::Pattern;
use serde::{Deserialize, Serialize};

use crate::sample::Labels;
use crate::store::{ParseSelectorError, Selector};
use crate::{Text, Timestamp};

/// Its name in the data folder.
pub const SILENCES_FILE: &str = "silences.json";

/// One silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Its number, by which it can be ended.
    pub id: u64,
    /// The rules, `*` standing for any characters.
    pub rule: String,
    /// What the labels of a group must be, as "model_name=gpt-4o"; of all groups without it.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// From when on.
    pub from: Timestamp,
    /// Until when, this moment not included.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// The silences of a data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences {
    list: Vec<Silence>,
}

/// Silences that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    /// The file cannot be read or written.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It holds no silences.
    #[error("`{}` does not hold silences: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: serde_json::Error,
    },
    /// The rules are no pattern.
    #[error("`{rule}` is no pattern of rules: {error}")]
    Rule {
        /// The pattern.
        rule: String,
        /// Why not.
        error: glob::PatternError,
    },
    /// A condition on labels cannot be read.
    #[error(transparent)]
    Labels(#[from] ParseSelectorError),
    /// There is none of this number.
    #[error("there is no silence {0}")]
    Unknown(u64),
}

impl Silence {
    /// Whether it holds at a moment.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether nobody is to be told of this rule's group.
    pub fn covers(&self, rule: &str, labels: &Labels) -> bool {
        let rules = Pattern::new(&self.rule).is_ok_and(|pattern| pattern.matches(rule));
        rules && self.selector().is_ok_and(|selector| selector.matches(labels))
    }

    fn selector(&self) -> Result<Selector, ParseSelectorError> {
        self.labels.iter().try_fold(Selector::metric("*"), |all, condition| all.and_text(condition))
    }
}

impl Silences {
    /// Reads those of a data folder; none if there is no file.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, SilenceError> {
        let path = folder.join(SILENCES_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(list) => Ok(Self { list }),
                Err(error) => Err(SilenceError::Json { path, error }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SilenceError::Io { path, error }),
        }
    }

    /// Writes them to a data folder; the file appears whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<(), SilenceError> {
        let path = folder.join(SILENCES_FILE);
        let part = path.with_added_extension("part");
        let json = serde_json::to_vec_pretty(&self.list).expect("silences are JSON, and memory takes it");
        let written = std::fs::write(&part, json).and_then(|()| std::fs::rename(&part, &path));
        written.map_err(|error| SilenceError::Io { path, error })
    }

    /// All of them, also those that are over.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.list.iter()
    }

    /// Adds one, and gives it the next number; those that were over for a day go.
    ///
    /// # Errors
    /// When its rule or its conditions cannot be read.
    pub fn add(&mut self, silence: Silence, now: Timestamp) -> Result<&Silence, SilenceError> {
        let rule = silence.rule.clone();
        Pattern::new(&rule).map_err(|error| SilenceError::Rule { rule, error })?;
        silence.selector()?;
        let id = self.list.iter().map(|known| known.id).max().unwrap_or(0) + 1;
        self.list.retain(|known| now.since(known.until) < std::time::Duration::from_secs(24 * 3_600));
        self.list.push(Silence { id, ..silence });
        Ok(self.list.last().expect("one was added"))
    }

    /// Ends one now.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn end(&mut self, id: u64, now: Timestamp) -> Result<&Silence, SilenceError> {
        let silence = self.list.iter_mut().find(|silence| silence.id == id).ok_or(SilenceError::Unknown(id))?;
        silence.until = silence.until.min(now);
        Ok(silence)
    }

    /// The one that keeps people from being told of a group now.
    pub(super) fn covering(&self, rule: &Text, labels: &Labels, now: Timestamp) -> Option<u64> {
        let mut active = self.list.iter().filter(|silence| silence.is_active(now));
        active.find(|silence| silence.covers(rule, labels)).map(|silence| silence.id)
    }
}

/// The silences of a folder on which a pipeline runs.
#[derive(Debug)]
pub(super) struct Watched {
    folder: PathBuf,
    /// Of the file, when it was read.
    seen: Option<(std::time::SystemTime, u64)>,
    pub(super) silences: Silences,
}

impl Watched {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, seen: None, silences: Silences::default() }
    }

    /// Reads the file if it has changed. One that cannot be read changes nothing.
    pub(super) fn look(&mut self) {
        let metadata = std::fs::metadata(self.folder.join(SILENCES_FILE));
        let seen = metadata.and_then(|metadata| Ok((metadata.modified()?, metadata.len()))).ok();
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        match Silences::read(&self.folder) {
            Ok(silences) => self.silences = silences,
            Err(error) => tracing::error!("failed to read the silences, those of before stay: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(rule: &str, labels: &[&str]) -> Silence {
        Silence {
            id: 0,
            rule: rule.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            from: Timestamp::from_secs(10),
            until: Timestamp::from_secs(20),
            reason: "because".to_owned(),
        }
    }

    #[test]
    fn they_come_back_and_end() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Silences::read(folder.path()).expect("none"), Silences::default());
        let mut silences = Silences::default();
        let now = Timestamp::from_secs(12);
        assert_eq!(silences.add(silence("slow_*", &["model_name=a"]), now).expect("valid").id, 1);
        assert_eq!(silences.add(silence("other", &[]), now).expect("valid").id, 2);
        silences.write(folder.path()).expect("a folder");
        assert_eq!(Silences::read(folder.path()).expect("written"), silences);

        let group = |model: &str| [("model_name", model.to_owned())].into_iter().collect();
        let covering = |silences: &Silences, rule: &str, model: &str, second| {
            silences.covering(&Text::new(rule), &group(model), Timestamp::from_secs(second))
        };
        assert_eq!(covering(&silences, "slow_calls", "a", 9), None);
        assert_eq!(covering(&silences, "slow_calls", "a", 10), Some(1));
        assert_eq!(covering(&silences, "slow_calls", "b", 10), None);
        assert_eq!(covering(&silences, "other", "b", 19), Some(2));
        assert_eq!(covering(&silences, "other", "b", 20), None);
        silences.end(1, now).expect("it is there");
        assert_eq!(covering(&silences, "slow_calls", "a", 12), None);
        assert!(matches!(silences.end(7, now), Err(SilenceError::Unknown(7))));
        // A day after it is over one is forgotten, and its number is not given again.
        assert_eq!(silences.add(silence("x", &[]), Timestamp::from_secs(100_000)).expect("valid").id, 3);
        assert_eq!(silences.iter().count(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut silences = Silences::default();
        let mut add = |rule, labels: &[&str]| silences.add(silence(rule, labels), Timestamp::MIN).map(drop);
        assert!(add("a[", &[]).expect_err("no pattern").to_string().starts_with("`a[` is no pattern of rules"));
        assert!(matches!(add("a", &["model_name"]), Err(SilenceError::Labels(_))));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(SILENCES_FILE), "[{]").expect("a folder");
        assert!(matches!(Silences::read(folder.path()), Err(SilenceError::Json { .. })));
    }
}
