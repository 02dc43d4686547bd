//! What a program records outlives it: what a sink has not got, the next monitor delivers.
#![cfg(feature = "spool")]

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use monitor_core::bus::Durability;
use monitor_core::component::{Answer, BoxError, Delivery, Sink, sink_fn};
use monitor_core::pipeline::{OWN_METRICS, SinkOptions, StartError};
use monitor_core::spool::{Audit, Books};
use monitor_core::store::{Selector, Window};
use monitor_core::{DropReason, Event, Metric, Monitor, MonitorBuilder, Recorded, Ticket, Timestamp};

fn durable(folder: &std::path::Path) -> MonitorBuilder {
    Monitor::builder().data_dir(folder).durability(Durability::L1).shutdown_timeout(Duration::from_millis(300))
}

fn down() -> Box<dyn Sink> {
    sink_fn(|_: &Delivery<'_>| Answer::retry("it is down"))
}

fn to(home: Sender<u64>) -> Box<dyn Sink> {
    sink_fn(move |delivery: &Delivery<'_>| {
        for sample in delivery.samples() {
            home.send(sample.value as u64).expect("the test listens");
        }
        Answer::Ok
    })
}

fn record(monitor: &Monitor, values: std::ops::Range<u64>) {
    for value in values {
        let event = Event::new(Timestamp::from_secs(1), Metric::new("m", value as f64));
        assert_eq!(monitor.record(event), Recorded::Accepted);
    }
}

#[test]
fn what_a_sink_that_is_down_has_not_got_the_next_monitor_delivers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, other) = channel();
    let monitor = durable(folder.path()).sink("s", down()).sink("other", to(home)).start().expect("starts");
    record(&monitor, 0..1_000);
    let report = monitor.flush(Duration::from_millis(500));
    assert_eq!((report.complete, report.level), (false, Durability::L1));
    let summary = monitor.shutdown().expect("ends once");
    assert_eq!(summary.failures(), Vec::<String>::new(), "what waits is not lost");
    let sink = summary.sinks.iter().find(|sink| sink.name == "s").expect("the sink");
    assert_eq!((sink.delivered, sink.pending, sink.lost_total(), sink.closes()), (0, 1_000, 0, true));
    assert_eq!(other.iter().count(), 1_000);
    let books = Books::read(folder.path()).expect("a spool");
    assert_eq!((books.kept, books.sinks["s"].pending, books.sinks["other"].pending), (1_000, 1_000, 0));
    // The next one.
    let ((home, got), (other_home, other)) = (channel(), channel());
    let monitor = durable(folder.path()).sink("s", to(home)).sink("other", to(other_home)).start().expect("starts");
    record(&monitor, 1_000..1_500);
    let report = monitor.flush(Duration::from_secs(20));
    assert_eq!((report.complete, report.level), (true, Durability::L3));
    monitor.shutdown();
    assert_eq!(got.iter().collect::<Vec<_>>(), (0..1_500).collect::<Vec<_>>());
    assert_eq!(other.iter().collect::<Vec<_>>(), (1_000..1_500).collect::<Vec<_>>());
    let audit = Audit::of(folder.path()).expect("a spool");
    assert_eq!((audit.faults.clone(), audit.books.sinks["s"].account.delivered), (Vec::<String>::new(), 1_500));
}

#[test]
fn a_sink_that_hangs_or_panics_is_felt_by_nobody_else_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, quick) = channel();
    let (_never, wait) = channel::<()>();
    let hangs = sink_fn(move |_: &Delivery<'_>| {
        let _ = wait.recv();
        Answer::Ok
    });
    let mut writes = 0;
    let panics = sink_fn(move |_: &Delivery<'_>| {
        writes += 1;
        assert!(writes % 3 != 0, "each third batch");
        Answer::Ok
    });
    let builder = durable(folder.path()).sink("hangs", hangs).sink("panics", panics).sink("quick", to(home));
    let monitor = builder.start().expect("starts");
    // Several times what the bus holds in memory.
    let total = 200_000;
    let mut recorded = 0;
    while recorded < total {
        match monitor.record(Event::new(Timestamp::from_secs(1), Metric::new("m", recorded as f64))) {
            Recorded::Accepted => recorded += 1,
            Recorded::Dropped(DropReason::QueueFull) => std::thread::yield_now(),
            Recorded::Dropped(other) => panic!("{other:?}"),
        }
    }
    assert!(quick.iter().take(total as usize).eq(0..total), "in order, all of them");
    let summary = monitor.shutdown().expect("ends once");
    for sink in &summary.sinks {
        assert_eq!((sink.lost_total(), sink.closes()), (0, true), "{sink:?}");
    }
    assert_eq!(Books::read(folder.path()).expect("a spool").sinks["hangs"].pending, total);
}

