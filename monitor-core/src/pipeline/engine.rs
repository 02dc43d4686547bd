//! The engine: one thread that fills the store, evaluates the rules at their ticks, and draws the charts: at the end, and
//! every so often where they ask for it.
//!
//! With the time of the events, a tick comes when an event later than it has been seen, so a replay gives the same
//! alerts on every machine.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::sink_worker::Deadline;
use super::snapshot::Snapshot;
use super::standings::Standings;
use super::stop::{StopReason, StopSignal};
use super::summary::ChartSummary;
use super::watch::{ALERT_FIRING, Watch};
use crate::alerting::{Board, HeldBack, Incident, Notify, RuleHost, Ticked};
use crate::bus::{Batch, Bus, Cursor, Draft, Lane, Next};
use crate::component::Chart;
use crate::event::{AlertState, Body, Event, Kind};
use crate::sample::{Deriver, Samples, SeriesKey, SeriesSet};
use crate::store::Store;
use crate::{Clock, Text, Timestamp};

/// A silence is skipped after this many ticks, if it has lasted longer than anything is kept: every window has run dry.
const MANY_TICKS: u64 = 10_000;
/// And after this many it is skipped in any case.
const MOST_TICKS: u64 = 1_000_000;
/// That many alerts are kept for the summary.
const KEPT_ALERTS: usize = 10_000;

/// Something that is done every so often, and a last time at the end.
pub(super) struct Periodic {
    pub(super) every: Duration,
    pub(super) next: Option<Timestamp>,
    pub(super) call: Callback,
}

/// A chart, and when it is drawn beside at the end.
pub(super) struct HostedChart {
    pub(super) name: Text,
    pub(super) chart: Box<dyn Chart>,
    pub(super) every: Option<Duration>,
    pub(super) next: Option<Timestamp>,
}

impl HostedChart {
    pub(super) fn new(name: Text, chart: Box<dyn Chart>, every: Option<Duration>) -> Self {
        Self { name, chart, every, next: None }
    }
}

/// What is called with the store and the time.
pub(super) type Callback = Box<dyn FnMut(&Store, Timestamp) + Send>;

/// A changed configuration, as far as the engine goes by it.
pub(super) struct Reload {
    pub(super) interval: Duration,
    pub(super) rules: Vec<Part<RuleHost>>,
    pub(super) notify: Notify,
    pub(super) charts: Vec<Part<HostedChart>>,
}

/// One of its rules or charts.
pub(crate) enum Part<T> {
    /// As it is.
    Same(Text),
    New(Text, T),
}

#[expect(clippy::struct_excessive_bools, reason = "each is switched on by itself")]
pub(super) struct Engine {
    pub(super) orders: Receiver<Reload>,
    pub(super) bus: Bus,
    pub(super) cursor: Cursor,
    pub(super) store: Arc<Store>,
    pub(super) clock: Clock,
    /// Whether the clock follows the events.
    pub(super) event_time: bool,
    pub(super) interval: Duration,
    /// How long the store keeps samples.
    pub(super) retention: Duration,
    pub(super) board: Board,
    /// For how many groups each rule that fires does, as the store was told last.
    pub(super) firing: BTreeMap<Text, usize>,
    pub(super) periodic: Vec<Periodic>,
    pub(super) charts: Vec<HostedChart>,
    pub(super) plots: PathBuf,
    pub(super) deadline: Arc<Deadline>,
    /// Events that the store has taken in.
    pub(super) position: Arc<AtomicU64>,
    /// Where it tells how the rules stand.
    pub(super) standings: Standings,
    pub(super) deriver: Deriver,
    pub(super) next_tick: Option<Timestamp>,
    /// Where the store and the states of the rules are written down at the end.
    pub(super) snapshot: Option<PathBuf>,
    /// Whether anybody will ask the store.
    pub(super) store_samples: bool,
    /// None where the clock follows the events: two runs of a recording have the same store.
    pub(super) watch: Option<Watch>,
    /// Whether rules are evaluated a last time at the last event, also between two ticks.
    pub(super) evaluates_at_end: bool,
    pub(super) stop: StopSignal,
    /// Whether the input ends when that is set.
    pub(super) ends_on_stop: bool,
    pub(super) outcome: Outcome,
}

