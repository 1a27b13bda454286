//! `lead_analytics`.

use sqlx::PgConnection;

use super::columns::{column, json, number};
use crate::domain::{AnalyticsRow, CompleteRow, Completion};
use crate::redact::Spoken;

/// Inserts the analyses, or merges them into what is there.
pub(super) async fn upsert(connection: &mut PgConnection, rows: &[AnalyticsRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_analytics.sql",
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.call_id) as _,
        column(rows, |row| number(&row.phone)) as _,
        column(rows, |row| row.source.as_str()) as _,
        column(rows, |row| row.analysis.at) as _,
        column(rows, |row| row.analysis.value.summary.as_ref().map(Spoken::expose)) as _,
        column(rows, |row| row.analysis.value.sentiment.map(|sentiment| sentiment.as_str())) as _,
        column(rows, |row| row.analysis.value.successful) as _,
        column(rows, |row| row.analysis.value.score) as _,
        column(rows, |row| row.analysis.value.data.as_ref().map(json)) as _,
        column(rows, |row| row.analysis.rank.as_str()) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The same for complete analyses.
pub(super) async fn upsert_complete(connection: &mut PgConnection, rows: &[CompleteRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_complete.sql",
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.phone.expose()) as _,
        column(rows, |row| row.source.as_str()) as _,
        column(rows, |row| row.analysis.at) as _,
        column(rows, |row| row.analysis.value.summary.as_ref().map(Spoken::expose)) as _,
        column(rows, |row| row.analysis.value.sentiment.map(|sentiment| sentiment.as_str())) as _,
        column(rows, |row| row.analysis.value.score) as _,
        column(rows, |row| row.analysis.value.data.as_ref().map(json)) as _,
        column(rows, |row| row.analysis.rank.as_str()) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that calls were analysed.
pub(super) async fn complete(connection: &mut PgConnection, rows: &[Completion]) -> Result<(), sqlx::Error> {
    let (ids, times) = (column(rows, |row| row.call_id), column(rows, |row| row.at));
    sqlx::query_file!("sql/store/complete_calls.sql", ids as _, times as _).execute(connection).await?;
    Ok(())
}
