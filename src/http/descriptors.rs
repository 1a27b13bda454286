//! File descriptors: each socket takes one, and the usual soft limit of 1,024 is gone in a second.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than this is of no use, and some systems have a hard limit of a thousand million.
const USEFUL_MAX: u64 = 65_536;
/// Descriptors that are not for sockets of strangers: connections to Postgres and to vendors, files, what the runtime needs.
const RESERVED: u64 = 256;
/// Sockets at most, whatever descriptors there are: each may hold some 64 KiB (buffers of the server, the first bytes of a
/// body), which makes 256 MiB.
const SOCKETS_MAX: u64 = 4_096;

/// How many descriptors this process may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Now.
    pub soft: u64,
    /// If it asks for them.
    pub hard: u64,
}

impl Descriptors {
    /// What the system says. `None`: it does not say.
    pub fn look() -> Option<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        Some(Self { soft, hard })
    }

    /// Asks for as many as are useful and may be had, and says what came of it.
    pub fn raise() -> Option<Self> {
        let found = Self::look()?;
        let wanted = found.best();
        if wanted > found.soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, found.hard).is_ok() {
            return Some(Self { soft: wanted, ..found });
        }
        Some(found)
    }

    /// What the soft limit becomes.
    pub fn best(self) -> u64 {
        self.hard.min(USEFUL_MAX).max(self.soft)
    }

    /// Sockets that there are descriptors for, with a soft limit of so many.
    pub fn sockets(soft: u64) -> usize {
        let most = soft.saturating_sub(RESERVED).max(soft / 2).min(SOCKETS_MAX);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// The most sockets that are of use.
    pub fn sockets_max() -> usize {
        Self::sockets(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fewer_sockets_than_descriptors() {
        for (soft, sockets) in [(64, 32), (256, 128), (1_024, 768), (4_096, 3_840), (65_536, 4_096)] {
            assert_eq!(Descriptors::sockets(soft), sockets);
        }
        assert_eq!(Descriptors { soft: 1_024, hard: 1 << 30 }.best(), USEFUL_MAX);
        assert_eq!(Descriptors { soft: 100_000, hard: 200_000 }.best(), 100_000, "never fewer than before");
    }
}
