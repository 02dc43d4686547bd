//! Sinks that fail in every way: what the host does about it, and that the books close.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use monitor_core::bus::Overflow;
use monitor_core::component::{
    Answer, BoxError, Context, Delivery, Resume, Resumed, Sink, SinkConfig, Source, sink_fn,
};
use monitor_core::config::{ClockSetting, Config, Entry, SinkSettings};
use monitor_core::pipeline::{Builder, Emitter, Filter, SinkOptions, SinkSummary, Summary};
use monitor_core::store::{Selector, Window};
use monitor_core::{Event, Kind, Metric, Monitor, MonitorBuilder, Recorded};

/// Records `count` numbered values, shuts down, and gives back the account of the one sink.
fn account(builder: MonitorBuilder, count: u64) -> (SinkSummary, Summary) {
    let monitor = builder.start().expect("starts");
    for number in 0..count {
        assert_eq!(monitor.record_metric("n", number as f64, &[]), Recorded::Accepted);
    }
    let summary = monitor.shutdown().expect("the first shutdown");
    let sink = summary.sinks[0].clone();
    assert!(sink.closes(), "{sink:?}");
    assert_eq!(sink.accepted, count);
    (sink, summary)
}

/// The values of a delivery.
fn values(delivery: &Delivery<'_>) -> Vec<u64> {
    delivery.samples().map(|sample| sample.value as u64).collect()
}

fn collected(receiver: &Receiver<Vec<u64>>) -> Vec<u64> {
    receiver.try_iter().flatten().collect()
}

#[test]
fn everything_arrives_once_and_in_order() {
    let (sender, receiver) = channel();
    let sink = sink_fn(move |delivery| {
        sender.send(values(delivery)).expect("the test listens");
        Answer::Ok
    });
    let (sink, summary) = account(Monitor::builder().sink("s", sink), 5_000);
    assert_eq!((sink.delivered, sink.lost_total(), sink.retries), (5_000, 0, 0));
    assert_eq!(collected(&receiver), (0..5_000).collect::<Vec<_>>());
    assert_eq!((summary.events, summary.samples, summary.failures()), (5_000, 5_000, Vec::<String>::new()));
}

