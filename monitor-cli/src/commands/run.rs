//! `monitor run`: the pipeline of a configuration.

use std::io::{IsTerminal, Write};

use monitor_core::config::Config;
use monitor_core::pipeline::Builder;

use super::{add_data, drive, judged};
use crate::args::{Format, RunArgs};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::summary;

/// Runs the pipeline and prints the summary.
pub(crate) fn run(args: &RunArgs) -> Outcome {
    let mut config = Config::load(&args.config, &registry()?)?;
    if !args.data.is_empty() {
        config.sources.clear();
    } else if config.sources.is_empty() {
        let file = args.config.display();
        return Err(Failure::Run(vec![format!(
            "run `{file}`: it has no source, so there is nothing to do; add one, or name recordings: monitor run DATA"
        )]));
    }
    // Lines of events in a pipe are not to be mixed with a summary for people.
    let lines = config.sinks.iter().any(|sink| sink.type_name == "stdout") && !std::io::stdout().is_terminal();
    let mut builder = Builder::from_config(config)?;
    if !args.data.is_empty() {
        builder = add_data(builder, &args.data)?;
    }
    let summary = drive(builder)?;
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&summary).expect("a summary is JSON");
            writeln!(std::io::stdout(), "{json}")?;
        }
        Format::Text if lines => write!(std::io::stderr(), "\n{}", summary::text(&summary))?,
        Format::Text => write!(std::io::stdout(), "\n{}", summary::text(&summary))?,
    }
    judged(&summary)
}
