//! The embedding API: what is recorded is there, what is not is told, and a shutdown ends it.

use std::sync::mpsc::channel;
use std::time::Duration;

use monitor_core::component::{BoxError, Chart, Picture, Reading, Rule, Verdict};
use monitor_core::config::{ActionSetting, RuleSettings};
use monitor_core::sample::Labels;
use monitor_core::store::{Selector, Store, Window};
use monitor_core::{
    AlertState, Clock, DropReason, Evaluation, Event, Generation, Level, Log, Metadata, Metric, Monitor, Recorded,
    Timestamp, Tokens,
};

const SECOND: Duration = Duration::from_secs(1);

fn flushed(monitor: &Monitor) {
    assert!(monitor.flush(10 * SECOND).complete);
}

#[test]
fn windows_are_asked_at_the_time_of_the_clock() {
    let clock = Clock::manual(Timestamp::from_secs(1_000));
    let monitor = Monitor::builder().clock(clock.clone()).start().expect("starts");
    monitor.track_generation(Generation::new(2.0, true).model("a").tokens(Tokens::of(1, 2)));
    clock.set(Timestamp::from_secs(1_010));
    monitor.track_generation(Generation::new(4.0, false).model("b").tokens(Tokens::of(10, 20)));
    flushed(&monitor);
    let mean = |window: u64| {
        let stats = monitor.stats("generation_time", Duration::from_secs(window)).expect("known");
        stats.map(|stats| (stats.count, stats.mean))
    };
    assert_eq!([mean(5), mean(10)], [Some((1, 4.0)), Some((2, 3.0))]);
    assert_eq!(monitor.token_usage(Some(5 * SECOND)).total_tokens, 30);
    assert_eq!(monitor.token_usage(None).by_model[0].usage.total_tokens, 3);
    clock.set(Timestamp::from_secs(2_000));
    assert_eq!(mean(5), None);
    assert_eq!(
        monitor.stats("generation_tme", SECOND).expect_err("unknown").nearest.as_deref(),
        Some("generation_time")
    );
}

#[test]
fn every_way_to_record() {
    let (sender, receiver) = channel();
    let sink = monitor_core::component::sink_fn(move |delivery| {
        for event in delivery.events() {
            sender.send(event.clone()).expect("the test listens");
        }
        monitor_core::component::Answer::Ok
    });
    let now = Timestamp::from_secs(1_000);
    let monitor = Monitor::builder().clock(Clock::manual(now)).sink("all", sink).start().expect("starts");
    let metadata: Metadata = [("worker", "a")].into_iter().collect();
    let handle = monitor.metric("depth", metadata.clone());
    assert_eq!(handle.record(7.0), Recorded::Accepted);
    monitor.record_metric("depth", 8.0, &[("worker", "a")]);
    monitor.track_evaluation(Evaluation::new("Judge", 1.0, true).score("tone", 0.5));
    monitor.log_info("info");
    monitor.log_warning("warning");
    monitor.log_error("error", Some(&std::fmt::Error));
    monitor.record(Event::new(Timestamp::from_secs(5), Metric::new("old", 1.0)));
    let summary = monitor.shutdown().expect("the first shutdown");
    let error = Log::new(Level::Error, "error")
        .with("error", "an error occurred when formatting an argument")
        .with("error_type", "Error");
    let expected = [
        Event::new(now, Metric::with_metadata("depth", 7.0, metadata.clone())),
        Event::new(now, Metric::with_metadata("depth", 8.0, metadata)),
        Event::new(now, Evaluation::new("Judge", 1.0, true).score("tone", 0.5)),
        Event::new(now, Log::new(Level::Info, "info")),
        Event::new(now, Log::new(Level::Warning, "warning")),
        Event::new(now, error),
        Event::new(Timestamp::from_secs(5), Metric::new("old", 1.0)),
    ];
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), expected);
    assert_eq!((summary.events, summary.samples), (7, 5));
}

