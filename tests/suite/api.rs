//! The API, as a script uses it: tokens, pages, and whose rows they are.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::providers;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::support::TestApp;

/// Five calls of five callers for the default tenant, and one of another.
async fn some_calls() -> TestApp {
    let app = TestApp::spawn().await;
    let retell = providers::find("retell").unwrap();
    for n in 1..=5 {
        let body = json!({ "event": "call_ended", "call": {
            "call_id": format!("c{n}"), "direction": "inbound", "call_status": "ended",
            "from_number": format!("+1555010010{n}"), "to_number": "+15550100199",
            // Two start at the same moment, one at no moment that is known.
            "start_timestamp": (n < 5).then(|| 1_788_254_100_000_i64 + i64::from(n / 2)),
        } });
        app.post(retell, &body.to_string()).await.assert_outcome("accepted");
    }
    app.run_until_idle().await;
    app.execute(
        "insert into tenants (slug, name) values ('other', 'Other');
         insert into leads (id, tenant_id, phone) select uuid_v7(), id, '+15550100150' from tenants where slug = 'other'",
    )
    .await;
    app
}

async fn token(app: &TestApp, role: &str, tenant: Option<&str>) -> String {
    let tenant_id: Option<Uuid> = match tenant {
        Some(slug) => {
            let id = app.value(&format!("select id from tenants where slug = '{slug}'")).await;
            Some(id.as_str().unwrap().parse().unwrap())
        }
        None => None,
    };
    tokens::add(&app.pool, app.keys.digests().unwrap(), tenant_id, Role::read(role).unwrap(), "test", None)
        .await
        .unwrap()
        .1
        .expose()
        .to_owned()
}

async fn get(app: &TestApp, token: &str, path: &str) -> (u16, Value) {
    let request = app.client.get(format!("{}/api/v1/{path}", app.base)).bearer_auth(token);
    let answer = TestApp::answer(request).await;
    (answer.status, serde_json::from_str(&answer.text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_row_once_in_order() {
    let app = some_calls().await;
    let token = token(&app, "agent", Some("default")).await;
    for (list, key) in [("calls", "provider_call_id"), ("leads", "phone")] {
        let (_, whole) = get(&app, &token, list).await;
        let (mut found, mut path) = (Vec::new(), format!("{list}?limit=2"));
        for _ in 0..3 {
            let (status, page) = get(&app, &token, &path).await;
            assert_eq!(status, 200, "{page}");
            found.extend(page["items"].as_array().unwrap().clone());
            path = format!("{list}?limit=2&after={}", page["next"].as_str().unwrap_or("none"));
        }
        assert!(path.ends_with("after=none"), "three pages of two hold five rows");
        assert_eq!(json!(found), whole["items"]);
        assert_eq!(found.iter().map(|item| &item[key]).collect::<std::collections::HashSet<_>>().len(), 5);
    }
    let (_, calls) = get(&app, &token, "calls").await;
    assert_eq!(calls["items"][4]["provider_call_id"], "c5", "without a time, last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_sees_its_tenant_and_nobody_without_one_sees_anything() {
    let app = some_calls().await;
    let (own, other) = (token(&app, "agent", Some("default")).await, token(&app, "agent", Some("other")).await);
    let all = token(&app, "admin", None).await;
    assert_eq!(get(&app, &own, "leads?tenant=other").await.0, 404);
    assert_eq!(get(&app, &own, "leads?tenant=none").await.0, 404);
    assert_eq!(get(&app, &other, "calls").await.1["items"], json!([]));
    assert_eq!(get(&app, &other, "leads").await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&app, &all, "leads").await.0, 400, "there are two tenants");
    assert_eq!(get(&app, &all, "leads?tenant=default").await.1["items"].as_array().unwrap().len(), 5);
    // A cursor of one tenant shows a page of nobody else.
    let foreign = get(&app, &own, "leads?limit=1").await.1["next"].as_str().unwrap().to_owned();
    assert_eq!(get(&app, &other, &format!("leads?after={foreign}")).await.1["items"], json!([]));
    for wrong in ["nonsense", "", &own[..own.len() - 1]] {
        let (status, problem) = get(&app, wrong, "calls").await;
        assert_eq!((status, &problem["status"]), (401, &json!(401)));
    }
    app.execute("update api_tokens set expires_at = now() - interval '1 second'").await;
    assert_eq!(get(&app, &own, "calls").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_masks_and_wrong_parameters_are_explained() {
    let app = some_calls().await;
    let viewer = token(&app, "viewer", Some("default")).await;
    for list in ["calls?limit=2", "leads?limit=2"] {
        let (_, page) = get(&app, &viewer, list).await;
        let cursor = page["next"].as_str().unwrap();
        let decoded = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, cursor).unwrap();
        let seen = page.to_string() + &String::from_utf8(decoded).unwrap();
        assert!(!seen.contains("+1555010010"), "{seen}");
    }
    for (query, reason) in [
        ("limit=0", "between 1 and 500"),
        ("limit=x", "malformed"),
        ("page=2", "unknown field"),
        ("after=x", "no cursor"),
    ] {
        let (status, problem) = get(&app, &viewer, &format!("calls?{query}")).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(reason), "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_fits_little_goes_on_page_by_page_and_finds_everything_once() {
    let app = some_calls().await;
    let token = token(&app, "agent", Some("default")).await;
    app.execute(
        "insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at)
         select uuid_v7(), (select id from tenants where slug = 'default'), 'bolna', 'b' || n, 'outbound', 'initiated',
                '2026-09-02'::timestamptz + n * interval '1 second' from generate_series(1, 20100) n",
    )
    .await;
    let (mut found, mut pages, mut path) = (Vec::new(), 0, "calls?provider=retell&limit=3".to_owned());
    while !path.ends_with("after=none") {
        let (status, page) = get(&app, &token, &path).await;
        assert_eq!(status, 200, "{page}");
        found.extend(page["items"].as_array().unwrap().iter().map(|call| call["provider_call_id"].clone()));
        path = format!("calls?provider=retell&limit=3&after={}", page["next"].as_str().unwrap_or("none"));
        pages += 1;
    }
    assert_eq!(pages, 3, "nothing among the first 20,000, then three, then two");
    assert_eq!((found.len(), found.last().unwrap()), (5, &json!("c5")), "{found:?}");
    let (_, one) = get(&app, &token, "calls?number=%2B15550100101").await;
    assert_eq!(one["items"][0]["provider_call_id"], "c1");
    let (_, none) = get(&app, &token, "calls?from=2026-09-03T00:00:00Z&limit=1").await;
    assert_eq!((&none["items"], &none["next"]), (&json!([]), &json!(null)));
    let viewer = self::token(&app, "viewer", Some("default")).await;
    assert_eq!(get(&app, &viewer, "calls?number=%2B15550100101").await.0, 403, "else they find out by trying");
}