#[test]
fn what_may_be_tried_again_is_from_where_it_stopped() {
    let (sender, receiver) = channel();
    let mut turn = 0;
    let sink = sink_fn(move |delivery| {
        turn += 1;
        let accepted = if turn % 3 == 0 { delivery.len() } else { delivery.len() / 2 };
        sender.send(values(delivery)[..accepted].to_vec()).expect("the test listens");
        if accepted == delivery.len() {
            return Answer::Ok;
        }
        Answer::Retry { accepted, after: Some(Duration::ZERO), error: "busy".into() }
    });
    let (sink, _) = account(Monitor::builder().sink("s", sink), 1_000);
    assert_eq!((sink.delivered, sink.lost_total()), (1_000, 0));
    assert!(sink.retries >= 1);
    assert_eq!(sink.error.as_deref(), Some("busy"));
    assert_eq!(collected(&receiver), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn what_can_never_be_written_is_counted_and_the_rest_is_written() {
    let sink = sink_fn(|delivery| {
        let odd = values(delivery).into_iter().enumerate().filter(|(_, value)| value % 2 == 1).map(|(at, _)| at);
        // Places that there are not, and places named twice, are forgiven.
        let odd: Vec<usize> = odd.collect();
        let indices = [odd.as_slice(), &odd, &[usize::MAX]].concat();
        Answer::Rejected { indices, error: "odd".into() }
    });
    let (sink, summary) = account(Monitor::builder().sink("s", sink), 1_000);
    assert_eq!((sink.delivered, sink.lost.get("rejected")), (500, Some(&500)));
    assert_eq!(summary.failures(), ["sink `s` did not get 500 events: odd"]);
}

/// Panics at the first write and at the first flush.
struct Panicking {
    calls: Arc<AtomicUsize>,
    buffer: Vec<u64>,
    home: Sender<Vec<u64>>,
}

impl Sink for Panicking {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        assert!(self.calls.fetch_add(1, Ordering::Relaxed) > 0, "the first write");
        self.buffer.extend(values(delivery));
        Answer::Ok
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < 3 {
            self.buffer.clear();
            panic!("the first flush");
        }
        self.home.send(std::mem::take(&mut self.buffer))?;
        Ok(())
    }
}

#[test]
fn a_sink_that_panics_is_restarted_and_gets_its_batch_again() {
    let (home, receiver) = channel();
    let sink = Panicking { calls: Arc::default(), buffer: Vec::new(), home };
    let (sink, _) = account(Monitor::builder().sink("s", sink), 100);
    assert_eq!((sink.delivered, sink.lost_total(), sink.restarts), (100, 0, 2));
    assert_eq!(collected(&receiver), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_sink_that_fails_for_good_is_felt_by_nobody_else() {
    let (sender, receiver) = channel();
    let other = sink_fn(move |delivery| {
        sender.send(values(delivery)).expect("the test listens");
        Answer::Ok
    });
    let builder = Monitor::builder().sink("dead", sink_fn(|_| Answer::Fatal("gone".into()))).sink("other", other);
    let (dead, summary) = account(builder, 1_000);
    assert_eq!((dead.delivered, dead.lost_total()), (0, 1_000));
    assert_eq!(dead.lost.get("gave_up"), Some(&1_000));
    assert_eq!(summary.failures(), ["sink `dead` did not get 1000 events: gone"]);
    assert_eq!(collected(&receiver).len(), 1_000);
}

#[test]
fn a_shutdown_does_not_wait_longer_than_it_may() {
    let builder =
        Monitor::builder().shutdown_timeout(Duration::from_millis(50)).sink("s", sink_fn(|_| Answer::retry("never")));
    let (sink, summary) = account(builder, 100);
    assert_eq!((sink.delivered, sink.lost_total() + sink.pending), (0, 100));
    assert_eq!(summary.failures(), ["sink `s` did not get 100 events: never"]);
}

#[test]
fn one_that_is_not_required_gives_up_and_does_not_fail_the_run() {
    let options = SinkOptions { required: false, ..SinkOptions::default() };
    let sink = sink_fn(|_| Answer::Retry { accepted: 0, after: Some(Duration::ZERO), error: "never".into() });
    let (sink, summary) = account(Monitor::builder().sink_with("s", sink, options), 100);
    assert_eq!(sink.lost.get("gave_up"), Some(&100));
    assert_eq!(summary.failures(), Vec::<String>::new());
}

#[test]
fn a_sink_that_hangs_is_left_behind() {
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let sink = sink_fn(move |_| {
        // Until the test is over.
        let _ended = gate.lock().expect("one thread").recv();
        Answer::Ok
    });
    let (other, receiver) = channel();
    let other = sink_fn(move |delivery| {
        other.send(values(delivery)).expect("the test listens");
        Answer::Ok
    });
    let builder =
        Monitor::builder().shutdown_timeout(Duration::from_millis(500)).sink("hangs", sink).sink("other", other);
    let (hangs, _) = account(builder, 100);
    assert_eq!((hangs.delivered, hangs.pending), (0, 100));
    assert_eq!(hangs.error.as_deref(), Some("it hangs"));
    assert_eq!(collected(&receiver).len(), 100);
    drop(release);
}

#[test]
fn kinds_that_are_not_accepted_are_filtered() {
    let options = SinkOptions { filter: Filter::of_kinds(&[Kind::Log]), ..SinkOptions::default() };
    let (sender, receiver) = channel();
    let sink = sink_fn(move |delivery| {
        sender.send(delivery.len()).expect("the test listens");
        Answer::Ok
    });
    let monitor = Monitor::builder().sink_with("s", sink, options).start().expect("starts");
    monitor.record_metric("m", 1.0, &[]);
    monitor.log_info("here");
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!((summary.sinks[0].delivered, summary.sinks[0].filtered), (1, 1));
    assert!(summary.sinks[0].closes());
    assert_eq!(receiver.try_iter().sum::<usize>(), 1);
}

#[test]
fn a_slow_sink_loses_the_oldest_counted_and_the_others_lose_nothing() {
    const COUNT: u64 = 200_000;
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let slow = sink_fn(move |_| {
        let _ended = gate.lock().expect("one thread").recv();
        Answer::Ok
    });
    let options = SinkOptions { overflow: Overflow::DropOldest, ..SinkOptions::default() };
    let fast = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fast);
    let fast_sink = sink_fn(move |delivery| {
        count.fetch_add(delivery.len(), Ordering::Relaxed);
        Answer::Ok
    });
    let monitor = Monitor::builder().sink_with("slow", slow, options).sink("fast", fast_sink).start().expect("starts");
    for number in 0..COUNT {
        // The queue holds less than this: whoever records waits, here, for the pipeline.
        while monitor.record_metric("n", number as f64, &[]) != Recorded::Accepted {
            std::thread::yield_now();
        }
    }
    while fast.load(Ordering::Relaxed) < COUNT as usize {
        std::thread::yield_now();
    }
    drop(release);
    let summary = monitor.shutdown().expect("the first shutdown");
    assert!(summary.sinks.iter().all(SinkSummary::closes), "{:?}", summary.sinks);
    assert_eq!((summary.sinks[1].delivered, summary.sinks[1].lost_total()), (COUNT, 0));
    let slow = &summary.sinks[0];
    assert!(slow.lost["overflow"] > 0 && slow.delivered > 0, "{slow:?}");
}

#[test]
fn what_a_shutdown_leaves_in_the_queue_is_counted() {
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let hanging = sink_fn(move |_| {
        let _ended = gate.lock().expect("one thread").recv();
        Answer::Ok
    });
    let monitor =
        Monitor::builder().shutdown_timeout(Duration::from_millis(100)).sink("hangs", hanging).start().expect("starts");
    // More than the bus holds for a sink that hangs, so that some must wait in the queue.
    let mut accepted = 0_u64;
    while accepted < 100_000 {
        match monitor.record_metric("n", 1.0, &[]) {
            Recorded::Accepted => accepted += 1,
            Recorded::Dropped(_) => std::thread::yield_now(),
        }
    }
    let summary = monitor.shutdown().expect("the first shutdown");
    let left = summary.dropped.get("shutdown").copied().unwrap_or(0);
    assert!(left > 0, "{:?}", summary.dropped);
    assert_eq!(summary.events + left, accepted);
    assert_eq!(summary.sinks[0].accepted, summary.events);
    assert!(summary.sinks[0].closes(), "{:?}", summary.sinks);
    drop(release);
}

#[test]
fn one_failure_at_the_end_does_not_cost_what_comes_after_it() {
    let mut turn = 0;
    let slow = sink_fn(move |_| {
        turn += 1;
        std::thread::park_timeout(Duration::from_millis(5));
        match turn {
            3 => Answer::Retry { accepted: 0, after: Some(Duration::ZERO), error: "busy".into() },
            _ => Answer::Ok,
        }
    });
    let options = SinkOptions { batch: 1, ..SinkOptions::default() };
    let pipeline = Builder::new()
        .shutdown_timeout(Duration::from_millis(20))
        .source("numbers", Box::new(Numbers(60)))
        .sink_with("slow", slow, options)
        .start()
        .expect("starts");
    let summary = pipeline.wait();
    assert_eq!((summary.sinks[0].delivered, summary.sinks[0].lost_total()), (60, 0));
}

/// Emits so many events, and ends.
struct Numbers(u32);

impl Source for Numbers {
    fn run(&mut self, out: &mut Emitter) -> Result<(), BoxError> {
        for number in 0..self.0 {
            out.emit(Event::new(out.now(), Metric::new("n", f64::from(number))))?;
        }
        Ok(())
    }
}

#[test]
fn a_pause_without_end_is_shortened() {
    let builder = Monitor::builder()
        .shutdown_timeout(Duration::from_millis(50))
        .sink("s", sink_fn(|_| Answer::Retry { accepted: 0, after: Some(Duration::MAX), error: "never".into() }));
    let (sink, _) = account(builder, 10);
    assert_eq!(sink.lost_total() + sink.pending, 10);
}

/// Makes sinks of which each takes a place that only one can have; the first panics.
struct Exclusive {
    taken: Arc<AtomicUsize>,
    made: AtomicUsize,
    home: Sender<Vec<u64>>,
}

struct Taker {
    taken: Arc<AtomicUsize>,
    first: bool,
    home: Sender<Vec<u64>>,
}

impl SinkConfig for Exclusive {
    fn open(&self, _: &Context) -> Result<Box<dyn Sink>, BoxError> {
        if self.taken.swap(1, Ordering::SeqCst) == 1 {
            return Err("the place is taken".into());
        }
        let first = self.made.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(Box::new(Taker { taken: Arc::clone(&self.taken), first, home: self.home.clone() }))
    }
}

impl Sink for Taker {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        assert!(!self.first, "the first instance panics");
        self.home.send(values(delivery)).expect("the test listens");
        Answer::Ok
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.taken.store(0, Ordering::SeqCst);
        assert!(!self.first, "and once more when it is dropped");
    }
}

#[test]
fn a_sink_is_gone_before_the_next_one_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, receiver) = channel();
    let exclusive = Exclusive { taken: Arc::default(), made: AtomicUsize::new(0), home };
    let exclusive: Box<dyn SinkConfig> = Box::new(exclusive);
    let entry = Entry::new("s", "exclusive", SinkSettings::default(), exclusive);
    let mut config = Config { sinks: vec![entry], ..Config::default() };
    config.settings.data_dir = folder.path().to_owned();
    let pipeline = Builder::from_config(config).expect("opens").source("numbers", Box::new(Numbers(10))).start();
    let summary = pipeline.expect("starts").wait();
    assert_eq!((summary.sinks[0].delivered, summary.sinks[0].restarts), (10, 1));
    assert_eq!(collected(&receiver), (0..10).collect::<Vec<_>>());
}

