//! `sign_in_attempts`, `known_places`, `untrusted_proxies`: failures that slow guessing, and where people usually come from.

use std::net::IpAddr;

use sqlx::PgExecutor;
use uuid::Uuid;

/// How failures slow down what they count for.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// So many cost no wait.
    pub free: u32,
    /// The first wait; each further failure doubles it.
    pub first_wait_seconds: f64,
    /// The longest wait.
    pub longest_wait_seconds: f64,
    /// After so long without a failure they are forgotten.
    pub forgotten_seconds: f64,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It may be looked at; so many failures there are with it.
    Free(u32),
    /// It is not looked at for so many seconds.
    Wait(u64),
}

/// Counts an attempt as a failure, before it is looked at.
pub async fn count(
    executor: impl PgExecutor<'_>,
    subject: &[u8],
    schedule: &Schedule,
    user_id: Option<Uuid>,
) -> Result<Counted, sqlx::Error> {
    let row = sqlx::query_file!(
        "sql/console/count_attempt.sql",
        subject,
        i32::try_from(schedule.free).unwrap_or(i32::MAX),
        schedule.first_wait_seconds,
        schedule.longest_wait_seconds,
        schedule.forgotten_seconds,
        user_id
    )
    .fetch_optional(executor)
    .await?;
    Ok(match row {
        Some(row) => match row.wait_seconds {
            Some(seconds) => Counted::Wait(seconds.unsigned_abs()),
            None => Counted::Free(row.failures.unsigned_abs()),
        },
        // Another attempt took the turn in this very moment.
        None => Counted::Wait(1),
    })
}

/// Forgets the failures of some, and takes one back of others.
pub async fn take_back(
    executor: impl PgExecutor<'_>,
    forgotten: &[Vec<u8>],
    reduced: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/take_attempts_back.sql", forgotten, reduced).execute(executor).await?;
    Ok(())
}

/// Whether the user of this name has signed in with this browser, and from this network.
pub async fn places(
    executor: impl PgExecutor<'_>,
    login: &str,
    browser: &[u8],
    network: &[u8],
) -> Result<(bool, bool), sqlx::Error> {
    let row = sqlx::query_file!("sql/console/find_places.sql", login, browser, network).fetch_one(executor).await?;
    Ok((row.is_known_browser, row.is_known_network))
}

/// Knows no place of a user any more.
pub async fn forget_places(executor: impl PgExecutor<'_>, user_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/forget_places.sql", user_id).execute(executor).await?;
    Ok(())
}

/// Keeps from where a user has signed in; of each user the last so many.
pub async fn keep_places(
    executor: impl PgExecutor<'_>,
    user_id: Uuid,
    digests: &[Vec<u8>],
    kept: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/keep_places.sql", user_id, digests, kept).execute(executor).await?;
    Ok(())
}

/// Notes a peer that speaks for others and is not trusted to.
pub async fn note_proxy(executor: impl PgExecutor<'_>, peer: IpAddr) -> Result<(), sqlx::Error> {
    sqlx::query_file!("sql/console/note_proxy.sql", peer.to_string()).execute(executor).await?;
    Ok(())
}

/// The peers of the last week that spoke for others.
pub async fn proxies(executor: impl PgExecutor<'_>) -> Result<Vec<IpAddr>, sqlx::Error> {
    let rows = sqlx::query_file_scalar!("sql/console/list_proxies.sql").fetch_all(executor).await?;
    Ok(rows.iter().filter_map(|peer| peer.parse().ok()).collect())
}
