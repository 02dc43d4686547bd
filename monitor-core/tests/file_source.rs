//! The file source: many files as one, and files that grow, are rotated, truncated, or come late.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use monitor_core::component::{Answer, Content, Context, Dirs, SourceConfig, sink_fn};
use monitor_core::config::DurationText;
use monitor_core::pipeline::{Builder, Pipeline, Summary};
use monitor_core::sources::file::Config;
use monitor_core::{Clock, KindSet, Zone};

const PATIENCE: Duration = Duration::from_secs(20);

fn context(folder: &Path) -> Context {
    Context {
        name: "file".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: monitor_core::bus::Durability::L0,
    }
}

fn line(number: u32) -> String {
    format!("{{\"metric\":\"n\",\"value\":{number},\"timestamp\":{}}}\n", 1_777_903_200 + number)
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(line).collect()
}

/// Starts a pipeline over the source, and gives what comes out of it.
fn start(builder: Builder, config: &Config, folder: &Path) -> (Pipeline, Receiver<u32>) {
    let (sender, values) = channel();
    let sink = sink_fn(move |delivery| {
        for sample in delivery.samples() {
            sender.send(sample.value as u32).expect("the test listens");
        }
        Answer::Ok
    });
    let source = config.open(&context(folder)).expect("opens");
    (builder.source("file", source).sink("values", sink).start().expect("starts"), values)
}

fn once(paths: &[&str], folder: &Path) -> (Summary, Vec<u32>) {
    let config = Config::once(paths.iter().map(PathBuf::from).collect());
    let (pipeline, values) = start(Builder::new().zone(Zone::UTC).event_time(), &config, folder);
    (pipeline.wait(), values.try_iter().collect())
}

#[test]
fn several_files_are_one_in_the_order_of_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("writes");
    write("b.jsonl", lines(100..200));
    write("a.jsonl", (0..300).filter(|n| n % 2 == 0 && !(100..200).contains(n)).map(line).collect());
    write("c.jsonl", (0..300).filter(|n| n % 2 == 1 && !(100..200).contains(n)).map(line).collect());
    let (summary, values) = once(&["*.jsonl", "a.jsonl"], folder.path());
    assert_eq!(values, (0..300).collect::<Vec<_>>());
    assert_eq!((summary.events, summary.rejected), (300, 0));
}

#[test]
fn what_cannot_be_opened_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    let error = |path: &str| {
        let opened = Config::once(vec![path.into()]).open(&context(folder.path()));
        opened.map(drop).expect_err("cannot be opened").to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    assert_eq!(error("missing.jsonl"), "`DIR/missing.jsonl` does not exist");
    assert_eq!(error("sub"), "`DIR/sub` is a folder: name its files, for example \"DIR/sub/*.jsonl\"");
    assert_eq!(error("*.log"), "no file matches `DIR/*.log`");
}

#[test]
fn a_gzip_that_was_cut_short_gives_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/afterimage-run/metrics.jsonl.gz"));
    std::fs::write(folder.path().join("cut.gz"), &whole.expect("the recorded run")[..100_000]).expect("writes");
    let (summary, values) = once(&["cut.gz"], folder.path());
    assert!(values.len() > 5_000, "{}", values.len());
    assert!(summary.failures()[0].contains("cannot be read to its end"), "{:?}", summary.failures());
}

