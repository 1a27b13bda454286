//! What is known of the way to Postgres. A server that is gone often says nothing: its connections stay open, and whoever
//! waits for an answer waits for ever; Postgres' own time-outs end with it. So every loop's wait is watched here, and
//! connections that are older than the last trouble are not used again.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::watch;

use super::error::{is_lost, is_refused};
use super::pooler::Pooling;

/// The way to one Postgres, shared by all pools of the process.
#[derive(Clone, Debug)]
pub struct Link(Arc<State>);

#[derive(Debug)]
struct State {
    /// How long a wait may last in which nothing happens.
    longest: Duration,
    trust: Trust,
    /// All pools over it.
    pools: Mutex<Vec<Minded>>,
    /// Whether a pooler refuses the settings of our sessions, so that connections are made without.
    leaves_out_settings: AtomicBool,
    /// What is between us and Postgres; `None`: nobody has looked yet.
    pooling: Mutex<Option<Pooling>>,
    /// Whether a pooler is between that cannot be used, so that nobody gets a connection.
    is_shut: Arc<AtomicBool>,
    /// Whether somebody was refused by password since the last look.
    was_refused: AtomicBool,
    /// How often the server was given up.
    given_up: watch::Sender<u64>,
    /// What the probe found last; `None`: nobody probes.
    found: watch::Sender<Option<Found>>,
    /// Which server answers.
    server: watch::Sender<ServerRun>,
}

/// Which run of which server answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerRun {
    /// When it was started; `None`: nobody probes.
    pub started_at: Option<DateTime<Utc>>,
    /// How often it was another one than before, so that what was committed last may be unknown to it, or back after so long
    /// that what processes have in hand may be taken for a killed one's.
    pub changes: u64,
    /// When that was noticed last.
    pub changed_at: Option<Instant>,
}

/// A pool, and how it connects.
#[derive(Debug)]
struct Minded {
    pool: PgPool,
    /// Without the settings of its sessions.
    bare: PgConnectOptions,
    /// The settings of its sessions.
    session: SessionSettings,
}

