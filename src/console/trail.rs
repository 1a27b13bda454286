//! The trail of signing in: a line in `operator_log` for each deed, and a bounded number of lines for failures, so that a
//! flood does not fill the disk.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Console, address};
use crate::access::Actor;
use crate::db;
use crate::store::operator_log::{Action, Line, Login};

/// Lines of failures that one process writes in a minute; the rest is summed up in one.
const FAILURES_PER_MINUTE: u32 = 30;
/// The failures of this minute.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    minute: i64,
    written: u32,
    unwritten: u64,
}

/// What becomes of a failure.
struct Admitted {
    /// It gets a line.
    is_written: bool,
    /// It is the first of its minute that gets none.
    is_first_unwritten: bool,
    /// Those of a minute before that got none.
    summed: u64,
}

impl Failures {
    fn admit(&self, now: DateTime<Utc>) -> Admitted {
        let Ok(mut minute) = self.0.lock() else {
            return Admitted { is_written: true, is_first_unwritten: false, summed: 0 };
        };
        let this = now.timestamp().div_euclid(60);
        let mut summed = 0;
        if minute.minute != this {
            summed = minute.unwritten;
            *minute = Minute { minute: this, ..Minute::default() };
        }
        let is_written = minute.written < FAILURES_PER_MINUTE;
        if is_written {
            minute.written += 1;
        } else {
            minute.unwritten += 1;
        }
        Admitted { is_written, is_first_unwritten: !is_written && minute.unwritten == 1, summed }
    }

    fn take(&self) -> u64 {
        self.0.lock().map(|mut minute| std::mem::take(&mut minute.unwritten)).unwrap_or_default()
    }
}

impl Console {
    /// Where a request comes from.
    pub(super) fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        address::sender(request, &self.trusted_proxies)
    }

    /// Logs a failure: why, and of which user where there is one. A name that no user has may be a password in the wrong
    /// field, so it is not kept.
    pub(super) async fn log_failure(
        &self,
        request: &HttpRequest,
        reason: &'static str,
        user: Option<(Uuid, &str, Option<Uuid>)>,
    ) -> Result<(), sqlx::Error> {
        let admitted = self.failures.admit(self.clock.now());
        if admitted.summed > 0 {
            write_sum(&mut *self.pool.acquire().await?, admitted.summed).await?;
        }
        if admitted.is_written {
            tracing::warn!(reason, "a sign-in failed");
            let line = Line::by(Actor::NOBODY, Action::SignInFailed).address(self.address(request));
            let line = match user {
                Some((id, login, tenant_id)) => line.tenant(tenant_id).with("user_id", id).with("login", Login(login)),
                None => line,
            };
            line.with("reason", reason).write(&mut *self.pool.acquire().await?).await?;
        }
        if admitted.is_first_unwritten {
            tracing::warn!("many sign-ins fail: the rest of this minute is summed up");
            let (failures, pool) = (Arc::clone(&self.failures), self.pool.clone());
            // Also where no other failure comes after them.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                flush(&failures, &pool).await;
            });
        }
        Ok(())
    }
}

async fn flush(failures: &Failures, pool: &PgPool) {
    let summed = failures.take();
    if summed == 0 {
        return;
    }
    let written = async {
        let mut connection = pool.acquire().await?;
        write_sum(&mut connection, summed).await
    };
    if let Err(error) = written.await {
        tracing::warn!(error = %db::describe(&error), summed, "failed sign-ins were not summed up in the log");
    }
}

async fn write_sum(connection: &mut PgConnection, summed: u64) -> Result<(), sqlx::Error> {
    Line::by(Actor::NOBODY, Action::SignInFailed).rows(summed).with("reason", "summed").write(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_lines_and_the_rest_is_summed() {
        let failures = Failures::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let written = (0..100).filter(|_| failures.admit(at(70)).is_written).count();
        assert_eq!(written, FAILURES_PER_MINUTE as usize);
        let next = failures.admit(at(130));
        assert!(next.is_written && next.summed == 70);
        assert_eq!(failures.take(), 0);
    }
}
