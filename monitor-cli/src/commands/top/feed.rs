//! From what is in a data folder to a store that goes on: lines are followed as they come; a folder that has only other forms is read
//! again when they change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use monitor_core::alerting::{Phase, SILENCES_FILE, Standing};
use monitor_core::component::alert_fn;
use monitor_core::event::{Alert, AlertState, Kind};
use monitor_core::pipeline::{Builder, Filter, Pipeline, SinkOptions};
use monitor_core::sample::Labels;
use monitor_core::spool::SPOOL_FILE;
use monitor_core::store::{Limits, Store};
use monitor_core::{Text, Timestamp, Zone};

use super::super::add_data;
use super::folder::{FolderSource, Reading, lines_in};
use crate::exit::Failure;

/// What changes in other forms than lines is looked at so often at most,
const AGAIN: Duration = Duration::from_secs(2);
/// and takes at most so small a part of the time.
const SHARE: u32 = 5;

/// The recordings of a folder, in a store.
pub(super) struct Feed {
    folder: PathBuf,
    zone: Zone,
    way: Way,
    alerts: Alerts,
}

enum Way {
    /// Lines, which are followed.
    Lines { pipeline: Box<Pipeline>, reading: Arc<Reading> },
    /// Other forms, which are read as a whole.
    Whole(Whole),
}

struct Whole {
    store: Arc<Store>,
    events: u64,
    /// What was there when it was read.
    seen: Vec<Seen>,
    again: Instant,
}

/// A file as it was.
type Seen = (PathBuf, u64, Option<SystemTime>);

/// What rules have told, by rule and group.
#[derive(Clone, Default)]
struct Alerts(Arc<Mutex<BTreeMap<(Text, Labels), Standing>>>);

impl Alerts {
    fn take(&self, time: Timestamp, alert: &Alert) {
        let standing = Standing {
            rule: alert.name.clone(),
            labels: alert.labels.clone(),
            phase: if alert.state == AlertState::Firing { Phase::Firing } else { Phase::Inactive },
            since: alert.since,
            level: Some(alert.level),
            value: alert.value,
            told: Some(time),
            reminders: alert.repeat,
            held: None,
        };
        let key = (alert.name.clone(), alert.labels.clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Files are read in any order.
        if known.get(&key).is_none_or(|known| known.told <= standing.told) {
            known.insert(key, standing);
        }
    }
}

impl Feed {
    /// Begins to read. A file is a folder of itself.
    pub(super) fn open(folder: &Path, zone: &Zone) -> Result<Self, Failure> {
        let alerts = Alerts::default();
        let others = if lines_in(folder).is_empty() { others_in(folder) } else { Vec::new() };
        let way = if others.is_empty() {
            let (source, reading) = FolderSource::new(folder, zone.clone());
            let pipeline = alerts.watched(builder(zone)).source("folder", Box::new(source)).start()?;
            Way::Lines { pipeline: Box::new(pipeline), reading }
        } else {
            Way::Whole(Whole::read(zone, others, &alerts)?)
        };
        Ok(Self { folder: folder.to_owned(), zone: zone.clone(), way, alerts })
    }

    /// Whether there is nothing that could be read.
    pub(super) fn is_empty(&self) -> bool {
        match &self.way {
            Way::Lines { reading, .. } => reading.folder_is_empty(),
            Way::Whole(_) => false,
        }
    }

    /// Looks whether there is more, where nobody else does. What cannot be read just now is left as it was.
    pub(super) fn look(&mut self) {
        let read_anew = match &mut self.way {
            Way::Lines { reading, .. } => reading.is_stale() || (reading.folder_is_empty() && has_others(&self.folder)),
            Way::Whole(whole) => whole.has_changed(&self.folder),
        };
        if read_anew && let Ok(feed) = Self::open(&self.folder, &self.zone) {
            *self = feed;
        }
    }

    pub(super) fn store(&self) -> Arc<Store> {
        match &self.way {
            Way::Lines { pipeline, .. } => Arc::clone(pipeline.store()),
            Way::Whole(whole) => Arc::clone(&whole.store),
        }
    }

    pub(super) fn events(&self) -> u64 {
        match &self.way {
            Way::Lines { pipeline, .. } => pipeline.progress().events,
            Way::Whole(whole) => whole.events,
        }
    }

    /// How much of what there was at first is read; none once it is.
    pub(super) fn part(&self) -> Option<f64> {
        match &self.way {
            Way::Lines { pipeline, reading } if !(reading.caught_up() && pipeline.settled()) => Some(reading.part()),
            _ => None,
        }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        match &self.way {
            Way::Lines { reading, .. } => reading.notes(),
            Way::Whole(_) => Vec::new(),
        }
    }

    /// What the rules have told, as far as it was recorded.
    pub(super) fn alerts(&self) -> Vec<Standing> {
        self.alerts.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

fn builder(zone: &Zone) -> Builder {
    Builder::new().zone(zone.clone()).limits(Limits::whole_recording())
}

impl Alerts {
    fn watched(&self, builder: Builder) -> Builder {
        let alerts = self.clone();
        let options = SinkOptions { filter: Filter::of_kinds(&[Kind::Alert]), ..SinkOptions::default() };
        builder.sink_with("alerts", alert_fn(move |time, alert| alerts.take(time, alert)), options)
    }
}

impl Whole {
    fn read(zone: &Zone, seen: Vec<Seen>, alerts: &Alerts) -> Result<Self, Failure> {
        let began = instant();
        let builder = alerts.watched(builder(zone).event_time());
        let files: Vec<PathBuf> = seen.iter().map(|(path, ..)| path.clone()).collect();
        let pipeline = add_data(builder, &files)?.start()?;
        let store = Arc::clone(pipeline.store());
        let summary = pipeline.wait();
        let again = instant() + AGAIN.max(began.elapsed() * SHARE);
        Ok(Self { store, events: summary.events, seen, again })
    }

    /// Whether it is to be read again.
    fn has_changed(&mut self, folder: &Path) -> bool {
        if instant() < self.again {
            return false;
        }
        self.again = instant() + AGAIN;
        others_in(folder) != self.seen
    }
}

fn has_others(folder: &Path) -> bool {
    !others_in(folder).is_empty()
}

/// The recordings of one other form than lines, the one that tells most. Several sinks have told the same.
fn others_in(folder: &Path) -> Vec<Seen> {
    const FORMS: [&str; 5] = [".db", ".parquet", ".csv", ".json", ".xlsx"];
    /// What the pipeline itself writes into its folder.
    const ITS_OWN: [&str; 3] = [SPOOL_FILE, SILENCES_FILE, "reload.json"];
    let mut found: BTreeMap<usize, Vec<Seen>> = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(metadata) = entry.metadata() else { continue };
            // Parts of a table; other folders hold dead letters and plots.
            if metadata.is_dir() && name.contains('=') {
                folders.push(path);
            } else if let Some(form) = FORMS.iter().position(|form| name.ends_with(form))
                && !ITS_OWN.contains(&name.as_str())
            {
                found.entry(form).or_default().push((path, metadata.len(), metadata.modified().ok()));
            }
        }
    }
    let mut first = found.pop_first().map_or_else(Vec::new, |(_, files)| files);
    first.sort();
    first
}

#[expect(clippy::disallowed_methods, reason = "files are looked at by the time that the machine's clock shows")]
fn instant() -> Instant {
    Instant::now()
}
