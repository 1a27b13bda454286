//! The setup pages, as people use them: who may send, what leads where, who may look; whose it is, and what is logged.

use serde_json::json;
use switchhook::access::Role;
use switchhook::domain::secret_strength::SecretMaker;
use switchhook::providers;
use switchhook::redact::Secret;
use switchhook::store::connections::touch_secrets;
use uuid::Uuid;

use crate::access::OTHER;
use crate::operations::Person;
use crate::support::{TENANT, TestApp};

/// What stands in the element of this id.
fn shown(page: &str, id: &str) -> String {
    let after = page.split(&format!("id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("no {id}: {page}"));
    after.split('<').next().unwrap().to_owned()
}

async fn with_other() -> TestApp {
    let app = TestApp::spawn().await;
    app.execute(&format!("insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other')")).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_added_used_rotated_and_taken_out_of_use() {
    let app = with_other().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let dialpad = providers::find("dialpad").unwrap();
    let form = [("provider", "dialpad"), ("slug", "desk")];
    let page = admin.post(&app, "/setup/connections", &form).await;
    page.assert_status(200);
    let old = Secret::new(shown(&page.text, "secret"));
    assert!(shown(&page.text, "url").ends_with("/webhooks/dialpad/desk") && old.expose().len() > 30);
    assert!(!admin.get(&app, "/setup/connections").await.text.contains(old.expose()), "shown once");
    assert_eq!(admin.post(&app, "/setup/connections", &form).await.status, 422, "the slug is taken");
    let send = async |secret: &Secret, call: &str| {
        let body = json!({ "call_id": call, "state": "hangup", "direction": "inbound" }).to_string();
        app.send("/webhooks/dialpad/desk", dialpad.sign(&body, Some(secret), app.clock.now())).await.status
    };
    assert_eq!(send(&old, "a").await, 200);
    let id = app.value("select id from connections where slug = 'desk'").await;
    let at = |deed: &str| format!("/setup/connections/{}/{deed}", id.as_str().unwrap());
    // What the service notes every second, by the same function.
    let used = "select jsonb_agg(s.id) from connection_secrets s join connections c on c.id = s.connection_id
                where c.slug = 'desk'";
    let used: Vec<Uuid> = serde_json::from_value(app.value(used).await).unwrap();
    touch_secrets(&app.pool, &used).await.unwrap();
    let page = admin.post(&app, &at("rotate"), &[("overlap_hours", "1")]).await;
    page.assert_status(200);
    let new = Secret::new(shown(&page.text, "secret"));
    let old_line = page.text.split("Old secret").nth(1).unwrap_or_default();
    let old_line = old_line.split("</dd>").next().unwrap_or_default();
    assert!(old_line.contains("last used <time") && old_line.contains("ends <time"), "{}", page.text);
    // The door follows within a second.
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!((send(&old, "b").await, send(&new, "c").await), (200, 200), "both, for an hour");
    // It is proven and goes in, and changes nothing.
    let calls = app.value("select count(*) from calls").await;
    let led = admin.post(&app, &at("test"), &[]).await;
    led.assert_status(303);
    let path = led.headers["location"].to_str().unwrap().to_owned();
    assert!(admin.get(&app, &path).await.text.contains("a test event is in"));
    app.run_until_idle().await;
    let outcome = "select outcome from webhook_events where event_type = 'switchhook_test'";
    assert_eq!(app.value(outcome).await, "ignored");
    assert_eq!(app.value("select count(*) from calls").await.as_i64(), calls.as_i64().map(|calls| calls + 3));
    // Nobody of another tenant does any of this.
    let foreign = Person::of(&app, Role::Admin, Some(OTHER)).await;
    assert!(!foreign.get(&app, "/setup/connections").await.text.contains("desk"));
    for deed in ["rotate", "test", "disable", "enable"] {
        foreign.post(&app, &at(deed), &[]).await.assert_status(404);
    }
    Person::of(&app, Role::Operator, Some(TENANT)).await.post(&app, &at("disable"), &[]).await.assert_status(403);
    admin.post(&app, &at("disable"), &[]).await.assert_status(303);
    assert_eq!(app.value("select disabled_at is not null from connections where slug = 'desk'").await, true);
    admin.post(&app, &at("test"), &[]).await.assert_status(422);
    admin.post(&app, &at("enable"), &[]).await.assert_status(303);
    let actions = app.rows("select to_jsonb(action) from operator_log order by action").await;
    let wanted = ["add_connection", "disable_connection", "enable_connection", "rotate_secret", "test_event"];
    assert_eq!(actions, wanted);
    let log = app.rows("select details from operator_log").await;
    assert!(!json!(log).to_string().contains(new.expose()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_sent_again_rotates_nothing() {
    let app = with_other().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let secrets = async |provider: &str| {
        let sql = "select count(*) from connection_secrets s join connections c on c.id = s.connection_id
                   where c.provider = '{}' and c.slug = 'default'";
        app.value(&sql.replace("{}", provider)).await.as_i64().unwrap()
    };
    let rotate = async |provider: &str, form: &[(&str, &str)]| {
        let id = app.connection_id(provider);
        admin.post(&app, &format!("/setup/connections/{id}/rotate"), form).await
    };
    let location = |answer: &crate::support::Answer| answer.headers["location"].to_str().unwrap().to_owned();
    let before = (secrets("dialpad").await, secrets("retell").await);
    // A secret of ours is on the answer, once; the same form again shows and makes nothing.
    let form_id = Uuid::now_v7().to_string();
    let form = [("new", form_id.as_str()), ("overlap_hours", "24")];
    let page = rotate("dialpad", &form).await;
    let secret = shown(&page.assert_status(200).text, "secret");
    let again = rotate("dialpad", &form).await;
    again.assert_status(303);
    let page = admin.get(&app, &location(&again)).await.text;
    assert!(page.contains("That was done before, and not done again") && !page.contains(&secret), "{page}");
    // One that was given leads to a page, which may be loaded as often as one likes.
    let form_id = Uuid::now_v7().to_string();
    let given = [("new", form_id.as_str()), ("secret", "key_0123456789abcdef0123456789abcdef")];
    let led = rotate("retell", &given).await;
    led.assert_status(303);
    for _ in 0..2 {
        let page = admin.get(&app, &location(&led)).await.text;
        assert!(page.contains("Retell AI default") && !page.contains(given[1].1), "{page}");
    }
    assert!(location(&rotate("retell", &given).await).contains("said=repeated"));
    // Retell signs with a key of its own: an empty field makes none.
    rotate("retell", &[("overlap_hours", "0")]).await.assert_status(422);
    assert_eq!((secrets("dialpad").await, secrets("retell").await), (before.0 + 1, before.1 + 1));
    assert_eq!(app.value("select count(*) from operator_log where action = 'rotate_secret'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_platform_can_be_added_and_tried() {
    let app = with_other().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let mut paths = Vec::new();
    for provider in providers::ALL {
        let form = [("provider", provider.name()), ("slug", "second"), ("secret", "key_of_the_platform")];
        let is_theirs = provider.secret_maker() == SecretMaker::Platform;
        if is_theirs {
            admin.post(&app, "/setup/connections", &form[..2]).await.assert_status(422);
        }
        let form = if is_theirs { &form[..] } else { &form[..2] };
        let page = admin.post(&app, "/setup/connections", form).await;
        page.assert_status(200);
        let is_made = provider.signs() && !is_theirs;
        assert_eq!(page.text.contains("id=\"secret\""), is_made, "{}", provider.name());
        let url = shown(&page.text, "url");
        paths.push(url[url.find("/webhooks").unwrap()..].to_owned());
    }
    // What the page says of curl.
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    for path in paths {
        assert_eq!(TestApp::answer(app.client.get(format!("{}{path}", app.base))).await.status, 200, "{path}");
    }
    for id in app.rows("select to_jsonb(id) from connections where provider <> 'switchhook'").await {
        let path = format!("/setup/connections/{}/test", id.as_str().unwrap());
        admin.post(&app, &path, &[]).await.assert_status(303);
    }
    app.execute("delete from connection_secrets").await;
    let path = format!("/setup/connections/{}/test", app.connection_id("retell"));
    assert!(admin.post(&app, &path, &[]).await.text.contains("is refused"), "without a secret nothing is proven");
    app.run_until_idle().await;
    assert_eq!(app.value("select count(*) from calls").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_agents_and_campaigns_lead_where_they_are_told() {
    let app = with_other().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let foreign = Person::of(&app, Role::Admin, Some(OTHER)).await;
    // With several tenants, numbers and agents are added by somebody who sees all of them.
    let wide = Person::of(&app, Role::Admin, None).await;
    admin.post(&app, "/setup/campaigns", &[("name", "Spring")]).await.assert_status(303);
    admin.post(&app, "/setup/campaigns", &[("name", "Spring")]).await.assert_status(422);
    let campaign = app.value("select id from campaigns").await.as_str().unwrap().to_owned();
    let number = ("number", "+15550100123");
    admin.post(&app, "/setup/numbers", &[("number", "0101")]).await.assert_status(422);
    let form = [number, ("label", "Desk"), ("sender", "1001")];
    admin.post(&app, "/setup/numbers", &form).await.assert_status(403);
    wide.post(&app, "/setup/numbers?tenant=default", &form).await.assert_status(303);
    foreign.post(&app, "/setup/numbers", &[number]).await.assert_status(403);
    foreign.post(&app, "/setup/numbers/assign", &[number]).await.assert_status(404);
    foreign.post(&app, "/setup/numbers/remove", &[number]).await.assert_status(404);
    let form = [number, ("campaign", campaign.as_str()), ("label", "Desk 2")];
    admin.post(&app, "/setup/numbers/assign", &form).await.assert_status(303);
    let row = "select concat_ws('|', label, sender, campaign_id is not null) from phone_numbers";
    assert_eq!(app.value(row).await, "Desk 2|t");
    // Who answers for it: digits, or the configured one, which is said.
    for wrong in ["+15550100123", "sales", "1001 1002", "123456789012345678901"] {
        let form = [number, ("sender", wrong)];
        let page = admin.post(&app, "/setup/numbers/assign", &form).await;
        assert!(page.assert_status(422).text.contains("phone_number_id: digits only"), "{wrong}: {}", page.text);
        admin.post(&app, "/setup/numbers", &[("number", "+15550100124"), form[1]]).await.assert_status(422);
    }
    let form = [number, ("label", "Desk 2"), ("sender", " 106540352242922 ")];
    admin.post(&app, "/setup/numbers/assign", &form).await.assert_status(303);
    assert_eq!(app.value(row).await, "Desk 2|106540352242922|f");
    let logged =
        "select details - 'tenant_id' from operator_log where action = 'assign_number' order by at desc limit 1";
    assert_eq!(
        app.value(logged).await,
        json!({ "number": "***0123", "campaign_id": null, "sender": "106540352242922" })
    );
    let page = admin.get(&app, "/setup/numbers").await.text;
    assert!(page.contains("value=\"106540352242922\"") && page.contains("No WhatsApp sender is configured"), "{page}");
    let own = "{\"integrations\": {\"whatsapp\": {\"phone_number_id\": \"777001\"}}}";
    app.execute(&format!("update tenants set settings = '{own}' where id = '{TENANT}'")).await;
    assert!(admin.get(&app, "/setup/numbers").await.text.contains("write from <code>777001</code>"));
    let own = own.replace("777001", "");
    app.execute(&format!("update tenants set settings = '{own}' where id = '{TENANT}'")).await;
    assert!(admin.get(&app, "/setup/numbers").await.text.contains("No WhatsApp sender is configured"));
    app.execute("update tenants set settings = '{}'").await;
    let agent = [("provider", "retell"), ("agent_id", "agent_1"), ("campaign", campaign.as_str())];
    foreign.post(&app, "/setup/agents", &agent).await.assert_status(403);
    wide.post(&app, "/setup/agents?tenant=other", &agent).await.assert_status(422);
    wide.post(&app, "/setup/agents?tenant=default", &agent).await.assert_status(303);
    foreign.post(&app, "/setup/agents/remove", &agent[..2]).await.assert_status(404);
    assert!(admin.get(&app, "/setup/agents").await.text.contains("agent_1"));
    assert!(!foreign.get(&app, "/setup/agents").await.text.contains("agent_1"));
    // A campaign that something leads to stays.
    let remove = format!("/setup/campaigns/{campaign}/remove");
    admin.post(&app, &remove, &[]).await.assert_status(422);
    admin.post(&app, "/setup/agents/assign", &[agent[0], agent[1], ("name", "Ada")]).await.assert_status(303);
    admin.post(&app, "/setup/numbers/remove", &[number]).await.assert_status(303);
    foreign.post(&app, &remove, &[]).await.assert_status(404);
    admin.post(&app, &remove, &[]).await.assert_status(303);
    admin.post(&app, "/setup/agents/remove", &agent[..2]).await.assert_status(303);
    let left = "select (select count(*) from campaigns) + (select count(*) from agents) + (select count(*) from phone_numbers)";
    assert_eq!(app.value(left).await, 0);
    assert_eq!(app.value("select count(*) from operator_log").await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_users_and_tenants_are_made_by_who_may_and_shown_once() {
    let app = with_other().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    let wide = Person::of(&app, Role::Admin, None).await;
    let foreign = Person::of(&app, Role::Admin, Some(OTHER)).await;
    let form = [("label", "Reports"), ("role", "viewer"), ("days", "90"), ("all_tenants", "1")];
    let page = admin.post(&app, "/setup/tokens", &form).await;
    page.assert_status(200);
    let token = shown(&page.text, "token");
    assert!(token.starts_with("shk_") && !admin.get(&app, "/setup/tokens").await.text.contains(&token));
    let of = "select concat_ws('|', tenant_id, role, expires_at is not null) from api_tokens where label = 'Reports'";
    assert_eq!(app.value(of).await, format!("{TENANT}|viewer|t"), "who sees one tenant makes tokens of it alone");
    let id = app.value("select id from api_tokens where label = 'Reports'").await.as_str().unwrap().to_owned();
    foreign.post(&app, &format!("/setup/tokens/{id}/revoke"), &[]).await.assert_status(404);
    admin.post(&app, &format!("/setup/tokens/{id}/revoke"), &[]).await.assert_status(303);
    assert!(!admin.get(&app, "/setup/tokens").await.text.contains("Reports"));
    let form = [("label", "Wide"), ("role", "viewer"), ("all_tenants", "1")];
    wide.post(&app, "/setup/tokens?tenant=other", &form).await.assert_status(200);
    assert_eq!(app.value("select tenant_id is null from api_tokens where label = 'Wide'").await, true);
    // Users.
    let password = ("password", "correct horse battery");
    let form = [("login", "Dana"), password, ("role", "agent")];
    admin.post(&app, "/setup/users", &[form[0], ("password", "short"), form[2]]).await.assert_status(422);
    admin.post(&app, "/setup/users", &form).await.assert_status(303);
    foreign.post(&app, "/setup/users", &form).await.assert_status(422);
    let sign_in = async |password: &str| {
        let body = json!({ "login": "dana", "password": password });
        TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&body)).await.status
    };
    assert_eq!(sign_in(password.1).await, 200);
    let other = [("login", "dana"), ("password", "another horse battery")];
    foreign.post(&app, "/setup/users/password", &other).await.assert_status(404);
    admin.post(&app, "/setup/users/password", &other).await.assert_status(303);
    assert_eq!((sign_in(password.1).await, sign_in(other[1].1).await), (401, 200));
    assert_eq!(app.value("select count(*) from sessions").await, 1, "the ones before have ended");
    foreign.post(&app, "/setup/users/remove", &other[..1]).await.assert_status(404);
    admin.post(&app, "/setup/users/remove", &other[..1]).await.assert_status(303);
    // A password is as it is typed, in both places.
    let spaced = [("login", "eva"), ("password", " correct horse battery "), ("role", "agent")];
    admin.post(&app, "/setup/users", &spaced).await.assert_status(303);
    for (typed, status) in [(spaced[1].1, 303), (spaced[1].1.trim(), 401)] {
        assert_eq!(admin.post(&app, "/sign-in", &[spaced[0], ("password", typed)]).await.status, status, "{typed:?}");
    }
    // Who was taken away is known by name, and a token by its label.
    let removed = "select details->>'login' from operator_log where action = 'remove_user' and details ? 'user_id'";
    assert_eq!(app.value(removed).await, "dana");
    let revoked = "select details->>'label' from operator_log where action = 'revoke_token' and details ? 'token_id'";
    assert_eq!(app.value(revoked).await, "Reports");
    // Tenants.
    let form = [("slug", "third"), ("name", "Third"), ("region", "us")];
    admin.post(&app, "/setup/tenants", &form).await.assert_status(403);
    assert!(!admin.get(&app, "/setup/tenants").await.text.contains("Other"));
    wide.post(&app, "/setup/tenants", &[("slug", "No Good")]).await.assert_status(422);
    wide.post(&app, "/setup/tenants", &form).await.assert_status(303);
    wide.post(&app, "/setup/tenants", &form).await.assert_status(422);
    assert!(wide.get(&app, "/setup/tenants").await.text.contains("Third"));
    app.execute(
        "update tenants set settings = '{\"integrations\": {\"whatsapp\": {\"token\": \"hidden-one\", \"template\": \"shown-one\"}}}'",
    )
    .await;
    let page = admin.get(&app, "/setup/tenants").await.text;
    assert!(page.contains("shown-one") && !page.contains("hidden-one"));
    let kinds = app
        .rows("select to_jsonb(action) from operator_log where action !~ '^sign_' group by action order by action")
        .await;
    assert_eq!(kinds, ["add_tenant", "add_token", "add_user", "remove_user", "revoke_token", "set_password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_a_session_need_its_secret_and_the_first_run_says_what_comes_next() {
    let app = TestApp::spawn().await;
    let admin = Person::of(&app, Role::Admin, Some(TENANT)).await;
    assert!(admin.get(&app, "/setup").await.text.contains("The next step: paste the URL"));
    app.execute("update connections set disabled_at = now()").await;
    assert!(admin.get(&app, "/setup").await.text.contains("The next step: let a platform send"));
    let token =
        switchhook::store::tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "s", None)
            .await
            .unwrap()
            .1;
    let session = app.client.post(format!("{}/api/v1/session", app.base)).json(&json!({ "token": token.expose() }));
    let session = TestApp::answer(session).await;
    let cookie = session.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf: serde_json::Value = serde_json::from_str(&session.text).unwrap();
    let post = async |path: &str, csrf: &str| {
        let request = app.client.post(format!("{}{path}", app.base)).header("cookie", &cookie);
        TestApp::answer(request.body(format!("csrf={csrf}&name=x&id={}", Uuid::nil()))).await.status
    };
    for path in ["/setup/campaigns", "/operations/jobs/retry"] {
        assert_eq!(post(path, "guessed").await, 403, "{path}");
        assert_eq!(post(path, csrf["csrf_token"].as_str().unwrap()).await, 200, "{path}, and where it leads");
    }
    assert_eq!(app.value("select count(*) from campaigns").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenant_is_reached_however_many_there_are() {
    let app = with_other().await;
    let wide = Person::of(&app, Role::Admin, None).await;
    let named = "name=\"tenant\" required";
    assert!(!wide.get(&app, "/calls").await.text.contains(named), "two are chosen from a list");
    app.execute(&format!(
        "insert into tenants (slug, name) select 't' || lpad(n::text, 3, '0'), 'Tenant ' || n from generate_series(1, 300) n;
         insert into calls (id, tenant_id, provider, provider_call_id)
         select '{}', id, 'retell', 'far' from tenants where slug = 't299'",
        Uuid::from_u128(5)
    ))
    .await;
    for (path, name) in
        [("/calls?tenant=t300", "Tenant 300"), (&format!("/calls/{}", Uuid::from_u128(5)), "Tenant 299")]
    {
        let page = wide.get(&app, path).await;
        assert!(page.assert_status(200).text.contains(&format!("<summary>{name}</summary>")), "{}", page.text);
        assert!(page.text.contains(named) && page.text.matches("?tenant=").count() < 60, "{}", page.text);
    }
    wide.get(&app, "/calls?tenant=nobody").await.assert_status(404);
    let narrow = Person::of(&app, Role::Admin, Some(TENANT)).await;
    narrow.get(&app, "/calls?tenant=t300").await.assert_status(404);
    assert!(!narrow.get(&app, "/calls?tenant=default").await.text.contains("<summary>Default"));
}
