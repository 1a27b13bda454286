//! A standby that pages and lists are read from (`database.read_url`): whether it may be read from, and how far it is
//! behind. Where it may not, the primary is read from instead; nobody has to wait to find out.

mod positions;
mod unfit;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::{PgPool, Postgres, Transaction};

use super::error::is_lost;
use super::link::{Link, silent};
use super::password::PasswordSource;
use super::{Settings, open};

pub use unfit::Unfit;

/// How long a reader waits for a connection before the primary is asked instead: somebody waits for the page.
const WAIT: Duration = Duration::from_secs(1);
/// How old what was found may be: the watch looks once a second, and one look takes four at most. If nobody looks, nobody
/// knows.
const SEEN_AGE_MAX: Duration = Duration::from_secs(6);
/// With `synchronous_commit = off` a commit is told before it is in the log: within three rounds of the log writer, each of
/// 200 ms. So much later a change counts as made.
const LATE_COMMIT: Duration = Duration::from_secs(1);

/// A standby, shared by all who read.
#[derive(Clone, Debug)]
pub struct Standby(Arc<State>);

#[derive(Debug)]
struct State {
    pool: PgPool,
    link: Link,
    password: PasswordSource,
    /// Those of its connections.
    settings: Settings,
    seen: Mutex<(Instant, Seen)>,
    /// Reads that the primary had to answer after all, because the standby failed them.
    read_again: AtomicU64,
}

/// What was found when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It may be read from.
    Fit {
        /// How old the oldest change is that it does not have.
        lag: Duration,
        /// It has everything that was committed before, by the primary's clock.
        until: DateTime<Utc>,
    },
    /// It may not.
    Unfit(Unfit),
}

impl Standby {
    /// The standby of the settings, by connections of its own; `None`: none is configured. Nobody reads from it before
    /// [`Standby::watch`] has looked at it.
    pub fn of(settings: &Settings, connections: u32, statement_timeout: Duration) -> Result<Option<Self>, sqlx::Error> {
        if settings.read_url.expose().is_empty() {
            return Ok(None);
        }
        let own = Settings {
            url: settings.read_url.clone(),
            max_connections: connections.max(1),
            acquire_timeout: WAIT,
            statement_timeout,
            ..settings.clone()
        };
        let link = Link::new(statement_timeout);
        Ok(Some(Self(Arc::new(State {
            pool: open(&own, &link, "switchhook read")?,
            link,
            password: settings.password().unwrap_or_default(),
            settings: own,
            seen: Mutex::new((Instant::now(), Seen::Unfit(Unfit::Unknown))),
            read_again: AtomicU64::new(0),
        }))))
    }

    /// What was found when it was looked at last.
    pub fn seen(&self) -> Seen {
        let (at, seen) = &*self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match at.elapsed() > SEEN_AGE_MAX {
            true => Seen::Unfit(Unfit::Unknown),
            false => seen.clone(),
        }
    }

    /// Whether it may be read from by somebody who changed something then, and how far it is behind.
    pub fn may_be_read(&self, changed_at: Option<DateTime<Utc>>) -> Option<Duration> {
        match self.seen() {
            Seen::Fit { lag, until } => {
                changed_at.is_none_or(|changed_at| changed_at + LATE_COMMIT <= until).then_some(lag)
            }
            Seen::Unfit(_) => None,
        }
    }

    /// Its connections.
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// A transaction there. An error says that the primary must be asked.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.0.pool.begin().await.inspect_err(|error| self.note(error))
    }

    /// Work that waits for it; an error as soon as it is given up.
    pub async fn unless_gone<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        tokio::select! {
            result = work => result.inspect_err(|error| self.note(error)),
            () = self.0.link.gone() => Err(silent()),
        }
    }

    /// Returns when it is given up: what it was asked until then it will never answer.
    pub async fn gone(&self) {
        self.0.link.gone().await;
    }

    /// The primary answers what this was asked.
    pub fn count_read_again(&self) {
        self.0.read_again.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub fn read_again(&self) -> u64 {
        self.0.read_again.load(Ordering::Relaxed)
    }

    /// Takes note of an error: where a connection was lost nobody else tries before the next look.
    fn note(&self, error: &sqlx::Error) {
        self.0.link.note(error);
        if is_lost(error) {
            self.conclude(Seen::Unfit(Unfit::Away(super::describe(error))));
        }
    }

    /// Says what was found, and in the log if that is news.
    fn conclude(&self, found: Seen) {
        let last = {
            let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *seen, (Instant::now(), found.clone())).1
        };
        match (&last, &found) {
            (Seen::Unfit(_), Seen::Fit { .. }) => tracing::info!("pages and lists are read from the standby"),
            (_, Seen::Unfit(Unfit::Unknown | Unfit::Behind)) => {}
            (Seen::Unfit(last), Seen::Unfit(now)) if std::mem::discriminant(last) == std::mem::discriminant(now) => {}
            (_, Seen::Unfit(reason)) => {
                tracing::warn!(%reason, "pages and lists are read from the primary and not from the standby");
            }
            (Seen::Fit { .. }, Seen::Fit { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;

    fn standby() -> Standby {
        let settings = Settings {
            url: Secret::new(""),
            read_url: Secret::new("postgres://127.0.0.1:1/x"),
            read_lag: Duration::from_secs(10),
            password_file: std::path::PathBuf::new(),
            password_command: Vec::new(),
            schema: "public".to_owned().try_into().unwrap(),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(1),
        };
        Standby::of(&settings, 1, Duration::from_secs(1)).unwrap().unwrap()
    }

    #[tokio::test]
    async fn who_has_changed_something_reads_from_it_once_it_has_that() {
        let (standby, at) = (standby(), |seconds| DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!(standby.may_be_read(None), None, "nobody has looked yet");
        let lag = Duration::from_secs(3);
        standby.conclude(Seen::Fit { lag, until: at(100) });
        assert_eq!(standby.may_be_read(None), Some(lag));
        assert_eq!(standby.may_be_read(Some(at(99))), Some(lag));
        assert_eq!(standby.may_be_read(Some(at(100))), None, "a late commit may come after it");
        assert_eq!(standby.may_be_read(Some(at(200))), None);
        standby.note(&sqlx::Error::RowNotFound);
        assert_eq!(standby.may_be_read(None), Some(lag), "no connection was lost");
        standby.note(&silent());
        assert_eq!(standby.may_be_read(None), None);
    }
}
