//! What the setup pages and the pages of one call or person do, over the API: made and then seen, refused by name where it
//! cannot be, nothing of another tenant, and done once.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::access::OTHER;
use crate::api_writes::Script;
use crate::support::{Answer, TENANT};

/// A script of the default tenant, beside another tenant.
async fn script(role: Role) -> Script {
    let script = Script::of(role).await;
    script
        .app
        .execute(&format!(
            "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
             insert into campaigns (tenant_id, name) values ('{OTHER}', 'theirs')"
        ))
        .await;
    of_tenant(script, Some(TENANT), role).await
}

/// The same, with a token of this tenant.
async fn of_tenant(script: Script, tenant_id: Option<Uuid>, role: Role) -> Script {
    let token =
        tokens::add(&script.app.pool, script.app.keys.digests().unwrap(), tenant_id, role, "t", None).await.unwrap().1;
    Script { token, ..script }
}

/// It is refused, and what is wrong is named.
fn assert_names(answer: &Answer, field: &str) {
    answer.assert_status(422);
    let problem: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains(field), "{field}: {}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

async fn campaign(script: &Script, name: &str) -> Value {
    let made = script.send("POST", "campaigns", json!({ "name": name }), &[]).await;
    made.assert_status(200);
    serde_json::from_str::<Value>(&made.text).unwrap()["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_leads_to_a_campaign_and_another_tenants_is_not_there() {
    let script = script(Role::Admin).await;
    let spring = campaign(&script, "spring").await;
    let theirs = script.app.value("select id from campaigns where name = 'theirs'").await;
    // With several tenants, numbers are added by somebody who sees all of them.
    let script = of_tenant(script, None, Role::Admin).await;
    let add = |number: &str, campaign_id: &Value| json!({ "tenant": "default", "number": number, "campaign_id": campaign_id, "label": "Desk" });
    assert_names(&script.send("POST", "numbers", add("0101", &spring), &[]).await, "number");
    assert_names(&script.send("POST", "numbers", add("+15550100199", &theirs), &[]).await, "campaign_id");
    let long = json!({ "tenant": "default", "number": "+15550100199", "sender": "x".repeat(201) });
    assert_names(&script.send("POST", "numbers", long, &[]).await, "sender");
    let no_sender = json!({ "tenant": "default", "number": "+15550100199", "sender": "+15550100198" });
    assert_names(&script.send("POST", "numbers", no_sender, &[]).await, "sender");
    let key = [("idempotency-key", "n1")];
    let made = script.send("POST", "numbers", add("+1 555-010-0199", &spring), &key).await;
    assert_eq!((made.status, made.text.as_str()), (200, r#"{"number":"+15550100199"}"#));
    let again = script.send("POST", "numbers", add("+1 555-010-0199", &spring), &key).await;
    assert_eq!((again.status, &again.text), (200, &made.text), "the same answer, and no second number");
    script.send("POST", "numbers", add("+15550100199", &spring), &[]).await.assert_status(409);
    let script = of_tenant(script, Some(TENANT), Role::Admin).await;
    let seen = &script.get("numbers").await["items"][0];
    assert_eq!([&seen["number"], &seen["campaign"], &seen["label"]], ["+15550100199", "spring", "Desk"]);
    assert_eq!(seen["campaign_id"], spring);
    let detail = script.get(&format!("campaigns/{}", spring.as_str().unwrap())).await;
    assert_eq!(detail["our_numbers"], json!([{ "number": "+15550100199", "label": "Desk" }]));
    // What is not named stays, null takes away; with the plus or without.
    let patch = async |body: Value| script.send("PATCH", "numbers/15550100199", body, &[]).await;
    patch(json!({ "sender": "1001", "campaign_id": null })).await.assert_status(200);
    let seen = &script.get("numbers").await["items"][0];
    assert_eq!([&seen["campaign_id"], &seen["label"], &seen["sender"]], [&json!(null), &json!("Desk"), &json!("1001")]);
    assert_names(&patch(json!({})).await, "campaign_id");
    assert_names(&patch(json!({ "campaign_id": theirs })).await, "campaign_id");
    assert_names(&patch(json!({ "label": "two\nlines" })).await, "label");
    let script = of_tenant(script, Some(OTHER), Role::Admin).await;
    assert_eq!(script.get("numbers").await["items"], json!([]));
    script.send("PATCH", "numbers/+15550100199", json!({ "label": "mine" }), &[]).await.assert_status(404);
    script.send("DELETE", "numbers/+15550100199", json!(null), &[]).await.assert_status(404);
    script.send("DELETE", "numbers/none", json!(null), &[]).await.assert_status(404);
    // Who sees all tenants cannot tie a number to a campaign of another tenant.
    let script = of_tenant(script, None, Role::Admin).await;
    script.send("PATCH", "numbers/+15550100199", json!({ "campaign_id": theirs }), &[]).await.assert_status(404);
    let script = of_tenant(script, Some(TENANT), Role::Admin).await;
    script.send("DELETE", "numbers/+15550100199", json!(null), &[]).await.assert_status(200);
    assert_eq!(script.get("numbers").await["items"], json!([]));
    let log = script.app.rows("select to_jsonb(action) from operator_log order by at").await;
    assert_eq!(log, ["add_campaign", "add_number", "assign_number", "remove_number"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_leads_to_a_campaign_which_can_be_removed_when_it_is_empty() {
    let script = script(Role::Admin).await;
    let spring = campaign(&script, "spring").await;
    let script = of_tenant(script, None, Role::Admin).await;
    let add = |agent: &str, provider: &str| json!({ "tenant": "default", "provider": provider, "agent_id": agent, "campaign_id": spring });
    assert_names(&script.send("POST", "agents", add("a/1", "nobody"), &[]).await, "provider");
    assert_names(&script.send("POST", "agents", add(" ", "retell"), &[]).await, "agent_id");
    let made = script.send("POST", "agents", add("a/1", "retell"), &[("idempotency-key", "a1")]).await;
    assert_eq!((made.status, made.text.as_str()), (200, r#"{"provider":"retell","agent_id":"a/1"}"#));
    script.send("POST", "agents", add("a/1", "retell"), &[]).await.assert_status(409);
    let script = of_tenant(script, Some(TENANT), Role::Admin).await;
    let path = "agents/retell/a%2F1";
    script.send("PATCH", path, json!({ "name": "Ada" }), &[]).await.assert_status(200);
    let seen = &script.get("agents").await["items"][0];
    assert_eq!(
        [&seen["agent_id"], &seen["name"], &seen["campaign"]],
        ["a/1", "Ada", "spring"],
        "what is not named stays"
    );
    assert_names(&script.send("PATCH", path, json!({}), &[]).await, "name");
    // A campaign that something leads to stays.
    let empty = format!("campaigns/{}", spring.as_str().unwrap());
    assert_eq!(script.get(&empty).await["voice_agents"][0]["name"], "Ada");
    script.send("DELETE", &empty, json!(null), &[]).await.assert_status(409);
    let script = of_tenant(script, Some(OTHER), Role::Admin).await;
    for (method, path) in [("PATCH", path), ("DELETE", path), ("DELETE", &empty)] {
        script.send(method, path, json!({ "name": "Eve" }), &[]).await.assert_status(404);
    }
    assert_eq!(script.get("agents").await["items"], json!([]));
    let script = of_tenant(script, Some(TENANT), Role::Admin).await;
    script.send("DELETE", path, json!(null), &[]).await.assert_status(200);
    script.send("DELETE", &empty, json!(null), &[]).await.assert_status(200);
    script.send("GET", &empty, json!(null), &[]).await.assert_status(404);
    assert_eq!(script.app.value("select count(*) from campaigns where name = 'spring'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_passwords_are_set_by_who_may() {
    let script = script(Role::Admin).await;
    let third = json!({ "slug": "third", "name": "Third", "region": "us" });
    script.send("POST", "tenants", third.clone(), &[]).await.assert_status(403);
    assert_eq!(script.get("tenants").await["items"].as_array().unwrap().len(), 1);
    script.send("GET", "tenants/other", json!(null), &[]).await.assert_status(404);
    script
        .app
        .execute("update tenants set settings = '{\"integrations\": {\"whatsapp\": {\"token\": \"hidden-one\", \"template\": \"t\"}}}'")
        .await;
    let settings = &script.get("tenants/default").await["settings"];
    assert_eq!(settings["integrations.whatsapp.template"], "t");
    assert_eq!(settings["integrations.whatsapp.token"], "[hidden]");
    let script = of_tenant(script, None, Role::Admin).await;
    assert_names(&script.send("POST", "tenants", json!({ "slug": "No Good" }), &[]).await, "slug");
    assert_names(&script.send("POST", "tenants", json!({ "slug": "fine", "region": "usa" }), &[]).await, "region");
    let key = [("idempotency-key", "t1")];
    let made = script.send("POST", "tenants", third.clone(), &key).await;
    assert_eq!(script.send("POST", "tenants", third.clone(), &key).await.text, made.text);
    script.send("POST", "tenants", third, &[]).await.assert_status(409);
    assert_eq!(script.get("tenants/third").await["settings"]["region"], "US");
    // A password of theirs.
    let user = json!({ "tenant": "default", "login": "dana", "password": "correct horse battery", "role": "agent" });
    script.send("POST", "users", user, &[]).await.assert_status(200);
    let sign_in = async |password: &str| {
        script.send("POST", "session", json!({ "login": "dana", "password": password }), &[]).await.status
    };
    assert_eq!(sign_in("correct horse battery").await, 200);
    assert_names(&script.send("POST", "users/dana/password", json!({ "password": "short" }), &[]).await, "password");
    let other = json!({ "password": "another horse battery" });
    script.send("POST", "users/dana/password", other.clone(), &[]).await.assert_status(200);
    assert_eq!((sign_in("correct horse battery").await, sign_in("another horse battery").await), (401, 200));
    assert_eq!(script.app.value("select count(*) from sessions").await, 1, "the ones before have ended");
    let script = of_tenant(script, Some(OTHER), Role::Admin).await;
    script.send("POST", "users/dana/password", other, &[]).await.assert_status(404);
    let kept = script.app.value("select string_agg(details::text, ' ') from operator_log").await.to_string();
    assert!(!kept.contains("horse"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_taken_out_of_use_and_tried() {
    let script = script(Role::Admin).await;
    let at = |deed: &str| format!("connections/{}/{deed}", script.app.connection_id("retell"));
    let post = async |deed: &str, key: &[(&str, &str)]| script.send("POST", &at(deed), json!({}), key).await;
    let key = [("idempotency-key", "c1")];
    let tested = post("test", &key).await;
    tested.assert_status(200);
    assert_eq!(post("test", &key).await.text, tested.text);
    let event: Value = serde_json::from_str(&tested.text).unwrap();
    script.app.run_until_idle().await;
    let seen = script.get(&format!("events/{}", event["event_id"].as_str().unwrap())).await;
    assert_eq!((&seen["event_type"], &seen["outcome"]), (&json!("switchhook_test"), &json!("ignored")));
    let tests = "select count(*) from webhook_events where event_type = 'switchhook_test'";
    assert_eq!(script.app.value(tests).await, 1, "sent twice with a key it is one");
    post("disable", &[]).await.assert_status(200);
    let row = async || {
        let items = script.get("connections").await["items"].as_array().unwrap().clone();
        items.into_iter().find(|row| row["provider"] == "retell").unwrap()
    };
    assert!(row().await["disabled_at"].is_string());
    assert_names(&post("test", &[]).await, "connection");
    post("enable", &[]).await.assert_status(200);
    assert!(row().await["disabled_at"].is_null());
    let secrets = script.get(&at("secrets")).await["items"].clone();
    assert!(secrets[0]["created_at"].is_string() && secrets[0].get("secret").is_none(), "{secrets}");
    script.app.execute("delete from connection_secrets").await;
    assert_names(&post("test", &[]).await, "refused");
    let script = of_tenant(script, Some(OTHER), Role::Admin).await;
    let id = script.app.connection_id("retell");
    for deed in ["test", "disable", "enable"] {
        script.send("POST", &format!("connections/{id}/{deed}"), json!({}), &[]).await.assert_status(404);
    }
    script.send("GET", &format!("connections/{id}/secrets"), json!(null), &[]).await.assert_status(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_of_a_pattern_by_who_may_edit() {
    let script = script(Role::Agent).await;
    script
        .app
        .execute(&format!(
            "insert into phone_numbers (number, tenant_id) values ('+15550100199', '{TENANT}');
             insert into calls (id, tenant_id, provider, provider_call_id, direction, our_number, initiated_at)
             select uuid_v7(), '{TENANT}', 'retell', 'more-' || n, 'inbound', '+15550100199', now()
             from generate_series(1, 3) n"
        ))
        .await;
    let repeated = script.get("unattributed/numbers").await;
    assert_eq!(repeated, json!({ "items": [{ "our_number": "+15550100199", "calls": 4 }], "next": null }));
    let spring = campaign(&script, "spring").await;
    let theirs = script.app.value("select id from campaigns where name = 'theirs'").await;
    let rule = |number: &str, campaign_id: &Value| json!({ "our_number": number, "campaign_id": campaign_id });
    assert_names(&script.send("POST", "unattributed/rule", rule("0199", &spring), &[]).await, "our_number");
    assert_names(&script.send("POST", "unattributed/rule", rule("+15550100198", &spring), &[]).await, "our_number");
    assert_names(&script.send("POST", "unattributed/rule", rule("+15550100199", &theirs), &[]).await, "campaign_id");
    script.send("POST", "unattributed/rule", rule("+15550100199", &spring), &[]).await.assert_status(200);
    assert_eq!(script.get("unattributed/numbers").await["items"], json!([]));
    assert_eq!(script.app.value("select campaign_id from phone_numbers").await, spring);
    let script = of_tenant(script, Some(OTHER), Role::Agent).await;
    assert_names(&script.send("POST", "unattributed/rule", rule("+15550100199", &theirs), &[]).await, "our_number");
    assert_eq!(script.app.value("select campaign_id from phone_numbers").await, spring);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_decisions_sound_and_the_timeline_are_those_of_the_pages() {
    let script = script(Role::Agent).await;
    let (call, lead) = (script.id("calls").await, script.id("leads").await);
    let notes = format!("calls/{call}/notes");
    assert_names(&script.send("POST", &notes, json!({ "body": " " }), &[]).await, "body");
    assert_names(&script.send("POST", &notes, json!({ "body": "x".repeat(2001) }), &[]).await, "body");
    let key = [("idempotency-key", "note")];
    let body = json!({ "body": "wants a call on Monday" });
    let kept = script.send("POST", &notes, body.clone(), &key).await;
    assert_eq!(script.send("POST", &notes, body.clone(), &key).await.text, kept.text);
    let seen = script.get(&notes).await["items"].clone();
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["body"]), (1, &body["body"]));
    assert_eq!(json!({ "id": seen[0]["id"] }), serde_json::from_str::<Value>(&kept.text).unwrap());
    script.send("PATCH", &format!("calls/{call}"), json!({ "converted": true }), &[]).await.assert_status(200);
    assert_eq!(script.get(&format!("calls/{call}/edits")).await["items"][0]["what"], "converted");
    script.send("PATCH", &format!("leads/{lead}"), json!({ "stage": "won" }), &[]).await.assert_status(200);
    let timeline = script.get(&format!("leads/{lead}/timeline")).await;
    let happened = timeline["items"].as_array().unwrap();
    let find = |kind: &str| happened.iter().find(|item| item["kind"] == kind).unwrap_or_else(|| panic!("{timeline}"));
    assert_eq!(find("call")["what"]["id"], json!(call));
    assert_eq!(find("note")["what"]["body"], body["body"]);
    assert_eq!(find("change")["what"]["stage"], "won");
    let times: Vec<_> = happened.iter().map(|item| item["at"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    // A recording, whole and in parts; longer than one part.
    let document = script.get("openapi.json").await;
    let sound = &document["paths"]["/api/v1/calls/{id}/recordings/{recording}"]["get"]["responses"]["200"]["content"];
    assert_eq!(sound["audio/*"]["schema"]["format"], "binary", "{sound}");
    let (length, id) = (2_500_000, Uuid::from_u128(7));
    script
        .app
        .execute(&format!(
            "insert into recordings (id, call_id, tenant_id, audio, audio_type)
             values ('{id}', '{call}', '{TENANT}', decode(repeat('0102030405', {length} / 5), 'hex'), 'audio/wav')"
        ))
        .await;
    let url = format!("{}/api/v1/calls/{call}/recordings/{id}", script.app.base);
    let get = || script.app.client.get(&url).bearer_auth(script.token.expose());
    let whole = get().send().await.unwrap();
    assert_eq!((whole.status().as_u16(), whole.headers()["content-type"].to_str().unwrap()), (200, "audio/wav"));
    let whole = whole.bytes().await.unwrap();
    assert_eq!(whole.len(), length);
    assert!(whole.chunks(5).all(|part| part == [1, 2, 3, 4, 5]));
    let part = get().header("range", "bytes=3-6").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str().unwrap()), (206, "bytes 3-6/2500000"));
    assert_eq!(part.bytes().await.unwrap().as_ref(), [4, 5, 1, 2]);
    assert_eq!(get().header("range", "bytes=2500000-").send().await.unwrap().status().as_u16(), 416);
    // A call without a number has nobody whose note it would be.
    script.app.execute("update calls set contact_number = null").await;
    assert_names(&script.send("POST", &notes, body.clone(), &[]).await, "number");
    let script = of_tenant(script, Some(OTHER), Role::Agent).await;
    script.send("POST", &notes, body, &[]).await.assert_status(404);
    let paths = [
        notes,
        format!("calls/{call}/edits"),
        format!("leads/{lead}/timeline"),
        format!("calls/{call}/recordings/{id}"),
    ];
    for path in paths {
        script.send("GET", &path, json!(null), &[]).await.assert_status(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operations_pages_show_is_there_to_be_asked_for() {
    let script = script(Role::Operator).await;
    script
        .app
        .execute(&format!(
            "insert into rejections (provider, connection, reason, status, at)
             select 'retell', slug, 'unsigned ' || n, 401, now() - n * interval '1 minute'
             from connections, generate_series(1, 3) n where id = '{}';
             insert into rejections (reason, status) values ('nobody''s', 404);
             insert into jobs (tenant_id, kind, key, due_at, settled_at, outcome, last_error)
             select '{TENANT}', 'start_outreach', 'k' || n, now(), now(), 'dead', 'no money'
             from generate_series(1, 2) n",
            script.app.connection_id("retell")
        ))
        .await;
    let mut seen = Vec::new();
    let mut path = "rejections?limit=2".to_owned();
    loop {
        let page = script.get(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["reason"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("rejections?limit=2&after={next}");
    }
    assert_eq!(seen, ["unsigned 1", "unsigned 2", "unsigned 3"], "each once, the newest first, nobody's to nobody");
    assert_eq!(script.get("rejections/reasons").await["items"].as_array().unwrap().len(), 3);
    let cause = &script.get("dead/jobs").await["items"][0];
    assert_eq!((&cause["last_error"], &cause["rows"]), (&json!("no money"), &json!(2)));
    assert_eq!(script.get("jobs?error=no%20money").await["items"].as_array().unwrap().len(), 2);
    script.send("GET", "jobs?error=x&state=done", json!(null), &[]).await.assert_status(400);
    script.send("POST", "dead/jobs/retry", json!({}), &[]).await.assert_status(422);
    let retry = async |body: Value| {
        let answer = script.send("POST", "dead/jobs/retry", body, &[]).await;
        serde_json::from_str::<Value>(&answer.text).unwrap()
    };
    let report = retry(json!({ "error": "no money", "dry_run": true })).await;
    assert_eq!((&report["matched"], &report["changed"]), (&json!(2), &json!(0)));
    assert_eq!(retry(json!({ "error": "no money" })).await["changed"], 2);
    assert_eq!(script.app.value("select count(*) from jobs where settled_at is null and key like 'k%'").await, 2);
    let pulse = script.get("stats/pulse").await;
    assert_eq!((pulse["beats"].as_array().unwrap().len(), &pulse["standing"]["has_events"]), (60, &json!(true)));
    assert!(pulse["senders"].as_array().unwrap().iter().any(|sender| sender["provider"] == "retell"), "{pulse}");
    let connection = script.app.connection_id("retell");
    let events = async |query: &str| script.get(&format!("events?{query}")).await["items"].as_array().unwrap().len();
    assert_eq!(events(&format!("connection={connection}")).await, 1);
    assert_eq!(events(&format!("connection={}", Uuid::nil())).await, 0);
    let script = of_tenant(script, Some(OTHER), Role::Operator).await;
    for (path, name) in [("rejections", "items"), ("dead/jobs", "items"), ("stats/pulse", "senders")] {
        assert_eq!(script.get(path).await[name], json!([]), "{path}");
    }
}
