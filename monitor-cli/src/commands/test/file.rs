//! Files of tests: their keys, and what can be said of them before a test runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use monitor_core::alerting::Phase;
use monitor_core::component::{Registry, Validate};
use monitor_core::config::{Config, ConfigError, DurationText, Fault, Faults, parse_toml, read_text};
use monitor_core::sample::Labels;
use monitor_core::suggest::{hint, hint_or};
use monitor_core::{AlertState, Level, Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::values::expand;

/// Tests of rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct File {
    /// The configurations whose rules are tested, together, relative to this file; settings are those of the first.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) rules: Vec<Spanned<PathBuf>>,
    /// Presets whose rules are tested, too, or without any configuration.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) presets: Vec<Spanned<Text>>,
    /// The tests, each a table [[test]]. Each begins with rules that have seen nothing.
    pub(super) test: Vec<Test>,
}

impl Validate for File {}

/// A test: what comes in, and what is expected to be so.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Test {
    /// What it shows.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// How often rules are evaluated; the metrics_interval of the configuration without it.
    pub(super) interval: Option<DurationText>,
    /// When it begins. Without it with the first event of its files, at a whole interval, or else at 2026-01-01T00:00:00Z.
    #[schemars(with = "Option<String>")]
    pub(super) start: Option<Timestamp>,
    /// What comes in, each a table [[test.input]].
    #[serde(default)]
    pub(super) input: Vec<Input>,
    /// How rules are expected to stand, each a table [[test.expect]].
    #[serde(default)]
    pub(super) expect: Vec<Expect>,
    /// The messages that are expected to go out, all of them and no others, each a table [[test.messages]]; an empty list for
    /// none. Without the key anything may. A test lasts until its inputs have ended and the last time that it names has come.
    pub(super) messages: Option<Vec<Told>>,
}

/// What comes in: samples of a metric, or a file of events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Input {
    /// The metric of a series, as in "success_rate".
    #[schemars(with = "Option<String>")]
    pub(super) metric: Option<Spanned<Text>>,
    /// The labels of the series.
    #[serde(default)]
    pub(super) labels: BTreeMap<Text, Text>,
    /// The time from one value to the next; the first is at the start. The interval of the test without it.
    pub(super) every: Option<DurationText>,
    /// The values, as promtool has them: 1, 1x3 (1 and 3 more), 1+2x3 (1 3 5 7), 1-2x3, _ (no sample), _x3 (3 times none).
    #[schemars(with = "Option<String>")]
    pub(super) values: Option<Spanned<String>>,
    /// Instead of a metric: a file of lines as monitor reads them, relative to this file. Its events keep their own times.
    #[schemars(with = "Option<String>")]
    pub(super) file: Option<Spanned<PathBuf>>,
}

/// How a rule is expected to stand at a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Expect {
    /// When, from the start.
    pub(super) at: DurationText,
    /// The rule.
    #[schemars(with = "String")]
    pub(super) rule: Spanned<Text>,
    /// The group, of a rule that is grouped.
    #[serde(default)]
    pub(super) labels: BTreeMap<Text, Text>,
    /// How it stands after the last evaluation up to then.
    pub(super) state: Phase,
    /// How grave it is, if that is to be looked at.
    pub(super) level: Option<Level>,
    /// What people were told last, if that is to be looked at.
    pub(super) message: Option<String>,
}

/// A message that is expected to go out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::commands) struct Told {
    /// When, from the start.
    pub(super) at: DurationText,
    /// The rule.
    #[schemars(with = "String")]
    pub(super) rule: Spanned<Text>,
    /// The group, of a rule that is grouped.
    #[serde(default)]
    pub(super) labels: BTreeMap<Text, Text>,
    /// Whether it says that the rule fires (a reminder does, too), or that it is over.
    pub(super) state: AlertState,
    /// How grave it is, if that is to be looked at.
    pub(super) level: Option<Level>,
    /// Its words, if these are to be looked at.
    pub(super) message: Option<String>,
}

/// A file of tests with its place, and what it tests.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) base: PathBuf,
    pub(super) file: File,
}

impl Loaded {
    /// Reads a file and looks for everything that can be wrong with it.
    pub(super) fn read(path: &Path, registry: &Registry) -> Result<Self, ConfigError> {
        let (name, text) = (path.display().to_string(), read_text(path)?);
        let file = parse_toml::<File>(&text, &name, "monitor explain test").map_err(ConfigError::Faults)?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let loaded = Self { name, base, file };
        let mut faults = loaded.unknown_presets(registry);
        if faults.is_empty() {
            loaded.faults(&loaded.parts(registry)?, &mut faults);
        }
        faults.sort_by_key(|fault| fault.span.start);
        if faults.is_empty() {
            return Ok(loaded);
        }
        Err(ConfigError::Faults(Faults { file: loaded.name, text, faults }))
    }

    /// The rules that are tested, which have seen nothing.
    pub(super) fn config(&self, registry: &Registry) -> Result<Config, ConfigError> {
        let mut parts = self.parts(registry)?.into_iter().map(|(_, config)| config);
        let mut config = parts.next().unwrap_or_default();
        config.rules.extend(parts.flat_map(|part| part.rules));
        Ok(config)
    }

