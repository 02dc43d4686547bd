//! Data frames of samples, of events and of what the store holds, for programs that go on in polars.
//!
//! Needs the feature `polars`. The frames are those of [`polars_core`], so a program that depends on `polars` 0.55 goes
//! on with its own features, lazy queries and files among them. A timestamp is a `Datetime` in microseconds and UTC, text
//! is a `String`, and what was not said is null.
//!
//! ```
//! use monitor_core::frame::polars_core::prelude::*;
//! use monitor_core::frame::{events_frame, samples_frame};
//! # use monitor_core::sample::{Deriver, Samples};
//! # use monitor_core::store::{Limits, Selector, Store, Window};
//! # use monitor_core::{Event, Generation, Timestamp};
//! # let call = |second| Event::new(Timestamp::from_secs(second), Generation::new(second as f64, true).model("gpt-4o"));
//! # let events = [call(2), call(3)];
//! # let mut samples = Samples::default();
//! # let mut deriver = Deriver::new(&[]);
//! # for event in &events {
//! #     deriver.derive(event, &mut samples);
//! # }
//! # let store = Store::new(Limits::default());
//! # store.insert(&samples, Timestamp::from_secs(3));
//!
//! let calls = events_frame(&events);                                              // a row an event, a column a field
//! let mean = calls.column("duration")?.f64()?.mean();
//! let samples = samples_frame(samples.iter())?;                                   // a row a sample, a column a label
//! let latency = store.frame(&Selector::metric("generation_time"), Window::ALL)?;  // of a window: times and values
//! # assert_eq!(mean, Some(2.5));
//! # assert_eq!(samples.column("model_name")?.str()?.get(0), Some("gpt-4o"));
//! # assert_eq!(latency.column("value")?.f64()?.to_vec(), [Some(2.0), Some(3.0)]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A sink makes frames of what it gets: `samples_frame(delivery.samples())`.

pub use polars_core;

use std::collections::BTreeSet;

use polars_core::prelude::*;
use serde::Serialize;

use crate::event::{Body, Event, Score, Tokens};
use crate::sample::Sample;
use crate::store::{NoSuchMetric, Selector, Store, Window};
use crate::{Text, Timestamp};

/// One row a sample, in the order given: `timestamp`, `metric`, `value`, the `feedback` of a score, and a column for each
/// label that any of them has, sorted by name.
///
/// The metric is the store's: `model_usage`, with the model in the column `model_name`.
///
/// # Errors
/// When a label is called as one of the first four columns.
pub fn samples_frame<'a>(samples: impl IntoIterator<Item = Sample<'a>>) -> PolarsResult<DataFrame> {
    let samples: Vec<Sample<'a>> = samples.into_iter().collect();
    let labels: BTreeSet<&Text> =
        samples.iter().flat_map(|sample| sample.series.labels().iter().map(|(name, _)| name)).collect();
    let mut columns = vec![
        times("timestamp", samples.iter().map(|sample| Some(sample.time))),
        column("metric", samples.iter().map(|sample| sample.series.metric().as_str())),
        column("value", samples.iter().map(|sample| sample.value)),
        column("feedback", samples.iter().map(|sample| sample.feedback.map(Text::as_str))),
    ];
    columns.extend(labels.into_iter().map(|label| {
        let values = samples.iter().map(|sample| sample.series.labels().get(label).map(Text::as_str));
        column(label, values)
    }));
    DataFrame::new(samples.len(), columns)
}

/// One row an event, in the order given, with a column for each field of any kind, named as in `events.jsonl`.
///
/// All columns are always there, but those of scores: `score.tone` is there if any evaluation has a score `tone`, given
/// or not. `metadata`, and `labels` of an alert, are JSON. The feedback of scores, and an alert's `annotations`,
/// `data`, `key`, `repeat` and `chart`, stay with the events.
pub fn events_frame<'a>(events: impl IntoIterator<Item = &'a Event>) -> DataFrame {
    let rows: Vec<Row<'_>> = events.into_iter().map(Row::of).collect();
    let scores: BTreeSet<&Text> = rows.iter().flat_map(|row| row.scores).map(|score| &score.name).collect();
    let mut columns = vec![
        times("timestamp", rows.iter().map(|row| Some(row.time))),
        column("type", rows.iter().map(|row| row.kind)),
        column("duration", rows.iter().map(|row| row.duration)),
        column("success", rows.iter().map(|row| row.success)),
        column("model_name", rows.iter().map(|row| row.model_name)),
        column("finish_reason", rows.iter().map(|row| row.finish_reason)),
        column("evaluator_type", rows.iter().map(|row| row.evaluator_type)),
    ];
    for (at, (name, _)) in Tokens::default().named().into_iter().enumerate() {
        columns.push(column(name, rows.iter().map(|row| row.tokens.named()[at].1)));
    }
    columns.extend([
        column("conversation_length", rows.iter().map(|row| row.conversation_length)),
        column("error", rows.iter().map(|row| row.error)),
        column("metric", rows.iter().map(|row| row.metric)),
        column("value", rows.iter().map(|row| row.value)),
        column("level", rows.iter().map(|row| row.level)),
        column("message", rows.iter().map(|row| row.message)),
        column("name", rows.iter().map(|row| row.name)),
        column("state", rows.iter().map(|row| row.state)),
        times("since", rows.iter().map(|row| row.since)),
        column("labels", rows.iter().map(|row| row.labels.as_deref())),
        column("metadata", rows.iter().map(|row| row.metadata.as_deref())),
    ]);
    columns.extend(scores.into_iter().map(|name| {
        // Of two scores of one name the last counts, as in JSON.
        let last = |row: &Row<'_>| row.scores.iter().rfind(|score| score.name == *name).and_then(|score| score.value);
        column(&format!("score.{name}"), rows.iter().map(last))
    }));
    DataFrame::new(rows.len(), columns).expect("the columns have one length and different names")
}

