//! A small volume, so that it can be full.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small volume that is ours.
pub struct Volume(PathBuf);

#[allow(clippy::print_stdout, reason = "what was not tested is said")]
impl Volume {
    /// Only the superuser can have one; says so to others.
    pub fn mount(path: &Path) -> Option<Self> {
        let user = Command::new("id").arg("-u").output().expect("id").stdout;
        if user != b"0\n" {
            println!("NOT TESTED, for only root can mount: what a full volume does");
            return None;
        }
        std::fs::create_dir(path).expect("a folder of our own");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(path));
        Some(Self(path.to_owned()))
    }

    /// Gives it as much room as anybody here needs.
    pub fn grow(&self) {
        run(Command::new("mount").args(["-o", "remount,size=64m"]).arg(&self.0));
    }

    /// Has it refuse whatever would change it.
    pub fn only_read(&self) {
        run(Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0));
    }
}

/// Takes all the room that is left but so many bytes, until it is dropped.
pub struct Ballast(PathBuf);

impl Ballast {
    pub fn fill(folder: &Path, but: u64) -> Self {
        let path = folder.join("ballast");
        let mut file = File::create(&path).expect("a file");
        while file.write_all(&[0; 4_096]).is_ok() {}
        let length = file.metadata().expect("a file").len();
        file.set_len(length.saturating_sub(but)).expect("a file of our own");
        Self(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("it is there");
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("a command");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
