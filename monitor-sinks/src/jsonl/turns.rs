//! Rotation, packing, retention and paths with words in them, against a host that crashes whenever it likes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use monitor_core::bus::{Batch, Draft};
use monitor_core::component::{Delivery, Dirs, Item};
use monitor_core::config::{DurationText, SizeText};
use monitor_core::read::{Lines, Next, open_recording};
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, KindSet, Level, Log, Metadata, Metric, Timestamp};
use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_777_896_000);

fn context(folder: &Path, clock: &Clock) -> Context {
    Context {
        name: "test".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: clock.clone(),
        zone: "+02:00".parse().expect("a zone"),
        content: Content::Events,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L1,
    }
}

fn config(path: &str) -> Config {
    Config { path: path.into(), ..Config::default() }
}

/// A run of events of one kind, hour and source.
#[derive(Clone, Copy, Debug)]
struct Run {
    events: u64,
    log: bool,
    hour: u32,
    source: Option<u8>,
}

fn batch(first: u64, run: Run) -> Batch {
    let events = (first..first + run.events).map(|id| {
        let time = NOON.plus(Duration::from_secs(u64::from(run.hour) * 3_600));
        if run.log {
            Event::new(time, Log::new(Level::Info, "l").with("id", id))
        } else {
            let metadata: Metadata = [("id", id)].into_iter().collect();
            Event::new(time, Metric::with_metadata("m", 1.0, metadata))
        }
    });
    let mut draft = Draft::new(events.collect(), &mut Deriver::new(&[]));
    draft.set_source(run.source.map(|source| format!("s{source}").into()));
    draft.numbered(first)
}

/// All files below a folder, without those whose names begin with a dot.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            all.push(path);
        }
    }
    all.sort();
    all
}

fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.strip_prefix(folder).expect("it is below").display().to_string();
    files(folder).iter().map(name).collect()
}

/// How often each event is in a file.
fn counts(folder: &Path) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for path in files(folder) {
        let mut lines = Lines::new(open_recording(&path).expect("a file"));
        while let Next::Line(line) = lines.next(true).expect("readable") {
            let event: serde_json::Value = serde_json::from_slice(line).expect("JSON");
            let id = event["metadata"]["id"].as_u64().expect("an id");
            *counts.entry(id).or_default() += 1;
        }
    }
    counts
}

/// A host as the pipeline is one, without its threads.
struct Host {
    folder: tempfile::TempDir,
    config: Config,
    clock: Clock,
    sink: Box<dyn Sink>,
    /// The next event that is written, and that was not flushed.
    next: u64,
    flushed: u64,
    mark: Option<Vec<u8>>,
    /// What another process would know.
    noted: (u64, Option<Vec<u8>>),
}

