//! Names that do harm elsewhere, numbers that are too large, and places where there can be no database.

use std::path::Path;

use monitor_core::bus::Durability;
use monitor_core::component::{Answer, Content, Validate};
use monitor_core::{Event, Generation, Metric, Timestamp, Tokens};

use super::given::ODD;
use super::{Config, NAME, numbers, refusal, rows, sink_of, write};
use crate::new_file::Exists;
use crate::sqlite::schema;
use crate::sqlite::write::Database;

#[test]
fn odd_names_are_only_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let time = Timestamp::from_secs(1);
    let long = "x".repeat(10_000);
    let names: Vec<&str> = ODD.iter().copied().chain([long.as_str()]).collect();
    let call = |name: &&str| Event::new(time, Generation::new(1.0, true).model(*name).with("operation", *name));
    let metric =
        |name: &&str| Event::new(time, Metric::with_metadata(*name, 1.0, [(*name, *name)].into_iter().collect()));
    let events = names.iter().map(call).chain(names.iter().map(metric)).collect();
    assert!(matches!(write(&mut *sink_of(folder.path(), Content::Events), 0, events), Answer::Ok));
    let stored = rows(folder.path(), "SELECT model_name FROM generations WHERE model_name = operation ORDER BY id");
    assert_eq!(stored, names);
    assert_eq!(rows(folder.path(), "SELECT metric FROM samples ORDER BY id"), names);
    assert_eq!(
        rows(folder.path(), "SELECT count(DISTINCT metric) FROM metrics WHERE metric LIKE 'model_usage:%'"),
        ["11"]
    );
    let beside: Vec<_> =
        folder.path().read_dir().expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    assert_eq!(beside, [NAME], "the log goes with the last connection");
}

#[test]
fn a_count_that_no_integer_holds_is_a_dead_letter_and_the_others_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = |total| {
        let tokens = Tokens { total: Some(total), ..Tokens::default() };
        Event::new(Timestamp::from_secs(1), Generation::new(1.0, true).tokens(tokens))
    };
    let answer = write(&mut *sink_of(folder.path(), Content::Events), 0, vec![call(1), call(u64::MAX), call(3)]);
    let Answer::Rejected { indices, error } = answer else { panic!("{answer:?}") };
    assert_eq!((indices, error.to_string().contains("`total_token_count` is too large")), (vec![1], true));
    assert_eq!(rows(folder.path(), "SELECT total_token_count FROM generations"), ["1", "3"]);
}

#[test]
fn a_place_where_there_can_be_no_database_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("taken")).expect("a folder");
    assert!(refusal(folder.path(), "taken").ends_with("taken`: it is a folder"));
    let taken =
        Database::create(&folder.path().join("taken"), Exists::Replaced).expect_err("it is a folder").to_string();
    assert!(taken.ends_with("taken`: is a directory"), "{taken}");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let below = refusal(folder.path(), "file/metrics.db");
    assert!(below.contains("file`: File exists") || below.contains("Not a directory"), "{below}");
    assert!(Database::create(&folder.path().join("file/run.db"), Exists::Kept).is_err());
    for (path, expected) in
        [("", "must name a file"), ("folder/", "must name a file"), ("a\0b", "must not contain a NUL")]
    {
        let fault = Config { path: path.into() }.validate().expect_err("no name of a file");
        assert!(format!("{fault:?}").contains(expected), "{fault:?}");
    }
}

/// A folder where not even root can make a file.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_can_only_be_read_is_said() {
    let error = refusal(Path::new("/proc/self"), NAME);
    assert!(error.starts_with("`/proc/self/metrics.db`: unable to open database file"), "{error}");
    assert!(Database::create(Path::new("/proc/self/run.db"), Exists::Kept).is_err());
}

#[test]
fn a_database_that_is_not_finished_leaves_nothing_and_the_old_one_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(NAME);
    std::fs::write(&path, "what was there").expect("a file");
    assert!(Database::create(&path, Exists::Kept).is_err());
    drop(Database::create(&path, Exists::Replaced).expect("it can be made"));
    let names: Vec<_> =
        folder.path().read_dir().expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    assert_eq!((names.len(), std::fs::read(&path).expect("a file")), (1, b"what was there".to_vec()));
    Database::create(&path, Exists::Replaced).and_then(Database::finish).expect("it can be made");
    assert_eq!(rows(folder.path(), "SELECT count(*) FROM metrics"), ["0"]);
    assert_eq!(rows(folder.path(), "PRAGMA journal_mode"), ["delete"]);
}

#[test]
fn whatever_is_left_of_one_that_was_cut_short_is_damaged_or_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut kept = sink_of(folder.path(), Content::Events);
    assert!(matches!(write(&mut *kept, 0, numbers(0..100)), Answer::Ok));
    drop(kept);
    // With a log, and with the index of one, as a process that is killed leaves them.
    let mut kept = sink_of(folder.path(), Content::Events);
    assert!(matches!(write(&mut *kept, 100, numbers(100..200)), Answer::Ok));
    let of = |ending: &str| std::fs::read(folder.path().join(format!("{NAME}{ending}"))).expect("a file");
    let [database, log, index] = ["", "-wal", "-shm"].map(of);
    drop(kept);
    let (mut damaged, mut whole) = (0, 0);
    for length in (0..200).chain((200..database.len()).step_by(331)).chain([database.len()]) {
        let other = tempfile::tempdir().expect("a folder");
        let path = other.path().join(NAME);
        std::fs::write(&path, &database[..length]).expect("a file of our own");
        for (ending, bytes) in [("-wal", &log), ("-shm", &index)] {
            std::fs::write(other.path().join(format!("{NAME}{ending}")), bytes).expect("a file of our own");
        }
        match schema::open(&path, Durability::L1) {
            Ok(_) => whole += 1,
            Err(error) if error.is_damage() => damaged += 1,
            Err(error) => panic!("{length} bytes of {}: {error:?}", database.len()),
        }
    }
    assert!(damaged > 200 && whole > 0, "{damaged} damaged, {whole} whole");
}
