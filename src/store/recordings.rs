//! `recordings`.

use sqlx::PgConnection;

use super::columns::column;
use crate::domain::RecordingRow;

/// Inserts the recordings, or merges them into what is there.
pub(super) async fn upsert(connection: &mut PgConnection, rows: &[RecordingRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_recordings.sql",
        column(rows, |row| row.id) as _,
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.call_id) as _,
        column(rows, |row| row.kind.as_str()) as _,
        column(rows, |row| row.url.as_deref()) as _,
        column(rows, |row| row.duration_ms) as _,
        column(rows, |row| row.started_at) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
