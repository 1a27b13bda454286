//! `operator_log`: who did what to how many rows, in the same transaction.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

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

/// Logs a step of an operation that takes several transactions: the line of this id, with all rows so far.
pub async fn log_step(
    connection: &mut PgConnection,
    id: Uuid,
    actor: &str,
    action: &str,
    row_count: u64,
    details: &Value,
) -> Result<(), sqlx::Error> {
    let row_count = i64::try_from(row_count).unwrap_or(i64::MAX);
    sqlx::query_file!("sql/store/log_step.sql", id, actor, action, row_count, details.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
