//! A file a command.

pub(crate) mod books;
pub(crate) mod check;
pub(crate) mod components;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod gate;
mod job;
pub(crate) mod plot;
pub(crate) mod query;
pub(crate) mod reload;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod silence;
pub(crate) mod sql;
pub(crate) mod test;
mod times;
pub(crate) mod top;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use monitor_core::pipeline::{Builder, Pipeline, Summary};
use monitor_core::store::Store;
use monitor_sinks::recording;
use signal_hook::iterator::Signals;

use crate::exit::Failure;
use crate::progress::ProgressLine;

/// Adds the recordings of the command line as sources.
fn add_data(builder: Builder, data: &[PathBuf]) -> Result<Builder, Failure> {
    recording::add(builder, data).map_err(|error| Failure::Run(vec![format!("open the recording: {error}")]))
}

/// What Ctrl-C and SIGTERM set; a second one ends the program at once.
fn stop_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    listen(&stop)?;
    Ok(stop)
}

fn listen(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let signals = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];
    if top::is_taken() {
        return listen_beside_a_view(signals, stop);
    }
    for signal in signals {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(stop)))
            .map_err(could_not_listen)?;
    }
    Ok(())
}

/// The same with a view on the terminal, which is given back before a second signal ends the program.
fn listen_beside_a_view(signals: [i32; 2], stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let (mut signals, stop) = (Signals::new(signals).map_err(could_not_listen)?, Arc::clone(stop));
    let listen = move || {
        for _ in signals.forever() {
            if stop.swap(true, Ordering::Relaxed) {
                top::restore();
                signal_hook::low_level::exit(1);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop).map_err(could_not_listen)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn could_not_listen(error: std::io::Error) -> Failure {
    Failure::Run(vec![format!("listen for signals: {error}")])
}

/// Runs a pipeline until its sources end, or until Ctrl-C or SIGTERM.
/// What it has gathered is left to be asked. `look` is called a few times a second.
fn drive(builder: Builder, look: impl FnMut(&mut Pipeline, &AtomicBool)) -> Result<(Summary, Arc<Store>), Failure> {
    let stop = stop_signal()?;
    drive_until(&stop, builder, look)
}

/// The same for whoever has more to do afterwards, which is to be stopped, too.
fn drive_until(
    stop: &AtomicBool,
    builder: Builder,
    mut look: impl FnMut(&mut Pipeline, &AtomicBool),
) -> Result<(Summary, Arc<Store>), Failure> {
    let pipeline = builder.start()?;
    let store = Arc::clone(pipeline.store());
    let mut line = ProgressLine::new();
    let summary = pipeline.wait_or(stop, |pipeline| {
        line.show(pipeline.progress());
        look(pipeline, stop);
    });
    line.clear();
    Ok((summary, store))
}

/// A run that lost something has failed.
fn judged(summary: &Summary) -> Result<(), Failure> {
    let failures = summary.failures();
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failure::Run(failures.into_iter().map(|failure| format!("complete the run: {failure}")).collect()))
}
