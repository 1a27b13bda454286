//! Giving calls to a campaign in bulk: counted before, undone after, and never what somebody decided meanwhile.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::redact::Secret;
use switchhook::store::tokens;

use crate::support::TestApp;

struct Desk {
    app: TestApp,
    token: Secret,
}

impl Desk {
    /// 5,000 calls, every second of them of a campaign by hand, and two campaigns.
    async fn new() -> Self {
        let mut app = TestApp::spawn().await;
        app.allow_broken_rows();
        app.execute(
            "insert into campaigns (id, tenant_id, name)
             select md5(word)::uuid, id, word from tenants, unnest('{autumn,spring}'::text[]) as t (word) where slug = 'default';
             insert into calls (id, tenant_id, provider, provider_call_id, initiated_at, contact_number, campaign_id_by_hand)
             select md5(n::text)::uuid, t.id, 'retell', 'c' || n, now() - n * interval '1 minute', '+15550100123',
                    case when n % 2 = 0 then md5('autumn')::uuid end
             from tenants t, generate_series(1, 5000) n where t.slug = 'default'",
        )
        .await;
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Agent, "t", None).await.unwrap().1;
        Self { app, token }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/api/v1/{path}", self.app.base);
        let request =
            self.app.client.request(method.parse().unwrap(), url).bearer_auth(self.token.expose()).json(&body);
        let answer = TestApp::answer(request).await;
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    /// Calls by hand of autumn, of spring, of none.
    async fn by_hand(&self) -> Value {
        self.app
            .value(
                "(select jsonb_build_array(count(*) filter (where campaign_id_by_hand = md5('autumn')::uuid),
                         count(*) filter (where campaign_id_by_hand = md5('spring')::uuid),
                         count(*) filter (where campaign_id_by_hand is null)) from calls)",
            )
            .await
    }

    async fn campaign(&self, name: &str) -> Value {
        self.app.value(&format!("select id from campaigns where name = '{name}'")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_filter_are_given_to_a_campaign_and_back() {
    let desk = Desk::new().await;
    let spring = desk.campaign("spring").await;
    let which =
        json!({ "filter": { "unattributed": true, "number": "+15550100123" }, "campaign_id": spring, "dry_run": true });
    let (status, seen) = desk.send("POST", "calls/attribute-matching", which).await;
    // One person's calls are collected up to two thousand: a whole tenant's are walked along.
    assert_eq!((status, &seen["changed"], &seen["log_id"]), (200, &json!(0), &json!(null)), "{seen}");
    let which =
        |dry_run: bool| json!({ "filter": { "unattributed": true }, "campaign_id": spring, "dry_run": dry_run });
    let (_, seen) = desk.send("POST", "calls/attribute-matching", which(true)).await;
    assert_eq!(counted(&seen["matched"]), (2500, true));
    // Three more come after the count: nobody has agreed to them.
    desk.app
        .execute(
            "insert into calls (id, tenant_id, provider, provider_call_id, initiated_at)
             select uuid_v7(), t.id, 'retell', 'late-' || n, now() - interval '1 year' from tenants t, generate_series(1, 3) n
             where t.slug = 'default'",
        )
        .await;
    assert_eq!(desk.by_hand().await, json!([2500, 0, 2503]));
    let mut agreed = which(false);
    agreed["counted_at"] = seen["matched"]["at"].clone();
    let (_, done) = desk.send("POST", "calls/attribute-matching", agreed).await;
    assert_eq!((&done["changed"], &done["unfinished"]), (&json!(2500), &json!(false)));
    assert_eq!(desk.by_hand().await, json!([2500, 2500, 3]));
    let (_, count) = desk.send("GET", "calls/count?unattributed=true", json!(null)).await;
    assert_eq!(counted(&count), (3, true));
    // Without a count of one's own they are counted now.
    desk.app.execute("delete from calls where provider_call_id in ('late-2', 'late-3')").await;
    assert_eq!(desk.send("POST", "calls/attribute-matching", which(false)).await.1["changed"], 1);
    desk.app.execute("delete from calls where provider_call_id = 'late-1'").await;
    desk.app.execute("delete from attributions where call_id not in (select id from calls)").await;
    // Meanwhile somebody decides about three of them: by bulk, for one call, and the same over again.
    let autumn = desk.campaign("autumn").await;
    let id = |n: u32| format!("{}", md5(n));
    let ids = json!({ "ids": [id(1)], "campaign_id": autumn });
    assert_eq!(desk.send("POST", "calls/attribute", ids).await.1["changed"], 1);
    desk.send("PATCH", &format!("calls/{}", id(3)), json!({ "campaign_id": null })).await;
    let undo = format!("attributions/{}/undo", done["log_id"].as_str().unwrap());
    let (status, undone) = desk.send("POST", &undo, json!({})).await;
    assert_eq!((status, &undone["changed"]), (200, &json!(2498)), "{undone}");
    assert_eq!(desk.by_hand().await, json!([2501, 0, 2499]));
    assert_eq!(desk.send("POST", &undo, json!({})).await.0, 404, "it was undone");
    let log = desk
        .app
        .rows(
            "select jsonb_build_array(action, sum(row_count)) from operator_log where action like '%attrib%'
             group by action, coalesce(operation_id, id) order by coalesce(operation_id, id)",
        )
        .await;
    let expected =
        json!([["attribute_calls", 2500], ["attribute_calls", 1], ["attribute_calls", 1], ["undo_attribution", 2498]]);
    assert_eq!(json!(log), expected);
}

/// How many, and whether these are all.
fn counted(counted: &Value) -> (u64, bool) {
    (counted["count"].as_u64().unwrap(), counted["complete"].as_bool().unwrap())
}

/// The id of a call of [`Desk::new`].
fn md5(n: u32) -> uuid::Uuid {
    // Postgres' md5 of the digits, for the three calls that tests name.
    let text = match n {
        1 => "c4ca4238a0b923820dcc509a6f75849b",
        3 => "eccbc87e4b5ce2fe28308fd9f2a7baf3",
        _ => "00000000000000000000000000000000",
    };
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_goes_back_to_what_each_call_was() {
    let desk = Desk::new().await;
    let spring = desk.campaign("spring").await;
    let (status, refused) =
        desk.send("POST", "calls/attribute-matching", json!({ "filter": {}, "campaign_id": spring })).await;
    assert_eq!(status, 422, "{refused}");
    let all = json!({ "filter": {}, "all": true, "campaign_id": spring });
    let (_, done) = desk.send("POST", "calls/attribute-matching", all).await;
    assert_eq!((desk.by_hand().await, &done["changed"]), (json!([0, 5000, 0]), &json!(5000)));
    let undo = format!("attributions/{}/undo", done["log_id"].as_str().unwrap());
    // Nobody of another tenant, and nobody who only looks.
    desk.app.execute("insert into tenants (slug, name) values ('other', 'Other')").await;
    let other = desk.app.value("select id from tenants where slug = 'other'").await.as_str().unwrap().parse().unwrap();
    let token = tokens::add(&desk.app.pool, desk.app.keys.digests().unwrap(), Some(other), Role::Admin, "t", None)
        .await
        .unwrap()
        .1;
    let theirs = Desk { token, ..desk };
    assert_eq!(theirs.send("POST", &undo, json!({})).await.0, 404);
    let token = tokens::add(&theirs.app.pool, theirs.app.keys.digests().unwrap(), None, Role::Viewer, "t", None)
        .await
        .unwrap()
        .1;
    let viewer = Desk { token, ..theirs };
    assert_eq!(viewer.send("POST", &undo, json!({})).await.0, 403);
    let token = tokens::add(&viewer.app.pool, viewer.app.keys.digests().unwrap(), None, Role::Agent, "t", None)
        .await
        .unwrap()
        .1;
    let desk = Desk { token, ..viewer };
    assert_eq!(desk.send("POST", &undo, json!({})).await.1["changed"], 5000);
    assert_eq!(desk.by_hand().await, json!([2500, 0, 2500]));
    // What is searched for stands in no log.
    let which = json!({ "filter": { "tenant": "default", "search": "+15550100123" }, "campaign_id": spring });
    desk.send("POST", "calls/attribute-matching", which).await;
    let log = desk.app.value("select string_agg(details::text, ' ') from operator_log").await;
    assert!(!log.as_str().unwrap().contains("5550100123") && log.as_str().unwrap().contains("by_search"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_ends_where_nobody_reads_on() {
    let desk = Desk::new().await;
    desk.app
        .execute(
            "insert into calls (id, tenant_id, provider, provider_call_id, initiated_at)
             select uuid_v7(), t.id, 'retell', 'more-' || n, now() - n * interval '1 second'
             from tenants t, generate_series(1, 60000) n where t.slug = 'default'",
        )
        .await;
    let count = async |path: &str| counted(&desk.send("GET", &format!("calls/count{path}"), json!(null)).await.1);
    assert_eq!(count("").await, (10_000, false));
    // Of one number two thousand are collected at once.
    let which =
        |dry_run: bool| json!({ "filter": { "number": "+15550100123" }, "campaign_id": null, "dry_run": dry_run });
    let (_, seen) = desk.send("POST", "calls/attribute-matching", which(true)).await;
    assert_eq!((counted(&seen["matched"]), &seen["log_id"]), ((2000, false), &json!(null)));
    let (_, seen) = desk.send("POST", "calls/attribute-matching", which(false)).await;
    assert_eq!(seen["changed"], 2500, "{seen}");
    // Beyond what is looked at there may be more.
    assert_eq!(count("?disposition=busy").await, (0, false));
}
