//! A batch: an ordered run of events with the samples that they yield, derived once.
//!
//! An event that came as a line stays one until somebody asks for it: the store needs only its samples, and a sink that
//! writes it down reads the line on its own thread.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::Intake;
use crate::event::{Body, Event, Kind};
use crate::read::{LineParser, Parsed, Refusal};
use crate::sample::{Deriver, EventSamples, Facts, Samples};
use crate::{Text, Timestamp};

/// Events are handed on by this many.
pub(crate) const ROWS: usize = 1024;
/// Or when they take this much memory.
const BYTES: usize = 4 << 20;

/// Events and their samples before the bus has numbered them.
#[derive(Debug, Default)]
pub struct Draft {
    rows: Vec<Row>,
    /// The lines of events that have not been made.
    lines: Vec<u8>,
    /// The events that have been, but for those taken over by another draft.
    made: Vec<Option<Event>>,
    samples: Samples,
    /// Scores that were named and not given, with the places of their events.
    missing_scores: Vec<(usize, Text)>,
    bytes: usize,
    /// Who reads the lines.
    parser: Option<LineParser>,
    /// The source that all of it is from.
    source: Option<Text>,
    /// How far its sources are with it.
    positions: Vec<Position>,
    /// What came to the door since the draft before it.
    intake: Intake,
}

/// How far a source is that can read again what it has read: to be kept with the events up to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The name of the source.
    pub source: Text,
    /// What of it, as the path of a file.
    pub key: Text,
    /// How far, in its own words; `None` if there is nothing more to keep.
    pub value: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    time: Timestamp,
    kind: Kind,
    event: Place,
    /// It is a metric, and the labels of its sample are all that came with it, as text.
    only_labels: bool,
}

/// Where an event is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Among those that have been made.
    Made(u32),
    /// It still is a line, from here to there.
    Line(u32, u32),
}

/// What a draft has room for without having to look for more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    rows: usize,
    lines: usize,
    samples: usize,
}

impl Draft {
    /// An empty one with so much room.
    pub(crate) fn with_room(room: Room) -> Self {
        let Room { rows, lines, samples } = room;
        Self {
            rows: Vec::with_capacity(rows),
            lines: Vec::with_capacity(lines),
            samples: Samples::with_room(rows, samples),
            ..Self::default()
        }
    }

    /// As much room as it takes: the next one will be like it.
    pub(crate) fn room(&self) -> Room {
        // Lines are of different lengths.
        let lines = self.lines.len() + self.lines.len() / 8;
        Room { rows: self.rows.len(), lines, samples: self.samples.len() }
    }

    /// Derives the samples of `events`.
    pub fn new(events: Vec<Event>, deriver: &mut Deriver) -> Self {
        let mut draft = Self { rows: Vec::with_capacity(events.len()), ..Self::default() };
        for event in events {
            draft.push(event, deriver);
        }
        draft
    }

    /// Adds an event, and derives its samples.
    pub fn push(&mut self, event: Event, deriver: &mut Deriver) {
        deriver.derive(&event, &mut self.samples);
        if let Body::Evaluation(evaluation) = &event.body {
            let missing = evaluation.scores.iter().filter(|score| score.value.is_none());
            self.missing_scores.extend(missing.map(|score| (self.rows.len(), score.name.clone())));
        }
        self.push_made(event);
    }

    fn push_made(&mut self, event: Event) {
        self.bytes += event.approximate_bytes();
        let place = Place::Made(small(self.made.len()));
        self.rows.push(Row { time: event.time, kind: event.kind(), event: place, only_labels: false });
        self.made.push(Some(event));
    }

    fn push_text(&mut self, time: Timestamp, kind: Kind, only_labels: bool, line: &[u8]) {
        let begin = self.lines.len();
        self.lines.extend_from_slice(line);
        // As much again is the event that may be made of it.
        self.bytes += 2 * line.len();
        self.rows.push(Row { time, kind, event: Place::Line(small(begin), small(self.lines.len())), only_labels });
    }

    /// Adds the event of a line, and derives its samples. Tells whether there was one: a blank line is none. One without a
    /// timestamp happened at `arrival`.
    ///
    /// # Errors
    /// When the line is no event, with the reason.
    pub fn push_line(
        &mut self,
        line: &[u8],
        arrival: Timestamp,
        parser: &mut LineParser,
        deriver: &mut Deriver,
    ) -> Result<bool, Refusal> {
        self.push_accepted(line, arrival, parser, deriver, |_| Ok(())).map(|time| time.is_some())
    }

