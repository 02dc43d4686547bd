//! Databases that were there before: older ones, newer ones, and those of somebody else.

use std::path::Path;

use monitor_core::bus::Durability;
use monitor_core::component::{Answer, Content, Resume, Resumed, SinkConfig};
use monitor_core::event::{Alert, AlertState, Level};
use monitor_core::sample::Labels;
use monitor_core::{Event, Timestamp};
use rusqlite::Connection;

use super::{Config, NAME, context, numbers, refusal, rows, sink_of, write};
use crate::sqlite::{APPLICATION_ID, VERSION, schema};

fn make(folder: &Path, sql: &str) {
    Connection::open(folder.join(NAME)).and_then(|database| database.execute_batch(sql)).expect("SQL");
}

/// Every file of a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.expect("a file").path();
        (path.display().to_string(), std::fs::read(path).expect("a file"))
    };
    let mut files: Vec<_> = folder.read_dir().expect("a folder").map(file).collect();
    files.sort();
    files
}

/// As the first version made it.
const UNVERSIONED: &str = "
    PRAGMA journal_mode = wal;
    CREATE TABLE metrics (timestamp TEXT NOT NULL, metric TEXT NOT NULL, value REAL NOT NULL, model_name TEXT, operation TEXT,
        evaluator_type TEXT, success TEXT, finish_reason TEXT, error_type TEXT, metadata TEXT);
    CREATE TABLE monitor_cursor (spool INTEGER NOT NULL, sink TEXT NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (spool, sink))
        WITHOUT ROWID;
    INSERT INTO metrics VALUES
        ('2026-05-04T14:00:00.000000Z', 'generation_time', 2.5, 'm', 'op', NULL, 'true', 'stop', NULL, NULL),
        ('2026-05-04T14:00:01.000000Z', 'n', 7, NULL, NULL, NULL, NULL, NULL, NULL, '{\"a\":1}');
    INSERT INTO monitor_cursor VALUES (7, 'database', 42);
";

#[test]
fn one_from_before_there_were_versions_goes_on_with_its_rows_and_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path(), UNVERSIONED);
    let before = rows(folder.path(), "SELECT * FROM metrics");
    let mut sink = sink_of(folder.path(), Content::Events);
    let resumed = sink.resume(&Resume { spool: 7, mark: None, clean: false }).expect("it can be read");
    assert_eq!(resumed, Resumed::At(42));
    assert!(matches!(write(&mut *sink, 42, numbers(0..1)), Answer::Ok));
    let columns = "SELECT timestamp, metric, value, model_name, operation, evaluator_type, success, finish_reason, error_type, \
                   metadata FROM metrics ORDER BY id";
    let after = rows(folder.path(), columns);
    assert_eq!(after[..2], before);
    assert_eq!(after.len(), 3);
    let pragmas = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version";
    assert_eq!(rows(folder.path(), pragmas), [format!("{APPLICATION_ID}|{VERSION}")]);
    // Once.
    drop(sink);
    drop(sink_of(folder.path(), Content::Events));
    assert_eq!(rows(folder.path(), columns), after);
}

/// What version 1 had not.
const TO_1: &str = "
    ALTER TABLE alerts DROP COLUMN annotations;
    ALTER TABLE alerts DROP COLUMN repeat;
    ALTER TABLE alerts DROP COLUMN chart;
    PRAGMA user_version = 1;
";

