//! What recording costs the caller, beside the crates that a program would record with instead.
//!
//! A benchmark runs in bursts. A burst is timed as a whole and fits our queue; between two bursts, untimed, everything
//! recorded is flushed through the pipeline, and the peers do the upkeep that their documentation asks for. Our recorder,
//! store and sink run beside the bursts, as they would in a program. Every record has to answer `Accepted`: a dropped one
//! would be cheap. The figures are times a record, or a call of `track_generation`.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use metrics::histogram;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use monitor_core::component::{Answer, sink_fn};
use monitor_core::pipeline::SinkOptions;
use monitor_core::store::Limits;
use monitor_core::{Clock, Generation, Metadata, Monitor, Recorded, Timestamp, Tokens};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

/// Records a burst and a thread: what a shard of our queue holds for sure, and long enough that our recorder comes round
/// and that threads run at the same time.
const BURST: u32 = 60_000;
const THREADS: u32 = 4;

const MODELS: [&str; 4] = ["gpt-4o", "gpt-4o-mini", "gemini-2.5-flash", "meta-llama/llama-3.3-70b-instruct:free"];
const FINISH_REASONS: [&str; 2] = ["stop", "length"];
/// What `track_generation` yields for a call that names its model, its finish reason and its tokens.
const SAMPLES: [&str; 8] = [
    "generation_time",
    "success_rate",
    "error_rate",
    "model_usage",
    "finish_reason",
    "prompt_token_count",
    "completion_token_count",
    "total_token_count",
];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .sample_size(30)
        .configure_from_args();
    let prometheus = PrometheusBuilder::new().install_recorder().expect("the first recorder of this process");
    record_by_handle(&mut criterion, &prometheus);
    record_by_name_and_labels(&mut criterion, &prometheus);
    record_four_threads(&mut criterion, &prometheus);
    track_generation(&mut criterion, &prometheus);
    through_the_pipeline(&mut criterion);
    criterion.final_summary();
}

fn record_by_handle(criterion: &mut Criterion, prometheus: &PrometheusHandle) {
    let mut group = group(criterion, "record_by_handle");
    // Ours keeps the time of every event; this much of it is the system's.
    let clock = Clock::System;
    one_thread(&mut group, "the clock alone", |_| black_box(clock.now()) > Timestamp::MIN, || {});
    let ours = Ours::start();
    let handle = ours.monitor.metric("generation_time", Metadata::new());
    one_thread(&mut group, "monitor", |at| handle.record(value(at)) == Recorded::Accepted, || ours.flush());
    ours.finish();
    let handle = histogram!("generation_time");
    let record = |at| {
        handle.record(value(at));
        true
    };
    one_thread(&mut group, "metrics-rs", record, || prometheus.run_upkeep());
    with_upkeep_beside(prometheus, || one_thread(&mut group, "metrics-rs, upkeep beside", record, || {}));
    let open_telemetry = OpenTelemetry::start();
    let histogram = open_telemetry.histogram("generation_time");
    let record = |at| {
        histogram.record(value(at), &[]);
        true
    };
    one_thread(&mut group, "opentelemetry", record, || {});
}

fn record_by_name_and_labels(criterion: &mut Criterion, prometheus: &PrometheusHandle) {
    let mut group = group(criterion, "record_by_name_and_labels");
    let ours = Ours::start();
    let record = |at| ours.monitor.record_metric("generation_time", value(at), &[("model_name", "gpt-4o")]);
    one_thread(&mut group, "monitor", |at| record(at) == Recorded::Accepted, || ours.flush());
    // A program learns at run time which model answered.
    let models = MODELS.map(String::from);
    let record =
        |at| ours.monitor.record_metric("generation_time", value(at), &[("model_name", pick(&models, at).as_str())]);
    one_thread(&mut group, "monitor, label from run time", |at| record(at) == Recorded::Accepted, || ours.flush());
    ours.finish();
    let record = |at| {
        histogram!("generation_time", "model_name" => "gpt-4o").record(value(at));
        true
    };
    one_thread(&mut group, "metrics-rs", record, || prometheus.run_upkeep());
    with_upkeep_beside(prometheus, || one_thread(&mut group, "metrics-rs, upkeep beside", record, || {}));
    let record = |at| {
        histogram!("generation_time", "model_name" => pick(&models, at).clone()).record(value(at));
        true
    };
    one_thread(&mut group, "metrics-rs, label from run time", record, || prometheus.run_upkeep());
    let open_telemetry = OpenTelemetry::start();
    let histogram = open_telemetry.histogram("generation_time");
    let record = |at| {
        histogram.record(value(at), &[KeyValue::new("model_name", "gpt-4o")]);
        true
    };
    one_thread(&mut group, "opentelemetry", record, || {});
}

