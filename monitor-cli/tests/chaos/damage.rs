//! Bits flip, files are cut short and filled with noise, at random places of every file in the data folder: the program
//! always starts, delivers what is new, and never says that all is well when it is not.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::daemon::{Home, terminate};
use crate::feed::Feed;
use crate::oracle::{Verdict, verdicts};
use crate::random::Random;
use crate::times;

const FILES: [&str; 11] = [
    "spool.db",
    "spool.db-wal",
    "spool.db-shm",
    "metrics.db",
    "metrics.db-wal",
    "metrics.db-shm",
    "events.jsonl",
    "alerts.jsonl",
    "dead_letter/events.jsonl",
    "snapshot.bin",
    "lock",
];
/// What stood in files before there was a spool; the sinks only add to it.
const BEFORE: [&str; 2] = ["alerts.jsonl", "dead_letter/events.jsonl"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Nothing,
    Flips,
    Cut,
    Noise,
}

#[test]
fn it_starts_whatever_has_become_of_its_files() {
    let mut random = Random::new();
    for round in 0..times("MONITOR_CHAOS_DAMAGES", 44) as usize {
        // Each file after a kill, and after an end as it should be.
        damage_one(FILES[round % FILES.len()], (round / FILES.len()).is_multiple_of(2), &mut random);
    }
}

fn damage_one(name: &str, killed: bool, random: &mut Random) {
    let home = Home::new("L1");
    for file in BEFORE.map(|file| home.data().join(file)) {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder of our own");
        std::fs::write(file, "{}\n".repeat(100)).expect("a file of our own");
    }
    let mut feed = Feed::new(home.path());
    feed.write(100);
    // Once to its end, for a snapshot; and killed, so that the write-ahead logs are there to be damaged, too.
    home.run_until_delivered(feed.written());
    feed.write(100);
    let mut child = home.start();
    wait(|| home.status().is_some_and(|books| books["accepted"].as_u64() >= Some(200)), || home.log());
    if killed {
        child.kill().expect("a child");
        child.wait().expect("a child");
    } else {
        assert!(terminate(&mut child).success(), "{}", home.log());
    }

    let path = home.data().join(name);
    let version = (name == "metrics.db").then(|| version_of(&path));
    let done = damage(&path, random);
    if let Some(version) = version {
        set_version(&path, &version);
    }
    let what = format!("`{name}` {done:?}, killed: {killed}");
    let left = BEFORE.map(|file| std::fs::read(home.data().join(file)).unwrap_or_default());
    let before = feed.written();
    feed.write(100);

    let mut child = home.start();
    let new = |verdict: &Verdict| verdict.missing.iter().all(|id| *id < before);
    let delivered = || {
        let [lines, rows] = verdicts(&home, feed.written());
        new(&lines) && new(&rows)
    };
    wait(
        || {
            assert_eq!(child.try_wait().expect("a child"), None, "{what}: it has ended by itself\n{}", home.log());
            delivered()
        },
        || format!("{what}: {:?}\n{}", verdicts(&home, feed.written()), home.log()),
    );
    // What is lost has made the run fail, and is said.
    let log = || home.log();
    assert!(matches!(terminate(&mut child).code(), Some(0 | 1)), "{what}\n{}", log());
    judge(name, done, &home, feed.written());
    // What nobody but us has written to is as we left it, but for a line that was cut short: that is ended.
    for (file, mut left) in BEFORE.into_iter().zip(left) {
        let now = std::fs::read(home.data().join(file)).unwrap_or_default();
        if now.len() > left.len() {
            left.push(b'\n');
        }
        assert!(now == left, "{what}: `{file}` has changed\n{}", log());
    }
    let (closes, said) = home.audit();
    assert!(closes, "{what}: {said}\n{}", log());
}

