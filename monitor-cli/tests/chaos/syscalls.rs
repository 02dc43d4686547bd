//! `kill -9` before each call that changes a file, one after the other, and calls that fail, by `strace`.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::{Home, kill_group};
use crate::feed::Feed;
use crate::oracle::assert_all;
use crate::times;

/// The calls that change files, or open them, with the level at which they are made; a slash begins a pattern. Of those that
/// are many every so manieth is killed, unless `MONITOR_CHAOS_STEP` says otherwise.
const CALLS: [(&str, &str, u32); 8] = [
    ("write", "L1", 1),
    ("pwrite64", "L1", 2),
    ("ftruncate", "L1", 1),
    ("/^unlink", "L1", 1),
    ("/^rename", "L1", 1),
    ("openat", "L1", 8),
    ("fsync", "L2", 1),
    ("fdatasync", "L2", 1),
];
/// The same of those that come before the first event; the spool gets its name only there.
const CALLS_AT_FIRST: [(&str, u32); 7] =
    [("write", 1), ("pwrite64", 5), ("ftruncate", 1), ("/^unlink", 1), ("openat", 12), ("fsync", 2), ("/^rename", 1)];

/// The calls that are made to fail alone, as above.
const FAILING_CALLS: [(&str, &str, u32); 10] = [
    ("read", "L1", 4),
    ("pread64", "L1", 8),
    ("write", "L1", 2),
    ("pwrite64", "L1", 4),
    ("ftruncate", "L1", 2),
    ("/^unlink", "L1", 1),
    ("openat", "L1", 6),
    ("/^rename", "L1", 1),
    ("fsync", "L2", 3),
    ("fdatasync", "L2", 3),
];

