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
use crate::pipeline::TOLERANCE;
use crate::read::LARGEST;
use crate::{Clock, Text, Timestamp};

/// Shards; more threads than this share.
const SHARDS: usize = 16;
/// Events that wait in a shard at most.
const CAPACITY: usize = 65_536;
/// Events are handed on by this many: enough to share out the cost of a batch, few enough to stay in a core's cache.
const BATCH: usize = 1_024;
/// With this many waiting in a shard, a recorder that naps is woken.
const WAKE_AT: usize = 4_096;
/// A recorder that is awake is not woken: no shard holds that many.
const AWAKE: usize = usize::MAX;
/// Keys that a shard remembers for recording by name, and handles that it makes for them.
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
    /// A time of one's own that lies more than a day ahead of the clock.
    Future,
}

impl DropReason {
    const ALL: [Self; 6] =
        [Self::Closed, Self::QueueFull, Self::NotFinite, Self::Negative, Self::Unnamed, Self::Future];

    /// The word in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::QueueFull => "queue_full",
            Self::NotFinite => "not_finite",
            Self::Negative => "negative",
            Self::Unnamed => "unnamed",
            Self::Future => "future",
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
    /// With so many waiting in a shard the recorder wants to be woken.
    wake_at: AtomicUsize,
    recorder: OnceLock<Thread>,
    /// The recorder has ended: what waits still is lost.
    ended: AtomicBool,
    ticks: Ticks,
}

/// What the recorder empties the queue with. A shard gets an empty buffer for its full one: buffers go round and keep
/// their size, for a fresh one would cost the recording threads a page fault every 128 events.
#[derive(Default)]
pub(super) struct Buffers {
    shards: [Vec<Entry>; SHARDS],
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
    keys: HashMap<u64, (Arc<MetricKey>, Option<u32>), RandomState>,
    /// How many of the handles are this shard's, for names.
    handles: usize,
}

