//! A connection that goes back to its pool only when its work has ended well.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A connection on loan. Dropped before [`Lease::end`], as it is when its work is given up, it is closed at once: the pool
/// would ask the server first whether the connection is sound, and a server that is gone lets it wait.
#[derive(Debug)]
pub struct Lease(Option<PoolConnection<Postgres>>);

/// Why the connection is there: only `end` and `drop` take it, and both take the lease.
const THERE: &str = "a lease has its connection until it ends";

impl Lease {
    /// Takes a connection.
    pub async fn of(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    /// Gives the connection back.
    pub fn end(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect(THERE)
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect(THERE)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            // Detached, it gives its place in the pool to another; dropped, it closes its socket.
            drop(connection.detach());
        }
    }
}
