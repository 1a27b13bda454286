//! What is known of the way to Postgres. A server that is gone often says nothing: its connections stay open, and whoever
//! waits for an answer waits for ever; Postgres' own time-outs end with it. So every loop's wait is watched here, and
//! connections that are older than the last trouble are not used again.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;

use super::error::{is_lost, is_refused};

/// The way to one Postgres, shared by all pools of the process.
#[derive(Clone, Debug)]
pub struct Link(Arc<State>);

#[derive(Debug)]
struct State {
    /// How long a wait may last in which nothing happens.
    longest: Duration,
    trust: Trust,
    /// All pools over it.
    pools: Mutex<Vec<PgPool>>,
    /// Whether somebody was refused by password since the last look.
    was_refused: AtomicBool,
    /// How often the server was given up.
    given_up: watch::Sender<u64>,
    /// What the probe found last; `None`: nobody probes.
    found: watch::Sender<Option<Found>>,
}

/// What the last probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The server answers, and takes changes.
    Well,
    /// It does not.
    Trouble {
        /// Since when.
        since: Instant,
        /// Why.
        reason: String,
    },
}

/// Postgres ends a statement that takes too long, and says so: that answer is waited for so much longer.
const GRACE: Duration = Duration::from_secs(2);

impl Link {
    /// A way on which one statement may take so long.
    pub fn new(statement_timeout: Duration) -> Self {
        Self(Arc::new(State {
            longest: statement_timeout.saturating_add(GRACE),
            trust: Trust(Arc::new(Mutex::new(Instant::now()))),
            pools: Mutex::default(),
            was_refused: AtomicBool::new(false),
            given_up: watch::Sender::new(0),
            found: watch::Sender::new(None),
        }))
    }

    /// Does work that waits for Postgres. Where nothing at all happens for longer than a statement may take, or the probe
    /// finds that the server is another one by now, the work is dropped, and this is an error.
    pub async fn watched<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        self.watched_for(self.0.longest, work).await
    }

    /// How long a wait may last in which nothing happens.
    pub fn longest(&self) -> Duration {
        self.0.longest
    }

    /// The same with a longest silence of its own.
    pub async fn watched_for<T>(
        &self,
        longest: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut given_up = self.0.given_up.subscribe();
        let result = tokio::select! {
            biased;
            result = unless_silent(longest, work) => result,
            _ = given_up.changed() => Err(silent()),
        };
        result.inspect_err(|error| self.note(error))
    }

    /// Returns when the server is given up: it will never answer what it was asked until then.
    pub async fn gone(&self) {
        // An error would mean that the sender is gone, which lives as long as `self` does.
        self.0.given_up.subscribe().changed().await.ok();
    }

    /// Takes note of an error: a connection that is lost is seldom the only one.
    pub fn note(&self, error: &sqlx::Error) {
        if is_lost(error) {
            self.distrust();
        }
        if is_refused(error) {
            self.0.was_refused.store(true, Ordering::Relaxed);
        }
    }

    /// What the probe found last; `None`: nobody probes.
    pub fn found(&self) -> Option<Found> {
        self.0.found.borrow().clone()
    }

    /// Connections are made anew, as soon as each is free: a password has changed, or a name leads elsewhere.
    pub fn renew(&self) {
        self.distrust();
    }

    /// Whether the probe has found that the server does not answer, or takes no changes.
    pub fn is_in_trouble(&self) -> bool {
        matches!(*self.0.found.borrow(), Some(Found::Trouble { .. }))
    }

    /// Returns as soon as the server is well, or nobody probes it.
    pub async fn well(&self) {
        let mut found = self.0.found.subscribe();
        // An error would mean that the sender is gone, which lives as long as `self` does.
        found.wait_for(|found| !matches!(found, Some(Found::Trouble { .. }))).await.ok();
    }

    pub(super) fn find(&self, found: Found) {
        self.0.found.send_replace(Some(found));
    }

    /// What connections of a pool are asked before they are used.
    pub(super) fn trust(&self) -> Trust {
        self.0.trust.clone()
    }

    /// Minds a pool from now on.
    pub(super) fn mind(&self, pool: &PgPool) {
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).push(pool.clone());
    }

    /// From now on all pools connect like this.
    pub(super) fn redirect(&self, change: impl Fn(PgConnectOptions) -> PgConnectOptions) {
        for pool in &*self.0.pools.lock().unwrap_or_else(PoisonError::into_inner) {
            pool.set_connect_options(change(pool.connect_options().as_ref().clone()));
        }
    }

    /// Whether somebody was refused by password since this was asked last.
    pub(super) fn was_refused(&self) -> bool {
        self.0.was_refused.swap(false, Ordering::Relaxed)
    }

    /// No connection that lies idle is used again.
    pub(super) fn distrust(&self) {
        *self.0.trust.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// And nobody waits any longer for what was asked on one.
    pub(super) fn give_up(&self) {
        self.distrust();
        self.0.given_up.send_modify(|times| *times += 1);
    }
}

/// Since when connections are trusted: older ones are not used again.
#[derive(Clone, Debug)]
pub(super) struct Trust(Arc<Mutex<Instant>>);

impl Trust {
    /// Whether a connection of this age may be used.
    pub(super) fn covers(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::now().checked_sub(age).is_none_or(|made_at| made_at >= since)
    }
}

/// The work; or an error, where nothing wakes it for so long. Bytes that arrive do, and so do timers of its own: work of
/// many statements may take as long as it needs.
pub async fn unless_silent<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let mut work = pin!(work);
    let mut alarm = pin!(tokio::time::sleep(longest));
    std::future::poll_fn(move |context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if alarm.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(silent()));
        }
        alarm.as_mut().reset(tokio::time::Instant::now() + longest);
        // A timer that was set anew wakes nobody before it is polled.
        alarm.as_mut().poll(context).map(|()| Err(silent()))
    })
    .await
}

/// What is said where the database says nothing.
pub fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database is silent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_woken_is_given_up_and_what_moves_on_is_not() {
        let link = Link::new(Duration::from_secs(30));
        let longest = Duration::from_millis(200);
        let began = Instant::now();
        let silent = link.watched_for(longest, std::future::pending::<Result<(), sqlx::Error>>()).await;
        assert!(matches!(silent, Err(sqlx::Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut));
        assert!(began.elapsed() >= longest);
        let slow = async {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(Instant::now())
        };
        assert!(link.watched_for(longest, slow).await.unwrap() > began + longest * 2);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_the_server_is_given_up_and_new_waits_are_not() {
        let link = Link::new(Duration::from_secs(30));
        let longest = Duration::from_secs(60);
        let waiting = link.watched_for(longest, std::future::pending::<Result<(), sqlx::Error>>());
        let giving_up = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            link.give_up();
        };
        let (waited, ()) = tokio::join!(waiting, giving_up);
        assert!(waited.is_err());
        let after = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(1)
        };
        assert_eq!(link.watched_for(longest, after).await.unwrap(), 1);
    }

    #[test]
    fn a_lost_connection_takes_the_trust_from_all_that_are_older() {
        let link = Link::new(Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
        assert!(link.trust().covers(Duration::from_millis(5)));
        link.note(&sqlx::Error::RowNotFound);
        assert!(link.trust().covers(Duration::from_millis(5)));
        link.note(&silent());
        assert!(!link.trust().covers(Duration::from_millis(5)));
        assert!(link.trust().covers(Duration::ZERO));
    }
}
