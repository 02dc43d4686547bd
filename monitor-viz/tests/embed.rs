//! Pictures of a program's own metrics: files, bytes, and the errors in the words of the Python class.
#![cfg(feature = "default")]

use std::time::Duration;

use monitor_core::config::{ChartSettings, PictureFormat, ThemeSetting};
use monitor_core::{Clock, Evaluation, Event, Generation, Metric, Monitor, Recorded, Timestamp, Tokens};
use monitor_viz::{PlotError, PlotOptions, Visualize};

const NOW: Timestamp = Timestamp::from_secs(1_777_903_200);

fn monitor(events: impl IntoIterator<Item = Event>) -> Monitor {
    let monitor = Monitor::builder().clock(Clock::manual(NOW)).start().expect("starts");
    for event in events {
        assert_eq!(monitor.record(event), Recorded::Accepted);
    }
    assert!(monitor.flush(Duration::from_secs(20)).complete);
    monitor
}

fn recorded() -> Monitor {
    let generation = |at: u64| {
        let body =
            Generation::new(1.0 + at as f64 / 10.0, !at.is_multiple_of(7)).model("gpt-4o").tokens(Tokens::of(400, 600));
        Event::new(NOW.minus(Duration::from_secs(60 * at)), body)
    };
    let evaluation = |at: u64| {
        let body = Evaluation::new("Judge", 0.5, true).score("tone", 0.8);
        Event::new(NOW.minus(Duration::from_secs(60 * at)), body)
    };
    monitor((0..90).rev().map(generation).chain((0..10).rev().map(evaluation)))
}

#[test]
fn the_reference_set_is_written_under_its_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let plots = folder.path().join("deep/plots");
    let written = recorded().visualize_metrics(&plots, &ChartSettings::default()).expect("writes");
    let names: Vec<_> =
        written.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(
        names,
        [
            "success_error_rate.png",
            "generation_time.png",
            "total_token_count.png",
            "prompt_token_count.png",
            "completion_token_count.png",
            "evaluation_scores.png",
            "evaluation_time.png"
        ]
    );
    for path in &written {
        assert_eq!(std::fs::read(path).expect("is there")[..8], *b"\x89PNG\r\n\x1a\n", "{}", path.display());
    }
    assert_eq!(std::fs::read_dir(&plots).expect("a folder").count(), 7, "nothing else is left there");
}

#[test]
fn figures_come_in_memory_as_the_settings_say() {
    let settings = ChartSettings {
        formats: vec![PictureFormat::Svg],
        size: (600, 300),
        dpi: 200,
        theme: ThemeSetting::Dark,
        ..ChartSettings::default()
    };
    let figures = recorded().figures(&settings).expect("draws");
    assert_eq!(figures.len(), 7);
    let (name, pictures) = &figures[0];
    let text = std::str::from_utf8(&pictures[0].bytes).expect("text");
    assert_eq!((name.as_str(), pictures.len(), pictures[0].extension), ("success_error_rate", 1, "svg"));
    assert!(text.contains("width=\"1200\" height=\"600\" viewBox=\"0 0 6000 3000\""));
    assert!(text.contains("#14181F"), "the dark paper");
}

#[test]
fn without_data_no_file_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let plots = folder.path().join("plots");
    assert!(monitor([]).visualize_metrics(&plots, &ChartSettings::default()).expect("nothing to do").is_empty());
    assert!(!plots.exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").expect("writes");
    let error = recorded().visualize_metrics(&file, &ChartSettings::default()).expect_err("it is a file");
    assert!(error.to_string().contains("file/success_error_rate.png"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), "in the way");
}

#[test]
fn a_metric_is_drawn_over_its_window_and_errors_say_why_not() {
    let monitor = recorded();
    let settings = ChartSettings { formats: vec![PictureFormat::Svg], ..PlotOptions::default().settings };
    let options = PlotOptions { settings, ..PlotOptions::default() };
    let svg = |options: &PlotOptions| {
        let pictures = monitor.plot_metric("generation_time", options).expect("draws");
        String::from_utf8(pictures[0].bytes.clone()).expect("text")
    };
    let hour = svg(&options);
    assert!(hour.contains("<title>generation_time Over Time</title>"));
    assert!(hour.contains("<desc>61 samples"), "both ends of the window");
    assert!(hour.contains("width=\"1200\" height=\"800\""));
    let ten = svg(&PlotOptions { window: Duration::from_secs(600), ..options.clone() });
    assert!(ten.contains("<desc>11 samples"));

    let error = |name: &str, window: u64| {
        let options = PlotOptions { window: Duration::from_secs(window), ..options.clone() };
        monitor.plot_metric(name, &options).expect_err("no picture")
    };
    let unknown = error("generation_tme", 60);
    assert!(matches!(unknown, PlotError::NotFound(_)));
    assert_eq!(unknown.to_string(), "Metric generation_tme not found; did you mean `generation_time`?");
    assert_eq!(error("nothing_like_it", 60).to_string(), "Metric nothing_like_it not found");

    monitor_with_old_metric();
}

fn monitor_with_old_metric() {
    let old = Event::new(NOW.minus(Duration::from_secs(7_200)), Metric::new("old", 1.0));
    let error = monitor([old]).plot_metric("old", &PlotOptions::default()).expect_err("nothing in the window");
    assert!(matches!(error, PlotError::NoData(_)));
    assert_eq!(error.to_string(), "No data for metric old in specified window");
}
