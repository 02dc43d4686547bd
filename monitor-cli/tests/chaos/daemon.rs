//! The program under test, as a child.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder with a configuration, a log that grows, and the data folder.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

const CONFIG: &str = r#"
data_dir = "data"
shutdown_timeout = "20s"

[durability]
level = "LEVEL"

[store]
snapshot = true

[sources.app]
type = "file"
path = ["app.jsonl", "app.jsonl.*"]
follow = true
poll = "2ms"

[sinks.events]
type = "jsonl"
path = "events.jsonl"
batch = 50
linger = "1ms"

[sinks.database]
type = "sqlite"
path = "metrics.db"
batch = 70
linger = "2ms"

[sinks.alerts]
type = "jsonl"
path = "alerts.jsonl"
accept = ["alert"]
"#;

/// The sink that begins a new file every moment.
pub(crate) const ROTATED: &str = r#"
[sinks.rotated]
type = "jsonl"
path = "rotated/{kind}-{source}-{hour}.jsonl"
rotate_size = "4 KiB"
compress = "zstd"
batch = 60
linger = "1ms"
"#;

/// The sink whose files are complete only at their end.
pub(crate) const COLUMNS: &str = r#"
[sinks.columns]
type = "parquet"
path = "columns/ids.parquet"
rotate_rows = 300
batch = 80
linger = "1ms"
"#;

impl Home {
    pub(crate) fn new(level: &str) -> Self {
        let home = Self::with_one_file_each(level);
        home.set_config(&(home.config() + ROTATED + COLUMNS));
        home
    }

    /// Only with sinks that have one file each, of which those of events are in `events` and in `database`.
    pub(crate) fn with_one_file_each(level: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("monitor.toml"), CONFIG.replace("LEVEL", level)).expect("a file");
        Self { folder }
    }

    /// What its configuration says.
    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.path().join("monitor.toml")).expect("a file")
    }

    /// Has it say something else.
    pub(crate) fn set_config(&self, config: &str) {
        std::fs::write(self.path().join("monitor.toml"), config).expect("a file");
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let log = File::options().create(true).append(true).open(self.path().join("log")).expect("a file");
        command
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .env_remove("RUST_BACKTRACE")
            .env("RUST_BACKTRACE", "0");
        command
    }

    pub(crate) fn start(&self) -> Child {
        self.command(env!("CARGO_BIN_EXE_monitor")).args(["run", "--log-level", "info"]).spawn().expect("the program")
    }

    /// The program under `strace`, with these arguments of it; all of them are one group.
    #[cfg(feature = "real-components")]
    pub(crate) fn traced(&self, arguments: &[&str]) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = self.command("strace");
        command.args(["-f", "-qq"]).args(arguments).args([env!("CARGO_BIN_EXE_monitor"), "run"]).process_group(0);
        command
    }

    /// What all processes so far have logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// The books as `monitor status` tells them.
    pub(crate) fn status(&self) -> Option<Value> {
        let output = Command::new(env!("CARGO_BIN_EXE_monitor"))
            .args(["status", "--format", "json"])
            .arg(self.data())
            .output()
            .expect("the program");
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    /// Whether the books close, and what `monitor audit` says.
    pub(crate) fn audit(&self) -> (bool, String) {
        let output =
            Command::new(env!("CARGO_BIN_EXE_monitor")).arg("audit").arg(self.data()).output().expect("the program");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code() == Some(0), String::from_utf8_lossy(&said).into_owned())
    }

    /// Whether so many events were taken in, and every sink has them.
    pub(crate) fn has_delivered(&self, events: u64) -> bool {
        self.status().is_some_and(|books| is_delivered(&books, events))
    }

    /// Runs the program until it has taken in, and delivered, so many events; then ends it as a person would.
    pub(crate) fn run_until_delivered(&self, events: u64) -> ExitStatus {
        let mut child = self.start();
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                panic!("the program ended by itself: {status}\n{}", self.log());
            }
            if listens(&child) && self.has_delivered(events) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "not delivered: {:#?}\n{}", self.status(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        terminate(&mut child)
    }
}

/// Whether SIGTERM is caught. Before it is, it ends the process at once, and what an earlier one has left is as it was.
fn listens(child: &Child) -> bool {
    const SIGTERM: u64 = 1 << 14;
    // Who cannot be asked has been given the time that a delivery takes.
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & SIGTERM != 0)
}

fn is_delivered(books: &Value, events: u64) -> bool {
    let number = |value: &Value| value.as_u64().expect("a number");
    let sinks = books["sinks"].as_object().expect("sinks");
    number(&books["numbered"]) >= events && sinks.values().all(|sink| number(&sink["pending"]) == 0)
}

/// Ends a child by SIGTERM, and waits for it.
pub(crate) fn terminate(child: &mut Child) -> ExitStatus {
    let ended = Command::new("kill").arg(child.id().to_string()).status().expect("kill");
    assert!(ended.success());
    child.wait().expect("a child")
}

/// Kills a child and all of its own.
#[cfg(feature = "real-components")]
pub(crate) fn kill_group(child: &mut Child) {
    let killed = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status().expect("kill");
    assert!(killed.success());
    child.wait().expect("a child");
    // The others are gone a moment later, and with them what they have locked.
    while lives(child.id()) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a process of the group has not ended; one that nobody has waited for has.
#[cfg(feature = "real-components")]
fn lives(group: u32) -> bool {
    std::fs::read_dir("/proc").expect("Linux").flatten().any(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // Behind the name, which stands in brackets and may be anything: the state, the parent, the group.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, of) = (fields.next(), fields.nth(1));
        of == Some(&*group.to_string()) && !matches!(state, Some("Z" | "X"))
    })
}
