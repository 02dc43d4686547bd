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

use foldhash::fast::RandomState;

use super::entries::{Entries, Entry, Ticker};
use crate::event::{Body, Event, Generation, Metric, MetricKey, Tokens};
use crate::pipeline::TOLERANCE;
use crate::read::{LARGEST, LARGEST_COUNT};
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
    /// A metric or an evaluator without a name.
    Unnamed,
    /// A time of one's own that lies more than a day ahead of the clock.
    Future,
    /// A count beyond 2^53, or a time before 1970: it could not be read back.
    OutOfRange,
}

impl DropReason {
    const ALL: [Self; 7] =
        [Self::Closed, Self::QueueFull, Self::NotFinite, Self::Negative, Self::Unnamed, Self::Future, Self::OutOfRange];

    /// The word in the summary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::QueueFull => "queue_full",
            Self::NotFinite => "not_finite",
            Self::Negative => "negative",
            Self::Unnamed => "unnamed",
            Self::Future => "future",
            Self::OutOfRange => "out_of_range",
        }
    }
}

pub(super) struct Queue {
    shards: [Shard; SHARDS],
    open: AtomicBool,
    handles: Mutex<Vec<Arc<MetricKey>>>,
    taken: AtomicUsize,
    /// Of each shard, how many are on the bus.
    published: [AtomicUsize; SHARDS],
    /// With so many waiting in a shard the recorder wants to be woken.
    wake_at: AtomicUsize,
    recorder: OnceLock<Thread>,
    /// The recorder has ended: what waits still is lost.
    ended: AtomicBool,
    ticker: Ticker,
}

/// What the recorder empties the queue with. A shard gets an empty buffer for its full one: buffers go round and keep
/// their size, for a fresh one would cost the recording threads a page fault every 128 events.
#[derive(Default)]
pub(super) struct Buffers {
    shards: [Entries; SHARDS],
    /// How many each had when it was emptied last.
    taken: [usize; SHARDS],
    /// The handles known so far: there are only ever more.
    handles: Vec<Arc<MetricKey>>,
}

/// How many events each shard has had at some moment.
pub(super) type Marks = [usize; SHARDS];

