//! `monitor top` and `monitor run --top` on a real terminal, which is tmux: keys, sizes, signals, and that the terminal is as it was.
//!
//! Needs the feature `real-components` and `apt-get install tmux`. The screen is looked at until it shows what is expected; nothing
//! waits for a time.
#![cfg(feature = "real-components")]

mod support;

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use support::{Dir, recording};

/// A terminal of its own, with a shell on it.
struct Terminal {
    dir: Dir,
}

impl Terminal {
    fn new(size: (u16, u16), locale: &str) -> Self {
        let terminal = Self { dir: Dir::new() };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let shell = format!("exec env -u MONITOR_LOG -u NO_COLOR LC_ALL={locale} TZ=UTC PS1='$ ' sh");
        let folder = terminal.dir.path().display().to_string();
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, "-c", &folder, &shell]);
        terminal.tmux(&["set-option", "-g", "status", "off"]);
        terminal.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.dir.path().join("tmux");
        let tmux = Command::new("tmux").arg("-u").arg("-S").arg(socket).args(arguments).env_remove("TMUX").output();
        let output = tmux.expect("tmux: apt-get install tmux");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Types a line.
    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Looks at the screen until it is as it should be.
    fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        for _ in 0..1_200 {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            std::thread::park_timeout(Duration::from_millis(25));
        }
        panic!("{what}:\n{}", self.screen());
    }

    fn until_it_shows(&self, text: &str) -> String {
        self.until(&format!("`{text}` is not shown"), |screen| screen.contains(text))
    }

    /// Runs the binary, between two looks at how the terminal is set.
    fn monitor(&self, arguments: &str) {
        let binary = env!("CARGO_BIN_EXE_monitor");
        self.line(&format!("stty -g > before; {binary} {arguments}; echo code $?; stty -g > after"));
    }

    /// The program has ended with this code, and the terminal is as it was.
    fn ended(&self, code: u8) -> String {
        let screen = self.until(&format!("no code {code}"), |screen| {
            let after = std::fs::read_to_string(self.dir.path().join("after")).unwrap_or_default();
            screen.lines().any(|line| line == format!("code {code}")) && after.ends_with('\n')
        });
        self.until("no prompt", |screen| screen.trim_end().ends_with('$'));
        assert_eq!(self.dir.read("before"), self.dir.read("after"));
        // The screen of before, with a cursor that is seen.
        assert_eq!(self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]).trim(), "0 1");
        screen
    }

    /// The process that runs in the shell.
    fn child(&self) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("Linux");
        children.trim().to_owned()
    }

    /// Sends it a signal.
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child()]).status();
        assert!(sent.expect("kill").success());
    }

    /// A data folder that a run over the recording has left.
    fn with_a_recorded_run() -> Self {
        Self::recorded((80, 24), "C.UTF-8")
    }

    fn recorded(size: (u16, u16), locale: &str) -> Self {
        let terminal = Self::new(size, locale);
        let log = recording("afterimage.log.gz").canonicalize().expect("the recorded run");
        let config = format!(
            "timezone = \"UTC\"\npresets = [\"recommended\"]\n\
             [sources.app]\ntype = \"file\"\npath = \"{}\"\n\
             [sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\n\
             [sinks.metrics]\ntype = \"jsonl\"\npath = \"metrics.jsonl\"\ncontent = \"samples\"\n\
             [sinks.log]\ntype = \"log\"\npath = \"app.log\"\n",
            log.display()
        );
        terminal.dir.write("monitor.toml", config);
        let run = terminal.dir.monitor(&["run"]);
        assert_eq!(run.code, Some(0), "{}", run.whole());
        terminal
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// Whether the last line of the screen, at this height, is the one with the keys.
fn fills(screen: &str, rows: usize) -> bool {
    screen.lines().count() == rows && screen.lines().last().is_some_and(|line| line.contains("q quit"))
}

#[test]
fn a_finished_run_is_looked_at_by_keys_in_any_size() {
    let terminal = Terminal::with_a_recorded_run();
    let before: Vec<String> = files(&terminal.dir);
    terminal.monitor("top monitoring");
    terminal.until_it_shows("calls by model");
    // Of three sinks that have told the same run one is read.
    terminal.keys(&["5"]);
    terminal.until_it_shows("2,756");
    terminal.keys(&["g"]);
    terminal.until_it_shows("calls by operation");
    terminal.keys(&["s"]);
    terminal.until_it_shows("▼failed");
    terminal.keys(&["a"]);
    terminal.until("the rules are not shown", |screen| {
        screen.contains("slow_calls") && screen.contains("rules that hold ──")
    });
    terminal.keys(&["?"]);
    terminal.until_it_shows("the next window, the one before");
    terminal.keys(&["Escape"]);
    terminal.until_it_shows("calls by operation");
    for (columns, rows) in [(200, 60), (80, 24), (20, 5), (120, 40)] {
        terminal.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
        terminal.until(&format!("{columns}×{rows} is not filled"), |screen| {
            fills(screen, rows) && (columns < 30 || screen.contains("■ ended"))
        });
    }
    terminal.keys(&["q"]);
    terminal.ended(0);
    // Nothing was written or taken there.
    assert_eq!(files(&terminal.dir), before);
}

fn files(dir: &Dir) -> Vec<String> {
    let entries = std::fs::read_dir(dir.path().join("monitoring")).expect("a folder").flatten();
    let mut files: Vec<String> = entries
        .map(|entry| {
            let metadata = entry.metadata().expect("a file");
            format!("{} {} {:?}", entry.path().display(), metadata.len(), metadata.modified().ok())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_terminal_without_utf8_gets_ascii() {
    let terminal = Terminal::recorded((100, 30), "POSIX");
    terminal.monitor("top monitoring");
    terminal.until_it_shows("calls by model");
    terminal.keys(&["5"]);
    let screen = terminal.until_it_shows("2,756");
    assert!(screen.is_ascii() && screen.contains("calls by model ---") && screen.contains('#'), "{screen}");
    terminal.keys(&["q"]);
    terminal.ended(0);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let terminal = Terminal::with_a_recorded_run();
    terminal.monitor("top monitoring");
    terminal.until_it_shows("calls by model");
    terminal.signal("-TERM");
    terminal.ended(0);
}

const LIVE: &str = "timezone = \"UTC\"\nmetrics_interval = \"1s\"\n\
    [sources.app]\ntype = \"file\"\npath = \"app.jsonl\"\nfollow = true\npoll = \"20ms\"\n\
    [sinks.screen]\ntype = \"stdout\"\n[sinks.events]\ntype = \"jsonl\"\npath = \"events.jsonl\"\nlinger = \"1ms\"\n\
    [alerts.failing]\ntype = \"threshold\"\nmetric = \"error_rate\"\nabove = 0.4\nwindow = \"5m\"\n";

/// Calls of now, of which every other one has failed.
fn append(dir: &Dir, calls: usize) {
    let line = |at: usize| {
        let success = at.is_multiple_of(2);
        format!("{{\"type\":\"generation\",\"duration\":1.5,\"success\":{success},\"model_name\":\"gpt-4o\"}}\n")
    };
    let lines: String = (0..calls).map(line).collect();
    let file = std::fs::File::options().create(true).append(true).open(dir.path().join("app.jsonl"));
    file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("room");
}

#[test]
fn a_run_is_seen_as_it_goes_on_and_ended_on_purpose() {
    let terminal = Terminal::new((100, 30), "C.UTF-8");
    terminal.dir.write("monitor.toml", LIVE);
    append(&terminal.dir, 10);
    terminal.monitor("run --top");
    terminal.until_it_shows("10 events");
    append(&terminal.dir, 20);
    terminal.until_it_shows("30 events");
    // The rule fires, and what a sink prints of it goes not over the view but onto a page of it.
    terminal.until("the rule does not fire", |screen| screen.contains("failing") && screen.contains("fires for"));
    terminal.keys(&["l"]);
    terminal.until("nothing was said", |screen| screen.contains("what was said") && screen.contains("FIRING"));
    terminal.keys(&["l", "q"]);
    terminal.until_it_shows("Stop the run?");
    terminal.keys(&["n"]);
    terminal.until("it asks still", |screen| fills(screen, 30) && !screen.contains("Stop the run?"));
    append(&terminal.dir, 10);
    terminal.until_it_shows("40 events");
    terminal.keys(&["q", "y"]);
    let screen = terminal.ended(0);
    assert!(screen.contains("40 events in") && screen.contains("1 alert fired"), "{screen}");
}

#[test]
fn a_run_goes_on_without_its_view() {
    let terminal = Terminal::new((100, 30), "C.UTF-8");
    terminal.dir.write("monitor.toml", LIVE);
    append(&terminal.dir, 10);
    terminal.monitor("run --top");
    terminal.until_it_shows("10 events");
    terminal.keys(&["q", "d"]);
    terminal.until("the view is not left", |screen| !screen.contains("10 events"));
    append(&terminal.dir, 7);
    terminal.until("it does not go on", |_| {
        let written = std::fs::read_to_string(terminal.dir.path().join("monitoring/events.jsonl")).unwrap_or_default();
        written.lines().filter(|line| line.contains("generation")).count() == 17
    });
    terminal.signal("-TERM");
    let screen = terminal.ended(0);
    assert!(screen.contains("17 events in"), "{screen}");
}

#[test]
fn signals_end_a_run_and_a_second_one_at_once() {
    let terminal = Terminal::new((100, 30), "C.UTF-8");
    terminal.dir.write("monitor.toml", LIVE);
    append(&terminal.dir, 10);
    terminal.monitor("run --top");
    terminal.until_it_shows("10 events");
    terminal.signal("-TERM");
    let screen = terminal.ended(0);
    assert!(screen.contains("10 events in"), "{screen}");
    // A source that hangs is not waited for once somebody is in a hurry.
    terminal.dir.write("monitor.toml", format!("shutdown_timeout = \"1h\"\n{LIVE}{HANGING}"));
    std::fs::remove_file(terminal.dir.path().join("after")).expect("of before");
    terminal.monitor("run --top");
    terminal.until("no view", |screen| fills(screen, 30));
    terminal.keys(&["C-c"]);
    terminal.until_it_shows("stopping");
    terminal.keys(&["C-c"]);
    terminal.ended(1);
}

const HANGING: &str = "[sinks.hanging]\ntype = \"command\"\ncommand = [\"sleep\", \"3600\"]\n";

#[test]
fn a_program_is_watched_and_what_it_prints_is_kept() {
    let terminal = Terminal::new((100, 30), "C.UTF-8");
    terminal.dir.write("monitor.toml", "[sources.job]\ntype = \"stdin\"\n");
    let line = "{\"type\":\"generation\",\"duration\":1.5,\"success\":true}";
    terminal.dir.write("job.sh", format!("echo oops >&2\necho '{line}'\nread x < go\necho '{line}'\nexit 3\n"));
    assert!(Command::new("mkfifo").arg(terminal.dir.path().join("go")).status().expect("mkfifo").success());
    terminal.monitor("run --top -- sh job.sh");
    terminal.until_it_shows("1 event");
    terminal.keys(&["l"]);
    terminal.until_it_shows("oops");
    terminal.dir.write("go", "x\n");
    // It has ended by itself: what it came to stays until somebody has seen it.
    terminal.until_it_shows("■ ended");
    terminal.keys(&["q"]);
    let screen = terminal.ended(3);
    assert!(screen.contains("oops") && screen.contains("2 events in"), "{screen}");
}

#[test]
fn a_view_whose_terminal_is_gone_ends() {
    let terminal = Terminal::with_a_recorded_run();
    // The shell is told first, and is not to tell the program.
    terminal.line("trap '' HUP");
    terminal.monitor("top monitoring");
    terminal.until_it_shows("calls by model");
    let process = format!("/proc/{}", terminal.child());
    terminal.tmux(&["new-window"]);
    terminal.tmux(&["kill-window", "-t", ":0"]);
    let is_there = || std::path::Path::new(&process).exists();
    for _ in 0..1_200 {
        if !is_there() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(25));
    }
    panic!("{process} goes on without a terminal");
}