fn record_four_threads(criterion: &mut Criterion, prometheus: &PrometheusHandle) {
    let mut group = group(criterion, "record_four_threads");
    let ours = Ours::start();
    let handle = ours.monitor.metric("generation_time", Metadata::new());
    four_threads(&mut group, "monitor", |at| handle.record(value(at)) == Recorded::Accepted, || ours.flush());
    let record = |at| ours.monitor.record_metric("generation_time", value(at), &[("model_name", "gpt-4o")]);
    four_threads(&mut group, "monitor, by name", |at| record(at) == Recorded::Accepted, || ours.flush());
    ours.finish();
    let handle = histogram!("generation_time");
    let record = |at| {
        handle.record(value(at));
        true
    };
    four_threads(&mut group, "metrics-rs", record, || prometheus.run_upkeep());
    with_upkeep_beside(prometheus, || four_threads(&mut group, "metrics-rs, upkeep beside", record, || {}));
    let record = |at| {
        histogram!("generation_time", "model_name" => "gpt-4o").record(value(at));
        true
    };
    four_threads(&mut group, "metrics-rs, by name", record, || prometheus.run_upkeep());
    let open_telemetry = OpenTelemetry::start();
    let histogram = open_telemetry.histogram("generation_time");
    let record = |at| {
        histogram.record(value(at), &[]);
        true
    };
    four_threads(&mut group, "opentelemetry", record, || {});
    let record = |at| {
        histogram.record(value(at), &[KeyValue::new("model_name", "gpt-4o")]);
        true
    };
    four_threads(&mut group, "opentelemetry, by name", record, || {});
}

fn track_generation(criterion: &mut Criterion, prometheus: &PrometheusHandle) {
    let mut group = group(criterion, "track_generation");
    let ours = Ours::start();
    let record = |at| ours.monitor.track_generation(generation(at)) == Recorded::Accepted;
    one_thread(&mut group, "monitor", record, || ours.flush());
    median_call(&mut group, "monitor, the median call", record, || ours.flush());
    ours.finish();
    let record = |at: u32| {
        for (metric, value) in SAMPLES.into_iter().zip(samples(at)) {
            let labels = [("model_name", *pick(&MODELS, at)), ("finish_reason", *pick(&FINISH_REASONS, at))];
            histogram!(metric, &labels).record(value);
        }
        true
    };
    one_thread(&mut group, "metrics-rs, eight histograms", record, || prometheus.run_upkeep());
    let open_telemetry = OpenTelemetry::start();
    let histograms = SAMPLES.map(|metric| open_telemetry.histogram(metric));
    let record = |at: u32| {
        let labels = [
            KeyValue::new("model_name", *pick(&MODELS, at)),
            KeyValue::new("finish_reason", *pick(&FINISH_REASONS, at)),
        ];
        for (histogram, value) in histograms.iter().zip(samples(at)) {
            histogram.record(value, &labels);
        }
        true
    };
    one_thread(&mut group, "opentelemetry, eight histograms", record, || {});
}

/// What the caller does not see: the time until store and sink have it, on all cores together.
fn through_the_pipeline(criterion: &mut Criterion) {
    let mut group = group(criterion, "through_the_pipeline");
    let ours = Ours::start();
    let handle = ours.monitor.metric("generation_time", Metadata::new());
    end_to_end(&mut group, "metric by handle", &ours, |at| handle.record(value(at)));
    end_to_end(&mut group, "track_generation", &ours, |at| ours.monitor.track_generation(generation(at)));
    ours.finish();
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    // Bursts differ in nothing but chance, so every sample may hold as many.
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Times bursts of `record`, which says whether the record was kept; `settle` runs between them.
fn one_thread(group: &mut Group<'_>, name: &str, mut record: impl FnMut(u32) -> bool, mut settle: impl FnMut()) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|bursts| {
            let mut took = Duration::ZERO;
            for _ in 0..bursts {
                let burst = Burst::time(BURST, &mut record);
                took += burst.took();
                assert_eq!(burst.kept, BURST, "a burst fits the queue");
                settle();
            }
            took / BURST
        });
    });
}

/// Times every call by itself, which costs a reading of the clock more, and tells the median: what `reference.py` measures.
fn median_call(group: &mut Group<'_>, name: &str, mut record: impl FnMut(u32) -> bool, mut settle: impl FnMut()) {
    let mut calls = Vec::with_capacity(BURST as usize);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|bursts| {
            let mut took = Duration::ZERO;
            for _ in 0..bursts {
                calls.clear();
                for at in 0..BURST {
                    let began = now();
                    assert!(record(at), "a burst fits the queue");
                    calls.push(began.elapsed());
                }
                took += *calls.select_nth_unstable(BURST as usize / 2).1;
                settle();
            }
            took
        });
    });
}

