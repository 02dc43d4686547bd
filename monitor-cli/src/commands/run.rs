//! `monitor run`: the pipeline of a configuration.

use std::io::{IsTerminal, Write};

use monitor_core::config::Config;
use monitor_core::pipeline::Builder;

use super::reload::Reloader;
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
    // Lines of events in a pipe are not to be mixed with a summary.
    let lines = config.sinks.iter().any(|sink| sink.type_name == "stdout") && !std::io::stdout().is_terminal();
    // Before the data folder is taken: whoever finds us there may signal at once.
    let reloader = Reloader::new(&args.config)?;
    let mut builder = Builder::from_config(config)?;
    if !args.data.is_empty() {
        builder = add_data(builder, &args.data)?;
    }
    let (summary, _) = drive(builder, |pipeline, stop| reloader.look(pipeline, stop))?;
    let out = |text: &str| {
        if lines { std::io::stderr().write_all(text.as_bytes()) } else { std::io::stdout().write_all(text.as_bytes()) }
    };
    match args.format {
        Format::Json => out(&format!("{}\n", serde_json::to_string_pretty(&summary).expect("a summary is JSON")))?,
        Format::Text => out(&format!("\n{}", summary::text(&summary)))?,
    }
    judged(&summary)
}
