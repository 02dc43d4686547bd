//! Pictures of a program's own metrics: files, bytes, and the errors in the words of the Python class.
#![cfg(feature = "default")]

use std::sync::mpsc::channel;
use std::time::Duration;

use monitor_core::component::{Reading, Rule, Verdict};
use monitor_core::config::{ChartSettings, PictureFormat, RuleSettings, ThemeSetting};
use monitor_core::sample::Labels;
use monitor_core::store::{Selector, Store, Window};
use monitor_core::{Clock, Evaluation, Event, Generation, Metric, Monitor, Recorded, Timestamp, Tokens, Zone};
use monitor_viz::draw::Plot;
use monitor_viz::{PlotError, PlotOptions, Scope, ToFigure, Visualize, line};

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

/// Fires while the last value of `m` is above zero.
struct Above;

impl Rule for Above {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let stats = store.stats(&Selector::metric("m"), Window::last(Duration::from_secs(3_600), now)).ok().flatten();
        let verdict = match stats {
            Some(stats) if stats.last > 0.0 => Verdict::Breached,
            Some(_) => Verdict::Clear,
            None => Verdict::NoData,
        };
        vec![Reading::new(Labels::NONE, verdict)]
    }
}

#[test]
fn a_line_marks_when_a_rule_of_the_pipeline_fired() {
    let minute = Duration::from_secs(60);
    let clock = Clock::manual(NOW);
    let (alerts, told) = channel();
    let monitor = Monitor::builder()
        .clock(clock.clone())
        .metrics_interval(minute)
        .rule("above", Box::new(Above), RuleSettings::default())
        .on_alert(move |time, _| alerts.send(time).expect("the test listens"))
        .start()
        .expect("starts");
    for (seconds, value, tick) in [(0, 2.0, 1), (90, 0.0, 2)] {
        clock.set(NOW.plus(Duration::from_secs(seconds)));
        assert_eq!(monitor.record_metric("m", value, &[]), Recorded::Accepted);
        assert!(monitor.flush(Duration::from_secs(20)).complete);
        clock.set(NOW.plus(minute * tick));
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(NOW.plus(minute * tick)));
    }
    let chart = line::Config { alerts: vec!["*".into()], ..line::Config::of("m") };
    let figure = chart.figure(monitor.store(), &Scope::all(Zone::UTC)).expect("valid").expect("data");
    let Plot::Lines(lines) = figure.plot else { panic!("lines") };
    let shade = &lines.shades[0];
    let seconds = |micros: i64| Timestamp::from_micros(micros).since(NOW).as_secs();
    // The axis ends with the last sample, before the rule saw it.
    assert_eq!((shade.label.as_str(), seconds(shade.from), seconds(shade.to)), ("above", 60, 90));
}
