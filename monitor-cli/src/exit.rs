//! How the program ends: 0 as it should be, 1 failed at run time, 2 a gate is closed, 3 stopped by a rule, 4 the books do not close, 64 wrong usage, 78 wrong configuration (`sysexits.h`);
//! a program that was run and has failed gives its own.

use std::io::IsTerminal;
use std::process::ExitCode;

use monitor_core::component::DuplicateType;
use monitor_core::config::ConfigError;
use monitor_core::pipeline::{ReloadError, StartError};

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments name something that there is not.
    Usage(String),
    /// The configuration cannot be used.
    Config(ConfigError),
    /// It went wrong at run time; all of it.
    Run(Vec<String>),
    /// The books of a data folder do not close; what does not agree was printed.
    Books,
    /// A rule is broken by a recording, or has ended the run, or the program that it was to watch has failed, or a test of rules
    /// has: the exit code, and why, in words.
    Ended(u8, String),
    /// A running pipeline does not take a configuration, or there is nothing in it to be used; why not.
    Refused(String),
    /// Whoever read standard output has gone, as `head` does when it has enough.
    NobodyReads,
}

pub(crate) type Outcome = Result<(), Failure>;

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Prices(error) => Self::Config(error),
            error => Self::Run(vec![error.to_string()]),
        }
    }
}

impl From<ReloadError> for Failure {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Start(error) => error.into(),
            error => Self::Run(vec![error.to_string()]),
        }
    }
}

impl From<DuplicateType> for Failure {
    fn from(error: DuplicateType) -> Self {
        Self::Run(vec![format!("register the components: {error}")])
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Run(vec![format!("write to standard output: {error}")]),
        }
    }
}

/// The exit code of wrong arguments, after help or the error was printed.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to tell if even this cannot be printed.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS }
}

/// Why a command failed, in words for people.
pub(crate) fn told(failure: &Failure, colour: bool) -> String {
    match failure {
        Failure::Books | Failure::NobodyReads => String::new(),
        Failure::Usage(error) => format!("error: {error}\n"),
        Failure::Config(ConfigError::Faults(faults)) => format!("{}\n", faults.render(colour)),
        Failure::Config(error) => format!("error: failed to {error}\n"),
        Failure::Run(errors) => errors.iter().map(|error| format!("error: failed to {error}\n")).collect(),
        Failure::Refused(text) | Failure::Ended(_, text) => text.clone(),
    }
}

/// Prints why a command failed, and gives the exit code.
#[expect(clippy::print_stderr, reason = "the one place where failures are told")]
pub(crate) fn code(outcome: Outcome) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", told(&failure, colour));
    match failure {
        Failure::NobodyReads => ExitCode::SUCCESS,
        Failure::Run(_) => ExitCode::FAILURE,
        Failure::Ended(code, _) => ExitCode::from(code),
        Failure::Books => ExitCode::from(4),
        Failure::Usage(_) => ExitCode::from(64),
        Failure::Config(_) | Failure::Refused(_) => ExitCode::from(78),
    }
}
