//! Where recorded events wait for the pipeline: one shard a recording thread, so that threads do not meet.
//!
//! A shard is a vector behind a lock that only its own threads and, now and then, the recorder take. Recording is a lock,
//! a push and an unlock: no system call unless the recorder has to be woken.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::event::{Body, Event, Metric, MetricKey};
use crate::read::LARGEST;
use crate::{Clock, Text, Timestamp};

/// Shards; more threads than this share.
const SHARDS: usize = 16;
/// Events that wait in a shard at most.
const CAPACITY: usize = 65_536;
/// Events are handed on by this many: enough to share out the cost of a batch, few enough to stay in a core's cache.
const BATCH: usize = 1_024;
/// With this many waiting, a recorder that sleeps is woken.
const WAKE_AT: usize = 4_096;
/// Keys that a shard remembers for recording by name.
const REMEMBERED: usize = 4_096;

/// What became of something recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is on its way.
    Accepted,
    /// It is not, and is counted by the reason.
    Dropped(DropReason),
}

/// Why something was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The monitor was shut down.
    Closed,
    /// The pipeline does not keep up.
    QueueFull,
    /// NaN, an infinity, or a number beyond ±1e150.
    NotFinite,
    /// A duration below zero.
    Negative,
    /// A metric without a name.
    Unnamed,
}

impl DropReason {
    const ALL: [Self; 5] = [Self::Closed, Self::QueueFull, Self::NotFinite, Self::Negative, Self::Unnamed];

    /// The word in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::QueueFull => "queue_full",
            Self::NotFinite => "not_finite",
            Self::Negative => "negative",
            Self::Unnamed => "unnamed",
        }
    }
}

/// Something recorded, before it is an event: a metric by handle needs no key of its own yet.
pub(super) enum Entry {
    /// A whole event.
    Event(Event),
    /// A number of the handle with this place.
    Metric { handle: u32, value: f64, time: Timestamp },
    /// The same, with the processor's counter for a time.
    MetricNow { handle: u32, value: f64, ticks: u64 },
}

pub(super) struct Queue {
    shards: [Shard; SHARDS],
    open: AtomicBool,
    handles: Mutex<Vec<Arc<MetricKey>>>,
    taken: AtomicUsize,
    asleep: AtomicBool,
    recorder: OnceLock<Thread>,
    ticks: Ticks,
}

