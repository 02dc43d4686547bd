//! What a database holds, read by SQLite; and what events and samples it is to hold, told by monitor-core.

mod given;
mod locked;
mod mishaps;
mod others;
mod reading;
mod sink;
mod views;

use std::path::Path;

use monitor_core::bus::{Batch, Draft, Durability};
use monitor_core::component::{Answer, Content, Context, Delivery, Dirs, Item, Sink, SinkConfig};
use monitor_core::event::KindSet;
use monitor_core::prices::Prices;
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, Metric, Timestamp, Zone};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::Config;

/// The name of the database in its folder.
const NAME: &str = "metrics.db";

fn context(folder: &Path, content: Content) -> Context {
    Context {
        name: "database".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L1,
    }
}

fn sink_of(folder: &Path, content: Content) -> Box<dyn Sink> {
    Config { path: NAME.into() }.open(&context(folder, content)).expect("opens")
}

/// Why a sink of this path cannot be opened.
fn refusal(folder: &Path, path: &str) -> String {
    let opened = Config { path: path.into() }.open(&context(folder, Content::Events));
    opened.err().expect("it cannot be opened").to_string()
}

fn batch(first: u64, events: Vec<Event>) -> Batch {
    let mut deriver = Deriver::new(&[]).with_prices(Some(Prices::built_in()));
    Draft::new(events, &mut deriver).numbered(first)
}

fn items(batch: &Batch) -> Vec<Item<'_>> {
    (0..batch.len()).map(|at| Item::new(batch, at)).collect()
}

fn write(sink: &mut dyn Sink, first: u64, events: Vec<Event>) -> Answer {
    sink.write(&Delivery::new(&items(&batch(first, events))))
}

fn numbers(values: std::ops::Range<u32>) -> Vec<Event> {
    values.map(|value| Event::new(Timestamp::from_secs(1), Metric::new("n", f64::from(value)))).collect()
}

/// The rows, as text.
fn rows(folder: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(folder.join(NAME)).expect("a database");
    let cell = |value| match value {
        Value::Null => "-".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    };
    cells(&connection, sql).into_iter().map(|row| row.into_iter().map(cell).collect::<Vec<_>>().join("|")).collect()
}

fn cells(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).expect("SQL");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
    rows.and_then(Iterator::collect).expect("rows")
}

/// The events of the recorded run.
fn recorded() -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run/afterimage.log.gz");
    let reader = monitor_core::read::open_recording(&path).expect("the recorded run");
    let mut parser = monitor_core::read::LineParser::new(Zone::UTC);
    std::io::BufRead::split(reader, b'\n')
        .map(|line| parser.parse(&line.expect("a line"), Timestamp::MIN).expect("an event").expect("no blank line"))
        .collect()
}
