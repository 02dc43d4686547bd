//! One thread a source, and the thread that merges them by time where the clock follows the events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use super::counters::InputCounters;
use super::emitter::{Emitter, Output, Stopped};
use super::merge::merge_by_time;
use crate::bus::{Bus, Draft, Lane};
use crate::component::Source;
use crate::event::Event;
use crate::sample::Deriver;

/// Batches that a source may be ahead of the merge.
const AHEAD: usize = 4;
const MERGED_BATCH: usize = 1_024;

/// Runs a source to its end.
pub(super) fn run(mut source: Box<dyn Source>, mut emitter: Emitter) {
    let result = catch_unwind(AssertUnwindSafe(|| source.run(&mut emitter)));
    let error = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) if error.is::<Stopped>() => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("it panicked".to_owned()),
    };
    // Nobody wants more: that is no failure of the source.
    drop(emitter.flush());
    if let Some(error) = error {
        tracing::error!(source = %emitter.lines.source, "failed to read on: {error}");
        *emitter.counters.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
    emitter.counters.done.store(true, Ordering::Release);
}

/// Puts what it gets on the bus.
pub(super) fn to_bus(bus: Bus, lane: Lane, mut deriver: Deriver, input: Arc<InputCounters>) -> Output {
    Box::new(move |events| {
        let draft = Draft::new(events, &mut deriver);
        let counted = InputCounters::look_at(&draft);
        bus.publish(draft, lane).map_err(|_| Stopped)?;
        input.count(&counted);
        Ok(())
    })
}

/// A channel from a source to the merge.
pub(super) fn to_merge() -> (Output, Receiver<Vec<Event>>) {
    let (sender, receiver): (SyncSender<Vec<Event>>, _) = sync_channel(AHEAD);
    (Box::new(move |events| sender.send(events).map_err(|_| Stopped)), receiver)
}

/// Merges the streams of several sources by time.
pub(super) fn merge(streams: Vec<Receiver<Vec<Event>>>, mut output: Output) {
    let streams = streams.into_iter().map(|stream| (None, stream.into_iter().flatten())).collect();
    let mut batch = Vec::with_capacity(MERGED_BATCH);
    for event in merge_by_time(streams) {
        batch.push(event);
        if batch.len() >= MERGED_BATCH && output(std::mem::take(&mut batch)).is_err() {
            return;
        }
    }
    if !batch.is_empty() {
        drop(output(batch));
    }
}
