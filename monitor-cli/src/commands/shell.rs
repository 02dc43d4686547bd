//! `monitor completions` and `monitor man`: what a shell and a reader of manuals need.

use clap::CommandFactory;

use crate::args::{Args, CompletionsArgs};
use crate::exit::Outcome;

/// Prints a completion script.
pub(crate) fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "monitor", &mut script);
    print(&script)
}

/// Prints the manual page: the program, then each command.
pub(crate) fn man() -> Outcome {
    let mut page = Vec::new();
    let command = Args::command();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for command in command.get_subcommands() {
        let name = format!("monitor {}", command.get_name());
        let command = command.clone().display_name(name.clone()).bin_name(name);
        let man = clap_mangen::Man::new(command);
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&page)
}

fn print(bytes: &[u8]) -> Outcome {
    use std::io::Write;
    std::io::stdout().write_all(bytes)?;
    Ok(())
}
