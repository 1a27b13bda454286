//! Tenants: by connection, or for a shared one by the called number or the agent; and nobody reaches across.

use serde_json::{Value, json};
use switchhook::providers::{self, Provider};

use crate::support::TestApp;

const OTHER: &str = "00000000-0000-0000-0000-000000000002";

fn provider(name: &str) -> &'static dyn Provider {
    providers::find(name).unwrap()
}

fn call(call_id: &str, from: &str, to: &str, agent: Option<&str>) -> String {
    let mut call = json!({ "call_id": call_id, "direction": "inbound", "from_number": from, "to_number": to,
        "call_status": "not_connected", "end_timestamp": 1_788_254_130_000_i64 });
    if let Some(agent) = agent {
        call["agent_id"] = Value::String(agent.to_owned());
    }
    json!({ "event": "call_ended", "call": call }).to_string()
}

async fn add_other_tenant(app: &TestApp) {
    app.execute(&format!(
        "insert into tenants (id, slug, name, region) values ('{OTHER}', 'other', 'Other', 'IL');
         insert into connections (provider, slug, allow_unsigned, tenant_id) values
            ('retell', 'other', true, '{OTHER}'), ('retell', 'shared', true, null);
         insert into phone_numbers (number, tenant_id) values
            ('+97237654321', '{OTHER}'), ('+15550109999', '00000000-0000-0000-0000-000000000001')"
    ))
    .await;
}

async fn send(app: &TestApp, slug: &str, body: &str) {
    let sent = provider("retell").sign(body, None, app.clock.now());
    app.send(&format!("/webhooks/retell/{slug}"), sent).await.assert_status(200);
    app.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_writes_rows_of_its_own_tenant_only_whatever_the_body_says() {
    let app = TestApp::spawn().await;
    add_other_tenant(&app).await;
    // The call, the number, the agent, even a tenant id: all of them belong to the other.
    app.post(provider("retell"), &call("same-id", "+15550100001", "+15550109999", None)).await.assert_status(200);
    app.run_until_idle().await;
    let mine = app.rows("select to_jsonb(t) from calls t").await;
    let mut body: Value = serde_json::from_str(&call("same-id", "+15550100001", "+15550109999", None)).unwrap();
    for key in ["tenant_id", "tenant", "connection_id"] {
        body[key] = json!("00000000-0000-0000-0000-000000000001");
        body["call"][key] = json!("00000000-0000-0000-0000-000000000001");
    }
    send(&app, "other", &body.to_string()).await;
    assert_eq!(app.rows(&format!("select to_jsonb(t) from calls t where tenant_id <> '{OTHER}'")).await, mine);
    for table in ["calls", "leads", "jobs"] {
        assert_eq!(app.value(&format!("select count(*) from {table} where tenant_id = '{OTHER}'")).await, 1, "{table}");
    }
    assert_eq!(app.value("select count(distinct id) from calls").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_one_connection_opens_no_other() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
         insert into connections (id, provider, slug, tenant_id)
            values ('00000000-0000-0000-0000-0000000000aa', 'retell', 'other', '{OTHER}');
         insert into connection_secrets (connection_id, secret)
            values ('00000000-0000-0000-0000-0000000000aa', 'the other secret')"
    ))
    .await;
    let body = call("x", "+15550100001", "+15550109999", None);
    let sent = provider("retell").sign(&body, app.secret(provider("retell")).as_ref(), app.clock.now());
    app.send("/webhooks/retell/other", sent.clone()).await.assert_status(401);
    app.send("/webhooks/retell", sent).await.assert_outcome("accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_connection_goes_by_the_called_number_in_any_spelling() {
    let app = TestApp::spawn().await;
    add_other_tenant(&app).await;
    for (n, spelling) in ["+972-3-765-4321", "037654321", "972 3 7654321", "00972-37654321"].iter().enumerate() {
        send(&app, "shared", &call(&format!("s{n}"), "+15550100001", spelling, None)).await;
    }
    assert_eq!(
        app.value(&format!("select count(*) from calls where tenant_id = '{OTHER}' and our_number = '+97237654321'"))
            .await,
        4
    );
    assert_eq!(app.value(&format!("select count(*) from webhook_events where tenant_id = '{OTHER}'")).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_connection_goes_by_the_agent_where_no_number_tells() {
    let app = TestApp::spawn().await;
    add_other_tenant(&app).await;
    app.execute(&format!(
        "insert into campaigns (id, tenant_id, name) values ('00000000-0000-0000-0000-0000000000c1', '{OTHER}', 'spring');
         insert into agents (provider, provider_agent_id, tenant_id, campaign_id)
            values ('retell', 'agent-1', '{OTHER}', '00000000-0000-0000-0000-0000000000c1')"
    ))
    .await;
    send(&app, "shared", &call("a1", "anonymous", "sip-name", Some("agent-1"))).await;
    assert_eq!(
        app.value("select row(tenant_id, campaign_id, from_raw, contact_number)::text from calls").await,
        json!(format!("({OTHER},00000000-0000-0000-0000-0000000000c1,anonymous,)"))
    );
    assert_eq!(app.value("select count(*) from leads").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_nobody_owns_fails_with_a_reason_and_heals_once_it_is_added() {
    let app = TestApp::spawn().await;
    add_other_tenant(&app).await;
    send(&app, "shared", &call("n1", "+15550100001", "+15550108888", None)).await;
    assert_eq!(app.value("select count(*) from calls").await, 0);
    let reason = app.value("select last_error from webhook_events where processed_at is null").await;
    assert!(reason.as_str().unwrap().contains("nobody owns the called number"), "{reason}");
    for _ in 0..9 {
        app.execute("update webhook_events set next_attempt_at = now() where processed_at is null").await;
        app.run_until_idle().await;
    }
    assert_eq!(app.value("select count(*) from dead_letters").await, 1);
    app.execute(&format!(
        "insert into phone_numbers (number, tenant_id) values ('+15550108888', '{OTHER}');
         update webhook_events set processed_at = null where outcome = 'dead'"
    ))
    .await;
    app.run_until_idle().await;
    assert_eq!(app.value(&format!("select count(*) from calls where tenant_id = '{OTHER}'")).await, 1);
}