    /// As [`push_line`](Self::push_line), but refuses an event also if `accept` refuses its time. Tells when it happened.
    pub(crate) fn push_accepted(
        &mut self,
        line: &[u8],
        arrival: Timestamp,
        parser: &mut LineParser,
        deriver: &mut Deriver,
        accept: impl Fn(Timestamp) -> Result<(), Refusal>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let parsed = parser.parse_facts(line, arrival, |facts| {
            accept(facts.time)?;
            self.push_facts(facts, line, deriver);
            Ok(facts.time)
        });
        match parsed? {
            None => Ok(None),
            Some(Parsed::Taken(taken)) => {
                self.parser.get_or_insert_with(|| parser.clone());
                taken.map(Some)
            }
            Some(Parsed::Event(event)) => {
                let time = event.time;
                accept(time)?;
                self.push(event, deriver);
                Ok(Some(time))
            }
        }
    }

    fn push_facts(&mut self, facts: &Facts<'_>, line: &[u8], deriver: &mut Deriver) {
        deriver.derive_facts(facts, &mut self.samples);
        if facts.kind == Kind::Evaluation {
            facts.details.scores(&mut |name, value, _| {
                if value.is_none() {
                    self.missing_scores.push((self.rows.len(), Text::new(name)));
                }
            });
        }
        let only_labels = facts.kind == Kind::Metric && self.has_only_labels(facts);
        self.push_text(facts.time, facts.kind, only_labels, line);
    }

    /// Whether the labels of the sample that was just derived of a metric are all that came with it.
    fn has_only_labels(&self, facts: &Facts<'_>) -> bool {
        let Some(names) = facts.details.names() else { return false };
        let sample = self.samples.of(self.samples.events() - 1).iter().next();
        let Some(labels) = sample.map(|sample| sample.series.labels()) else { return false };
        labels.iter().count() == names.len()
            && names.iter().all(|name| match (labels.get(name), facts.details.text(name)) {
                (Some(label), Some(text)) => name != "success" && *label == *text,
                // Whether it went well is a flag.
                (Some(_), None) => name == "success",
                (None, _) => false,
            })
    }

    /// Takes an event over from another draft, which is not to be asked for it again.
    pub(crate) fn push_from(&mut self, other: &mut Self, at: usize) {
        let row = other.rows[at];
        self.samples.push_from(&other.samples, at);
        let from = other.missing_scores.partition_point(|(event, _)| *event < at);
        let missing = other.missing_scores[from..].iter().take_while(|(event, _)| *event == at);
        self.missing_scores.extend(missing.map(|(_, name)| (self.rows.len(), name.clone())));
        match row.event {
            Place::Made(at) => {
                let event = other.made[at as usize].take();
                self.push_made(event.expect("an event is taken over once"));
            }
            Place::Line(begin, end) => {
                self.push_text(row.time, row.kind, row.only_labels, &other.lines[begin as usize..end as usize]);
                if self.parser.is_none() {
                    self.parser.clone_from(&other.parser);
                }
            }
        }
    }

    /// Takes the last event out, as a draft of its own.
    pub(crate) fn take_last(&mut self) -> Self {
        let mut taken = Self::default();
        let Some(at) = self.rows.len().checked_sub(1) else { return taken };
        taken.push_from(self, at);
        match self.rows[at].event {
            Place::Made(place) => self.made.truncate(place as usize),
            Place::Line(begin, _) => self.lines.truncate(begin as usize),
        }
        self.rows.truncate(at);
        self.samples.pop();
        self.missing_scores.retain(|(event, _)| *event < at);
        self.bytes -= taken.bytes;
        taken
    }

    /// Takes the event before the last out.
    pub(crate) fn take_before_last(&mut self) -> Self {
        let mut last = self.take_last();
        let taken = self.take_last();
        if !last.is_empty() {
            self.push_from(&mut last, 0);
        }
        taken
    }

    /// The time of each event.
    pub(crate) fn time(&self, at: usize) -> Timestamp {
        self.rows[at].time
    }