#[test]
fn its_own_counts_are_metrics_that_rules_can_watch() {
    let rejects =
        sink_fn(|delivery| Answer::Rejected { indices: (0..delivery.len() / 2).collect(), error: "no".into() });
    let builder = Monitor::builder().metrics_interval(Duration::from_millis(5)).sink("half", rejects);
    let monitor = builder.start().expect("starts");
    for number in 0..100 {
        monitor.record_metric("n", f64::from(number), &[]);
    }
    monitor.record_metric("n", f64::NAN, &[]);
    monitor.flush(Duration::from_secs(10));
    let sum = |metric: &str| {
        let selector = Selector::metric(metric);
        monitor.store().stats(&selector, Window::ALL).ok().flatten().map(|stats| (stats.sum as u64, stats.last as u64))
    };
    // Each count is told once, however often it is looked at.
    let expected = |metric: &str| match metric {
        "pipeline_offered" => 101,
        "pipeline_accepted" => 100,
        "pipeline_dropped" => 1,
        _ => 50,
    };
    for metric in ["pipeline_offered", "pipeline_accepted", "pipeline_dropped", "sink_delivered", "sink_lost"] {
        let arrived = (0..2_000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(5));
            sum(metric).is_some_and(|(sum, _)| sum == expected(metric))
        });
        assert!(arrived, "{metric}: {:?}", sum(metric));
    }
    for metric in ["sink_pending", "sink_unaccounted", "pipeline_unaccounted", "sink_stalled"] {
        assert_eq!(sum(metric).map(|(_, last)| last), Some(0), "{metric}");
    }
    let lost = Selector::metric("sink_lost").with("sink", "half").with("reason", "rejected");
    assert_eq!(monitor.store().stats(&lost, Window::ALL).expect("known").expect("some").sum as u64, 50);
}

