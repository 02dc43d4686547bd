//! The `monitor` binary. It only assembles: every command is a pipeline, or a look at what can be in one.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod logging;
mod progress;
mod registry;
mod summary;
mod table;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    logging::start(&args.log);
    let result = match args.command {
        Command::Run(args) => commands::run::run(&args),
        Command::Replay(args) => commands::replay::replay(&args),
        Command::Gate(args) => commands::gate::gate(&args),
        Command::Test(args) => commands::test::test(&args),
        Command::Query(args) => commands::query::query(&args),
        Command::Plot(args) => commands::plot::plot(&args),
        Command::Sql(args) => commands::sql::sql(&args),
        Command::Export(args) => commands::export::export(&args),
        Command::Report(args) => commands::report::report(&args),
        Command::Reload(args) => commands::reload::reload(&args),
        Command::Silence(args) => commands::silence::silence(&args),
        Command::Status(args) => commands::books::status(&args),
        Command::Top(args) => commands::top::top(&args),
        Command::Audit(args) => commands::books::audit(&args),
        Command::Check(args) => commands::check::check(&args),
        Command::Components(args) => commands::components::components(&args),
        Command::Explain(args) => commands::explain::explain(&args),
        Command::Sample(args) => commands::explain::sample(&args),
        Command::Completions(args) => commands::shell::completions(&args),
        Command::Man => commands::shell::man(),
    };
    exit::code(result)
}
