//! What a run leaves for the next one: windows and alerts that outlive the process, and files that are not to be used.

use std::path::Path;
use std::time::Duration;

use monitor_core::component::{Reading, Rule, Verdict};
use monitor_core::config::RuleSettings;
use monitor_core::sample::Labels;
use monitor_core::store::{Limits, Percentiles, Query, Selector, Store, Window};
use monitor_core::{Clock, Event, Metric, Monitor, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

/// Holds while the last minute's mean of `load` is above one.
struct Overload;

impl Rule for Overload {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let stats = store.stats(&Selector::metric("load"), Window::last(MINUTE, now)).ok().flatten();
        let verdict = match stats {
            None => Verdict::NoData,
            Some(stats) if stats.mean > 1.0 => Verdict::Breached,
            Some(_) => Verdict::Clear,
        };
        let value = stats.map(|stats| stats.mean);
        vec![Reading { value, stats, ..Reading::new(Labels::NONE, verdict) }]
    }
}

fn start(path: &Path, clock: &Clock, limits: Limits) -> Monitor {
    let builder = Monitor::builder().clock(clock.clone()).limits(limits).snapshot(path);
    builder.rule("overload", Box::new(Overload), RuleSettings::default()).start().expect("starts")
}

/// Lets the rules tick at `time`: they do so by the clock, on a thread of their own, and look at it every 10 ms.
fn tick(clock: &Clock, time: Timestamp) {
    clock.set(time);
    std::thread::park_timeout(Duration::from_millis(100));
}

#[test]
fn windows_and_alerts_outlive_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/snapshot.bin");
    let begin = Timestamp::from_secs(1_777_903_200);
    let now = begin.plus(Duration::from_secs(20_040));
    let clock = Clock::manual(now.minus(Duration::from_secs(30)));
    // Small enough that all that a store has comes about: open samples, chunks, spans, buckets.
    let limits = Limits { raw_retention: 100 * MINUTE, ..Limits::default() };
    let monitor = start(&path, &clock, limits.clone());
    for at in 0..20_000_u64 {
        let operation = [("operation", if at % 3 == 0 { "a" } else { "b" })].into_iter().collect();
        let load = Metric::with_metadata("load", 2.0 + (at % 100) as f64 / 7.0, operation);
        monitor.record(Event::new(begin.plus(Duration::from_secs(at)), load));
    }
    assert!(monitor.flush(MINUTE).complete);
    tick(&clock, now);
    let questions = [
        (Window::ALL, Percentiles::Sketched),
        (Window::last(50 * MINUTE, now), Percentiles::Exact),
        (Window::last(7 * MINUTE, now), Percentiles::Sketched),
    ];
    let by = ["operation".into()];
    let ask = |monitor: &Monitor| {
        questions.map(|(window, percentiles)| {
            let query = Query::new(Selector::metric("load")).by(&by).percentiles(percentiles);
            monitor.store().query(&query, window).expect("it was recorded")
        })
    };
    let before = ask(&monitor);
    assert!(monitor.store().bounds().in_buckets > 5_000);
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!((summary.fired, summary.resolved), (1, 0));

    clock.set(now.plus(Duration::from_secs(5)));
    let monitor = start(&path, &clock, limits.clone());
    assert_eq!(ask(&monitor), before);
    // It fires still, so nobody is told again; it resolves in this process.
    monitor.record_metric("load", 0.0, &[]);
    assert!(monitor.flush(MINUTE).complete);
    tick(&clock, now.plus(MINUTE));
    let summary = monitor.shutdown().expect("the first shutdown");
    assert_eq!((summary.fired, summary.resolved), (0, 1), "{:?}", summary.alerts);

    // Other bins: the sketches cannot be used.
    let monitor = start(&path, &clock, Limits { percentile_error: 0.02, ..limits });
    assert!(monitor.store().metrics().is_empty());
    assert!(path.with_added_extension("unusable-1").exists());
    monitor.shutdown();
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside_and_the_start_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snapshot.bin");
    let clock = Clock::manual(Timestamp::from_secs(1_777_903_200));
    let monitor = start(&path, &clock, Limits::default());
    for at in 0..2_000 {
        monitor.record_metric("load", f64::from(at) / 3.0, &[]);
    }
    assert!(monitor.flush(MINUTE).complete);
    monitor.shutdown();
    let good = std::fs::read(&path).expect("a snapshot");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let (mut past, mut future) = (good.clone(), good.clone());
    (past[8], future[8]) = (good[8] - 1, good[8] + 1);
    let cases: [&[u8]; 7] =
        [b"", b"SQLite format 3\0 and more", &good[..good.len() - 1], &good[..20], &flipped, &past, &future];
    for (at, bytes) in cases.into_iter().enumerate() {
        std::fs::write(&path, bytes).expect("room");
        let monitor = start(&path, &clock, Limits::default());
        assert!(monitor.store().metrics().is_empty(), "case {at}");
        let aside = path.with_added_extension(format!("unusable-{}", at + 1));
        assert_eq!(std::fs::read(aside).expect("the file is kept"), bytes, "case {at}");
        monitor.shutdown();
    }
    std::fs::write(&path, &good).expect("room");
    let monitor = start(&path, &clock, Limits::default());
    let stats = monitor.stats("load", MINUTE).expect("known").expect("samples");
    assert_eq!((stats.count, stats.last), (2_000, 1_999.0 / 3.0));
}
