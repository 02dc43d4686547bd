//! Sinks: where events go. A sink only writes what it is given; queues, retries and counts are the host's.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::definition::parse_own;
use super::{BoxError, Context, Definition, Dirs, Resource, Validate};
use crate::Timestamp;
use crate::bus::Batch;
use crate::config::{Fault, Table};
use crate::event::{Alert, Body, Event, Kind, KindSet};
use crate::sample::{EventSamples, Sample};

/// A sink type.
pub type SinkDefinition = Definition<dyn SinkConfig>;

/// Whether a sink is meant to see whole events, or the samples that they yield.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Whole events.
    #[default]
    Events,
    /// The samples that they yield.
    Samples,
}

impl Content {
    /// The word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Samples => "samples",
        }
    }
}

/// A parsed sink.
pub trait SinkConfig: Send + Sync {
    /// What it will have for itself, so that two sinks on one file are found before either is opened.
    fn resources(&self, dirs: &Dirs) -> Vec<Resource> {
        let _ = dirs;
        Vec::new()
    }

    /// What it can be meant to see.
    fn contents(&self) -> &'static [Content] {
        &[Content::Events, Content::Samples]
    }

    /// The kinds of events that it gets if its configuration names none.
    fn accepts(&self) -> KindSet {
        KindSet::ALL
    }

    /// Opens it. Also called to restart it after a panic.
    ///
    /// # Errors
    /// When the world does not have what the config names.
    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError>;
}

/// A running sink. It has a thread of its own, so it may take its time.
///
/// A sink in a program of one's own:
///
/// ```
/// use monitor_core::component::{Answer, Delivery, Sink};
/// use monitor_core::{Generation, Monitor};
///
/// /// Counts what it sees.
/// struct Counter(std::sync::mpsc::Sender<usize>);
///
/// impl Sink for Counter {
///     fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
///         match self.0.send(delivery.len()) {
///             Ok(()) => Answer::Ok,
///             Err(error) => Answer::Fatal(error.into()),
///         }
///     }
/// }
///
/// let (sender, counts) = std::sync::mpsc::channel();
/// let monitor = Monitor::builder().sink("counter", Counter(sender)).start()?;
/// monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
/// monitor.shutdown();
/// assert_eq!(counts.iter().sum::<usize>(), 1);
/// # Ok::<_, monitor_core::pipeline::StartError>(())
/// ```
pub trait Sink: Send {
    /// Writes a batch, or says why it did not.
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer;

    /// Brings what was written to where it belongs. The host calls it when there is nothing more to write for now, at
    /// least once a second, and at the end; only then does it count the events as delivered.
    ///
    /// # Errors
    /// When it cannot; the host tries again.
    fn flush(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Where there is a spool: goes back to where it was when the host last noted how far it is, or tells how far it is
    /// itself. Called once after it was opened, before anything is written, and so also after a panic or a reload. What is
    /// written next may have been written before, by whoever had its place.
    ///
    /// A sink that can do one of the two gets every event exactly once: a file is cut off at the length that was its
    /// [`mark`](Self::mark); a database keeps the number of the last event in the same transaction as the events. The
    /// others get some events twice after a crash.
    ///
    /// # Errors
    /// When it cannot; it is opened again later.
    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        let _ = from;
        Ok(Resumed::AsNoted)
    }

    /// Where there is a spool: what it wants to be told by [`resume`](Self::resume) if everything flushed so far is all
    /// that was ever written. Asked for after each successful flush.
    fn mark(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Whether it wants to [`turn`](Self::turn) over: a file has become large, or old. Asked after each write, and at least
    /// once a second.
    fn wants_turn(&self) -> bool {
        false
    }

    /// Turns over: does what no mark can undo, as to rename a file, to complete it, to begin another one. The host calls it
    /// when the sink wants it, and `at_end`, when nothing more comes. Everything written is flushed then and, where there is
    /// a spool, noted; and the [`mark`](Self::mark) is noted again before anything else is written, so that events are where
    /// they belong exactly once also if the process ends in the middle.
    ///
    /// # Errors
    /// When it cannot; the host tries again, and what it does not get to is for the next process, when it opens the sink.
    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        let _ = at_end;
        Ok(())
    }
}

/// What a sink is told of an earlier process.
#[derive(Clone, Copy, Debug)]
pub struct Resume<'a> {
    /// Tells one spool from another: sequence numbers mean something only within one.
    pub spool: u64,
    /// What the sink said last for its mark, as of the last event of which the host knows that it was flushed.
    pub mark: Option<&'a [u8]>,
    /// Whether it has written nothing since: the process ended as it should. What stands behind the mark is then somebody
    /// else's.
    pub clean: bool,
}

/// What a sink answers to a flush that failed so that what it had written may be gone, though another flush would succeed: the
/// system tells once that it could not write, and forgets it (<https://wiki.postgresql.org/wiki/Fsync_Errors>). The host opens it
/// anew, and writes again all that was not flushed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WritesInDoubt(pub std::io::Error);

