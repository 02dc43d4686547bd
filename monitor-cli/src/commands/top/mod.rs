//! `monitor top`, and `monitor run --top`: a view on the terminal, live.
//!
//! A pipeline that runs elsewhere is looked at from outside: its recordings are read as they grow, and its books as they are written.
//! Nothing is written to its folder.

mod feed;
mod folder;
mod run;
mod screen;
mod show;

pub(crate) use run::RunView;
pub(super) use screen::{is_taken, restore};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use monitor_core::alerting::Standing;
use monitor_core::pipeline::is_held;
use monitor_core::spool::{Books, SPOOL_FILE};
use monitor_core::{Clock, Zone};
use monitor_viz::top::{Account, Phase, SinkLine};

use self::feed::Feed;
use self::screen::Screen;
use self::show::{Between, Now, Shown};
use super::could_not_listen;
use crate::args::TopArgs;
use crate::exit::{Failure, Outcome};

/// How often it is looked how the pipeline goes on.
const EVERY: Duration = Duration::from_secs(1);

/// Shows a data folder until the view is left.
pub(crate) fn top(args: &TopArgs) -> Outcome {
    let folder = &args.folder;
    if !folder.exists() {
        return Err(Failure::Run(vec![format!(
            "show `{}`: it does not exist; name the `data_dir` of a configuration, as in: monitor top DATA_DIR; or run the \
             pipeline with the view: monitor run --top",
            folder.display()
        )]));
    }
    let mut feed = Feed::open(folder, &args.timezone)?;
    if feed.is_empty() && !folder.join(SPOOL_FILE).exists() && !runs(folder) {
        return Err(Failure::Run(vec![format!(
            "show `{}`: there is neither a recording in it nor a spool, and no pipeline runs on it; run one that has a sink \
             which writes there, as [sinks.events] with type = \"jsonl\"",
            folder.display()
        )]));
    }
    let between = Arc::new(Between::default());
    let screen = Screen::take()?;
    listen(&between.signalled)?;
    super::listen(&Arc::default())?;
    let view = show::begin(screen, Arc::clone(&between), false)?;
    let mut outside = Outside { folder, zone: &args.timezone, books: None };
    while !view.is_finished() {
        feed.look();
        between.show(outside.shown(&feed));
        let mut patience = EVERY;
        while !view.is_finished() && !patience.is_zero() {
            let pause = Duration::from_millis(50).min(patience);
            std::thread::park_timeout(pause);
            patience -= pause;
        }
    }
    // The store need not be taken apart: the process ends.
    std::mem::forget(feed);
    // A view that has panicked has said so.
    view.join().map_err(|_| Failure::Run(vec!["show the view: it panicked".to_owned()]))
}

/// Has signals end the view.
fn listen(signalled: &Arc<AtomicBool>) -> Result<(), Failure> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(signalled)).map_err(could_not_listen)?;
    }
    Ok(())
}

/// Whether a pipeline runs on the folder; of one that cannot be looked at nobody knows.
fn runs(folder: &Path) -> bool {
    folder.is_dir() && is_held(folder).unwrap_or(false)
}

/// What can be seen from outside.
struct Outside<'a> {
    folder: &'a Path,
    zone: &'a Zone,
    /// What the books said last.
    books: Option<Books>,
}

impl Outside<'_> {
    fn shown(&mut self, feed: &Feed) -> Shown {
        let running = runs(self.folder);
        // While a pipeline is busy writing, what it said last is told.
        if self.folder.join(SPOOL_FILE).exists()
            && let Ok(books) = Books::read(self.folder)
        {
            self.books = Some(books);
        }
        let name = self.folder.file_name().filter(|_| self.folder.is_file());
        let title = name.map_or_else(|| self.folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        let mut account = Account::new(title, self.zone.clone());
        account.phase = match (feed.part(), running) {
            (Some(part), _) => Phase::Reading(part),
            (None, true) => Phase::Running,
            (None, false) => Phase::Ended,
        };
        account.notes = feed.notes();
        account.events = Some(feed.events());
        if let Some(books) = &self.books {
            account.events = Some(books.intake.accepted);
            account.rejected = books.intake.rejected.values().sum();
            account.rules = Some(books.alerts.clone());
            let sinks = books.sinks.iter().filter(|(_, sink)| sink.account.active);
            let line = |(name, sink): (&monitor_core::Text, &monitor_core::spool::SinkBooks)| SinkLine {
                name: name.clone(),
                delivered: sink.account.delivered,
                pending: sink.pending,
                lost: sink.account.lost_total() + sink.account.dead_letter,
                failed: false,
            };
            account.sinks = Some(sinks.map(line).collect());
        } else {
            let told: Vec<Standing> = feed.alerts();
            account.rules = (!told.is_empty()).then_some(told);
            account.notes.push(
                "There is no spool here, as of a pipeline of level L0: how its sinks are is not known, and of its rules \
                 what was recorded."
                    .to_owned(),
            );
        }
        let now = if running { Now::Clock(Clock::System) } else { Now::Newest };
        Shown { store: feed.store(), now, account }
    }
}
