//! The headers of every answer to people: what a browser may do with it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::DefaultHeaders;

/// Two years, which browsers' own lists ask for; sub-domains too.
const TLS_ONLY: &str = "max-age=63072000; includeSubDomains";
/// For JSON: it is no page, and loads nothing.
const DATA_POLICY: &str =
    "default-src 'none'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// For pages: everything from here, nothing inline, in nobody's frame. Sound too: a recording that the platform keeps is
/// a link, so that no other host learns who looks at a call before somebody follows it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                           media-src 'self'; font-src 'self'; connect-src 'self'; object-src 'none'; form-action 'self'; \
                           frame-ancestors 'none'; base-uri 'none'";
/// For both.
const ALWAYS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: under it browsers send `Origin: null` with our own forms, and they would be taken for forged.
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The headers of every answer of the program, those to platforms and about what is not there included, where an answer
/// has none of its own. `base_url`: the URL that people reach it by; over TLS, browsers are told to come by TLS alone.
pub fn baseline(base_url: &str) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add(("x-content-type-options", "nosniff"))
        .add(("content-security-policy", DATA_POLICY))
        .add(("referrer-policy", "same-origin"));
    if base_url.starts_with("https://") { headers.add(("strict-transport-security", TLS_ONLY)) } else { headers }
}

/// Adds the headers to an answer of the API. Personal data is kept by nobody on the way.
pub fn protect(headers: &mut HeaderMap) {
    set(headers, "content-security-policy", DATA_POLICY);
    set(headers, "cache-control", "no-store");
    ALWAYS.iter().for_each(|(name, value)| set(headers, name, value));
}

/// Adds the headers to a page.
pub fn protect_page(headers: &mut HeaderMap) {
    set(headers, "content-security-policy", PAGE_POLICY);
    set(headers, "cache-control", "no-store");
    ALWAYS.iter().for_each(|(name, value)| set(headers, name, value));
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
}
