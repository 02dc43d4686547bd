//! `kill -9` at random moments, in one folder that is never cleaned, while the log grows and is rotated.

use std::time::Duration;

use crate::daemon::Home;
use crate::feed::Feed;
use crate::oracle::{all_verdicts, assert_all};
use crate::random::Random;
use crate::times;

/// What is done about what a process has left.
const BRANCHES: [&str; 2] = ["bytes that an earlier process had written", "events already that were not noted"];

#[test]
fn whenever_it_is_killed_every_event_arrives_once() {
    let home = Home::new("L1");
    let mut feed = Feed::new(home.path());
    let mut random = Random::new();
    let kills = times("MONITOR_CHAOS_KILLS", 100);
    // So that kills fall on all of it, however quick the machine is: how long it takes from the start to the first delivery.
    feed.write(100);
    let began = std::time::Instant::now();
    home.run_until_delivered(feed.written());
    let delivery = began.elapsed().min(Duration::from_secs(1)).as_micros() as u64;
    let recovered = || BRANCHES.iter().all(|branch| home.log().contains(branch));
    for kill in 0.. {
        // A run in which nothing had to be recovered has shown nothing.
        if kill >= kills && recovered() {
            break;
        }
        assert!(kill < kills + 1_000, "one of these never happened: {BRANCHES:?}\n{}", home.log());
        let mut child = home.start();
        // Some are killed while they recover, before they have read anything new.
        let pauses = random.below(6);
        for _ in 0..pauses {
            feed.write(random.below(400));
            std::thread::sleep(Duration::from_micros(random.below(delivery / 8)));
            if random.below(20) == 0 {
                feed.rotate();
            }
        }
        // Some are killed in the middle of a line.
        let rest = feed.write_most(random.below(3), 30);
        std::thread::sleep(Duration::from_micros(random.below(delivery / 8)));
        assert_eq!(child.try_wait().expect("a child"), None, "it has ended by itself\n{}", home.log());
        child.kill().expect("a child");
        child.wait().expect("a child");
        feed.write_rest(&rest);
        // Also while nobody looks.
        if random.below(8) == 0 {
            feed.rotate();
            feed.write(random.below(50));
        }
        // What is there twice stays, so there is no need to wait for the end with that.
        if kill.is_power_of_two() {
            let verdicts = all_verdicts(&home, feed.written());
            let wrong = verdicts.iter().any(|verdict| !verdict.repeated.is_empty() || verdict.spurious > 0);
            assert!(!wrong, "after kill {kill}: {verdicts:?}");
        }
        // Who keeps old logs does not keep all of them.
        if kill % 100 == 99 {
            home.run_until_delivered(feed.written());
            feed.remove_old();
        }
        if kill % 4 == 3 {
            let (closes, said) = home.audit();
            assert!(closes || !home.data().join("spool.db").exists(), "{said}");
        }
    }
    feed.write(10);
    let status = home.run_until_delivered(feed.written());
    assert!(status.success(), "{status}\n{}", home.log());
    assert_all(&home, feed.written(), "after the last kill");
    let columns = std::fs::read_dir(home.data().join("columns")).expect("a folder").flatten();
    let names: Vec<String> = columns.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let complete = names.iter().all(|name| name.starts_with("ids-") && name.ends_with(".parquet"));
    assert!(complete && names.len() > 10, "{names:?}");
    let rotated = std::fs::read_dir(home.data().join("rotated")).expect("a folder").flatten();
    let packed = rotated.filter(|entry| entry.file_name().to_string_lossy().ends_with(".zst")).count();
    assert!(packed > 10, "only {packed} files were rotated and packed");
}
