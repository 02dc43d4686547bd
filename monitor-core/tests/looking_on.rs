//! A pipeline that runs is looked at: where its rules stand and what became of the events for its sinks, while it goes on and after.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use monitor_core::alerting::Phase;
use monitor_core::component::{Answer, BoxError, Reading, Rule, Source, Verdict, sink_fn};
use monitor_core::config::RuleSettings;
use monitor_core::pipeline::{Builder, Emitter, Pipeline};
use monitor_core::sample::Labels;
use monitor_core::store::{Selector, Store, Window};
use monitor_core::{Event, Metric, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

/// Holds while the last load within a minute is above one.
struct Overload;

impl Rule for Overload {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let stats = store.stats(&Selector::metric("load"), Window::last(MINUTE, now)).ok().flatten();
        let verdict = match stats {
            None => Verdict::NoData,
            Some(stats) if stats.last > 1.0 => Verdict::Breached,
            Some(_) => Verdict::Clear,
        };
        vec![Reading { value: stats.map(|stats| stats.last), ..Reading::new(Labels::NONE, verdict) }]
    }
}

/// Loads as they are told, one every thirty seconds of their own time.
struct Loads(Receiver<f64>);

impl Source for Loads {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        let begin = Timestamp::from_secs(1_777_903_200);
        for (at, load) in (0..).zip(self.0.iter()) {
            out.emit(Event::new(begin.plus(MINUTE / 2 * at), Metric::new("load", load)))?;
            out.flush()?;
        }
        Ok(())
    }
}

fn eventually(pipeline: &Pipeline, what: &str, holds: impl Fn(&Pipeline) -> bool) {
    let held = (0..4_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        holds(pipeline)
    });
    assert!(held, "{what}: {:?}, {:?}", pipeline.standings().get(), pipeline.sinks());
}

#[test]
fn rules_and_sinks_are_seen_as_they_are() {
    let (loads, told) = channel();
    let builder = Builder::new().event_time().metrics_interval(MINUTE);
    let builder = builder.rule("overload", Box::new(Overload), RuleSettings::default());
    let builder = builder.sink("out", sink_fn(|_| Answer::Ok)).source("loads", Box::new(Loads(told)));
    let pipeline = builder.start().expect("starts");
    let standings = pipeline.standings().clone();
    let stands = |phase: Phase| {
        move |pipeline: &Pipeline| pipeline.standings().get().iter().any(|standing| standing.phase == phase)
    };
    assert!(standings.get().is_empty());

    [2.0; 5].into_iter().for_each(|load| loads.send(load).expect("it reads"));
    eventually(&pipeline, "it fires", stands(Phase::Firing));
    let firing = standings.get();
    assert_eq!((firing[0].rule.as_str(), firing[0].value, firing[0].told.is_some()), ("overload", Some(2.0), true));
    // Five loads and an alert.
    eventually(&pipeline, "all is delivered", |pipeline| {
        let sinks = pipeline.sinks();
        sinks[0].closes() && (sinks[0].name.as_str(), sinks[0].delivered, sinks[0].pending) == ("out", 6, 0)
    });

    [0.5; 4].into_iter().for_each(|load| loads.send(load).expect("it reads"));
    drop(loads);
    let summary = pipeline.wait();
    assert_eq!((summary.fired, summary.resolved), (1, 1));
    // What was so at the end is told also to those who ask later.
    assert!(standings.get().iter().all(|standing| standing.phase == Phase::Inactive), "{:?}", standings.get());
}
