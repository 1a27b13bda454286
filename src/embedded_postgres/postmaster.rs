//! `postmaster.pid`, the file by which a running Postgres shows itself. Its lines: process id, data directory, start
//! time, port, socket folder, listen address, shared memory key, status.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::kill;
use nix::unistd::Pid;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub pid: u32,
    /// Missing for the moment in which the file is being written.
    pub port: Option<u16>,
}

impl Postmaster {
    /// Reads the file of this data directory, if it is there.
    pub fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
        Some(Self { pid, port })
    }

    /// Whether a process of that number lives, whatever it is.
    pub fn number_is_taken(&self) -> bool {
        i32::try_from(self.pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH))
    }

    /// Whether that process is the Postgres of this data directory. After a crash the number may have gone to another
    /// process, soon so in a container, where numbers start anew.
    pub fn serves(&self, data: &Path) -> bool {
        if !self.number_is_taken() {
            return false;
        }
        let Some(words) = command_line(self.pid) else { return true };
        let is_postgres = words.first().is_some_and(|word| {
            Path::new(word).file_name().is_some_and(|name| name == "postgres" || name == "postmaster")
        });
        is_postgres && words.join(" ").contains(&*data.to_string_lossy())
    }
}

/// The words of a process' command line, from /proc or, where there is none (macOS), from `ps`.
fn command_line(pid: u32) -> Option<Vec<String>> {
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&bytes).split('\0').map(str::to_owned).collect());
    }
    let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect())
}
