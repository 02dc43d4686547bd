//! Frames against the store and against what went in.

use std::sync::Arc;

use monitor_core::pipeline::Builder;
use monitor_core::store::{Limits, Percentiles, Query, Selector, Store, Window};
use monitor_core::{Evaluation, Generation, Log, Monitor};
use polars_lazy::prelude::*;

use super::*;

fn run(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor-core/testdata/afterimage-run")).join(name)
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect()
}

/// The recording in a store that keeps all of it.
fn store(recording: &str) -> Arc<Store> {
    let builder = Builder::new().zone(Zone::UTC).event_time().limits(Limits::whole_recording());
    let pipeline = recording::add(builder, &[run(recording)]).expect("it is there").start().expect("starts");
    let store = Arc::clone(pipeline.store());
    pipeline.wait();
    store
}

#[test]
fn every_metric_of_the_recorded_run_is_what_the_store_answers() {
    for recording in ["afterimage.log.gz", "metrics.jsonl.gz"] {
        let frames = Frames::read(&[run(recording)], Zone::UTC).expect("it can be read");
        let store = store(recording);
        let mut known: Vec<String> = store.metrics().iter().map(|metric| metric.name.to_string()).collect();
        known.sort();
        assert_eq!(frames.metrics(), known);
        let value = || col("value");
        for metric in &known {
            let query = Query::new(Selector::metric(metric)).percentiles(Percentiles::Exact);
            let theirs = &store.query(&query, Window::ALL).expect("it is known")[0].stats;
            let ours = frames.metric(metric).select([
                len().cast(DataType::Float64).alias("count"),
                value().sum().alias("sum"),
                value().min().alias("min"),
                value().max().alias("max"),
                value().quantile(lit(0.9), QuantileMethod::Linear).alias("p90"),
                value().last().alias("last"),
            ]);
            let ours = ours.collect().expect("it can be computed");
            for column in ours.columns() {
                let aggregate = column.name().parse().expect("an aggregate of the store");
                let (ours, theirs) = (column.f64().expect("numbers").get(0).expect("a row"), theirs.get(aggregate));
                assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0), "{} of {metric}", column.name());
            }
        }
    }
}

#[test]
fn batches_become_few_pieces_and_lose_nothing() {
    let rows = 150_000_u32;
    let mut lines = String::new();
    for row in 0..rows {
        // Labels come and go, so that batches have different columns.
        let label = if row % 70_000 == 0 { "{\"worker\":\"a\"}" } else { "{}" };
        lines += &format!(
            "{{\"type\":\"metric\",\"metric\":\"depth\",\"value\":{row},\"timestamp\":{row},\"metadata\":{label}}}\n"
        );
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("depth.jsonl");
    std::fs::write(&path, lines).expect("writes");
    let gather = Gather::new().without_events();
    let builder = Builder::new().event_time().without_store().labels(["worker"]).sink("frames", gather.sink());
    let summary = recording::add(builder, &[path]).expect("it is there").start().expect("starts").wait();
    assert_eq!(summary.failures(), [""; 0]);
    let frames = gather.take().expect("they fit");
    assert_eq!(frames.samples.height(), rows as usize);
    let values = frames.samples.column("value").expect("it is there").f64().expect("numbers");
    assert_eq!(values.sum(), Some(f64::from(rows) * f64::from(rows - 1) / 2.0));
    assert!(values.chunks().len() <= 3, "{} pieces", values.chunks().len());
    assert_eq!(names(&frames.samples), ["timestamp", "metric", "value", "feedback", "worker"]);
    assert_eq!(frames.samples.column("worker").expect("it was given").null_count(), rows as usize - 3);
    assert_eq!((frames.events.height(), frames.events.width()), (0, 23));
    // It was taken out.
    assert_eq!(gather.take().expect("they fit").samples.height(), 0);
}

#[test]
fn samples_and_events_of_all_kinds() {
    let gather = Gather::new();
    let monitor = Monitor::builder().sink("frames", gather.sink()).start().expect("starts");
    monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
    let mut judged = Evaluation::new("Judge", 0.5, true).score("tone", 0.25);
    judged.scores[0].feedback = Some("short".into());
    monitor.track_evaluation(judged);
    monitor.log(Log::new(monitor_core::Level::Info, "done"));
    monitor.shutdown();
    let frames = gather.take().expect("they fit");
    let kinds = frames.events.column("type").expect("it is there").str().expect("text").iter().flatten();
    assert_eq!(kinds.collect::<Vec<_>>(), ["generation", "evaluation", "log"]);
    assert_eq!(frames.events.column("score.tone").expect("it was given").f64().expect("numbers").get(1), Some(0.25));
    let tone = frames.metric("evaluation_score_tone").select([col("feedback")]).collect().expect("a column");
    assert_eq!(tone.column("feedback").expect("it was asked for").str().expect("text").get(0), Some("short"));
    let slow = frames.events_lazy().filter(col("duration").gt(lit(1.0))).collect().expect("a column");
    assert_eq!(slow.height(), 1);
    assert_eq!(frames.metric("no_such").collect().expect("empty").height(), 0);
}

#[test]
fn times_by_the_clock_of_a_zone_are_the_same_moments() {
    let frames = Frames::read(&[run("metrics.jsonl.gz")], Zone::UTC).expect("it can be read");
    let micros = |frames: &Frames| frames.samples.column("timestamp").expect("it is there").to_physical_repr();
    let before = micros(&frames);
    let hour = |frames: &Frames| {
        let hours = frames.samples_lazy().select([col("timestamp").dt().hour()]).collect().expect("times");
        hours.columns()[0].get(0).expect("a row").extract::<i64>().expect("a number")
    };
    let in_utc = hour(&frames);
    let frames = frames.in_zone("Asia/Tokyo").expect("it is known");
    assert_eq!(hour(&frames), (in_utc + 9) % 24);
    assert!(micros(&frames).equals(&before));
    assert!(frames.in_zone("Atlantis/Poseidonis").is_err());
}

#[test]
fn what_cannot_be_read_is_told() {
    let error = Frames::read(&["no_such.jsonl".into()], Zone::UTC).expect_err("it is not there");
    assert!(error.to_string().contains("no_such.jsonl"), "{error}");
}
