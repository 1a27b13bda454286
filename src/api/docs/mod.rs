//! The viewer of the document: Swagger UI, compiled in, under the policy of all pages. Nothing comes from another host.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderValue};
use actix_web::web::Path;
use utoipa_swagger_ui::Config;

use super::problem::Problem;
use crate::console;

const PAGE: &str = include_str!("page.html");
/// Files of ours, and their types.
const OURS: [(&str, &str, &str); 2] =
    [("start.js", "text/javascript", include_str!("start.js")), ("page.css", "text/css", include_str!("page.css"))];
/// Of all that Swagger UI brings along, what the page asks for.
const THEIRS: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];
/// They are the same for everybody and change with the program only.
const KEPT: &str = "private, max-age=3600";

/// The document, to read and to try.
#[utoipa::path(
    get,
    path = "/api/v1/docs",
    tag = "session",
    responses((status = 200, description = "A page", content_type = "text/html", body = String))
)]
pub(super) async fn page() -> HttpResponse {
    of_page(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE))
}

/// A file of the page.
#[utoipa::path(
    get,
    path = "/api/v1/docs/{file}",
    tag = "session",
    params(("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "It", content((String = "text/javascript"), (String = "text/css"))))
)]
pub(super) async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    if let Some((_, content_type, text)) = OURS.iter().find(|(known, ..)| *known == name.as_str()) {
        return Ok(kept(HttpResponse::Ok().content_type(*content_type).body(*text)));
    }
    let name = THEIRS.into_iter().find(|known| *known == name.as_str()).ok_or_else(Problem::not_found)?;
    let found = utoipa_swagger_ui::serve(name, Arc::new(Config::from(""))).ok().flatten();
    let found = found.ok_or_else(Problem::not_found)?;
    let mut response = HttpResponse::Ok();
    if found.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(kept(response.content_type(found.content_type).body(found.bytes.into_owned())))
}

/// Under the policy of pages, which the gate leaves as it is.
fn of_page(mut response: HttpResponse) -> HttpResponse {
    console::protect_page(response.headers_mut());
    response
}

fn kept(response: HttpResponse) -> HttpResponse {
    let mut response = of_page(response);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(KEPT));
    response
}