/// A shard has cache lines of its own, or threads would meet all the same.
#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    entries: Entries,
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
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            open: AtomicBool::new(true),
            handles: Mutex::default(),
            taken: AtomicUsize::new(0),
            published: std::array::from_fn(|_| AtomicUsize::new(0)),
            wake_at: AtomicUsize::new(AWAKE),
            recorder: OnceLock::new(),
            ended: AtomicBool::new(false),
            ticker: Ticker::new(clock),
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

    /// Records a number of a handle, now.
    #[inline]
    pub(super) fn metric(&self, handle: u32, value: f64) -> Recorded {
        let mark = self.ticker.mark();
        let mut shard = self.shard();
        match fault(value) {
            None => self.push(&mut shard, || Entry::Metric { mark, handle, value }),
            Some(reason) => shard.refuse(reason),
        }
    }

    /// Records a number of a name with labels, now.
    pub(super) fn metric_by_name(&self, name: &str, labels: &[(&str, &str)], value: f64) -> Recorded {
        let mark = self.ticker.mark();
        let mut shard = self.shard();
        if let Some(reason) = fault(value).or(name.is_empty().then_some(DropReason::Unnamed)) {
            return shard.refuse(reason);
        }
        match shard.known(name, labels).unwrap_or_else(|| self.learn(&mut shard, name, labels)) {
            Known::Handle(handle) => self.push(&mut shard, || Entry::Metric { mark, handle, value }),
            Known::Key(key) => {
                self.push(&mut shard, || Entry::Body { mark, body: Body::Metric(Metric { key, value }) })
            }
        }
    }

    /// Records a generation, now. It moves into the shard's buffer as it is: the recorder finds a place for it.
    #[inline]
    pub(super) fn generation(&self, generation: Generation) -> Recorded {
        let mark = self.ticker.mark();
        let mut shard = self.shard();
        if let Some(reason) = generation_fault(&generation) {
            return shard.refuse(reason);
        }
        let recorded = self.push(&mut shard, || Entry::Generation { mark });
        if recorded == Recorded::Accepted {
            shard.entries.generations.push(generation);
        }
        recorded
    }

    /// Records whatever else, now.
    pub(super) fn body(&self, body: Body) -> Recorded {
        let mark = self.ticker.mark();
        let mut shard = self.shard();
        match fault_of(&body) {
            None => self.push(&mut shard, || Entry::Body { mark, body }),
            Some(reason) => shard.refuse(reason),
        }
    }

    /// Records whatever, now, and tells behind which events of which shard it stands.
    pub(super) fn marked(&self, body: Body) -> (Recorded, Marks) {
        let recorded = self.body(body);
        let mut marks = [0; SHARDS];
        // Those of other threads that share the shard are waited for with it.
        marks[Self::place()] = self.shard().recorded;
        (recorded, marks)
    }

    /// Records an event with a time of its own.
    pub(super) fn event(&self, event: Event) -> Recorded {
        let time_fault = if event.time > self.ticker.now().plus(TOLERANCE) {
            Some(DropReason::Future)
        } else {
            (event.time < Timestamp::MIN).then_some(DropReason::OutOfRange)
        };
        let mut shard = self.shard();
        match fault_of(&event.body).or(time_fault) {
            None => self.push(&mut shard, || Entry::Event(Box::new(event))),
            Some(reason) => shard.refuse(reason),
        }
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

    #[inline]
    fn push(&self, shard: &mut MutexGuard<'_, Waiting>, entry: impl FnOnce() -> Entry) -> Recorded {
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
        self.shards[Self::place()].lock()
    }

    #[inline]
    fn place() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        let place = PLACE.get();
        if place == usize::MAX {
            let place = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
            PLACE.set(place);
            place
        } else {
            place
        }
    }

    /// Takes what waits, as batches of events, in the order of time where several threads have recorded: the store would
    /// have to insert what comes later than it happened, in the midst of what it has.
    pub(super) fn take(&self, buffers: &mut Buffers, out: &mut Vec<Vec<Event>>) {
        let Buffers { shards, taken, handles } = buffers;
        // All shards first, so that they are cut at the same moment.
        for ((shard, buffer), taken) in self.shards.iter().zip(&mut *shards).zip(taken) {
            let mut waiting = shard.lock();
            *taken = waiting.entries.len();
            if !waiting.entries.is_empty() {
                std::mem::swap(&mut waiting.entries, buffer);
            }
        }
        // Read after the last of the entries was recorded.
        let anchor = self.ticker.anchor();
        // Taken over, so that nobody who makes one waits for all of this.
        handles.extend_from_slice(&self.handles.lock().unwrap_or_else(PoisonError::into_inner)[handles.len()..]);
        let mut filled: Vec<_> = shards.iter_mut().filter(|buffer| !buffer.is_empty()).collect();
        if let [buffer] = filled.as_mut_slice() {
            return cut(buffer.events(handles, &anchor), out);
        }
        let mut runs: Vec<_> = filled.into_iter().map(|buffer| buffer.events(handles, &anchor).peekable()).collect();
        // The earliest head first: within a thread the order stays, whatever the times say.
        let earliest = std::iter::from_fn(|| {
            let heads = runs.iter_mut().enumerate().filter_map(|(at, run)| Some((run.peek()?.time, at)));
            let (_, at) = heads.min()?;
            runs[at].next()
        });
        cut(earliest, out);
    }

    /// Gives back the room of a burst; for a recorder that has had nothing to do for a while.
    pub(super) fn shrink(&self, buffers: &mut Buffers) {
        for (shard, buffer) in self.shards.iter().zip(&mut buffers.shards) {
            shard.lock().entries.shrink();
            buffer.shrink();
        }
    }

    /// Notes that all that was taken last is on the bus.
    pub(super) fn note_published(&self, buffers: &Buffers) {
        for (published, taken) in self.published.iter().zip(buffers.taken).filter(|(_, taken)| *taken > 0) {
            published.fetch_add(taken, Ordering::Release);
        }
    }

    /// How many events each shard has had.
    pub(super) fn marks(&self) -> Marks {
        std::array::from_fn(|at| self.shards[at].lock().recorded)
    }

    /// Whether all that stood before these marks is on the bus.
    pub(super) fn has_published(&self, marks: &Marks) -> bool {
        self.published.iter().zip(marks).all(|(published, mark)| published.load(Ordering::Acquire) >= *mark)
    }

    /// Notes that this many more are on the bus.
    pub(super) fn note_taken(&self, events: usize) {
        self.taken.fetch_add(events, Ordering::Release);
    }

    /// The recorder takes nothing more.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn recorded(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().recorded).sum()
    }

    /// How many were accepted and have not got onto the bus: once the recorder has ended, they never will.
    pub(super) fn lost(&self) -> u64 {
        if self.ended.load(Ordering::Acquire) {
            self.recorded().saturating_sub(self.taken.load(Ordering::Acquire)) as u64
        } else {
            0
        }
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

/// Cuts events into batches.
fn cut(mut events: impl Iterator<Item = Event>, out: &mut Vec<Vec<Event>>) {
    loop {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(event) = events.next()
        {
            if batch.capacity() == 0 {
                batch.reserve_exact(BATCH);
            }
            batch.push(event);
        }
        let more = batch.len() == BATCH;
        if !batch.is_empty() {
            out.push(batch);
        }
        if !more {
            return;
        }
    }
}

fn fault(value: f64) -> Option<DropReason> {
    // NaN compares as false, and is caught with the rest.
    if value.abs() <= LARGEST { None } else { Some(DropReason::NotFinite) }
}

fn fault_of(body: &Body) -> Option<DropReason> {
    match body {
        Body::Generation(generation) => generation_fault(generation),
        Body::Evaluation(evaluation) => duration_fault(evaluation.duration)
            .or(evaluation.evaluator_type.is_empty().then_some(DropReason::Unnamed))
            .or(tokens_fault(&evaluation.tokens)),
        Body::Metric(metric) => fault(metric.value).or(metric.key.name.is_empty().then_some(DropReason::Unnamed)),
        Body::Log(_) | Body::Alert(_) => None,
    }
}

fn generation_fault(generation: &Generation) -> Option<DropReason> {
    duration_fault(generation.duration)
        .or_else(|| tokens_fault(&generation.tokens))
        .or_else(|| count_fault(generation.conversation_length))
}

fn tokens_fault(tokens: &Tokens) -> Option<DropReason> {
    let Tokens { prompt, completion, total, cached, reasoning } = *tokens;
    [prompt, completion, total, cached, reasoning].into_iter().find_map(count_fault)
}

fn count_fault(count: Option<u64>) -> Option<DropReason> {
    (count.unwrap_or(0) > LARGEST_COUNT as u64).then_some(DropReason::OutOfRange)
}

fn duration_fault(duration: f64) -> Option<DropReason> {
    fault(duration).or((duration < 0.0).then_some(DropReason::Negative))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Log;
    use std::time::Duration;

    #[test]
    fn the_counter_tells_the_time_of_the_clock() {
        let queue = Queue::new(Clock::System);
        let handle = queue.register(MetricKey::default());
        let before = Clock::System.now();
        assert_eq!(queue.metric(handle, 1.0), Recorded::Accepted);
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
        let queue = Queue::new(Clock::System);
        let name = |at: usize| format!("metric_{at}");
        for at in 0..2 * REMEMBERED {
            queue.metric_by_name(&name(at), &[("at", "1")], 1.0);
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
        let queue = Queue::new(Clock::System);
        let record = |second| queue.event(Event::new(Timestamp::from_secs(second), Log::default()));
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
        let queue = Queue::new(Clock::System);
        let (mut buffers, mut batches) = (Buffers::default(), Vec::new());
        let handle = queue.register(MetricKey::default());
        for at in 0..=2 * BATCH {
            queue.metric(handle, at as f64);
        }
        queue.take(&mut buffers, &mut batches);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, BATCH, 1]);
        let values = batches.concat().into_iter().map(|event| match event.body {
            Body::Metric(metric) => metric.value,
            body => panic!("{body:?}"),
        });
        assert!(values.eq((0..=2 * BATCH).map(|at| at as f64)));
        assert!(buffers.shards.iter().any(|buffer| buffer.is_empty() && buffer.room() > 2 * BATCH));
        for at in 0..5 * WAKE_AT {
            queue.metric(handle, at as f64);
            queue.generation(Generation::new(at as f64, true));
        }
        queue.take(&mut buffers, &mut batches);
        queue.shrink(&mut buffers);
        assert!(buffers.shards.iter().all(|buffer| buffer.room() <= WAKE_AT));
    }
}
