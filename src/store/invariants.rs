//! What is always true of the tables: each file under `sql/invariants/` finds the rows where it is not. Nothing is
//! found after a test, nor by `switchhook doctor`.

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// More rows than this are not counted.
const MAX_ROWS: i64 = 1_000;
/// Rows that are named.
const MAX_NAMED: usize = 5;

/// Every invariant: its name, and the query for the rows that break it.
pub const ALL: &[(&str, &str)] = &[
    ("pending_is_queued", include_str!("../../sql/invariants/pending_is_queued.sql")),
    ("queue_is_pending", include_str!("../../sql/invariants/queue_is_pending.sql")),
    ("dead_has_reason", include_str!("../../sql/invariants/dead_has_reason.sql")),
    ("ended_calls_are_ended", include_str!("../../sql/invariants/ended_calls_are_ended.sql")),
    ("contacts_are_leads", include_str!("../../sql/invariants/contacts_are_leads.sql")),
    ("analytics_have_calls", include_str!("../../sql/invariants/analytics_have_calls.sql")),
    ("recordings_have_calls", include_str!("../../sql/invariants/recordings_have_calls.sql")),
    ("charges_follow_calls", include_str!("../../sql/invariants/charges_follow_calls.sql")),
    ("words_follow_calls", include_str!("../../sql/invariants/words_follow_calls.sql")),
    ("forgotten_stay_away", include_str!("../../sql/invariants/forgotten_stay_away.sql")),
    ("tenants_exist", include_str!("../../sql/invariants/tenants_exist.sql")),
    ("job_leases_end", include_str!("../../sql/invariants/job_leases_end.sql")),
];

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Broken {
    /// The name of its file.
    pub name: &'static str,
    /// Rows that break it; a thousand stands for a thousand or more.
    pub rows: i64,
    /// The ids of the first few.
    pub ids: Vec<String>,
}

/// The rows that break an invariant of [`ALL`]; `None`: it holds.
pub async fn check(
    connection: &mut PgConnection,
    (name, query): (&'static str, &'static str),
) -> Result<Option<Broken>, sqlx::Error> {
    let statement = format!(
        "select count(*), coalesce((array_agg(id))[1:{MAX_NAMED}], '{{}}')
         from (select id from (\n{query}\n) as rows limit {MAX_ROWS}) as broken"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(connection).await?;
    let rows: i64 = row.try_get(0)?;
    Ok(if rows == 0 { None } else { Some(Broken { name, rows, ids: row.try_get(1)? }) })
}
