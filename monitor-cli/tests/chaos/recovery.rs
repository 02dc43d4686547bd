//! Kills in the midst of recoveries: what is half recovered is recovered as well as what was half written.

use std::time::Duration;

use crate::daemon::Home;
use crate::feed::Feed;
use crate::oracle::assert_all;
use crate::random::Random;
use crate::syscalls::kill_at;
use crate::times;

/// Calls, and about how many of them a thread makes until it has recovered.
const CALLS: [(&str, u64); 6] =
    [("write", 4), ("pwrite64", 40), ("ftruncate", 8), ("openat", 40), ("fsync", 12), ("fdatasync", 4)];
/// Recoveries that are killed one after the other.
const DEEP: u32 = 3;

#[test]
fn a_recovery_that_is_killed_is_recovered_from() {
    let mut random = Random::new();
    let mut pick = |bound: u64| random.below(bound);
    let mut killed = 0;
    let rounds = times("MONITOR_CHAOS_RECOVERIES", 15);
    for round in 0..rounds {
        let home = Home::new(["L1", "L2"][round as usize % 2]);
        let mut feed = Feed::new(home.path());
        let mut child = home.start();
        for _ in 0..=pick(20) {
            feed.write(pick(400));
            std::thread::sleep(Duration::from_micros(pick(12_000)));
        }
        child.kill().expect("a child");
        child.wait().expect("a child");
        let mut what = format!("round {round}");
        for _ in 0..DEEP {
            let (call, calls) = CALLS[pick(CALLS.len() as u64) as usize];
            let at = 1 + pick(calls);
            killed += u32::from(kill_at(&home, call, at));
            what += &format!(", {call} {at}");
            feed.write(pick(50));
        }
        home.run_until_delivered(feed.written());
        assert_all(&home, feed.written(), &what);
    }
    println!("{killed} of {} recoveries were killed before they were done", rounds * DEEP);
    assert!(killed > rounds, "only {killed} recoveries were killed");
}