#[test]
fn a_sink_that_does_not_come_back_is_stalled_and_holds_up_nobody() {
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let sink = sink_fn(move |_| {
        let _ended = gate.lock().expect("one thread").recv();
        Answer::Ok
    });
    let options = SinkOptions {
        overflow: Overflow::Block(Duration::from_secs(3_600)),
        timeout: Duration::from_millis(50),
        ..SinkOptions::default()
    };
    let builder = Monitor::builder().metrics_interval(Duration::from_millis(5)).sink_with("hangs", sink, options);
    let monitor = builder.shutdown_timeout(Duration::from_millis(200)).start().expect("starts");
    // More than the bus holds: a sink that is waited for would hold it up for an hour.
    let mut accepted = 0;
    while accepted < 200_000 {
        match monitor.record_metric("n", 1.0, &[]) {
            Recorded::Accepted => accepted += 1,
            Recorded::Dropped(_) => std::thread::park_timeout(Duration::from_millis(1)),
        }
    }
    let stalled = (0..2_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        let stats = monitor.store().stats(&Selector::metric("sink_stalled"), Window::ALL).ok().flatten();
        stats.is_some_and(|stats| stats.last as u64 == 1)
    });
    assert!(stalled, "it is said");
    drop(release);
    monitor.shutdown();
}

/// A database that knows how far it is, behind a sink that panics at every third write.
struct Database(Arc<Mutex<Vec<u64>>>);

struct Row(Arc<Mutex<Vec<u64>>>, usize);

impl SinkConfig for Database {
    fn open(&self, _: &Context) -> Result<Box<dyn Sink>, BoxError> {
        Ok(Box::new(Row(Arc::clone(&self.0), 0)))
    }
}

impl Sink for Row {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.1 += 1;
        assert!(self.1 < 3, "every third write");
        self.0.lock().expect("nobody panics with it").extend(values(delivery));
        Answer::Ok
    }

    fn resume(&mut self, _: &Resume<'_>) -> Result<Resumed, BoxError> {
        Ok(Resumed::At(self.0.lock().expect("nobody panics with it").len() as u64))
    }
}

