//! A database that somebody else has locked: it is waited for, nobody is held up, and nothing is lost or doubled.

use std::sync::mpsc::channel;

use monitor_core::component::{Answer, Content, Delivery, Resume, Resumed, sink_fn};
use monitor_core::{Monitor, Recorded};
use rusqlite::Connection;

use super::{NAME, numbers, rows, sink_of, write};

const COUNT: &str = "SELECT count(*), count(DISTINCT value) FROM samples";

#[test]
fn what_could_not_be_written_is_written_once_when_it_can_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink_of(folder.path(), Content::Events);
    let resume = Resume { spool: 7, mark: None, clean: false };
    sink.resume(&resume).expect("it can be read");
    assert!(matches!(write(&mut *sink, 0, numbers(0..10)), Answer::Ok));
    let other = Connection::open(folder.path().join(NAME)).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
    let answer = write(&mut *sink, 10, numbers(10..20));
    assert!(
        matches!(&answer, Answer::Retry { accepted: 0, error, .. } if error.to_string().contains("locked")),
        "{answer:?}"
    );
    // A process that begins meanwhile learns where it was.
    let mut next = sink_of(folder.path(), Content::Events);
    assert_eq!(next.resume(&resume).expect("it can be read"), Resumed::At(10));
    other.execute_batch("COMMIT").expect("it is ours");
    assert!(matches!(write(&mut *sink, 10, numbers(10..20)), Answer::Ok));
    assert_eq!(rows(folder.path(), COUNT), ["20|20"]);
}

#[test]
fn the_others_are_not_held_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = sink_of(folder.path(), Content::Events);
    let other = Connection::open(folder.path().join(NAME)).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
    let (home, got) = channel();
    let quick = sink_fn(move |delivery: &Delivery<'_>| {
        home.send(delivery.len()).expect("the test listens");
        Answer::Ok
    });
    let monitor = Monitor::builder().sink("database", sink).sink("quick", quick).start().expect("starts");
    for value in 0..5_000_u32 {
        assert_eq!(monitor.record_metric("n", value.into(), &[]), Recorded::Accepted);
    }
    let mut arrived = 0;
    while arrived < 5_000 {
        arrived += got.recv().expect("it is not held up");
    }
    other.execute_batch("COMMIT").expect("it is ours");
    let summary = monitor.shutdown().expect("the first shutdown");
    assert!(summary.sinks.iter().all(|sink| sink.closes() && sink.delivered == 5_000), "{:?}", summary.sinks);
    assert_eq!(rows(folder.path(), COUNT), ["5000|5000"]);
}
