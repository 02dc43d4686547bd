//! What a program waits for and loses at worst: the slowest calls of `record` beside sinks that hang, crawl or panic, and
//! how much of what it has recorded is gone when it is killed.
//!
//! ```text
//! cargo bench -p monitor-core --bench worst
//! ```
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures, and prints what it has measured"
)]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use monitor_core::bus::Durability;
use monitor_core::component::{Answer, Sink, sink_fn};
use monitor_core::spool::Books;
use monitor_core::{Metadata, Monitor, MonitorBuilder, Recorded};

/// Tells a child what it is for: `FOLDER RATE`.
const CHILD: &str = "MONITOR_BENCH_CHILD";

fn main() {
    if let Ok(order) = std::env::var(CHILD) {
        let (folder, rate) = order.split_once(' ').expect("two words");
        return record_until_killed(Path::new(folder), rate.parse().expect("a number"));
    }
    // As criterion has it: `cargo bench` says so, and everybody else only wants to know whether it runs.
    let test = !std::env::args().any(|argument| argument == "--bench");
    let (calls, kills) = if test { (20_000, 1) } else { (2_000_000, 30) };
    println!("slowest calls of record(), in us, of {calls}; a call a microsecond at most");
    println!("{:<42}{:>9}{:>9}{:>9}{:>9}", "", "p50", "p99", "p99.9", "max");
    calls_beside("the clock alone, read twice", None, calls);
    calls_beside("no sink", Some(Monitor::builder()), calls);
    for (name, sink) in [("a sink that does nothing", quick()), ("one that hangs", hangs())] {
        calls_beside(name, Some(Monitor::builder().sink("s", sink)), calls);
    }
    let slow = || Monitor::builder().sink("slow", crawls()).sink("panics", panics());
    calls_beside("one that takes 100 ms, one that panics", Some(slow()), calls);
    let folder = tempfile::tempdir().expect("a folder");
    let all = slow().sink("hangs", hangs()).data_dir(folder.path()).durability(Durability::L1);
    calls_beside("all three, at L1", Some(all), calls);
    println!("\nrecorded and lost at kill -9, monitor at L1, in ms before the kill, of {kills} kills");
    println!("{:<42}{:>9}{:>9}", "", "median", "max");
    for rate in [1_000, 100_000] {
        let mut lost: Vec<f64> = (0..kills).map(|kill| lost(rate, kill)).collect();
        lost.sort_by(f64::total_cmp);
        println!(
            "{:<42}{:>9.2}{:>9.2}",
            format!("{rate} records a second"),
            lost[lost.len() / 2],
            lost[lost.len() - 1]
        );
    }
}

fn quick() -> Box<dyn Sink> {
    sink_fn(|_| Answer::Ok)
}

fn hangs() -> Box<dyn Sink> {
    sink_fn(|_| {
        loop {
            std::thread::park();
        }
    })
}

fn crawls() -> Box<dyn Sink> {
    sink_fn(|_| {
        sleep(Duration::from_millis(100));
        Answer::Ok
    })
}

fn panics() -> Box<dyn Sink> {
    let mut writes = 0;
    sink_fn(move |_| {
        writes += 1;
        assert!(writes % 3 != 0, "each third batch");
        Answer::Ok
    })
}

/// Times each call by itself. A queue that is full because the pipeline waits for a sink answers at once: that counts, too.
fn calls_beside(name: &str, builder: Option<MonitorBuilder>, calls: usize) {
    // What panics is wanted.
    std::panic::set_hook(Box::new(|_| {}));
    let builder = builder.map(|builder| builder.shutdown_timeout(Duration::from_millis(200)));
    let monitor = builder.map(|builder| builder.start().expect("starts"));
    let handle = monitor.as_ref().map(|monitor| monitor.metric("m", Metadata::new()));
    let mut times = Vec::with_capacity(calls);
    let began = Instant::now();
    for at in 0..calls {
        while began.elapsed().as_micros() < at as u128 {
            std::hint::spin_loop();
        }
        let before = Instant::now();
        let recorded = handle.as_ref().map(|handle| handle.record(at as f64));
        times.push(before.elapsed());
        std::hint::black_box(recorded);
    }
    drop(monitor);
    times.sort_unstable();
    let at = |share: f64| times[((calls - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("{name:<42}{:>9.2}{:>9.2}{:>9.2}{:>9.0}", at(0.5), at(0.99), at(0.999), at(1.0));
}

/// Records numbers and writes each to a file by itself, as soon as it is recorded.
fn record_until_killed(folder: &Path, rate: u64) {
    let monitor =
        Monitor::builder().data_dir(folder).durability(Durability::L1).sink("s", quick()).start().expect("starts");
    let handle = monitor.metric("m", Metadata::new());
    let progress = File::create(folder.join("progress")).expect("a file");
    let began = Instant::now();
    for at in 0_u64.. {
        while began.elapsed().as_nanos() < u128::from(at) * 1_000_000_000 / u128::from(rate) {
            if rate <= 10_000 {
                sleep(Duration::from_micros(50));
            }
        }
        assert_eq!(handle.record(at as f64), Recorded::Accepted);
        note(&progress, at + 1);
    }
}

#[cfg(unix)]
fn note(file: &File, count: u64) {
    use std::os::unix::fs::FileExt;
    file.write_all_at(&count.to_le_bytes(), 0).expect("room");
}

#[cfg(not(unix))]
fn note(_: &File, _: u64) {}

/// Kills a program that records, and gives back how many milliseconds of it are gone.
fn lost(rate: u64, kill: u32) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env(CHILD, format!("{} {rate}", folder.path().display()))
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let progress = folder.path().join("progress");
    while !std::fs::metadata(&progress).is_ok_and(|file| file.len() > 0) {
        assert_eq!(child.try_wait().expect("a child"), None, "it has ended by itself");
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(300) + Duration::from_micros(u64::from(kill) * 337));
    child.kill().expect("a child");
    child.wait().expect("a child");
    let progress = std::fs::read(progress).expect("it has begun");
    let recorded = u64::from_le_bytes(progress.try_into().expect("eight bytes"));
    let kept = Books::read(folder.path()).expect("a spool").intake.accepted;
    recorded.saturating_sub(kept) as f64 * 1e3 / rate as f64
}
