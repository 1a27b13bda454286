//! Signing in with an identity provider, under attack: forged tokens, callbacks of others, providers that are away or lead
//! astray.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use switchhook::access::Role;
use switchhook::console::password;
use switchhook::redact::Secret;
use switchhook::store::users;

use crate::oidc::Office;
use crate::support::identity_provider::Signing;
use crate::support::{Binary, IdentityProvider, TestApp, url_of};

const NOW: i64 = 1_793_534_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_of_this_provider_client_and_sign_in_lets_nobody_in() {
    let office = Office::open().await;
    for (claims, why) in [
        (json!({ "nonce": "of-another-sign-in" }), "nonce"),
        (json!({ "nonce": null }), "nonce"),
        (json!({ "aud": "another-client" }), "aud"),
        (json!({ "aud": ["another-client"] }), "aud"),
        (json!({ "aud": [IdentityProvider::CLIENT_ID, "another-client"] }), "aud"),
        (json!({ "azp": "another-client" }), "azp"),
        (json!({ "iss": "https://id.example.com" }), "iss"),
        (json!({ "exp": NOW - 61 }), "time"),
        (json!({ "iat": NOW + 61 }), "time"),
        (json!({ "iat": NOW - 3600 }), "time"),
        (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), "at_hash"),
        (json!({ "sub": "" }), "subject"),
        (json!({ "sub": "x".repeat(256) }), "subject"),
    ] {
        let before = office.provider.told().claims.clone();
        office.provider.set_claims(claims.clone());
        let reason = office.refused(&office.sign_in().await, &claims.to_string()).await;
        assert!(reason.contains("the ID token does not count") && reason.contains(why), "{claims}: {reason}");
        office.provider.told().claims = before;
    }
    for (signing, why) in [
        (Signing::None, "not signed"),
        (Signing::Hs256OfPublicKey, "counts for nothing"),
        (Signing::Hs256OfClientSecret, "counts for nothing"),
        (Signing::Forged, "none of the provider's keys"),
    ] {
        office.provider.told().signing = signing;
        let reason = office.refused(&office.sign_in().await, why).await;
        assert!(reason.contains(why), "{signing:?}: {reason}");
    }
    assert_eq!(office.app.value("select count(*) from users").await, json!(0));
    assert_eq!(office.app.value("select count(*) from sessions").await, json!(0));
    // Within what clocks may differ by.
    office.provider.told().signing = Signing::Rs256;
    office.provider.set_claims(json!({ "exp": NOW - 59, "iat": NOW + 59, "azp": IdentityProvider::CLIENT_ID }));
    office.session().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_counts_once_and_for_the_browser_that_began() {
    let office = Office::open().await;
    let (attempt, url) = office.begin("").await;
    let (others, _) = office.begin("").await;
    let back = office.visit(&url).await;
    let nobody = |answer: &crate::support::Answer| {
        answer.assert_status(401);
        assert!(answer.text.contains("another browser or tab"), "{}", answer.text);
        assert!(
            !answer.headers.get_all("set-cookie").iter().any(|set| set.to_str().unwrap().starts_with("switchhook="))
        );
    };
    nobody(&office.get(&back, "").await);
    nobody(&office.get(&back, &others).await);
    nobody(&office.get(&back, "switchhook-oidc=guessed").await);
    nobody(&office.get(&back.replace("state=", "state=x"), &attempt).await);
    nobody(&office.get("/sign-in/oidc/callback?code=code-0", &attempt).await);
    assert!(office.provider.requests("/token").is_empty(), "the provider is not asked for any of these");
    // None of them has spent the attempt.
    office.get(&back, &attempt).await.assert_status(303);
    nobody(&office.get(&back, &attempt).await);
    assert_eq!(office.provider.requests("/token").len(), 1);
    // One that took too long.
    let (attempt, url) = office.begin("").await;
    let back = office.visit(&url).await;
    office.app.execute("update oidc_sign_ins set expires_at = now() - interval '1 second'").await;
    nobody(&office.get(&back, &attempt).await);
    // A code of another sign-in does not fit the verifier of this one.
    let (_, url) = office.begin("").await;
    let stolen = office.visit(&url).await;
    let stolen = stolen.split(['=', '&']).nth(1).unwrap().to_owned();
    let (attempt, url) = office.begin("").await;
    let own = office.visit(&url).await;
    let code = own.split(['=', '&']).nth(1).unwrap();
    let answer = office.get(&own.replace(&format!("code={code}&"), &format!("code={stolen}&")), &attempt).await;
    assert!(office.refused(&answer, "a stolen code").await.contains("invalid_grant"));
    // The provider's refusal, and an answer of another provider.
    for (change, why) in [("error=access_denied&", "access_denied"), ("error=%0Aforged&", "do not name")] {
        let (attempt, url) = office.begin("").await;
        let back = office.visit(&url).await;
        let answer = office.get(&back.replacen('?', &format!("?{change}"), 1), &attempt).await;
        assert!(office.refused(&answer, why).await.contains(why));
    }
    let (attempt, url) = office.begin("").await;
    let back = office.visit(&url).await;
    let answer = office.get(&back.replace("iss=http", "iss=https"), &attempt).await;
    assert!(office.refused(&answer, "iss").await.contains("another issuer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_provider_rotates_are_found_and_forged_tokens_do_not_keep_it_busy() {
    let office = Office::open().await;
    office.provider.told().signing = Signing::Es256;
    office.session().await;
    office.app.clock.advance(TimeDelta::seconds(61));
    office.provider.set_claims(json!({ "iat": NOW + 61 }));
    office.provider.rotate("es-2");
    office.session().await;
    assert_eq!(office.provider.requests("/keys").len(), 2);
    office.provider.told().signing = Signing::Forged;
    for _ in 0..3 {
        office.refused(&office.sign_in().await, "forged").await;
    }
    assert_eq!(office.provider.requests("/keys").len(), 2, "not again within a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_leads_astray_stops_nobody_elses_sign_in() {
    let office = Office::open().await;
    let hash = password::hash(&Secret::new("correct horse battery")).unwrap();
    users::add(&office.app.pool, None, "dana", &hash, Role::Agent).await.unwrap().unwrap();
    let description = "/.well-known/openid-configuration";
    let begin = async |what: &str| {
        let answer = office.get("/sign-in/oidc", "").await;
        answer.assert_status(503);
        assert!(answer.text.contains("could not be asked") && answer.text.contains("Reference"), "{what}");
        // Others sign in as before, and it is asked again in a while.
        let login = json!({ "login": "dana", "password": "correct horse battery" });
        let app = &office.app;
        TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&login)).await.assert_status(200);
        app.clock.advance(TimeDelta::seconds(5));
    };
    office.provider.answer_next(description, 500, &[], "");
    begin("it fails").await;
    office.provider.drop_next(description);
    begin("it hangs up").await;
    office.provider.answer_next(description, 302, &[("location", "/elsewhere")], "");
    begin("it leads elsewhere").await;
    assert!(office.provider.requests("/elsewhere").is_empty(), "no redirect is followed");
    office.provider.answer_next(description, 200, &[], &format!("{{\"x\": \"{}\"}}", "x".repeat(600_000)));
    begin("it says too much").await;
    for (field, value) in [
        ("issuer", json!("https://id.example.com")),
        ("token_endpoint", json!("http://169.254.169.254/token")),
        ("jwks_uri", json!("http://127.0.0.2:1/keys")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("token_endpoint", json!(null)),
    ] {
        office.provider.told().description = crate::support::identity_provider::claims(json!({ field: value }));
        begin(field).await;
    }
    assert_eq!(office.app.value("select count(*) from oidc_sign_ins").await, json!(0));
    office.provider.told().description.clear();
    let asked = office.provider.requests(description).len();
    // A moment after a failure it is left alone.
    office.provider.answer_next(description, 500, &[], "");
    office.get("/sign-in/oidc", "").await.assert_status(503);
    office.get("/sign-in/oidc", "").await.assert_status(503);
    assert_eq!(office.provider.requests(description).len(), asked + 1);
    office.app.clock.advance(TimeDelta::seconds(6));
    office.session().await;
    office.provider.drop_next("/token");
    let reason = office.refused(&office.sign_in().await, "the token endpoint hangs up").await;
    assert!(reason.contains("could not be redeemed"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_away_by_signing_in() {
    let office = Office::open().await;
    for away in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/a%0D%0Ab", "%2F%09%2Fevil.example", ""]
    {
        let (attempt, url) = office.begin(&format!("?next={away}")).await;
        let back = office.visit(&url).await;
        let answer = office.get(&back, &attempt).await;
        assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/"), "{away:?}");
    }
    let (attempt, url) = office.begin("").await;
    office.app.execute("update oidc_sign_ins set next = '//evil.example'").await;
    let back = office.visit(&url).await;
    assert_eq!(office.get(&back, &attempt).await.headers["location"], "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_begins_only_so_many_sign_ins_in_a_minute() {
    let office = Office::open().await;
    let mut statuses = Vec::new();
    for _ in 0..121 {
        statuses.push(office.get("/sign-in/oidc", "").await.status);
    }
    assert_eq!((statuses.iter().filter(|status| **status == 303).count(), statuses[120]), (120, 429));
    office.app.clock.advance(TimeDelta::seconds(60));
    office.get("/sign-in/oidc", "").await.assert_status(303);
    office.app.execute("update oidc_sign_ins set expires_at = now() - interval '1 second'").await;
    office.get("/sign-in/oidc", "").await.assert_status(303);
    assert_eq!(office.app.value("select count(*) from oidc_sign_ins").await, json!(1), "old ones are swept out");
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_that_somebody_made_up_are_not_looked_up_and_fill_no_log() {
    let office = Office::open().await;
    let made_up = "A".repeat(48);
    let mut mac = Hmac::<Sha256>::new_from_slice(made_up.as_bytes()).unwrap();
    mac.update(b"state");
    let state = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    // With a row that it would find.
    let digest = "sha256(convert_to('oidc sign-in:' || repeat('A', 48), 'UTF8'))";
    let row = format!("insert into oidc_sign_ins select {digest}, '', now() + interval '1 minute'");
    office.app.execute(&row).await;
    let (path, cookie) = (format!("/sign-in/oidc/callback?code=x&state={state}"), format!("switchhook-oidc={made_up}"));
    let reason = office.refused(&office.get(&path, &cookie).await, "made up").await;
    assert_eq!(reason, "no sign-in was begun in this browser");
    for _ in 0..150 {
        office.get(&path, &cookie).await;
    }
    let lines = "select count(*) from operator_log where action = 'sign_in_failed'";
    assert_eq!(office.app.value(lines).await, 20);
    office.app.clock.advance(TimeDelta::seconds(60));
    office.get(&path, &cookie).await;
    let summed = "select row_count from operator_log where details->>'reason' = 'summed'";
    assert_eq!(office.app.value(summed).await, 131);
    assert_eq!(office.app.value("select count(*) from oidc_sign_ins").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_the_provider_and_looks_for_the_tenants() {
    let provider = IdentityProvider::start(NOW).await;
    let (database, _pool) = crate::support::database().await;
    let doctor = |issuer: &str| {
        let mut command = Binary::command(&url_of(&database));
        for (name, value) in [
            ("ISSUER", issuer),
            ("CLIENT_ID", IdentityProvider::CLIENT_ID),
            ("CLIENT_SECRET", IdentityProvider::CLIENT_SECRET),
            ("ROLES__SALES", "agent@no-such-tenant"),
        ] {
            command.env(format!("SWITCHHOOK__OIDC__{name}"), value);
        }
        let output = command.args(["doctor", "--quick"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = doctor(&provider.issuer);
    assert!(said.contains("the identity provider answers") && said.contains("no tenant no-such-tenant"), "{said}");
    let said = doctor("http://127.0.0.1:1");
    assert!(said.contains("FAIL") && said.contains("no connection"), "{said}");
    let said = doctor("http://id.example.com");
    assert!(said.is_empty(), "a configuration that is none is said on standard error: {said}");
    crate::support::drop_database(&database).await;
}