impl Store {
    /// The samples that [`Store::points`] answers, as columns `timestamp` and `value`. Needs the feature `polars`.
    ///
    /// # Errors
    /// When the store has never seen the metric.
    pub fn frame(&self, selector: &Selector, window: Window) -> Result<DataFrame, NoSuchMetric> {
        let points = self.points(selector, window)?;
        let columns = vec![
            times("timestamp", points.iter().map(|(time, _)| Some(*time))),
            column("value", points.iter().map(|(_, value)| *value)),
        ];
        Ok(DataFrame::new(points.len(), columns).expect("the columns have one length and different names"))
    }
}

/// The fields of every kind of event; those that its kind has not are `None`.
#[derive(Default)]
struct Row<'a> {
    time: Timestamp,
    kind: &'static str,
    duration: Option<f64>,
    success: Option<bool>,
    model_name: Option<&'a str>,
    finish_reason: Option<&'a str>,
    evaluator_type: Option<&'a str>,
    tokens: Tokens,
    conversation_length: Option<u64>,
    error: Option<&'a str>,
    metric: Option<&'a str>,
    value: Option<f64>,
    level: Option<&'static str>,
    message: Option<&'a str>,
    name: Option<&'a str>,
    state: Option<&'static str>,
    since: Option<Timestamp>,
    labels: Option<String>,
    metadata: Option<String>,
    scores: &'a [Score],
}

impl<'a> Row<'a> {
    fn of(event: &'a Event) -> Self {
        let metadata = event.metadata().filter(|metadata| !metadata.is_empty()).map(json);
        let row = Self { time: event.time, kind: event.kind().as_str(), metadata, ..Self::default() };
        match &event.body {
            Body::Generation(generation) => Self {
                duration: Some(generation.duration),
                success: Some(generation.success),
                model_name: generation.model_name.as_deref(),
                finish_reason: generation.finish_reason.as_deref(),
                tokens: generation.tokens,
                conversation_length: generation.conversation_length,
                error: generation.error.as_deref(),
                ..row
            },
            Body::Evaluation(evaluation) => Self {
                duration: Some(evaluation.duration),
                success: Some(evaluation.success),
                model_name: evaluation.model_name.as_deref(),
                evaluator_type: Some(&evaluation.evaluator_type),
                tokens: evaluation.tokens,
                // Empty stands for the caller's `null`.
                error: evaluation.error.as_deref().filter(|error| !error.is_empty()),
                scores: &evaluation.scores,
                ..row
            },
            Body::Metric(metric) => Self { metric: Some(&metric.key.name), value: Some(metric.value), ..row },
            Body::Log(log) => Self { level: Some(log.level.as_str()), message: Some(&log.message), ..row },
            Body::Alert(alert) => Self {
                value: alert.value,
                level: Some(alert.level.as_str()),
                message: Some(&alert.message),
                name: Some(&alert.name),
                state: Some(alert.state.as_str()),
                since: Some(alert.since),
                labels: Some(json(&alert.labels)),
                ..row
            },
        }
    }
}

fn column<V>(name: &str, values: impl Iterator<Item = V>) -> Column
where
    Series: FromIterator<V>,
{
    values.collect::<Series>().with_name(name.into()).into_column()
}

fn times(name: &str, values: impl Iterator<Item = Option<Timestamp>>) -> Column {
    let micros: Int64Chunked = values.map(|time| time.map(Timestamp::as_micros)).collect();
    let times = micros.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    times.into_series().with_name(name.into()).into_column()
}

fn json(attributes: &impl Serialize) -> String {
    serde_json::to_string(attributes).expect("attributes are JSON, and labels are text")
}
