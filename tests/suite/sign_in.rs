//! Guessing is slowed and locks nobody out, and every sign-in leaves its line in the log.

use chrono::TimeDelta;
use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::{tokens, users};

use crate::support::{Answer, TENANT, TestApp};

const PASSWORD: &str = "correct horse battery";
/// A proxy on this machine, so that tests come from any network.
const PROXIED: (&str, &str) = ("HTTP__TRUSTED_PROXIES", "127.0.0.1/32");
const HERE: &str = "192.0.2.7";
const THERE: &str = "198.51.100.9";

async fn with_users(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::spawn_with(settings, switchhook::providers::registry()).await;
    let hash = password::hash(&Secret::new(PASSWORD)).unwrap();
    for login in ["dana", "eva"] {
        users::add(&app.pool, Some(TENANT), login, &hash, Role::Agent).await.unwrap().unwrap();
    }
    app
}

/// Signs in from a network; `browser`: with the cookie of a browser that has signed in before.
async fn sign_in(app: &TestApp, from: &str, login: &str, password: &str, browser: Option<&str>) -> Answer {
    let mut request = app.client.post(format!("{}/api/v1/session", app.base)).header("x-forwarded-for", from);
    if let Some(cookie) = browser {
        request = request.header("cookie", cookie);
    }
    TestApp::answer(request.json(&json!({ "login": login, "password": password }))).await
}

async fn guess(app: &TestApp, from: &str, login: &str) -> u16 {
    sign_in(app, from, login, "not this one at all", None).await.status
}