#[test]
fn one_of_version_1_gets_the_new_columns_and_is_read_without_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let alert = |repeat| alert("k-1", repeat);
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 0, vec![alert(0)]), Answer::Ok));
    make(folder.path(), TO_1);
    let file = || std::fs::read(folder.path().join(NAME)).expect("a file");
    let before = file();
    let old = schema::open_reader(&folder.path().join(NAME)).expect("a database");
    let read = old.query_row("SELECT key, annotations, repeat, chart FROM alerts", [], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, Option<String>>(3)?,
        ))
    });
    assert_eq!(read.expect("a row"), ("k-1".to_owned(), "{}".to_owned(), 0, None));
    drop(old);
    assert!(file() == before, "reading changes nothing");
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 1, vec![alert(2)]), Answer::Ok));
    assert_eq!(
        rows(folder.path(), "SELECT key, annotations, repeat, chart FROM alerts ORDER BY id"),
        ["k-1|{}|0|-", r#"k-1|{"runbook":"http://x"}|2|a.png"#]
    );
    assert_eq!(rows(folder.path(), "PRAGMA user_version"), [VERSION.to_string()]);
}

fn alert(key: &str, repeat: u64) -> Event {
    let alert = Alert {
        name: "n".into(),
        state: AlertState::Firing,
        level: Level::Error,
        message: "m".into(),
        labels: Labels::NONE,
        annotations: [("runbook", "http://x")].into_iter().collect(),
        value: None,
        data: None,
        since: Timestamp::from_secs(1),
        key: key.into(),
        repeat,
        chart: Some("a.png".into()),
    };
    Event::new(Timestamp::from_secs(1), alert)
}

#[test]
fn one_of_a_newer_version_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(sink_of(folder.path(), Content::Events));
    make(folder.path(), "PRAGMA user_version = 9");
    let before = files(folder.path());
    let error = refusal(folder.path(), NAME);
    let expected = "metrics.db`: its tables have version 9, and this program knows versions up to 2: use the program that made \
                    it, or choose another `path`";
    assert!(error.ends_with(expected), "{error}");
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_log_that_somebody_has_left_is_left_to_them() {
    let ended = tempfile::tempdir().expect("a folder");
    make(ended.path(), "PRAGMA journal_mode = wal");
    let running = Connection::open(ended.path().join(NAME)).expect("a database");
    running.execute_batch("CREATE TABLE users (name); INSERT INTO users VALUES ('a')").expect("SQL");
    // What a process leaves that is killed.
    let folder = tempfile::tempdir().expect("a folder");
    for file in [NAME, "metrics.db-wal"] {
        std::fs::copy(ended.path().join(file), folder.path().join(file)).expect("a file");
    }
    let before = files(folder.path());
    assert!(before[1].1.len() > 4_096);
    assert!(refusal(folder.path(), NAME).contains("`users`"));
    let mut after = files(folder.path());
    after.retain(|(name, _)| !name.ends_with("-shm"));
    assert_eq!(after, before, "the index of a log may be made anew at any time");
}

#[test]
fn one_of_another_application_is_refused_and_not_touched() {
    for sql in [
        "CREATE TABLE users (name); INSERT INTO users VALUES ('a')",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 3; CREATE TABLE t (x)",
        // A table of our name is not ours.
        "CREATE TABLE metrics (timestamp, metric, value)",
        "PRAGMA journal_mode = wal; CREATE TABLE users (name)",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path(), sql);
        let before = files(folder.path());
        let error = refusal(folder.path(), NAME);
        assert!(error.contains("it belongs to another application"), "{sql}: {error}");
        assert_eq!(files(folder.path()), before, "{sql}");
    }
}

