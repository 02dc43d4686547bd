//! A configuration that changes while the pipeline runs: what says the same is not touched, what is wrong changes nothing,
//! and nobody misses an event for it.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use monitor_core::Timestamp;
use monitor_core::component::{
    Answer, BoxError, ComponentKind, Context, Delivery, Reading, Registry, Rule, RuleConfig, RuleDefinition, Sink,
    SinkConfig, SinkDefinition, Validate, Verdict,
};
use monitor_core::config::{Config, Fate};
use monitor_core::pipeline::{Builder, Pipeline, ReloadError, Reloaded};
use monitor_core::sample::Labels;
use monitor_core::store::Store;
use schemars::JsonSchema;
use serde::Deserialize;

/// A sink that notes in a file when it was opened, and what it got.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Notebook {
    /// It fails whatever it is given.
    fails: bool,
    /// It cannot be opened.
    missing: bool,
}

impl Validate for Notebook {}

impl SinkConfig for Notebook {
    fn open(&self, context: &Context) -> Result<Box<dyn Sink>, BoxError> {
        if self.missing {
            return Err("it is not there".into());
        }
        let path = context.dirs.data.join(&*context.name);
        let mut notes = File::options().create(true).append(true).open(path)?;
        notes.write_all(b"open\n")?;
        Ok(Box::new(Notes { fails: self.fails, notes }))
    }
}

struct Notes {
    fails: bool,
    notes: File,
}

impl Sink for Notes {
    fn write(&mut self, delivery: &Delivery<'_>) -> Answer {
        if self.fails {
            return Answer::retry("it fails");
        }
        let lines: String = delivery.samples().map(|sample| format!("{}\n", sample.value)).collect();
        self.notes.write_all(lines.as_bytes()).map_or_else(Answer::retry, |()| Answer::Ok)
    }
}

/// A rule that holds, or not, whatever there is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Always {
    holds: bool,
}

impl Validate for Always {}

impl RuleConfig for Always {
    fn open(&self, _: &Context) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(Self { holds: self.holds }))
    }
}

impl Rule for Always {
    fn evaluate(&mut self, _: &Store, _: Timestamp) -> Vec<Reading> {
        let verdict = if self.holds { Verdict::Breached } else { Verdict::Clear };
        vec![Reading::new(Labels::NONE, verdict)]
    }
}

static NOTEBOOK: SinkDefinition = SinkDefinition::sink::<Notebook>("notebook", "notes what it gets", "");
static ALWAYS: RuleDefinition = RuleDefinition::rule::<Always>("always", "holds, or does not", "");

struct House {
    folder: tempfile::TempDir,
    input: File,
    next: u64,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let input = File::create(folder.path().join("in.jsonl")).expect("a file");
        Self { folder, input, next: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, text: &str) -> Config {
        let mut registry = Registry::new();
        monitor_core::register(&mut registry).expect("once");
        registry.sink(&NOTEBOOK).expect("once");
        registry.rule(&ALWAYS).expect("once");
        let text = format!(
            "data_dir = '{}'\nmetrics_interval = \"10ms\"\n[sources.in]\ntype = \"file\"\npath = \"in.jsonl\"\nfollow = true\n{text}",
            self.path("data").display()
        );
        Config::parse(&text, "monitor.toml", self.folder.path().to_owned(), &registry).expect("it is right")
    }

    fn start(&self, text: &str) -> Pipeline {
        Builder::from_config(self.config(text)).and_then(Builder::start).expect("it starts")
    }