/// The cookie by which the browser is known again.
fn browser_of(answer: &Answer) -> String {
    let mut set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = set.rfind(|value| value.contains("-browser=")).unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_slow_their_own_network_and_login_and_nobody_else() {
    let app =
        with_users(&[PROXIED, ("CONSOLE__SIGN_IN_FIRST_WAIT", "10m"), ("CONSOLE__SIGN_IN_LONGEST_WAIT", "10m")]).await;
    // Who knows the password is not guessing, however often.
    for _ in 0..7 {
        sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    }
    let first = sign_in(&app, HERE, "dana", PASSWORD, None).await;
    let browser = browser_of(&first);
    let mut texts = Vec::new();
    for login in ["dana", "nobody", "dana", "dana", "dana", "dana"] {
        let answer = sign_in(&app, HERE, login, "not this one at all", None).await;
        answer.assert_status(401);
        texts.push(answer.text);
    }
    assert_eq!(texts[0], texts[1], "nobody learns which names there are");
    let slowed = sign_in(&app, HERE, "dana", PASSWORD, None).await;
    slowed.assert_status(429);
    let wait: u64 = slowed.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    sign_in(&app, THERE, "dana", PASSWORD, None).await.assert_status(200);
    sign_in(&app, HERE, "eva", PASSWORD, None).await.assert_status(200);
    sign_in(&app, HERE, "dana", PASSWORD, Some(&browser)).await.assert_status(200);
    let forged = format!("{}x", &browser);
    sign_in(&app, HERE, "dana", PASSWORD, Some(&forged)).await.assert_status(429);
    sign_in(&app, HERE, "eva", "not this one at all", Some(&browser)).await.assert_status(401);
    // Neither names nor addresses are kept of who guesses.
    let kept = app.value("select string_agg(to_jsonb(a)::text, '') from sign_in_attempts a").await.to_string();
    assert!(!kept.contains("dana") && !kept.contains(HERE));
    // It ends by itself, and so does the memory of it.
    app.execute("update sign_in_attempts set free_at = now()").await;
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    assert_eq!(guess(&app, HERE, "dana").await, 401, "a success has forgotten the failures");
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_doubles_the_wait_up_to_a_minute() {
    let app = with_users(&[PROXIED]).await;
    let mut waits = Vec::new();
    for n in 1..=13 {
        assert_eq!(guess(&app, HERE, "dana").await, 401, "{n}");
        let wait =
            "select extract(epoch from free_at - last_at)::float8 from sign_in_attempts order by free_at desc limit 1";
        waits.push(app.value(wait).await.as_f64().unwrap());
        app.execute("update sign_in_attempts set free_at = least(free_at, now())").await;
    }
    assert_eq!(waits, [0., 0., 0., 0., 1., 2., 4., 8., 16., 32., 60., 60., 60.]);
    app.execute("update sign_in_attempts set last_at = last_at - interval '16 minutes'").await;
    assert_eq!(guess(&app, HERE, "dana").await, 401);
    let failures = "select max(failures) from sign_in_attempts";
    assert_eq!(app.value(failures).await, 1, "they are forgotten after a quarter of an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_sprays_is_slowed_and_neither_tokens_nor_who_signed_in_before() {
    let settings = [PROXIED, ("CONSOLE__SIGN_IN_NETWORK_FAILURES", "3"), ("CONSOLE__SIGN_IN_FIRST_WAIT", "50s")];
    let app = with_users(&settings).await;
    let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Viewer, "t", None).await.unwrap().1;
    let token_in = || {
        let request = app.client.post(format!("{}/api/v1/session", app.base)).header("x-forwarded-for", HERE);
        TestApp::answer(request.json(&json!({ "token": token.expose() })))
    };
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    for n in 0..3 {
        assert_eq!(guess(&app, HERE, &format!("user{n}")).await, 401);
    }
    assert_eq!(guess(&app, HERE, "user9").await, 429);
    sign_in(&app, HERE, "eva", PASSWORD, None).await.assert_status(429);
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    sign_in(&app, THERE, "eva", PASSWORD, None).await.assert_status(200);
    token_in().await.assert_status(200);
    let bearer = app.client.get(format!("{}/api/v1/calls", app.base)).header("x-forwarded-for", HERE);
    TestApp::answer(bearer.bearer_auth(token.expose())).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_guessed_at_from_everywhere_is_never_refused_and_somebody_is_told() {
    let app = with_users(&[PROXIED]).await;
    app.execute(
        "insert into sign_in_attempts (subject, user_id, failures, last_at, free_at)
         select sha256(convert_to('login:' || login, 'utf8')), id, 60, now(), now() from users",
    )
    .await;
    assert_eq!(guess(&app, HERE, "dana").await, 401);
    sign_in(&app, THERE, "dana", PASSWORD, None).await.assert_status(200);
    crate::alerts::look(&app).await;
    let incident =
        "select severity || ' ' || (summary like '%failed sign-ins%') from incidents where cause = 'guessed_login'
                    and subject = (select id::text from users where login = 'dana')";
    assert_eq!(app.value(incident).await, "warning true");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_in_and_failure_is_in_the_log_with_its_address_and_no_password() {
    let app = with_users(&[PROXIED]).await;
    let answer = sign_in(&app, HERE, "dana", PASSWORD, None).await;
    guess(&app, THERE, "dana").await;
    // A password in the field for the name.
    guess(&app, THERE, "hunter2-is-my-password").await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = serde_json::from_str::<Value>(&answer.text).unwrap()["csrf_token"].as_str().unwrap().to_owned();
    let out = app.client.delete(format!("{}/api/v1/session", app.base)).header("x-forwarded-for", HERE);
    TestApp::answer(out.header("cookie", cookie).header("x-csrf-token", csrf)).await.assert_status(204);
    let lines = app
        .rows(
            "select to_jsonb(concat_ws(' ', action, split_part(actor, ' ', 1), address, details->>'login',
                                       details->>'reason', details->>'method')) from operator_log order by at, id",
        )
        .await;
    assert_eq!(
        lines,
        [
            format!("sign_in user {HERE} password"),
            format!("sign_in_failed nobody {THERE} dana password"),
            format!("sign_in_failed nobody {THERE} password"),
            format!("sign_out user {HERE}"),
        ]
    );
    let kept = app.value("select string_agg(to_jsonb(l)::text, '') from operator_log l").await.to_string();
    assert!(!kept.contains("hunter2") && !kept.contains("not this one"));
    let tenants = "select count(*) from operator_log where tenant_id is not null";
    assert_eq!(app.value(tenants).await, 3, "a tenant's admin sees what concerns its users");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_failures_fills_no_disk() {
    let app =
        with_users(&[PROXIED, ("CONSOLE__SIGN_IN_FREE_FAILURES", "1"), ("CONSOLE__SIGN_IN_FIRST_WAIT", "50s")]).await;
    for _ in 0..50 {
        guess(&app, HERE, "dana").await;
    }
    let lines = "select count(*) from operator_log where action = 'sign_in_failed'";
    assert_eq!(app.value(lines).await, 20);
    app.clock.advance(TimeDelta::seconds(60));
    guess(&app, HERE, "dana").await;
    let summed = "select row_count || ' ' || (details->>'login') from operator_log where details->>'reason' = 'summed'";
    assert_eq!(app.value(summed).await, "30 dana");
    assert_eq!(app.value("select sum(row_count) from operator_log").await, 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_names_that_nobody_has_hides_no_guessing_at_one_that_somebody_has() {
    let app = with_users(&[PROXIED]).await;
    // No name at all, so that no password is looked at.
    for n in 0..100 {
        guess(&app, &format!("192.0.2.{n}"), "-nobody").await;
    }
    guess(&app, THERE, "dana").await;
    let seen = format!("select details->>'login' from operator_log where address = '{THERE}'");
    assert_eq!(app.value(&seen).await, "dana");
    app.clock.advance(TimeDelta::seconds(60));
    guess(&app, THERE, "-nobody").await;
    let summed = "select jsonb_agg(jsonb_build_array(row_count, details)) from operator_log
                  where details->>'reason' = 'summed'";
    assert_eq!(app.value(summed).await, json!([[40, { "reason": "summed" }]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_must_wait_writes_no_row_for_each_name_that_it_makes_up() {
    let settings = [PROXIED, ("CONSOLE__SIGN_IN_NETWORK_FAILURES", "3"), ("CONSOLE__SIGN_IN_FIRST_WAIT", "50s")];
    let app = with_users(&settings).await;
    for n in 0..3 {
        guess(&app, HERE, &format!("user{n}")).await;
    }
    let rows = "select count(*) from sign_in_attempts";
    let before = app.value(rows).await;
    for n in 3..30 {
        assert_eq!(guess(&app, HERE, &format!("user{n}")).await, 429);
    }
    assert_eq!(app.value(rows).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_trusted_is_noted_when_people_come_through_it() {
    let app = with_users(&[]).await;
    let noted = "select coalesce(jsonb_agg(host(peer)), '[]') from untrusted_proxies";
    guess(&app, HERE, "dana").await;
    assert_eq!(app.value(noted).await, json!([]), "what strangers write means nothing");
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    assert_eq!(app.value(noted).await, json!(["127.0.0.1"]));
    let app = with_users(&[PROXIED]).await;
    sign_in(&app, HERE, "dana", PASSWORD, None).await.assert_status(200);
    assert_eq!(app.value(noted).await, json!([]));
}
