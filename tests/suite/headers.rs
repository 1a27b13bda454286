//! The headers of every answer, whatever it is about: what a browser may do with it.

use actix_web::http::Method;
use reqwest::header::HeaderMap;
use switchhook::access::Role;
use switchhook::providers;
use switchhook::store::tokens;

use crate::support::{TENANT, TestApp};

/// Answers of every kind: health, webhooks that are stored, refused and unknown, the API, pages, files, nothing at all.
const REQUESTS: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/webhooks/retell"),
    ("POST", "/webhooks/retell"),
    ("PUT", "/webhooks/retell"),
    ("TRACE", "/webhooks/retell"),
    ("POST", "/webhooks/nobody"),
    ("GET", "/webhooks/retell/default/functions"),
    ("GET", "/api/v1/calls"),
    ("POST", "/api/v1/calls"),
    ("GET", "/api/v1/nothing"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/calls"),
    ("GET", "/sign-in"),
    ("GET", "/assets/0/pages.css"),
    ("GET", "/assets/0/nothing"),
    ("GET", "/nowhere"),
    ("TRACE", "/"),
    ("OPTIONS", "/api/v1/calls"),
];

async fn headers_of(app: &TestApp, method: &str, path: &str) -> (u16, HeaderMap, String) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let request = app.client.request(method, format!("{}{path}", app.base)).header("origin", "https://evil.example");
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let settings = [("HTTP__PUBLIC_URL", "https://hooks.example.com")];
    let app = TestApp::spawn_with(&settings, providers::registry()).await;
    for (method, path) in REQUESTS {
        let (status, headers, body) = headers_of(&app, method, path).await;
        let about = format!("{method} {path}: {status}");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff", "{about}");
        let policy = text(&headers, "content-security-policy");
        for directive in ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{about}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{about}: {policy}");
        let tls = text(&headers, "strict-transport-security");
        assert_eq!(tls, "max-age=63072000; includeSubDomains", "{about}");
        assert_eq!(text(&headers, "referrer-policy"), "same-origin", "{about}");
        assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{about}: {headers:?}");
        let media_type = text(&headers, "content-type");
        assert!(body.is_empty() || !media_type.is_empty(), "{about}: a body of no type");
        assert!(!media_type.starts_with("text/") || media_type.contains("charset=utf-8"), "{about}: {media_type}");
        assert!(*method != "TRACE" || (status >= 400 && !body.contains("evil.example")), "{about}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_no_browser_is_told_to_come_by_tls_alone() {
    let app = TestApp::spawn().await;
    let (_, headers, _) = headers_of(&app, "GET", "/sign-in").await;
    assert!(!headers.contains_key("strict-transport-security"));
    // What is about people is kept by nobody on the way.
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "t", None).await.unwrap().1;
    for path in ["/calls", "/api/v1/calls", "/leads.csv"] {
        let answer = TestApp::answer(app.client.get(format!("{}{path}", app.base)).bearer_auth(token.expose())).await;
        answer.assert_status(200);
        assert_eq!(text(&answer.headers, "cache-control"), "no-store", "{path}");
    }
}