/// The same by four threads at once: from the first that begins to the last that ends, by the records of all.
fn four_threads(group: &mut Group<'_>, name: &str, record: impl Fn(u32) -> bool + Sync, mut settle: impl FnMut()) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|bursts| {
            let gate = Barrier::new(THREADS as usize + 1);
            let done = Mutex::new(Vec::new());
            let mut took = Duration::ZERO;
            let mut kept = 0;
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..bursts {
                            gate.wait();
                            let burst = Burst::time(BURST, &record);
                            done.lock().unwrap_or_else(PoisonError::into_inner).push(burst);
                            gate.wait();
                        }
                    });
                }
                for _ in 0..bursts {
                    gate.wait();
                    gate.wait();
                    let bursts = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
                    let began = bursts.iter().map(|burst| burst.began).min().expect("four threads");
                    let ended = bursts.iter().map(|burst| burst.ended).max().expect("four threads");
                    took += ended - began;
                    kept += bursts.iter().map(|burst| u64::from(burst.kept)).sum::<u64>();
                    settle();
                }
            });
            // Not before the threads have ended: they would wait for ever.
            assert_eq!(kept, bursts * u64::from(THREADS * BURST), "a burst fits the queue");
            took / (THREADS * BURST)
        });
    });
}

fn end_to_end(group: &mut Group<'_>, name: &str, ours: &Ours, mut record: impl FnMut(u32) -> Recorded) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|bursts| {
            let mut took = Duration::ZERO;
            for _ in 0..bursts {
                let began = now();
                let burst = Burst::time(BURST, |at| record(at) == Recorded::Accepted);
                ours.flush();
                took += began.elapsed();
                assert_eq!(burst.kept, BURST, "a burst fits the queue");
            }
            took / BURST
        });
    });
}

/// One thread's part of a burst.
struct Burst {
    began: Instant,
    ended: Instant,
    kept: u32,
}

impl Burst {
    fn time(records: u32, mut record: impl FnMut(u32) -> bool) -> Self {
        let began = now();
        let kept = (0..records).map(|at| u32::from(record(at))).sum();
        Self { began, ended: now(), kept }
    }

    fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// A monitor with a sink that only counts, so that every event goes the whole way.
struct Ours {
    monitor: Monitor,
    delivered: Arc<AtomicU64>,
}

impl Ours {
    fn start() -> Self {
        let delivered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&delivered);
        let sink = sink_fn(move |delivery| {
            counter.fetch_add(delivery.len() as u64, Ordering::Relaxed);
            Answer::Ok
        });
        let monitor = Monitor::builder()
            // A flush between two bursts need not wait for a batch to fill.
            .sink_with("null", sink, SinkOptions { linger: Duration::from_millis(1), ..SinkOptions::default() })
            // Less than a day of bursts is enough to be kept.
            .limits(Limits { max_bytes: 64 << 20, ..Limits::default() })
            .start()
            .expect("the system has threads");
        Self { monitor, delivered }
    }

    fn flush(&self) {
        assert!(self.monitor.flush(Duration::from_secs(30)).complete, "the pipeline keeps up");
    }

    /// Every event has reached the sink, and none was dropped.
    fn finish(self) {
        let summary = self.monitor.shutdown().expect("the first shutdown");
        assert!(summary.dropped.is_empty(), "{:?}", summary.dropped);
        assert_eq!(self.delivered.load(Ordering::Relaxed), summary.events);
    }
}

/// Runs `bench` while a second thread drains the histograms as often as our recorder empties its queue.
fn with_upkeep_beside(prometheus: &PrometheusHandle, bench: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let upkeep = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                prometheus.run_upkeep();
                thread::park_timeout(Duration::from_millis(1));
            }
        });
        bench();
        done.store(true, Ordering::Relaxed);
        upkeep.thread().unpark();
    });
}

/// An SDK with its usual reader, a thread that collects every minute, and an exporter that sends nothing.
struct OpenTelemetry(SdkMeterProvider);

impl OpenTelemetry {
    fn start() -> Self {
        let reader = PeriodicReader::builder(NoExporter).build();
        Self(SdkMeterProvider::builder().with_reader(reader).build())
    }

    fn histogram(&self, name: &'static str) -> Histogram<f64> {
        self.0.meter("benches").f64_histogram(name).build()
    }
}

struct NoExporter;

impl PushMetricExporter for NoExporter {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// A number that is not always the same.
fn value(at: u32) -> f64 {
    f64::from(at & 1_023) * 0.001
}

fn pick<T>(from: &[T], at: u32) -> &T {
    &from[at as usize % from.len()]
}

fn generation(at: u32) -> Generation {
    Generation::new(value(at), true)
        .model(*pick(&MODELS, at))
        .finish_reason(*pick(&FINISH_REASONS, at))
        .tokens(Tokens::of(420, u64::from(at & 1_023)))
}

/// The numbers of [`generation`], in the order of [`SAMPLES`].
fn samples(at: u32) -> [f64; 8] {
    let completion = f64::from(at & 1_023);
    [value(at), 1.0, 0.0, 1.0, 1.0, 420.0, completion, 420.0 + completion]
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures by the machine")]
fn now() -> Instant {
    Instant::now()
}
