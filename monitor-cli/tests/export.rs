//! `monitor export` as a user gives it: what it says, what it writes, what it refuses, and that it comes back as it was.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Dir, Ended, recording};

/// A folder with the recorded run in it.
fn place() -> Dir {
    let dir = Dir::new();
    std::fs::copy(recording("afterimage.log.gz"), dir.path().join("run.log.gz")).expect("the recorded run");
    dir
}

fn export(dir: &Dir, data: &str, out: &str, flags: &[&str]) -> Ended {
    dir.monitor(&[&["export", data, "--out", out], flags].concat())
}

/// One that must go well.
fn exported(dir: &Dir, data: &str, out: &str, flags: &[&str]) -> String {
    let ended = export(dir, data, out, flags);
    assert_eq!(ended.code, Some(0), "{data} to {out}: {}", ended.stderr);
    ended.stdout
}

/// What there is in a folder, also what is hidden.
fn files(dir: &Dir, folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir.path().join(folder)).expect("a folder").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The events of any data, each a line, in the order of their text; attributes have none.
fn lines(dir: &Dir, data: &str) -> Vec<String> {
    let out = format!("lines/{}.ndjson", data.replace('/', "_"));
    exported(dir, data, &out, &["--force"]);
    let sorted = |line: &str| {
        let mut event: Value = serde_json::from_str(line).expect("JSON");
        event.sort_all_objects();
        event.to_string()
    };
    let mut lines: Vec<String> = dir.read(&out).lines().map(sorted).collect();
    lines.sort();
    lines
}

/// The names of the metrics in a JSON, with how many samples each has.
fn counts(dir: &Dir, json: &str) -> Vec<(String, usize)> {
    let lists: Value = serde_json::from_str(&dir.read(json)).expect("JSON");
    let lists = lists.as_object().expect("lists");
    lists.iter().map(|(metric, samples)| (metric.clone(), samples.as_array().expect("a list").len())).collect()
}

#[test]
fn its_help_tells_all_of_it() {
    insta::assert_snapshot!("export_help", Dir::new().monitor(&["export", "--help"]).stdout);
}

