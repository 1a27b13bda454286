//! The user whom Postgres runs as. It refuses to run as root, so root hands it to somebody else.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, getegid, geteuid};

use super::Error;

/// Whom root drops to, in order of preference.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// Who runs Postgres and owns its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
    /// Whether this is somebody else: we are root.
    pub dropped: bool,
}

impl Account {
    /// Ourselves; for root, the owner of the place if there is one, else the first of the names that exists. A place in
    /// a folder where everybody may write, such as /tmp, could be anybody's trap, and its owner counts for nothing.
    pub fn for_place(root: &Path) -> Result<Self, Error> {
        let us = geteuid();
        if !us.is_root() {
            return Ok(Self { uid: us.as_raw(), gid: getegid().as_raw(), dropped: false });
        }
        let trusted = root.parent().and_then(|parent| fs::metadata(parent).ok()).is_some_and(|m| m.mode() & 0o022 == 0);
        if let Ok(metadata) = fs::symlink_metadata(root)
            && trusted
            && metadata.uid() != 0
        {
            return Ok(Self { uid: metadata.uid(), gid: metadata.gid(), dropped: true });
        }
        let user = NAMES.iter().find_map(|name| User::from_name(name).ok().flatten()).ok_or(Error::NoUser)?;
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), dropped: true })
    }

    /// The account's name, for messages.
    pub fn name(&self) -> String {
        let user = User::from_uid(self.uid.into()).ok().flatten();
        user.map_or_else(|| format!("uid {}", self.uid), |user| user.name)
    }

    /// A command that runs as this user, in a folder that everybody may enter, with nothing of our environment: it holds
    /// secrets, and variables such as PGDATA and LC_ALL would change what Postgres does.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether this user can get into a folder of its own and write there.
    pub fn can_use(&self, folder: &Path) -> bool {
        if !self.dropped {
            return true;
        }
        let mut test = self.command("/bin/sh");
        test.args(["-c", r#"test -x "$1" && test -w "$1" && cd "$1""#, "test"]).arg(folder);
        test.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
    }
}
