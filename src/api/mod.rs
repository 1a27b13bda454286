//! JSON for scripts: `GET /api/v1/calls` and `GET /api/v1/leads`, read-only, by token.
//!
//! Lists are `{"items": […], "next": cursor or null}`; give the cursor back as `?after=`. Errors are problem+json
//! (RFC 9457). A token of one tenant sees that tenant; one of all names it (`?tenant=slug`) where there are several.

mod lists;
mod problem;
mod scope;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use sqlx::PgPool;

use problem::Problem;

/// The routes of the API.
pub fn routes(config: &mut ServiceConfig, pool: &PgPool) {
    config
        .app_data(Data::new(pool.clone()))
        .app_data(web::QueryConfig::default().error_handler(|_, _| {
            Problem::new(StatusCode::BAD_REQUEST, "unknown or malformed parameter: tenant, after and limit are known")
                .into()
        }))
        .route("/api/v1/calls", web::get().to(lists::calls))
        .route("/api/v1/leads", web::get().to(lists::leads));
}
