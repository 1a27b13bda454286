//! What people and scripts change over the API: once, in the log, and only theirs.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::providers;
use switchhook::redact::Secret;
use switchhook::store::tokens;

use crate::support::{Answer, TestApp};

/// A script with its token.
pub struct Script {
    pub app: TestApp,
    pub token: Secret,
}

impl Script {
    pub async fn of(role: Role) -> Self {
        let app = TestApp::spawn().await;
        let body = json!({ "event": "call_ended", "call": {
            "call_id": "c1", "direction": "inbound", "call_status": "ended", "from_number": "+15550100123",
            "to_number": "+15550100199", "start_timestamp": 1_788_254_100_000_i64,
        } });
        app.post(providers::find("retell").unwrap(), &body.to_string()).await.assert_outcome("accepted");
        app.run_until_idle().await;
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, role, "t", None).await.unwrap().1;
        Self { app, token }
    }

    pub async fn send(&self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}/api/v1/{path}", self.app.base);
        let mut request =
            self.app.client.request(method.parse().unwrap(), url).bearer_auth(self.token.expose()).json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        TestApp::answer(request).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, json!(null), &[]).await;
        answer.assert_status(200);
        serde_json::from_str(&answer.text).unwrap()
    }

    pub async fn id(&self, table: &str) -> String {
        self.app.value(&format!("select id from {table}")).await.as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_a_key_is_done_once_and_answered_twice_alike() {
    let script = Script::of(Role::Admin).await;
    let key = [("idempotency-key", "k1")];
    let make = |name: &str| json!({ "name": name });
    let first = script.send("POST", "campaigns", make("spring"), &key).await;
    let again = script.send("POST", "campaigns", make("spring"), &key).await;
    assert_eq!((first.status, &first.text), (200, &again.text));
    assert!(again.headers.contains_key("idempotent-replayed") && !first.headers.contains_key("idempotent-replayed"));
    assert_eq!(script.app.value("select count(*) from campaigns").await, json!(1));
    script.send("POST", "campaigns", make("summer"), &key).await.assert_status(422);
    // A refusal is an answer as well, and the key of somebody else is another key.
    let taken = [("idempotency-key", "k2")];
    script.send("POST", "campaigns", make("spring"), &taken).await.assert_status(409);
    script.app.execute("delete from campaigns").await;
    script.send("POST", "campaigns", make("spring"), &taken).await.assert_status(409);
    let other = tokens::add(&script.app.pool, script.app.keys.digests().unwrap(), None, Role::Admin, "t", None)
        .await
        .unwrap()
        .1;
    let script = Script { token: other, ..script };
    script.send("POST", "campaigns", make("spring"), &key).await.assert_status(200);
    // A day later it is a new one; what is being done is not done beside itself.
    script.app.execute("update idempotency_keys set created_at = now() - interval '25 hours'").await;
    script.send("POST", "campaigns", make("autumn"), &key).await.assert_status(200);
    script.app.execute("update idempotency_keys set status = null, body = null").await;
    script.send("POST", "campaigns", make("autumn"), &key).await.assert_status(409);
    // What is shown once is not kept.
    let key = [("idempotency-key", "k3")];
    let made = script.send("POST", "tokens", json!({ "role": "viewer" }), &key).await;
    let made: Value = serde_json::from_str(&made.text).unwrap();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("shk_"));
    let again = script.send("POST", "tokens", json!({ "role": "viewer" }), &key).await;
    assert!(again.status == 200 && !again.text.contains(token) && again.text.contains("shown once"));
    let kept = script.app.value("select string_agg(body, '') from idempotency_keys").await.to_string();
    assert!(!kept.contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_set_wins_stays_and_is_in_the_log() {
    let script = Script::of(Role::Agent).await;
    let (call, lead) = (script.id("calls").await, script.id("leads").await);
    let campaign = script.send("POST", "campaigns", json!({ "name": "spring" }), &[]).await;
    let campaign = serde_json::from_str::<Value>(&campaign.text).unwrap()["id"].clone();
    let call = format!("calls/{call}");
    script.send("PATCH", &call, json!({ "converted": true, "campaign_id": campaign }), &[]).await.assert_status(200);
    let seen = script.get(&call).await;
    assert_eq!((&seen["converted"], &seen["campaign"]), (&json!(true), &json!("spring")));
    assert_eq!(script.get("calls?converted=true").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(script.get("calls?unattributed=true").await["items"], json!([]));
    script.send("PATCH", &call, json!({ "converted": null, "campaign_id": null }), &[]).await.assert_status(200);
    assert_eq!(script.get(&call).await["converted"], json!(null));
    script
        .app
        .execute(
            "insert into tenants (slug, name) values ('other', 'Other');
        insert into campaigns (tenant_id, name) select id, 'theirs' from tenants where slug = 'other'",
        )
        .await;
    let theirs = script.app.value("select id from campaigns where name = 'theirs'").await;
    // A token of all tenants sees the campaign, but the call is another tenant's.
    script.send("PATCH", &call, json!({ "campaign_id": theirs }), &[]).await.assert_status(404);
    script.send("PATCH", &call, json!({}), &[]).await.assert_status(422);
    let lead = format!("leads/{lead}");
    let edit = json!({ "name": "Dana Levi", "stage": "won", "do_not_contact": "on", "tags": ["vip"] });
    script.send("PATCH", &lead, edit, &[]).await.assert_status(200);
    let seen = script.get(&lead).await;
    assert_eq!([&seen["name"], &seen["stage"], &seen["opted_out"]], [&json!("Dana Levi"), &json!("won"), &json!(true)]);
    assert_eq!(seen["calls"].as_array().unwrap().len(), 1);
    script.send("PATCH", &lead, json!({ "name": null, "do_not_contact": "auto" }), &[]).await.assert_status(200);
    let seen = script.get(&lead).await;
    assert_eq!(
        [&seen["name_by_hand"], &seen["opted_out"], &seen["stage"]],
        [&json!(null), &json!(false), &json!("won")]
    );
    for wrong in [json!({ "stage": "rich" }), json!({ "email": "none" }), json!({ "name": "" }), json!({})] {
        script.send("PATCH", &lead, wrong, &[]).await.assert_status(422);
    }
    // Who looked and who changed, and nothing of the person.
    let log = script.app.rows("select to_jsonb(l) from operator_log l order by at").await;
    let count = |action: &str| log.iter().filter(|row| row["action"] == action).count();
    assert_eq!((count("edit_call"), count("edit_lead")), (2, 2));
    assert_eq!((count("reveal_call"), count("reveal_lead")), (1, 1), "looking again within an hour is one look");
    let text = json!(log).to_string();
    assert!(!text.contains("Dana") && !text.contains("5550100"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detail_that_has_not_changed_is_not_sent_again() {
    let script = Script::of(Role::Agent).await;
    let path = format!("calls/{}", script.id("calls").await);
    let first = script.send("GET", &path, json!(null), &[]).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let again = script.send("GET", &path, json!(null), &[("if-none-match", &tag)]).await;
    assert!(again.status == 304 && again.text.is_empty());
    script.send("PATCH", &path, json!({ "converted": true }), &[]).await.assert_status(200);
    script.send("GET", &path, json!(null), &[("if-none-match", &tag)]).await.assert_status(200);
    let events = script.get(&format!("{path}/events")).await;
    assert_eq!(events["items"][0]["event_type"], "call_ended");
    assert_eq!(events["complete"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_replay_look_into_payloads_and_begin_jobs_afresh() {
    let script = Script::of(Role::Operator).await;
    let before = script.app.dump().await;
    script.send("POST", "events/replay", json!({}), &[]).await.assert_status(422);
    let answer = script.send("POST", "events/replay", json!({ "all": true, "dry_run": true }), &[]).await;
    let report: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((&report["matched"], &report["changed"]), (&json!(1), &json!(0)));
    let answer = script.send("POST", "events/replay", json!({ "provider": "retell" }), &[]).await;
    assert!(answer.text.contains("\"changed\":1"), "{}", answer.text);
    assert_eq!(script.get("events?state=pending").await["items"].as_array().unwrap().len(), 1);
    script.app.run_until_idle().await;
    assert_eq!(script.app.dump().await, before, "a replay changes nothing");
    let event = script.id("webhook_events").await;
    assert_eq!(script.get(&format!("events/{event}/payload")).await["call"]["call_id"], "c1");
    let log = script.app.rows("select to_jsonb(action) from operator_log order by at").await;
    assert_eq!(log, [json!("replay"), json!("reveal_payload")]);
    script
        .app
        .execute("insert into jobs (tenant_id, kind, key, due_at) select id, 'start_outreach', 'k', now() from tenants")
        .await;
    let job = script.id("jobs where key = 'k'").await;
    let these = json!({ "ids": [job], "reason": "asked at +15550100123" });
    let answer = script.send("POST", "jobs/cancel", these.clone(), &[]).await;
    assert_eq!(answer.text, r#"{"changed":1}"#);
    let seen = script.get(&format!("jobs/{job}")).await;
    assert_eq!((&seen["state"], &seen["note"]), (&json!("cancelled"), &json!("asked at ***")));
    script.send("POST", "jobs/retry", json!({ "ids": [job] }), &[]).await.assert_status(200);
    script
        .send("POST", "job-kinds/start_outreach/pause", json!({ "reason": "no money" }), &[])
        .await
        .assert_status(200);
    let counts = script.get("stats/operations").await;
    assert_eq!(counts["jobs"][0]["paused"], "no money");
    script.send("POST", "job-kinds/nothing/pause", json!({}), &[]).await.assert_status(404);
}
