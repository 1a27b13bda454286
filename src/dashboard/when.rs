//! A moment in a template: as machines and as people read it.

use chrono::{DateTime, Utc};

use super::shell::Shell;
use super::show;

/// A moment in the tenant's time zone.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// For `datetime` of a `<time>`.
    pub(super) machine: String,
    /// For people.
    pub(super) shown: String,
}

impl When {
    /// The whole moment.
    pub(super) fn of(at: &DateTime<Utc>, shell: &Shell) -> Self {
        Self { machine: show::machine(at), shown: show::moment(at, shell.zone) }
    }

    /// The whole moment, if there is one.
    pub(super) fn maybe(at: Option<DateTime<Utc>>, shell: &Shell) -> Option<Self> {
        at.as_ref().map(|at| Self::of(at, shell))
    }
}

impl Shell {
    /// A moment, or a dash.
    pub(super) fn moment_or_dash(&self, at: &Option<DateTime<Utc>>) -> String {
        show::moment_or_dash(at, self.zone)
    }

    /// How long ago, roughly.
    pub(super) fn ago(&self, at: &DateTime<Utc>) -> String {
        show::seconds((self.now - *at).num_seconds().max(0))
    }

    /// 21 Nov 2026
    pub(super) fn date(&self, at: &DateTime<Utc>) -> String {
        show::day(at, self.zone).format("%-d %b %Y").to_string()
    }
}
