//! From the queue to the bus, and the handles that record into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::queue::{Buffers, Queue, Recorded};
use crate::Text;
use crate::component::{BoxError, Source};
use crate::event::{Metadata, MetricKey};
use crate::pipeline::{Emitter, instant};

/// How long recorded events wait at most before they are looked for.
const NAP: Duration = Duration::from_millis(1);
/// After this many naps for nothing the recorder sleeps until it is woken.
const NAPS: u32 = 20;
/// After so many sleeps for nothing, a second or so, it gives back what a burst took: sooner, the next burst would pay.
const RESTED: u32 = 4;
/// While it sleeps it looks around this often all the same.
const SLEEP: Duration = Duration::from_millis(250);

/// The books learn of what was dropped this often.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// The source that empties the queue.
pub(super) struct Recorder {
    pub(super) queue: Arc<Queue>,
}

impl Source for Recorder {
    fn endless(&self) -> bool {
        true
    }

    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let ended = self.record(out);
        self.queue.end();
        ended
    }
}

impl Recorder {
    fn record(&self, out: &mut Emitter) -> Result<(), BoxError> {
        self.queue.introduce(std::thread::current());
        let mut buffers = Buffers::default();
        let mut batches = Vec::new();
        let mut idle = 0;
        let mut told = BTreeMap::new();
        let mut told_at = instant();
        loop {
            // Asked before the queue is emptied: what comes after a stop is not accepted any more.
            let stopped = out.stopped();
            self.queue.take(&mut buffers, &mut batches);
            if stopped || told_at.elapsed() >= TOLD_EVERY {
                let dropped = self.queue.dropped();
                for (reason, count) in &dropped {
                    let more = count - told.get(reason).unwrap_or(&0);
                    if more > 0 {
                        out.note_dropped(reason, more);
                    }
                }
                (told, told_at) = (dropped, instant());
                out.finish()?;
            }
            if batches.is_empty() {
                if stopped {
                    return Ok(());
                }
                idle += 1;
            } else {
                idle = 0;
            }
            for events in batches.drain(..) {
                let count = events.len();
                out.emit_batch(events)?;
                self.queue.note_taken(count);
            }
            self.queue.note_published(&buffers);
            // Not at once again: every look takes the shards away from the threads that record.
            let nap = idle <= NAPS;
            if idle == NAPS + RESTED {
                self.queue.shrink(&mut buffers);
            }
            self.queue.rest(nap);
            std::thread::park_timeout(if nap { NAP } else { SLEEP });
        }
    }
}

/// Records one metric: its name and attributes are looked up once.
#[derive(Clone)]
pub struct MetricHandle {
    queue: Arc<Queue>,
    place: u32,
}

impl MetricHandle {
    pub(super) fn new(queue: Arc<Queue>, name: Text, metadata: Metadata) -> Self {
        let place = queue.register(MetricKey { name, metadata });
        Self { queue, place }
    }

    /// Records a number, now.
    #[inline]
    pub fn record(&self, value: f64) -> Recorded {
        self.queue.metric(self.place, value)
    }
}
