//! A disk that refuses for a while, for it is full or read-only: the program waits, and goes on as soon as it can.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::daemon::{Home, terminate};
use crate::feed::Feed;
use crate::oracle::assert_all;
use crate::times;
use crate::volume::{Ballast, Volume};

/// What it may take until the first try after the disk is there again has delivered all; machines that test are busy.
const SOON: Duration = Duration::from_secs(4);
/// What a volume that was mounted read-only refuses.
const REFUSED: &str = "write,pwrite64,fsync,fdatasync,ftruncate,openat,/^unlink,/^rename";

/// Remounting says that the volume is busy as long as somebody writes to it; a kernel that has found an error does not ask.
/// So its answer is put in place of each call.
#[test]
fn a_volume_that_is_read_only_for_a_while_costs_nothing() {
    let home = Home::new("L1");
    outage(
        &home,
        |program| {
            let files = std::fs::read_dir(home.data()).expect("a folder").flatten().map(|entry| entry.path());
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-o", "/dev/null", "-p", &program.id().to_string()]);
            strace.args(["-e", &format!("trace={REFUSED}"), "-e", &format!("inject={REFUSED}:error=EROFS")]);
            for file in files {
                strace.arg("-P").arg(file);
            }
            let strace = strace.stderr(Stdio::null()).spawn().expect("strace");
            let status = format!("/proc/{}/status", program.id());
            wait_until("the program is traced", || {
                let status = std::fs::read_to_string(&status).expect("it runs");
                status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
            });
            strace
        },
        |mut strace| {
            terminate(&mut strace);
        },
    );
}

#[test]
fn a_volume_that_another_fills_costs_nothing() {
    let home = Home::new("L1");
    let Some(_volume) = Volume::mount(&home.data()) else { return };
    outage(&home, |_| Ballast::fill(&home.data(), 0), drop);
}

#[test]
fn a_volume_that_the_program_fills_costs_nothing() {
    let home = Home::new("L1");
    let Some(volume) = Volume::mount(&home.data()) else { return };
    outage(&home, |_| (), |()| volume.grow());
}

/// A log that is only ever appended to takes more room than what is in it: it must not fill the volume for good.
#[test]
fn a_small_volume_is_large_enough_for_many_small_batches() {
    let home = Home::new("L1");
    let Some(_volume) = Volume::mount(&home.data()) else { return };
    let mut feed = Feed::new(home.path());
    let mut program = home.start();
    for _ in 0..500 {
        feed.write(1);
        std::thread::sleep(Duration::from_millis(4));
    }
    wait_until("all is delivered", || home.has_delivered(feed.written()));
    assert!(terminate(&mut program).success(), "{}", home.log());
    assert_all(&home, feed.written(), "on a small volume");
}

/// Takes the disk away from the program while events come, gives it back, and looks how soon they are delivered.
fn outage<T>(home: &Home, take: impl FnOnce(&Child) -> T, give_back: impl FnOnce(T)) {
    let mut feed = Feed::new(home.path());
    feed.write(300);
    let mut program = home.start();
    wait_until("all is delivered", || home.has_delivered(feed.written()));
    let taken = take(&program);
    wait_until("the disk refuses", || {
        feed.write(100);
        std::thread::sleep(Duration::from_millis(20));
        home.log().contains("failed to write to the spool")
    });
    let until = Instant::now() + Duration::from_secs(times("MONITOR_CHAOS_OUTAGE", 3).into());
    while Instant::now() < until {
        // However long it lasts: in the end all of it must fit.
        feed.write(if feed.written() < 2_000 { 10 } else { 0 });
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(program.try_wait().expect("a child"), None, "it has ended\n{}", home.log());
    }
    assert!(!home.has_delivered(feed.written()), "nothing was refused");
    give_back(taken);
    let since = Instant::now();
    while !home.has_delivered(feed.written()) {
        assert!(since.elapsed() < Duration::from_secs(30), "not delivered: {:#?}\n{}", home.status(), home.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = since.elapsed();
    println!("{} events of an outage are delivered {took:?} after it", feed.written() - 300);
    feed.write(100);
    wait_until("new events are delivered", || home.has_delivered(feed.written()));
    let status = terminate(&mut program);
    assert!(status.success(), "{status}\n{}", home.log());
    assert_all(home, feed.written(), "after the outage");
    assert!(took < SOON, "it took {took:?}\n{}", home.log());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not come to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
