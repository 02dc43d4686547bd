//! Volumes that are full, or can only be read: no half file has the name of a whole one, and when there is room again everything
//! is there. Only root can mount them.
#![cfg(feature = "real-components")]

mod support;
#[path = "support/volume.rs"]
mod volume;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Dir, Ended, recording};
use volume::{Ballast, Volume};

/// All that is below a folder, but for folders and what belongs to the test.
fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> =
        std::fs::read_dir(folder)
            .expect("a folder")
            .flatten()
            .flat_map(|entry| {
                if entry.path().is_dir() { files(&entry.path()) } else { vec![entry.path().display().to_string()] }
            })
            .filter(|path| !path.ends_with("/ballast"))
            .collect();
    found.sort();
    found
}

#[test]
fn an_export_that_finds_no_room_leaves_nothing_and_replaces_nothing() {
    let dir = Dir::new();
    let small = dir.path().join("small");
    let Some(_volume) = Volume::mount(&small) else { return };
    let log = recording("afterimage.log.gz").canonicalize().expect("the recorded run").display().to_string();
    std::fs::write(small.join("run.csv"), "of before").expect("room");
    let before = files(&small);
    for (name, flags) in [
        ("run.csv", &["--by", "none", "--force"][..]),
        ("parts.csv", &["--manifest"]),
        ("run.json", &[]),
        ("run.xlsx", &[]),
        ("run.parquet", &[]),
        ("run.parquet", &["--by", "date,model_name"]),
        ("run.db", &[]),
        ("run.ndjson", &["--manifest"]),
    ] {
        let out = format!("small/{name}");
        let arguments = [&["export", &log, "--out", &out], flags].concat();
        let full = Ballast::fill(&small, 65_536);
        let ended = dir.monitor(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{name}");
        let said = ended.stderr.contains("No space left") || ended.stderr.contains("is full");
        assert!(said && ended.stderr.contains("failed to export"), "{name}: {}", ended.stderr);
        assert_eq!(files(&small), before, "{name}");
        assert_eq!(std::fs::read_to_string(small.join("run.csv")).expect("a file"), "of before");
        drop(full);
    }
}

#[test]
fn an_export_to_a_volume_that_can_only_be_read_is_refused_before_anything_is_read() {
    let dir = Dir::new();
    let small = dir.path().join("small");
    let Some(volume) = Volume::mount(&small) else { return };
    std::fs::write(small.join("run.json"), "of before").expect("room");
    volume.only_read();
    for out in ["run.json", "run.ndjson", "run.db", "run.csv", "run.parquet", "run.xlsx", "new/run.json"] {
        let ended = dir.monitor(&["export", "missing", "--out", &format!("small/{out}"), "--force"]);
        assert_eq!(ended.code, Some(1), "{out}");
        assert!(ended.stderr.contains("Read-only file system"), "{out}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_to_string(small.join("run.json")).expect("a file"), "of before");
}

const SINKS: [(&str, &str); 5] =
    [("csv", "csv"), ("excel", "xlsx"), ("json", "json"), ("parquet", "parquet"), ("jsonl", "jsonl")];

fn start(dir: &Dir) -> Child {
    let mut command = dir.command(&["run"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

fn append(dir: &Dir, numbers: std::ops::Range<u32>) {
    let text: String = numbers
        .map(|number| {
            let check = format!("{number:06}").repeat(20);
            format!("{{\"metric\":\"n\",\"value\":{number},\"metadata\":{{\"check\":\"n{check}\"}}}}\n")
        })
        .collect();
    let file = std::fs::File::options().create(true).append(true).open(dir.path().join("app.jsonl"));
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("room");
}

/// How many events have come in, and what each sink has to get.
fn books(dir: &Dir) -> (u64, BTreeMap<String, u64>) {
    let books: Value =
        serde_json::from_str(&dir.monitor(&["status", "monitoring", "--format", "json"]).stdout).unwrap_or_default();
    let pending = |sink: &Value| sink["pending"].as_u64().expect("a number");
    let sinks = books["sinks"].as_object().into_iter().flatten();
    (books["accepted"].as_u64().unwrap_or_default(), sinks.map(|(name, sink)| (name.clone(), pending(sink))).collect())
}

fn eventually(what: &str, dir: &Dir, mut holds: impl FnMut() -> bool) {
    let held = (0..6_000).any(|_| {
        std::thread::park_timeout(Duration::from_millis(5));
        holds()
    });
    assert!(held, "{what}: {:?}", books(dir));
}

/// The numbers in the complete files of a sink; of those of `jsonl`, in its only file.
fn numbers(dir: &Dir, folder: &str) -> Vec<u64> {
    let out = format!("{folder}.ndjson");
    let ended = dir.monitor(&["export", &format!("small/{folder}"), "--out", &out, "--force"]);
    assert_eq!(ended.code, Some(0), "{folder}: {}", ended.stderr);
    let value =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["value"].as_f64().expect("a number") as u64;
    let mut numbers: Vec<u64> = dir.read(&out).lines().map(value).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn sinks_on_a_full_volume_wait_for_room_and_hold_nobody_up() {
    let dir = Dir::new();
    let small = dir.path().join("small");
    let Some(volume) = Volume::mount(&small) else { return };
    let mut config = "[sources.app]\ntype = \"file\"\npath = \"app.jsonl\"\nfollow = true\npoll = \"20ms\"\n\
         [sinks.elsewhere]\ntype = \"jsonl\"\npath = \"elsewhere.jsonl\"\nlinger = \"1ms\"\n"
        .to_owned();
    for (sink, ending) in SINKS {
        let path = small.join(sink).join(format!("n.{ending}")).display().to_string();
        let rows = if sink == "jsonl" { "" } else { "rotate_rows = 300\n" };
        config += &format!("[sinks.{sink}]\ntype = \"{sink}\"\npath = \"{path}\"\nlinger = \"1ms\"\n{rows}");
    }
    dir.write("monitor.toml", config);
    append(&dir, 0..500);
    let child = start(&dir);
    eventually("all is delivered", &dir, || {
        let (accepted, pending) = books(&dir);
        accepted == 500 && pending.len() == 6 && pending.values().all(|pending| *pending == 0)
    });
    let is_complete = |path: &str, ending: &str| path.ends_with(ending) && !path.contains("/.n");
    eventually("each has completed a file", &dir, || {
        let complete =
            |(sink, ending): &(&str, &str)| files(&small.join(sink)).iter().any(|path| is_complete(path, ending));
        SINKS.iter().all(complete)
    });
    let full = Ballast::fill(&small, 20_000);
    append(&dir, 500..20_000);
    eventually("whoever has room gets all, and nobody else", &dir, || {
        let (accepted, pending) = books(&dir);
        accepted == 20_000 && pending["elsewhere"] == 0 && SINKS.iter().all(|(sink, _)| pending[*sink] > 0)
    });
    // What has its name is whole.
    for (sink, _) in SINKS.into_iter().filter(|(sink, _)| *sink != "jsonl") {
        let numbers = numbers(&dir, sink);
        assert!(numbers.len() >= 300 && numbers == (0..numbers.len() as u64).collect::<Vec<_>>(), "{sink}");
    }
    drop(full);
    volume.grow();
    eventually("what waited is delivered", &dir, || books(&dir).1.values().all(|pending| *pending == 0));
    append(&dir, 20_000..20_010);
    eventually("and what comes", &dir, || books(&dir).0 == 20_010);
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill").success());
    let ended = Ended::from(child.wait_with_output().expect("ends"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for (sink, _) in SINKS {
        assert!(numbers(&dir, sink) == (0..20_010).collect::<Vec<_>>(), "{sink}");
        let left: Vec<String> = files(&small.join(sink)).into_iter().filter(|path| path.contains("/.n")).collect();
        assert_eq!(left, Vec::<String>::new(), "{sink}");
    }
}
