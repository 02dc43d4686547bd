//! `monitor reload`, and SIGHUP: a running pipeline goes on by its changed configuration, or says why not.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use monitor_core::config::{Config, Fate};
use monitor_core::pipeline::{Pipeline, Reloaded, is_held};
use serde::{Deserialize, Serialize};

use crate::args::{Format, ReloadArgs};
use crate::exit::{Failure, Outcome, told};
use crate::registry::registry;

/// Whoever wants a reload makes this file in the data folder. A signal would have to find the right process.
const REQUEST_FILE: &str = "reload.request";
/// Where the pipeline says in its data folder what the last reload came to.
const OUTCOME_FILE: &str = "reload.json";

/// What a reload came to, in words.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    /// Whether the changed configuration holds now.
    applied: bool,
    /// What has changed, a line each; or why nothing has.
    text: String,
    /// Which components.
    changes: serde_json::Value,
}

/// Reloads a pipeline whenever it is told to.
pub(crate) struct Reloader {
    config: PathBuf,
    wanted: Arc<AtomicBool>,
    /// Whether somebody sits in front of it.
    attended: bool,
}

impl Reloader {
    /// Listens for SIGHUP.
    pub(crate) fn new(config: &Path) -> Result<Self, Failure> {
        let wanted = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&wanted))
            .map_err(|error| Failure::Run(vec![format!("listen for signals: {error}")]))?;
        Ok(Self { config: config.to_owned(), wanted, attended: std::io::stderr().is_terminal() })
    }

    /// Reloads the configuration if that is wanted; a terminal that was closed ends the program instead.
    pub(crate) fn look(&self, pipeline: &mut Pipeline, stop: &AtomicBool) {
        let signalled = self.wanted.swap(false, Ordering::Relaxed);
        let requested = std::fs::remove_file(pipeline.data_dir().join(REQUEST_FILE)).is_ok();
        if !signalled && !requested {
            return;
        }
        if signalled && self.attended && !std::io::stderr().is_terminal() {
            stop.store(true, Ordering::Relaxed);
            return;
        }
        let said = match self.reload(pipeline) {
            Ok(reloaded) => {
                let text = text(&reloaded);
                tracing::info!("reloaded the configuration: {}", text.trim_end().replace('\n', "; "));
                Said { applied: true, text, changes: serde_json::to_value(&reloaded).expect("names are JSON") }
            }
            Err(failure) => {
                let text = told(&failure, false);
                tracing::error!("failed to reload the configuration, nothing has changed: {}", text.trim_end());
                Said { applied: false, text, changes: serde_json::Value::Null }
            }
        };
        let path = pipeline.data_dir().join(OUTCOME_FILE);
        let part = path.with_extension("part");
        let json = serde_json::to_vec(&said).expect("text is JSON");
        if let Err(error) = std::fs::write(&part, json).and_then(|()| std::fs::rename(&part, &path)) {
            tracing::error!("failed to say what the reload came to: `{}`: {error}", path.display());
        }
    }

    fn reload(&self, pipeline: &mut Pipeline) -> Result<Reloaded, Failure> {
        let config = Config::load(&self.config, &registry()?)?;
        Ok(pipeline.reload(config)?)
    }
}

fn text(reloaded: &Reloaded) -> String {
    let settings = reloaded.settings.iter().map(|key| format!("`{key}` changed\n"));
    let components = reloaded.components.iter().map(|change| {
        let fate = match change.fate {
            Fate::Added => "added",
            Fate::Changed => "changed",
            Fate::Removed => "removed",
            Fate::Same => "as it was",
        };
        format!("{} `{}` {fate}\n", change.kind, change.name)
    });
    let changed: String = settings.chain(components).collect();
    let untouched = match reloaded.untouched {
        1 => "1 component goes on as it was".to_owned(),
        many => format!("{many} components go on as they were"),
    };
    if changed.is_empty() { format!("nothing has changed: {untouched}\n") } else { format!("{changed}{untouched}\n") }
}

/// Has the pipeline of a data folder reload its configuration, and tells what that came to.
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
pub(crate) fn reload(args: &ReloadArgs) -> Outcome {
    let began = Instant::now();
    let failed = |error: String| Failure::Run(vec![format!("reload: {error}")]);
    let held = || is_held(&args.folder).map_err(|error| failed(error.to_string()));
    let folder = args.folder.display();
    if !held()? {
        return Err(failed(format!("no pipeline runs on the data folder `{folder}`")));
    }
    let (request, answer) = (args.folder.join(REQUEST_FILE), args.folder.join(OUTCOME_FILE));
    // That of an earlier one.
    drop(std::fs::remove_file(&answer));
    std::fs::write(&request, "").map_err(|error| failed(format!("`{}`: {error}", request.display())))?;
    let said = loop {
        if let Some(said) = std::fs::read(&answer).ok().and_then(|json| serde_json::from_slice::<Said>(&json).ok()) {
            break said;
        }
        let late = began.elapsed() >= args.timeout;
        if late || !held()? {
            drop(std::fs::remove_file(&request));
            let why = if late { "has not answered in time; its log may say why" } else { "has ended" };
            return Err(failed(format!("the pipeline on `{folder}` {why}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&said).expect("text is JSON");
            writeln!(std::io::stdout(), "{json}")?;
        }
        Format::Text if said.applied => write!(std::io::stdout(), "{}", said.text)?,
        Format::Text => {}
    }
    if said.applied { Ok(()) } else { Err(Failure::Refused(said.text)) }
}