#[test]
fn what_cannot_be_recorded_is_told_and_counted() {
    let monitor = Monitor::builder().start().expect("starts");
    let dropped = Recorded::Dropped;
    assert_eq!(monitor.record_metric("m", f64::NAN, &[]), dropped(DropReason::NotFinite));
    assert_eq!(monitor.record_metric("m", 1e151, &[]), dropped(DropReason::NotFinite));
    assert_eq!(monitor.record_metric("", 1.0, &[]), dropped(DropReason::Unnamed));
    assert_eq!(monitor.metric("m", Metadata::new()).record(f64::INFINITY), dropped(DropReason::NotFinite));
    assert_eq!(monitor.track_generation(Generation::new(-1.0, true)), dropped(DropReason::Negative));
    assert_eq!(monitor.track_evaluation(Evaluation::new("E", f64::NAN, true)), dropped(DropReason::NotFinite));
    assert_eq!(monitor.track_evaluation(Evaluation::new("", 1.0, true)), dropped(DropReason::Unnamed));
    let tokens = Tokens { total: Some(1 << 60), ..Default::default() };
    let generation = Generation::new(1.0, true).tokens(tokens);
    assert_eq!(monitor.track_generation(generation), dropped(DropReason::OutOfRange));
    let long_ago = Event::new(Timestamp::from_micros(-1), Metric::new("m", 1.0));
    assert_eq!(monitor.record(long_ago), dropped(DropReason::OutOfRange));
    // A score that is no number costs only itself.
    assert_eq!(monitor.track_evaluation(Evaluation::new("E", 1.0, true).score("s", f64::NAN)), Recorded::Accepted);
    let shared = monitor.clone();
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!(summary.dropped.get("not_finite"), Some(&4));
    assert_eq!((summary.events, summary.samples), (1, 1));
    assert_eq!(shared.record_metric("m", 1.0, &[]), dropped(DropReason::Closed));
    assert_eq!(shared.log_info("late"), dropped(DropReason::Closed));
    assert!(shared.shutdown().is_none());
    assert!(shared.flush(SECOND).complete);
}

#[test]
fn nothing_that_was_accepted_is_lost_at_the_shutdown() {
    for _ in 0..20 {
        let monitor = Monitor::builder().start().expect("starts");
        let recorders: Vec<_> = (0..4)
            .map(|_| {
                let monitor = monitor.clone();
                std::thread::spawn(move || {
                    (0..5_000).filter(|n| monitor.record_metric("n", f64::from(*n), &[]) == Recorded::Accepted).count()
                })
            })
            .collect();
        // In the midst of it.
        let summary = monitor.shutdown().expect("the first shutdown");
        let accepted: usize = recorders.into_iter().map(|recorder| recorder.join().expect("no panic")).sum();
        assert_eq!(summary.events, accepted as u64);
    }
}

#[test]
fn labels_given_in_another_order_or_number_are_told_apart() {
    let monitor = Monitor::builder().labels(["a", "b"]).start().expect("starts");
    for labels in [&[("a", "1"), ("b", "2")][..], &[("b", "2"), ("a", "1")], &[("a", "1")], &[("a", "2")], &[]] {
        monitor.record_metric("m", 1.0, labels);
    }
    flushed(&monitor);
    let count = |selector: &str| {
        let selector: Selector = selector.parse().expect("a selector");
        monitor.store().stats(&selector, Window::ALL).expect("known").map_or(0, |stats| stats.count)
    };
    assert_eq!([count("m"), count("m{a=1}"), count("m{a=1,b=2}"), count("m{a=2}")], [5, 3, 2, 1]);
}

/// Holds while the last value of `m` is above 1.
struct Above;

impl Rule for Above {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let stats = store.stats(&Selector::metric("m"), Window::last(3_600 * SECOND, now)).ok().flatten();
        let value = stats.map(|stats| stats.last);
        let verdict = match value {
            None => Verdict::NoData,
            Some(value) if value > 1.0 => Verdict::Breached,
            Some(_) => Verdict::Clear,
        };
        vec![Reading { value, stats, ..Reading::new(Labels::NONE, verdict) }]
    }
}

#[test]
fn callbacks_are_told_of_alerts_and_tokens() {
    let clock = Clock::manual(Timestamp::from_secs(60_000));
    let (alerts, told) = channel();
    let (tokens, reported) = channel();
    let monitor = Monitor::builder()
        .clock(clock.clone())
        .metrics_interval(60 * SECOND)
        .rule("above", Box::new(Above), RuleSettings::default())
        .on_alert(move |time, alert| alerts.send((time, alert.state, alert.value)).expect("the test listens"))
        .on_token_usage(60 * SECOND, move |usage| tokens.send(usage.total_tokens).expect("the test listens"))
        .start()
        .expect("starts");
    monitor.track_generation(Generation::new(1.0, true).tokens(Tokens::of(1, 2)));
    monitor.record_metric("m", 2.0, &[]);
    flushed(&monitor);
    clock.set(Timestamp::from_secs(60_060));
    let firing = told.recv_timeout(10 * SECOND).expect("an alert");
    assert_eq!(firing, (Timestamp::from_secs(60_060), AlertState::Firing, Some(2.0)));
    assert_eq!(reported.recv_timeout(10 * SECOND), Ok(3));
    monitor.record_metric("m", 0.0, &[]);
    flushed(&monitor);
    clock.set(Timestamp::from_secs(60_130));
    let resolved = told.recv_timeout(10 * SECOND).expect("an alert");
    assert_eq!(resolved, (Timestamp::from_secs(60_120), AlertState::Resolved, Some(0.0)));
    // The store knows when it fired before anybody is told.
    let firing = monitor.store().points(&"alert_firing{rule=above}".parse().expect("a selector"), Window::ALL);
    assert_eq!(firing, Ok(vec![(Timestamp::from_secs(60_060), 1.0), (Timestamp::from_secs(60_120), 0.0)]));
    monitor.track_generation(Generation::new(1.0, true).tokens(Tokens::of(1, 2)));
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!((summary.fired, summary.resolved, summary.firing), (1, 1, Vec::<String>::new()));
    // A last time at the shutdown.
    assert_eq!(reported.try_iter().last(), Some(6));
}

