//! What is written is read back, while it is written to as well; what is no event is refused and counted.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use monitor_core::component::{Answer, Content, Delivery, SourceConfig, sink_fn};
use monitor_core::pipeline::{Builder, Pipeline, Summary};
use monitor_core::{Evaluation, Event, Generation, Log, Metadata, Metric, Timestamp, Zone};
use proptest::prelude::*;
use rusqlite::Connection;

use super::given::events;
use super::{NAME, batch, items, numbers, recorded, rows, sink_of, write};
use crate::new_file::Exists;
use crate::sqlite::read;
use crate::sqlite::write::Database;

/// The events of a database, through a pipeline.
fn read_back(folder: &Path) -> (Vec<Event>, Summary) {
    let (home, got) = channel();
    let collect = sink_fn(move |delivery: &Delivery<'_>| {
        home.send(delivery.events().cloned().collect::<Vec<_>>()).expect("the test listens");
        Answer::Ok
    });
    let builder = Builder::new().zone(Zone::UTC).event_time();
    let config = read::Config { path: folder.join(NAME) };
    let source = config.open(&builder.context(&"database".into())).expect("opens");
    let pipeline: Pipeline = builder.source("database", source).sink("collect", collect).start().expect("starts");
    while !(pipeline.finished() && pipeline.settled()) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let summary = pipeline.wait();
    (got.iter().flatten().collect(), summary)
}

fn cannot_be_read(folder: &Path) -> String {
    let config = read::Config { path: folder.join(NAME) };
    let opened = config.open(&Builder::new().context(&"database".into()));
    opened.err().expect("it cannot be opened").to_string()
}

fn assert_same(found: &[Event], expected: &[Event]) {
    let differing: Vec<_> = found.iter().zip(expected).filter(|(found, expected)| found != expected).take(2).collect();
    assert!(found.len() == expected.len() && differing.is_empty(), "{} events: {differing:#?}", found.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn events_come_back_as_they_were(events in events(), whole in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let batch = batch(0, events.clone());
        let items = items(&batch);
        let delivery = &Delivery::new(&items);
        if whole {
            let mut database = Database::create(&folder.path().join(NAME), Exists::Kept).expect("it can be made");
            database.insert(delivery).expect("rows");
            database.finish().expect("it can be ended");
            let names: Vec<_> = folder.path().read_dir().expect("a folder").map(|file| file.expect("a file").file_name()).collect();
            assert_eq!(names, [NAME]);
        } else {
            let answer = sink_of(folder.path(), Content::Events).write(delivery);
            assert!(matches!(answer, Answer::Ok), "{answer:?}");
        }
        let (found, summary) = read_back(folder.path());
        assert_eq!(summary.failures(), Vec::<String>::new());
        assert_eq!(summary.rejected_examples, Vec::<String>::new());
        assert_same(&found, &events);
    }
}

#[test]
fn the_recorded_run_comes_back_with_the_same_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = recorded();
    for (first, part) in (0..).step_by(500).zip(events.chunks(500)) {
        assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), first, part.to_vec()), Answer::Ok));
    }
    let (found, summary) = read_back(folder.path());
    assert_same(&found, &events);
    // The view and the store count the same.
    let usage = summary.token_usage.by_model.iter().map(|model| {
        let usage = &model.usage;
        let cost = usage.cost_usd.map_or("-".to_owned(), |cost| format!("{cost:.6}"));
        format!(
            "{}|{}|{}|{}|{}|{}|{}|{cost}|{}",
            model.model_name,
            usage.calls,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.total_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
            usage.unpriced_calls
        )
    });
    let columns = "SELECT model_name, calls, prompt_tokens, completion_tokens, total_tokens, cached_tokens, reasoning_tokens, \
                   printf('%.6f', cost_usd), unpriced_calls FROM token_usage_by_model";
    let view: Vec<String> = rows(folder.path(), columns);
    assert_eq!(view, usage.collect::<Vec<_>>());
}

#[test]
fn samples_without_their_events_are_read_as_metrics_with_their_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let time = Timestamp::from_secs(1);
    let judged = Evaluation::new("Tone", 0.5, true).score_with_feedback("tone", 0.7, "terse");
    let events = vec![
        Event::new(time, judged),
        Event::new(time, Metric::new("model_usage:m", 1.0)),
        Event::new(time, Log::default()),
    ];
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Samples), 0, events), Answer::Ok));
    let labels: Metadata = [("evaluator_type", "Tone"), ("success", "true")].into_iter().collect();
    let mut with_feedback = labels.clone();
    with_feedback.insert("feedback", "terse");
    let expected = [
        Metric::with_metadata("evaluation_time", 0.5, labels),
        Metric::with_metadata("evaluation_score_tone", 0.7, with_feedback),
        Metric::new("model_usage:m", 1.0),
    ];
    assert_same(&read_back(folder.path()).0, &expected.map(|metric| Event::new(time, metric)));
}

