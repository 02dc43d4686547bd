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

/// The events of any data, each a line, in the order of their text.
fn lines(dir: &Dir, data: &str) -> Vec<String> {
    let out = format!("lines/{}.ndjson", data.replace('/', "_"));
    exported(dir, data, &out, &["--force"]);
    let mut lines: Vec<String> = dir.read(&out).lines().map(str::to_owned).collect();
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
    insta::assert_snapshot!("export_csv", dir.read("run_evaluation_score_overall.csv").lines().take(4).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_manifest_tells_what_the_files_hold() {
    let dir = place();
    exported(&dir, "run.log.gz", "run.csv", &["--by", "success", "--manifest"]);
    let manifest: Value = serde_json::from_str(&dir.read("run.csv.manifest.json")).expect("JSON");
    let entries = manifest["files"].as_array().expect("files");
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry["path"].as_str()).collect();
    assert_eq!(names, ["run_true.csv", "run_none.csv", "run_false.csv"]);
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
    let mut packed = Vec::new();
    let lines = dir.path().join("whole.ndjson");
    exported(&dir, "run.log.gz", "whole.ndjson", &[]);
    std::fs::File::open(lines)
        .and_then(|mut file| std::io::copy(&mut file, &mut zstd_program(&mut packed, dir.path())).map(drop))
        .expect("lines");
    let mut cut = Vec::new();
    for (name, bytes) in [
        ("whole.parquet", std::fs::read(dir.path().join("whole.parquet")).expect("a file")),
        ("whole.xlsx", std::fs::read(dir.path().join("whole.xlsx")).expect("a file")),
        ("whole.db", std::fs::read(dir.path().join("whole.db")).expect("a file")),
        ("whole.json", std::fs::read(dir.path().join("whole.json")).expect("a file")),
        ("whole.log.gz", std::fs::read(dir.path().join("run.log.gz")).expect("a file")),
    ] {
        let short = name.replace("whole", "short");
        dir.write(&short, &bytes[..bytes.len() / 2]);
        // The beginning tells what it is; noise in the middle of the rest.
        let noisy = name.replace("whole", "noisy");
        let noise: Vec<u8> = (0..bytes.len() as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        dir.write(&noisy, [&bytes[..16], &noise[16..]].concat());
        cut.extend([short, noisy]);
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
