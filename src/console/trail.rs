//! The trail of signing in: a line in `operator_log` for each deed, and a bounded number of lines for failures, so that a
//! flood does not fill the disk. Failures of each user have lines of their own: names that nobody has, however many
//! somebody makes up, do not hide the guessing at one that somebody has.

use std::collections::HashMap;
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

/// Lines of one network about one of [`Of`] that one process writes in a minute; the rest is summed up.
const NETWORK_PER_MINUTE: u32 = 20;
/// Lines about one of [`Of`], of all networks.
const ALL_PER_MINUTE: u32 = 60;

/// Whom a failure is about; a minute sums up each of them in one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// A user who exists: their id, login and tenant.
    User(Uuid, String, Option<Uuid>),
    /// A sign-in that was begun here with the identity provider.
    Provider,
    /// Nobody who is known.
    Strangers,
}

/// The failures of this minute.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    minute: i64,
    counts: HashMap<Of, Count>,
}

/// How often it failed for one of them. Only networks that got a line are in it, so it is never large.
#[derive(Debug, Default)]
struct Count {
    written: u32,
    networks: HashMap<Option<IpAddr>, u32>,
    unwritten: u64,
}

/// Failures that got no line.
type Sums = Vec<(Of, u64)>;

/// What becomes of a failure.
struct Admitted {
    /// It gets a line.
    is_written: bool,
    /// It is the first since the last sums that gets none.
    is_first_unwritten: bool,
    /// Those of a minute before that got none.
    summed: Sums,
}

impl Failures {
    fn admit(&self, of: Of, network: Option<IpAddr>, now: DateTime<Utc>) -> Admitted {
        let Ok(mut minute) = self.0.lock() else {
            return Admitted { is_written: true, is_first_unwritten: false, summed: Vec::new() };
        };
        let this = now.timestamp().div_euclid(60);
        let mut summed = Vec::new();
        if minute.minute != this {
            summed = minute.take();
            *minute = Minute { minute: this, ..Minute::default() };
        }
        let is_first = minute.counts.values().all(|count| count.unwritten == 0);
        let count = minute.counts.entry(of).or_default();
        let of_network = count.networks.get(&network).copied().unwrap_or_default();
        let is_written = count.written < ALL_PER_MINUTE && of_network < NETWORK_PER_MINUTE;
        if is_written {
            count.written += 1;
            count.networks.insert(network, of_network + 1);
        } else {
            count.unwritten += 1;
        }
        Admitted { is_written, is_first_unwritten: !is_written && is_first, summed }
    }

    fn take(&self) -> Sums {
        self.0.lock().map(|mut minute| minute.take()).unwrap_or_default()
    }
}

impl Minute {
    fn take(&mut self) -> Sums {
        let counts = self.counts.iter_mut().filter(|(_, count)| count.unwritten > 0);
        counts.map(|(of, count)| (of.clone(), std::mem::take(&mut count.unwritten))).collect()
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
        let of = user.map_or(Of::Strangers, |(id, login, tenant_id)| Of::User(id, login.to_owned(), tenant_id));
        let line = line_about(&of).address(self.address(request)).with("reason", reason);
        if self.admit_failure(request, of).await? {
            tracing::warn!(reason, "a sign-in failed");
            line.write(&mut *self.pool.acquire().await?).await?;
        }
        Ok(())
    }

    /// Counts a failure, and writes down those of a minute before that got no line. Returns whether this one gets one.
    pub(super) async fn admit_failure(&self, request: &HttpRequest, of: Of) -> Result<bool, sqlx::Error> {
        let network = self.address(request).map(address::network);
        let admitted = self.failures.admit(of, network, self.clock.now());
        if !admitted.summed.is_empty() {
            write_sums(&mut *self.pool.acquire().await?, &admitted.summed).await?;
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
        Ok(admitted.is_written)
    }
}

/// How long the database may be silent while sums are written.
const SILENCE_MAX: Duration = Duration::from_secs(5);

async fn flush(failures: &Failures, pool: &PgPool) {
    let sums = failures.take();
    if sums.is_empty() {
        return;
    }
    let written = async { write_sums(&mut *pool.acquire().await?, &sums).await };
    if let Err(error) = db::unless_silent(SILENCE_MAX, written).await {
        let failed: u64 = sums.iter().map(|(_, failed)| failed).sum();
        tracing::warn!(error = %db::describe(&error), failed, "failed sign-ins were not summed up in the log");
    }
}

async fn write_sums(connection: &mut PgConnection, sums: &Sums) -> Result<(), sqlx::Error> {
    for (of, failed) in sums {
        line_about(of).rows(*failed).with("reason", "summed").write(&mut *connection).await?;
    }
    Ok(())
}

fn line_about(of: &Of) -> Line {
    let line = Line::by(Actor::NOBODY, Action::SignInFailed);
    match of {
        Of::User(id, login, tenant_id) => line.tenant(*tenant_id).with("user_id", *id).with("login", Login(login)),
        Of::Provider => line.with("method", "external"),
        Of::Strangers => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_lines_of_a_user_and_a_network_and_the_rest_is_summed_apart() {
        let failures = Failures::default();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let dana = || Of::User(Uuid::from_u128(1), "dana".to_owned(), None);
        let network = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        let written = |of: &dyn Fn() -> Of, networks: u32| {
            (0..1000).filter(|n| failures.admit(of(), network(n % networks), at(70)).is_written).count() as u32
        };
        assert_eq!(written(&|| Of::Strangers, 1), NETWORK_PER_MINUTE);
        assert_eq!(written(&|| Of::Strangers, 500), ALL_PER_MINUTE - NETWORK_PER_MINUTE);
        // Whatever strangers send, the guessing at a user is seen, from each network at first.
        assert_eq!(written(&dana, 2), 2 * NETWORK_PER_MINUTE);
        let next = failures.admit(dana(), network(1), at(130));
        let mut summed = next.summed;
        summed.sort_by_key(|(_, failed)| *failed);
        assert!(next.is_written);
        assert_eq!(summed, [(dana(), 960), (Of::Strangers, 1940)]);
        assert_eq!(failures.take(), []);
    }
}