    /// Numbers that nobody has seen.
    fn write(&mut self, count: u64) {
        for number in self.next..self.next + count {
            writeln!(self.input, r#"{{"type":"metric","metric":"n","value":{number}}}"#).expect("room");
        }
        self.next += count;
    }

    /// What a notebook has got, as soon as it is this.
    fn expect(&self, sink: &str, opened: usize, numbers: std::ops::Range<u64>) {
        let path = self.path("data").join(sink);
        let expected: Vec<String> = numbers.map(|number| number.to_string()).collect();
        eventually(|| {
            let notes = std::fs::read_to_string(&path).unwrap_or_default();
            let (opens, got): (Vec<&str>, Vec<&str>) = notes.lines().partition(|line| *line == "open");
            if opens.len() == opened && got == expected { Ok(()) } else { Err(format!("{sink}: {opens:?} {got:?}")) }
        });
    }
}

fn eventually(mut holds: impl FnMut() -> Result<(), String>) {
    #[expect(clippy::disallowed_methods, reason = "another thread is waited for")]
    let began = Instant::now();
    while let Err(why) = holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{why}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn fates(reloaded: &Reloaded) -> Vec<(ComponentKind, &str, Fate)> {
    reloaded.components.iter().map(|change| (change.kind, change.name.as_str(), change.fate)).collect()
}

const SAME: &str = "[sinks.same]\ntype = \"notebook\"\n";

#[test]
fn what_says_the_same_is_not_touched_and_the_rest_misses_nothing() {
    let mut house = House::new();
    let mut pipeline = house.start(&format!("{SAME}[sinks.a]\ntype = \"notebook\"\n[sinks.b]\ntype = \"notebook\"\n"));
    house.write(10);
    house.expect("same", 1, 0..10);
    let reloaded = pipeline.reload(
        house.config(&format!("{SAME}[sinks.a]\ntype = \"notebook\"\nbatch = 7\n[sinks.c]\ntype = \"notebook\"\n")),
    );
    let reloaded = reloaded.expect("it can be");
    let expected = [("a", Fate::Changed), ("b", Fate::Removed), ("c", Fate::Added)];
    let expected = expected.map(|(name, fate)| (ComponentKind::Sink, name, fate));
    assert_eq!((fates(&reloaded).as_slice(), reloaded.untouched), (expected.as_slice(), 2));
    house.write(10);
    house.expect("same", 1, 0..20);
    // Once to see that it can be opened, and once to take over.
    house.expect("a", 3, 0..20);
    house.expect("b", 1, 0..10);
    house.expect("c", 1, 10..20);
    let summary = pipeline.shutdown();
    assert!(summary.sinks.iter().all(|sink| sink.closes() && sink.pending == 0), "{:?}", summary.sinks);
    assert_eq!(summary.failures(), Vec::<String>::new());
}

#[test]
fn what_waits_for_a_batch_to_fill_is_not_lost_when_its_sink_changes() {
    let mut house = House::new();
    let waiting = "[sinks.a]\ntype = \"notebook\"\nlinger = \"1h\"\n";
    let mut pipeline = house.start(&format!("{SAME}{waiting}"));
    house.write(10);
    house.expect("same", 1, 0..10);
    // Once it was opened; it has read them, and written none.
    house.expect("a", 1, 0..0);
    pipeline.reload(house.config(&format!("{SAME}{waiting}batch = 7\n"))).expect("it can be");
    house.expect("a", 3, 0..10);
    assert_eq!(pipeline.shutdown().failures(), Vec::<String>::new());
}

#[test]
fn a_sink_that_fails_is_mended_without_a_restart() {
    let mut house = House::new();
    let mut pipeline = house.start("[sinks.a]\ntype = \"notebook\"\nfails = true\n");
    house.write(3_000);
    eventually(|| if pipeline.progress().events == 3_000 { Ok(()) } else { Err("not read".to_owned()) });
    pipeline.reload(house.config("[sinks.a]\ntype = \"notebook\"\n")).expect("it can be");
    house.expect("a", 3, 0..3_000);
    assert_eq!(pipeline.shutdown().failures(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_changes_nothing() {
    let mut house = House::new();
    let first = format!("{SAME}[alerts.r]\ntype = \"always\"\nholds = true\n");
    let mut pipeline = house.start(&first);
    house.write(5);
    let changed = "[sinks.same]\ntype = \"notebook\"\nbatch = 3\n";
    let bad = house.config(&format!("{changed}[sinks.new]\ntype = \"notebook\"\nmissing = true\n"));
    let error = pipeline.reload(bad).expect_err("it is not there").to_string();
    assert_eq!(error, "open sink `new`: it is not there");
    let fixed = house.config(&format!("{SAME}[store]\nmax_series = 7\n"));
    let error = pipeline.reload(fixed).expect_err("it holds from start to end").to_string();
    assert_eq!(error, "reload: `store` cannot change while it runs: restart it for that");
    assert!(matches!(pipeline.reload(Config::default()), Err(ReloadError::NoSource)));
    house.write(5);
    // Opened at the start, and once to see that it could be.
    house.expect("same", 2, 0..10);
    // All of it holds still.
    let nothing = pipeline.reload(house.config(&first)).expect("it is the same");
    assert_eq!((nothing.components, nothing.untouched), (Vec::new(), 3));
    let summary = pipeline.shutdown();
    assert_eq!((summary.fired, summary.resolved, summary.firing), (1, 0, vec!["r".to_owned()]));
}

#[test]
fn a_rule_that_is_gone_resolves_and_one_that_has_changed_stands_where_it_stood() {
    let house = House::new();
    let rule = |name: &str, holds: bool| format!("[alerts.{name}]\ntype = \"always\"\nholds = {holds}\n");
    let mut pipeline = house.start(&(rule("gone", true) + &rule("changed", true) + &rule("over", true)));
    std::thread::park_timeout(Duration::from_millis(100));
    let level = rule("changed", true) + "level = \"critical\"\n";
    pipeline.reload(house.config(&(level + &rule("over", false)))).expect("it can be");
    std::thread::park_timeout(Duration::from_millis(700));
    let summary = pipeline.shutdown();
    assert_eq!((summary.fired, summary.resolved), (3, 2), "{:?}", summary.alerts);
    // And that it is critical now.
    assert_eq!(summary.alerts.len(), 6, "{:?}", summary.alerts);
    assert_eq!(summary.firing, ["changed"]);
}

#[test]
fn a_source_that_has_changed_goes_on_where_it_was() {
    let mut house = House::new();
    let mut pipeline = house.start(SAME);
    house.write(10);
    house.expect("same", 1, 0..10);
    let mut config = house.config(SAME);
    let second = house.config(&format!("poll = \"3ms\"\n{SAME}"));
    config.sources = second.sources;
    let reloaded = pipeline.reload(config).expect("it can be");
    assert_eq!(fates(&reloaded), [(ComponentKind::Source, "in", Fate::Changed)]);
    house.write(10);
    house.expect("same", 1, 0..20);
    let summary = pipeline.shutdown();
    assert_eq!((summary.events, summary.sources.len(), summary.sources[0].events), (20, 1, 20));
}

#[test]
fn a_pipeline_of_a_program_has_no_configuration_to_reload() {
    let mut pipeline = Builder::new().start().expect("it starts");
    let error = pipeline.reload(Config::default()).expect_err("it has none").to_string();
    assert_eq!(error, "reload: this pipeline does not come from a configuration");
}

#[test]
fn a_source_that_cannot_hand_on_what_it_has_read_is_changed_and_nothing_comes_twice() {
    let mut house = House::new();
    let waits = "[sinks.waits]\ntype = \"notebook\"\nfails = true\noverflow = \"block\"\ntimeout = \"1h\"\n";
    let mut pipeline = house.start(waits);
    // More than the bus holds.
    house.write(80_000);
    eventually(|| if pipeline.progress().events > 60_000 { Ok(()) } else { Err("not read".to_owned()) });
    std::thread::park_timeout(Duration::from_millis(100));
    let mut config = house.config(waits);
    config.sources = house.config(&format!("poll = \"3ms\"\n{waits}")).sources;
    pipeline.reload(config).expect("it can be");
    let mut config = house.config(&waits.replace("fails = true", "fails = false"));
    config.sources = house.config(&format!("poll = \"3ms\"\n{waits}")).sources;
    pipeline.reload(config).expect("it can be");
    house.expect("waits", 3, 0..80_000);
    assert!(!pipeline.finished(), "its new self goes on");
    let summary = pipeline.shutdown();
    assert_eq!((summary.events, summary.failures()), (80_000, Vec::new()));
}

#[test]
fn kinds_that_a_failing_sink_does_not_accept_any_more_do_not_unbalance_its_books() {
    let mut house = House::new();
    let sink = |more: &str| format!("[sinks.a]\ntype = \"notebook\"\n{more}");
    let mut pipeline = house.start(&sink("fails = true\n"));
    house.write(10);
    eventually(|| if pipeline.progress().events == 10 { Ok(()) } else { Err("not read".to_owned()) });
    std::thread::park_timeout(Duration::from_millis(300));
    pipeline.reload(house.config(&sink("accept = [\"log\"]\n"))).expect("it can be");
    house.write(10);
    eventually(|| if pipeline.progress().events == 20 { Ok(()) } else { Err("not read".to_owned()) });
    eventually(|| if pipeline.settled() { Ok(()) } else { Err("not settled".to_owned()) });
    let summary = pipeline.shutdown();
    let sink = &summary.sinks[0];
    assert!(sink.closes() && sink.pending == 0 && sink.delivered + sink.filtered == 20, "{sink:?}");
    assert_eq!(summary.failures(), Vec::<String>::new());
}
