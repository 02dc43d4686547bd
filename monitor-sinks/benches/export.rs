//! A million samples out of the store and into files: `cargo bench -p monitor-sinks --bench export`, for the medians of
//! seven runs. `export.py` beside it has what others take for the same.

use std::path::Path;
use std::time::{Duration, Instant};

use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store, Window};
use monitor_core::{Timestamp, Zone};
use monitor_sinks::table::{By, Exists, Format, Options, Table};

/// Four metrics with a model each, as the script has them.
fn store(samples: i64) -> Store {
    let store = Store::new(Limits::whole_recording());
    let names = ["generation_time", "prompt_token_count", "completion_token_count", "total_token_count"];
    let sets: Vec<_> = (0..4)
        .map(|model| {
            let labels: Labels = [("model_name", format!("model-{model}"))].into_iter().collect();
            SeriesSet::new(names.map(|name| SeriesKey::new(name, labels.clone()).into()))
        })
        .collect();
    let mut batch = Samples::default();
    for at in 0..samples / 4 {
        let time = Timestamp::from_micros(1_777_903_200_000_000 + at * 1_000 + at % 7);
        let prompt = (at * 7919 % 3_000) as f64;
        let completion = (at * 104_729 % 900) as f64;
        let values = [(at * 31 % 1_000_003) as f64 / 321.7, prompt, completion, prompt + completion];
        batch.push(time, &sets[(at % 4) as usize], &values);
    }
    store.insert(&batch, Timestamp::MAX);
    store
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() {
    // `cargo test --bench` only wants to know that it runs.
    let (samples, runs) =
        if std::env::args().any(|argument| argument == "--bench") { (1_000_000, 7) } else { (1_000, 1) };
    let store = store(samples);
    let folder = tempfile::tempdir().expect("a folder");
    for (format, by, rows) in [
        (Format::Parquet, vec![], samples),
        (Format::Csv, vec![By::Metric], samples),
        (Format::Json, vec![], samples),
        (Format::Excel, vec![By::Metric], samples / 10),
    ] {
        let store = if rows == samples { &store } else { &self::store(rows) };
        let path = folder.path().join("m").with_extension(format.extension());
        let mut times: Vec<Duration> = (0..runs).map(|_| once(store, format, &by, &path)).collect();
        times.sort();
        println!("{:<8} {rows:>9} samples {:>7.3} s", format.name(), times[runs / 2].as_secs_f64());
    }
}

fn once(store: &Store, format: Format, by: &[By], path: &Path) -> Duration {
    let options =
        Options { by: by.to_vec(), exists: Exists::Replaced, zone: Zone::UTC, stop: std::sync::Arc::default() };
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    let began = Instant::now();
    Table::of_store(store, Window::ALL).write(format, path, &options).expect("there is room");
    began.elapsed()
}
