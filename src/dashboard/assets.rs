//! The stylesheet and the script, compiled in. Their URLs carry a digest, so a browser keeps them for good and asks
//! anew after an update.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{self, Path, ServiceConfig};
use sha2::{Digest, Sha256};

use crate::crypto::hex;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset { name: "pages.css", content_type: "text/css; charset=utf-8", body: include_str!("static/pages.css") },
    Asset { name: "pages.js", content_type: "text/javascript; charset=utf-8", body: include_str!("static/pages.js") },
    Asset { name: "mark.svg", content_type: "image/svg+xml", body: include_str!("static/mark.svg") },
];

static URLS: LazyLock<Vec<String>> = LazyLock::new(|| ASSETS.iter().map(url).collect());

/// The URL of the stylesheet.
pub(super) fn stylesheet() -> &'static str {
    &URLS[0]
}

/// The URL of the script.
pub(super) fn script() -> &'static str {
    &URLS[1]
}

/// The URL of the mark, also in a browser's tab.
pub(super) fn mark() -> &'static str {
    &URLS[2]
}

pub(super) fn register(config: &mut ServiceConfig) {
    config.route("/assets/{digest}/{name}", web::get().to(show));
}

fn url(asset: &Asset) -> String {
    let digest = Sha256::digest(asset.body);
    let digest = hex(&digest[..6]);
    format!("/assets/{digest}/{}", asset.name)
}

async fn show(path: Path<(String, String)>) -> HttpResponse {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == path.1) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    // An old digest is answered with what there is now, but not for good.
    if url(asset).split('/').nth(2) == Some(path.0.as_str()) {
        response.insert_header(("cache-control", "public, max-age=31536000, immutable"));
    }
    response.insert_header(("x-content-type-options", "nosniff")).content_type(asset.content_type).body(asset.body)
}