/// A shard has cache lines of its own, or threads would meet all the same.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    recorded: usize,
    dropped: [u64; DropReason::ALL.len()],
    keys: HashMap<u64, Arc<MetricKey>, RandomState>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            open: AtomicBool::new(true),
            handles: Mutex::default(),
            taken: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            recorder: OnceLock::new(),
            ticks: Ticks(quanta::Clock::new()),
        }
    }

    /// Registers a handle's key; its place is for [`Queue::metric`].
    pub(super) fn register(&self, key: MetricKey) -> u32 {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        // Handles are made once and used often: to find one again may take its time.
        if let Some(at) = handles.iter().position(|known| **known == key) {
            return at as u32;
        }
        handles.push(Arc::new(key));
        u32::try_from(handles.len() - 1).expect("less than 2^32 handles")
    }

    /// Records a number at a time of one's own.
    pub(super) fn metric(&self, handle: u32, value: f64, time: Timestamp) -> Recorded {
        self.number(value, Entry::Metric { handle, value, time })
    }

    /// Records a number now, as the system's clock has it.
    #[inline]
    pub(super) fn metric_now(&self, handle: u32, value: f64) -> Recorded {
        let ticks = self.ticks.0.raw();
        self.number(value, Entry::MetricNow { handle, value, ticks })
    }

    #[inline]
    fn number(&self, value: f64, entry: Entry) -> Recorded {
        let mut shard = self.shard();
        match fault(value) {
            None => self.push(&mut shard, entry),
            Some(reason) => shard.refuse(reason),
        }
    }

    pub(super) fn metric_by_name(&self, name: &str, labels: &[(&str, &str)], value: f64, time: Timestamp) -> Recorded {
        let mut shard = self.shard();
        if let Some(reason) = fault(value).or(name.is_empty().then_some(DropReason::Unnamed)) {
            return shard.refuse(reason);
        }
        let key = shard.key(name, labels);
        self.push(&mut shard, Entry::Event(Event { time, body: Body::Metric(Metric { key, value }) }))
    }

    pub(super) fn event(&self, event: Event) -> Recorded {
        let reason = match &event.body {
            Body::Generation(generation) => duration_fault(generation.duration),
            Body::Evaluation(evaluation) => duration_fault(evaluation.duration),
            Body::Metric(metric) => fault(metric.value),
            Body::Log(_) | Body::Alert(_) => None,
        };
        let mut shard = self.shard();
        match reason {
            None => self.push(&mut shard, Entry::Event(event)),
            Some(reason) => shard.refuse(reason),
        }
    }

    #[inline]
    fn push(&self, shard: &mut MutexGuard<'_, Waiting>, entry: Entry) -> Recorded {
        if shard.entries.len() >= CAPACITY {
            return shard.refuse(DropReason::QueueFull);
        }
        if !self.open.load(Ordering::Acquire) {
            return shard.refuse(DropReason::Closed);
        }
        shard.entries.push(entry);
        shard.recorded += 1;
        if self.asleep.load(Ordering::Relaxed) && (shard.entries.len() == 1 || shard.entries.len() == WAKE_AT) {
            self.wake();
        }
        Recorded::Accepted
    }

    /// This thread's shard.
    #[inline]
    fn shard(&self) -> MutexGuard<'_, Waiting> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let place = PLACE.get();
        let place = if place == usize::MAX {
            let place = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
            PLACE.set(place);
            place
        } else {
            place
        };
        self.shards[place].lock()
    }

    /// Takes what waits, as batches of events. `spare` is an empty buffer that a shard gets for its full one: buffers go
    /// round and keep their size, for a fresh one would cost the recording threads a page fault every 128 events.
    pub(super) fn take(&self, spare: &mut Vec<Entry>, out: &mut Vec<Vec<Event>>) {
        for shard in &self.shards {
            {
                let mut waiting = shard.lock();
                if waiting.entries.is_empty() {
                    continue;
                }
                std::mem::swap(&mut waiting.entries, spare);
            }
            // Read after the last of the entries was recorded.
            let anchor = self.ticks.anchor();
            let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
            let mut events = spare.drain(..).map(|entry| entry.into_event(&handles, &anchor));
            while events.len() > 0 {
                out.push(events.by_ref().take(BATCH).collect());
            }
        }
    }

    /// Notes that this many more are on the bus.
    pub(super) fn note_taken(&self, events: usize) {
        self.taken.fetch_add(events, Ordering::Release);
    }

    pub(super) fn recorded(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().recorded).sum()
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    pub(super) fn dropped(&self) -> BTreeMap<&'static str, u64> {
        let mut dropped = BTreeMap::new();
        for shard in &self.shards {
            let counts = shard.lock().dropped;
            for (reason, count) in DropReason::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
                *dropped.entry(reason.as_str()).or_default() += count;
            }
        }
        dropped
    }

    /// From now on everything is dropped. What was accepted before is still taken: a recording thread holds its shard's
    /// lock while it looks, so after one pass over the locks none is under way.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Release);
        for shard in &self.shards {
            drop(shard.lock());
        }
        self.wake();
    }

    /// The recorder says that it is about to sleep.
    pub(super) fn sleep(&self, asleep: bool) {
        self.asleep.store(asleep, Ordering::Release);
    }

    /// The recorder introduces itself, to be woken.
    pub(super) fn introduce(&self, recorder: Thread) {
        // A second recorder there is never.
        self.recorder.get_or_init(|| recorder);
    }

    pub(super) fn wake(&self) {
        if self.asleep.swap(false, Ordering::AcqRel)
            && let Some(recorder) = self.recorder.get()
        {
            recorder.unpark();
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn refuse(&mut self, reason: DropReason) -> Recorded {
        self.dropped[reason as usize] += 1;
        Recorded::Dropped(reason)
    }

    /// The key of a name with labels, remembered.
    fn key(&mut self, name: &str, labels: &[(&str, &str)]) -> Arc<MetricKey> {
        let hash = self.keys.hasher().hash_one((name, labels));
        if let Some(key) = self.keys.get(&hash).filter(|key| is(key, name, labels)) {
            return Arc::clone(key);
        }
        if self.keys.len() >= REMEMBERED {
            self.keys.clear();
        }
        let key = Arc::new(MetricKey { name: Text::new(name), metadata: labels.iter().copied().collect() });
        self.keys.insert(hash, Arc::clone(&key));
        key
    }
}

fn is(key: &MetricKey, name: &str, labels: &[(&str, &str)]) -> bool {
    key.name == name
        && key.metadata.len() == labels.len()
        && key.metadata.iter().zip(labels).all(|((name, value), label)| name == label.0 && value == label.1)
}

impl Entry {
    fn into_event(self, handles: &[Arc<MetricKey>], anchor: &Anchor<'_>) -> Event {
        let (handle, value, time) = match self {
            Self::Event(event) => return event,
            Self::Metric { handle, value, time } => (handle, value, time),
            Self::MetricNow { handle, value, ticks } => (handle, value, anchor.time(ticks)),
        };
        let key = Arc::clone(&handles[handle as usize]);
        Event { time, body: Body::Metric(Metric { key, value }) }
    }
}

/// The processor's counter. To read it takes a third of the time of the system's clock, and that clock is most of what
/// recording by a handle costs. The recorder makes a time of it, a moment later.
struct Ticks(quanta::Clock);

/// The system's clock and the counter at one moment.
struct Anchor<'a> {
    clock: &'a quanta::Clock,
    now: Timestamp,
    ticks: u64,
}

