//! The server: whether it is there, fit, in time, and keeps what it is told.

use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};

use super::Check;
use crate::cli::cells;
use crate::clock::Clock;
use crate::db::{self, Link, Pooling};

/// How long the database may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Major versions that the program is tested with.
const VERSIONS: std::ops::RangeInclusive<i32> = 14..=18;
/// Signatures are good for minutes: a clock that is further off refuses honest webhooks.
const MAX_SKEW_SECONDS: f64 = 30.0;
/// A transaction that lasts longer holds back what can be cleaned away.
const OLD_TRANSACTION_SECONDS: f64 = 300.0;

/// A connection of its own, without a time limit: the pool would say no more than that none was free.
pub(super) async fn connect(pool: &PgPool, link: &Link) -> anyhow::Result<PgConnection> {
    let options = pool.connect_options();
    let connecting = PgConnection::connect_with(&options);
    let mut connection = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| anyhow::anyhow!("no answer in {} s (database.url)", CONNECT_TIMEOUT.as_secs()))??;
    // A session that a pooler shares would keep a setting for whoever has it next.
    let unlimited = match link.pooling() {
        Some(Pooling::Transaction) => "begin; set local statement_timeout = 0",
        Some(Pooling::None | Pooling::Session) | None => "set statement_timeout = 0",
    };
    sqlx::raw_sql(unlimited).execute(&mut connection).await?;
    Ok(connection)
}

/// What is between us and Postgres. What cannot be used has been refused before.
pub(super) fn pooler(link: &Link) -> Check {
    let settings = match link.leaves_out_settings() {
        true => "; it refuses settings of sessions, and the role has them",
        false => "",
    };
    let found = match link.pooling() {
        Some(Pooling::None) => "none: each connection has a session of Postgres of its own",
        Some(Pooling::Session) => "one in session mode",
        Some(Pooling::Transaction) => "one in transaction mode, which keeps prepared statements apart",
        None => return Check::warn("pooler", "not looked for: the database did not answer"),
    };
    Check::ok("pooler", format!("{found}{settings}"))
}

/// Looks at the server; returns whether its schema fits, so that the rest can be asked.
pub(super) async fn checks(
    connection: &mut PgConnection,
    pool: &PgPool,
    checks: &mut Vec<Check>,
) -> anyhow::Result<bool> {
    let before = Clock::system().now();
    let server = sqlx::query_file!("sql/cli/server.sql").fetch_one(&mut *connection).await?;
    let after = Clock::system().now();
    let major = server.version_num / 10_000;
    checks.push(match VERSIONS.contains(&major) {
        true => Check::ok("server", format!("PostgreSQL {}", server.version)),
        false if major < *VERSIONS.start() => {
            Check::fail("server", format!("PostgreSQL {} is too old: {} is needed", server.version, VERSIONS.start()))
        }
        false => Check::warn("server", format!("PostgreSQL {} is newer than what was tested", server.version)),
    });
    for (name, value) in [
        ("synchronous_commit", &server.synchronous_commit),
        ("fsync", &server.fsync),
        ("full_page_writes", &server.full_page_writes),
    ] {
        if value == "off" {
            checks.push(Check::warn(name, "is off: what was answered 200 may be lost when the server crashes"));
        }
    }
    let middle = before + (after - before) / 2;
    let skew_seconds = (server.now - middle).as_seconds_f64();
    checks.push(if skew_seconds.abs() > MAX_SKEW_SECONDS {
        let side = if skew_seconds > 0.0 { "ahead of" } else { "behind" };
        Check::warn(
            "clock",
            format!(
                "the database's clock is {} {side} ours: one of them is wrong, and signatures have time windows",
                cells::seconds(skew_seconds.abs())
            ),
        )
    } else {
        Check::ok("clock", "the database's clock agrees with ours")
    });
    old_transactions(connection, checks).await?;
    let is_current = db::is_up_to_date(pool).await?;
    checks.push(match is_current {
        true => Check::ok("schema", "up to date"),
        false => Check::fail("schema", "older than this program: run `switchhook migrate`"),
    });
    Ok(is_current)
}

async fn old_transactions(connection: &mut PgConnection, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let rows = sqlx::query_file!("sql/cli/old_transactions.sql", OLD_TRANSACTION_SECONDS).fetch_all(connection).await?;
    for row in rows {
        checks.push(Check::warn(
            "transaction",
            format!(
                "{} (pid {}) has one open for {}: until it ends, the queue cannot be cleaned and gets slower",
                row.who,
                row.pid,
                cells::seconds(row.age_seconds)
            ),
        ));
    }
    Ok(())
}