#[test]
fn a_sink_that_knows_how_far_it_is_gets_nothing_twice_when_it_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Arc<Mutex<Vec<u64>>> = Arc::default();
    let database: Box<dyn SinkConfig> = Box::new(Database(Arc::clone(&rows)));
    let settings = SinkSettings { batch: 10, ..SinkSettings::default() };
    let mut config = Config { sinks: vec![Entry::new("s", "database", settings, database)], ..Config::default() };
    config.settings.data_dir = folder.path().to_owned();
    config.settings.clock = Some(ClockSetting::System);
    let pipeline = Builder::from_config(config).expect("opens").source("numbers", Box::new(Numbers(100))).start();
    let summary = pipeline.expect("starts").wait();
    assert!(summary.sinks[0].closes() && summary.sinks[0].restarts > 1, "{:?}", summary.sinks[0]);
    assert_eq!(*rows.lock().expect("nobody panics with it"), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_callback_that_hangs_does_not_hold_up_the_shutdown() {
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let monitor = Monitor::builder()
        .shutdown_timeout(Duration::from_millis(50))
        .on_token_usage(Duration::from_millis(1), move |_| {
            let _ended = gate.lock().expect("one thread").recv();
        })
        .start()
        .expect("starts");
    monitor.record_metric("m", 1.0, &[]);
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!(summary.failures(), ["a rule, a chart, a callback or the disk hangs; it is left behind"]);
    drop(release);
}

#[test]
fn a_flush_that_lost_something_is_not_complete() {
    let monitor = Monitor::builder().sink("dead", sink_fn(|_| Answer::Fatal("gone".into()))).start().expect("starts");
    assert!(monitor.flush(Duration::from_secs(10)).complete);
    monitor.record_metric("m", 1.0, &[]);
    assert!(!monitor.flush(Duration::from_secs(10)).complete);
    monitor.shutdown();
    assert!(!monitor.flush(Duration::from_secs(10)).complete);
}

/// Notes what it is told, as `w` for each write, `f` for a flush, `t` for a turn and `e` for the turn at the end.
struct Turning {
    calls: Arc<Mutex<Vec<u8>>>,
    unturned: usize,
    failing: usize,
}

impl Turning {
    fn note(&self, call: u8) {
        self.calls.lock().expect("nobody panics with it").push(call);
    }
}

impl Sink for Turning {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        self.unturned += delivery.len();
        self.note(b'w');
        Answer::Ok
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        self.note(b'f');
        Ok(())
    }

    fn wants_turn(&self) -> bool {
        self.unturned >= 1_000
    }

    fn turn(&mut self, at_end: bool) -> Result<(), BoxError> {
        self.note(if at_end { b'e' } else { b't' });
        if self.failing > 0 {
            self.failing -= 1;
            return Err("the file cannot be renamed".into());
        }
        self.unturned = 0;
        Ok(())
    }
}

#[test]
fn a_sink_turns_over_when_all_is_flushed_and_at_the_end() {
    let calls = Arc::default();
    let sink = Turning { calls: Arc::clone(&calls), unturned: 0, failing: 2 };
    let (sink, summary) = account(Monitor::builder().sink("s", sink), 20_000);
    assert_eq!((sink.delivered, sink.lost_total(), sink.retries), (20_000, 0, 2));
    assert_eq!(summary.failures(), Vec::<String>::new());
    let calls = String::from_utf8(calls.lock().expect("nobody panics with it").clone()).expect("letters");
    assert!(!calls.contains("wt") && !calls.contains("we"), "{calls}");
    assert_eq!((calls.matches('e').count(), calls.ends_with('e')), (1, true), "{calls}");
    assert!(calls.matches('t').count() >= 3, "{calls}");
}

#[test]
fn what_cannot_be_completed_at_the_end_is_said_and_holds_up_nobody() {
    let calls = Arc::default();
    let sink = Turning { calls: Arc::clone(&calls), unturned: 0, failing: usize::MAX };
    let builder = Monitor::builder().sink("s", sink).shutdown_timeout(Duration::from_millis(300));
    let (sink, summary) = account(builder, 10);
    assert_eq!((sink.delivered, sink.error.as_deref()), (10, Some("the file cannot be renamed")));
    assert!(summary.failures().iter().any(|failure| failure.contains("`s`")), "{:?}", summary.failures());
}
