//! Rows, and what a database knows of itself, read by SQLite.

use std::path::Path;

use monitor_core::component::{Answer, Content, Resume, Resumed, Sink};
use monitor_core::{Evaluation, Event, Generation, Level, Log, Metadata, Metric, Timestamp, Tokens};
use rusqlite::Connection;

use super::{NAME, numbers, rows, sink_of, write};

fn sink(folder: &Path) -> Box<dyn Sink> {
    sink_of(folder, Content::Events)
}

#[test]
fn a_row_an_event_with_its_fields_as_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path());
    let time = Timestamp::from_secs(1_777_903_200);
    let call = Generation::new(2.5, false).model("gpt-4o").tokens(Tokens::of(100, 200)).with("operation", "answer");
    let metadata: Metadata = [("a", 1)].into_iter().collect();
    let judged = Evaluation::new("Tone", 0.5, true).score("b", 0.7).score_with_feedback("a", 0.1, "terse");
    let events = vec![
        Event::new(time, call.clone()),
        Event::new(time, judged),
        Event::new(time, Metric::with_metadata("n", 7.0, metadata)),
        Event::new(time, Log::new(Level::Error, "down")),
        Event::new(time, call.model("nobody's")),
    ];
    assert!(matches!(write(&mut *sink, 0, events), Answer::Ok));
    let calls = "SELECT id, timestamp, duration, success, model_name, operation, finish_reason, total_token_count, cost_usd > 0, \
                 unpriced, metadata FROM generations";
    assert_eq!(
        rows(folder.path(), calls),
        [
            r#"1|2026-05-04T14:00:00.000000Z|2.5|0|gpt-4o|answer|-|300|1|-|{"operation":"answer"}"#,
            r#"5|2026-05-04T14:00:00.000000Z|2.5|0|nobody's|answer|-|300|-|1|{"operation":"answer"}"#,
        ]
    );
    assert_eq!(rows(folder.path(), "SELECT * FROM scores"), ["2|0|b|0.7|-", "2|1|a|0.1|terse"]);
    assert_eq!(rows(folder.path(), "SELECT id, metric, value, metadata FROM samples"), [r#"3|n|7.0|{"a":1}"#]);
    assert_eq!(rows(folder.path(), "SELECT id, level, message, metadata FROM logs"), ["4|error|down|-"]);
}

#[test]
fn with_samples_a_row_a_sample() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink_of(folder.path(), Content::Samples);
    let time = Timestamp::from_secs(1_777_903_200);
    let call = Generation::new(2.5, false).model("m").with("operation", "o");
    let events = vec![Event::new(time, call), Event::new(time, Log::default())];
    assert!(matches!(write(&mut *sink, 0, events), Answer::Ok));
    let samples = "SELECT metric, value, model_name, operation, success, metadata FROM samples";
    assert_eq!(
        rows(folder.path(), samples),
        [
            "generation_time|2.5|m|o|false|-",
            "success_rate|0.0|m|o|false|-",
            "error_rate|1.0|m|o|false|-",
            "model_usage:m|1.0|m|o|false|-"
        ]
    );
    assert_eq!(rows(folder.path(), "SELECT count(*) FROM logs"), ["0"]);
}

#[test]
fn an_event_that_a_table_refuses_leaves_no_row_and_the_others_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path());
    let refuses =
        "CREATE TRIGGER mine BEFORE INSERT ON scores WHEN NEW.value > 0.5 BEGIN SELECT raise(ABORT, 'too good'); END";
    Connection::open(folder.path().join(NAME)).and_then(|database| database.execute_batch(refuses)).expect("SQL");
    let judged =
        |score| Event::new(Timestamp::from_secs(1), Evaluation::new("E", 1.0, true).score("a", 0.1).score("b", score));
    let answer = write(&mut *sink, 0, vec![judged(0.2), judged(0.9), judged(0.3)]);
    let Answer::Rejected { indices, error } = answer else { panic!("{answer:?}") };
    assert_eq!((indices, error.to_string()), (vec![1], "too good".to_owned()));
    let left = "SELECT count(*), (SELECT group_concat(value) FROM scores) FROM evaluations";
    assert_eq!(rows(folder.path(), left), ["2|0.1,0.2,0.1,0.3"]);
}

#[test]
fn it_knows_what_it_has_and_which_database_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = {
        let mut sink = sink(folder.path());
        let resumed = sink.resume(&Resume { spool: 7, mark: None, clean: false }).expect("it can be read");
        assert_eq!(resumed, Resumed::AsNoted);
        assert!(matches!(write(&mut *sink, 10, numbers(0..5)), Answer::Ok));
        sink.mark()
    };
    let resume = |spool: u64, mark: Option<&[u8]>| {
        let resumed = sink(folder.path()).resume(&Resume { spool, mark, clean: true });
        resumed.map_err(|error| error.to_string())
    };
    assert_eq!(resume(7, mark.as_deref()), Ok(Resumed::At(15)));
    assert_eq!(resume(8, mark.as_deref()), Ok(Resumed::AsNoted), "numbers of another spool are other events");
    // Ours, and damaged, also after an end as it should be: set aside. A file of somebody else: not.
    std::fs::write(folder.path().join("metrics.db"), "noise".repeat(1_000)).expect("a file");
    let other = resume(7, Some(b"15 elsewhere/metrics.db"));
    assert!(other.as_ref().is_err_and(|error| error.contains("not a database")), "{other:?}");
    assert!(!folder.path().join("metrics.db.damaged-1").exists());
    assert_eq!(resume(7, mark.as_deref()), Ok(Resumed::AsNoted));
    assert!(folder.path().join("metrics.db.damaged-1").exists());
}

#[test]
fn a_file_that_is_moved_takes_all_of_its_rows_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path());
    assert!(matches!(write(&mut *sink, 0, numbers(0..100)), Answer::Ok));
    let moved = folder.path().join("old");
    std::fs::create_dir(&moved).expect("a folder");
    std::fs::rename(folder.path().join(NAME), moved.join(NAME)).expect("a file");
    assert!(matches!(write(&mut *sink, 100, numbers(100..150)), Answer::Ok));
    for (folder, expected) in [(moved.as_path(), "100|0.0"), (folder.path(), "50|100.0")] {
        assert_eq!(rows(folder, "SELECT count(*), min(value) FROM samples"), [expected]);
    }
}
