//! Pages over more rows than are looked at for one: every row that fits stands in them once, with or without a time.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::redact::Secret;
use switchhook::store::tokens;

use crate::support::{TENANT, TestApp};

/// Rows with a time: a few more than are looked at for a page. Those that fit are two of the newest, and two beyond.
const TIMED: i64 = 20_100;
const FITTING: &str = "n in (5, 10, 20050, 20060)";
/// Rows without one, which all fit: more than a step of an attribution takes.
const UNTIMED: i64 = 2_100;

struct Reader {
    app: TestApp,
    token: Secret,
}

impl Reader {
    async fn new() -> Self {
        let mut app = TestApp::spawn().await;
        app.allow_broken_rows();
        app.execute(&format!(
            "insert into campaigns (id, tenant_id, name) values (md5('spring')::uuid, '{TENANT}', 'Spring');
             insert into calls (id, tenant_id, provider, provider_call_id, initiated_at, disposition)
             select md5('c' || n)::uuid, '{TENANT}', 'retell', 'c' || n,
                    case when n <= {TIMED} then now() - n * interval '1 minute' end,
                    (case when {FITTING} or n > {TIMED} then 'busy' else 'answered' end)::call_disposition
             from generate_series(1, {TIMED} + {UNTIMED}) n;
             insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, sent_at, status)
             select md5('m' || n)::uuid, '{TENANT}', 'dialpad', 'm' || n, 'sms', 'inbound',
                    case when n <= {TIMED} then now() - n * interval '1 minute' end,
                    (case when {FITTING} or n > {TIMED} then 'failed' else 'sent' end)::message_status
             from generate_series(1, {TIMED} + {UNTIMED}) n"
        ))
        .await;
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), None, Role::Agent, "t", None).await.unwrap().1;
        Self { app, token }
    }

    async fn get(&self, path: &str) -> String {
        let request = self.app.client.get(format!("{}/{path}", self.app.base)).bearer_auth(self.token.expose());
        let answer = TestApp::answer(request).await;
        answer.assert_status(200);
        answer.text
    }

    /// The ids of all pages.
    async fn ids(&self, list: &str) -> Vec<String> {
        let (mut ids, mut path) = (Vec::new(), format!("api/v1/{list}"));
        loop {
            let page: Value = serde_json::from_str(&self.get(&path).await).unwrap();
            ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return ids };
            path = format!("api/v1/{list}&after={next}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_was_looked_at_is_not_skipped_for_what_has_no_time() {
    let reader = Reader::new().await;
    let expected = usize::try_from(UNTIMED).unwrap() + 4;
    for list in [
        "calls?disposition=busy&limit=500",
        "calls?disposition=busy&limit=500&order=oldest",
        "messages?status=failed&limit=500",
    ] {
        let mut ids = reader.ids(list).await;
        assert_eq!(ids.len(), expected, "{list}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), expected, "{list}: each once");
    }
    let file = reader.get("calls.csv?disposition=busy").await;
    assert_eq!(file.lines().count(), 1 + expected);
    let which =
        json!({ "filter": { "disposition": "busy" }, "campaign_id": reader.app.value("md5('spring')::uuid").await });
    let url = format!("{}/api/v1/calls/attribute-matching", reader.app.base);
    let request = reader.app.client.post(url).bearer_auth(reader.token.expose()).json(&which);
    let done: Value = serde_json::from_str(&TestApp::answer(request).await.text).unwrap();
    assert_eq!(done["changed"], json!(expected), "{done}");
}
