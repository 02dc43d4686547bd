//! `monitor run`: the pipeline of a configuration, and the program that it watches.

use std::io::{IsTerminal, Write};
use std::sync::atomic::AtomicBool;

use monitor_core::config::Config;
use monitor_core::pipeline::{Builder, Pipeline, Summary};

use super::job::{Ended, Job};
use super::reload::Reloader;
use super::top::RunView;
use super::{add_data, drive, judged};
use crate::args::{Format, RunArgs};
use crate::exit::{Failure, Outcome, told};
use crate::registry::registry;
use crate::summary;
use crate::table::clean;

/// The exit code of a run that a rule has ended.
const STOPPED: u8 = 3;

/// Runs the pipeline and prints the summary.
pub(crate) fn run(args: &RunArgs) -> Outcome {
    let mut config = Config::load(&args.config, &registry()?)?;
    let file = args.config.display();
    if !args.data.is_empty() {
        config.sources.clear();
    } else if config.sources.is_empty() {
        return Err(Failure::Run(vec![format!(
            "run `{file}`: it has no source, so there is nothing to do; add one, or name recordings: monitor run DATA"
        )]));
    } else if !args.command.is_empty() && config.sources.iter().all(|source| source.config.bounded()) {
        return Err(Failure::Run(vec![format!(
            "run `{file}`: none of its sources would see what the command does; add one of the type \"stdin\", which \
             reads what it prints, or a file with follow = true"
        )]));
    }
    let read = config.sources.iter().any(|source| source.type_name == "stdin");
    let job = Job::new(&args.command, args.grace, read)?;
    // Lines of events in a pipe, or what the command prints there, are not to be mixed with a summary.
    let taken = config.sinks.iter().any(|sink| sink.type_name == "stdout") || (job.is_some() && !read);
    let taken = taken && !std::io::stdout().is_terminal();
    let timeout = config.settings.shutdown_timeout.0;
    let keyboard = read && job.is_none() && args.data.is_empty() && std::io::stdin().is_terminal();
    // Before anything else is printed, or listens for signals.
    let begin = || RunView::begin(&config, args.config.display().to_string(), keyboard);
    let mut view = args.top.then(begin).transpose()?;
    // Before the data folder is taken: whoever finds us there may signal at once.
    let reloader = Reloader::new(&args.config)?;
    let mut builder = Builder::from_config(config)?;
    if !args.data.is_empty() {
        builder = add_data(builder, &args.data)?;
    }
    let look = |pipeline: &mut Pipeline, stop: &AtomicBool| {
        reloader.look(pipeline, stop);
        if let Some(view) = &mut view {
            view.look(pipeline);
        }
    };
    let (summary, store, ended) = match job {
        None => {
            let (summary, store) = drive(builder.end_on_stop(), look)?;
            (summary, Some(store), None)
        }
        Some(job) => {
            let (summary, ended) = job.run(builder, timeout, look)?;
            (summary, None, Some(ended))
        }
    };
    if let Some(view) = view {
        view.end(&summary, store);
    }
    let out = |text: &str| {
        if taken { std::io::stderr().write_all(text.as_bytes()) } else { std::io::stdout().write_all(text.as_bytes()) }
    };
    match args.format {
        Format::Json => out(&format!("{}\n", serde_json::to_string_pretty(&summary).expect("a summary is JSON")))?,
        Format::Text => out(&format!("\n{}", summary::text(&summary)))?,
    }
    outcome(&summary, ended.as_ref())
}

/// What a rule has ended is told before what has failed by itself.
fn outcome(summary: &Summary, ended: Option<&Ended>) -> Outcome {
    let judged = judged(summary);
    let (code, why) = match (&summary.stopped, ended.and_then(Ended::failure)) {
        (Some(reason), _) => {
            (STOPPED, format!("stopped by rule `{}`: {}", clean(&reason.rule), clean(&reason.message)))
        }
        (None, Some(failure)) => failure,
        (None, None) => return judged,
    };
    let also = judged.err().map_or_else(String::new, |failure| told(&failure, false));
    Err(Failure::Ended(code, format!("{also}{why}\n")))
}
