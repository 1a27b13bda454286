//! When each connection last sent something.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Scope;

/// A connection in use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeardRow {
    /// Its id.
    pub id: Uuid,
    /// The platform.
    pub provider: String,
    /// Its slug; only the beginning where it is a secret.
    pub connection: String,
    /// The slug of its tenant; `None`: shared.
    pub tenant: Option<String>,
    /// The hour in which it last sent something; `None`: never.
    pub heard_at: Option<DateTime<Utc>>,
    /// What the watch says of its silence, if it is one.
    pub silence: Option<String>,
}

/// The connections in use, silent ones first.
pub async fn list(connection: &mut PgConnection, scope: &Scope) -> Result<Vec<HeardRow>, sqlx::Error> {
    sqlx::query_file_as!(HeardRow, "sql/store/heard.sql", scope.tenant_id()).fetch_all(connection).await
}
