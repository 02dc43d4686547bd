//! One thread a source, and the thread that merges them by time where the clock follows the events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use super::counters::InputCounters;
use super::emitter::{Emitter, Output, Stopped};
use super::merge::merge_by_time;
use crate::Text;
use crate::bus::{Bus, Draft, Intake, Lane};
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
        Err(_) => {
            // It has not said how far it is with these: they are read again.
            if emitter.saved.is_some() {
                emitter.forget();
            }
            Some("it panicked".to_owned())
        }
    };
    // Nobody wants more: that is no failure of the source.
    drop(emitter.finish());
    if let Some(error) = error {
        tracing::error!(source = %emitter.lines.source, "failed to read on: {error}");
        *emitter.counters.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
    emitter.counters.done.store(true, Ordering::Release);
    if let Some(waiter) = emitter.counters.waiter.get() {
        waiter.unpark();
    }
}

/// Puts what it gets on the bus. What can be read again does not wait there once its source is to stop: another may read it
/// before.
pub(super) fn to_bus(bus: Bus, lane: Lane, input: Arc<InputCounters>, stop: Arc<AtomicBool>) -> Output {
    Box::new(move |mut draft| {
        let counted = InputCounters::look_at(&draft);
        let mut intake = Intake { accepted: draft.len() as u64, ..draft.intake().clone() };
        if draft.is_empty() {
            input.note(&intake);
            bus.note(&intake, draft.positions());
            return Ok(());
        }
        let again = !draft.positions().is_empty();
        draft.set_intake(intake.clone());
        if bus.publish_unless(draft, lane, &|| again && stop.load(Ordering::Relaxed)).is_ok() {
            input.count(&counted);
            input.note(&intake);
            return Ok(());
        }
        // What can be read again comes again; the rest is lost.
        if !again {
            let left = std::mem::take(&mut intake.accepted);
            *intake.dropped.entry(Text::new_static("closed")).or_default() += left;
            input.note(&intake);
            bus.note(&intake, &[]);
        }
        Err(Stopped)
    })
}

/// A channel from a source to the merge.
pub(super) fn to_merge(input: Arc<InputCounters>) -> (Output, Receiver<Draft>) {
    let (sender, receiver): (SyncSender<Draft>, _) = sync_channel(AHEAD);
    let output = move |mut draft: Draft| {
        // What the merge hands on is counted as accepted then.
        input.note(draft.intake());
        draft.set_intake(Intake::default());
        if draft.is_empty() { Ok(()) } else { sender.send(draft).map_err(|_| Stopped) }
    };
    (Box::new(output), receiver)
}

/// Merges the streams of several sources by time.
pub(super) fn merge(streams: Vec<Receiver<Draft>>, output: Output) {
    let streams = streams.into_iter().map(|stream| (None, stream.into_iter())).collect();
    // Nobody wants more: that is no failure.
    drop(merge_by_time(streams, output));
}
