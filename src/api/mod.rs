//! JSON for scripts: calls and leads, read-only, by token.

use actix_web::web::ServiceConfig;
use sqlx::PgPool;

/// The routes of the API.
pub fn routes(_config: &mut ServiceConfig, _pool: &PgPool) {}
