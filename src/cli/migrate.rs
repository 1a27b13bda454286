//! `migrate`: brings the schema up to date.

use std::process::ExitCode;

use super::Context;
use super::context::migration_error;
use crate::db;

pub(super) async fn run(context: &mut Context) -> anyhow::Result<ExitCode> {
    let pool = context.pool().await?;
    context.config.database.schema.check(&pool).await?;
    db::migrate(&pool).await.map_err(migration_error)?;
    let version = db::MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    context
        .output
        .one(&serde_json::json!({ "schema_version": version }), |_| format!("the schema is at version {version}"))?;
    Ok(ExitCode::SUCCESS)
}