/// What a session of ours is set to.
pub(super) type SessionSettings = Vec<(&'static str, String)>;

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

/// A server that was away for so long comes back like another one. Sooner than whoever has jobs in hand and cannot say so is
/// taken to be gone.
const LONG_AWAY: Duration = Duration::from_secs(10);

impl Link {
    /// A way on which one statement may take so long.
    pub fn new(statement_timeout: Duration) -> Self {
        Self(Arc::new(State {
            longest: statement_timeout.saturating_add(GRACE),
            trust: Trust(Arc::new(Mutex::new(Instant::now()))),
            pools: Mutex::default(),
            leaves_out_settings: AtomicBool::new(false),
            pooling: Mutex::default(),
            is_shut: Arc::default(),
            was_refused: AtomicBool::new(false),
            given_up: watch::Sender::new(0),
            found: watch::Sender::new(None),
            server: watch::Sender::default(),
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

    /// Returns as soon as the probe finds that the server does not answer, or takes no changes.
    pub async fn trouble(&self) {
        let mut found = self.0.found.subscribe();
        // An error would mean that the sender is gone, which lives as long as `self` does.
        found.wait_for(|found| matches!(found, Some(Found::Trouble { .. }))).await.ok();
    }

    /// Returns as soon as the server is well, or nobody probes it.
    pub async fn well(&self) {
        let mut found = self.0.found.subscribe();
        // An error would mean that the sender is gone, which lives as long as `self` does.
        found.wait_for(|found| !matches!(found, Some(Found::Trouble { .. }))).await.ok();
    }

    /// Which server answers.
    pub fn server(&self) -> ServerRun {
        *self.0.server.borrow()
    }

    /// Returns when it was another one, or long away, more often than so many times.
    pub async fn another_server(&self, changes: u64) {
        // An error would mean that the sender is gone, which lives as long as `self` does.
        self.0.server.subscribe().wait_for(|server| server.changes > changes).await.ok();
    }

    pub(super) fn answered_by(&self, started_at: DateTime<Utc>, after: Option<Duration>) {
        self.0.server.send_if_modified(|server| {
            let last = server.started_at.replace(started_at);
            let has_changed = match last {
                Some(last) => last != started_at || after.is_some_and(|after| after >= LONG_AWAY),
                // Whoever starts while it is away does not know for how long it was.
                None => after.is_some(),
            };
            if has_changed {
                (server.changes, server.changed_at) = (server.changes + 1, Some(Instant::now()));
            }
            has_changed
        });
    }

    pub(super) fn find(&self, found: Found) {
        self.0.found.send_replace(Some(found));
    }

    /// What connections of a pool are asked before they are used.
    pub(super) fn trust(&self) -> Trust {
        self.0.trust.clone()
    }

    /// Opens a pool, and minds it from now on.
    pub(super) fn open(&self, pool: PgPoolOptions, bare: PgConnectOptions, session: SessionSettings) -> PgPool {
        let pool = pool.connect_lazy_with(self.dressed(&bare, &session));
        let minded = Minded { pool: pool.clone(), bare, session };
        self.0.pools.lock().unwrap_or_else(PoisonError::into_inner).push(minded);
        pool
    }

    /// How a pool connects without the settings of its sessions, and these settings.
    pub(super) fn parts_of(&self, pool: &PgPool) -> (PgConnectOptions, SessionSettings) {
        let used = pool.connect_options();
        let pools = self.0.pools.lock().unwrap_or_else(PoisonError::into_inner);
        match pools.iter().find(|minded| Arc::ptr_eq(&minded.pool.connect_options(), &used)) {
            Some(minded) => (minded.bare.clone(), minded.session.clone()),
            None => (used.as_ref().clone(), SessionSettings::default()),
        }
    }

    /// How a pool connects, with or without the settings of its sessions.
    pub(super) fn options_of(&self, pool: &PgPool, with_settings: bool) -> PgConnectOptions {
        let (bare, session) = self.parts_of(pool);
        if with_settings { bare.options(session) } else { bare }
    }

    fn dressed(&self, bare: &PgConnectOptions, session: &SessionSettings) -> PgConnectOptions {
        let bare = bare.clone();
        match self.0.leaves_out_settings.load(Ordering::Relaxed) {
            true => bare,
            false => bare.options(session.clone()),
        }
    }

    /// From now on all pools connect like this.
    pub(super) fn redirect(&self, change: impl Fn(PgConnectOptions) -> PgConnectOptions) {
        for minded in &mut *self.0.pools.lock().unwrap_or_else(PoisonError::into_inner) {
            minded.bare = change(minded.bare.clone());
            minded.pool.set_connect_options(self.dressed(&minded.bare, &minded.session));
        }
    }

    /// Whether connections are made with the settings of our sessions from now on.
    pub(super) fn give_settings(&self, is_given: bool) {
        if self.0.leaves_out_settings.swap(!is_given, Ordering::Relaxed) == is_given {
            self.redirect(|options| options);
            self.distrust();
        }
    }

    /// What is between us and Postgres.
    pub(super) fn found_pooling(&self, pooling: Pooling) {
        *self.0.pooling.lock().unwrap_or_else(PoisonError::into_inner) = Some(pooling);
    }

    /// Shuts the way while a pooler is between that cannot be used, or may be one, or opens it again.
    pub(super) fn shut(&self, is_shut: bool) {
        self.0.is_shut.store(is_shut, Ordering::Relaxed);
        if is_shut {
            self.distrust();
        }
    }

    /// What new connections are asked before they are used.
    pub(super) fn is_shut(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.is_shut)
    }

    /// What is between us and Postgres, as far as it was looked at.
    pub fn pooling(&self) -> Option<Pooling> {
        *self.0.pooling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a pooler refuses the settings of our sessions, so that those of the role count.
    pub fn leaves_out_settings(&self) -> bool {
        self.0.leaves_out_settings.load(Ordering::Relaxed)
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
