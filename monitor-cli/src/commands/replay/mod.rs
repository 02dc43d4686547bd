//! `monitor replay`: a recording through store and rules, in the time of its events. With `--against` through two sets of
//! rules, to see what a change of them would have changed.

mod chart;
mod compare;
mod timeline;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use monitor_core::config::{Config, ConfigError};
use monitor_core::pipeline::{Builder, Summary};
use monitor_core::store::Window;
use monitor_core::suggest::hint;
use monitor_sinks::stdout::Text;
use serde_json::Value;

use super::{add_data, drive_until, judged, stop_signal};
use crate::args::{Format, ReplayArgs};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::summary;

/// What a set of rules came to.
struct Replayed {
    summary: Summary,
    /// From the first to the last moment of the recording.
    over: Window,
}

/// Replays the recordings and prints what would have fired, and when.
pub(crate) fn replay(args: &ReplayArgs) -> Outcome {
    let rules = rules(args)?;
    let zone = rules.settings.timezone.0.clone();
    let stop = stop_signal()?;
    let mut out = std::io::stdout();
    if let Some(path) = &args.against {
        let against = Config::load(path, &registry()?)?;
        can_be_read_twice(&args.data)?;
        let against = Replayed::of(against, &args.data, &stop)?;
        finished(&against.summary)?;
        let rules = Replayed::of(rules, &args.data, &stop)?;
        finished(&rules.summary)?;
        match args.format {
            Format::Json => write_json(&compare::json(&rules, &against))?,
            Format::Text => {
                let names = [path.display().to_string(), name(args)];
                write!(out, "{}", compare::text(&rules, &against, &names, &zone))?;
            }
        }
        return judged(&against.summary).and_then(|()| judged(&rules.summary));
    }
    let replayed = Replayed::of(rules, &args.data, &stop)?;
    match args.format {
        Format::Json => write_json(&replayed.json())?,
        Format::Text => {
            let text = Text::new(zone.clone(), out.is_terminal() && std::env::var_os("NO_COLOR").is_none());
            let mut lines = Vec::new();
            // Those that the rules made now: a recording may hold alerts of its own.
            replayed.summary.alerts.iter().for_each(|event| text.event(&mut lines, event));
            out.write_all(&lines)?;
            write!(out, "{}\n{}", timeline::text(&replayed, &zone), summary::text(&replayed.summary))?;
        }
    }
    finished(&replayed.summary)?;
    judged(&replayed.summary)
}

impl Replayed {
    fn of(mut config: Config, data: &[PathBuf], stop: &AtomicBool) -> Result<Self, Failure> {
        // A replay tells nobody but who asked for it.
        config.sources.clear();
        config.sinks.clear();
        config.charts.clear();
        let builder = add_data(Builder::for_replay(config)?, data)?;
        let (summary, store) = drive_until(stop, builder, |_, _| {})?;
        // The store may have let go of the beginning.
        let times = summary.incidents.iter().flat_map(|incident| [Some(incident.fired), incident.until]).flatten();
        let (first, last) = (times.clone().min(), times.max());
        let kept = store.extent();
        let start = kept.map(|kept| kept.start).into_iter().chain(first).min().unwrap_or_default();
        let end = kept.map(|kept| kept.end).into_iter().chain(last).max().unwrap_or_default();
        Ok(Self { summary, over: Window { start, end } })
    }

    fn json(&self) -> Value {
        serde_json::to_value(&self.summary).expect("a summary is JSON")
    }
}

fn write_json(json: &Value) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{json:#}")
}

fn finished(summary: &Summary) -> Outcome {
    if summary.interrupted {
        return Err(Failure::Run(vec!["replay all of it: it was interrupted".to_owned()]));
    }
    Ok(())
}

/// A pipe is empty the second time.
fn can_be_read_twice(data: &[PathBuf]) -> Outcome {
    let once = |path: &&PathBuf| path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    match data.iter().find(once) {
        Some(path) => {
            let error = format!("--against reads the recordings twice, and `{}` can be read once", path.display());
            Err(Failure::Usage(format!("{error}: write it to a file first")))
        }
        None => Ok(()),
    }
}

/// What the rules are called.
fn name(args: &ReplayArgs) -> String {
    args.rules.as_deref().map_or_else(|| format!("preset {}", args.preset), |path: &Path| path.display().to_string())
}

fn rules(args: &ReplayArgs) -> Result<Config, Failure> {
    let registry = registry()?;
    if let Some(path) = &args.rules {
        return Ok(Config::load(path, &registry)?);
    }
    let known: std::collections::BTreeSet<&str> = registry.presets().iter().map(|preset| preset.name).collect();
    if !known.contains(args.preset.as_str()) {
        let known: Vec<&str> = known.into_iter().collect();
        return Err(Failure::Usage(format!("unknown preset `{}`: {}", args.preset, hint(&args.preset, &known))));
    }
    let text = format!("presets = [\"{}\"]", args.preset);
    Config::parse(&text, "preset", PathBuf::new(), &registry).map_err(|faults| ConfigError::Faults(faults).into())
}