#[test]
fn a_row_that_is_no_event_is_refused_and_costs_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let time = Timestamp::from_secs(1);
    let mut events: Vec<Event> = (0..8).map(|_| Event::new(time, Generation::new(1.0, true).with("a", 1))).collect();
    events.extend(numbers(0..4));
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 0, events), Answer::Ok));
    let connection = Connection::open(folder.path().join(NAME)).expect("a database");
    let spoilt = [
        ("duration = 'long'", "wrong_type"),
        ("duration = -1", "negative"),
        ("duration = 9e999", "non_finite"),
        ("success = 7", "wrong_type"),
        ("timestamp = 'yesterday'", "timestamp"),
        ("metadata = '{}, \"success\": false, \"x\": {}'", "invalid_json"),
        ("model_name = x'00ff'", "wrong_type"),
        ("error = CAST(x'ff' AS TEXT)", "invalid_utf8"),
    ];
    for (id, (change, _)) in (1..).zip(spoilt) {
        connection.execute_batch(&format!("UPDATE generations SET {change} WHERE id = {id}")).expect("SQL");
    }
    connection
        .execute_batch("UPDATE samples SET value = NULL WHERE id = 9; DELETE FROM samples WHERE id = 10")
        .expect("SQL");
    let (found, summary) = read_back(folder.path());
    assert_same(&found, &numbers(2..4));
    assert_eq!(summary.rejected, 9);
    let mut reasons: Vec<&str> = spoilt.iter().map(|(_, reason)| *reason).collect();
    reasons.push("missing_field");
    for (reason, count) in &summary.rejected_by_reason {
        assert_eq!(*count, reasons.iter().filter(|expected| *expected == reason).count() as u64, "{reason}");
    }
    assert!(summary.rejected_examples[0].contains("metrics.db:1: `duration` must be a number"), "{summary:?}");
}

#[test]
fn a_database_is_read_while_it_is_written_to_and_nothing_of_it_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink_of(folder.path(), Content::Events);
    assert!(matches!(write(&mut *sink, 0, numbers(0..3_000)), Answer::Ok));
    let other = Connection::open(folder.path().join(NAME)).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
    // Where rows were deleted, a long time ago.
    let (found, _) = read_back(folder.path());
    assert_same(&found, &numbers(0..3_000));
    other.execute_batch("DELETE FROM samples WHERE id BETWEEN 10 AND 2990; COMMIT").expect("SQL");
    assert!(matches!(write(&mut *sink, 3_000, numbers(3_000..3_001)), Answer::Ok));
    let (found, summary) = read_back(folder.path());
    assert_same(&found, &[numbers(0..9), numbers(2_990..3_001)].concat());
    assert_eq!(summary.failures(), Vec::<String>::new());
}

#[test]
fn a_database_where_nothing_can_be_made_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 0, numbers(0..5)), Answer::Ok));
    // Root may write anywhere: what is in the way of the index of the log is so for everybody.
    let path = folder.path().join("% of #1?");
    std::fs::create_dir_all(path.join("metrics.db-shm")).expect("a folder");
    std::fs::rename(folder.path().join(NAME), path.join(NAME)).expect("a file");
    let mut permissions = path.metadata().expect("a folder").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).expect("a folder of ours");
    let (found, summary) = read_back(&path);
    assert_same(&found, &numbers(0..5));
    assert_eq!(summary.failures(), Vec::<String>::new());
    #[expect(clippy::permissions_set_readonly_false, reason = "a folder of ours, which is to be removed")]
    {
        let mut permissions = path.metadata().expect("a folder").permissions();
        permissions.set_readonly(false);
        std::fs::set_permissions(&path, permissions).expect("a folder of ours");
    }
}

#[test]
fn what_is_no_database_of_ours_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(NAME);
    assert!(cannot_be_read(folder.path()).ends_with("metrics.db`: No such file or directory (os error 2)"));
    assert!(!path.exists());
    std::fs::create_dir(&path).expect("a folder");
    assert!(cannot_be_read(folder.path()).ends_with("`: it is a folder"));
    std::fs::remove_dir(&path).expect("a folder");
    std::fs::write(&path, "noise".repeat(1_000)).expect("a file");
    assert!(cannot_be_read(folder.path()).contains("not a database"));
    std::fs::write(&path, "").expect("a file");
    assert!(cannot_be_read(folder.path()).ends_with("there are no events in it: it has no tables"));
    Connection::open(&path).and_then(|db| db.execute_batch("CREATE TABLE users (name)")).expect("SQL");
    assert!(cannot_be_read(folder.path()).contains("another application (there is `users`)"));
}
