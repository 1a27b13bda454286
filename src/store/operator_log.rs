//! `operator_log`: who did what to how many rows, in the same transaction.

use serde_json::Value;
use sqlx::PgConnection;

/// Logs an operation of a person.
pub async fn log(
    connection: &mut PgConnection,
    actor: &str,
    action: &str,
    row_count: u64,
    details: &Value,
) -> Result<(), sqlx::Error> {
    let row_count = i64::try_from(row_count).unwrap_or(i64::MAX);
    sqlx::query_file!("sql/store/log_operation.sql", actor, action, row_count, details.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
