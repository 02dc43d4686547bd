//! The command line: one definition for parsing, help, completions and the manual page.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Send a recording through store and rules, in the time of its events: what would have fired, and when
    Replay(ReplayArgs),
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
pub(crate) struct RunArgs {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "monitor.toml")]
    pub(crate) config: PathBuf,
    /// Read these recordings instead of the sources of the configuration
    #[arg(value_name = "DATA")]
    pub(crate) data: Vec<PathBuf>,
    /// How the final summary is written
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Recordings: events as NDJSON, metrics.jsonl, afterimage.log, plain or gzip
    #[arg(value_name = "DATA", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Take rules and settings from this configuration; its sources, sinks and charts are left out
    #[arg(short, long, value_name = "FILE", conflicts_with = "preset")]
    pub(crate) config: Option<PathBuf>,
    /// Without a configuration: the rules of this preset
    #[arg(long, value_name = "NAME", default_value = "reference")]
    pub(crate) preset: String,
    /// How the outcome is written: lines for people, or one JSON object
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
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
    /// The component type, as in sink.jsonl, or a preset, as in preset.recommended; for explain also config, prices, or a kind alone
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
