//! `kill -9` before each call that changes a file, one after the other, by `strace`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::daemon::{Home, kill_group};
use crate::feed::Feed;
use crate::oracle::Verdict;
use crate::times;

/// The calls that change files, or open them.
const CALLS: [&str; 6] = ["write", "pwrite64", "fdatasync", "ftruncate", "unlink", "openat"];

#[test]
fn a_kill_before_any_call_that_changes_a_file_loses_nothing() {
    assert!(Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()), "install strace");
    let mut killed = 0;
    for call in CALLS {
        let home = Home::new("L1");
        let mut feed = Feed::new(home.path());
        feed.write(300);
        // Every one of them, by the long command; of those here, as many as a few minutes allow.
        let step = times("MONITOR_CHAOS_STEP", 4) as usize;
        for at in (1..).step_by(step) {
            feed.write(20);
            let mut child = home
                .command("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:signal=KILL:when={at}"), env!("CARGO_BIN_EXE_monitor"), "run"])
                .process_group(0)
                .spawn()
                .expect("strace");
            // A call that does not come within this time does not come any more.
            let began = std::time::Instant::now();
            let ended = loop {
                if child.try_wait().expect("a child").is_some() {
                    break true;
                }
                if began.elapsed().as_millis() > 700 {
                    break false;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            };
            if !ended {
                kill_group(&mut child);
                break;
            }
            killed += 1;
            if at % (8 * step) == 1 {
                home.run_until_delivered(feed.written());
                assert_all(&home, &feed, &format!("{call} {at}"));
            }
        }
        home.run_until_delivered(feed.written());
        assert_all(&home, &feed, call);
    }
    assert!(killed > 20, "killed only {killed} times");
}

/// One error in seven, of each kind that a disk gives.
#[test]
fn calls_that_fail_end_nothing_and_lose_nothing() {
    for call in ["write", "pwrite64", "fdatasync", "ftruncate"] {
        for error in ["ENOSPC", "EIO", "EINTR"] {
            let home = Home::new("L1");
            let mut feed = Feed::new(home.path());
            feed.write(300);
            home.run_until_delivered(feed.written());
            let mut child = home
                .command("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:error={error}:when=60+7"), env!("CARGO_BIN_EXE_monitor"), "run"])
                .process_group(0)
                .spawn()
                .expect("strace");
            for _ in 0..30 {
                feed.write(40);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let what = format!("{call} {error}");
            assert_eq!(child.try_wait().expect("a child"), None, "{what}: it has ended\n{}", home.log());
            kill_group(&mut child);
            home.run_until_delivered(feed.written());
            assert_all(&home, &feed, &what);
        }
    }
}

fn assert_all(home: &Home, feed: &Feed, what: &str) {
    let offered = feed.written();
    assert_eq!(Verdict::of_lines(&home.data().join("events.jsonl"), offered), Verdict::default(), "{what}");
    assert_eq!(Verdict::of_database(&home.data().join("metrics.db"), offered), Verdict::default(), "{what}");
    let (closes, said) = home.audit();
    assert!(closes, "{what}: {said}");
}
