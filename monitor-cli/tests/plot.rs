//! `monitor plot`: what it writes, what it shows where nobody sees pictures, and how it says that it cannot.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::{Dir, recording};

fn log() -> String {
    recording("afterimage.log.gz").display().to_string()
}

/// The size of a PNG: width and height stand behind its first sixteen bytes (ISO/IEC 15948, 11.2.2).
fn size(path: &Path) -> (u32, u32) {
    let bytes = std::fs::read(path).expect("a picture");
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{}", path.display());
    let number = |at: usize| bytes[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    (number(16), number(20))
}

#[test]
fn the_ending_of_the_file_says_how_a_metric_is_drawn() {
    let dir = Dir::new();
    let ended = dir.monitor(&["plot", "generation_time", &log(), "--out", "deep/a.png", "--size", "640x320"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "deep/a.png\n"), "{}", ended.stderr);
    assert_eq!(size(&dir.path().join("deep/a.png")), (640, 320));
    let svg = ["plot", "generation_time", &log(), "--by", "model_name", "--out", "a.svg", "--format", "json"];
    let ended = dir.monitor(&svg);
    let told: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(told, json!({ "files": ["a.svg"] }));
    let drawn = dir.read("a.svg");
    assert!(drawn.starts_with("<svg") && drawn.contains("gemini-2.5-flash"));

    let again = dir.monitor(&svg);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("a.svg") && again.stderr.contains("--force replaces it"), "{}", again.stderr);
    assert_eq!(dir.monitor(&[&svg[..], &["--force"]].concat()).code, Some(0));
    assert_eq!(dir.read("a.svg"), drawn, "the same data, the same bytes");
}

#[test]
fn every_type_of_chart_can_be_asked_for() {
    let dir = Dir::new();
    for (chart, more) in [
        ("line", &["--rolling", "5m"][..]),
        ("histogram", &["--log"]),
        ("cdf", &["--by", "operation", "--top", "2"]),
        ("box", &["--by", "operation"]),
        ("heatmap", &["--window", "10m"]),
        ("bar", &["--by", "model_name"]),
        ("stacked", &["--by", "model_name", "--since", "-15m"]),
    ] {
        let name = format!("{chart}.png");
        let ended =
            dir.monitor(&[&["plot", "generation_time", &log(), "--chart", chart, "--out", &name], more].concat());
        assert_eq!(ended.code, Some(0), "{chart}: {}", ended.stderr);
        assert_eq!(size(&dir.path().join(&name)), (1_200, 600));
    }
}

#[test]
fn a_preset_is_drawn_into_a_folder() {
    let dir = Dir::new();
    let ended = dir.monitor(&["plot", "--preset", &log(), "--out", "charts"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let names = ended.stdout.lines().collect::<Vec<_>>();
    let expected = [
        "success_error_rate",
        "generation_time",
        "total_token_count",
        "prompt_token_count",
        "completion_token_count",
        "evaluation_scores",
        "evaluation_time",
    ];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let mut wanted = expected.map(|name| format!("charts/{name}.png"));
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
    for name in names {
        assert_eq!(size(&dir.path().join(name)), (1_200, 600));
    }
    let svg = dir.monitor(&["plot", "--preset=recommended", &log(), "--out", "more", "--as", "svg"]);
    assert_eq!(svg.code, Some(0), "{}", svg.stderr);
    assert!(svg.stdout.lines().count() > 4 && svg.stdout.lines().all(|path| dir.read(path).starts_with("<svg")));
}

#[test]
fn in_a_pipe_a_chart_is_text_without_colours() {
    let dir = Dir::new();
    let mut command = dir.command(&["plot", "success_rate", &log(), "--window", "20m"]);
    let ended = support::Ended::from(command.env("LC_ALL", "C.UTF-8").output().expect("runs"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stdout.contains('\x1b'));
    let braille = |letter: char| ('\u{2801}'..='\u{28FF}').contains(&letter);
    assert!(ended.stdout.chars().filter(|letter| braille(*letter)).count() > 40, "{}", ended.stdout);
    let mut command = dir.command(&["plot", "success_rate", &log(), "--window", "20m"]);
    let ended = support::Ended::from(command.env("LC_ALL", "C").output().expect("runs"));
    assert!(ended.stdout.is_ascii() && ended.stdout.contains('*'), "{}", ended.stdout);
    // Asked for, a picture goes anywhere.
    let kitty = dir.monitor(&["plot", "success_rate", &log(), "--inline", "kitty"]);
    assert!(kitty.stdout.starts_with("\x1b_Ga=T,f=100"), "{}", kitty.stderr);
    let sixel = dir.monitor(&["plot", "success_rate", &log(), "--inline", "sixel"]);
    assert!(sixel.stdout.starts_with("\x1bP") && sixel.stdout.contains("\x1b\\"), "{}", sixel.stderr);
}

#[test]
fn what_cannot_be_drawn_is_said_and_writes_nothing() {
    let dir = Dir::new();
    let log = log();
    dir.write("empty.jsonl", "");
    for (arguments, code, words) in [
        (&["generation_tme", &log, "--out", "a.png"][..], 1, "did you mean `generation_time`?"),
        (&["generation_time", &log, "--out", "a.jpg"], 64, "must end in .png or .svg"),
        (&["generation_time", &log, "--out", "a.png", "--until", "2020-01-01T00:00:00Z"], 1, "no data in the window"),
        (&["generation_time", "empty.jsonl", "--out", "a.png"], 1, "no samples"),
        (&["generation_time", "missing.jsonl", "--out", "a.png"], 1, "missing.jsonl"),
        (
            &["generation_time", &log, "--by", "model", "--out", "a.png"],
            64,
            "there are error_type, finish_reason, model_name",
        ),
        (&["generation_time", &log, "--chart", "bar", "--out", "a.png"], 64, "add --by LABEL"),
        (
            &["generation_time", &log, "--chart", "histogram", "--by", "model_name"],
            64,
            "--chart cdf and box show groups",
        ),
        (&["generation_time", &log, "--size", "10x10"], 64, "at least 240x160"),
        (&["generation_time", &log, "--open"], 64, "add --out FILE"),
        (&["--preset", &log], 64, "add --out FOLDER"),
        (&["--preset=recomended", &log, "--out", "charts"], 64, "did you mean `recommended`?"),
        (&["--preset", "empty.jsonl", "--out", "charts"], 1, "no samples"),
        (&["generation_time", &log, "--out", "/proc/a.png"], 1, "/proc/a.png"),
    ] {
        let ended = dir.monitor(&[&["plot"], arguments].concat());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
    }
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("the folder").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left, ["empty.jsonl"]);
}
