//! `monitor report`: recordings as one page to read, or two of them against each other.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use monitor_core::Zone;
use monitor_core::component::{Answer, sink_fn};
use monitor_core::config::{Config, ConfigError};
use monitor_core::pipeline::{Builder, SinkOptions, Summary};
use monitor_core::store::{Limits, Store, Window};
use monitor_core::template::thousands;
use monitor_sinks::table::{Exists, NewFile};
use monitor_viz::report::{Findings, Options, Report, ReportTheme, Run};

use super::query::tell;
use super::times::{Asked, Flags, Times};
use super::{add_data, drive_until, judged, stop_signal};
use crate::args::{ReportArgs, ReportFormat, ThemeName};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::summary;

/// Rules without a file of them.
const PRESET: &str = "recommended";

/// Reads one recording or two, and writes what there is to tell.
pub(crate) fn report(args: &ReportArgs) -> Outcome {
    let runs = runs(args)?;
    let format = format(args)?;
    let zone = zone(args)?;
    let times = times(args, &zone)?;
    // What cannot be written in the end is better known before everything is read.
    let exists = if args.force { Exists::Replaced } else { Exists::Kept };
    let file = args
        .out
        .as_deref()
        .map(|path| NewFile::create(path, exists))
        .transpose()
        .map_err(|error| not_written(&error))?;
    let stop = stop_signal()?;
    let read = runs.iter().map(|data| Read::of(args, data, &times, &stop)).collect::<Result<Vec<_>, _>>()?;
    let options = Options {
        title: args.title.clone(),
        theme: match args.theme {
            ThemeName::Auto => ReportTheme::Auto,
            ThemeName::Light => ReportTheme::Light,
            ThemeName::Dark => ReportTheme::Dark,
        },
        zone,
    };
    let findings: Vec<_> =
        read.iter().map(|read| read.findings.lock().unwrap_or_else(PoisonError::into_inner)).collect();
    let seen: Vec<Run<'_>> = read.iter().zip(&findings).map(|(read, findings)| read.run(args, findings)).collect();
    let report = match seen.as_slice() {
        [a, b] => Report::comparison(a, b, &options),
        _ => Report::of(&seen[0], &options),
    };
    let report = report.map_err(|error| failed(&format!("{error}; nothing is written")))?;
    let text = match format {
        ReportFormat::Html => report.html(),
        ReportFormat::Json => format!("{:#}\n", report.json()),
        ReportFormat::Text => report.text(),
    };
    match file {
        Some(file) => {
            file.file().write_all(text.as_bytes()).map_err(|error| not_written(&error))?;
            let path = file.complete().map_err(|error| not_written(&error))?;
            writeln!(std::io::stdout(), "{}: {} bytes", path.display(), thousands(text.len() as i64))?;
        }
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    let outcome = read.iter().try_for_each(|read| judged(&read.summary));
    drop(seen);
    drop(findings);
    // The process ends here: to take the stores apart would only take time.
    std::mem::forget(read);
    outcome
}

/// What is read: one run or two.
fn runs(args: &ReportArgs) -> Result<Vec<&[PathBuf]>, Failure> {
    match args.data.as_slice() {
        data if args.together => Ok(vec![data]),
        [_] | [_, _] => Ok(args.data.chunks(1).collect()),
        data => Err(Failure::Usage(format!(
            "{} recordings: one is told of, two are compared. Add --together if they are all of one run, or name its folder",
            data.len()
        ))),
    }
}

fn format(args: &ReportArgs) -> Result<ReportFormat, Failure> {
    match (args.format, &args.out) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(ReportFormat::Text),
        (None, Some(path)) => {
            match path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
                Some("html" | "htm") => Ok(ReportFormat::Html),
                Some("json") => Ok(ReportFormat::Json),
                Some("txt") => Ok(ReportFormat::Text),
                _ => {
                    let path = path.display();
                    Err(Failure::Usage(format!(
                        "--out `{path}` does not tell the format: add --format (html, json, text)"
                    )))
                }
            }
        }
    }
}

fn zone(args: &ReportArgs) -> Result<Zone, Failure> {
    match &args.timezone {
        Some(zone) => Ok(zone.clone()),
        None => Ok(config(args)?.settings.timezone.0),
    }
}

fn times(args: &ReportArgs, zone: &Zone) -> Result<Times, Failure> {
    Times::parse(&Flags {
        since: args.since.as_ref(),
        until: args.until.as_ref(),
        at: None,
        window: args.window,
        step: None,
        zone,
        at_and_step: false,
    })
}

