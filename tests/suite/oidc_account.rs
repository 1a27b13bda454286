//! The account of somebody whom an identity provider vouches for, and signing out of both.

use serde_json::json;

use crate::oidc::Office;
use crate::support::{Answer, IdentityProvider, TestApp};

async fn post(office: &Office, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = office.who(cookie).await.unwrap()["csrf_token"].as_str().unwrap().to_owned();
    let form = [&[("csrf", csrf.as_str())], fields].concat();
    let request = office.browser.post(format!("{}{path}", office.app.base)).header("cookie", cookie).form(&form);
    TestApp::answer(request).await
}

/// With this said of the provider; signs in, and out again. Returns the answer.
async fn out(office: &Office, end_session: &serde_json::Value) -> Answer {
    office.provider.told().description.insert("end_session_endpoint".to_owned(), end_session.clone());
    let cookie = office.session().await;
    let answer = post(office, "/sign-out", &cookie, &[]).await;
    assert!(office.who(&cookie).await.is_none(), "the session here ends in any case");
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    answer
}

fn wanted() -> [(&'static str, &'static str); 1] {
    [("OIDC__SIGN_OUT_AT_PROVIDER", "true")]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_says_who_vouches_and_has_sessions_and_nothing_to_do_with_passwords() {
    let office = Office::open().await;
    let (other, session) = (office.session().await, office.session().await);
    let page = office.get("/account", &session).await.text;
    assert!(page.contains(&format!("<strong>{}</strong> vouches for you", office.provider.issuer)), "{page}");
    assert!(page.contains("<td>Identity provider</td>") && page.contains("(this one)"), "{page}");
    assert!(!page.contains("type=\"password\"") && !page.contains("/account/second-factor"), "{page}");
    // Nor by a form of somebody's own.
    let given = [("present", "x"), ("password", "correct horse battery"), ("again", "correct horse battery")];
    for path in ["/account/password", "/account/second-factor"] {
        let answer = post(&office, path, &session, &given).await;
        assert!(answer.status == 422 && answer.text.contains("identity provider"), "{path}: {}", answer.text);
    }
    post(&office, "/account/sessions/end-others", &session, &[]).await.assert_status(303);
    assert!(office.who(&other).await.is_none() && office.who(&session).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_leads_to_the_provider_where_it_is_wanted_and_there_is_a_place() {
    let office = Office::open_with(&wanted()).await;
    let there = format!("{}/sign-out?realm=a&b=c", office.provider.issuer);
    let answer = out(&office, &json!(there)).await;
    answer.assert_status(200);
    // By a page: browsers follow no form to another host under our policy.
    let url = answer.text.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(url.starts_with(&there), "{url}");
    let back = TestApp::answer(office.browser.get(&url)).await;
    assert_eq!((back.status, back.headers["location"].to_str().unwrap()), (302, IdentityProvider::SIGNED_OUT));

    // A token's session and a password's are not of the provider.
    let app = &office.app;
    let key = app.keys.digests().unwrap();
    let token = switchhook::store::tokens::add(&app.pool, key, None, switchhook::access::Role::Viewer, "t", None);
    let body = json!({ "token": token.await.unwrap().1.expose() });
    let answer = TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&body)).await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let answer = post(&office, "/sign-out", &cookie, &[]).await;
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_here_where_the_provider_has_no_place_that_one_can_go_to_or_it_is_not_wanted() {
    for (settings, end_session) in [
        (&wanted()[..], json!(null)),
        (&wanted()[..], json!("http://id.example.com/sign-out")),
        (&wanted()[..], json!("javascript:alert(1)")),
        (&wanted()[..], json!(7)),
        (&[][..], json!("https://id.example.com/sign-out")),
    ] {
        let office = Office::open_with(settings).await;
        let answer = out(&office, &end_session).await;
        assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/sign-in"), "{end_session}");
    }
}
