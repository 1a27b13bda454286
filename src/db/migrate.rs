//! The schema, and bringing it up to date.

use sqlx::PgPool;
use sqlx::migrate::Migrator;

use super::error::sqlstate;

/// The schema, compiled in.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Brings the schema up to date. Several processes may do so at once: one does, the others wait. A role that may make no
/// tables (`sql/ops/roles.sql`) finds nothing to do where the owner has migrated, and an error elsewhere.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    if !sqlx::query_file_scalar!("sql/db/may_migrate.sql").fetch_one(pool).await? && is_up_to_date(pool).await? {
        return Ok(());
    }
    // Making an index on a big table may take longer than statements are given in service.
    let mut connection = pool.acquire().await?;
    sqlx::raw_sql("set statement_timeout = 0").execute(&mut *connection).await?;
    let result = MIGRATOR.run(&mut *connection).await;
    // A connection without its time-out must not go back into the pool.
    sqlx::Connection::close(connection.detach()).await.ok();
    result
}

/// Whether every migration that this program knows has been applied.
pub async fn is_up_to_date(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let applied = match sqlx::query_file_scalar!("sql/db/schema_version.sql").fetch_one(pool).await {
        Ok(version) => version,
        // Nothing was ever migrated: the table of migrations does not exist.
        Err(error) if sqlstate(&error).as_deref() == Some("42P01") => None,
        Err(error) => return Err(error),
    };
    Ok(applied >= MIGRATOR.iter().map(|migration| migration.version).max())
}
