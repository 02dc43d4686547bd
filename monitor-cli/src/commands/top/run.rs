//! `monitor run --top`: the view of a pipeline in this process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use monitor_core::config::Config;
use monitor_core::pipeline::{Pipeline, Standings, Summary};
use monitor_core::store::Store;
use monitor_core::{Clock, Zone};
use monitor_viz::top::{Account, Phase, SinkLine};

use super::screen::Screen;
use super::show::{self, Between, Now, Shown};
use crate::exit::Failure;

/// How often the view is told how the pipeline goes on.
const EVERY: Duration = Duration::from_millis(250);

/// A view of a pipeline that this process runs.
pub(crate) struct RunView {
    between: Arc<Between>,
    view: Option<JoinHandle<()>>,
    title: String,
    zone: Zone,
    clock: Option<Clock>,
    standings: Option<Standings>,
    told: Option<Instant>,
}

impl RunView {
    /// Takes the terminal.
    pub(crate) fn begin(config: &Config, title: String, reads_keyboard: bool) -> Result<Self, Failure> {
        if reads_keyboard {
            return Err(Failure::Run(vec![
                "show the view: a source of the type stdin reads the keyboard, too; give it a pipe or a file, or name a \
                 COMMAND to watch"
                    .to_owned(),
            ]));
        }
        let (between, zone) = (Arc::new(Between::default()), config.settings.timezone.0.clone());
        let screen = Screen::take()?;
        super::listen(&between.signalled)?;
        let view = Some(show::begin(screen, Arc::clone(&between), true)?);
        Ok(Self { between, view, title, zone, clock: None, standings: None, told: None })
    }

    /// Tells the view how the pipeline goes on.
    pub(crate) fn look(&mut self, pipeline: &Pipeline) {
        if self.told.is_some_and(|told| told.elapsed() < EVERY) {
            return;
        }
        let first = self.told.replace(instant()).is_none();
        if first {
            self.clock = Some(pipeline.clock().clone());
            self.standings = Some(pipeline.standings().clone());
            let (store, now) = (Arc::clone(pipeline.store()), Now::Clock(pipeline.clock().clone()));
            self.between.show(Shown { store, now, account: Account::new(self.title.clone(), self.zone.clone()) });
        }
        let (progress, sinks) = (pipeline.progress(), pipeline.sinks());
        let standings = pipeline.standings().get();
        self.between.change(|shown| {
            let account = &mut shown.account;
            account.elapsed = Some(progress.elapsed);
            (account.events, account.rejected) = (Some(progress.events), progress.rejected);
            account.rules = Some(standings);
            account.sinks = Some(sinks.iter().map(SinkLine::from).collect());
            account.phase = progress.part.map_or(Phase::Running, Phase::Reading);
        });
    }

    /// Shows what the run has come to until the view is left.
    pub(crate) fn end(mut self, summary: &Summary, store: Option<Arc<Store>>) {
        let (clock, standings) = (self.clock.take(), self.standings.take());
        if let Some(store) = store.filter(|_| clock.is_none()) {
            // It was over before anybody looked.
            let account = Account::new(self.title.clone(), self.zone.clone());
            self.between.show(Shown { store, now: Now::Newest, account });
        }
        self.between.change(|shown| {
            let account = &mut shown.account;
            account.phase = Phase::Ended;
            account.elapsed = Duration::try_from_secs_f64(summary.seconds).ok();
            (account.events, account.rejected) = (Some(summary.events), summary.rejected);
            account.sinks = Some(summary.sinks.iter().map(SinkLine::from).collect());
            if let Some(standings) = standings {
                account.rules = Some(standings.get());
            }
            if let Some(clock) = clock {
                shown.now = Now::Clock(Clock::manual(clock.now()));
            }
        });
        if let Some(view) = self.view.take() {
            // A view that has panicked has said so.
            drop(view.join());
        }
    }
}

impl Drop for RunView {
    fn drop(&mut self) {
        self.between.leave.store(true, Ordering::Release);
        if let Some(view) = self.view.take() {
            drop(view.join());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a view is told by the time that the machine's clock shows")]
fn instant() -> Instant {
    Instant::now()
}
