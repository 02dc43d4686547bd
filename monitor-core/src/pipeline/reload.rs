//! Changes a running pipeline to what its configuration says now. All that is new is opened first: if anything of it cannot
//! be had, nothing changes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use super::builder::{NewSink, StartError};
use super::control::Order;
use super::counters::SourceCounters;
use super::engine::{Part, Reload};
use super::kit::ResumedSink;
use super::running::{LAST_GRACE, Pipeline, RunningSink, RunningSource};
use super::{instant, open};
use crate::Text;
use crate::alerting::Notify;
use crate::bus::Durability;
use crate::component::{ComponentKind, Resource, Source};
use crate::config::{Config, Fate, Outline};

/// A sink that has changed is waited for so long, until its new self is in its place.
const TAKEN_OVER: Duration = Duration::from_secs(2);
/// Keys at the top of the file that can change; the others hold until the next start.
const LIVE: [&str; 4] = ["metrics_interval", "shutdown_timeout", "presets", "notify"];

/// What a reload has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Keys at the top of the file.
    pub settings: Vec<String>,
    /// Components.
    pub components: Vec<ComponentChange>,
    /// How many components go on as they were.
    pub untouched: usize,
}

/// What has become of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentChange {
    /// Its kind.
    pub kind: ComponentKind,
    /// Its name.
    pub name: Text,
    /// What has become of it.
    pub fate: Fate,
}

/// A configuration that cannot take the place of the one that runs. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The pipeline reads recordings, in the time of their events.
    #[error("reload: recordings are read from beginning to end by one configuration; run them again with another")]
    Recording,
    /// The pipeline was put together by a program.
    #[error("reload: this pipeline does not come from a configuration")]
    NoConfig,
    /// There would be nothing to do.
    #[error("reload: it has no source any more, so there would be nothing to do; end the program instead")]
    NoSource,
    /// Something has changed that holds from start to end.
    #[error("reload: {keys} cannot change while it runs: restart it for that")]
    Fixed {
        /// The keys.
        keys: String,
    },
    /// A source would begin anew, as nobody keeps how far it is.
    #[error("reload: source `{name}` cannot change while it runs: at level L0 nobody keeps how far it is")]
    Source {
        /// Its name.
        name: Text,
    },
    /// A source would read again from the beginning what it has read.
    #[error("reload: source `{name}` reads its files once, and has begun; give others a source of their own")]
    Bounded {
        /// Its name.
        name: Text,
    },
    /// A source reads what cannot be given to another.
    #[error(
        "reload: source `{name}` cannot be changed, renamed or taken out while it runs: what it is reading would be lost"
    )]
    Pipe {
        /// Its name.
        name: Text,
    },
    /// Something new cannot be had.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What is new, opened.
struct Plan {
    sources: Vec<(Text, Box<dyn Source>)>,
    changed_sinks: Vec<NewSink>,
    added_sinks: Vec<ResumedSink>,
    engine: Reload,
    shutdown_timeout: Duration,
}

impl Pipeline {
    /// Goes on by another configuration. What says the same in both is not touched. A sink that has changed gets what its
    /// old self has not written; a source that has changed goes on where it was; a rule that has changed, too; what is new
    /// begins now. A sink that is gone still gets what was published before, as far as the shutdown timeout allows; a rule
    /// that is gone, and fires, resolves.
    ///
    /// # Errors
    /// When the new configuration cannot take the place of the old one. Nothing has changed then.
    pub fn reload(&mut self, config: Config) -> Result<Reloaded, ReloadError> {
        let old = self.outline.clone().ok_or(ReloadError::NoConfig)?;
        if self.kit.event_time {
            return Err(ReloadError::Recording);
        }
        if config.sources.is_empty() {
            return Err(ReloadError::NoSource);
        }
        let new = Outline::of(&config);
        let settings = old.changed_settings(&new);
        let fixed: Vec<_> =
            settings.iter().filter(|key| !LIVE.contains(&key.as_str())).map(|key| format!("`{key}`")).collect();
        if !fixed.is_empty() {
            return Err(ReloadError::Fixed { keys: fixed.join(", ") });
        }
        let mut fates = old.fates(&new);
        if seeded_bug!("reload_touches_all") {
            fates.values_mut().filter(|fate| **fate == Fate::Same).for_each(|fate| *fate = Fate::Changed);
        }
        self.check_sources(&fates)?;
        // A component of somebody else may panic: that is no reason for the others to end.
        let plan = catch_unwind(AssertUnwindSafe(|| self.open(config, &fates)));
        let plan = plan.unwrap_or(Err(StartError::Panicked))?;
        self.apply(plan, &fates)?;
        self.outline = Some(new);
        let components = fates.iter().filter(|(_, fate)| **fate != Fate::Same);
        let components =
            components.map(|((kind, name), fate)| ComponentChange { kind: *kind, name: name.clone(), fate: *fate });
        let untouched = fates.values().filter(|fate| **fate == Fate::Same).count();
        Ok(Reloaded { settings, components: components.collect(), untouched })
    }

