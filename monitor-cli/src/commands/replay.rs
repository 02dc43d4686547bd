//! `monitor replay`: a recording through store and rules, in the time of its events.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use monitor_core::config::{Config, ConfigError};
use monitor_core::pipeline::Builder;
use monitor_core::suggest::hint;
use monitor_sinks::stdout::Text;

use super::{add_data, drive, judged};
use crate::args::{Format, ReplayArgs};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::summary;

/// Replays the recordings and prints what would have fired, and when.
pub(crate) fn replay(args: &ReplayArgs) -> Outcome {
    let mut config = rules(args)?;
    // A replay tells nobody but who asked for it.
    config.sources.clear();
    config.sinks.clear();
    config.charts.clear();
    let zone = config.settings.timezone.0.clone();
    let builder = add_data(Builder::for_replay(config)?, &args.data)?;
    let (summary, _) = drive(builder, |_, _| {})?;
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&summary).expect("a summary is JSON");
            writeln!(std::io::stdout(), "{json}")?;
        }
        Format::Text => {
            let mut out = std::io::stdout();
            let text = Text::new(zone, out.is_terminal() && std::env::var_os("NO_COLOR").is_none());
            let mut lines = Vec::new();
            // Those that the rules made now: a recording may hold alerts of its own.
            summary.alerts.iter().for_each(|event| text.event(&mut lines, event));
            out.write_all(&lines)?;
            write!(out, "\n{}", summary::text(&summary))?;
        }
    }
    if summary.interrupted {
        return Err(Failure::Run(vec!["replay all of it: it was interrupted".to_owned()]));
    }
    judged(&summary)
}

fn rules(args: &ReplayArgs) -> Result<Config, Failure> {
    let registry = registry()?;
    if let Some(path) = &args.config {
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