    /// The kind of each event.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.rows.iter().map(|row| row.kind)
    }

    /// The names of scores that were named and not given.
    pub(crate) fn missing_scores(&self) -> impl Iterator<Item = &Text> {
        self.missing_scores.iter().map(|(_, name)| name)
    }

    /// Says which source they are from: a draft is of one source.
    pub fn set_source(&mut self, source: Option<Text>) {
        self.source = source;
    }

    /// The source that they are from, if they are from one.
    #[cfg(feature = "spool")]
    pub(crate) fn source(&self) -> Option<&Text> {
        self.source.as_ref()
    }

    /// Says how far a source is with these events.
    pub(crate) fn set_positions(&mut self, positions: Vec<Position>) {
        self.positions = positions;
    }

    /// Says what came to the door since the draft before it.
    pub(crate) fn set_intake(&mut self, intake: Intake) {
        self.intake = intake;
    }

    /// What came to the door since the draft before it.
    pub(crate) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// How far its sources are with it.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Tells of each event its time, and the line that it came as or would be written as.
    #[cfg(feature = "spool")]
    pub(crate) fn for_each_line(&self, mut tell: impl FnMut(Timestamp, &[u8])) {
        let mut json = Vec::new();
        for row in &self.rows {
            match row.event {
                Place::Line(begin, end) => tell(row.time, &self.lines[begin as usize..end as usize]),
                Place::Made(at) => {
                    json.clear();
                    let event = self.made[at as usize].as_ref().expect("a draft has all of its events");
                    serde_json::to_writer(&mut json, event).expect("an event is JSON, and memory takes it");
                    tell(row.time, &json);
                }
            }
        }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes + self.rows.len() * size_of::<Row>() + self.samples.bytes()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether it is time to hand it on.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.rows.len() >= most || self.bytes >= BYTES
    }

    /// The samples of all events.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Gives the events their numbers.
    pub fn numbered(self, first: u64) -> Batch {
        let bytes = self.bytes();
        let Self { rows, lines, made, samples, parser, source, .. } = self;
        let parser = parser.map(Mutex::new);
        Batch { first, rows, lines, made, read: OnceLock::new(), samples, parser, source, bytes }
    }
}

/// A place in a batch: batches are bounded, and a line to 8 MiB.
fn small(place: usize) -> u32 {
    u32::try_from(place).expect("a batch takes far less than 4 GiB")
}

/// An ordered run of events with sequence numbers. Shared by all subscribers, never copied for one.
#[derive(Debug)]
pub struct Batch {
    first: u64,
    rows: Vec<Row>,
    lines: Vec<u8>,
    made: Vec<Option<Event>>,
    /// For each row its event, if it was a line and somebody has asked for it.
    read: OnceLock<Box<[OnceLock<Event>]>>,
    samples: Samples,
    parser: Option<Mutex<LineParser>>,
    source: Option<Text>,
    bytes: usize,
}

impl Clone for Batch {
    fn clone(&self) -> Self {
        let parser = self.parser.as_ref().map(|parser| parser.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Self {
            rows: self.rows.clone(),
            lines: self.lines.clone(),
            made: self.made.clone(),
            read: OnceLock::new(),
            samples: self.samples.clone(),
            parser: parser.map(Mutex::new),
            source: self.source.clone(),
            ..*self
        }
    }
}

impl Batch {
    /// Puts others in the place of its samples.
    pub(crate) fn set_samples(&mut self, samples: Samples) {
        self.samples = samples;
    }

    /// The sequence number of the first event; the others follow without a gap.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The name of the source that its events are from; none if the engine has made them.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the event at a place happened.
    pub fn time(&self, at: usize) -> Timestamp {
        self.rows[at].time
    }

    /// The kind of the event at a place.
    pub fn kind(&self, at: usize) -> Kind {
        self.rows[at].kind
    }

    /// Whether the event at a place is a metric that the labels of its sample tell all of, so that nobody need ask for it.
    pub fn has_only_labels(&self, at: usize) -> bool {
        self.rows[at].only_labels
    }

    /// The event at a place. If it came as a line, the first who asks has it made.
    pub fn event(&self, at: usize) -> &Event {
        let row = &self.rows[at];
        let (begin, end) = match row.event {
            Place::Made(at) => return self.made[at as usize].as_ref().expect("a batch has all of its events"),
            Place::Line(begin, end) => (begin as usize, end as usize),
        };
        let read = self.read.get_or_init(|| self.rows.iter().map(|_| OnceLock::new()).collect());
        read[at].get_or_init(|| {
            let parser = self.parser.as_ref().expect("lines come with their parser");
            let mut parser = parser.lock().unwrap_or_else(PoisonError::into_inner);
            let event = parser.parse(&self.lines[begin..end], row.time);
            event.ok().flatten().expect("the line was read before")
        })
    }

    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        (0..self.len()).map(|at| self.event(at))
    }

    /// The samples of all events, in the order of the events.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The samples of the event at a place.
    pub fn samples_of(&self, at: usize) -> EventSamples<'_> {
        self.samples.of(at)
    }
}