    fn unknown_presets(&self, registry: &Registry) -> Vec<Fault> {
        if self.file.rules.is_empty() && self.file.presets.is_empty() {
            let remedy = "name a configuration, rules = [\"monitor.toml\"], or presets = [\"recommended\"]";
            return vec![Fault::new("nothing is tested", 0..0, remedy)];
        }
        let known: BTreeSet<&str> = registry.presets().iter().map(|preset| preset.name).collect();
        let unknown = self.file.presets.iter().filter(|preset| !known.contains(preset.get_ref().as_str()));
        let known: Vec<&str> = known.iter().copied().collect();
        let fault = |preset: &Spanned<Text>| {
            let name = preset.get_ref();
            Fault::new(format!("unknown preset `{name}`"), preset.span(), hint(name, &known))
        };
        unknown.map(fault).collect()
    }

    /// The configurations, and where the file names them; there is one at least.
    fn parts(&self, registry: &Registry) -> Result<Vec<(Range<usize>, Config)>, ConfigError> {
        let of_file = |path: &Spanned<PathBuf>| Config::load(&self.base.join(path.get_ref()), registry);
        let of_preset = |preset: &Spanned<Text>| {
            let text = format!("presets = [\"{}\"]", preset.get_ref());
            Config::parse(&text, "preset", self.base.clone(), registry).map_err(ConfigError::Faults)
        };
        let files = self.file.rules.iter().map(|path| Ok((path.span(), of_file(path)?)));
        files.chain(self.file.presets.iter().map(|preset| Ok((preset.span(), of_preset(preset)?)))).collect()
    }

    fn faults(&self, parts: &[(Range<usize>, Config)], faults: &mut Vec<Fault>) {
        let mut rules: Vec<&str> = Vec::new();
        for (place, config) in parts {
            for rule in &config.rules {
                if rules.contains(&rule.name.as_str()) {
                    let message = format!("the rule `{}` is there twice", rule.name);
                    faults.push(Fault::new(message, place.clone(), "leave one of the configurations out"));
                } else {
                    rules.push(&rule.name);
                }
            }
        }
        let labels = parts[0].1.settings.labels();
        let unknown = |rule: &Spanned<Text>| {
            let known = rules.contains(&rule.get_ref().as_str());
            let fault =
                || Fault::new(format!("unknown rule `{}`", rule.get_ref()), rule.span(), hint(rule.get_ref(), &rules));
            (!known).then(fault)
        };
        for test in &self.file.test {
            let (name, span) = (test.name.get_ref(), test.name.span());
            if test.expect.is_empty() && test.messages.is_none() {
                let remedy = "add a table [[test.expect]], or messages = [] if nobody is to be told anything";
                faults.push(Fault::new(format!("test `{name}` expects nothing"), span.clone(), remedy));
            }
            if test.interval.as_ref().is_some_and(|interval| interval.0.is_zero()) {
                let message = format!("wrong interval of test `{name}`");
                faults.push(Fault::new(message, span.clone(), "it must be longer than nothing"));
            }
            faults.extend(test.input.iter().filter_map(|input| input.fault(name, &span, &labels)));
            let messages = test.messages.iter().flatten();
            faults.extend(test.expect.iter().map(|expect| &expect.rule).filter_map(unknown));
            faults.extend(messages.map(|message| &message.rule).filter_map(unknown));
        }
    }
}

impl Input {
    fn fault(&self, test: &str, place: &Range<usize>, known: &[&str]) -> Option<Fault> {
        let fault = |span, label: String| Some(Fault::new(format!("wrong input of test `{test}`"), span, label));
        let (metric, values) = match (&self.metric, &self.values, &self.file) {
            (Some(metric), Some(values), None) => (metric, values),
            (None, None, Some(_)) if self.labels.is_empty() && self.every.is_none() => return None,
            (Some(metric), None, None) => return fault(metric.span(), "`values` must stand beside it".to_owned()),
            (.., Some(file)) => {
                return fault(file.span(), "it stands alone: events have their own metrics and times".to_owned());
            }
            (None, ..) => return fault(place.clone(), "an input needs `metric` and `values`, or `file`".to_owned()),
        };
        if let Some(label) = self.labels.keys().find(|label| !known.contains(&label.as_str())) {
            let remedy = format!("make it one: [store] labels = [\"{label}\"]");
            return fault(metric.span(), format!("`{label}` is no label; {}", hint_or(label, known, &remedy)));
        }
        if self.every.as_ref().is_some_and(|every| every.0.is_zero()) {
            return fault(metric.span(), "`every` must be longer than nothing".to_owned());
        }
        expand(values.get_ref()).err().and_then(|error| fault(values.span(), error))
    }

    /// The metric and its values, if it is a series.
    pub(super) fn series(&self) -> Option<(&Text, Vec<Option<f64>>)> {
        let values = expand(self.values.as_ref()?.get_ref()).expect("it was looked at when the file was read");
        Some((self.metric.as_ref()?.get_ref(), values))
    }
}

/// Labels as the file has them.
pub(super) fn labels(pairs: &BTreeMap<Text, Text>) -> Labels {
    pairs.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}