impl Ticks {
    fn anchor(&self) -> Anchor<'_> {
        let read = || {
            let before = self.0.raw();
            let now = Clock::System.now();
            let ticks = self.0.raw();
            (ticks.saturating_sub(before), now, ticks)
        };
        // Another thread may run between two readings: of a few pairs the closest counts.
        let (_, now, ticks) = (0..4).map(|_| read()).min_by_key(|(gap, ..)| *gap).expect("four readings");
        Anchor { clock: &self.0, now, ticks }
    }
}

impl Anchor<'_> {
    /// When the counter was at `ticks`; to the microsecond, and never later than it was.
    fn time(&self, ticks: u64) -> Timestamp {
        self.now.minus(Duration::from_micros(self.clock.delta_as_nanos(ticks, self.ticks).div_ceil(1_000)))
    }
}

fn fault(value: f64) -> Option<DropReason> {
    // NaN compares as false, and is caught with the rest.
    if value.abs() <= LARGEST { None } else { Some(DropReason::NotFinite) }
}

fn duration_fault(duration: f64) -> Option<DropReason> {
    fault(duration).or((duration < 0.0).then_some(DropReason::Negative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_tells_the_time_of_the_clock() {
        let queue = Queue::new();
        let handle = queue.register(MetricKey::default());
        let before = Clock::System.now();
        assert_eq!(queue.metric_now(handle, 1.0), Recorded::Accepted);
        let after = Clock::System.now();
        // However long it waits.
        std::thread::park_timeout(Duration::from_millis(20));
        let mut batches = Vec::new();
        queue.take(&mut Vec::new(), &mut batches);
        let time = batches[0][0].time;
        let slack = Duration::from_micros(100);
        assert!(before.minus(slack) <= time && time <= after.plus(slack), "{before} {time} {after}");
    }

    #[test]
    fn buffers_go_round_and_batches_are_cut() {
        let queue = Queue::new();
        let (mut spare, mut batches) = (Vec::new(), Vec::new());
        let handle = queue.register(MetricKey::default());
        for at in 0..=2 * BATCH {
            queue.metric(handle, at as f64, Timestamp::MIN);
        }
        queue.take(&mut spare, &mut batches);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, BATCH, 1]);
        let values = batches.concat().into_iter().map(|event| match event.body {
            Body::Metric(metric) => metric.value,
            body => panic!("{body:?}"),
        });
        assert!(values.eq((0..=2 * BATCH).map(|at| at as f64)));
        assert!(spare.is_empty() && spare.capacity() > 2 * BATCH);
    }
}
