//! Frames of what a sink gets, put together batch by batch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use monitor_core::component::{Answer, Sink, sink_fn};
use monitor_core::frame::{events_frame, samples_frame};

use super::Frames;
use super::polars_core::prelude::*;

/// So many rows become one piece of memory. Batches are smaller, and columns of a thousand pieces are slow to ask.
const CHUNK: usize = 65_536;

/// Gathers what its sinks get. Clones share what they have gathered.
#[derive(Clone, Debug)]
pub struct Gather {
    samples: Option<Arc<Mutex<Stack>>>,
    events: Option<Arc<Mutex<Stack>>>,
}

impl Default for Gather {
    fn default() -> Self {
        Self::new()
    }
}

impl Gather {
    /// One that gathers samples and events.
    pub fn new() -> Self {
        Self { samples: Some(Stack::of(no_samples())), events: Some(Stack::of(no_events())) }
    }

    /// Leaves the events out: what came as lines need then not be made into events.
    pub fn without_events(self) -> Self {
        Self { events: None, ..self }
    }

    /// Leaves the samples out.
    pub fn without_samples(self) -> Self {
        Self { samples: None, ..self }
    }

    /// A sink that gathers. It fails for good if a label is called as one of the columns that all samples have.
    pub fn sink(&self) -> Box<dyn Sink> {
        let gather = self.clone();
        sink_fn(move |delivery| {
            let samples = gather.samples.as_ref().map_or(Ok(()), |stack| {
                let samples = samples_frame(delivery.samples())?;
                lock(stack).push(samples)
            });
            let events =
                gather.events.as_ref().map_or(Ok(()), |stack| lock(stack).push(events_frame(delivery.events())));
            samples.and(events).map_or_else(|error| Answer::Fatal(error.into()), |()| Answer::Ok)
        })
    }

    /// Takes out what it has gathered. What is left out has its columns, and no rows.
    ///
    /// # Errors
    /// When polars cannot put the batches together.
    pub fn take(&self) -> PolarsResult<Frames> {
        let taken = |stack: &Option<Arc<Mutex<Stack>>>, empty: fn() -> DataFrame| {
            stack.as_ref().map_or_else(|| Ok(empty()), |stack| lock(stack).take(empty()))
        };
        Ok(Frames { samples: taken(&self.samples, no_samples)?, events: taken(&self.events, no_events)? })
    }
}

fn no_samples() -> DataFrame {
    samples_frame([]).expect("without samples there are no labels that could clash")
}

fn no_events() -> DataFrame {
    events_frame(&[])
}

fn lock(stack: &Mutex<Stack>) -> MutexGuard<'_, Stack> {
    stack.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frames on top of each other. Columns that only some have, as labels, are null in the others.
#[derive(Debug)]
struct Stack {
    /// How many columns all frames have, and come first.
    common: usize,
    whole: DataFrame,
    /// What has come since, and its rows.
    fresh: Vec<DataFrame>,
    rows: usize,
}

impl Stack {
    fn of(empty: DataFrame) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { common: empty.width(), whole: empty, fresh: Vec::new(), rows: 0 }))
    }

    fn push(&mut self, frame: DataFrame) -> PolarsResult<()> {
        self.rows += frame.height();
        self.fresh.push(frame);
        if self.rows >= CHUNK { self.merge() } else { Ok(()) }
    }

    /// The fresh frames in one piece, under what there is.
    fn merge(&mut self) -> PolarsResult<()> {
        self.rows = 0;
        let mut fresh = stacked(self.common, std::mem::take(&mut self.fresh))?;
        fresh.rechunk_mut();
        let whole = std::mem::take(&mut self.whole);
        self.whole = stacked(self.common, vec![whole, fresh])?;
        Ok(())
    }

    fn take(&mut self, empty: DataFrame) -> PolarsResult<DataFrame> {
        if !self.fresh.is_empty() {
            self.merge()?;
        }
        Ok(std::mem::replace(&mut self.whole, empty))
    }
}

/// Frames on top of each other, with the columns of all: first those in common, then the others, sorted by name.
fn stacked(common: usize, frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    let others: BTreeMap<PlSmallStr, DataType> = frames
        .iter()
        .flat_map(|frame| &frame.columns()[common..])
        .map(|column| (column.name().clone(), column.dtype().clone()))
        .collect();
    let mut whole: Option<DataFrame> = None;
    for frame in frames {
        let rows = frame.height();
        let mut columns = frame.columns()[..common].to_vec();
        columns.extend(others.iter().map(|(name, kind)| {
            frame.column(name).cloned().unwrap_or_else(|_| Column::full_null(name.clone(), rows, kind))
        }));
        let frame = DataFrame::new(rows, columns)?;
        match &mut whole {
            Some(whole) if whole.height() > 0 => {
                whole.vstack_mut_owned(frame)?;
            }
            _ => whole = Some(frame),
        }
    }
    Ok(whole.expect("there is a frame to begin with"))
}
