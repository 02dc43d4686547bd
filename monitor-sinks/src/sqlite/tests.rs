//! Rows, and what a database knows of itself, read by SQLite.

use monitor_core::bus::{Batch, Draft};
use monitor_core::component::Dirs;
use monitor_core::event::KindSet;
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Evaluation, Event, Generation, Log, Metadata, Metric, Tokens, Zone};

use super::*;

fn sink(folder: &Path) -> Box<dyn Sink> {
    let context = Context {
        name: "database".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content: Content::Samples,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L1,
    };
    Config { path: "metrics.db".into() }.open(&context).expect("opens")
}

fn write(sink: &mut dyn Sink, first: u64, events: Vec<Event>) -> Answer {
    let batch: Batch = Draft::new(events, &mut Deriver::new(&[])).numbered(first);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    sink.write(&Delivery::new(&items))
}

fn numbers(values: std::ops::Range<u32>) -> Vec<Event> {
    values.map(|value| Event::new(Timestamp::from_secs(1), Metric::new("n", f64::from(value)))).collect()
}

/// The rows, as text.
fn rows(folder: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(folder.join("metrics.db")).expect("a database");
    let mut statement = connection.prepare(sql).expect("SQL");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cell = |at| row.get::<_, rusqlite::types::Value>(at);
        let cells = (0..columns).map(|at| cell(at).map(|value| format!("{value:?}"))).collect::<Result<Vec<_>, _>>();
        Ok(cells?.join(" "))
    });
    rows.and_then(Iterator::collect).expect("rows")
}

#[test]
fn a_row_a_sample_with_labels_as_columns_and_attributes_of_metrics_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = sink(folder.path());
    let time = Timestamp::from_secs(1_777_903_200);
    let call =
        Generation::new(2.5, false).model("m").tokens(Tokens::of(1, 2)).with("operation", "o'; DROP TABLE metrics");
    let metadata: Metadata = [("a", 1)].into_iter().collect();
    let events = vec![
        Event::new(time, call),
        Event::new(time, Evaluation::new("Tone", 0.5, true).score("tone", 0.7)),
        Event::new(time, Metric::with_metadata("n", 7.0, metadata)),
        Event::new(time, Log::default()),
    ];
    assert!(matches!(write(&mut *sink, 0, events), Answer::Ok));
    let count = rows(folder.path(), "SELECT count(*) FROM metrics");
    // Seven of the call (no finish reason), two of the evaluation, the metric; none of the log.
    assert_eq!(count, ["Integer(10)"]);
    let call = rows(
        folder.path(),
        "SELECT timestamp, value, model_name, operation, success, metadata FROM metrics WHERE metric = 'generation_time'",
    );
    let expected =
        r#"Text("2026-05-04T14:00:00.000000Z") Real(2.5) Text("m") Text("o'; DROP TABLE metrics") Text("false") Null"#;
    assert_eq!(call, [expected]);
    let metric = rows(folder.path(), "SELECT metric, value, metadata FROM metrics WHERE metric = 'n'");
    assert_eq!(metric, [r#"Text("n") Real(7.0) Text("{\"a\":1}")"#]);
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
