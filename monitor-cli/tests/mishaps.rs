//! What goes wrong around a running pipeline, and what people do to it: files that are moved, cut or taken away, databases that
//! refuse, sinks that cannot be had.
#![cfg(unix)]

mod support;

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use support::running::{
    DATABASE, EVENTS, SOURCE, append, audit, delivered, end, eventually, kill, lines, numbers, start, status,
};
use support::{Dir, Ended};

#[test]
fn a_file_that_was_truncated_and_has_grown_beyond_is_read_from_its_beginning() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}"));
    let child = start(&dir);
    append(&dir, &lines(0..10));
    delivered(&dir, "events", 10);
    // Within a poll, as by copytruncate while much comes.
    let mut file = std::fs::File::options().write(true).open(dir.path().join("app.jsonl")).expect("a file");
    file.set_len(0).expect("a file");
    file.write_all(lines(10..50).as_bytes()).expect("room");
    delivered(&dir, "events", 50);
    assert_eq!(end(child).code, Some(0));
    assert_eq!(numbers(&dir.read("monitoring/events.jsonl")), (0..50).collect::<Vec<_>>());
}

#[test]
fn an_output_that_is_rotated_or_removed_is_begun_anew() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{DATABASE}"));
    let child = start(&dir);
    append(&dir, &lines(0..100));
    delivered(&dir, "events", 100);
    delivered(&dir, "database", 100);
    let (file, database) = (dir.path().join("monitoring/events.jsonl"), dir.path().join("monitoring/metrics.db"));
    std::fs::rename(&file, dir.path().join("monitoring/events.1")).expect("a file");
    std::fs::remove_file(&database).expect("a file");
    append(&dir, &lines(100..200));
    delivered(&dir, "events", 200);
    delivered(&dir, "database", 200);
    // It goes on in the new ones after a kill, too.
    kill(child);
    append(&dir, &lines(200..300));
    let child = start(&dir);
    delivered(&dir, "events", 300);
    delivered(&dir, "database", 300);
    assert_eq!(end(child).code, Some(0));
    assert_eq!(numbers(&dir.read("monitoring/events.1")), (0..100).collect::<Vec<_>>());
    assert_eq!(numbers(&dir.read("monitoring/events.jsonl")), (100..300).collect::<Vec<_>>());
    let rows = "SELECT count(DISTINCT value) || ' of ' || count(*) || ' from ' || min(value) FROM metrics";
    let rows: String =
        Connection::open(database).and_then(|db| db.query_row(rows, [], |row| row.get(0))).expect("rows");
    assert_eq!(rows, "200 of 200 from 100.0");
    audit(&dir);
}

#[test]
fn a_row_that_the_table_does_not_take_is_a_dead_letter_and_the_others_are_there() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{DATABASE}"));
    append(&dir, &lines(0..10));
    let child = start(&dir);
    delivered(&dir, "database", 10);
    assert_eq!(end(child).code, Some(0));
    // Somebody has a mind of their own.
    let trigger =
        "CREATE TRIGGER mine BEFORE INSERT ON samples WHEN NEW.value = 50 BEGIN SELECT raise(ABORT, 'no fifties'); END";
    let database = Connection::open(dir.path().join("monitoring/metrics.db")).expect("a database");
    database.execute(trigger, []).expect("a trigger");
    append(&dir, &lines(10..60));
    let child = start(&dir);
    delivered(&dir, "database", 60);
    assert_eq!(end(child).code, Some(1), "not all of them have arrived");
    assert_eq!(database.query_row("SELECT count(*) FROM samples", [], |row| row.get(0)), Ok(59_i64));
    let letters = dir.read("monitoring/dead_letter/database.jsonl");
    assert!(letters.lines().count() == 1 && letters.contains("no fifties"), "{letters}");
    assert_eq!(status(&dir)["sinks"]["database"]["dead_letter"], 1);
    audit(&dir);
}

