//! How a transaction of the processor begins.

use std::time::Duration;

use crate::inbox::Lanes;

/// How long a batch waits for a lock. Other batches hold theirs for less than a second; whoever holds one for longer is no
/// batch, and 500 events need not wait for it.
const LOCK_WAIT: Duration = Duration::from_secs(3);

/// With the newest rows, whatever the database's default is; with plans made for the tables as they are now, since one made
/// while the queue was empty stays cached through the burst; and with bounds on waiting. All of it ends with the transaction,
/// so a pooler may stand between.
pub(super) fn statement(lanes: Lanes, handler_timeout: Duration) -> String {
    let (mut lock_wait, mut more) = (LOCK_WAIT, String::new());
    if lanes == Lanes::Handlers {
        lock_wait = lock_wait.min(handler_timeout / 2);
        more = format!("; set local statement_timeout = {}", handler_timeout.as_millis().max(1));
    }
    format!(
        "begin isolation level read committed; set local plan_cache_mode = force_custom_plan; \
         set local lock_timeout = {}{more}",
        lock_wait.as_millis().max(1)
    )
}
