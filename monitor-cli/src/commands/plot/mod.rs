//! `monitor plot`: a metric of recordings, or the charts of a preset, as pictures: in files, or on the terminal.

mod inline;
mod screen;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use monitor_core::Text;
use monitor_core::config::{ChartSettings, DurationText, PictureFormat};
use monitor_core::store::{Query, Selector, Store, Window};
use monitor_core::suggest::hint;
use monitor_sinks::table::{Exists, NewFile};
use monitor_viz::draw::{self, Figure, Style};
use monitor_viz::{Scope, SeriesConfig, ToFigure, bar, boxes, cdf, heatmap, histogram, line, presets, stacked};
use serde_json::json;

use super::judged;
use super::query::{read, unanswered};
use super::times::{Asked, Flags, Times};
use crate::args::{ChartType, Format, PlotArgs};
use crate::exit::{Failure, Outcome};

/// Pixels of a picture, where nobody says how many.
const SIZE: (u32, u32) = (1_200, 600);

/// Draws what is asked for.
pub(crate) fn plot(args: &PlotArgs) -> Outcome {
    let times = Times::parse(&Flags {
        since: args.since.as_ref(),
        until: args.until.as_ref(),
        at: None,
        window: args.window,
        step: None,
        zone: &args.timezone,
        at_and_step: false,
    })?;
    if args.preset.is_some() { preset(args, &times) } else { metric(args, &times) }
}

fn metric(args: &PlotArgs, times: &Times) -> Outcome {
    let selector: Selector = args.metric.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let chart = chart(args)?;
    // What cannot be written in the end is better known before everything is read.
    let out = args.out.as_deref().map(|path| Out::open(path, args.force)).transpose()?;
    let labels: Vec<Text> = args.by.iter().chain(selector.labels()).cloned().collect();
    let (summary, store) = read(&args.timezone, &args.data, labels)?;
    let window = window(times, &store)?;
    if !args.metric.contains('*') {
        store.query(&Query::new(selector.clone()), window).map_err(unanswered)?;
        has_label(&store, &selector, args.by.as_ref())?;
    }
    let scope = Scope { window, zone: args.timezone.clone() };
    let figure = chart.figure(&store, &scope).map_err(|error| undrawn(&error))?.ok_or_else(|| nothing(args))?;
    let figure = Figure { title: args.title.clone().unwrap_or(figure.title), ..figure };
    match out {
        Some(out) => {
            let path = out.write(&figure, &style(args))?;
            told(args, std::slice::from_ref(&path))?;
            if args.open {
                open(&path)?;
            }
        }
        None => screen::show(&figure, args)?,
    }
    judged(&summary)
}

/// The charts of a preset, into a folder.
fn preset(args: &PlotArgs, times: &Times) -> Outcome {
    let name = args.preset.as_deref().unwrap_or_default();
    let known = [&presets::REFERENCE, &presets::RECOMMENDED];
    let preset = known.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
        let hint = hint(name, &known.map(|preset| preset.name));
        Failure::Usage(format!("--preset: there is no preset `{name}` with charts: {hint}"))
    })?;
    let Some(folder) = &args.out else {
        return Err(Failure::Usage("--preset draws many pictures: add --out FOLDER".to_owned()));
    };
    let chosen: [(&str, bool); 4] = [
        ("--chart", args.chart.is_some()),
        ("--by", args.by.is_some()),
        ("--rolling", args.rolling.is_some()),
        ("--title", args.title.is_some()),
    ];
    if let Some((flag, _)) = chosen.iter().find(|(_, is_given)| *is_given) {
        return Err(Failure::Usage(format!("{flag} is for one metric: a preset has charts of its own")));
    }
    // The place of a metric is a recording's, too.
    let data: Vec<PathBuf> = [PathBuf::from(&args.metric)].into_iter().chain(args.data.iter().cloned()).collect();
    let (summary, store) = read(&args.timezone, &data, Vec::new())?;
    let window = window(times, &store)?;
    let (width, height) = args.size.unwrap_or(SIZE);
    let settings = ChartSettings {
        size: (width, height),
        dpi: args.dpi,
        theme: args.theme.unwrap_or_default(),
        formats: vec![args.format_of_set.unwrap_or(PictureFormat::Png)],
        window: Some(DurationText(window.end.since(window.start))),
        ..ChartSettings::default()
    };
    let drawn =
        presets::draw(preset, &store, &settings, window.end, &args.timezone).map_err(|error| undrawn(&error))?;
    if drawn.is_empty() {
        return Err(nothing(args));
    }
    let exists = if args.force { Exists::Replaced } else { Exists::Kept };
    let mut paths = Vec::new();
    for (name, pictures) in drawn {
        for picture in pictures {
            let file = NewFile::create(&folder.join(format!("{name}.{}", picture.extension)), exists);
            let file = file.map_err(|error| not_written(&error))?;
            file.file().write_all(&picture.bytes).map_err(|error| not_written(&error))?;
            paths.push(file.complete().map_err(|error| not_written(&error))?);
        }
    }
    told(args, &paths)?;
    if args.open {
        open(folder)?;
    }
    judged(&summary)
}