/// What stands for a name with labels.
enum Known {
    /// A handle: as good as [`Queue::register`]'s. No count of references is touched, which the threads that drop events
    /// would fight for.
    Handle(u32),
    /// Its key, once a shard has had its share of handles.
    Key(Arc<MetricKey>),
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            open: AtomicBool::new(true),
            handles: Mutex::default(),
            taken: AtomicUsize::new(0),
            wake_at: AtomicUsize::new(AWAKE),
            recorder: OnceLock::new(),
            ended: AtomicBool::new(false),
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
        let entry = match shard.known(name, labels).unwrap_or_else(|| self.learn(&mut shard, name, labels)) {
            Known::Handle(handle) => Entry::Metric { handle, value, time },
            Known::Key(key) => Entry::Event(Event { time, body: Body::Metric(Metric { key, value }) }),
        };
        self.push(&mut shard, entry)
    }

    /// Remembers a name with labels. Handles are for ever, so a shard gets only so many for names without end.
    #[cold]
    fn learn(&self, shard: &mut Waiting, name: &str, labels: &[(&str, &str)]) -> Known {
        if shard.keys.len() >= REMEMBERED {
            shard.keys.clear();
        }
        let key = Arc::new(MetricKey { name: Text::new(name), metadata: labels.iter().copied().collect() });
        let handle = (shard.handles < REMEMBERED).then(|| {
            shard.handles += 1;
            let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
            handles.push(Arc::clone(&key));
            u32::try_from(handles.len() - 1).expect("less than 2^32 handles")
        });
        let hash = shard.keys.hasher().hash_one((name, labels));
        shard.keys.insert(hash, (Arc::clone(&key), handle));
        handle.map_or(Known::Key(key), Known::Handle)
    }

    pub(super) fn event(&self, event: Event, now: Timestamp) -> Recorded {
        let reason = match &event.body {
            Body::Generation(generation) => duration_fault(generation.duration),
            Body::Evaluation(evaluation) => duration_fault(evaluation.duration),
            Body::Metric(metric) => fault(metric.value).or(metric.key.name.is_empty().then_some(DropReason::Unnamed)),
            Body::Log(_) | Body::Alert(_) => None,
        };
        let reason = reason.or((event.time > now.plus(TOLERANCE)).then_some(DropReason::Future));
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
        if shard.entries.len() >= self.wake_at.load(Ordering::Relaxed) {
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

    /// Takes what waits, as batches of events, in the order of time where several threads have recorded: the store would
    /// have to insert what comes later than it happened, in the midst of what it has.
    pub(super) fn take<'a>(&self, buffers: &'a mut Buffers, out: &mut Vec<Vec<Event>>) {
        let Buffers { shards } = buffers;
        // All shards first, so that they are cut at the same moment.
        for (shard, buffer) in self.shards.iter().zip(&mut *shards) {
            let mut waiting = shard.lock();
            if !waiting.entries.is_empty() {
                std::mem::swap(&mut waiting.entries, buffer);
            }
        }
        // Read after the last of the entries was recorded.
        let anchor = self.ticks.anchor();
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let run =
            |buffer: &'a mut Vec<Entry>| buffer.drain(..).map(|entry| entry.into_event(&handles, &anchor)).peekable();
        let mut runs: Vec<_> = shards.iter_mut().filter(|buffer| !buffer.is_empty()).map(run).collect();
        let mut batch = Vec::new();
        // The earliest head first: within a thread the order stays, whatever the times say.
        while let Some(next) = runs
            .iter_mut()
            .enumerate()
            .filter_map(|(at, run)| Some((run.peek()?.time, at)))
            .min()
            .and_then(|(_, at)| runs[at].next())
        {
            if batch.capacity() == 0 {
                batch.reserve(BATCH);
            }
            batch.push(next);
            if batch.len() == BATCH {
                out.push(std::mem::take(&mut batch));
            }
        }
        if !batch.is_empty() {
            out.push(batch);
        }
    }

    /// Notes that this many more are on the bus.
    pub(super) fn note_taken(&self, events: usize) {
        self.taken.fetch_add(events, Ordering::Release);
    }

    /// The recorder takes nothing more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(super) fn recorded(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().recorded).sum()
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// How many were accepted and have not got onto the bus: once the recorder has ended, they never will.
    pub(super) fn lost(&self) -> u64 {
        if self.ended.load(Ordering::Acquire) { self.recorded().saturating_sub(self.taken()) as u64 } else { 0 }
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

    /// The recorder says that it is about to rest, until something comes or, in a nap, until much has come.
    pub(super) fn rest(&self, nap: bool) {
        self.wake_at.store(if nap { WAKE_AT } else { 1 }, Ordering::Release);
    }

    /// The recorder introduces itself, to be woken.
    pub(super) fn introduce(&self, recorder: Thread) {
        // A second recorder there is never.
        self.recorder.get_or_init(|| recorder);
    }

    pub(super) fn wake(&self) {
        if self.wake_at.swap(AWAKE, Ordering::AcqRel) != AWAKE
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

    /// What a name with labels was remembered as.
    fn known(&self, name: &str, labels: &[(&str, &str)]) -> Option<Known> {
        let hash = self.keys.hasher().hash_one((name, labels));
        let (key, handle) = self.keys.get(&hash).filter(|(key, _)| is(key, name, labels))?;
        Some(handle.map_or_else(|| Known::Key(Arc::clone(key)), Known::Handle))
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
        queue.take(&mut Buffers::default(), &mut batches);
        let time = batches[0][0].time;
        let slack = Duration::from_micros(100);
        assert!(before.minus(slack) <= time && time <= after.plus(slack), "{before} {time} {after}");
    }

    #[test]
    fn names_without_end_get_handles_only_so_long() {
        let queue = Queue::new();
        let name = |at: usize| format!("metric_{at}");
        for at in 0..2 * REMEMBERED {
            queue.metric_by_name(&name(at), &[("at", "1")], 1.0, Timestamp::MIN);
        }
        assert_eq!(queue.handles.lock().expect("no test panics with it").len(), REMEMBERED);
        let mut batches = Vec::new();
        queue.take(&mut Buffers::default(), &mut batches);
        let names = batches.concat().into_iter().map(|event| match event.body {
            Body::Metric(metric) => metric.key.name.to_string(),
            body => panic!("{body:?}"),
        });
        assert!(names.eq((0..2 * REMEMBERED).map(name)));
    }

    #[test]
    fn threads_are_taken_in_the_order_of_time() {
        let queue = Queue::new();
        let record = |second| queue.metric_by_name("load", &[], 0.0, Timestamp::from_secs(second));
        std::thread::scope(|scope| {
            scope.spawn(|| [1, 4, 6].map(record));
            scope.spawn(|| [2, 3, 5].map(record));
        });
        let mut batches = Vec::new();
        queue.take(&mut Buffers::default(), &mut batches);
        let times = batches.concat().into_iter().map(|event| event.time);
        assert!(times.eq((1..=6).map(Timestamp::from_secs)));
    }

    #[test]
    fn buffers_go_round_and_batches_are_cut() {
        let queue = Queue::new();
        let (mut buffers, mut batches) = (Buffers::default(), Vec::new());
        let handle = queue.register(MetricKey::default());
        for at in 0..=2 * BATCH {
            queue.metric(handle, at as f64, Timestamp::MIN);
        }
        queue.take(&mut buffers, &mut batches);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, BATCH, 1]);
        let values = batches.concat().into_iter().map(|event| match event.body {
            Body::Metric(metric) => metric.value,
            body => panic!("{body:?}"),
        });
        assert!(values.eq((0..=2 * BATCH).map(|at| at as f64)));
        assert!(buffers.shards.iter().any(|buffer| buffer.is_empty() && buffer.capacity() > 2 * BATCH));
    }
}