#[test]
fn what_can_never_be_written_is_kept_apart_once_whatever_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dead_letter/picky.jsonl");
    for run in 1..=2 {
        let mut flushed = false;
        let picky = Picky(move || assert!(std::mem::replace(&mut flushed, true), "the first flush"));
        let monitor = durable(folder.path()).sink("picky", picky).start().expect("starts");
        record(&monitor, 0..100);
        let ticket = monitor.record_durable(Metric::new("m", 0.0));
        let long = Duration::from_secs(20);
        assert_eq!(monitor.flush(long).level, Durability::L1, "dead letters have not arrived");
        assert_eq!(ticket.wait(Durability::L3, long), Durability::L1, "it may be one of them");
        assert_eq!(monitor.flush(long).level, Durability::L3, "there is nothing new to be told");
        let summary = monitor.shutdown().expect("ends once");
        assert_eq!((summary.sinks[0].delivered, summary.sinks[0].dead_letter), (51, 50));
        let text = std::fs::read_to_string(&file).expect("a file");
        assert_eq!(text.lines().count(), run * 50);
        assert!(text.lines().all(|line| line.contains(r#""error":"odd""#) && line.contains(r#""event":{"#)));
        // Written by a process that was killed before it could note it.
        std::fs::write(&file, text + "{\"sequence\":").expect("a file");
    }
    assert!(Audit::of(folder.path()).expect("a spool").closes());
}

/// Takes even numbers only, and panics at a flush when it is told to.
struct Picky<F: FnMut()>(F);

impl<F: FnMut() + Send> Sink for Picky<F> {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        let values = delivery.samples().enumerate();
        let indices = values.filter(|(_, sample)| sample.value as u64 % 2 == 1).map(|(at, _)| at).collect();
        Answer::Rejected { indices, error: "odd".into() }
    }

    fn flush(&mut self) -> Result<(), BoxError> {
        (self.0)();
        Ok(())
    }
}

#[test]
fn a_ticket_tells_how_safe_an_event_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let second = Duration::from_secs(10);
    let monitor = durable(folder.path()).durability(Durability::L2).sink("s", down()).start().expect("starts");
    let tickets: Vec<Ticket> = (0..100).map(|at| monitor.record_durable(Metric::new("m", f64::from(at)))).collect();
    assert!(tickets.iter().all(|ticket| ticket.wait(Durability::L2, second) == Durability::L2));
    // Whoever copies the folder now has all of them.
    assert_eq!(Books::read(folder.path()).expect("a spool").kept, 100);
    assert_eq!(tickets[0].wait(Durability::L3, Duration::from_millis(20)), Durability::L2, "the sink is down");
    let dropped = monitor.record_durable(Metric::new("m", f64::NAN));
    assert_eq!(dropped.recorded(), Recorded::Dropped(DropReason::NotFinite));
    assert_eq!(dropped.wait(Durability::L1, second), Durability::L0);
    // One that is not required is not waited for.
    let optional = SinkOptions { required: false, ..SinkOptions::default() };
    let monitor = Monitor::builder().sink_with("s", down(), optional).start().expect("starts");
    assert_eq!(monitor.record_durable(Metric::new("m", 1.0)).wait(Durability::L3, second), Durability::L3);
    let memory = Monitor::builder().sink("s", to(channel().0)).start().expect("starts");
    let ticket = memory.record_durable(Metric::new("m", 1.0));
    assert_eq!(ticket.wait(Durability::L1, Duration::from_millis(20)), Durability::L0);
}

/// What is explained is there to be watched.
#[test]
fn every_metric_of_its_own_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let monitor = durable(folder.path()).metrics_interval(Duration::from_millis(5)).sink("s", down());
    let monitor = monitor.start().expect("starts");
    record(&monitor, 0..10);
    let last = |metric: &str| {
        let selector = Selector::metric(metric);
        monitor.store().stats(&selector, Window::ALL).ok().flatten().map(|stats| stats.last)
    };
    let pending = (0..2_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        last("sink_pending") == Some(10.0) && last("spool_events") == Some(10.0)
    });
    assert!(pending, "{:?} {:?}", last("sink_pending"), last("spool_events"));
    for own in OWN_METRICS {
        assert!(last(own.name).is_some(), "{}", own.name);
    }
    assert_eq!((last("spool_failing"), last("spool_quota")), (Some(0.0), Some((1_u64 << 30) as f64)));
}

#[test]
fn the_folder_is_free_once_nobody_can_write_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (release, gate) = channel::<()>();
    let hangs = sink_fn(move |_: &Delivery<'_>| {
        let _ended = gate.recv();
        Answer::Ok
    });
    let monitor = durable(folder.path()).sink("s", hangs).start().expect("starts");
    record(&monitor, 0..10);
    monitor.flush(Duration::from_millis(200));
    drop(monitor);
    let taken = durable(folder.path()).start().err().expect("the sink may come back any time");
    assert!(matches!(taken, StartError::Lock(_)), "{taken}");
    drop(release);
    let free = (0..1_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(10));
        durable(folder.path()).start().is_ok()
    });
    assert!(free, "it has come back");
}

#[test]
fn two_sinks_of_one_name_would_have_one_account() {
    let twice = Monitor::builder().sink("s", down()).sink("s", down()).start().err().expect("a name is one sink's");
    assert_eq!(twice.to_string(), "start the pipeline: two sinks have the name `s`; give each its own");
    Monitor::builder().on_alert(|_, _| ()).on_alert(|_, _| ()).start().expect("callbacks have no names");
}

#[test]
fn a_data_folder_is_one_monitors_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = durable(folder.path()).start().expect("starts");
    let second = durable(folder.path()).start().err().expect("the folder is taken");
    assert!(matches!(second, StartError::Lock(_)), "{second}");
    assert!(second.to_string().contains(&format!("process {} has it", std::process::id())), "{second}");
    first.shutdown();
    drop(first);
    durable(folder.path()).start().expect("it is free again");
}
