//! What the store costs: a sample in, a window out, and bytes at rest.
#![expect(clippy::print_stdout, reason = "bytes are no time, so criterion does not tell them")]

use std::collections::HashSet;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};
use monitor_core::read::{LineParser, Lines, Next, open_recording};
use monitor_core::sample::{Deriver, Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Percentiles, Query, Selector, Store, Window};
use monitor_core::{Event, Generation, Timestamp, Tokens};

const MODELS: [&str; 5] = ["gemini-2.5-flash", "gemini-2.5-pro", "gpt-4o", "gpt-4o-mini", "deepseek-chat"];
/// Samples a second of one metric: a million make nearly three hours.
const RATE: i64 = 100;
/// As many events as a batch of a source holds.
const BATCH: usize = 1_024;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .sample_size(20)
        .configure_from_args();
    ingest(&mut criterion);
    window(&mut criterion);
    token_usage(&mut criterion);
    readers(&mut criterion);
    criterion.final_summary();
    bytes_of_the_recorded_run();
}

/// All of it is measured; a test that the bench works needs a hundredth.
fn scaled(count: i64) -> i64 {
    if std::env::args().any(|arg| arg == "--bench") { count } else { count / 100 }
}

/// What generations yield, eight samples each, in batches.
fn samples(generations: i64) -> Vec<Samples> {
    let mut deriver = Deriver::new(&[]);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut batches = Vec::new();
    for at in 0..generations {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let time = Timestamp::from_micros(at * 1_000_000 / RATE + (random >> 50) as i64 % 5_000);
        let generation = Generation::new((random % 30_000) as f64 / 1e3, true)
            .model(MODELS[(random >> 40) as usize % MODELS.len()])
            .finish_reason("stop")
            .tokens(Tokens::of((random >> 16) % 4_000, (random >> 32) % 2_000))
            .with("operation", "answer");
        if at % BATCH as i64 == 0 {
            batches.push(Samples::default());
        }
        deriver.derive(&Event::new(time, generation), batches.last_mut().expect("was just pushed"));
    }
    batches
}

fn filled(batches: &[Samples]) -> Store {
    let store = Store::new(Limits { max_bytes: 4 << 30, ..Limits::whole_recording() });
    for batch in batches {
        store.insert(batch, Timestamp::MAX);
    }
    store
}

fn count(batches: &[Samples]) -> u64 {
    batches.iter().map(|batch| batch.len() as u64).sum()
}

fn ingest(criterion: &mut Criterion) {
    let samples = samples(scaled(125_000));
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(count(&samples)));
    group.bench_function("a million samples", |bencher| {
        bencher.iter_batched(|| (), |()| filled(&samples), BatchSize::PerIteration);
    });
}

fn window(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("window of 5 minutes");
    for history in [100_000, 1_000_000, 10_000_000].map(scaled) {
        let series = SeriesSet::new([SeriesKey::new("generation_time", Labels::NONE).into()]);
        let store = Store::new(Limits { max_bytes: 4 << 30, ..Limits::whole_recording() });
        let mut batch = Samples::default();
        for at in 0..history {
            let value = (at * 7_919 % 30_000) as f64 / 1e3;
            let time = Timestamp::from_micros(at * 1_000_000 / RATE);
            batch.push(time, &series, &[value]);
            if batch.len() == BATCH || at + 1 == history {
                store.insert(&std::mem::take(&mut batch), Timestamp::MAX);
            }
        }
        let bounds = store.bounds();
        println!("{history} samples: {:.2} bytes each", bounds.bytes as f64 / bounds.samples as f64);
        // Ends that lie within chunks, another one each time.
        let end = store.extent().expect("samples").end;
        let windows: Vec<Window> = (1..=64)
            .map(|at| Window::last(Duration::from_secs(300), end.minus(Duration::from_millis(at * 73))))
            .collect();
        for (name, percentiles) in [("without percentiles", Percentiles::Off), ("with", Percentiles::Sketched)] {
            let query = Query::new(Selector::metric("generation_time")).percentiles(percentiles);
            let mut next = 0;
            group.bench_function(format!("{name}, {history} samples"), |bencher| {
                bencher.iter(|| {
                    next = (next + 1) % windows.len();
                    let groups = store.query(&query, windows[next]).expect("the metric is there");
                    assert!(groups[0].stats.count > 29_000.min(history as u64 / 2));
                    black_box(groups)
                });
            });
        }
    }
}