/// What the engine has to say at the end.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) alerts: Vec<Event>,
    pub(super) alerts_left_out: u64,
    pub(super) fired: u64,
    pub(super) resolved: u64,
    pub(super) firing: Vec<String>,
    pub(super) held_back: Vec<HeldBack>,
    pub(super) incidents: Vec<Incident>,
    pub(super) charts: Vec<ChartSummary>,
    pub(super) doubts: Vec<String>,
}

impl Engine {
    /// Runs until the input has ended.
    pub(super) fn run(mut self) -> Outcome {
        if !self.event_time {
            // So that it knows how long it may wait.
            self.tick_by_clock();
        }
        loop {
            if self.deadline.engine.load(Ordering::Relaxed) {
                break;
            }
            match self.cursor.next(self.patience()) {
                Next::Batch(batch) => self.take(&batch),
                Next::Idle => {}
                Next::End => break,
            }
            if let Ok(reload) = self.orders.try_recv() {
                self.reload(reload);
            }
            if !self.event_time {
                self.tick_by_clock();
            }
            if let Some(watch) = &mut self.watch {
                watch.look();
            }
            self.standings.answer(&self.board);
        }
        self.finish();
        self.outcome
    }

    /// How long to wait for a batch: until the next tick, but never so long that a clock set by hand goes unnoticed.
    fn patience(&self) -> Duration {
        let most = Duration::from_millis(if self.clock.is_manual() { 10 } else { 500 });
        if self.event_time {
            return most;
        }
        let calls = self.periodic.iter().filter_map(|periodic| periodic.next);
        let charts = self.charts.iter().filter_map(|chart| chart.next);
        let next = calls.chain(charts).chain(self.next_tick).min();
        next.map_or(most, |next| next.since(self.clock.now()).clamp(Duration::from_millis(1), most))
    }

    fn take(&mut self, batch: &Arc<Batch>) {
        if self.event_time {
            self.take_by_event_time(batch);
        } else {
            self.store_some(batch, 0..batch.len(), self.clock.now());
        }
        self.cursor.commit();
        self.position.store(batch.first() + batch.len() as u64, Ordering::Release);
    }

    fn take_by_event_time(&mut self, batch: &Batch) {
        let mut from = 0;
        let mut latest = self.clock.now();
        for at in 0..batch.len() {
            if batch.kind(at) == Kind::Alert {
                continue;
            }
            let time = batch.time(at);
            if self.next_tick.is_none_or(|tick| time > tick) {
                self.clock.set(latest);
                self.store_some(batch, from..at, Timestamp::MAX);
                from = at;
                self.tick_until(time);
                latest = self.clock.now();
            }
            latest = latest.max(time);
        }
        self.clock.set(latest);
        self.store_some(batch, from..batch.len(), Timestamp::MAX);
    }

    fn store_some(&self, batch: &Batch, events: Range<usize>, now: Timestamp) {
        if self.store_samples {
            self.store.insert_some(batch.samples(), events, now);
        }
    }

    /// All ticks before `time`.
    fn tick_until(&mut self, time: Timestamp) {
        let first_after = time.floor(self.interval);
        // A tick at the very time of the event waits for the events of the same moment.
        let first_after = if first_after == time { first_after } else { first_after.plus(self.interval) };
        let Some(mut tick) = self.next_tick else {
            self.next_tick = Some(first_after);
            return;
        };
        let silence_began = tick;
        let mut ticks = 0;
        while tick < time {
            self.evaluate(tick);
            tick = tick.plus(self.interval);
            ticks += 1;
            let dry = ticks >= MANY_TICKS && tick.since(silence_began) > self.retention;
            if (dry || ticks >= MOST_TICKS) && tick < time {
                // The last tick before the event, so that what may end has ended.
                self.evaluate(first_after.minus(self.interval));
                tick = first_after;
            }
        }
        self.next_tick = Some(tick);
    }

    fn tick_by_clock(&mut self) {
        let now = self.clock.now();
        let next = now.floor(self.interval).plus(self.interval);
        // A clock that was set back does not stop the rules.
        let tick = self.next_tick.map_or(next, |tick| tick.min(next));
        self.next_tick = Some(tick);
        if now >= tick {
            // After a sleep only the latest tick is of interest.
            let latest = now.floor(self.interval);
            self.evaluate(latest);
            self.next_tick = Some(latest.plus(self.interval));
        }
        self.call_periodic(now);
        self.draw_periodic(now);
    }