    fn check_sources(&self, fates: &Fates) -> Result<(), ReloadError> {
        let fate = |source: &RunningSource| fates.get(&(ComponentKind::Source, source.name.clone())).copied();
        let stays =
            |source: &RunningSource| source.is_done() || source.can_be_replaced || fate(source) == Some(Fate::Same);
        if let Some(source) = self.sources.iter().find(|source| !stays(source)) {
            return Err(ReloadError::Pipe { name: source.name.clone() });
        }
        let changed =
            |source: &&RunningSource| fates.get(&(ComponentKind::Source, source.name.clone())) == Some(&Fate::Changed);
        for source in self.sources.iter().filter(changed) {
            let name = source.name.clone();
            if !source.endless {
                return Err(ReloadError::Bounded { name });
            }
            if !source.is_done() && self.durability == Durability::L0 {
                return Err(ReloadError::Source { name });
            }
        }
        Ok(())
    }

    /// Opens what is new. A sink that has changed is opened only to see that it can be: it takes over once its old self has
    /// let go.
    fn open(&self, config: Config, fates: &Fates) -> Result<Plan, StartError> {
        let base = &self.kit.base;
        let fate = |kind: ComponentKind, name: &Text| fates.get(&(kind, name.clone())).copied();
        let mut plan = Plan {
            sources: Vec::new(),
            changed_sinks: Vec::new(),
            added_sinks: Vec::new(),
            engine: Reload {
                interval: config.settings.metrics_interval.0,
                rules: Vec::new(),
                notify: Notify::new(&config.settings.notify, base.zone.clone()),
                charts: Vec::new(),
            },
            shutdown_timeout: config.settings.shutdown_timeout.0,
        };
        for entry in &config.sources {
            if fate(ComponentKind::Source, &entry.name) != Some(Fate::Same) {
                plan.sources.push((entry.name.clone(), open::source(entry, base)?));
            }
        }
        for entry in config.rules {
            let part = match fate(ComponentKind::Rule, &entry.name) {
                Some(Fate::Same) => Part::Same(entry.name),
                _ => Part::New(entry.name.clone(), open::rule(entry, base)?),
            };
            plan.engine.rules.push(part);
        }
        for entry in &config.charts {
            let part = match fate(ComponentKind::Chart, &entry.name) {
                Some(Fate::Same) => Part::Same(entry.name.clone()),
                _ => Part::New(entry.name.clone(), open::chart(entry, base)?),
            };
            plan.engine.charts.push(part);
        }
        let mut added = Vec::new();
        for entry in &config.sinks {
            self.check_resources(&entry.name, &entry.config.resources(&base.dirs))?;
        }
        for entry in config.sinks {
            match fate(ComponentKind::Sink, &entry.name) {
                Some(Fate::Same) => {}
                Some(Fate::Changed) => {
                    let new = open::sink(entry, base)?;
                    plan.changed_sinks.push(new);
                }
                _ => added.push(open::sink(entry, base)?),
            }
        }
        // From its account on a sink holds back what it has not got, so this comes last.
        for new in added {
            match self.kit.resume_late(new, self.bus.published()) {
                Ok(resumed) => plan.added_sinks.push(resumed),
                Err(error) => {
                    let published = self.bus.published();
                    plan.added_sinks.iter().for_each(|added| self.retire(&added.new.name, published));
                    return Err(error);
                }
            }
        }
        Ok(plan)
    }

    /// What a sink wants for itself no other may have still: the one would cut off what the other has written last.
    fn check_resources(&self, name: &Text, resources: &[Resource]) -> Result<(), StartError> {
        let others = self.sinks.iter().filter(|sink| sink.end.is_none() && sink.name != *name);
        let taken = others.flat_map(|sink| sink.resources.iter().map(move |resource| (sink, resource)));
        let Some((other, resource)) = taken.into_iter().find(|(_, resource)| resources.contains(resource)) else {
            return Ok(());
        };
        let other = &other.name;
        let error =
            format!("{resource} is sink `{other}`'s until that has let go of it: reload twice, first without either");
        Err(StartError::Open { kind: ComponentKind::Sink, name: name.clone(), error: error.into() })
    }

