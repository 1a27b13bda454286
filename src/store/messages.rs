//! `messages`.

use sqlx::PgConnection;

use super::columns::{column, number, of, rank};
use crate::domain::MessageRow;
use crate::redact::Spoken;

/// Inserts the messages, or merges them into what is there.
pub(super) async fn upsert(connection: &mut PgConnection, rows: &[MessageRow]) -> Result<(), sqlx::Error> {
    sqlx::query_file!(
        "sql/store/upsert_messages.sql",
        column(rows, |row| row.id) as _,
        column(rows, |row| row.tenant_id) as _,
        column(rows, |row| row.provider.as_str()) as _,
        column(rows, |row| row.provider_message_id.as_str()) as _,
        column(rows, |row| row.channel) as _,
        column(rows, |row| row.direction.as_str()) as _,
        column(rows, |row| number(&row.from_number)) as _,
        column(rows, |row| number(&row.to_number)) as _,
        column(rows, |row| number(&row.contact_number)) as _,
        column(rows, |row| of(&row.body, Spoken::expose)) as _,
        column(rows, |row| rank(&row.body)) as _,
        column(rows, |row| row.status.map(|status| status.as_str())) as _,
        column(rows, |row| row.error.as_deref()) as _,
        column(rows, |row| row.sent_at) as _,
        column(rows, |row| row.job_id) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
