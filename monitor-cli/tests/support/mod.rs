//! A folder of its own for each test, and the real binary run in it.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod running;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder that is gone with the test.
pub struct Dir(tempfile::TempDir);

/// How a run of the binary ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Dir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::write(&path, text).expect("writes");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The binary in this folder, in UTC, without colours, whatever the environment says.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_monitor"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("MONITOR_LOG")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1");
        command
    }

    pub fn monitor(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).stdin(Stdio::null()).output().expect("runs"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// Everything, as a snapshot.
    pub fn whole(&self) -> String {
        let code = self.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let part = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("\n{name}:\n{text}") };
        format!("exit code {code}{}{}", part("stdout", &self.stdout), part("stderr", &self.stderr))
    }
}

/// The JSON that a script prints, run by the Python with other people's readers.
pub fn python(script: &str, arguments: &[PathBuf]) -> serde_json::Value {
    let python = std::env::var("MONITOR_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python).args(["-c", script]).args(arguments).output();
    let packages = "pip install duckdb openpyxl pandas pyarrow";
    let output = output.unwrap_or_else(|error| panic!("{python}: {error}; install it, and {packages}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{packages}, and name that Python in MONITOR_TEST_PYTHON:\n{stderr}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The recorded run.
pub fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor-core/testdata/afterimage-run").join(name)
}