#[test]
fn what_a_full_spool_lets_go_of_is_lost_at_once_and_not_promised() {
    let dir = Dir::new();
    dir.write(
        "monitor.toml",
        format!("shutdown_timeout = \"1s\"\n[durability]\nquota = \"1 MiB\"\n{SOURCE}{EVENTS}{DATABASE}"),
    );
    append(&dir, &lines(0..1));
    let child = start(&dir);
    delivered(&dir, "database", 1);
    let database = Connection::open(dir.path().join("monitoring/metrics.db")).expect("a database");
    database.execute_batch("BEGIN EXCLUSIVE").expect("it is ours");
    let total = 120_000;
    for from in (1..total).step_by(10_000) {
        append(&dir, &lines(from..(from + 10_000).min(total)));
    }
    eventually("all are taken in", &dir, || status(&dir)["accepted"] == total);
    let books = status(&dir);
    let (sink, kept) = (&books["sinks"]["database"], books["kept"].as_u64().expect("a number"));
    assert!(kept < 60_000 && sink["pending"].as_u64() <= Some(kept), "{books:#}");
    let ended = end(child);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let summary: Value = serde_json::from_str(&ended.stdout).expect("a summary");
    let sink = summary["sinks"].as_array().expect("sinks").iter().find(|sink| sink["name"] == "database").expect("it");
    let (gone, pending) =
        (sink["lost"]["gone"].as_u64().expect("a number"), sink["pending"].as_u64().expect("a number"));
    assert!(gone > 60_000 && gone + pending == u64::from(total) - 1, "{sink:#}");
    audit(&dir);
    drop(database);
    // What was promised comes.
    let child = start(&dir);
    delivered(&dir, "database", total.into());
    end(child);
    let database = Connection::open(dir.path().join("monitoring/metrics.db")).expect("a database");
    assert_eq!(database.query_row("SELECT count(*) FROM metrics", [], |row| row.get(0)), Ok(1 + pending.cast_signed()));
    audit(&dir);
}

#[test]
fn what_is_rejected_is_kept_as_soon_as_it_is_counted() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}"));
    append(&dir, "no event\n");
    let child = start(&dir);
    eventually("it is counted", &dir, || status(&dir)["rejected"]["invalid_json"] == 1);
    kill(child);
    assert!(dir.read("monitoring/rejected.jsonl").contains("\"text\":\"no event\""));
}

#[test]
fn a_sink_that_need_not_be_there_does_not_stop_the_start() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{}required = false\n", EVENTS.replace("events", "extra")));
    let in_the_way = dir.path().join("monitoring/extra.jsonl");
    std::fs::create_dir_all(&in_the_way).expect("a folder");
    let child = start(&dir);
    append(&dir, &lines(0..10));
    delivered(&dir, "events", 10);
    std::fs::remove_dir(&in_the_way).expect("an empty folder");
    eventually("it is opened once it can be", &dir, || {
        append(&dir, &lines(10..11));
        in_the_way.is_file()
    });
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}

#[test]
fn a_run_has_failed_if_a_sink_has_for_good() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}[sinks.screen]\ntype = \"stdout\"\nformat = \"json\"\n"));
    append(&dir, &lines(0..10));
    let mut child = start(&dir);
    // Nobody reads any more.
    drop(child.stdout.take());
    delivered(&dir, "events", 10);
    std::thread::park_timeout(Duration::from_millis(300));
    let ended = end(child);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("sink `screen` has failed for good, 10 events wait"), "{}", ended.stderr);
}

fn reload(dir: &Dir, config: &str) -> Ended {
    dir.write("monitor.toml", config);
    dir.monitor(&["reload", "monitoring"])
}

#[test]
fn a_sink_with_another_file_gets_nothing_twice_whenever_it_is_killed() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}"));
    append(&dir, &lines(0..10));
    let child = start(&dir);
    delivered(&dir, "events", 10);
    let other = format!("{SOURCE}{}", EVENTS.replace("events.jsonl", "other.jsonl"));
    let reloaded = reload(&dir, &other);
    assert_eq!(reloaded.stdout, "sink `events` changed\n1 component goes on as it was\n");
    // Whoever is told so finds it so.
    append(&dir, &lines(10..20));
    let file = dir.path().join("monitoring/other.jsonl");
    let written = || std::fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == 10);
    // As soon as they are written, and perhaps before that is noted.
    let mut tries = 0;
    while !written() && tries < 20_000 {
        std::thread::park_timeout(Duration::from_micros(200));
        tries += 1;
    }
    kill(child);
    append(&dir, &lines(20..30));
    let child = start(&dir);
    delivered(&dir, "events", 30);
    assert_eq!(end(child).code, Some(0));
    assert_eq!(numbers(&dir.read("monitoring/events.jsonl")), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(&dir.read("monitoring/other.jsonl")), (10..30).collect::<Vec<_>>());
    audit(&dir);
}

#[test]
fn two_sinks_do_not_have_one_file_not_even_for_a_moment() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}"));
    append(&dir, &lines(0..10));
    let child = start(&dir);
    delivered(&dir, "events", 10);
    let renamed = reload(&dir, &format!("{SOURCE}{}", EVENTS.replace("sinks.events", "sinks.other")));
    assert_eq!(renamed.code, Some(78));
    assert!(
        renamed.stderr.contains("events.jsonl` is sink `events`'s until that has let go of it"),
        "{}",
        renamed.stderr
    );
    append(&dir, &lines(10..20));
    delivered(&dir, "events", 20);
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}

