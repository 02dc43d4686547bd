//! The command line: one definition for parsing, help, completions and the manual page.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use monitor_core::config::{PictureFormat, ThemeSetting};
use monitor_core::store::Aggregate;
use monitor_core::time::parse_duration;
use monitor_core::{Kind, Text, Zone};
use monitor_viz::line::Rolling;

/// Monitoring for work done by language models.
///
/// Takes in events (generations, evaluations, metrics, logs), keeps a windowed store of the numbers in them, checks alert
/// rules, draws charts, and hands every event to sinks. All of it is set up by one file, monitor.toml.
#[derive(Debug, Parser)]
#[command(name = "monitor", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The program's own log, to stderr")]
pub(crate) struct LogArgs {
    /// What is logged: error, warn, info, debug or trace; the environment variable MONITOR_LOG says the same
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level)]
    pub(crate) log_level: Option<tracing::Level>,
    /// How it is logged
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: Format,
}

fn level(text: &str) -> Result<tracing::Level, String> {
    text.parse().map_err(|_| "there are error, warn, info, debug and trace".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the pipeline of a configuration, until its sources end or until Ctrl-C
    Run(RunArgs),
    /// Send a recording through store and rules, in the time of its events: what would have fired, when, and for how long
    Replay(ReplayArgs),
    /// Hold a recording against rules, as in CI: exit code 2 if one of them is broken
    Gate(GateArgs),
    /// Run unit tests of rules: what comes in, and how rules stand at which times; exit code 1 if one fails
    Test(TestArgs),
    /// Ask recordings for the statistics of a metric: of one window or of many, in groups
    Query(QueryArgs),
    /// Draw a metric of recordings, or the charts of a preset: on the terminal, or as PNG or SVG
    Plot(PlotArgs),
    /// Ask recordings in SQL: samples, events, and every metric by its name are tables
    #[cfg_attr(not(feature = "polars"), command(hide = true))]
    Sql(SqlArgs),
    /// Write recordings as files that other programs read: CSV, Excel, JSON, Parquet, SQLite, or lines of events
    Export(ExportArgs),
    /// Make one HTML page of a recording, which needs no network; or tell what differs between two, and what of it is likely noise
    Report(ReportArgs),
    /// Have the pipeline that runs on a data folder go on by its changed configuration; a bad one changes nothing
    Reload(ReloadArgs),
    /// Keep people from being told of alerts for a while, and list or end such silences
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Show how far each sink and each followed file of a data folder is, also while a pipeline runs on it
    Status(FolderArgs),
    /// Show a data folder on the terminal, live while a pipeline runs on it: rates, times, tokens, cost, errors, alerts
    Top(TopArgs),
    /// Recount the events of a data folder from disk; exit code 4 if the books do not close
    Audit(FolderArgs),
    /// Check a configuration: everything that can be said without touching the world
    Check(CheckArgs),
    /// List the component types and presets there are
    Components(ComponentsArgs),
    /// Explain a component type and its keys, as in: monitor explain sink.jsonl
    Explain(TypeArgs),
    /// Print a sample table of a component type, to be put into monitor.toml
    Sample(TypeArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 all is well; 1 something was lost or failed; 3 a rule with action = \"stop\" has ended the \
                        run; 64 wrong arguments; 78 a wrong configuration. If COMMAND has failed, its own; 128 + N if \
                        signal N has ended it."
)]
pub(crate) struct RunArgs {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "monitor.toml")]
    pub(crate) config: PathBuf,
    /// Read these recordings instead of the sources of the configuration
    #[arg(value_name = "DATA")]
    pub(crate) data: Vec<PathBuf>,
    /// Run this program and watch it: a source of the type stdin reads what it prints. The run ends with it, and a rule with
    /// action = "stop" ends both
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "data")]
    pub(crate) command: Vec<OsString>,
    /// How long COMMAND, and all that it has started, may take to end once a rule or Ctrl-C tells it to; then it is killed
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "10s", requires = "command")]
    pub(crate) grace: Duration,
    /// Show the run on the terminal while it goes on; ? tells the keys
    #[arg(long)]
    pub(crate) top: bool,
    /// How the final summary is written
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Keys: w or 1 to 5 the window, g what rows are grouped by, s what they are sorted by, arrows scroll, a the \
                        rules that hold, l what was said, ? all keys, q quit. Nothing is written to the folder. Events are read from what sinks write \
                        there: lines within a second; other forms, as a database, are read anew as they change. How rules and sinks \
                        are is read from the spool, which pipelines of level L1 and L2 have. NO_COLOR=1 is without colours; without \
                        UTF-8 in LC_ALL, LC_CTYPE or LANG all is ASCII."
)]
pub(crate) struct TopArgs {
    /// The data folder: `data_dir` of the configuration; or a recording
    #[arg(value_name = "DATA_DIR", default_value = "monitoring")]
    pub(crate) folder: PathBuf,
    /// Zone of times without one in the data, and of times shown: local, UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(crate) timezone: Zone,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// The data folder: `data_dir` of the configuration
    #[arg(value_name = "DATA_DIR", default_value = "monitoring")]
    pub(crate) folder: PathBuf,
    /// How it is written
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReloadArgs {
    /// The data folder: `data_dir` of the configuration
    #[arg(value_name = "DATA_DIR", default_value = "monitoring")]
    pub(crate) folder: PathBuf,
    /// How long to wait for the answer
    #[arg(long, value_name = "LENGTH", value_parser = length, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// How it is written
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Silence rules from now on; a pipeline that runs on the folder heeds it from its next tick
    Add(SilenceArgs),
    /// List the silences that hold, and those to come
    List(FolderArgs),
    /// End a silence now
    End(EndSilenceArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SilenceArgs {
    /// The rule; * stands for any characters
    #[arg(long, value_name = "RULE", value_parser = filled)]
    pub(crate) rule: String,
    /// Only groups with label=value, label!=value, label=~expression or label!~expression; can be given more than once
    #[arg(long = "where", id = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// For how long
    #[arg(long = "for", id = "for", value_name = "LENGTH", value_parser = length)]
    pub(crate) lasts: Duration,
    /// Why, for those who wonder
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    pub(crate) reason: String,
    /// The data folder: `data_dir` of the configuration
    #[arg(value_name = "DATA_DIR", default_value = "monitoring")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EndSilenceArgs {
    /// Its number, as `monitor silence list` tells it
    #[arg(value_name = "NUMBER")]
    pub(crate) id: u64,
    /// The data folder: `data_dir` of the configuration
    #[arg(value_name = "DATA_DIR", default_value = "monitoring")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Take rules and settings from this configuration; its sources, sinks and charts are left out
    #[arg(short = 'c', long, visible_alias = "config", value_name = "FILE", conflicts_with = "preset")]
    pub(crate) rules: Option<PathBuf>,
    /// Without a configuration: the rules of this preset
    #[arg(long, value_name = "NAME", default_value = "reference")]
    pub(crate) preset: String,
    /// Replay under this configuration, too, and tell what differs between its rules (old) and the others (new)
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// How the outcome is written: lines for people, or one JSON object
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A rule is broken if it has fired at any time; rules are evaluated every `metrics_interval`, and at the last \
                        event. What a rule says nothing of for want of data does not break it, unless it has no_data = \
                        \"alert\". Exit codes: 0 no rule is broken; 1 the data could not be read, or there is none; 2 a rule \
                        is broken; 64 wrong arguments; 78 a wrong configuration."
)]
pub(crate) struct GateArgs {
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// The rules: a configuration, of which sources, sinks and charts are left out
    #[arg(short, long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// A table for people, one JSON object, or XML as JUnit writes it, which CI systems show
    #[arg(long, default_value = "text")]
    pub(crate) format: GateFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For CI systems
    Junit,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The keys of such a file: monitor explain test. Each test begins with rules that have seen nothing."
)]
pub(crate) struct TestArgs {
    /// Files of tests
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How the outcome is written: lines for people, or one JSON object
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "monitor query [OPTIONS] <METRIC> <DATA>...\n       monitor query --list [OPTIONS] <DATA>...",
    after_help = "A TIME is RFC 3339, the same without a zone, a Unix number, or a length before the last moment of the \
                  data, as in -10m. A LENGTH is written as in 90s, 5m or 1h 30m."
)]
pub(crate) struct QueryArgs {
    /// The metric, as in generation_time, model_usage:gpt-4o or generation_time{model_name=gpt-4o}
    #[arg(value_name = "METRIC", required = true)]
    pub(crate) metric: String,
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required_unless_present = "list")]
    pub(crate) data: Vec<PathBuf>,
    /// List the metrics that there are
    #[arg(long, conflicts_with_all = ["window", "at", "since", "until", "step", "by", "where", "agg", "top", "exact"])]
    pub(crate) list: bool,
    /// The last LENGTH up to the end; with --step, the length of each window, which is the step without it
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(crate) window: Option<Duration>,
    /// Where the window ends; the last moment of the data without it
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with_all = ["since", "until", "step"])]
    pub(crate) at: Option<String>,
    /// Where it begins; with --step, where the first window ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Where it ends; with --step, no window ends later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Many windows: one that ends at each of since, since + step, … until; all of the data, at whole steps, without these two
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(crate) step: Option<Duration>,
    /// A group for every combination of the values of these labels; any attribute of the events can be named
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    pub(crate) by: Vec<Text>,
    /// Only series with label=value, label!=value, label=~expression or label!~expression; can be given more than once
    #[arg(long = "where", id = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// What to tell: count, sum, mean, min, max, stddev, p50, p90, p95, p99, rate, first, last
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "count,mean,min,max,p50,p99")]
    pub(crate) agg: Vec<Aggregate>,
    /// Only the COUNT largest groups, the largest first
    #[arg(long, value_name = "COUNT", requires = "by")]
    pub(crate) top: Option<usize>,
    /// Largest by this aggregate; the first of --agg without it
    #[arg(long, value_name = "NAME", requires = "top")]
    pub(crate) order: Option<Aggregate>,
    /// Percentiles from all samples, also where these are many
    #[arg(long)]
    pub(crate) exact: bool,
    /// Zone of times without one, here and in the data, and of times shown: local, UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(crate) timezone: Zone,
    /// A table for people; for programs, every window and group as an object of a JSON list, or as a line of CSV
    #[arg(long, default_value = "text")]
    pub(crate) format: RowFormat,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "monitor plot [OPTIONS] <METRIC> <DATA>...\n       monitor plot --preset[=NAME] --out FOLDER [OPTIONS] <DATA>...",
    after_help = "A TIME is RFC 3339, the same without a zone, a Unix number, or a length before the last moment of the \
                  data, as in -10m. A LENGTH is written as in 90s, 5m or 1h 30m. Files appear whole or not at all."
)]
pub(crate) struct PlotArgs {
    /// The metric, as in generation_time, generation_time{model_name=gpt-4o} or evaluation_score_*
    #[arg(value_name = "METRIC", required = true)]
    pub(crate) metric: String,
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required_unless_present = "preset")]
    pub(crate) data: Vec<PathBuf>,
    /// The file, whose ending says how it is drawn: .png or .svg; on the terminal without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How it is drawn
    #[arg(long, value_name = "TYPE")]
    pub(crate) chart: Option<ChartType>,
    /// A line, curve, box or bar for every value of this label; any attribute of the events can be named
    #[arg(long, value_name = "LABEL")]
    pub(crate) by: Option<Text>,
    /// Only the COUNT largest groups, and the rest as one
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) top: Option<u16>,
    /// What a point of a line is the mean of: so many samples, or those of a LENGTH
    #[arg(long, value_name = "COUNT|LENGTH", value_parser = rolling)]
    pub(crate) rolling: Option<Rolling>,
    /// Values by powers of ten
    #[arg(long)]
    pub(crate) log: bool,
    /// Only the last LENGTH up to the end
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(crate) window: Option<Duration>,
    /// Where it begins
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Where it ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Draw the charts of a preset into the folder --out: reference without a NAME, or recommended
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "reference")]
    pub(crate) preset: Option<String>,
    /// How the charts of a preset are drawn
    #[arg(long = "as", value_name = "FORMAT", requires = "preset", value_parser = picture_format)]
    pub(crate) format_of_set: Option<PictureFormat>,
    /// The heading
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Width and height in pixels, at 100 dots an inch
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub(crate) size: Option<(u32, u32)>,
    /// Dots an inch: 200 gives twice as many pixels
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u32).range(10..=1_000))]
    pub(crate) dpi: u32,
    /// Dark ink on white (light), or light ink on black (dark)
    #[arg(long, value_name = "THEME", value_parser = theme)]
    pub(crate) theme: Option<ThemeSetting>,
    /// Show the file, or the folder, in the program that you have for it
    #[arg(long)]
    pub(crate) open: bool,
    /// How it is shown on a terminal: as a picture where it can, or as this
    #[arg(long, value_name = "WAY", default_value = "auto")]
    pub(crate) inline: Inline,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Zone of times without one, here and in the data, and of times shown: local, UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(crate) timezone: Zone,
    /// How the files that were written are told: lines for people, or one JSON object
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChartType {
    /// The rolling mean over time
    #[default]
    Line,
    /// How often values of some size occur
    Histogram,
    /// Which share of the values is no larger
    Cdf,
    /// The quartiles of every group, and what lies far from them
    Box,
    /// How often values of some size occur, over time
    Heatmap,
    /// The sum of every group
    Bar,
    /// How many there are of every group, over time
    Stacked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inline {
    /// As the terminal can
    Auto,
    /// In characters
    Text,
    /// A picture, as kitty and Ghostty take it
    Kitty,
    /// A picture, as iTerm2 and WezTerm take it
    Iterm,
    /// A picture, as xterm, foot and Konsole take it
    Sixel,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parts =
        text.split_once(['x', '×']).and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parts {
        Some((width, height)) if (240..=16_384).contains(&width) && (160..=16_384).contains(&height) => {
            Ok((width, height))
        }
        Some(_) => Err("it must be at least 240x160 and at most 16384x16384".to_owned()),
        None => Err("it is written as in 1200x600".to_owned()),
    }
}

fn rolling(text: &str) -> Result<Rolling, String> {
    match (text.parse(), length(text)) {
        (Ok(0), _) => Err("it must be at least 1".to_owned()),
        (Ok(count), _) => Ok(Rolling::Samples(count)),
        (_, Ok(length)) => Ok(Rolling::Time(length)),
        _ => Err("it is a number of samples or a length of time, as in 10 or 5m".to_owned()),
    }
}

fn theme(text: &str) -> Result<ThemeSetting, String> {
    match text {
        "light" => Ok(ThemeSetting::Light),
        "dark" => Ok(ThemeSetting::Dark),
        _ => Err("there are light and dark".to_owned()),
    }
}

fn picture_format(text: &str) -> Result<PictureFormat, String> {
    match text {
        "png" => Ok(PictureFormat::Png),
        "svg" => Ok(PictureFormat::Svg),
        _ => Err("there are png and svg".to_owned()),
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Tables: samples (timestamp, metric, value, feedback, and a column a label), events (a column a field, \
                        metadata as JSON), and every metric by its name, as samples of it. An attribute that the query \
                        names is a label. Example: select model_name, mean(value), count(*) from generation_time group by 1"
)]
pub(crate) struct SqlArgs {
    /// The query
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Zone of times without one, here and in the data, of times shown, and of days and hours: local, UTC, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(crate) timezone: Zone,
    /// A table for people; for programs, every row as an object of a JSON list, or as a line of CSV
    #[arg(long, default_value = "text")]
    pub(crate) format: RowFormat,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A TIME is RFC 3339, the same without a zone, a Unix number, or a length before the last moment of the \
                  data, as in -10m. A LENGTH is written as in 90s, 5m or 1h 30m. Files appear whole or not at all."
)]
pub(crate) struct ExportArgs {
    /// Recordings: files in any form that is written here, lines also compressed, or a folder of them
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// The file; CSV in parts gives metrics_generation_time.csv and so on for metrics.csv
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How it is written; the ending of the file tells it, too
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// Only the last LENGTH up to the end
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(crate) window: Option<Duration>,
    /// Where it begins
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Where it ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// Only these metrics, * standing for any characters; with ndjson and sqlite the events that yield them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) metric: Vec<String>,
    /// Only events with label=value, label!=value, label=~expression or label!~expression; can be given more than once
    #[arg(long = "where", id = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<String>,
    /// Only these kinds of events
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) kind: Vec<Kind>,
    /// A file, a sheet or a folder for every value of these: metric, date, or an attribute; none for one table
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) by: Option<Vec<Text>>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) force: bool,
    /// Write what the files hold: rows, times, hashes, version; beside them without FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, without a value, with one")]
    pub(crate) manifest: Option<Option<PathBuf>>,
    /// Zone of times without one, here and in the data and in JSON: local, UTC, +02:00, Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(crate) timezone: Zone,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "monitor report [OPTIONS] <DATA>\n       monitor report [OPTIONS] <A> <B>\n       monitor report [OPTIONS] --together <DATA>...",
    after_help = "Without --out a summary is printed. A TIME is RFC 3339, the same without a zone, a Unix number, or a length \
                  before the last moment of the data, as in -10m. A LENGTH is written as in 90s, 5m or 1h 30m. The same data give \
                  the same file, byte for byte."
)]
pub(crate) struct ReportArgs {
    /// A recording: a file in any form that is written here, lines also compressed, or a folder of them. Of two, A and B, it is told
    /// how B differs from A
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// All DATA are one run
    #[arg(long)]
    pub(crate) together: bool,
    /// The file, as in report.html
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How it is written: a page, its figures for programs, or a summary; the ending of the file tells it, too
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ReportFormat>,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// When would have fired what: the rules and settings of this configuration; the preset recommended without it
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Only the last LENGTH up to the end
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub(crate) window: Option<Duration>,
    /// Where it begins
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Where it ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    /// The heading; the name of the recording without it
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    pub(crate) title: Option<String>,
    /// Dark on white, light on black, or as whoever reads it has set
    #[arg(long, value_name = "THEME", default_value = "auto")]
    pub(crate) theme: ThemeName,
    /// Zone of times without one, here and in the data, and of times shown: local, UTC, +02:00, Europe/Berlin; that of the rules
    /// without it
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<Zone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page that needs no network
    Html,
    /// Its figures, for programs
    Json,
    /// What matters, for a terminal
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeName {
    /// As whoever reads it has set
    Auto,
    /// Dark ink on white
    Light,
    /// Light ink on near-black
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Values between commas, a file a metric
    Csv,
    /// A workbook, a sheet a metric
    Excel,
    /// A list of samples for each metric
    Json,
    /// Events, a line each
    Ndjson,
    /// Columns, compressed
    Parquet,
    /// A database of events, with views to ask
    Sqlite,
}

impl ExportFormat {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Excel => "excel",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Sqlite => "sqlite",
        }
    }
}

fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn length(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(length) if length < Duration::from_micros(1) => Err("it must be at least 1us".to_owned()),
        Ok(length) => Ok(length),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "monitor.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ComponentsArgs {
    /// How the list is written
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TypeArgs {
    /// The component type, as in sink.jsonl, or a preset, as in preset.recommended; for explain also config, prices, metrics, test, or a kind alone
    #[arg(value_name = "KIND.TYPE")]
    pub(crate) component: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// For people
    Text,
    /// A list of objects
    Json,
    /// A header, then lines
    Csv,
}
