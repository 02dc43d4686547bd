//! A program in a process group of its own, so that whatever it has started is reached, too.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// A program that runs, with all that it has started and that has not taken a group of its own. One that is dropped before it has
/// ended is killed.
#[derive(Debug)]
pub struct Group {
    /// The program itself: its standard streams, where they were piped.
    pub child: Child,
    status: Option<ExitStatus>,
}

impl Group {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.process_group(0).spawn()?, status: None })
    }

    /// How the program itself has ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.status = self.child.try_wait()?;
        Ok(self.status)
    }

    /// Whether anything of the group is left.
    pub fn lives(&self) -> bool {
        test_kill_process_group(self.id()).is_ok()
    }

    /// Sends a signal to all of it, by its number, and has what was suspended go on, to see it. Nothing may be left that
    /// could get it.
    pub fn signal(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            kill_process_group(self.id(), signal).ok();
            kill_process_group(self.id(), Signal::CONT).ok();
        }
    }

    /// Ends all of it at once.
    pub fn kill(&self) {
        kill_process_group(self.id(), Signal::KILL).ok();
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill();
            // What was killed ends.
            drop(self.child.wait());
        }
    }
}
