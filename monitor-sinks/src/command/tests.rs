//! Programs that take a batch, refuse it, fail, and hang.
#![cfg(unix)]

use monitor_core::bus::{Batch, Draft, Durability};
use monitor_core::component::{Dirs, Item};
use monitor_core::event::KindSet;
use monitor_core::sample::Deriver;
use monitor_core::{Clock, Event, Metric, Timestamp, Zone};

use super::*;

fn run(folder: &std::path::Path, toml: &str, events: u32) -> Answer {
    let config: Config = toml::from_str(toml).expect("keys");
    config.validate().expect("keys");
    let context = Context {
        name: "test".into(),
        dirs: Dirs { base: folder.to_owned(), data: folder.to_owned() },
        clock: Clock::System,
        zone: Zone::UTC,
        content: Content::Events,
        accept: KindSet::ALL,
        by: Vec::new(),
        durability: Durability::L0,
    };
    let mut sink = config.open(&context).expect("opens");
    let metric = |value| Event::new(Timestamp::from_secs(1), Metric::new("n'; rm -rf *", f64::from(value)));
    let batch: Batch = Draft::new((0..events).map(metric).collect(), &mut Deriver::new(&[])).numbered(0);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    sink.write(&Delivery::new(&items))
}

#[test]
fn a_program_gets_a_line_an_event_and_says_by_its_end_what_became_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeps = "shell = \"cat > got; echo $MONITOR_SINK $MONITOR_EVENTS >> got\"";
    assert!(matches!(run(folder.path(), keeps, 3), Answer::Ok));
    let got = std::fs::read_to_string(folder.path().join("got")).expect("in the folder of the configuration");
    assert_eq!((got.lines().count(), got.lines().last()), (4, Some("test 3")));
    assert!(got.starts_with(r#"{"type":"metric","#), "{got}");
    // Without a shell, and without reading anything of much.
    assert!(matches!(run(folder.path(), "command = [\"true\"]", 20_000), Answer::Ok));
    let refuses = "shell = \"echo bad data >&2; exit 65\"";
    let Answer::Rejected { indices, error } = run(folder.path(), refuses, 2) else { panic!("it refuses") };
    assert_eq!((indices, error.to_string()), (vec![0, 1], "`/bin/sh`: exit status: 65: bad data".to_owned()));
    let Answer::Retry { accepted: 0, error, .. } = run(folder.path(), "shell = \"kill -9 $$\"", 2) else {
        panic!("killed")
    };
    assert!(error.to_string().contains("signal: 9"), "{error}");
    let Answer::Retry { error, .. } = run(folder.path(), "command = [\"no-such-program\"]", 2) else {
        panic!("no program")
    };
    assert!(error.to_string().starts_with("`no-such-program`: "), "{error}");
    // It complains without end.
    let noisy = run(folder.path(), "shell = \"yes why >&2 & sleep 0.1; kill $!; exit 1\"", 1);
    let Answer::Retry { error, .. } = noisy else { panic!("{noisy:?}") };
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn one_that_hangs_is_ended_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let began = instant();
    let hangs = "shell = \"(sleep 3; echo alive > alive) & sleep 60; echo\"\nlimit = \"150ms\"";
    let Answer::Retry { accepted: 0, error, .. } = run(folder.path(), hangs, 1) else { panic!("it hangs") };
    assert!(error.to_string().contains("had not ended after 0.15 s, and was killed"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
    std::thread::park_timeout(Duration::from_millis(3_300));
    assert!(!folder.path().join("alive").exists());
}

#[test]
fn there_is_one_program() {
    for (toml, said) in
        [("", "must name a program"), ("command = [\"a\"]\nshell = \"b\"", "cannot stand beside `command`")]
    {
        let error = toml::from_str::<Config>(toml).expect("keys").validate().expect_err(toml);
        assert!(format!("{error:?}").contains(said), "{error:?}");
    }
}
