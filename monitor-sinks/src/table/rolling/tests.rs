//! Whatever happens in whatever order, every sample is in one complete file, once.

use std::collections::BTreeMap;

use monitor_core::bus::{Batch, Draft, Durability};
use monitor_core::component::Item;
use monitor_core::event::{Event, KindSet};
use monitor_core::sample::Deriver;
use monitor_core::{Generation, Metric};
use proptest::prelude::*;

use super::*;
use crate::csv::Csv;
use crate::parquet::Parquet;

fn config<F: TableFormat>(text: &str) -> RollingConfig<F> {
    let config: RollingConfig<F> = toml::from_str(text).expect("a configuration");
    config.validate().expect("one that can be");
    config
}

fn context(folder: &Path, clock: Clock) -> Context {
    Context {
        name: "test".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock,
        zone: Zone::UTC,
        content: Content::Samples,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L1,
    }
}

/// Metrics that are called by their number, from the one of this number on.
fn write(sink: &mut RollingSink, first: u64, count: u64) {
    let event = |number: u64| Event::new(Timestamp::from_secs(number as i64), Metric::new("n", number as f64));
    let batch: Batch = Draft::new((first..first + count).map(event).collect(), &mut Deriver::new(&[])).numbered(first);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    assert!(matches!(sink.write(&Delivery::new(&items)), Answer::Ok));
}

/// Which numbers stand in complete files, and how often. Nothing else may be in the folder at the end.
fn numbers<F: TableFormat>(folder: &Path) -> BTreeMap<u64, usize> {
    let mut numbers = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let Reading { table, refused } = F::read(&path, &Zone::UTC).expect("it is complete");
        assert!(refused.is_empty());
        (0..table.len()).for_each(|row| *numbers.entry(table.value(row) as u64).or_default() += 1);
    }
    numbers
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    /// Flushes; the host notes how far it is.
    Flush,
    Turn,
    /// The process ends where it stands,
    Crash,
    /// after lines were written of which the host does not know,
    CrashUnnoted,
    /// in the middle of a turn: lines are put by and not yet converted,
    CrashPutBy,
    /// or are converted and still there.
    CrashConverted,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..40).prop_map(Step::Write),
        3 => Just(Step::Flush),
        1 => Just(Step::Turn),
        1 => Just(Step::Crash),
        1 => Just(Step::CrashUnnoted),
        1 => Just(Step::CrashPutBy),
        1 => Just(Step::CrashConverted),
    ]
}

/// What the host knows of the sink, and does: it flushes and notes before a turn, and notes again behind it.
struct Host<F> {
    folder: tempfile::TempDir,
    config: RollingConfig<F>,
    sink: Option<RollingSink>,
    noted: (u64, Option<Vec<u8>>),
    next: u64,
}

impl<F: TableFormat> Host<F> {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut host = Self { folder, config: config(text), sink: None, noted: (0, None), next: 0 };
        host.open();
        host
    }

    fn open(&mut self) {
        let context = context(self.folder.path(), Clock::manual(Timestamp::from_secs(0)));
        let mut sink = RollingSink::open(&self.config, &context).expect("opens");
        let resume = Resume { spool: 1, mark: self.noted.1.as_deref(), clean: false };
        assert_eq!(sink.resume(&resume).expect("goes on"), Resumed::AsNoted);
        self.next = self.noted.0;
        self.noted.1 = sink.mark();
        self.sink = Some(sink);
    }

    fn sink(&mut self) -> &mut RollingSink {
        self.sink.as_mut().expect("it is open")
    }

    fn flush(&mut self) {
        self.sink().flush().expect("there is room");
        self.noted = (self.next, self.sink().mark());
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(count) => {
                let next = self.next;
                write(self.sink(), next, *count);
                self.next += count;
            }
            Step::Flush => {
                self.flush();
                if self.sink().wants_turn() {
                    self.take(&Step::Turn);
                }
            }
            Step::Turn => {
                self.flush();
                let rows = std::mem::replace(&mut self.sink().rows, 1);
                self.sink().turn(false).expect("there is room");
                self.sink().rows = rows;
                self.noted.1 = self.sink().mark();
            }
            Step::Crash => {
                self.sink = None;
                self.open();
            }
            Step::CrashUnnoted => {
                self.sink().flush().expect("there is room");
                self.take(&Step::Crash);
            }
            Step::CrashPutBy => {
                self.flush();
                self.sink().put_by().expect("there is room");
                self.take(&Step::Crash);
            }
            Step::CrashConverted => {
                self.flush();
                self.sink().put_by().expect("there is room");
                for lines in self.sink().waiting.clone() {
                    let kept = std::fs::read(&lines).expect("lines");
                    self.sink().convert(&lines).expect("there is room");
                    std::fs::write(&lines, kept).expect("there is room");
                }
                self.take(&Step::Crash);
            }
        }
    }

    fn end(mut self) -> (BTreeMap<u64, usize>, u64) {
        self.flush();
        self.sink().turn(true).expect("there is room");
        (numbers::<F>(self.folder.path()), self.next)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_sample_is_in_one_file_once(steps in prop::collection::vec(step(), 0..30)) {
        let mut host = Host::<Csv>::new("path = \"m.csv\"\nby = []\nrotate_rows = 50");
        for step in &steps {
            host.take(step);
        }
        let (numbers, next) = host.end();
        prop_assert_eq!(numbers, (0..next).map(|number| (number, 1)).collect::<BTreeMap<_, _>>());
    }
}