    fn evaluate(&mut self, now: Timestamp) {
        if self.event_time {
            self.clock.set(now);
            self.call_periodic(now);
        }
        if let Some(watch) = &mut self.watch {
            watch.report(&self.store, now);
        }
        let ticked = self.board.tick(&self.store, now);
        self.note_firing(now);
        self.publish(ticked, now);
    }

    /// Puts into the store for how many groups each rule fires, where that has changed: charts show it.
    fn note_firing(&mut self, now: Timestamp) {
        if !self.store_samples {
            return;
        }
        let rules = self.board.rules().iter();
        let firing: BTreeMap<Text, usize> =
            rules.map(|rule| (rule.name().clone(), rule.firing().count())).filter(|(_, groups)| *groups > 0).collect();
        if firing == self.firing {
            return;
        }
        let before = std::mem::replace(&mut self.firing, firing);
        let mut samples = Samples::default();
        let over = before.keys().filter(|rule| !self.firing.contains_key(*rule)).map(|rule| (rule, 0));
        let changed = self.firing.iter().filter(|(rule, groups)| before.get(*rule) != Some(groups));
        for (rule, groups) in over.chain(changed.map(|(rule, groups)| (rule, *groups))) {
            let labels = [("rule", rule.clone())].into_iter().collect();
            let series = SeriesSet::new([SeriesKey::new(ALERT_FIRING.name, labels).into()]);
            samples.push(now, &series, &[groups as f64]);
        }
        self.store.insert(&samples, now);
    }

    /// Sets the stop signal.
    fn stop_by(&self, event: &Event, now: Timestamp) {
        let Body::Alert(alert) = &event.body else { return };
        let first = self.stop.set(StopReason { rule: alert.name.clone(), message: alert.message.clone(), time: now });
        if first && self.ends_on_stop && self.event_time {
            // Here, and not when somebody notices: two runs of a recording end with the same event.
            self.bus.end_input();
        }
    }

    /// Goes on with the rules and charts of a changed configuration. A rule that has changed stands where it stood; one that
    /// is not there any more ends.
    fn reload(&mut self, reload: Reload) {
        let now = self.clock.now();
        let ticked = self.board.reload(reload.rules, now);
        self.board.notify = reload.notify;
        let mut old = std::mem::take(&mut self.charts);
        for part in reload.charts {
            match part {
                Part::Same(name) => {
                    self.charts.extend(old.iter().position(|known| known.name == name).map(|at| old.remove(at)));
                }
                Part::New(_, chart) => self.charts.push(chart),
            }
        }
        if self.interval != reload.interval {
            self.interval = reload.interval;
            self.next_tick = None;
        }
        self.note_firing(now);
        self.publish(ticked, now);
    }

    /// Publishes what people are told, and with it, in one transaction where there is a spool, what they were told: so
    /// nothing is told under two keys, or not at all, whenever the process ends.
    fn publish(&mut self, ticked: Ticked, now: Timestamp) {
        let Ticked { mut alerts, states, stops, fired, resolved } = ticked;
        if let Some(event) = stops.first() {
            self.stop_by(event, now);
        }
        self.outcome.fired += fired;
        self.outcome.resolved += resolved;
        if alerts.is_empty() {
            if !states.is_empty() {
                self.bus.note_now(&states);
            }
            return;
        }
        for event in &mut alerts {
            let Body::Alert(alert) = &mut event.body else { continue };
            if alert.state == AlertState::Firing && alert.repeat == 0 {
                alert.chart = self.picture(&alert.name, now);
            }
        }
        let room = KEPT_ALERTS.saturating_sub(self.outcome.alerts.len());
        self.outcome.alerts.extend(alerts.iter().take(room).cloned());
        self.outcome.alerts_left_out += alerts.len().saturating_sub(room) as u64;
        let mut draft = Draft::new(alerts, &mut self.deriver);
        draft.set_positions(states);
        if self.bus.publish(draft, Lane::Alerts).is_err() {
            tracing::error!("failed to publish alerts: the bus is closed");
        }
    }