fn token_usage(criterion: &mut Criterion) {
    let store = filled(&samples(scaled(125_000)));
    criterion.bench_function("token usage of everything, a million samples", |bencher| {
        bencher.iter(|| black_box(store.token_usage(Window::ALL)));
    });
}

/// What four readers in a loop cost the writer.
fn readers(criterion: &mut Criterion) {
    let samples = samples(scaled(125_000));
    let mut group = criterion.benchmark_group("writer");
    group.throughput(Throughput::Elements(count(&samples)));
    for readers in [0, 4] {
        group.bench_function(format!("{readers} readers"), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| write_beside(readers, &samples)).sum());
        });
    }
}

/// The processor time of the writing thread alone: with four readers on two cores it shares a core with them, which says
/// nothing about whether it waits for them.
fn write_beside(readers: usize, batches: &[Samples]) -> Duration {
    let store = Store::new(Limits { max_bytes: 4 << 30, ..Limits::whole_recording() });
    let done = AtomicBool::new(false);
    let answers = AtomicU64::new(0);
    let query = Query::new(Selector::metric("generation_time"));
    let end = batches.last().and_then(|batch| batch.iter().last()).expect("samples").time;
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let answer = store.query(&query, Window::last(Duration::from_secs(300), end));
                    answers.fetch_add(u64::from(answer.is_ok()), Ordering::Relaxed);
                }
            });
        }
        let (first, rest) = batches.split_first().expect("samples");
        store.insert(first, Timestamp::MAX);
        while readers > 0 && answers.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let before = processor_time();
        for batch in rest {
            store.insert(batch, Timestamp::MAX);
        }
        let took = processor_time().saturating_sub(before);
        done.store(true, Ordering::Relaxed);
        took
    })
}

/// The processor time of this thread, where the system tells it.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|number| number.parse().ok());
    nanoseconds.map_or_else(|| since_start().elapsed(), Duration::from_nanos)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures by the machine")]
fn since_start() -> Instant {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    *START
}

fn bytes_of_the_recorded_run() {
    for file in ["metrics.jsonl.gz", "afterimage.log.gz"] {
        bytes_of(file);
    }
}

fn bytes_of(file: &str) {
    let store = Store::new(Limits::whole_recording());
    let mut deriver = Deriver::new(&[]);
    let path = format!("{}/testdata/afterimage-run/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut lines = Lines::new(open_recording(Path::new(&path)).expect("the recorded run"));
    let mut parser = LineParser::new(monitor_core::Zone::UTC);
    let mut samples = Samples::default();
    while let Next::Line(line) = lines.next(true).expect("a whole file") {
        if let Some(event) = parser.parse(line, Timestamp::MIN).expect("a valid line") {
            deriver.derive(&event, &mut samples);
        }
    }
    store.insert(&samples, Timestamp::MAX);
    let each = |store: &Store| store.bounds().bytes as f64 / store.bounds().samples as f64;
    let open = each(&store);
    store.compact();
    let bounds = store.bounds();
    println!("{file}: {} samples of {} series", bounds.samples, bounds.series);
    println!("    {open:.2} bytes a sample while it runs, {:.2} once it is at rest", each(&store));
    // The same series with the first of their samples: what is added to that are times and values.
    let begun = Store::new(Limits::whole_recording());
    let mut seen = HashSet::new();
    for event in 0..samples.events() {
        let event = samples.of(event);
        if event.iter().filter(|sample| seen.insert(Arc::clone(sample.series))).count() > 0 {
            let values: Vec<f64> = event.iter().map(|sample| sample.value).collect();
            let mut first = Samples::default();
            first.push(event.time(), &SeriesSet::new(event.iter().map(|sample| Arc::clone(sample.series))), &values);
            begun.insert(&first, Timestamp::MAX);
        }
    }
    begun.compact();
    let begun = begun.bounds();
    let grown = (bounds.bytes - begun.bytes) as f64 / (bounds.samples - begun.samples) as f64;
    println!("    {grown:.2} of these for its time and value, the rest for its series");
}
