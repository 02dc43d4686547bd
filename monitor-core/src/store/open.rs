//! The youngest samples of a series: appended to by the writer while any number of readers look on.
//!
//! The writer stores a sample's time and value and then, releasing them, the length; a reader acquires the length and
//! looks no further. What has been appended never changes. So neither waits for the other, and nobody sees half a sample.

use super::sync::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Room for so many samples, in the order in which they came.
#[derive(Debug)]
pub(super) struct Open {
    /// The time and the bits of the value of each, side by side: to append is to touch one place.
    samples: Box<[(AtomicI64, AtomicU64)]>,
    length: AtomicUsize,
}

impl Open {
    pub(super) fn with_room(room: usize) -> Self {
        let samples = (0..room).map(|_| (AtomicI64::new(0), AtomicU64::new(0))).collect();
        Self { samples, length: AtomicUsize::new(0) }
    }

    /// Appends a sample; false if there is no room. Only the writer calls it.
    #[inline]
    pub(super) fn push(&self, time: i64, value: f64) -> bool {
        let at = self.length.load(Ordering::Relaxed);
        let Some((time_at, value_at)) = self.samples.get(at) else { return false };
        time_at.store(time, Ordering::Relaxed);
        value_at.store(value.to_bits(), Ordering::Relaxed);
        self.length.store(at + 1, Ordering::Release);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    pub(super) fn room(&self) -> usize {
        self.samples.len()
    }

    /// The samples so far, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, f64)> {
        let samples = self.samples[..self.len()].iter();
        samples.map(|(time, value)| (time.load(Ordering::Relaxed), f64::from_bits(value.load(Ordering::Relaxed))))
    }
}
