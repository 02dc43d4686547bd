//! `monitor check`: everything that can be said of a configuration and its file of prices without touching the world.

use std::io::Write;

use monitor_core::config::Config;

use crate::args::CheckArgs;
use crate::exit::Outcome;
use crate::registry::registry;

/// Checks the configuration and says what is in it.
pub(crate) fn check(args: &CheckArgs) -> Outcome {
    let config = Config::load(&args.config, &registry()?)?;
    config.prices()?;
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let parts = [
        counted(config.sources.len(), "source"),
        counted(config.sinks.len(), "sink"),
        counted(config.rules.len(), "rule"),
        counted(config.charts.len(), "chart"),
    ];
    writeln!(std::io::stdout(), "{} is fine: {}", args.config.display(), parts.join(", "))?;
    Ok(())
}