/// The chart that is asked for.
fn chart(args: &PlotArgs) -> Result<Box<dyn ToFigure>, Failure> {
    let kind = args.chart.unwrap_or_default();
    let (metric, by) = (args.metric.clone(), args.by.clone());
    let wrong = |flag: &str, why: &str| Err(Failure::Usage(format!("{flag} {why}")));
    if args.rolling.is_some() && kind != ChartType::Line {
        return wrong("--rolling", "is for --chart line");
    }
    if args.log && !matches!(kind, ChartType::Histogram | ChartType::Cdf | ChartType::Heatmap) {
        return wrong("--log", "is for --chart histogram, cdf or heatmap");
    }
    if args.top.is_some() && by.is_none() {
        return wrong("--top", "is for groups: add --by LABEL");
    }
    let top = args.top.map_or(line::Config::default().top, usize::from);
    let series = vec![SeriesConfig::of(metric.clone())];
    Ok(match (kind, by) {
        (ChartType::Line, by) => {
            // Dots of many groups hide the lines.
            let raw = by.is_none();
            let rolling = args.rolling.unwrap_or_default();
            Box::new(line::Config { series, by, top, rolling, raw, alerts: vec!["*".into()], ..Default::default() })
        }
        (ChartType::Cdf, by) => Box::new(cdf::Config { series, by, top, log: args.log }),
        (ChartType::Box, by) => Box::new(boxes::Config { series, by, top }),
        (ChartType::Histogram, None) => Box::new(histogram::Config { log: args.log, ..histogram::Config::of(metric) }),
        (ChartType::Heatmap, None) => Box::new(heatmap::Config { log: args.log, ..heatmap::Config::of(metric) }),
        (ChartType::Histogram | ChartType::Heatmap, Some(_)) => {
            return wrong("--by", "is not for --chart histogram and heatmap: --chart cdf and box show groups");
        }
        (ChartType::Bar, Some(by)) => Box::new(bar::Config { top, ..bar::Config::of(metric, by) }),
        (ChartType::Stacked, Some(by)) => Box::new(stacked::Config { top, ..stacked::Config::of(metric, by) }),
        (ChartType::Bar | ChartType::Stacked, None) => {
            return wrong("--chart bar and stacked", "show groups: add --by LABEL");
        }
    })
}

/// A label that no series has groups nothing: it is misspelt.
fn has_label(store: &Store, selector: &Selector, by: Option<&Text>) -> Outcome {
    let metrics = store.metrics();
    let metric = selector.stored_metric();
    let Some(summary) = metrics.iter().find(|summary| summary.name == *metric) else { return Ok(()) };
    let known: Vec<&Text> = summary.labels.keys().collect();
    match by.into_iter().chain(selector.labels()).find(|label| !known.contains(label)) {
        Some(label) => {
            Err(Failure::Usage(format!("no series of `{metric}` has a label `{label}`: {}", hint(label, &known))))
        }
        None => Ok(()),
    }
}

fn window(times: &Times, store: &Store) -> Result<Window, Failure> {
    let nothing = || Failure::Run(vec!["draw: there are no samples in the data".to_owned()]);
    match times.over(store.extent().ok_or_else(nothing)?)? {
        Asked::One(window) => Ok(window),
        Asked::Many(_) => unreachable!("there is no --step"),
    }
}

fn style(args: &PlotArgs) -> Style {
    let (width, height) = args.size.unwrap_or(SIZE);
    let settings = ChartSettings {
        size: (width, height),
        dpi: args.dpi,
        theme: args.theme.unwrap_or_default(),
        ..ChartSettings::default()
    };
    monitor_viz::style(&settings)
}

/// A picture that is to be written.
struct Out {
    file: NewFile,
    format: PictureFormat,
}

impl Out {
    fn open(path: &Path, force: bool) -> Result<Self, Failure> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let format = match ending.as_deref() {
            Some("png") => PictureFormat::Png,
            Some("svg") => PictureFormat::Svg,
            _ => {
                let path = path.display();
                return Err(Failure::Usage(format!("--out `{path}` must end in .png or .svg")));
            }
        };
        let exists = if force { Exists::Replaced } else { Exists::Kept };
        let file = NewFile::create(path, exists).map_err(|error| not_written(&error))?;
        Ok(Self { file, format })
    }

    fn write(self, figure: &Figure, style: &Style) -> Result<PathBuf, Failure> {
        let drawn = match self.format {
            PictureFormat::Png => draw::png(figure, style),
            PictureFormat::Svg => draw::svg(figure, style).map(String::into_bytes),
        };
        let bytes = drawn.map_err(|error| undrawn(&error))?;
        self.file.file().write_all(&bytes).map_err(|error| not_written(&error))?;
        self.file.complete().map_err(|error| not_written(&error))
    }
}

/// Tells what was written.
fn told(args: &PlotArgs, paths: &[PathBuf]) -> Outcome {
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", json!({ "files": paths }))?,
        Format::Text => paths.iter().try_for_each(|path| writeln!(out, "{}", path.display()))?,
    }
    Ok(())
}

/// Shows a file in the program that people have for it.
fn open(path: &Path) -> Outcome {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started =
        Command::new(program).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match started {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Run(vec![format!("open `{}`: `{program}` knows no program for it", path.display())])),
        Err(error) => Err(Failure::Run(vec![format!("open `{}` with `{program}`: {error}", path.display())])),
    }
}

fn nothing(args: &PlotArgs) -> Failure {
    let what = if args.preset.is_some() { "the preset's charts".to_owned() } else { format!("`{}`", args.metric) };
    Failure::Run(vec![format!("draw {what}: there is no data in the window; nothing is written")])
}

fn undrawn(error: &dyn std::fmt::Display) -> Failure {
    Failure::Run(vec![format!("draw: {error}")])
}

fn not_written(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::Run(vec![format!("draw: {error}; --force replaces it")]),
        _ => Failure::Run(vec![format!("draw: {error}")]),
    }
}
