//! A connection that goes back to its pool only when its work has ended well.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

use super::link::Link;

/// A connection on loan. Dropped before [`Lease::end`], as it is when its work is given up, it is closed at once: the pool
/// would ask the server first whether the connection is sound, and a server that is gone lets it wait.
#[derive(Debug)]
pub struct Lease {
    connection: Option<PoolConnection<Postgres>>,
    /// When it was taken from its pool, or before that.
    since: Instant,
}

/// How long a connection may take to come back to its pool; then it is closed.
const RETURN_MAX: Duration = Duration::from_secs(3);

/// Why the connection is there: only `end` and `drop` take it, and both take the lease.
const THERE: &str = "a lease has its connection until it ends";

impl Lease {
    /// Takes a connection.
    pub async fn of(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let since = Instant::now();
        Ok(Self { connection: Some(pool.acquire().await?), since })
    }

    /// Gives the connection back. The pool asks the server whether it is sound, once with no deadline: ours is around it.
    pub fn end(mut self) {
        if let Some(mut connection) = self.connection.take() {
            tokio::spawn(tokio::time::timeout(RETURN_MAX, connection.return_to_pool()));
        }
    }
}

/// How long a connection is kept; older ones are closed.
const KEPT_MAX: Duration = Duration::from_secs(300);

/// Connections that one user takes again and again. A pool asks the server each time one comes back whether it is sound, the
/// last time without a deadline: a server that goes silent in that moment costs the pool a place. These go from work to work.
#[derive(Debug)]
pub struct Leases {
    pool: PgPool,
    link: Link,
    kept: Mutex<Vec<Lease>>,
}

impl Leases {
    /// Of this pool.
    pub fn of(pool: &PgPool, link: &Link) -> Self {
        Self { pool: pool.clone(), link: link.clone(), kept: Mutex::default() }
    }

    /// Takes a connection: one that was kept, as long as no connection was lost since it came from its pool.
    pub async fn take(&self) -> Result<Lease, sqlx::Error> {
        while let Some(lease) = self.pop() {
            let age = lease.since.elapsed();
            if age <= KEPT_MAX && self.link.trust().covers(age) {
                return Ok(lease);
            }
        }
        Lease::of(&self.pool).await
    }

    /// Keeps a connection whose work has ended well.
    pub fn keep(&self, lease: Lease) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
    }

    fn pop(&self) -> Option<Lease> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(THERE)
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(THERE)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Detached, it gives its place in the pool to another; dropped, it closes its socket.
            drop(connection.detach());
        }
    }
}
