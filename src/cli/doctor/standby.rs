//! The standby that pages and lists are read from: whether it is, and how far it is behind.

use std::time::Duration;

use sqlx::PgPool;

use super::{Check, Context};
use crate::db::{self, Seen, Standby};

/// How long it is waited for it to catch up with what the primary has written when it is looked at first.
const LONGEST: Duration = Duration::from_secs(5);
/// It takes one connection to find the settings that all have; none is used.
const CONNECTIONS: u32 = 1;

/// `None`: none is configured.
pub(super) async fn check(context: &Context, pool: &PgPool) -> Option<Check> {
    let longest = context.config.database.statement_timeout;
    let standby = match Standby::of(&context.database, CONNECTIONS, longest) {
        Ok(standby) => standby?,
        Err(error) => return Some(Check::fail("standby", db::describe(&error))),
    };
    Some(match standby.examine(pool, &context.link, LONGEST).await {
        Seen::Fit { lag, .. } => Check::ok(
            "standby",
            format!("pages and lists are read from it; {} s behind (database.read_url)", lag.as_secs()),
        ),
        Seen::Unfit(reason) => {
            let detail = format!("database.read_url is not used, the primary is read from: {reason}");
            if reason.is_mistake() { Check::fail("standby", detail) } else { Check::warn("standby", detail) }
        }
    })
}