/// Runs the program until it is killed before a thread makes this call for the time `at`. Tells whether it came to that: a
/// call that does not come soon does not come any more.
pub(crate) fn kill_at(home: &Home, call: &str, at: u64) -> bool {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={at}"));
    let mut child = home.traced(&["-o", "/dev/null", "-e", &trace, "-e", &inject]).spawn().expect("strace");
    let began = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if began.elapsed().as_millis() > 700 {
            kill_group(&mut child);
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// The numbers of the calls that are killed.
fn every(step: u32) -> impl Iterator<Item = u64> {
    (1..).step_by(times("MONITOR_CHAOS_STEP", step) as usize)
}

#[test]
fn a_kill_before_any_call_that_changes_a_file_loses_nothing() {
    for (call, level, step) in CALLS {
        let home = Home::new(level);
        let mut feed = Feed::new(home.path());
        feed.write(300);
        let mut killed = 0;
        for at in every(step) {
            feed.write(20);
            if !kill_at(&home, call, at) {
                break;
            }
            killed += 1;
            if killed % 8 == 1 {
                home.run_until_delivered(feed.written());
                assert_all(&home, feed.written(), &format!("{call} {at}"));
            }
        }
        home.run_until_delivered(feed.written());
        assert_all(&home, feed.written(), call);
        println!("killed before `{call}`: {killed} times");
        assert!(killed > 0, "`{call}` was never made");
    }
}

#[test]
fn a_kill_before_any_call_of_a_first_start_loses_nothing() {
    for (call, step) in CALLS_AT_FIRST {
        let mut killed = 0;
        for at in every(step) {
            let home = Home::new("L2");
            let mut feed = Feed::new(home.path());
            feed.write(20);
            if !kill_at(&home, call, at) {
                break;
            }
            killed += 1;
            home.run_until_delivered(feed.written());
            assert_all(&home, feed.written(), &format!("{call} {at}"));
        }
        println!("killed before `{call}` of a first start: {killed} times");
        assert!(killed > 0, "`{call}` was never made");
    }
}

/// Each call alone, with each error that a disk gives. A start may fail, and says so; what runs goes on.
#[test]
fn any_call_that_fails_ends_nothing_and_loses_nothing() {
    let (mut failed, mut refused_to_start) = (0, 0);
    for (call, level, step) in FAILING_CALLS {
        let before = failed;
        for error in ["ENOSPC", "EIO", "EINTR"] {
            let home = Home::new(level);
            let mut feed = Feed::new(home.path());
            // What is interrupted is called again, so there would be more of them without end.
            for at in every(step).take_while(|at| *at <= 300) {
                let (before, what) = (home.status(), format!("{call} {at} {error}"));
                feed.write(20);
                let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}:when={at}"));
                let mut child =
                    home.traced(&["-o", "trace", "-s0", "-e", &trace, "-e", &inject]).spawn().expect("strace");
                let began = Instant::now();
                let ended = loop {
                    if home.has_delivered(feed.written()) {
                        break false;
                    }
                    if let Some(status) = child.try_wait().expect("a child") {
                        assert!(matches!(status.code(), Some(1..=127)), "{what}: {status}\n{}", home.log());
                        break true;
                    }
                    assert!(began.elapsed() < Duration::from_secs(20), "{what}: it hangs\n{}", home.log());
                    std::thread::sleep(Duration::from_millis(5));
                };
                if !ended {
                    kill_group(&mut child);
                }
                let accepted = |books: Option<Value>| books.and_then(|books| books["accepted"].as_u64()).unwrap_or(0);
                assert!(!ended || accepted(home.status()) == accepted(before), "{what}: it has ended\n{}", home.log());
                let trace = std::fs::read_to_string(home.path().join("trace")).expect("a trace");
                if !trace.contains("(INJECTED)") {
                    break;
                }
                (failed, refused_to_start) = (failed + 1, refused_to_start + u32::from(ended));
            }
            home.run_until_delivered(feed.written());
            assert_all(&home, feed.written(), &format!("{call} {error}"));
        }
        println!("{} calls of `{call}` have failed", failed - before);
        assert!(failed > before, "`{call}` was never made");
    }
    println!("{failed} calls have failed, {refused_to_start} of them so that the program did not start");
    assert!(failed > 50 && refused_to_start * 2 < failed);
}

/// SQLite opens for reading what it cannot open for writing: a failure that is over must not be for good.
#[test]
fn a_database_that_cannot_be_opened_for_once_is_opened_again() {
    for (file, error) in [("spool.db", "ENOSPC"), ("metrics.db", "ENOSPC"), ("metrics.db", "EIO")] {
        for suffix in ["", "-wal", "-shm"] {
            let home = Home::new("L1");
            let mut feed = Feed::new(home.path());
            feed.write(300);
            home.run_until_delivered(feed.written());
            let path = home.data().canonicalize().expect("a folder").join(format!("{file}{suffix}"));
            let mut failed = 0;
            for at in 1..=4 {
                feed.write(40);
                let inject = format!("inject=openat:error={error}:when={at}");
                let path = path.to_str().expect("text");
                let mut child = home
                    .traced(&["-o", "trace", "-s0", "-P", path, "-e", "trace=openat", "-e", &inject])
                    .spawn()
                    .expect("strace");
                let began = Instant::now();
                while !home.has_delivered(feed.written()) && child.try_wait().expect("a child").is_none() {
                    let late = began.elapsed() > Duration::from_secs(20);
                    assert!(!late, "{file}{suffix} {at}: it hangs\n{}", home.log());
                    std::thread::sleep(Duration::from_millis(5));
                }
                if child.try_wait().expect("a child").is_none() {
                    kill_group(&mut child);
                }
                let trace = std::fs::read_to_string(home.path().join("trace")).expect("a trace");
                failed += u32::from(trace.contains("(INJECTED)"));
            }
            assert!(failed > 0, "{file}{suffix} was never opened");
            home.run_until_delivered(feed.written());
            assert_all(&home, feed.written(), &format!("{file}{suffix} {error}"));
        }
    }
}

/// One error in seven, of each kind that a disk gives, once a thread has made so many calls: a start may fail.
#[test]
fn calls_that_fail_end_nothing_and_lose_nothing() {
    let calls = [
        ("write", "L1", 15),
        ("pwrite64", "L1", 60),
        ("ftruncate", "L1", 6),
        ("fsync", "L2", 20),
        ("fdatasync", "L2", 5),
    ];
    for (call, level, from) in calls {
        for error in ["ENOSPC", "EIO", "EINTR"] {
            let home = Home::new(level);
            let mut feed = Feed::new(home.path());
            feed.write(300);
            home.run_until_delivered(feed.written());
            let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}:when={from}+7"));
            let mut child = home.traced(&["-o", "trace", "-s0", "-e", &trace, "-e", &inject]).spawn().expect("strace");
            // Files are rarely cut once it runs; all other calls come sooner or later, however slow the machine is.
            let has_failed =
                || std::fs::read_to_string(home.path().join("trace")).is_ok_and(|trace| trace.contains("(INJECTED)"));
            for round in 0.. {
                if round >= 30 && (call == "ftruncate" || round >= 1_000 || has_failed()) {
                    break;
                }
                feed.write(40);
                std::thread::sleep(Duration::from_millis(20));
            }
            let what = format!("{call} {error}");
            assert_eq!(child.try_wait().expect("a child"), None, "{what}: it has ended\n{}", home.log());
            kill_group(&mut child);
            assert!(call == "ftruncate" || has_failed(), "{what}: no call has failed");
            home.run_until_delivered(feed.written());
            assert_all(&home, feed.written(), &what);
        }
    }
}
