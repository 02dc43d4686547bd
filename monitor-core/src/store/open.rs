//! The youngest samples of series that get samples together: rows of a table, each with one time and a value a series.
//! The writer appends to it while any number of readers look on.
//!
//! The writer stores the cells of a row and then, releasing them, the number of rows; a reader acquires the number and
//! looks no further. What has been appended never changes. So neither waits for the other, and nobody sees half a sample.

use super::sync::{Arc, AtomicU64, AtomicUsize, Ordering, Shared};

/// Room for so many rows, in the order in which they came.
#[derive(Debug)]
pub(super) struct Open {
    /// Row by row, the time and the values of each: to append is to touch one place.
    cells: Box<[AtomicU64]>,
    width: usize,
    rows: AtomicUsize,
}

impl Open {
    pub(super) fn with_room(rows: usize, columns: usize) -> Self {
        let width = columns + 1;
        Self { cells: (0..rows * width).map(|_| AtomicU64::new(0)).collect(), width, rows: AtomicUsize::new(0) }
    }

    /// Appends a row; false if there is no room. Only the writer calls it.
    #[inline]
    pub(super) fn push(&self, time: i64, values: &[f64]) -> bool {
        let row = self.rows.load(Ordering::Relaxed);
        let Some(cells) = self.cells.get(row * self.width..(row + 1) * self.width) else { return false };
        let Some((time_at, values_at)) = cells.split_first() else { return false };
        time_at.store(time.cast_unsigned(), Ordering::Relaxed);
        for (value_at, value) in values_at.iter().zip(values) {
            value_at.store(value.to_bits(), Ordering::Relaxed);
        }
        self.rows.store(row + 1, Ordering::Release);
        true
    }

    /// A table with more room, or less, and the same rows. Only the writer calls it.
    pub(super) fn resized(&self, rows: usize) -> Self {
        let other = Self::with_room(rows, self.width - 1);
        let (length, cells) = (self.len(), self.len() * self.width);
        for (to, from) in other.cells.iter().zip(&self.cells[..cells]) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        other.rows.store(length, Ordering::Release);
        other
    }

    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.rows.load(Ordering::Acquire)
    }

    /// For how many rows there is room.
    pub(super) fn room(&self) -> usize {
        self.cells.len() / self.width
    }

    /// The times of the rows so far.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> {
        self.column(0).map(u64::cast_signed)
    }

    /// The values of a series so far.
    pub(super) fn values(&self, series: usize) -> impl Iterator<Item = f64> {
        self.column(series + 1).map(f64::from_bits)
    }

    fn column(&self, column: usize) -> impl Iterator<Item = u64> {
        let rows = self.cells.chunks_exact(self.width).take(self.len());
        rows.map(move |row| row[column].load(Ordering::Relaxed))
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + 8 * self.cells.len()
    }
}

/// A table that is exchanged for a larger one when it is full.
#[derive(Debug)]
pub(super) struct Growing(Shared<Open>);

impl Growing {
    pub(super) fn new(open: Arc<Open>) -> Self {
        Self(Shared::new(open))
    }

    pub(super) fn grow(&self, open: Arc<Open>) {
        self.0.set(open);
    }

    /// The samples of a series so far, in the order in which they came.
    pub(super) fn with<T>(&self, take: impl FnOnce(&Open) -> T) -> T {
        take(&self.0.get())
    }
}

/// Where a series has its youngest samples.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) table: Arc<Growing>,
    pub(super) at: usize,
}

impl Column {
    pub(super) fn len(&self) -> usize {
        self.table.with(Open::len)
    }

    /// Appends the samples so far to `times` and `values`, in the order in which they came.
    pub(super) fn read(&self, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        self.table.with(|open| {
            values.extend(open.values(self.at));
            // There may be more rows by now than a moment ago.
            let rows = values.len() - times.len();
            times.extend(open.times().take(rows));
        });
    }
}