    /// Draws the chart that a rule names, and tells where it is.
    fn picture(&mut self, rule: &Text, now: Timestamp) -> Option<Text> {
        let chart = self.board.chart_of(rule)?;
        let hosted = self.charts.iter_mut().find(|hosted| hosted.name == *chart)?;
        let name = Text::new(format!("{rule}-{}", now.to_utc().format("%Y%m%dT%H%M%SZ")));
        let drawn = draw(&name, hosted.chart.as_mut(), &self.store, now, &self.plots.join("alerts"));
        let path = drawn.into_iter().find_map(|picture| picture.path)?;
        Some(Text::new(path.to_string_lossy()))
    }

    /// The charts whose time has come. What is wrong with one is logged each time, and told in the end.
    fn draw_periodic(&mut self, now: Timestamp) {
        for hosted in &mut self.charts {
            let Some(every) = hosted.every else { continue };
            let later = now.plus(every);
            // A clock that was set back does not stop the charts.
            let next = hosted.next.map_or(later, |next| next.min(later));
            hosted.next = Some(next);
            if now >= next {
                hosted.next = Some(later);
                draw(&hosted.name, hosted.chart.as_mut(), &self.store, now, &self.plots);
            }
        }
    }

    fn call_periodic(&mut self, now: Timestamp) {
        for periodic in &mut self.periodic {
            let later = now.plus(periodic.every);
            let next = periodic.next.map_or(later, |next| next.min(later));
            periodic.next = Some(next);
            if now >= next {
                periodic.next = Some(later);
                call(periodic, &self.store, now);
            }
        }
    }

    fn finish(&mut self) {
        if self.event_time
            && let Some(mut tick) = self.next_tick
        {
            let end = self.clock.now();
            while tick <= end {
                self.evaluate(tick);
                tick = tick.plus(self.interval);
            }
            if self.evaluates_at_end && tick.minus(self.interval) < end {
                self.evaluate(end);
            }
            self.clock.set(end);
        }
        self.standings.tell(&self.board);
        let now = self.clock.now();
        for periodic in &mut self.periodic {
            call(periodic, &self.store, now);
        }
        for HostedChart { name, chart, .. } in
            self.charts.iter_mut().filter(|_| !self.deadline.engine.load(Ordering::Relaxed))
        {
            let drawn = draw(name, chart.as_mut(), &self.store, now, &self.plots);
            if drawn.is_empty() {
                tracing::warn!(chart = %name, "no data: nothing is drawn");
            }
            self.outcome.charts.extend(drawn);
        }
        self.write_snapshot();
        self.outcome.doubts = self.board.rules().iter().filter_map(RuleHost::doubt).collect();
        self.outcome.held_back = self.board.held_back();
        self.outcome.incidents = self.board.incidents();
        self.outcome.firing = self
            .board
            .rules()
            .iter()
            .flat_map(|rule| rule.firing().map(|labels| format!("{}{labels}", rule.name())).collect::<Vec<_>>())
            .collect();
    }

    fn write_snapshot(&self) {
        let Some(path) = &self.snapshot else { return };
        let snapshot = Snapshot::new(&self.store, self.board.saved());
        if let Err(error) = snapshot.write(path) {
            tracing::error!("failed to write the snapshot `{}`: {error}", path.display());
        }
    }
}

fn call(periodic: &mut Periodic, store: &Store, now: Timestamp) {
    let call = std::panic::AssertUnwindSafe(|| (periodic.call)(store, now));
    if std::panic::catch_unwind(call).is_err() {
        tracing::error!("a periodic callback panicked; it is called again when its time comes");
    }
}

/// Draws a chart to its files, which appear whole or not at all.
fn draw(name: &Text, chart: &mut dyn Chart, store: &Store, now: Timestamp, folder: &Path) -> Vec<ChartSummary> {
    let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| chart.draw(store, now)));
    let pictures = match drawn {
        Ok(Ok(pictures)) => pictures,
        Ok(Err(error)) => return vec![ChartSummary::failed(name, error.to_string())],
        Err(_) => return vec![ChartSummary::failed(name, "it panicked".to_owned())],
    };
    pictures
        .into_iter()
        .map(|picture| {
            let path = folder.join(format!("{}.{}", file_name(name), picture.extension));
            match write_whole(&path, &picture.bytes) {
                Ok(()) => ChartSummary { name: name.clone(), path: Some(path), error: None },
                Err(error) => ChartSummary::failed(name, format!("`{}`: {error}", path.display())),
            }
        })
        .collect()
}

/// A chart's name as the name of a file in its folder.
fn file_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect();
    safe.trim_start_matches('.').to_owned()
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_added_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}
