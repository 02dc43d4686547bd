//! `monitor replay`: a recording through store and rules, in the time of its events.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use monitor_core::component::{Answer, sink_fn};
use monitor_core::config::{Config, ConfigError};
use monitor_core::pipeline::{Builder, SinkOptions};
use monitor_core::suggest::hint;
use monitor_core::{Kind, KindSet};
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
    let mut builder = add_data(Builder::for_replay(config)?, &args.data)?;
    if args.format == Format::Text {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let text = Text::new(zone, colour);
        let lines = sink_fn(move |delivery| {
            let mut out = if std::io::stdout().is_terminal() { b"\r\x1b[K".to_vec() } else { Vec::new() };
            delivery.events().for_each(|event| text.event(&mut out, event));
            match std::io::stdout().write_all(&out) {
                Ok(()) => Answer::Ok,
                Err(error) => Answer::Fatal(error.into()),
            }
        });
        let options = SinkOptions { accept: KindSet::of(&[Kind::Alert]), ..SinkOptions::default() };
        builder = builder.sink_with("screen", lines, options);
    }
    let mut summary = drive(builder)?;
    let judgement = judged(&summary);
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&summary).expect("a summary is JSON");
            writeln!(std::io::stdout(), "{json}")?;
        }
        Format::Text => {
            summary.sinks.clear();
            write!(std::io::stdout(), "\n{}", summary::text(&summary))?;
        }
    }
    judgement
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
