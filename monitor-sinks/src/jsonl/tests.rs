//! What is written, against the reference's own file and against the reader.

use std::collections::BTreeMap;
use std::path::Path;

use monitor_core::bus::{Batch, Draft};
use monitor_core::component::{Delivery, Dirs, Item};
use monitor_core::read::{LineParser, Lines, Next, open_recording};
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, KindSet, Metadata, Metric, Timestamp};

use super::*;

fn recording(name: &str) -> Lines<Box<dyn std::io::BufRead + Send>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run").join(name);
    Lines::new(open_recording(&path).expect("the recorded run"))
}

fn lines(name: &str) -> Vec<String> {
    let mut lines = recording(name);
    let mut out = Vec::new();
    while let Next::Line(line) = lines.next(true).expect("readable") {
        out.push(String::from_utf8(line.to_vec()).expect("text"));
    }
    out
}

fn events(lines: &[String]) -> Vec<Event> {
    let mut parser = LineParser::new(Zone::UTC);
    lines.iter().filter_map(|line| parser.parse(line.as_bytes(), Timestamp::MIN).expect("an event")).collect()
}

fn context(folder: &Path, content: Content) -> Context {
    Context {
        name: "test".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L0,
    }
}

/// The lines that a sink writes for these events.
fn written(content: Content, events: Vec<Event>) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config { path: "deep/er/out.jsonl".into(), ..Config::default() };
    let mut sink = config.open(&context(folder.path(), content)).expect("opens");
    let batch: Batch = Draft::new(events, &mut Deriver::new(&[])).numbered(0);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    assert!(matches!(sink.write(&Delivery::new(&items)), Answer::Ok));
    sink.flush().expect("flushes");
    let text = std::fs::read_to_string(folder.path().join("deep/er/out.jsonl")).expect("the file");
    assert!(text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

fn counted(lines: &[String], keep: impl Fn(&str) -> bool) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.iter().filter(|line| keep(line)) {
        *counts.entry(line.as_str()).or_default() += 1;
    }
    counts
}

/// The line with its value as a float: 1 and 1.0 are one number.
fn as_float(line: &str) -> String {
    let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    line["value"] = line["value"].as_f64().into();
    line.to_string()
}

#[test]
fn the_events_of_the_recorded_run_give_the_references_own_lines() {
    let mut ours = written(Content::Samples, events(&lines("afterimage.log.gz")));
    // What the totals have beyond prompt and completion; the reference does not look at it.
    ours.retain(|line| !line.starts_with(r#"{"metric": "reasoning_token_count""#));
    // Python writes a score named by an enum by its value into the log, and by its name into the metrics.
    let theirs: Vec<String> = lines("metrics.jsonl.gz")
        .into_iter()
        .map(|line| match line.split_once("EvaluationMetric.") {
            Some((before, rest)) => {
                let (name, after) = rest.split_once('"').expect("a name in quotes");
                format!("{before}{}\"{after}", name.to_lowercase())
            }
            None => line,
        })
        .collect();
    let (ours, theirs): (Vec<_>, Vec<_>) =
        (ours.iter().map(|line| as_float(line)).collect(), theirs.iter().map(|line| as_float(line)).collect());
    // What the reference counts wrongly (a score that was not given as zero, too), and what it records without an event.
    let same = |line: &str| {
        !line.starts_with(r#"{"metric":"error_rate""#)
            && !line.starts_with(r#"{"metric":"model_creation_time""#)
            && !line.contains("no score returned")
    };
    let (ours_same, theirs_same) = (counted(&ours, same), counted(&theirs, same));
    let differing: Vec<_> =
        theirs_same.iter().filter(|(line, count)| ours_same.get(*line) != Some(*count)).take(5).collect();
    assert_eq!(differing, Vec::<(&&str, &usize)>::new());
    assert_eq!(ours_same.len(), theirs_same.len());
    let errors = counted(&ours, |line| line.starts_with(r#"{"metric":"error_rate""#)).values().sum::<usize>();
    assert_eq!(errors, 2_756);
}

#[test]
fn the_references_own_lines_come_back_as_they_were() {
    let theirs = lines("metrics.jsonl.gz");
    let ours = written(Content::Samples, events(&theirs));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(as_float(ours), as_float(theirs));
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn whole_events_are_read_back_as_they_were() {
    let events = events(&lines("afterimage.log.gz"));
    let written = written(Content::Events, events.clone());
    assert_eq!(self::events(&written), events);
}

#[test]
fn metadata_does_not_overwrite_the_real_thing() {
    let metadata: Metadata = [("value", 7), ("metric", 8), ("timestamp", 9), ("other", 10)].into_iter().collect();
    let event = Event::new(Timestamp::from_secs(1), Metric::with_metadata("m", 0.5, metadata));
    assert_eq!(
        written(Content::Samples, vec![event]),
        [
            r#"{"metric": "m", "value": 0.5, "metadata_value": 7, "metadata_metric": 8, "metadata_timestamp": 9, "other": 10, "timestamp": "1970-01-01T00:00:01"}"#
        ]
    );
}

#[test]
fn a_line_that_was_cut_short_spoils_only_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("out.jsonl"), "{\"cut").expect("writes");
    let config = Config { path: "out.jsonl".into(), ..Config::default() };
    let mut sink = config.open(&context(folder.path(), Content::Events)).expect("opens");
    let event = Event::new(Timestamp::from_secs(1), Metric::new("m", 0.5));
    let batch = Draft::new(vec![event], &mut Deriver::new(&[])).numbered(0);
    let items = [Item::new(&batch, 0)];
    assert!(matches!(sink.write(&Delivery::new(&items)), Answer::Ok));
    sink.flush().expect("flushes");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("out.jsonl")).expect("the file"),
        "{\"cut\n{\"type\":\"metric\",\"timestamp\":\"1970-01-01T00:00:01.000000Z\",\"metric\":\"m\",\"value\":0.5}\n"
    );
}