#[test]
fn one_that_was_put_in_the_place_of_ours_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink_of(folder.path(), Content::Events);
    let resume = Resume { spool: 7, mark: None, clean: false };
    assert_eq!(sink.resume(&resume).expect("it can be read"), Resumed::AsNoted);
    assert!(matches!(write(&mut *sink, 0, numbers(0..3)), Answer::Ok));
    let mark = sink.mark();
    let (ours, elsewhere) = (folder.path().join(NAME), folder.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).expect("a folder");
    make(&elsewhere, "CREATE TABLE users (name)");
    let theirs = std::fs::read(elsewhere.join(NAME)).expect("a file");
    std::fs::rename(&ours, elsewhere.join("ours.db")).expect("a file");
    std::fs::write(&ours, &theirs).expect("a file");
    for _ in 0..3 {
        let answer = write(&mut *sink, 3, numbers(3..4));
        assert!(matches!(&answer, Answer::Retry { error, .. } if error.to_string().contains("`users`")), "{answer:?}");
    }
    // Nor by the next process, which knows that there was one of ours.
    let error = refusal(folder.path(), NAME);
    assert!(error.contains("`users`"), "{error}");
    assert_eq!(std::fs::read(&ours).expect("a file"), theirs);
    assert!(!folder.path().join("metrics.db.damaged-1").exists());
    // Ours goes on when it is back.
    std::fs::rename(elsewhere.join("ours.db"), &ours).expect("a file");
    let mut sink = sink_of(folder.path(), Content::Events);
    let resumed = sink.resume(&Resume { spool: 7, mark: mark.as_deref(), clean: false }).expect("it can be read");
    assert_eq!(resumed, Resumed::At(3));
}

#[test]
fn what_a_person_adds_to_ours_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(sink_of(folder.path(), Content::Events));
    make(
        folder.path(),
        "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine'); ALTER TABLE logs ADD COLUMN seen",
    );
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 0, numbers(0..1)), Answer::Ok));
    assert_eq!(rows(folder.path(), "SELECT text FROM notes"), ["mine"]);
}

#[test]
fn one_of_ours_whose_tables_cannot_be_written_to_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = {
        let mut sink = sink_of(folder.path(), Content::Events);
        sink.resume(&Resume { spool: 7, mark: None, clean: false }).expect("it can be read");
        assert!(matches!(write(&mut *sink, 0, numbers(0..3)), Answer::Ok));
        sink.mark()
    };
    make(folder.path(), "ALTER TABLE samples RENAME COLUMN value TO other");
    // Without a spool nobody knows whether it was ours.
    let context =
        monitor_core::component::Context { durability: Durability::L0, ..context(folder.path(), Content::Events) };
    let error = Config { path: NAME.into() }.open(&context).err().expect("it cannot be opened").to_string();
    assert!(error.contains("its tables are not as they were: "), "{error}");
    let mut sink = sink_of(folder.path(), Content::Events);
    let resumed = sink.resume(&Resume { spool: 7, mark: mark.as_deref(), clean: false }).expect("a new one goes on");
    assert_eq!(resumed, Resumed::AsNoted);
    assert!(folder.path().join("metrics.db.damaged-1").exists());
    assert!(matches!(write(&mut *sink, 0, numbers(0..3)), Answer::Ok));
    assert_eq!(rows(folder.path(), "SELECT count(*) FROM samples"), ["3"]);
}

#[test]
fn one_that_has_the_id_behind_the_last_is_damaged_and_costs_no_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink_of(folder.path(), Content::Events);
    sink.resume(&Resume { spool: 7, mark: None, clean: false }).expect("it can be read");
    assert!(matches!(write(&mut *sink, 0, numbers(0..3)), Answer::Ok));
    // As if a page of the tree of ids were another one.
    make(
        folder.path(),
        "CREATE TRIGGER known BEFORE INSERT ON samples BEGIN
             INSERT INTO samples (id, timestamp, metric, value) SELECT NEW.id, timestamp, metric, value FROM samples LIMIT 1;
         END",
    );
    // A read that failed for once would look the same.
    assert!(matches!(write(&mut *sink, 3, numbers(3..5)), Answer::Retry { accepted: 0, .. }));
    assert!(!folder.path().join("metrics.db.damaged-1").exists());
    assert!(matches!(write(&mut *sink, 3, numbers(3..5)), Answer::Retry { accepted: 0, .. }));
    assert!(folder.path().join("metrics.db.damaged-1").exists());
    assert!(matches!(write(&mut *sink, 3, numbers(3..5)), Answer::Ok));
    assert_eq!(rows(folder.path(), "SELECT count(*) FROM samples"), ["2"]);
}