/// The rules, and the settings beside them.
fn config(args: &ReportArgs) -> Result<Config, Failure> {
    let registry = registry()?;
    let mut config = if let Some(path) = &args.rules {
        Config::load(path, &registry)?
    } else {
        let text = format!("presets = [\"{PRESET}\"]");
        Config::parse(&text, "preset", PathBuf::new(), &registry).map_err(ConfigError::Faults)?
    };
    // A report tells nobody but who asked for it.
    config.sources.clear();
    config.sinks.clear();
    config.charts.clear();
    Ok(config)
}

/// A recording that was read.
struct Read {
    name: String,
    summary: Summary,
    store: Arc<Store>,
    findings: Arc<Mutex<Findings>>,
    window: Window,
}

impl Read {
    fn of(args: &ReportArgs, data: &[PathBuf], times: &Times, stop: &Arc<AtomicBool>) -> Result<Self, Failure> {
        let window = window(args, data, times, stop)?;
        let findings = Arc::new(Mutex::new(Findings::new(window)));
        let seen = Arc::clone(&findings);
        let sink = sink_fn(move |delivery| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            delivery.items().iter().for_each(|item| seen.push(*item));
            Answer::Ok
        });
        let builder = builder(args, data)?.evaluate_at_end().sink_with("report", sink, SinkOptions::default());
        let (summary, store) = drive_until(stop, builder, |_, _| {})?;
        finished(&summary)?;
        let mut notes = String::new();
        summary::not_used(&summary, &mut notes).expect("memory takes it");
        tell(&notes);
        Ok(Self { name: name(data), summary, store, findings, window })
    }

    fn run<'a>(&'a self, args: &ReportArgs, findings: &'a Findings) -> Run<'a> {
        let rules = args
            .rules
            .as_deref()
            .map_or_else(|| format!("the preset {PRESET}"), |path| format!("the rules of {}", file_name(path)));
        Run {
            name: self.name.clone(),
            store: &self.store,
            findings,
            summary: &self.summary,
            rules,
            window: self.window,
        }
    }
}

fn builder(args: &ReportArgs, data: &[PathBuf]) -> Result<Builder, Failure> {
    let mut builder = Builder::for_replay(config(args)?)?.limits(Limits::whole_recording());
    if let Some(zone) = &args.timezone {
        builder = builder.zone(zone.clone());
    }
    add_data(builder, data)
}

/// What of the recording is meant. A length before its end is known only once all of it was read.
fn window(args: &ReportArgs, data: &[PathBuf], times: &Times, stop: &Arc<AtomicBool>) -> Result<Window, Failure> {
    let extent = if times.needs_data() {
        let extent = Arc::new(Mutex::new(Findings::new(Window::ALL)));
        let seen = Arc::clone(&extent);
        let sink = sink_fn(move |delivery| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            delivery.items().iter().for_each(|item| seen.see(item.time()));
            Answer::Ok
        });
        let builder = builder(args, data)?.without_store().sink_with("extent", sink, SinkOptions::default());
        let (summary, _) = drive_until(stop, builder, |_, _| {})?;
        finished(&summary)?;
        let extent = extent.lock().unwrap_or_else(PoisonError::into_inner).extent();
        extent.ok_or_else(|| failed(&format!("{} holds no events; nothing is written", name(data))))?
    } else {
        Window::ALL
    };
    match times.over(extent)? {
        Asked::One(window) => Ok(window),
        Asked::Many(_) => unreachable!("there is no --step"),
    }
}

fn finished(summary: &Summary) -> Outcome {
    if summary.interrupted {
        return Err(failed("it was interrupted, and nothing is written"));
    }
    Ok(())
}

/// What a run is called: nobody who gets the report is told where on a disk it was.
fn name(data: &[PathBuf]) -> String {
    let first = data.first().map_or_else(String::new, |path| file_name(path));
    match data.len() {
        0 | 1 => first,
        many => format!("{first} and {} more", many - 1),
    }
}

fn file_name(path: &Path) -> String {
    // `.` and `..` have no name until they are looked up.
    let named = if path.file_name().is_some() { path.to_owned() } else { path.canonicalize().unwrap_or_default() };
    named.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn failed(error: &str) -> Failure {
    Failure::Run(vec![format!("report: {error}")])
}

fn not_written(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => failed(&format!("{error}; --force replaces it")),
        _ => failed(&error.to_string()),
    }
}