#[test]
fn in_a_recording_an_event_without_a_time_happened_with_the_one_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.jsonl"), line(1) + "{\"metric\":\"n\",\"value\":2}\n" + &line(3))
        .expect("writes");
    let config = Config::once(vec!["a.jsonl".into()]);
    let (pipeline, values) = start(Builder::new().zone(Zone::UTC).event_time(), &config, folder.path());
    while !(pipeline.finished() && pipeline.settled()) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let extent = pipeline.store().extent().expect("samples");
    assert_eq!(extent.end.since(extent.start), Duration::from_secs(2));
    pipeline.wait();
    assert_eq!(values.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

fn followed(folder: &Path, path: &str) -> (Pipeline, Receiver<u32>) {
    let poll = DurationText(Duration::from_millis(1));
    let config = Config { follow: true, poll, ..Config::once(vec![path.into()]) };
    start(Builder::new().zone(Zone::UTC), &config, folder)
}

fn expect(values: &Receiver<u32>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(values.recv_timeout(PATIENCE), Ok(number));
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
}

#[test]
fn a_file_is_followed_from_late_creation_through_rotation_and_truncation() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let (pipeline, values) = followed(folder.path(), "app.log");
    append(&path, &lines(0..10));
    expect(&values, 0..10);
    // Half a line is waited for.
    let half = line(10);
    append(&path, &half[..20]);
    append(&path, &half[20..]);
    expect(&values, 10..11);
    // Rename and create: the rest of the old file comes before the new one.
    let mut old = OpenOptions::new().append(true).open(&path).expect("opens");
    std::fs::rename(&path, folder.path().join("app.log.1")).expect("renames");
    // Whoever writes the file may not have noticed for many polls.
    std::thread::park_timeout(Duration::from_millis(50));
    old.write_all(&lines(11..13).as_bytes()[..20]).expect("writes");
    std::thread::park_timeout(Duration::from_millis(50));
    old.write_all(&lines(11..13).as_bytes()[20..]).expect("writes");
    append(&path, &lines(13..20));
    expect(&values, 11..20);
    // Truncation, as by copytruncate.
    File::create(&path).expect("truncates");
    append(&path, &lines(20..22));
    expect(&values, 20..22);
    // A last line without its break is taken at the end.
    append(&path, line(22).trim_end());
    append(&path, "");
    let summary = pipeline.shutdown();
    assert_eq!((summary.events, summary.rejected), (23, 0));
}

#[test]
fn a_file_that_is_renamed_within_the_glob_is_not_read_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.jsonl");
    append(&path, &lines(0..5));
    let (pipeline, values) = followed(folder.path(), "*.jsonl");
    expect(&values, 0..5);
    std::fs::rename(&path, folder.path().join("a.1.jsonl")).expect("renames");
    append(&folder.path().join("a.1.jsonl"), &lines(5..7));
    append(&path, &lines(7..10));
    expect(&values, 5..10);
    assert_eq!(pipeline.shutdown().events, 10);
}

#[test]
fn one_event_from_far_ahead_does_not_take_the_clock_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let far = line(100 * 86_400);
    // In the midst it is refused; where the others go on from there, it is only a pause.
    std::fs::write(folder.path().join("a.jsonl"), lines(0..5) + &far + &lines(5..10)).expect("writes");
    let (summary, values) = once(&["a.jsonl"], folder.path());
    assert_eq!((values, summary.rejected_by_reason.get("future")), ((0..10).collect(), Some(&1)));
    let later = 100 * 86_400..100 * 86_400 + 5;
    std::fs::write(folder.path().join("a.jsonl"), lines(0..5) + &lines(later)).expect("writes");
    let (summary, values) = once(&["a.jsonl"], folder.path());
    assert_eq!((values.len(), summary.rejected), (10, 0));
}

#[test]
fn events_that_are_all_days_apart_are_believed_but_for_those_that_the_next_contradicts() {
    let folder = tempfile::tempdir().expect("a folder");
    // More than a batch, so that one ends with an event that only the next confirms.
    let numbers: Vec<u32> = (0..2_600).map(|at| at * 2 * 86_400).collect();
    let far = |at: usize| [1, 1_022, 1_023, 1_024, 1_025, 2_047].contains(&at);
    let text: String = (0..numbers.len())
        .map(|at| line(numbers[at]) + &if far(at) { line(numbers[at] + 20_000 * 86_400) } else { String::new() })
        .collect();
    std::fs::write(folder.path().join("a.jsonl"), text).expect("writes");
    let (summary, values) = once(&["a.jsonl"], folder.path());
    assert_eq!(summary.rejected_by_reason.get("future"), Some(&6));
    assert_eq!(values, numbers);
    // And among several files, of which each ends at another time.
    for (name, part) in [("b.jsonl", 0..700), ("c.jsonl", 350..2_600)] {
        let text: String = numbers[part].iter().map(|number| line(*number)).collect();
        std::fs::write(folder.path().join(name), text).expect("writes");
    }
    let (summary, values) = once(&["b.jsonl", "c.jsonl"], folder.path());
    assert_eq!((summary.rejected, values.len()), (0, 2_950));
    assert!(values.is_sorted());
}

#[test]
fn a_glob_is_looked_at_again() {
    let folder = tempfile::tempdir().expect("a folder");
    append(&folder.path().join("a.jsonl"), &lines(0..5));
    let (pipeline, values) = followed(folder.path(), "*.jsonl");
    expect(&values, 0..5);
    append(&folder.path().join("b.jsonl"), &lines(5..10));
    expect(&values, 5..10);
    assert_eq!(pipeline.shutdown().events, 10);
}