#[test]
fn a_file_is_called_by_its_first_moment_and_its_events_and_none_takes_the_place_of_another() {
    let mut host = Host::<Parquet>::new("path = \"m.parquet\"");
    host.take(&Step::Write(10));
    host.take(&Step::Turn);
    // Another process, which counts from the beginning.
    host.noted = (0, None);
    host.open();
    host.take(&Step::Write(10));
    host.flush();
    host.sink().turn(true).expect("there is room");
    let mut names: Vec<_> =
        std::fs::read_dir(host.folder.path()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    names.sort();
    assert_eq!(names, ["m-19700101T000000Z-0-9-2.parquet", "m-19700101T000000Z-0-9.parquet"]);
    assert!(numbers::<Parquet>(host.folder.path()).into_iter().all(|(_, count)| count == 2));
}

#[test]
fn it_turns_when_there_is_enough_or_the_first_is_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(Timestamp::from_secs(0));
    let config = config::<Parquet>("path = \"m.parquet\"\nrotate_rows = 50\nrotate_every = \"1m\"");
    let mut sink = RollingSink::open(&config, &context(folder.path(), clock.clone())).expect("opens");
    assert!(!sink.wants_turn());
    write(&mut sink, 0, 49);
    assert!(!sink.wants_turn());
    write(&mut sink, 49, 1);
    assert!(sink.wants_turn());
    sink.flush().expect("there is room");
    sink.turn(false).expect("there is room");
    assert!(!sink.wants_turn());
    clock.set(Timestamp::from_secs(100));
    assert!(!sink.wants_turn(), "there is nothing");
    // Of before; it has come now.
    write(&mut sink, 50, 1);
    clock.set(Timestamp::from_secs(159));
    assert!(!sink.wants_turn());
    clock.set(Timestamp::from_secs(160));
    assert!(sink.wants_turn());
    sink.flush().expect("there is room");
    sink.turn(false).expect("there is room");
    // Where the clock follows the events it may lag behind them.
    write(&mut sink, 1_000, 1);
    clock.set(Timestamp::from_secs(1_059));
    assert!(!sink.wants_turn());
    clock.set(Timestamp::from_secs(1_060));
    assert!(sink.wants_turn());
}

#[test]
fn what_cannot_be_completed_waits_and_is_complete_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config::<Parquet>("path = \"m.parquet\"");
    let context = context(folder.path(), Clock::System);
    let mut sink = RollingSink::open(&config, &context).expect("opens");
    write(&mut sink, 0, 10);
    sink.flush().expect("there is room");
    // A folder stands in the way.
    let in_the_way = folder.path().join("m-19700101T000000Z-0-9.parquet/x");
    sink.put_by().expect("there is room");
    std::fs::create_dir_all(&in_the_way).expect("a folder");
    let error = sink.turn(false).expect_err("there is a folder").to_string();
    assert!(error.contains("m-19700101T000000Z-0-9.parquet"), "{error}");
    assert!(sink.wants_turn());
    write(&mut sink, 10, 5);
    sink.flush().expect("there is room");
    std::fs::remove_dir_all(in_the_way.parent().expect("a folder")).expect("ours");
    sink.turn(true).expect("nothing stands in the way");
    assert_eq!(numbers::<Parquet>(folder.path()), (0..15).map(|number| (number, 1)).collect());
}

#[test]
fn all_samples_of_an_event_are_there_with_its_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config::<Parquet>("path = \"m.parquet\"");
    let mut sink = RollingSink::open(&config, &context(folder.path(), Clock::System)).expect("opens");
    let call = Generation::new(1.5, true).model("gpt-4o").with("operation", "answer").with("success", "odd");
    let batch = Draft::new(vec![Event::new(Timestamp::from_secs(7), call)], &mut Deriver::new(&[])).numbered(3);
    assert!(matches!(sink.write(&Delivery::new(&[Item::new(&batch, 0)])), Answer::Ok));
    sink.flush().expect("there is room");
    sink.turn(true).expect("there is room");
    let path = folder.path().join("m-19700101T000007Z-3-3.parquet");
    let table = Parquet::read(&path, &Zone::UTC).expect("it is complete").table;
    let rows: Vec<String> = (0..table.len())
        .map(|row| {
            let cells: Vec<String> =
                table.attributes(row).map(|(name, cell)| format!("{name}={}", cell.text())).collect();
            format!("{} {} {}", table.metrics()[table.metric(row)], table.value(row), cells.join(" "))
        })
        .collect();
    let labels = "model_name=gpt-4o operation=answer success=true";
    let expected = ["generation_time 1.5", "success_rate 1", "error_rate 0", "model_usage:gpt-4o 1"];
    assert_eq!(rows, expected.map(|sample| format!("{sample} {labels}")));
}

#[test]
fn what_cannot_be_is_refused() {
    for (text, key) in [
        ("path = \"\"", "path"),
        ("path = \"m\"\nrotate_rows = 0", "rotate_rows"),
        ("path = \"m\"\nrotate_every = \"10ms\"", "rotate_every"),
    ] {
        let config: RollingConfig<Parquet> = toml::from_str(text).expect("a configuration");
        assert!(format!("{:?}", config.validate().expect_err(text)).contains(key), "{text}");
    }
    let config: RollingConfig<crate::json::Json> =
        toml::from_str("path = \"m\"\nby = [\"metric\"]").expect("a configuration");
    assert!(config.validate().is_err());
}