/// How far a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// As far as the host has noted.
    AsNoted,
    /// It has all events before the one with this number, whatever the host has noted.
    At(u64),
}

/// What a sink says of a batch.
#[derive(Debug)]
pub enum Answer {
    /// All of it is written.
    Ok,
    /// The first `accepted` events are written; the rest may be tried again, `after` some time if the sink knows better
    /// than the host.
    Retry {
        /// How many events from the beginning are written.
        accepted: usize,
        /// When to try again.
        after: Option<Duration>,
        /// Why it did not work.
        error: BoxError,
    },
    /// All is written but the events at `indices`, which never can be.
    Rejected {
        /// Places in the delivery.
        indices: Vec<usize>,
        /// Why not.
        error: BoxError,
    },
    /// Nothing is written, and nothing ever will be.
    Fatal(BoxError),
}

impl Answer {
    /// Nothing is written, and the whole batch may be tried again.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry { accepted: 0, after: None, error: error.into() }
    }
}

/// A batch for a sink: the events that it accepts, in order.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    items: &'a [Item<'a>],
}

/// One event of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    batch: &'a Batch,
    at: usize,
}

impl<'a> Item<'a> {
    /// The event at a place of a batch.
    pub const fn new(batch: &'a Batch, at: usize) -> Self {
        Self { batch, at }
    }

    /// Its sequence number on the bus.
    pub fn sequence(self) -> u64 {
        self.batch.first() + self.at as u64
    }

    /// The name of the source that it is from; none if the pipeline has made it, as an alert.
    pub fn source(self) -> Option<&'a str> {
        self.batch.source()
    }

    /// When it happened.
    pub fn time(self) -> Timestamp {
        self.batch.time(self.at)
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        self.batch.kind(self.at)
    }

    /// The event. A sink that needs only its samples does better not to ask for it: an event that came as a line is made
    /// for the first who asks.
    pub fn event(self) -> &'a Event {
        self.batch.event(self.at)
    }

    /// Whether it is a metric, and the labels of its sample tell all of it, `success` being a flag and everything else text: then
    /// its samples do, and nobody need ask for the event. (It may be so also where it is not known.)
    pub fn has_only_labels(self) -> bool {
        self.batch.has_only_labels(self.at)
    }

    /// The samples that it yields.
    pub fn samples(self) -> EventSamples<'a> {
        self.batch.samples_of(self.at)
    }
}

impl<'a> Delivery<'a> {
    /// A delivery of `items`.
    pub const fn new(items: &'a [Item<'a>]) -> Self {
        Self { items }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Events with their numbers and samples.
    pub fn items(&self) -> &'a [Item<'a>] {
        self.items
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.items.iter().map(|item| item.event())
    }

    /// The samples of all events.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'a>> {
        self.items.iter().flat_map(|item| item.samples().iter())
    }
}

/// A closure as a sink.
pub fn sink_fn(write: impl FnMut(&Delivery<'_>) -> Answer + Send + 'static) -> Box<dyn Sink> {
    struct Closure<F>(F);
    impl<F: FnMut(&Delivery<'_>) -> Answer + Send> Sink for Closure<F> {
        fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
            (self.0)(delivery)
        }
    }
    Box::new(Closure(write))
}

/// A closure that is told of alerts, as a sink.
pub fn alert_fn(mut tell: impl FnMut(Timestamp, &Alert) + Send + 'static) -> Box<dyn Sink> {
    sink_fn(move |delivery| {
        for event in delivery.events() {
            if let Body::Alert(alert) = &event.body {
                tell(event.time, alert);
            }
        }
        Answer::Ok
    })
}

impl Sink for Box<dyn Sink> {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        (**self).write(delivery)
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        (**self).flush()
    }

    fn resume(&mut self, from: &Resume<'_>) -> Result<Resumed, BoxError> {
        (**self).resume(from)
    }

    fn mark(&mut self) -> Option<Vec<u8>> {
        (**self).mark()
    }

    fn wants_turn(&self) -> bool {
        (**self).wants_turn()
    }

    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        (**self).turn(at_end)
    }
}

impl SinkDefinition {
    /// The definition of the sink with the config `T`.
    pub const fn sink<T>(type_name: &'static str, summary: &'static str, sample: &'static str) -> Self
    where
        T: SinkConfig + DeserializeOwned + JsonSchema + Validate + 'static,
    {
        fn boxed<T>(table: Table<'_>) -> Result<Box<dyn SinkConfig>, Vec<Fault>>
        where
            T: SinkConfig + DeserializeOwned + JsonSchema + Validate + 'static,
        {
            Ok(Box::new(parse_own::<T>(table)?))
        }
        Self::new::<T>(type_name, summary, sample, boxed::<T>)
    }
}