#[test]
fn whoever_works_is_told_to_stop_and_that_stays() {
    let clock = Clock::manual(Timestamp::from_secs(60_000));
    let (alerts, told) = channel();
    let settings = RuleSettings { action: Some(ActionSetting::Stop), ..RuleSettings::default() };
    let monitor = Monitor::builder()
        .clock(clock.clone())
        .metrics_interval(60 * SECOND)
        .rule("talks", Box::new(Above), RuleSettings::default())
        .rule("stops", Box::new(Above), settings)
        .on_alert(move |_, alert| alerts.send(alert.message.clone()).expect("the test listens"))
        .start()
        .expect("starts");
    let stop = monitor.stop_signal();
    monitor.record_metric("m", 2.0, &[]);
    flushed(&monitor);
    assert!(!stop.is_set());
    clock.set(Timestamp::from_secs(60_060));
    assert!(stop.wait(60 * SECOND));
    let reason = stop.reason().expect("it is set");
    assert_eq!((reason.rule.as_str(), reason.time), ("stops", Timestamp::from_secs(60_060)));
    let messages =
        [told.recv_timeout(10 * SECOND).expect("an alert"), told.recv_timeout(10 * SECOND).expect("an alert")];
    assert!(messages.contains(&reason.message));
    // Nobody but who works ends it; that the rule resolves does not take anything back.
    assert_eq!(monitor.record_metric("m", 0.0, &[]), Recorded::Accepted);
    flushed(&monitor);
    clock.set(Timestamp::from_secs(60_130));
    told.recv_timeout(10 * SECOND).expect("an alert");
    assert!(monitor.stop_signal().is_set());
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!((summary.resolved, summary.stopped.as_ref()), (2, Some(reason)));
}

/// A picture of the time at which it was drawn, and of nothing while there is nothing.
struct Dated(std::sync::mpsc::Sender<Timestamp>);

impl Chart for Dated {
    fn draw(&mut self, store: &Store, now: Timestamp) -> Result<Vec<Picture>, BoxError> {
        self.0.send(now)?;
        let bytes = now.to_rfc3339().into_bytes();
        let drawn = store.extent().map(|_| Picture { extension: "txt", media_type: "text/plain", bytes });
        Ok(drawn.into_iter().collect())
    }
}

#[test]
fn a_chart_is_drawn_when_its_time_comes_and_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(Timestamp::from_secs(60_000));
    let (sender, drawn) = channel();
    let monitor = Monitor::builder()
        .clock(clock.clone())
        .data_dir(folder.path())
        .chart_every("now", Box::new(Dated(sender)), 30 * SECOND)
        .start()
        .expect("starts");
    let picture = folder.path().join("plots/now.txt");
    let wait = || drawn.recv_timeout(10 * SECOND).expect("it is drawn");
    // The engine looks at the clock before it waits for the first event, so that is when its thirty seconds begin.
    monitor.record_metric("m", 1.0, &[]);
    flushed(&monitor);
    clock.set(Timestamp::from_secs(60_030));
    assert_eq!(wait(), Timestamp::from_secs(60_030));
    clock.set(Timestamp::from_secs(60_059));
    monitor.record_metric("m", 1.0, &[]);
    flushed(&monitor);
    assert_eq!(drawn.try_recv().ok(), None, "a second too early");
    clock.set(Timestamp::from_secs(60_060));
    assert_eq!(wait(), Timestamp::from_secs(60_060));
    clock.set(Timestamp::from_secs(60_061));
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!(drawn.try_iter().collect::<Vec<_>>(), [Timestamp::from_secs(60_061)]);
    assert_eq!(summary.charts.len(), 1, "the summary tells of the last one");
    assert_eq!(std::fs::read_to_string(&picture).expect("it is there"), Timestamp::from_secs(60_061).to_rfc3339());
    assert_eq!(std::fs::read_dir(picture.parent().expect("a folder")).expect("it is there").count(), 1);
}
