//! Reloads under load, half of them of a configuration that is wrong, and ends by SIGTERM: nothing in flight is lost, and
//! what says the same is not touched.

use std::process::{Child, Command, Output};
use std::time::Duration;

use crate::daemon::{Home, terminate};
use crate::feed::Feed;
use crate::oracle::assert_all;
use crate::random::Random;
use crate::times;

/// What the configuration may say of the sinks' batches.
fn changed(config: &str, random: &mut Random) -> String {
    let config = config.replace("batch = 50", &format!("batch = {}", 20 + random.below(60)));
    let config = config.replace("batch = 70", &format!("batch = {}", 20 + random.below(100)));
    let mut config = config.replace("poll = \"2ms\"", &format!("poll = \"{}ms\"", 1 + random.below(4)));
    if random.below(2) == 0 {
        config += "\n[sinks.more]\ntype = \"jsonl\"\npath = \"more.jsonl\"\n";
    }
    if random.below(2) == 0 {
        config += "\n[alerts.many]\ntype = \"threshold\"\nmetric = \"id\"\naggregate = \"count\"\nwindow = \"1m\"\nabove = 1\n";
    }
    config
}

/// What cannot be: wrong keys, what holds from start to end, and what is not to be had.
fn wrong(config: &str, random: &mut Random) -> String {
    match random.below(4) {
        0 => config.replace("batch = 50", "batch = 0"),
        1 => format!("{config}\n[sinks.more]\ntype = \"jsonll\"\n"),
        2 => config.replace("data_dir = \"data\"", "data_dir = \"elsewhere\""),
        _ => format!("{config}\n[sinks.more]\ntype = \"jsonl\"\npath = \"lock/is/no/folder.jsonl\"\n"),
    }
}

fn reload(home: &Home) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_monitor"));
    command.current_dir(home.path()).args(["reload", "data", "--format", "json"]).output().expect("the program")
}

/// Starts the program, and waits until it has read its configuration.
fn running(home: &Home) -> Child {
    let child = home.start();
    let lock = home.data().join("lock");
    while std::fs::read_to_string(&lock).is_ok_and(|pid| pid.trim() != child.id().to_string()) || !lock.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[test]
fn reloads_and_ends_under_load_lose_nothing() {
    let home = Home::new("L1");
    let mut feed = Feed::new(home.path());
    let mut random = Random::new();
    let plain = home.config();
    let mut child = running(&home);
    let (mut applied, mut refused, mut ended) = (0, 0, 0);
    let wanted = u64::from(times("MONITOR_CHAOS_RELOADS", 50));
    while applied + refused < wanted || ended < wanted / 2 {
        feed.write(random.below(300));
        std::thread::sleep(Duration::from_micros(random.below(4_000)));
        if random.below(3) == 0 && ended < wanted / 2 {
            feed.write(random.below(300));
            let status = terminate(&mut child);
            // One that is still starting ends at once, by the signal; what a sink that is gone has not got has made the run
            // fail.
            let by_signal = std::os::unix::process::ExitStatusExt::signal(&status) == Some(15);
            assert!(by_signal || matches!(status.code(), Some(0 | 1)), "{status}\n{}", home.log());
            home.set_config(&plain);
            child = running(&home);
            ended += 1;
            continue;
        }
        let bad = random.below(2) == 0;
        home.set_config(&if bad { wrong(&plain, &mut random) } else { changed(&plain, &mut random) });
        feed.write(random.below(300));
        let output = reload(&home);
        let said = String::from_utf8_lossy(&output.stdout);
        let expected = if bad { (Some(78), "\"applied\": false") } else { (Some(0), "\"applied\": true") };
        assert_eq!((output.status.code(), said.contains(expected.1)), (expected.0, true), "{said}\n{}", home.log());
        *if bad { &mut refused } else { &mut applied } += 1;
        assert_eq!(child.try_wait().expect("a child"), None, "it has ended\n{}", home.log());
    }
    assert!(applied > wanted / 5 && refused > wanted / 5, "{applied} applied, {refused} refused");
    terminate(&mut child);
    home.set_config(&plain);
    feed.write(10);
    home.run_until_delivered(feed.written());
    assert_all(&home, feed.written(), "after the last reload");
    assert!(!home.log().contains("do not close"), "{}", home.log());
}
