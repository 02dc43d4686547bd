//! How long pictures take: `cargo bench -p monitor-viz --bench draw`, for the medians of several runs. `peers.py` beside it has what
//! the Python class and matplotlib take for the same, in the same run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use monitor_core::config::{ChartSettings, PictureFormat};
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store};
use monitor_core::{Timestamp, Zone};
use monitor_viz::draw::{self, Figure, Line, Lines, Plot, Style};
use monitor_viz::presets;

const START: i64 = 1_777_903_200_000_000;

/// Numbers without a pattern, the same in every run (Knuth's constants), from 0 to 1.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / (1_u64 << 24) as f64
}

/// A line of so many points, a second apart: a wave with noise.
fn line(points: usize) -> Figure {
    let mut state = 42;
    let point = |at: usize| (START + at as i64 * 1_000_000, (at as f64 / 5_000.0).sin() + noise(&mut state));
    let line = Line { label: "a line".into(), points: (0..points).map(point).collect(), ..Line::default() };
    let plot = Plot::Lines(Lines { lines: vec![line], ..Lines::default() });
    Figure { title: format!("{points} points"), y_label: "Seconds".into(), plot, ..Figure::default() }
}

/// The metrics that the preset draws, so many samples each.
fn store(samples: usize) -> Store {
    let store = Store::new(Limits::whole_recording());
    let names = [
        "success_rate",
        "error_rate",
        "generation_time",
        "total_token_count",
        "prompt_token_count",
        "completion_token_count",
    ];
    let series = SeriesSet::new(names.map(|name| SeriesKey::new(name, Labels::NONE).into()));
    let mut batch = Samples::default();
    let mut state = 42;
    for at in 0..samples as i64 {
        let failed = f64::from(u8::from(noise(&mut state) < 0.05));
        let (prompt, completion) = ((noise(&mut state) * 3_000.0).round(), (noise(&mut state) * 900.0).round());
        let latency = 0.3 / (1.001 - noise(&mut state));
        batch.push(
            Timestamp::from_micros(START + at * 250_000),
            &series,
            &[1.0 - failed, failed, latency, prompt + completion, prompt, completion],
        );
    }
    store.insert(&batch, Timestamp::MAX);
    store
}

fn preset(store: &Store, format: PictureFormat) -> usize {
    let settings = ChartSettings { formats: vec![format], ..ChartSettings::default() };
    let drawn = presets::draw(&presets::REFERENCE, store, &settings, Timestamp::MAX, &Zone::UTC).expect("draws");
    drawn.iter().flat_map(|(_, pictures)| pictures).map(|picture| picture.bytes.len()).sum()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    black_box(run());
    began.elapsed()
}

fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| timed(&mut run)).collect();
    times.sort();
    times[runs / 2]
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --bench` only wants to know that it runs.
    let (scale, runs) = if arguments.iter().any(|argument| argument == "--bench") { (1, 11) } else { (100, 1) };
    let tell = |what: &str, took: Duration| println!("{what:<52} {:>9.2} ms", took.as_secs_f64() * 1e3);
    for points in [100_000, 1_000_000] {
        let figure = line(points / scale);
        tell(&format!("PNG of a line of {points} points"), median(runs, || draw::png(&figure, &Style::default())));
        tell(&format!("SVG of a line of {points} points"), median(runs, || draw::svg(&figure, &Style::default())));
    }
    let store = store(100_000 / scale);
    tell("preset, five figures of 100000 samples a metric, PNG", median(runs, || preset(&store, PictureFormat::Png)));
    tell("preset, five figures of 100000 samples a metric, SVG", median(runs, || preset(&store, PictureFormat::Svg)));
}
