//! The audit log as people read it: by filter, page by page, of their tenant; and claiming numbers and agents.

use serde_json::{Value, json};
use switchhook::access::{Actor, Role};
use switchhook::redact::Secret;
use switchhook::store::operator_log::{Action, Line};
use switchhook::store::tokens;

use crate::access::OTHER;
use crate::api_writes::Script;
use crate::operations::Person;
use crate::support::{TENANT, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_by_filter_page_by_page_and_by_the_tenant_whose_it_is() {
    let script = Script::of(Role::Admin).await;
    script.app.execute(&format!("insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other')")).await;
    for (tenant, name) in [("default", "one"), ("default", "two"), ("other", "three")] {
        let body = json!({ "tenant": tenant, "name": name });
        script.send("POST", "campaigns", body, &[]).await.assert_status(200);
    }
    script.send("POST", "tenants", json!({ "slug": "third" }), &[]).await.assert_status(200);
    let all = script.get("audit").await;
    let actions: Vec<&str> =
        all["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["add_tenant", "add_campaign", "add_campaign", "add_campaign"], "the newest first");
    let first = &all["items"][1];
    assert_eq!([&first["actor_name"], &first["tenant"], &first["address"]], ["t", "other", "127.0.0.1"]);
    let count = async |query: &str| script.get(&format!("audit?{query}")).await["items"].as_array().unwrap().len();
    assert_eq!(count("action=add_campaign").await, 3);
    assert_eq!((count("actor=t").await, count("actor=cli").await), (4, 0));
    assert_eq!((count("tenant=default").await, count("tenant=other").await), (2, 1));
    assert_eq!((count("from=2126-01-01T00:00:00Z").await, count("until=2020-01-01T00:00:00Z").await), (0, 0));
    let campaign = first["details"]["campaign_id"].as_str().unwrap();
    assert_eq!(count(&format!("subject={campaign}")).await, 1);
    script.send("GET", "audit?action=dance", json!(null), &[]).await.assert_status(400);
    let document = script.get("openapi.json").await.to_string();
    assert!(document.contains("\"reveal_lead\""), "the document has the words of actions");
    // Page by page, without a row twice or left out.
    let (mut path, mut seen) = ("audit?limit=3".to_owned(), Vec::new());
    loop {
        let page = script.get(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("audit?limit=3&after={next}");
    }
    assert_eq!(seen, all["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
    // A tenant's lines have the looks of somebody who sees all tenants.
    let call = script.id("calls").await;
    script.get(&format!("calls/{call}")).await;
    let shown = script.get(&format!("audit?tenant=default&subject={call}")).await;
    assert_eq!(shown["items"][0]["action"], "reveal_call");
    // A tenant's own administrator sees the tenant's lines, on the page and in the file as well.
    let own = Person::of(&script.app, Role::Admin, Some(OTHER)).await;
    let page = own.get(&script.app, "/setup/audit").await;
    page.assert_status(200);
    assert!(page.text.matches("<tr>").count() == 2 && !page.text.contains("Add tenant</td>"), "{}", page.text);
    let wide = Person::of(&script.app, Role::Admin, None).await;
    let page = wide.get(&script.app, "/setup/audit?actor=t").await;
    assert_eq!(page.assert_status(200).text.matches("<tr>").count(), 6, "{}", page.text);
    wide.get(&script.app, "/setup/audit?action=dance").await.assert_status(422);
    let file = own.get(&script.app, "/setup/audit.csv").await;
    assert_eq!(file.text.lines().count(), 2, "{}", file.text);
    assert!(file.text.starts_with("id,at,actor,actor_name,tenant,address,action,row_count,details\r\n"));
    let exported = "select count(*) from operator_log where action = 'export' and tenant_id = '{}'";
    assert_eq!(script.app.value(&exported.replace("{}", &OTHER.to_string())).await, 1, "taking it along is in it, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_operation_is_one_row_of_the_log_whose_lines_never_change() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into leads (id, tenant_id, phone) select gen_random_uuid(), '{TENANT}', '+1555015' || lpad(n::text, 4, '0')
         from generate_series(1, 1200) n"
    ))
    .await;
    let person = Person::of(&app, Role::Admin, Some(TENANT)).await;
    person.get(&app, "/leads.csv?order=number").await.assert_status(200);
    let lines = "select jsonb_agg(row_count order by row_count) from operator_log where action = 'export'";
    assert_eq!(app.value(lines).await, json!([200, 500, 500]));
    assert_eq!(
        app.value("select count(*) from operator_log where operation_id is null and action = 'export'").await,
        1
    );
    let page = person.get(&app, "/setup/audit?action=export").await;
    assert!(page.text.contains("1,200"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_administrator_hears_the_same_of_what_others_have_and_of_what_is_free() {
    let app = TestApp::spawn().await;
    app.execute(&format!("insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other')")).await;
    let [own, other, wide] = [
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), Role::Admin, "own", None).await.unwrap().1,
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(OTHER), Role::Admin, "other", None).await.unwrap().1,
        tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Admin, "wide", None).await.unwrap().1,
    ];
    let post = async |token: &Secret, path: &str, body: Value| {
        let request = app.client.post(format!("{}/api/v1/{path}", app.base)).bearer_auth(token.expose()).json(&body);
        TestApp::answer(request).await
    };
    let number = |number: &str| json!({ "number": number });
    let agent = |agent: &str| json!({ "provider": "retell", "agent_id": agent });
    for body in [
        json!({ "tenant": "default", "number": "+15550100101" }),
        json!({ "tenant": "other", "number": "+15550100104" }),
    ] {
        post(&wide, "numbers", body).await.assert_status(200);
    }
    post(&wide, "agents", json!({ "tenant": "default", "provider": "retell", "agent_id": "a1" }))
        .await
        .assert_status(200);
    // Whether sources are shared or not: nothing is claimed, and the answers do not tell of other tenants.
    for is_shared in [false, true] {
        if is_shared {
            let add =
                "insert into connections (provider, slug, url_is_secret) values ('retell', 'shared-by-all', true)";
            app.execute(add).await;
        }
        for (path, [free, taken, own]) in [
            ("numbers", [number("+15550100102"), number("+15550100101"), number("+15550100104")]),
            ("agents", [agent("a2"), agent("a1"), agent("a3")]),
        ] {
            let (free, taken) = (post(&other, path, free).await, post(&other, path, taken).await);
            assert_eq!((free.status, taken.status), (403, 403));
            assert_eq!(free.text, taken.text);
            assert_eq!(post(&other, path, own).await.text, free.text);
        }
        // What is not there and what is another's are the same to change, too.
        let patch = async |number: &str| {
            let request = app.client.patch(format!("{}/api/v1/numbers/{number}", app.base)).bearer_auth(other.expose());
            TestApp::answer(request.json(&json!({ "label": "x" }))).await
        };
        let (free, taken) = (patch("+15550100102").await, patch("+15550100101").await);
        assert_eq!((free.status, &free.text), (404, &taken.text));
    }
    let body = json!({ "tenant": "other", "number": "+15550100102" });
    post(&wide, "numbers", body).await.assert_status(200);
    let body = json!({ "tenant": "other", "number": "+15550100101" });
    post(&wide, "numbers", body).await.assert_status(409);
    // Where there is one tenant alone, there is nobody to claim from.
    app.execute(&format!(
        "delete from phone_numbers; delete from agents; delete from api_tokens where tenant_id = '{OTHER}';
                          delete from operator_log; delete from tenants where id = '{OTHER}'"
    ))
    .await;
    post(&own, "numbers", number("+15550100103")).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_is_one_line_an_hour_for_each_actor_tenant_and_address() {
    let app = TestApp::spawn().await;
    let line = Line::by(Actor::NOBODY, Action::RevealList);
    let (here, there) = ("192.0.2.7".parse().ok(), "198.51.100.9".parse().ok());
    let mut connection = app.pool.acquire().await.unwrap();
    for _ in 0..2 {
        for (tenant, address) in
            [(Some(TENANT), here), (Some(TENANT), there), (Some(OTHER), here), (None, here), (None, None)]
        {
            line.clone().tenant(tenant).address(address).write_hourly(&mut connection).await.unwrap();
        }
    }
    assert_eq!(app.value("select count(*) from operator_log where action = 'reveal_list'").await, 5);
}
