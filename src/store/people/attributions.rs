//! Giving calls to a campaign: some, or all of a filter, step by step; and undoing it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::matching::{self, Looking};
use super::{CallFilter, LOOK_MAX};
use crate::access::{Scope, TenantScope};
use crate::db;
use crate::store::forgotten;
use crate::store::operator_log::{Action, Described, Line};

/// Calls of one transaction: processors wait for the calls of one step only.
const AT_ONCE: i64 = 2_000;
/// After so long the report says how far it came; ask again for the rest.
const LONGEST: Duration = Duration::from_secs(15);

/// Attributions that are shown as the last ones.
const RECENT_MAX: i64 = 5;
/// Attributions of all tenants among which they are looked for.
const RECENT_LOOK_MAX: i64 = 100;

/// One that can still be undone.
#[derive(Clone, Debug)]
pub struct RecentAttribution {
    /// By which it is undone.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How many calls it changed.
    pub calls: i64,
    /// The login, or the label of the token; its id, when it is gone.
    pub who: String,
    /// Where they were given to; `None`: what their number or agent says.
    pub campaign: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attributed {
    /// By which it can be undone; null: nothing was changed.
    pub log_id: Option<Uuid>,
    /// Calls that were changed.
    pub changed: u64,
    /// Whether there was no more time: ask again.
    pub unfinished: bool,
}

/// Gives these calls to a campaign, or takes what was decided by hand back; those that are not theirs are passed over.
pub async fn attribute(
    pool: &PgPool,
    scope: &Scope,
    calls: &[Uuid],
    campaign_id: Option<Uuid>,
) -> Result<Attributed, sqlx::Error> {
    let log_id = Uuid::now_v7();
    let line = Line::of(scope, Action::AttributeCalls).with("campaign_id", campaign_id).with("call_ids", calls);
    let mut transaction = db::bounded(pool, LONGEST).await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    let step = Step { scope, log_id, campaign_id, counted_at: None, line };
    let changed = step.take(&mut transaction, calls).await?;
    transaction.commit().await?;
    Ok(Attributed { log_id: (changed > 0).then_some(log_id), changed, unfinished: false })
}

/// Gives all calls of a filter that were there when they were counted to a campaign, each step in a transaction of its
/// own with its part of the line in the operator log. What came since is nothing that anybody agreed to.
pub async fn attribute_matching(
    pool: &PgPool,
    scope: &TenantScope,
    filter: &CallFilter,
    counted_at: DateTime<Utc>,
    campaign_id: Option<Uuid>,
) -> Result<Attributed, sqlx::Error> {
    let filter = &CallFilter { oldest_first: false, ..filter.clone() };
    let line = Line::of(scope.scope(), Action::AttributeCalls)
        .with("campaign_id", campaign_id)
        .with("filter", Described(filter.described()))
        .with("counted_at", counted_at);
    let log_id = Uuid::now_v7();
    let step = Step { scope: scope.scope(), log_id, campaign_id, counted_at: Some(counted_at), line };
    let end = Instant::now() + LONGEST;
    let (mut after, mut changed, mut unfinished) = (None, 0, false);
    loop {
        let mut transaction = db::bounded(pool, LONGEST).await?;
        forgotten::hold_off_erasure(&mut transaction).await?;
        let looking = Looking { limit: AT_ONCE, look: LOOK_MAX };
        let found = matching::find(&mut transaction, scope, filter, after, looking).await?;
        let calls: Vec<Uuid> = found.items.iter().map(|(_, id)| *id).collect();
        changed += step.take(&mut transaction, &calls).await?;
        transaction.commit().await?;
        after = found.next;
        if after.is_none() {
            break;
        }
        if Instant::now() > end {
            unfinished = true;
            break;
        }
    }
    Ok(Attributed { log_id: (changed > 0).then_some(log_id), changed, unfinished })
}

/// The last ones of a tenant, the newest first: one that took several requests is several.
pub async fn recent(connection: &mut PgConnection, scope: &TenantScope) -> Result<Vec<RecentAttribution>, sqlx::Error> {
    let tenant_id = scope.tenant();
    sqlx::query_file_as!(
        RecentAttribution,
        "sql/people/recent_attributions.sql",
        tenant_id,
        RECENT_LOOK_MAX,
        RECENT_MAX
    )
    .fetch_all(connection)
    .await
}

/// Puts back what was before an attribution, where nobody has decided anew since. Asked again after it was unfinished it
/// goes on. `None`: there is nothing to undo, or it is not theirs, or it was undone.
pub async fn undo_attribution(pool: &PgPool, scope: &Scope, log_id: Uuid) -> Result<Option<Attributed>, sqlx::Error> {
    let undo_id = Uuid::now_v7();
    let end = Instant::now() + LONGEST;
    let (mut looked_at, mut changed, mut unfinished) = (0, 0, false);
    loop {
        let mut transaction = db::bounded(pool, LONGEST).await?;
        forgotten::hold_off_erasure(&mut transaction).await?;
        let row = sqlx::query_file!("sql/people/undo_attribution.sql", log_id, scope.tenant_id(), AT_ONCE)
            .fetch_one(&mut *transaction)
            .await?;
        // Also where nothing was left as it was: then it cannot be undone again.
        if row.looked_at > 0 {
            let line = Line::of(scope, Action::UndoAttribution).rows(row.changed.unsigned_abs()).with("undone", log_id);
            line.write_step(&mut transaction, undo_id).await?;
        }
        transaction.commit().await?;
        looked_at += row.looked_at;
        changed += row.changed.unsigned_abs();
        if row.looked_at < AT_ONCE {
            break;
        }
        if Instant::now() > end {
            unfinished = true;
            break;
        }
    }
    let log_id = (changed > 0).then_some(undo_id);
    Ok((looked_at > 0).then_some(Attributed { log_id, changed, unfinished }))
}

/// One step of an attribution.
struct Step<'a> {
    scope: &'a Scope,
    log_id: Uuid,
    campaign_id: Option<Uuid>,
    /// Later calls are passed over.
    counted_at: Option<DateTime<Utc>>,
    line: Line,
}

impl Step<'_> {
    async fn take(&self, connection: &mut PgConnection, calls: &[Uuid]) -> Result<u64, sqlx::Error> {
        if calls.is_empty() {
            return Ok(0);
        }
        let Self { scope, log_id, campaign_id, counted_at, line } = self;
        let tenant_id = scope.tenant_id();
        let changed =
            sqlx::query_file!("sql/people/attribute_calls.sql", calls, tenant_id, *campaign_id, *log_id, *counted_at)
                .execute(&mut *connection)
                .await?
                .rows_affected();
        if changed > 0 {
            line.clone().rows(changed).write_step(connection, *log_id).await?;
        }
        Ok(changed)
    }
}