impl Host {
    fn new(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(NOON);
        let sink = config.open(&context(folder.path(), &clock)).expect("opens");
        let mut host = Self { folder, config, clock, sink, next: 0, flushed: 0, mark: None, noted: (0, None) };
        host.begin();
        host
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn begin(&mut self) {
        let (next, mark) = self.noted.clone();
        self.sink.resume(&Resume { spool: 1, mark: mark.as_deref(), clean: false }).expect("resumes");
        (self.next, self.flushed, self.mark) = (next, next, self.sink.mark());
        self.note();
    }

    fn write(&mut self, runs: &[Run]) {
        let mut batches = Vec::new();
        for run in runs {
            batches.push(batch(self.next, *run));
            self.next += run.events;
        }
        let items: Vec<Item<'_>> =
            batches.iter().flat_map(|batch| (0..batch.len()).map(move |at| Item::new(batch, at))).collect();
        assert!(matches!(self.sink.write(&Delivery::new(&items)), Answer::Ok));
    }

    fn flush(&mut self) {
        self.sink.flush().expect("room on the disk");
        (self.flushed, self.mark) = (self.next, self.sink.mark());
    }

    fn note(&mut self) {
        self.noted = (self.flushed, self.mark.clone());
    }

    /// As the host does it, but for what it does last: to note the mark again.
    fn turn(&mut self, at_end: bool) {
        self.flush();
        self.note();
        self.sink.turn(at_end).expect("it can be done");
        self.mark = self.sink.mark();
    }

    fn crash(&mut self) {
        // The old one ends first.
        self.sink = Box::new(Nothing);
        self.sink = self.config.open(&context(self.folder.path(), &self.clock)).expect("opens");
        self.begin();
    }

    fn assert_exact(&self, before: u64) {
        let counts = counts(self.path());
        let missing: Vec<u64> = (0..before).filter(|id| !counts.contains_key(id)).collect();
        let repeated: Vec<_> = counts.iter().filter(|(_, times)| **times != 1).collect();
        assert!(missing.is_empty() && repeated.is_empty(), "{missing:?} {repeated:?} {:?}", names(self.path()));
    }
}

struct Nothing;

impl Sink for Nothing {
    fn write(&mut self, _: &Delivery<'_>) -> Answer {
        Answer::Ok
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Run>),
    Flush,
    Note,
    Turn { noted: bool },
    Crash,
    Later(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let run = (1..6_u64, any::<bool>(), 0..3_u32, prop::option::of(0..2_u8))
        .prop_map(|(events, log, hour, source)| Run { events, log, hour, source });
    prop_oneof![
        6 => prop::collection::vec(run, 1..5).prop_map(Step::Write),
        4 => Just(Step::Flush),
        3 => Just(Step::Note),
        3 => any::<bool>().prop_map(|noted| Step::Turn { noted }),
        2 => Just(Step::Crash),
        1 => (1..5_000_u64).prop_map(Step::Later),
    ]
}

fn any_config() -> impl Strategy<Value = Config> {
    let path = prop::sample::select(vec!["out/events.jsonl", "{source}/{date}/{hour}-{kind}.jsonl", "{hour}.jsonl"]);
    let packing = prop::option::of(prop::sample::select(Packing::ALL.to_vec()));
    (path, packing, any::<bool>()).prop_map(|(path, compress, by_time)| Config {
        rotate_size: Some(SizeText(700)),
        rotate_every: by_time.then(|| DurationText(Duration::from_secs(3_600))),
        compress,
        ..config(path)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn whenever_it_crashes_every_event_is_in_one_file(config in any_config(), steps in prop::collection::vec(step(), 1..60)) {
        let mut host = Host::new(config);
        for step in steps {
            match step {
                Step::Write(runs) => host.write(&runs),
                Step::Flush => host.flush(),
                Step::Note => host.note(),
                Step::Turn { noted } => {
                    host.turn(false);
                    if noted {
                        host.note();
                    } else {
                        // Nothing is written before that, but the process may end.
                        host.crash();
                    }
                }
                Step::Crash => {
                    host.crash();
                    host.assert_exact(host.next);
                }
                Step::Later(seconds) => host.clock.set(host.clock.now().plus(Duration::from_secs(seconds))),
            }
        }
        host.turn(true);
        host.assert_exact(host.next);
        prop_assert!(!host.sink.wants_turn());
    }
}

fn metrics(events: u64) -> Run {
    Run { events, log: false, hour: 0, source: None }
}

#[test]
fn a_file_is_rotated_when_it_is_large_and_when_a_day_is_over_where_the_pipeline_is() {
    let day = Some(DurationText(Duration::from_secs(86_400)));
    let mut host = Host::new(Config { rotate_size: Some(SizeText(1_000)), rotate_every: day, ..config("e.jsonl") });
    host.turn(false);
    host.write(&[metrics(2)]);
    assert!(!host.sink.wants_turn());
    host.write(&[metrics(10)]);
    assert!(host.sink.wants_turn(), "before it is flushed");
    host.turn(false);
    assert_eq!(names(host.path()), ["e-20260504T120000.000Z.jsonl", "e.jsonl"]);
    assert!(!host.sink.wants_turn());
    host.write(&[metrics(1)]);
    // Half past eleven at night, two hours east of Greenwich.
    host.clock.set(NOON.plus(Duration::from_secs(34_200)));
    assert!(!host.sink.wants_turn());
    host.clock.set(NOON.plus(Duration::from_secs(36_000)));
    assert!(host.sink.wants_turn());
    host.turn(false);
    assert_eq!(names(host.path()), ["e-20260504T120000.000Z.jsonl", "e-20260504T220000.000Z.jsonl", "e.jsonl"]);
    // What is empty is not rotated.
    host.clock.set(NOON.plus(Duration::from_secs(2 * 86_400)));
    assert!(!host.sink.wants_turn());
    host.assert_exact(13);
}

#[test]
fn what_is_too_much_or_too_old_is_deleted_and_nothing_else() {
    let mut host = Host::new(Config {
        rotate_size: Some(SizeText(1)),
        keep: Some(3),
        keep_for: Some(DurationText(Duration::from_secs(3_600))),
        compress: Some(Packing::Gzip),
        ..config("e.jsonl")
    });
    let others = ["e-20200504T120000.000Z.jsonl.bak", "e-2020.jsonl", "f-20200504T120000.000Z.jsonl", "x"];
    for other in others {
        std::fs::write(host.path().join(other), "").expect("a file");
    }
    for minute in 0..5 {
        host.clock.set(NOON.plus(Duration::from_secs(60 * minute)));
        host.write(&[metrics(1)]);
        host.turn(false);
        host.note();
    }
    host.turn(true);
    let rotated = || names(host.path()).into_iter().filter(|name| !others.contains(&name.as_str())).collect::<Vec<_>>();
    let minutes = [2, 3, 4].map(|minute| format!("e-20260504T12{minute:02}00.000Z.jsonl.gz"));
    assert_eq!(rotated(), [&minutes[..], &["e.jsonl".to_owned()]].concat());
    // Two of them are older than an hour by now; the next start looks.
    host.clock.set(NOON.plus(Duration::from_secs(3_600 + 200)));
    host.crash();
    host.turn(true);
    let rotated = names(host.path()).into_iter().filter(|name| !others.contains(&name.as_str())).collect::<Vec<_>>();
    assert_eq!(rotated, [&minutes[2..], &["e.jsonl".to_owned()]].concat());
    assert!(others.iter().all(|other| host.path().join(other).exists()));
}

#[test]
fn whatever_an_end_in_the_middle_of_packing_leaves_is_cleared_up() {
    use super::rotated::Rotated;
    let packs = Config { rotate_size: Some(SizeText(1)), compress: Some(Packing::Zstd), ..config("e.jsonl") };
    let mut host = Host::new(packs);
    let plain = |second: u64| {
        let new = Rotated::new(&host.path().join("e.jsonl"), NOON.plus(Duration::from_secs(second)));
        let line = serde_json::to_string(&batch(second, metrics(1)).event(0)).expect("JSON") + "\n";
        (new, line)
    };
    // While it was packed; once it was set aside; once the packed one had its name.
    let (first, line) = plain(0);
    std::fs::write(first.path(), line).expect("a file");
    std::fs::write(first.part(Packing::Zstd).path(), "half of").expect("a file");
    let (second, line) = plain(1);
    std::fs::write(second.aside().path(), line).expect("a file");
    std::fs::write(second.part(Packing::Zstd).path(), "all of it, as it may be").expect("a file");
    let (third, line) = plain(2);
    std::fs::write(third.aside().path(), &line).expect("a file");
    let packed = zstd::encode_all(line.as_bytes(), 1).expect("memory");
    std::fs::write(third.packed(Packing::Zstd).path(), packed).expect("a file");
    host.crash();
    host.turn(true);
    host.assert_exact(3);
    let seconds = [0, 1, 2].map(|second| format!("e-20260504T12000{second}.000Z.jsonl.zst"));
    assert_eq!(names(host.path()), [&seconds[..], &["e.jsonl".to_owned()]].concat());
    let all = std::fs::read_dir(host.path()).expect("a folder").count();
    assert_eq!(all, 4, "nothing is left that nobody sees");
}

#[test]
fn events_go_where_their_kind_day_and_source_say_and_no_more_are_open_than_may_be() {
    let mut host = Host::new(config("{source}/{date}/{kind}-{hour}.jsonl"));
    let runs: Vec<Run> =
        (0..40).map(|at| Run { events: 1, log: at % 2 == 0, hour: u32::from(at) / 4, source: Some(at) }).collect();
    host.write(&runs);
    host.write(&[metrics(1), Run { hour: 12, ..metrics(1) }]);
    host.flush();
    host.write(&runs);
    host.turn(false);
    host.note();
    host.assert_exact(82);
    let names = names(host.path());
    assert_eq!(names.len(), 42);
    for name in ["s0/2026-05-04/log-12.jsonl", "s39/2026-05-04/metric-21.jsonl", "monitor/2026-05-05/metric-00.jsonl"] {
        assert!(names.iter().any(|there| there == name), "{name}: {names:?}");
    }
    // After the turn those that are open are marked, and the sidecar is gone.
    let marked = String::from_utf8(host.noted.1.clone().expect("a mark")).expect("text");
    assert_eq!(marked.lines().count(), 4);
    assert!(!host.path().join(".{source}_{date}_{kind}-{hour}.jsonl.opened").exists());
}

#[test]
fn where_there_is_one_file_there_is_nothing_beside_it() {
    let mut host = Host::new(config("e.jsonl"));
    host.write(&[metrics(3)]);
    host.flush();
    assert!(!host.sink.wants_turn());
    host.turn(true);
    assert_eq!(std::fs::read_dir(host.path()).expect("a folder").count(), 1);
}

#[test]
fn a_file_that_somebody_takes_away_is_begun_anew_and_cut_off_as_others_are() {
    let mut host = Host::new(config("{kind}.jsonl"));
    host.write(&[metrics(3)]);
    host.turn(false);
    host.note();
    std::fs::rename(host.path().join("metric.jsonl"), host.path().join("taken.jsonl")).expect("a file");
    host.write(&[metrics(2)]);
    // Written, and in no mark.
    host.flush();
    host.crash();
    assert_eq!(host.next, 3);
    host.write(&[metrics(2)]);
    host.turn(true);
    host.assert_exact(5);
}

#[test]
fn keys_that_contradict_each_other_are_found() {
    let fault = |toml: &str| {
        let config: Config = toml::from_str(toml).expect("keys");
        let invalid = config.validate().expect_err("a fault");
        format!("{}: {}", invalid.key.unwrap_or_default(), invalid.message)
    };
    let path = "path = 'e.jsonl'\n";
    assert_eq!(
        fault(&format!("{path}keep = 3")),
        "keep: is for rotated files, and none are: add `rotate_size` or `rotate_every`, or remove it"
    );
    assert!(fault(&format!("{path}compress = 'zstd'")).starts_with("compress: is for"));
    assert!(fault(&format!("{path}keep_for = '3d'")).starts_with("keep_for: is for"));
    assert_eq!(fault(&format!("{path}rotate_size = '0'")), "rotate_size: must be more than 0");
    assert_eq!(fault(&format!("{path}rotate_every = '10ms'")), "rotate_every: must be at least 1s");
    assert_eq!(fault(&format!("{path}rotate_size = '1'\nkeep = 0")), "keep: must be at least 1");
    assert!(fault("path = 'e.jsonl.gz'\nrotate_size = '1'").starts_with("path: is written plain"));
    assert_eq!(fault("path = '{sorce}.jsonl'"), "path: knows no `{sorce}`: did you mean `source`?");
}
