//! What waits in a shard: as little as a recording thread has to write down, of which the recorder makes events.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{Body, Event, Generation, Metric, MetricKey};
use crate::{Clock, Timestamp};

/// Room for so many entries stays, whatever else is given back.
const KEPT: usize = 4_096;

/// Something recorded, before it is an event, and when. Small: a burst of them should stay in a core's cache.
pub(super) enum Entry {
    /// A number of the handle with this place: it needs no key of its own yet.
    Metric { mark: Mark, handle: u32, value: f64 },
    /// The next of [`Entries::generations`].
    Generation { mark: Mark },
    /// Whatever else.
    Body { mark: Mark, body: Body },
    /// Something with a time of its own.
    Event(Box<Event>),
}

/// A moment of a [`Ticker`].
#[derive(Clone, Copy)]
pub(super) struct Mark(u64);

/// Entries in the order in which they were recorded.
#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    /// Generations are large and frequent. Here they cost their thread no allocation, and the recorder, which would free
    /// it, no wait for that thread's heap.
    pub(super) generations: Vec<Generation>,
}

impl Entries {
    /// Adds an entry, made where it stays: to move one that was just written in parts has the processor wait for them.
    #[inline]
    pub(super) fn push(&mut self, entry: impl FnOnce() -> Entry) {
        self.list.extend(std::iter::once_with(entry));
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Gives back what a burst has left, for other work to have.
    pub(super) fn shrink(&mut self) {
        self.list.shrink_to(KEPT);
        self.generations.shrink_to(KEPT);
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.list.capacity().max(self.generations.capacity())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Empties the entries, as events. The room that they had stays.
    pub(super) fn events<'a>(
        &'a mut self,
        handles: &'a [Arc<MetricKey>],
        anchor: &'a Anchor<'_>,
    ) -> impl Iterator<Item = Event> + 'a {
        let mut generations = self.generations.drain(..);
        self.list.drain(..).map(move |entry| {
            let (mark, body) = match entry {
                Entry::Metric { mark, handle, value } => {
                    (mark, Body::Metric(Metric { key: Arc::clone(&handles[handle as usize]), value }))
                }
                Entry::Generation { mark } => (mark, generations.next().expect("one for every such entry").into()),
                Entry::Body { mark, body } => (mark, body),
                Entry::Event(event) => return *event,
            };
            Event { time: anchor.time(mark), body }
        })
    }
}

/// A clock that is quick to read. The system's is most of what recording by a handle costs, and the processor's counter
/// is read in a third of its time: the recorder makes a time of it, a moment later.
pub(super) enum Ticker {
    Counter(quanta::Clock),
    Manual(Clock),
}

/// What makes times of marks.
pub(super) enum Anchor<'a> {
    /// The system's clock and the counter at one moment.
    Counter { clock: &'a quanta::Clock, now: Timestamp, ticks: u64 },
    /// A mark is a time as it is.
    Manual,
}

impl Ticker {
    pub(super) fn new(clock: Clock) -> Self {
        match clock {
            Clock::System => Self::Counter(quanta::Clock::new()),
            manual @ Clock::Manual(_) => Self::Manual(manual),
        }
    }

    #[inline]
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Counter(counter) => Mark(counter.raw()),
            Self::Manual(clock) => Mark(clock.now().as_micros().cast_unsigned()),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Counter(_) => Clock::System.now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    pub(super) fn anchor(&self) -> Anchor<'_> {
        let Self::Counter(clock) = self else { return Anchor::Manual };
        let read = || {
            let before = clock.raw();
            let now = Clock::System.now();
            let ticks = clock.raw();
            (ticks.saturating_sub(before), now, ticks)
        };
        // Another thread may run between two readings: of a few pairs the closest counts.
        let (_, now, ticks) = (0..4).map(|_| read()).min_by_key(|(gap, ..)| *gap).expect("four readings");
        Anchor::Counter { clock, now, ticks }
    }
}

impl Anchor<'_> {
    /// When that was; to the microsecond, and never later than it was.
    fn time(&self, mark: Mark) -> Timestamp {
        match self {
            Self::Counter { clock, now, ticks } => {
                now.minus(Duration::from_micros(clock.delta_as_nanos(mark.0, *ticks).div_ceil(1_000)))
            }
            Self::Manual => Timestamp::from_micros(mark.0.cast_signed()),
        }
    }
}