#[test]
fn it_says_what_it_has_written() {
    let dir = place();
    let flags = ["--metric", "evaluation_time,*_score_overall", "--since", "2026-05-04T14:10:00Z"];
    insta::assert_snapshot!("export_text", exported(&dir, "run.log.gz", "run.csv", &flags));
    assert_eq!(
        files(&dir, ""),
        ["run.log.gz", "run_evaluation_score_overall.csv", "run_evaluation_time.csv"].map(str::to_owned).into()
    );
    insta::assert_snapshot!(
        "export_csv",
        dir.read("run_evaluation_score_overall.csv").lines().take(4).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn a_manifest_tells_what_the_files_hold() {
    let dir = place();
    exported(&dir, "run.log.gz", "run.csv", &["--by", "success", "--manifest"]);
    let manifest: Value = serde_json::from_str(&dir.read("run.csv.manifest.json")).expect("JSON");
    let entries = manifest["files"].as_array().expect("files");
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry["path"].as_str()).collect();
    assert_eq!(names, ["run_true.csv", "run_false.csv"]);
    for entry in entries {
        let name = entry["path"].as_str().expect("a path");
        let sum = Command::new("sha256sum").arg(dir.path().join(name)).output().expect("sha256sum").stdout;
        let text = dir.read(name);
        assert_eq!(entry["sha256"], String::from_utf8_lossy(&sum)[..64].to_owned(), "{name}");
        assert_eq!((&entry["bytes"], &entry["rows"]), (&json!(text.len()), &json!(text.lines().count() - 1)), "{name}");
    }
    let head = ["written_by", "format", "events", "rows", "first", "last"].map(|key| manifest[key].clone());
    assert_eq!(
        Value::from(head.to_vec()),
        json!([
            concat!("monitor ", env!("CARGO_PKG_VERSION")),
            "csv",
            4_644,
            30_010,
            "2026-05-04T14:00:02.881194Z",
            "2026-05-04T14:28:52.519279Z"
        ])
    );
    exported(&dir, "run.log.gz", "run.db", &["--manifest=about/it.json"]);
    assert!(dir.read("about/it.json").contains("\"rows\": 4650"));
}

#[test]
fn what_cannot_be_is_refused_with_a_remedy_and_writes_nothing() {
    let dir = place();
    std::fs::create_dir(dir.path().join("folder")).expect("a folder");
    dir.write("there.json", "of somebody");
    dir.write("there.json.manifest.json", "of somebody");
    let before = files(&dir, "");
    let said: Vec<String> = [
        &["there.json"][..],
        &["new.json", "--manifest=there.json.manifest.json"],
        &["new.json", "--manifest=new.json"],
        &["folder"],
        &["folder", "--format", "parquet"],
        &["run.foo"],
        &["run"],
        &["run.json", "--format", "avro"],
        &["run.json", "--by", "metric"],
        &["run.db", "--by", "none"],
        &["run.csv", "--metric", "a[", "--by", "none"],
        &["run.csv", "--where", "model_name"],
        &["run.csv", "--where", "model_name=~("],
        &["run.csv", "--kind", "generations"],
        &["run.csv", "--since", "yesterday"],
        &["run.csv", "--window", "5m", "--since", "-10m"],
        &["run.csv", "--since", "2026-05-05", "--until", "2026-05-04"],
        &["run.csv", "--timezone", "Mars/Olympus"],
        &["/dev/null", "--format", "json", "--force"],
        &["run.log.gz/x.json"],
    ]
    .iter()
    .map(|flags| {
        let ended = export(&dir, "run.log.gz", flags[0], &flags[1..]);
        assert_ne!(ended.code, Some(0), "{flags:?}");
        assert_eq!(ended.stdout, "", "{flags:?}");
        format!("--out {}: {}\n{}", flags.join(" "), ended.code.expect("it ends"), ended.stderr)
    })
    .collect();
    insta::assert_snapshot!("export_refused", said.join("\n"));
    assert_eq!(files(&dir, ""), before);
    assert_eq!(dir.read("there.json"), "of somebody");
}

#[test]
fn a_file_that_is_there_is_replaced_if_one_says_so_also_by_what_is_read_from_it() {
    let dir = place();
    dir.write("run.json", "of before");
    exported(&dir, "run.log.gz", "run.json", &["--force", "--kind", "evaluation"]);
    let all = lines(&dir, "run.json");
    exported(&dir, "run.json", "run.json", &["--force", "--metric", "evaluation_time"]);
    assert_eq!(counts(&dir, "run.json"), [("evaluation_time".to_owned(), 1_888)]);
    assert!(all.len() > 1_888);
    // What has not come to be replaces nothing.
    let nothing = export(&dir, "run.log.gz", "run.json", &["--force", "--kind", "alert"]);
    assert_eq!(nothing.code, Some(1));
    assert_eq!(counts(&dir, "run.json"), [("evaluation_time".to_owned(), 1_888)]);
}

#[test]
fn nothing_to_write_leaves_no_file_and_says_why() {
    let dir = place();
    dir.write("empty.jsonl", "");
    dir.write("empty.csv", "timestamp,value,metric\n");
    dir.write("empty.json", "{}");
    dir.write("bad.jsonl", b"no event\n{\"type\":\n\xff\xfe\n");
    let before = files(&dir, "");
    let said: Vec<String> = ["empty.jsonl", "empty.csv", "empty.json", "bad.jsonl"]
        .into_iter()
        .flat_map(|data| ["out.json", "out.db", "out.ndjson"].map(|out| (data, out)))
        .map(|(data, out)| {
            let ended = export(&dir, data, out, &["--manifest"]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{data} to {out}");
            format!("{data}: {}", ended.stderr.replace(&dir.path().display().to_string(), "FOLDER"))
        })
        .collect();
    assert_eq!(files(&dir, ""), before);
    assert!(said.chunks(3).all(|of| of[0] == of[1] && of[1] == of[2]), "{said:#?}");
    insta::assert_snapshot!("export_nothing", said.iter().step_by(3).cloned().collect::<String>());
}

#[test]
fn damaged_data_is_said_with_its_name_and_nothing_is_written() {
    let dir = place();
    for out in ["whole.parquet", "whole.xlsx", "whole.db", "whole.json"] {
        exported(&dir, "run.log.gz", out, &["--metric", "*_time"]);
    }
    let sink = "type = \"jsonl\"\npath = \"events.jsonl\"\nrotate_size = \"300 KiB\"\ncompress = \"zstd\"\n";
    dir.write("monitor.toml", format!("[sinks.events]\n{sink}"));
    assert_eq!(dir.monitor(&["run", "run.log.gz"]).code, Some(0));
    let packed = files(&dir, "monitoring")
        .into_iter()
        .find(|name| Path::new(name).extension().is_some_and(|end| end == "zst"))
        .expect("it was rotated");
    let mut cut = Vec::new();
    for (name, bytes) in [
        ("whole.parquet", std::fs::read(dir.path().join("whole.parquet")).expect("a file")),
        ("whole.xlsx", std::fs::read(dir.path().join("whole.xlsx")).expect("a file")),
        ("whole.db", std::fs::read(dir.path().join("whole.db")).expect("a file")),
        ("whole.json", std::fs::read(dir.path().join("whole.json")).expect("a file")),
        ("whole.log.gz", std::fs::read(dir.path().join("run.log.gz")).expect("a file")),
        ("whole.jsonl.zst", std::fs::read(dir.path().join("monitoring").join(packed)).expect("a file")),
    ] {
        let short = name.replace("whole", "short");
        dir.write(&short, &bytes[..bytes.len() / 2]);
        // The beginning tells what it is; noise in the middle of the rest.
        let spoilt = name.replace("whole", "spoilt");
        let noise: Vec<u8> = (0..bytes.len() as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        dir.write(&spoilt, [&bytes[..16], &noise[16..]].concat());
        cut.extend([short, spoilt]);
    }
    let before = files(&dir, "");
    for data in cut {
        for out in ["out.parquet", "out.ndjson", "out.db"] {
            let ended = export(&dir, &data, out, &[]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{data}: {}", ended.stderr);
            let last = ended.stderr.lines().last().expect("it says something");
            let told = last.starts_with("error: ") && (last.contains(&data) || last.contains("nothing is written"));
            assert!(told && !ended.stderr.contains("panicked"), "{data}: {}", ended.stderr);
        }
    }
    assert_eq!(files(&dir, ""), before);
}

#[test]
fn a_window_is_the_part_that_it_says() {
    let dir = place();
    let first_and_last = |flags: &[&str]| {
        exported(&dir, "run.log.gz", "part.json", &[&["--force", "--manifest", "--timezone", "UTC"], flags].concat());
        let manifest: Value = serde_json::from_str(&dir.read("part.json.manifest.json")).expect("JSON");
        let text = |key: &str| manifest[key].as_str().expect("a time")[..19].to_owned();
        (text("first"), text("last"), manifest["rows"].as_u64().expect("a number"))
    };
    let part = |first: &str, last: &str, rows| (first.to_owned(), last.to_owned(), rows);
    let (begin, end) = ("2026-05-04T14:00:02", "2026-05-04T14:28:52");
    let all = part(begin, end, 30_010);
    for flags in [&[][..], &["--since", "2026-05-04"], &["--until", "2026-05-05"], &["--window", "1h"]] {
        assert_eq!(first_and_last(flags), all, "{flags:?}");
    }
    let late = first_and_last(&["--window", "5m"]);
    assert_eq!((late.0.as_str(), late.1.as_str()), ("2026-05-04T14:23:53", end));
    assert_eq!(first_and_last(&["--since", "-5m"]), late);
    let early = first_and_last(&["--until", "-5m"]);
    assert_eq!((early.0.as_str(), &early.1[..17]), (begin, "2026-05-04T14:23:"));
    assert_eq!(early.2 + late.2, all.2);
    let middle = first_and_last(&["--since", "2026-05-04T14:05:00+00:00", "--until", "1777903800"]);
    assert!(middle.0.as_str() >= "2026-05-04T14:05:00" && middle.1.as_str() <= "2026-05-04T14:10:00", "{middle:?}");
    let of_end = first_and_last(&["--window", "5m", "--until", "2026-05-04T14:10:00Z"]);
    assert_eq!(of_end, middle);
    let elsewhere = dir.monitor(&["export", "run.log.gz", "--out", "x.json", "--since", "2026-05-05"]);
    assert_eq!(elsewhere.code, Some(1), "{}", elsewhere.stdout);
}

#[test]
fn only_what_is_asked_for_is_written() {
    let dir = place();
    let written = |flags: &[&str]| {
        exported(&dir, "run.log.gz", "part.json", &[&["--force"], flags].concat());
        counts(&dir, "part.json")
    };
    let count = |name: &str, count| (name.to_owned(), count);
    let tokens = [count("prompt_token_count", 2_695), count("completion_token_count", 2_695)];
    assert_eq!(written(&["--metric", "[pc]*_token_count"])[..], tokens);
    assert_eq!(written(&["--metric", "prompt_*,completion_*"])[..], tokens);
    let both = ["--metric", "generation_time", "--where", "model_name=~gpt-4o.*", "--where", "success=true"];
    let gpt = written(&both);
    let rest = written(&["--metric", "generation_time", "--where", "model_name!~gpt-4o.*"]);
    assert_eq!(gpt, [count("generation_time", 490)]);
    assert_eq!(rest, [count("generation_time", 2_756 - 490)]);
    assert!(written(&["--kind", "evaluation"]).iter().all(|(name, _)| !name.starts_with("generation")));
    // Of lines and databases whole events are the parts.
    exported(&dir, "run.log.gz", "part.ndjson", &["--kind", "log,evaluation"]);
    exported(&dir, "run.log.gz", "part.db", &["--kind", "log,evaluation"]);
    assert_eq!(dir.read("part.ndjson").lines().count(), 1_888 + 6);
    assert_eq!(lines(&dir, "part.db"), lines(&dir, "part.ndjson"));
}

#[test]
fn folders_are_made_and_read() {
    let dir = place();
    exported(&dir, "run.log.gz", "a/b/c/run.parquet", &["--by", "date,success"]);
    assert_eq!(files(&dir, "a/b/c/date=2026-05-04"), ["success=false", "success=true"].map(str::to_owned).into());
    exported(&dir, "run.log.gz", "whole.json", &[]);
    let whole = lines(&dir, "whole.json");
    // Parts say together what was whole, with what only their folders say.
    assert_eq!(lines(&dir, "a/b/c").len(), whole.len());
    assert!(lines(&dir, "a/b/c") == whole);
    // Several forms of one run tell it once.
    for out in ["all/run.ndjson", "all/run.csv", "all/run.xlsx", "all/run.parquet"] {
        exported(&dir, "run.log.gz", out, &[]);
    }
    assert!(lines(&dir, "all") == lines(&dir, "all/run.ndjson"));
    dir.write("none/notes.txt", "no recording");
    let none = export(&dir, "none", "x.json", &[]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("none` holds no recording"), "{}", none.stderr);
}

#[test]
fn there_and_back_nothing_has_changed() {
    let dir = place();
    // A workbook keeps milliseconds: what comes from one can be the same everywhere.
    exported(&dir, "run.log.gz", "first.xlsx", &["--window", "2m"]);
    exported(&dir, "first.xlsx", "first.json", &[]);
    let samples = lines(&dir, "first.json");
    assert!(samples.len() > 1_000);
    let formats = ["csv", "json", "parquet", "xlsx", "ndjson", "db"];
    for one in formats {
        let from = format!("{one}/one.{one}");
        exported(&dir, "first.json", &from, &[]);
        for other in formats.into_iter().filter(|other| *other != one) {
            let (there, back) = (format!("{one}/to-{other}/run.{other}"), format!("{one}/from-{other}/run.{one}"));
            exported(&dir, one, &there, &[]);
            exported(&dir, &format!("{one}/to-{other}"), &back, &[]);
            assert!(lines(&dir, &format!("{one}/from-{other}")) == samples, "{one} to {other} and back");
        }
    }
    // Whole events, with texts and lists of scores, between the two forms that hold them.
    exported(&dir, "run.log.gz", "events.ndjson", &[]);
    exported(&dir, "events.ndjson", "events.db", &[]);
    exported(&dir, "events.db", "again.ndjson", &[]);
    assert!(dir.read("again.ndjson") == dir.read("events.ndjson"));
}

#[test]
fn a_name_is_only_text() {
    let dir = Dir::new();
    let names = [
        "../../outside".to_owned(),
        "/etc/passwd".to_owned(),
        "a\0b".to_owned(),
        "..".to_owned(),
        "CON".to_owned(),
        "x".repeat(10_000),
        "é".repeat(5_000),
        "'; DROP TABLE samples; --".to_owned(),
        "<script>alert(1)</script>".to_owned(),
        "=1+1".to_owned(),
        "line\nbreak\r\n,\"quoted\"".to_owned(),
    ];
    let events: Vec<String> = names
        .iter()
        .map(|name| {
            let metadata = json!({ "of": name, name.as_str(): "named" });
            let event =
                json!({ "metric": name, "value": 1.5, "timestamp": "2026-05-04T14:00:00Z", "metadata": metadata });
            event.to_string() + "\n"
        })
        .collect();
    dir.write("data/events.jsonl", events.concat());
    let expected = lines(&dir, "data/events.jsonl");
    assert_eq!(expected.len(), names.len());
    for (out, flags) in [
        ("parquet/run.parquet", &[][..]),
        ("parts/run.parquet", &["--by", "metric"]),
        ("attribute/run.parquet", &["--by", "of"]),
        ("csv/run.csv", &[]),
        ("json/run.json", &[]),
        ("excel/run.xlsx", &[]),
        ("sqlite/run.db", &[]),
        ("ndjson/run.ndjson", &[]),
    ] {
        let ended = export(&dir, "data", out, flags);
        assert_eq!(ended.code, Some(0), "{out}: {}", ended.stderr);
        let folder = out.split('/').next().expect("a folder");
        assert!(lines(&dir, folder) == expected, "{out}");
    }
    let outside = dir.path().parent().expect("a folder of folders").join("outside.csv");
    assert!(!outside.exists());
    for name in files(&dir, "csv").iter().chain(&files(&dir, "parts")) {
        assert!(name.len() < 256 && !name.contains(['\0', '\n']), "{name}");
    }
}

#[cfg(unix)]
mod interrupted {
    use super::*;

    fn interrupt(dir: &Dir, data: &[&str], out: &str, when: impl Fn(&Path) -> bool) -> Ended {
        let mut command = dir.command(&[&["export"], data, &["--out", out]].concat());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let path = dir.path().to_owned();
        let began = (0..60_000).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(1));
            when(&path)
        });
        assert!(began, "it never came to this");
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill").success());
        child.wait_with_output().expect("ends").into()
    }

    const SAID: &str = "error: failed to export all of it: it was interrupted, and nothing is written\n";

    #[test]
    fn while_it_reads_it_leaves_nothing() {
        let dir = Dir::new();
        // Nobody ever writes to it.
        assert!(Command::new("mkfifo").arg(dir.path().join("pipe")).status().expect("mkfifo").success());
        let mut held = None;
        for out in ["run.ndjson", "run.db"] {
            let unfinished = format!(".{out}.unfinished");
            // A pipe is opened once there is somebody at either end.
            held.get_or_insert_with(|| {
                std::fs::File::options().read(true).write(true).open(dir.path().join("pipe")).expect("a pipe")
            });
            let ended = interrupt(&dir, &["pipe"], out, |path| path.join(&unfinished).exists());
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), SAID), "{out}");
            assert_eq!(files(&dir, ""), ["pipe".to_owned()].into());
        }
    }

    #[test]
    fn while_it_writes_it_leaves_nothing() {
        let dir = place();
        for number in 1..4 {
            std::fs::copy(dir.path().join("run.log.gz"), dir.path().join(format!("run-{number}.log.gz")))
                .expect("a file");
        }
        let before = files(&dir, "");
        let data = ["run.log.gz", "run-1.log.gz", "run-2.log.gz", "run-3.log.gz"];
        // Its file is begun when everything is read.
        let ended = interrupt(&dir, &data, "run.xlsx", |path| path.join(".run.xlsx.unfinished").exists());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), SAID));
        assert_eq!(files(&dir, ""), before);
    }
}
