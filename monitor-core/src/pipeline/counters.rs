//! What is counted while a pipeline runs. Plain atomics: whoever counts never waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use crate::Text;
use crate::bus::{Draft, Intake};
use crate::event::Kind;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Names with counts; past a bound, new names are counted together.
#[derive(Debug, Default)]
pub(crate) struct NamedCounters(Mutex<BTreeMap<Text, u64>>);

impl NamedCounters {
    const MOST: usize = 1_000;

    pub(crate) fn add(&self, name: &Text) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name =
            if counts.len() < Self::MOST || counts.contains_key(name) { name } else { &Text::new_static("other") };
        *counts.entry(name.clone()).or_default() += 1;
    }

    pub(crate) fn get(&self) -> BTreeMap<Text, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came in.
#[derive(Debug, Default)]
pub(crate) struct InputCounters {
    kinds: [Counter; 5],
    pub(crate) samples: Counter,
    pub(crate) missing_scores: NamedCounters,
    intake: Mutex<Intake>,
}

/// What a batch will have counted for, once it is on the bus.
pub(crate) struct Counted {
    kinds: [u64; 5],
    samples: u64,
    missing_scores: Vec<Text>,
}

impl InputCounters {
    pub(crate) fn look_at(draft: &Draft) -> Counted {
        let mut counted = Counted {
            kinds: [0; 5],
            samples: draft.samples().len() as u64,
            missing_scores: draft.missing_scores().cloned().collect(),
        };
        draft.kinds().for_each(|kind| counted.kinds[kind as usize] += 1);
        counted
    }

    pub(crate) fn count(&self, counted: &Counted) {
        for (counter, more) in self.kinds.iter().zip(counted.kinds) {
            counter.add(more);
        }
        self.samples.add(counted.samples);
        for name in &counted.missing_scores {
            self.missing_scores.add(name);
        }
    }

    pub(crate) fn note(&self, intake: &Intake) {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner).add(intake);
    }

    /// The books of the door.
    pub(crate) fn intake(&self) -> Intake {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn events(&self) -> u64 {
        self.kinds.iter().map(Counter::get).sum()
    }

    pub(crate) fn by_kind(&self) -> BTreeMap<&'static str, u64> {
        Kind::ALL.into_iter().zip(&self.kinds).map(|(kind, counter)| (kind.as_str(), counter.get())).collect()
    }
}

/// What became of the events for one sink.
#[derive(Debug, Default)]
pub(crate) struct SinkCounters {
    pub(crate) delivered: Counter,
    pub(crate) filtered: Counter,
    /// Of those that the sink said can never be written, the ones that are kept.
    pub(crate) dead_letter: Counter,
    /// And those that could not be kept.
    pub(crate) rejected: Counter,
    /// Were to be kept on disk, and are gone.
    pub(crate) gone: AtomicU64,
    /// Given up: the sink failed for good, or the shutdown did not leave it the time.
    pub(crate) given_up: Counter,
    /// Lost because the sink was too slow for a full bus.
    pub(crate) overflowed: AtomicU64,
    pub(crate) retries: Counter,
    pub(crate) restarts: Counter,
    /// By how many events the books are out.
    difference: AtomicI64,
    pub(crate) error: Mutex<Option<String>>,
}

impl SinkCounters {
    pub(crate) fn note(&self, error: &str) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_owned());
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how many events more were read than have met a fate: 0, or the books do not close.
    pub(crate) fn note_difference(&self, events: i64) {
        self.difference.store(events, Ordering::Relaxed);
    }

    /// By how many events the books are out.
    pub(crate) fn difference(&self) -> i64 {
        self.difference.load(Ordering::Relaxed)
    }

    /// Events of which the fate is known.
    pub(crate) fn settled(&self) -> u64 {
        self.delivered.get() + self.filtered.get() + self.dead_letter.get() + self.lost()
    }

    /// Events that did not arrive, and are nowhere else.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_by_reason().iter().map(|(_, count)| count).sum()
    }

    pub(crate) fn lost_by_reason(&self) -> [(&'static str, u64); 4] {
        [
            ("overflow", self.overflowed.load(Ordering::Relaxed)),
            ("gave_up", self.given_up.get()),
            ("rejected", self.rejected.get()),
            ("gone", self.gone.load(Ordering::Relaxed)),
        ]
    }
}

/// What became of one source.
#[derive(Debug, Default)]
pub(crate) struct SourceCounters {
    pub(crate) events: Counter,
    /// How much it has read, and how much there is, by whatever it counts.
    pub(crate) read: Counter,
    pub(crate) to_read: Counter,
    /// How often it has come to the end of what there was.
    pub(crate) rounds: AtomicU64,
    pub(crate) done: AtomicBool,
    /// Who waits for it to be done.
    pub(crate) waiter: OnceLock<Thread>,
    pub(crate) error: Mutex<Option<String>>,
}
