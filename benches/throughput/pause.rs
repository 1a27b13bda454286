//! A Postgres that stands still: all its processes are stopped as they are, in the middle of what they do, and go on
//! when the pause is dropped. Its sockets stay open, so that whoever asks it waits; that is the worst a database does.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The processes that stand still.
#[derive(Debug)]
pub struct Pause(Vec<Pid>);

impl Pause {
    /// Stops the postmaster, which then starts no more processes, and all those it has started.
    pub fn of(postmaster: i32) -> anyhow::Result<Self> {
        let mut pause = Self(Vec::new());
        pause.stop(postmaster)?;
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse() else { continue };
            if parent(pid) == Some(postmaster) {
                pause.stop(pid)?;
            }
        }
        Ok(pause)
    }

    fn stop(&mut self, pid: i32) -> anyhow::Result<()> {
        match kill(Pid::from_raw(pid), Signal::SIGSTOP) {
            // It has ended of its own accord.
            Err(nix::Error::ESRCH) => {}
            stopped => {
                stopped?;
                self.0.push(Pid::from_raw(pid));
            }
        }
        Ok(())
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        for pid in &self.0 {
            // A stopped process cannot have ended, unless somebody killed it.
            kill(*pid, Signal::SIGCONT).ok();
        }
    }
}

/// The parent of a process, by `/proc/PID/stat` (proc(5)); the name before it may hold anything.
fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
