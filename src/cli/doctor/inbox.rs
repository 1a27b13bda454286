//! The inbox: whether it is worked off, and what died in it.

use sqlx::PgConnection;

use super::Check;
use crate::cli::cells;
use crate::inbox;

/// An event that is due is taken within seconds; after this long nobody is taking it.
const MAX_DELAY_SECONDS: f64 = 300.0;

pub(super) async fn checks(connection: &mut PgConnection, checks: &mut Vec<Check>) -> anyhow::Result<()> {
    let backlog = inbox::backlog(&mut *connection).await?;
    let delay_seconds = sqlx::query_file_scalar!("sql/cli/queue_delay.sql").fetch_one(connection).await?;
    let age = cells::seconds(backlog.oldest_pending_seconds);
    checks.push(if delay_seconds > MAX_DELAY_SECONDS {
        Check::warn(
            "pending",
            format!(
                "{}, the first due for {}: is `switchhook serve` running?",
                cells::counted(backlog.pending, "event"),
                cells::seconds(delay_seconds)
            ),
        )
    } else if backlog.oldest_pending_seconds > MAX_DELAY_SECONDS {
        Check::warn(
            "pending",
            format!(
                "the oldest has waited for {age}; {} failed and will be tried again: `switchhook events list --outcome \
             pending`",
                cells::count(backlog.retrying)
            ),
        )
    } else {
        Check::ok("pending", cells::counted(backlog.pending, "event"))
    });
    checks.push(match backlog.dead {
        0 => Check::ok("dead", "none"),
        dead => Check::warn("dead", format!("{}: `switchhook dead list --by-cause`", cells::counted(dead, "event"))),
    });
    Ok(())
}
