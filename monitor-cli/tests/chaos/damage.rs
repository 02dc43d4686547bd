//! Bits flip, files are cut short and filled with noise, at random places of every file in the data folder: the program
//! always starts, delivers what is new, and never says that all is well when it is not.

use std::path::Path;

use crate::daemon::{Home, terminate};
use crate::feed::Feed;
use crate::oracle::Verdict;
use crate::random::Random;
use crate::times;

#[test]
fn it_starts_whatever_has_become_of_its_files() {
    let mut random = Random::new();
    for _ in 0..times("MONITOR_CHAOS_DAMAGES", 40) {
        let home = Home::new("L1");
        let mut feed = Feed::new(home.path());
        feed.write(200);
        // Killed, so that the write-ahead log is there to be damaged, too.
        let mut child = home.start();
        while home.status().is_none_or(|books| books["accepted"].as_u64() < Some(200)) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().expect("a child");
        child.wait().expect("a child");
        let names = ["spool.db", "spool.db-wal", "spool.db-shm", "lock"];
        let name = names[random.below(names.len() as u64) as usize];
        damage(&home.data().join(name), &mut random);
        let before = feed.written();
        feed.write(100);
        let mut child = home.start();
        let began = std::time::Instant::now();
        let new = |verdict: &Verdict| verdict.missing.iter().all(|id| *id < before);
        loop {
            let (lines, rows) = verdicts(&home, feed.written());
            if new(&lines) && new(&rows) {
                break;
            }
            if let Some(status) = child.try_wait().expect("a child") {
                panic!("`{name}`: the program ended by itself: {status}\n{}", home.log());
            }
            assert!(began.elapsed().as_secs() < 20, "`{name}`: {lines:?} {rows:?}\n{}", home.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // What is lost has made the run fail, and is said.
        assert!(matches!(terminate(&mut child).code(), Some(0 | 1)), "`{name}`\n{}", home.log());
        let (lines, rows) = verdicts(&home, feed.written());
        for verdict in [&lines, &rows] {
            assert_eq!((verdict.spurious, verdict.corrupted), (0, 0), "`{name}`: {verdict:?}");
            if !verdict.missing.is_empty() || !verdict.repeated.is_empty() {
                let log = home.log();
                assert!(log.contains("damaged") || log.contains("older copy"), "`{name}`: {verdict:?}\n{log}");
            }
        }
        let (closes, said) = home.audit();
        assert!(closes, "`{name}`: {said}\n{}", home.log());
    }
}

fn verdicts(home: &Home, offered: u64) -> (Verdict, Verdict) {
    let lines = Verdict::of_lines(&home.data().join("events.jsonl"), offered);
    (lines, Verdict::of_database(&home.data().join("metrics.db"), offered))
}

fn damage(path: &Path, random: &mut Random) {
    let Ok(mut bytes) = std::fs::read(path) else { return };
    let length = bytes.len() as u64;
    match random.below(3) {
        0 => {
            for _ in 0..=random.below(20) {
                if let Some(byte) = bytes.get_mut(random.below(length) as usize) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
        1 => bytes.truncate(random.below(length + 1) as usize),
        _ => {
            let from = random.below(length + 1) as usize;
            let to = (from + random.below(8_192) as usize).min(bytes.len());
            bytes[from..to].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        }
    }
    std::fs::write(path, bytes).expect("a file of our own");
}