/// Whether what is wrong may be wrong, and was said.
fn judge(name: &str, done: Damage, home: &Home, offered: u64) {
    let [lines, rows] = verdicts(home, offered);
    let log = home.log();
    let says = |words: &[&str]| words.iter().any(|word| log.contains(word));
    let what = format!("`{name}` {done:?}: {lines:?} {rows:?}\n{log}");
    for (file, verdict) in [("events.jsonl", &lines), ("metrics.db", &rows)] {
        // A text has no checksum; and old rows of a database are not read again before somebody asks for them, who is told.
        if name == file && (done != Damage::Cut || name == "metrics.db") {
            continue;
        }
        let cut_line = u64::from(file == "events.jsonl" && name == file);
        assert!(verdict.spurious == 0 && verdict.corrupted <= cut_line, "{what}");
        if !verdict.missing.is_empty() || !verdict.repeated.is_empty() {
            assert!(says(&["damaged", "older copy", "shorter"]), "{what}");
        }
    }
    if name == "snapshot.bin" && done != Damage::Nothing {
        assert!(says(&["failed to read the snapshot"]), "{what}");
    }
    if name == "alerts.jsonl" && done == Damage::Cut {
        assert!(says(&["shorter"]), "{what}");
    }
}

/// A spool that is damaged is copied, as far as it goes; a process that is killed meanwhile leaves that to the next one.
#[cfg(feature = "real-components")]
#[test]
fn a_copy_of_a_damaged_spool_that_is_killed_is_made_anew() {
    use std::os::unix::fs::FileExt;

    use crate::oracle::assert_all;
    use crate::syscalls::kill_at;

    for (call, step) in
        [("/^rename", 1), ("fsync", 2), ("ftruncate", 2), ("/^unlink", 1), ("pwrite64", 8), ("openat", 8)]
    {
        let mut killed = 0;
        for at in (1..).step_by(times("MONITOR_CHAOS_STEP", step) as usize) {
            let home = Home::new("L2");
            let mut feed = Feed::new(home.path());
            feed.write(100);
            home.run_until_delivered(feed.written());
            // A version that nobody knows: all the rest is there to be copied.
            let spool = std::fs::File::options().write(true).open(home.data().join("spool.db")).expect("the spool");
            spool.write_all_at(&99_u32.to_be_bytes(), 60).expect("a file of our own");
            feed.write(50);
            if !kill_at(&home, call, at) {
                break;
            }
            killed += 1;
            home.run_until_delivered(feed.written());
            let what = format!("{call} {at}");
            assert_all(&home, feed.written(), &what);
            assert!(home.log().contains("damaged"), "{what}: nothing was said\n{}", home.log());
            // From there the start is like any other.
            if call == "openat" && at > 100 {
                break;
            }
        }
        println!("killed before `{call}` of a copy: {killed} times");
        assert!(killed > 0, "`{call}` was never made");
    }
}

fn wait(mut holds: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", otherwise());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where a database says of which version its tables are: one of a newer version is left alone, so that is not damaged.
const VERSION: std::ops::Range<usize> = 60..64;

fn version_of(database: &Path) -> Vec<u8> {
    let bytes = std::fs::read(database).expect("a file of our own");
    bytes[VERSION].to_vec()
}

fn set_version(database: &Path, version: &[u8]) {
    let mut bytes = std::fs::read(database).expect("a file of our own");
    if let Some(place) = bytes.get_mut(VERSION) {
        place.copy_from_slice(version);
        std::fs::write(database, bytes).expect("a file of our own");
    }
}

fn damage(path: &Path, random: &mut Random) -> Damage {
    let Ok(mut bytes) = std::fs::read(path) else { return Damage::Nothing };
    let (before, length) = (bytes.clone(), bytes.len() as u64);
    let done = match random.below(3) {
        0 => {
            for _ in 0..=random.below(20) {
                if let Some(byte) = bytes.get_mut(random.below(length) as usize) {
                    *byte ^= 1 << random.below(8);
                }
            }
            Damage::Flips
        }
        1 => {
            bytes.truncate(random.below(length + 1) as usize);
            Damage::Cut
        }
        _ => {
            let from = random.below(length + 1) as usize;
            let to = (from + random.below(8_192) as usize).min(bytes.len());
            bytes[from..to].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            Damage::Noise
        }
    };
    if bytes == before {
        return Damage::Nothing;
    }
    std::fs::write(path, bytes).expect("a file of our own");
    done
}
