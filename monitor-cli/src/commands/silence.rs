//! `monitor silence`: nobody is told of some alerts for a while. The silences are a file of the data folder.

use std::io::Write;
use std::path::Path;

use monitor_core::alerting::{Silence, SilenceError, Silences};
use monitor_core::time::format_duration;
use monitor_core::{Clock, Timestamp, Zone};

use crate::args::{EndSilenceArgs, FolderArgs, Format, SilenceArgs, SilenceCommand};
use crate::exit::{Failure, Outcome};
use crate::table::{clean, table};

/// Adds, lists or ends silences.
pub(crate) fn silence(command: &SilenceCommand) -> Outcome {
    match command {
        SilenceCommand::Add(args) => add(args),
        SilenceCommand::List(args) => list(args),
        SilenceCommand::End(args) => end(args),
    }
}

fn add(args: &SilenceArgs) -> Outcome {
    let now = Clock::System.now();
    let mut silences = read(&args.folder)?;
    let silence = Silence {
        id: 0,
        rule: args.rule.clone(),
        labels: args.conditions.clone(),
        from: now,
        until: now.plus(args.lasts),
        reason: args.reason.clone(),
    };
    let added = silences.add(silence, now).map_err(|error| Failure::Usage(error.to_string()))?.clone();
    silences.write(&args.folder).map_err(failed("write the silences"))?;
    writeln!(std::io::stdout(), "silence {}: {}", added.id, words(&added))?;
    Ok(())
}

fn list(args: &FolderArgs) -> Outcome {
    let now = Clock::System.now();
    let silences = read(&args.folder)?;
    let silences: Vec<&Silence> = silences.iter().filter(|silence| now < silence.until).collect();
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => {
            writeln!(out, "{}", serde_json::to_string_pretty(&silences).expect("silences are JSON"))?;
        }
        Format::Text if silences.is_empty() => writeln!(out, "no silence holds in `{}`", args.folder.display())?,
        Format::Text => {
            let rows = silences.into_iter().map(|silence| {
                let left = format_duration(silence.until.since(now.max(silence.from)));
                let groups = silence.labels.join(" ");
                vec![
                    silence.id.to_string(),
                    silence.rule.clone(),
                    groups,
                    shown(silence.until),
                    left,
                    silence.reason.clone(),
                ]
            });
            writeln!(out, "{}", table(&["silence", "rule", "where", "until", "left", "reason"], 1..1, rows))?;
        }
    }
    Ok(())
}

fn end(args: &EndSilenceArgs) -> Outcome {
    let mut silences = read(&args.folder)?;
    let ended = silences.end(args.id, Clock::System.now()).map_err(failed("end the silence"))?.clone();
    silences.write(&args.folder).map_err(failed("write the silences"))?;
    writeln!(std::io::stdout(), "silence {} has ended: {}", ended.id, words(&ended))?;
    Ok(())
}

fn read(folder: &Path) -> Result<Silences, Failure> {
    if !folder.is_dir() {
        let why = "it is `data_dir` of the configuration, and a pipeline makes it when it starts";
        return Err(Failure::Run(vec![format!("find the data folder `{}`: {why}", folder.display())]));
    }
    Silences::read(folder).map_err(failed("read the silences"))
}

fn failed(what: &'static str) -> impl Fn(SilenceError) -> Failure {
    move |error| Failure::Run(vec![format!("{what}: {error}")])
}

fn words(silence: &Silence) -> String {
    let groups = if silence.labels.is_empty() { String::new() } else { format!(" where {}", silence.labels.join(" ")) };
    clean(&format!("{}{groups} until {} ({})", silence.rule, shown(silence.until), silence.reason))
}

fn shown(moment: Timestamp) -> String {
    moment.to_local(&Zone::Local).format("%Y-%m-%d %H:%M:%S").to_string()
}