    fn apply(&mut self, plan: Plan, fates: &Fates) -> Result<(), StartError> {
        let is_going =
            |kind, name: &Text| matches!(fates.get(&(kind, name.clone())), Some(Fate::Changed | Fate::Removed));
        let deadline = instant().checked_add(self.shutdown_timeout);
        self.end_sources(|name| is_going(ComponentKind::Source, name));
        for sink in plan.added_sinks {
            self.start_sink(sink)?;
        }
        let done = |sink: &RunningSink| sink.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let before = self.bus.published();
        for NewSink { name, reopen, options, resources, .. } in plan.changed_sinks {
            let sink = self.sinks.iter_mut().find(|sink| sink.name == name && sink.end.is_none());
            let sink = sink.expect("a sink that has changed was there");
            (sink.options, sink.resources) = (options.clone(), resources);
            self.bus.set_overflow(sink.cursor, options.overflow);
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            for watched in watched.iter_mut().filter(|watched| watched.name == name) {
                watched.timeout = options.timeout;
            }
            drop(watched);
            sink.give(Order::Change { reopen, options: Box::new(options) });
        }
        // Whoever is told that it has changed may rely on it.
        let last = instant() + TAKEN_OVER;
        let waits = |sink: &RunningSink| sink.end.is_none() && sink.control.waits() && !done(sink);
        self.bus.wake();
        while self.sinks.iter().any(waits) && instant() < last {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        for sink in self.sinks.iter().filter(|sink| waits(sink)) {
            tracing::warn!(sink = %sink.name, "is in a write still: its changed self takes over when it comes back");
        }
        let mut ending = Vec::new();
        for (at, sink) in self.sinks.iter_mut().enumerate().filter(|(_, sink)| sink.end.is_none()) {
            if fates.get(&(ComponentKind::Sink, sink.name.clone())) == Some(&Fate::Removed) {
                sink.end = Some(before.max(sink.begin));
                sink.give(Order::End { before, deadline });
                ending.push(at);
            }
        }
        self.bus.wake();
        for (name, source) in plan.sources {
            let counters = SourceCounters::default();
            if let Some(at) = self.sources.iter().position(|source| source.name == name) {
                if !self.sources[at].has_ended() {
                    tracing::error!(source = %name, "is not started anew before the next start: both would read the same");
                    continue;
                }
                // What its old self has counted goes on.
                let before = self.sources.remove(at).counters;
                counters.events.add(before.events.get());
                counters.rounds.store(before.rounds.load(Ordering::Acquire), Ordering::Release);
            }
            let stop = Arc::default();
            self.start_source(name, source, self.to_bus(&stop), stop, Arc::new(counters))?;
        }
        if let Some(engine) = &self.to_engine {
            // One that has ended has nothing to change any more.
            drop(engine.send(plan.engine));
        }
        self.shutdown_timeout = plan.shutdown_timeout;
        self.deadline.set_patience(plan.shutdown_timeout);
        let last = deadline.map(|deadline| deadline + LAST_GRACE);
        for at in ending {
            while !done(&self.sinks[at]) && last.is_none_or(|last| instant() < last) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            let sink = &mut self.sinks[at];
            if done(sink) {
                // It may have taken in more than it had to.
                sink.end = Some(before.max(sink.position.load(Ordering::Acquire)));
            } else {
                tracing::error!(sink = %sink.name, "hangs, and is left behind");
                sink.counters.note("it hangs");
                self.bus.unsubscribe(sink.cursor);
            }
            let sink = &self.sinks[at];
            self.retire(&sink.name, sink.end.unwrap_or(before));
            let cursor = sink.cursor;
            let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            watched.retain(|watched| watched.cursor != cursor);
        }
        Ok(())
    }

    /// Ends sources, each where it is. One that does not come to its end in time is left behind: what it says later is still
    /// taken.
    fn end_sources(&mut self, which: impl Fn(&Text) -> bool) {
        let going: Vec<&RunningSource> = self.sources.iter().filter(|source| which(&source.name)).collect();
        let last = instant().checked_add(self.shutdown_timeout);
        while !going.iter().all(|source| source.has_ended()) && last.is_none_or(|last| instant() < last) {
            for source in &going {
                source.stop();
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        for source in going.iter().filter(|source| !source.has_ended()) {
            tracing::error!(source = %source.name, "does not come to its end, and is left behind");
        }
    }

    fn retire(&self, name: &Text, before: u64) {
        if let Some(backlog) = &self.kit.backlog {
            backlog.retire(name, before);
        }
    }
}

type Fates = BTreeMap<(ComponentKind, Text), Fate>;

impl RunningSink {
    fn give(&self, order: Order) {
        self.control.give(order);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}
