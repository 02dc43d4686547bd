//! What the sink `sqlite` costs beside bare rusqlite: the same rows into the same schema in transactions of the same size, prepared
//! statements both, in turns. The bare one has its values at hand; the sink makes them of events, and notes how far it is.
//!
//! Only the ratio within one run counts. Aim: at most twice the time.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures time, and says so")]

use std::path::Path;
use std::time::{Duration, Instant};

use monitor_core::bus::{Batch, Draft, Durability};
use monitor_core::component::{Answer, Content, Context, Delivery, Dirs, Item, Resume, SinkConfig};
use monitor_core::event::KindSet;
use monitor_core::prices::Prices;
use monitor_core::read::LineParser;
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, Generation, Timestamp, Tokens, Zone};
use monitor_sinks::sqlite::Config;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Events a transaction.
const BATCH: usize = 1_000;
const NAME: &str = "metrics.db";

type Rows = Vec<Vec<Value>>;

fn main() {
    // `cargo test --bench` only wants to know that it runs.
    let (count, rounds) =
        if std::env::args().any(|argument| argument == "--bench") { (200_000, 9) } else { (2_000, 1) };
    let mut deriver = Deriver::new(&[]).with_prices(Some(Prices::built_in()));
    let events: Vec<Event> = (0..count).map(event).collect();
    let made: Vec<Batch> = (0..)
        .step_by(BATCH)
        .zip(events.chunks(BATCH))
        .map(|(first, events)| Draft::new(events.to_vec(), &mut deriver).numbered(first))
        .collect();
    let mut parser = LineParser::new(Zone::UTC);
    let lines: Vec<Batch> = (0..)
        .step_by(BATCH)
        .zip(events.chunks(BATCH))
        .map(|(first, events)| {
            let mut draft = Draft::default();
            for event in events {
                let line = serde_json::to_vec(event).expect("an event is JSON");
                draft.push_line(&line, Timestamp::MIN, &mut parser, &mut deriver).expect("a line of ours");
            }
            draft.numbered(first)
        })
        .collect();

    let folder = tempfile::tempdir().expect("a folder");
    sink(folder.path(), &made);
    let expected = rows(folder.path());
    assert_eq!(expected.len(), count);

    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..=rounds {
        // Lines whose events nobody has asked for yet.
        let lines = lines.clone();
        let runs: [&dyn Fn(&Path) -> Duration; 3] =
            [&|folder| bare(folder, &expected), &|folder| sink(folder, &made), &|folder| sink(folder, &lines)];
        // Each begins a round as often as the others.
        for at in (0..runs.len()).map(|at| (at + round) % runs.len()) {
            let (times, run) = (&mut times[at], runs[at]);
            let folder = tempfile::tempdir().expect("a folder");
            let time = run(folder.path());
            assert!(rows(folder.path()) == expected, "the same rows");
            // The first time is for warming up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let [bare, made, lines] = times.map(|mut times| {
        times.sort_unstable();
        times[rounds / 2]
    });
    println!("{count} generations, {BATCH} a transaction, medians of {rounds} rounds");
    for (name, time) in [("bare rusqlite", bare), ("sink, events", made), ("sink, lines", lines)] {
        let (micros, ratio) = (time.as_secs_f64() * 1e6 / count as f64, time.as_secs_f64() / bare.as_secs_f64());
        println!("{name:<16} {micros:6.2} µs a row   {ratio:5.2} × the time of bare rusqlite");
    }
}

fn event(at: usize) -> Event {
    const MODELS: [&str; 4] = ["gpt-4o", "gpt-4o-mini", "gemini-2.5-flash", "meta-llama/llama-3.3-70b-instruct:free"];
    let call = Generation::new(0.5 + (at % 997) as f64 / 100.0, !at.is_multiple_of(20))
        .model(MODELS[at % 4])
        .finish_reason(if at.is_multiple_of(7) { "length" } else { "stop" })
        .tokens(Tokens::of(400 + at as u64 % 800, 600 + at as u64 % 350))
        .with("operation", "answer_generation")
        .with("request_id", format!("req_{at:012}"))
        .with("attempt", at % 3);
    Event::new(Timestamp::from_micros(1_777_903_200_000_000 + 1_234 * at as i64), call)
}

fn sink(folder: &Path, batches: &[Batch]) -> Duration {
    let context = Context {
        name: "database".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L1,
    };
    let mut sink = Config { path: NAME.into() }.open(&context).expect("opens");
    sink.resume(&Resume { spool: 1, mark: None, clean: false }).expect("it is new");
    let began = Instant::now();
    for batch in batches {
        let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(batch, at)).collect();
        assert!(matches!(sink.write(&Delivery::new(&items)), Answer::Ok));
    }
    drop(sink);
    began.elapsed()
}

fn bare(folder: &Path, rows: &Rows) -> Duration {
    // The schema is the sink's.
    sink(folder, &[]);
    let mut connection = Connection::open(folder.join(NAME)).expect("a database");
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096")
        .expect("as the sink has it");
    let places = ["?"; 18].join(", ");
    let insert = format!("INSERT INTO generations VALUES ({places})");
    let began = Instant::now();
    for batch in rows.chunks(BATCH) {
        let transaction = connection.transaction().expect("nobody else is there");
        {
            let mut statement = transaction.prepare_cached(&insert).expect("SQL");
            for row in batch {
                statement.execute(params_from_iter(row)).expect("a row");
            }
        }
        transaction.commit().expect("room");
    }
    drop(connection);
    began.elapsed()
}

/// The rows as they are.
fn rows(folder: &Path) -> Rows {
    let connection = Connection::open(folder.join(NAME)).expect("a database");
    let mut statement = connection.prepare("SELECT * FROM generations ORDER BY id").expect("SQL");
    let rows = statement.query_map([], |row| (0..18).map(|at| row.get(at)).collect());
    rows.and_then(Iterator::collect).expect("rows")
}
