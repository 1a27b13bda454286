//! JSON for scripts and pages, under `/api/v1`. Every request names a token or a session; `gate` lets it in by the right
//! that its route needs, and hands the scope on, without which `store::people` shows nobody.
//!
//! Lists are `{"items": […], "next": cursor or null}`; give the cursor back as `?after=`. Errors are problem+json
//! (RFC 9457). A token of one tenant sees that tenant; one of all names it (`?tenant=slug`) where there are several.

mod account;
mod agents;
mod analytics;
mod answer;
mod attributions;
mod audit;
mod bulk;
mod call_edits;
mod calls;
mod campaigns;
mod charges;
mod connections;
mod dead_jobs;
mod docs;
mod document;
mod events;
mod gate;
mod jobs;
mod json;
mod leads;
mod messages;
mod notes;
mod numbers;
mod once;
mod overview;
mod page;
mod problem;
mod pulse;
mod recordings;
mod rejections;
mod routes;
mod rules;
mod second_factor;
mod session;
mod stats;
mod tenants;
mod tokens;
mod users;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};

use crate::console::Console;
use problem::Problem;

pub use document::document;
pub use routes::ROUTES;

/// The longest body of a request: a list of a thousand ids is 40 kB.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The routes of the API.
pub fn routes(config: &mut ServiceConfig, console: &Data<Console>) {
    let malformed = |what: String| Problem::new(StatusCode::BAD_REQUEST, what).into();
    config.app_data(console.clone()).service(
        web::scope("/api/v1")
            .app_data(PayloadConfig::new(BODY_BYTES_MAX))
            // What a value is wrong in is said, not the value: it may be somebody's number.
            .app_data(QueryConfig::default().error_handler(move |error, _| {
                malformed(format!("unknown or malformed parameter: {}", problem::without_values(&error.to_string())))
            }))
            .app_data(PathConfig::default().error_handler(move |_, _| malformed("malformed id in the path".to_owned())))
            .app_data(JsonConfig::default().limit(BODY_BYTES_MAX).error_handler(move |error, _| {
                malformed(format!("malformed body: {}", problem::without_values(&error.to_string())))
            }))
            .wrap(from_fn(gate::gate))
            .configure(routes::register)
            .default_service(web::to(nothing_here)),
    );
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}
