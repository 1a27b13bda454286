//! How soon missed callers were called or written to, in all and step by step.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::access::TenantScope;

/// The newest calls among which missed ones are looked for, to see how soon they were answered.
const LOOK_MAX: i64 = 10_000;
/// Missed calls of which the answer is looked for: each takes two steps down an index.
const MISSED_MAX: i64 = 500;
/// The same of all steps of a picture together, each having its part: steps lie apart, so each row costs more.
const LOOK_BY_STEP_MAX: usize = 5_000;
const MISSED_BY_STEP_MAX: usize = 500;
/// A call or message a day later is no answer to a missed call.
const WITHIN_SECONDS: f64 = 86_400.0;

/// How soon missed callers were called or written to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Responses {
    /// Missed calls that were looked at: the newest ones.
    pub missed: i64,
    /// Those that were answered within a day.
    pub answered: i64,
    /// Half of the answers came sooner.
    pub median_minutes: Option<f64>,
}

/// From then, until then.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// Of the newest missed calls of a time.
pub(super) async fn within(
    connection: &mut PgConnection,
    scope: &TenantScope,
    (from, until): Span,
) -> Result<Responses, sqlx::Error> {
    sqlx::query_file_as!(
        Responses,
        "sql/people/responses.sql",
        scope.tenant(),
        from,
        until,
        LOOK_MAX,
        MISSED_MAX,
        WITHIN_SECONDS
    )
    .fetch_one(connection)
    .await
}

/// Of the newest missed calls of each step, in the order of the steps; `None`: it has none. What is looked at is bounded
/// in all, so that of a step with very many calls only the last ones count.
pub async fn by_step(
    connection: &mut PgConnection,
    scope: &TenantScope,
    steps: &[Span],
) -> Result<Vec<Option<Responses>>, sqlx::Error> {
    let part = |all: usize| i64::try_from(all.div_ceil(steps.len().max(1))).unwrap_or(i64::MAX);
    let (from, until): (Vec<_>, Vec<_>) = steps.iter().copied().unzip();
    let rows = sqlx::query_file!(
        "sql/people/responses_by_step.sql",
        scope.tenant(),
        &from,
        &until,
        part(LOOK_BY_STEP_MAX),
        part(MISSED_BY_STEP_MAX),
        WITHIN_SECONDS
    )
    .fetch_all(connection)
    .await?;
    let mut found = vec![None; steps.len()];
    for row in rows {
        // Rows are counted from one.
        let index = usize::try_from(row.nth - 1).unwrap_or(usize::MAX);
        if let Some(place) = found.get_mut(index) {
            *place = Some(Responses { missed: row.missed, answered: row.answered, median_minutes: row.median_minutes });
        }
    }
    Ok(found)
}
