//! `/`: where one goes first.

use actix_web::HttpResponse;

use super::shell::see_other;

/// To the calls: what most people come for.
pub(super) async fn show() -> HttpResponse {
    see_other("/calls")
}
