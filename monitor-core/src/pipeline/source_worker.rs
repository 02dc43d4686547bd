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

/// Batches that a source may be ahead of the merge.
const AHEAD: usize = 4;

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
    if let Some(waiter) = emitter.counters.waiter.get() {
        waiter.unpark();
    }
}

/// Puts what it gets on the bus.
pub(super) fn to_bus(bus: Bus, lane: Lane, input: Arc<InputCounters>) -> Output {
    Box::new(move |draft| {
        let counted = InputCounters::look_at(&draft);
        bus.publish(draft, lane).map_err(|_| Stopped)?;
        input.count(&counted);
        Ok(())
    })
}

/// A channel from a source to the merge.
pub(super) fn to_merge() -> (Output, Receiver<Draft>) {
    let (sender, receiver): (SyncSender<Draft>, _) = sync_channel(AHEAD);
    (Box::new(move |draft| sender.send(draft).map_err(|_| Stopped)), receiver)
}

/// Merges the streams of several sources by time.
pub(super) fn merge(streams: Vec<Receiver<Draft>>, output: Output) {
    let streams = streams.into_iter().map(|stream| (None, stream.into_iter())).collect();
    // Nobody wants more: that is no failure.
    drop(merge_by_time(streams, output));
}