#[test]
fn a_pipe_is_not_taken_away_from_its_source() {
    let dir = Dir::new();
    let config = |name: &str| format!("[sources.{name}]\ntype = \"stdin\"\n{EVENTS}");
    dir.write("monitor.toml", config("pipe"));
    let mut child = dir
        .command(&["run"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(lines(0..10).as_bytes()).expect("it reads");
    delivered(&dir, "events", 10);
    let renamed = reload(&dir, &config("other"));
    assert_eq!(renamed.code, Some(78));
    assert!(renamed.stderr.contains("source `pipe` cannot be changed, renamed or taken out"), "{}", renamed.stderr);
    stdin.write_all(lines(10..20).as_bytes()).expect("it reads");
    drop(stdin);
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(numbers(&dir.read("monitoring/events.jsonl")), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_run_without_a_spool_says_what_that_means_where_there_is_one() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}"));
    append(&dir, &lines(0..10));
    let child = start(&dir);
    delivered(&dir, "events", 10);
    assert_eq!(end(child).code, Some(0));
    dir.write("monitor.toml", format!("[durability]\nlevel = \"L0\"\n{SOURCE}{EVENTS}"));
    let child = start(&dir);
    eventually("it runs", &dir, || status(&dir)["level"] == "L0");
    std::thread::park_timeout(Duration::from_millis(200));
    let said = end(child).stderr;
    assert!(said.contains("spool.db` is of a run that was safer than L0"), "{said}");
}

#[test]
fn a_database_that_somebody_has_locked_waits_alone_and_loses_nothing() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{DATABASE}"));
    append(&dir, &lines(0..10));
    let child = start(&dir);
    delivered(&dir, "database", 10);
    let database = Connection::open(dir.path().join("monitoring/metrics.db")).expect("a database");
    database.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
    append(&dir, &lines(10..5_000));
    delivered(&dir, "events", 5_000);
    assert_eq!(status(&dir)["sinks"]["database"]["pending"], 4_990);
    // It is tried again and again; how long does not matter.
    for _ in 0..seconds_locked() * 20 {
        std::thread::park_timeout(Duration::from_millis(50));
        append(&dir, "");
    }
    append(&dir, &lines(5_000..5_010));
    delivered(&dir, "events", 5_010);
    assert_eq!(status(&dir)["sinks"]["database"]["pending"], 5_000);
    database.execute_batch("COMMIT").expect("it is ours");
    delivered(&dir, "database", 5_010);
    assert_eq!(end(child).code, Some(0));
    let rows = "SELECT count(DISTINCT value) || ' of ' || count(*) FROM samples";
    assert_eq!(database.query_row(rows, [], |row| row.get(0)), Ok("5010 of 5010".to_owned()));
    audit(&dir);
}

/// For how long another process has the database; `MONITOR_TEST_LOCKED` has it longer.
fn seconds_locked() -> u64 {
    std::env::var("MONITOR_TEST_LOCKED").map_or(1, |text| text.parse().expect("a number"))
}

/// SQLite looks at what it has written only when it reads it again: what was in such a database is gone with it.
#[test]
fn a_database_that_somebody_overwrites_is_set_aside_by_the_next_start_and_holds_nobody_up() {
    let dir = Dir::new();
    dir.write("monitor.toml", format!("{SOURCE}{EVENTS}{DATABASE}"));
    append(&dir, &lines(0..1_000));
    let child = start(&dir);
    delivered(&dir, "database", 1_000);
    for name in ["metrics.db", "metrics.db-wal"] {
        let file = std::fs::File::options().write(true).open(dir.path().join("monitoring").join(name));
        let mut file = file.expect("it is there as long as it is written to");
        let length = file.metadata().expect("a file").len() as u32;
        let noise: Vec<u8> = (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        file.write_all(&noise).expect("room");
    }
    // One by one, so that it has every chance to write into the noise.
    for number in 1_000..1_100 {
        append(&dir, &lines(number..number + 1));
        delivered(&dir, "events", u64::from(number) + 1);
    }
    delivered(&dir, "database", 1_100);
    let ended = end(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    append(&dir, &lines(1_100..1_200));
    let child = start(&dir);
    delivered(&dir, "database", 1_200);
    let ended = end(child);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("metrics.db` is damaged"), "{}", ended.stderr);
    assert!(dir.path().join("monitoring/metrics.db.damaged-1").exists());
    let database = Connection::open(dir.path().join("monitoring/metrics.db")).expect("a database");
    let rows = "SELECT count(DISTINCT value) || ' of ' || count(*) || ' to ' || max(value) FROM samples";
    assert_eq!(database.query_row(rows, [], |row| row.get(0)), Ok("100 of 100 to 1199.0".to_owned()));
    assert_eq!(numbers(&dir.read("monitoring/events.jsonl")), (0..1_200).collect::<Vec<_>>());
    audit(&dir);
}
