//! What pages do, over HTTP: lists and their filters, CSV, who set what, recordings in parts.

use serde_json::json;
use switchhook::access::Role;
use switchhook::store::{follow, tokens};
use uuid::Uuid;

use crate::support::{Answer, TENANT};
use crate::support::{TestApp, fixtures};

/// Somebody with a token of the tenant.
pub struct Visitor {
    pub app: TestApp,
    token: String,
    client: reqwest::Client,
}

impl Visitor {
    pub async fn come(app: TestApp, role: Role) -> Self {
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), role, "desk", None)
            .await
            .unwrap()
            .1
            .expose()
            .to_owned();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, token, client }
    }

    pub async fn get(&self, path: &str) -> Answer {
        TestApp::answer(self.client.get(format!("{}{path}", self.app.base)).bearer_auth(&self.token)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.client.post(format!("{}{path}", self.app.base)).bearer_auth(&self.token);
        TestApp::answer(request.form(fields)).await
    }
}

/// The id of a call of [`with_calls`].
pub fn call(n: u32) -> Uuid {
    Uuid::from_u128(0xca11_0000 + u128::from(n))
}

/// An app with sixty calls of no campaign, five hours apart.
pub async fn with_calls() -> TestApp {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    app.execute(&format!(
        "insert into campaigns (id, tenant_id, name) values ('{campaign}', '{TENANT}', 'Spring');
         insert into phone_numbers (number, tenant_id) values ('+15550100010', '{TENANT}');
         insert into leads (id, tenant_id, phone, name) values (gen_random_uuid(), '{TENANT}', '+15550100101', '=cmd|x');
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, disposition, initiated_at,
                            our_number, contact_number, from_number, transcript)
         select ('00000000-0000-0000-0000-0000ca11' || lpad(to_hex(n), 4, '0'))::uuid, '{TENANT}', 'retell', 'c' || n,
                'inbound', 'ended', (case n % 2 when 0 then 'answered' else 'no_answer' end)::call_disposition,
                '2026-10-30T12:00:00Z'::timestamptz - n * interval '5 hours', '+15550100010',
                '+155501001' || lpad(n::text, 2, '0'), '+155501001' || lpad(n::text, 2, '0'), 'words of call ' || n
         from generate_series(1, 60) n",
        campaign = Uuid::from_u128(0xca3a),
    ))
    .await;
    follow::drain(&app.pool).await.unwrap();
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_what_its_url_asks_for_page_by_page() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    let first = visitor.get("/calls").await;
    assert_eq!(first.text.matches("data-id=").count(), 50, "{}", first.text);
    assert!(first.text.contains("Friday 30 October") && first.text.contains("=cmd|x"), "{}", first.text);
    let next = first.text.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let second = visitor.get(&next).await;
    assert_eq!(second.text.matches("data-id=").count(), 10);
    let missed = visitor.get("/calls?missed=1&from=2026-10-29&until=2026-10-29").await;
    // 29 October: calls 3 to 7 began at 21:00, 16:00, 11:00, 06:00 and 01:00; the odd ones were missed.
    assert_eq!(missed.text.matches("data-id=").count(), 3, "{}", missed.text);
    let found = visitor.get("/calls?search=%2215+%22").await;
    assert_eq!(found.text.matches("data-id=").count(), 1, "{}", found.text);
    let hidden = visitor.get("/calls?hide=agent&hide=platform").await;
    assert!(!hidden.text.contains(">Agent</th>") && hidden.text.contains(">Campaign</th>"));
    for wrong in ["/calls?from=soon", "/calls?missed=perhaps", "/calls?campaign=spring"] {
        visitor.get(wrong).await.assert_status(422);
    }
    assert!(visitor.get("/calls?search=nobody").await.text.contains("No call fits"));
    let viewer = Visitor::come(visitor.app, Role::Viewer).await;
    let masked = viewer.get("/calls").await;
    assert!(masked.text.contains("***") && !masked.text.contains("+15550100101"));
    viewer.get("/calls?search=%2B15550100101").await.assert_status(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_overview_counts_is_found_page_and_api_alike() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    visitor
        .app
        .execute(
            "update calls set sentiment = (array['negative', 'neutral', 'positive', null])[1 + right(from_number, 2)::int % 4]::sentiment,
                    converted_by_hand = case when right(from_number, 2)::int % 10 = 0 then true end;
             -- A platform that says when it was answered, but not how it ended.
             update calls set disposition = null, answered_at = initiated_at where provider_call_id = 'c60'",
        )
        .await;
    for (filter, condition) in [
        ("sentiment=negative", "sentiment = 'negative'"),
        ("sentiment=positive", "sentiment = 'positive'"),
        ("sentiment=none", "sentiment is null"),
        ("answered=1", "answered_at is not null or disposition = 'answered'"),
        ("answered=0", "answered_at is null and disposition = 'no_answer'"),
        ("answered=1&sentiment=positive", "disposition = 'answered' and sentiment = 'positive'"),
        ("converted=1", "converted_by_hand"),
        ("converted=0&sentiment=negative", "converted_by_hand is null and sentiment = 'negative'"),
    ] {
        let expected = format!("select jsonb_agg(id order by started_at desc) from calls where {condition}");
        let expected = visitor.app.value(&expected).await;
        for order in ["", "&order=oldest"] {
            let page = visitor.get(&format!("/calls?{filter}{order}")).await.assert_status(200).text.clone();
            let mut seen: Vec<&str> = page.split("data-id=\"").skip(1).map(|row| &row[..36]).collect();
            if !order.is_empty() {
                seen.reverse();
            }
            assert_eq!(json!(seen), expected, "{filter}{order}");
            assert!(page.contains("aria-current=\"true\""), "{filter}: one sees that it is set");
        }
        let filter = filter.replace("=1", "=true").replace("=0", "=false");
        let api = visitor.get(&format!("/api/v1/calls?limit=500&{filter}")).await;
        let api: serde_json::Value = serde_json::from_str(&api.assert_status(200).text).unwrap();
        let ids: Vec<&serde_json::Value> = api["items"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
        assert_eq!(json!(ids), expected, "{filter}");
        let count = visitor.get(&format!("/api/v1/calls/count?{filter}")).await;
        assert!(
            count.assert_status(200).text.contains(&format!("\"count\":{}", ids.len())),
            "{filter}: {}",
            count.text
        );
    }
    visitor.get("/calls?answered=perhaps").await.assert_status(422);
    // Without script the form keeps what is set.
    let page = visitor.get("/calls?sentiment=negative&answered=1&converted=0").await.text;
    for field in ["<option value=\"negative\" selected", "<select name=\"answered\">", "<select name=\"converted\">"] {
        assert!(page.contains(field), "{field}");
    }
    assert_eq!(page.matches("<option value=\"1\" selected").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_is_exactly_the_filtered_rows_and_no_cell_is_a_formula() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    let all = visitor.get("/calls.csv").await;
    assert_eq!(all.text.lines().count(), 61);
    assert!(all.text.starts_with("id,platform,platform_call_id,direction"));
    assert!(all.text.contains(",'=cmd|x,'+15550100101,"), "{}", all.text);
    assert!(all.headers["content-disposition"].to_str().unwrap().contains("calls.csv"));
    let some = visitor.get("/calls.csv?missed=1&from=2026-10-29&until=2026-10-29&bom=1").await;
    assert_eq!((some.text.lines().count(), some.text.starts_with('\u{feff}')), (4, true));
    // Each of them is in the log, with its rows and who took them, and with nothing of who was searched for.
    visitor.get("/calls.csv?search=%2B15550100101").await;
    let app = visitor.app;
    let viewer = Visitor::come(app, Role::Viewer).await;
    viewer.get("/calls.csv?sentiment=negative").await;
    let logged = viewer.app.rows(
        "select jsonb_build_array(row_count, details->'masked', details->'filter'->'missed', details->'filter'->'by_search',
                                  actor like 'token %', details->>'list')
         from operator_log where action = 'export' order by at",
    );
    let line = |rows: u32, masked: bool, missed: serde_json::Value, by_search: bool| {
        json!([rows, masked, missed, by_search, true, "calls.csv"])
    };
    let null = serde_json::Value::Null;
    let expected = [
        line(60, false, null.clone(), false),
        line(3, false, json!(true), false),
        line(1, false, null.clone(), true),
        line(0, true, null, false),
    ];
    assert_eq!(logged.await, expected);
    let said = viewer.app.value("select coalesce(string_agg(details::text, ' '), '') from operator_log").await;
    assert!(!said.as_str().unwrap().contains("0101"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_decide_of_a_call_says_who_and_is_undone() {
    let visitor = Visitor::come(with_calls().await, Role::Agent).await;
    let path = format!("/calls/{}", call(1));
    let done = visitor.post(&format!("{path}/conversion"), &[("converted", "1"), ("was", "none")]).await;
    let back = done.assert_status(303).headers["location"].to_str().unwrap().to_owned();
    let page = visitor.get(&back).await.text;
    assert!(page.contains("The conversion is set.") && page.contains("value=\"none\">Undo"), "{page}");
    assert!(page.contains("token desk") && page.contains(">Converted<"), "{page}");
    // Undoing changes what one has set, and nothing that somebody decided since.
    let undo = [("converted", "none"), ("set", "1")];
    let decided = format!("select coalesce(converted_by_hand::text, 'nobody') from calls where id = '{}'", call(1));
    visitor.post(&format!("{path}/conversion"), &[("converted", "0")]).await.assert_status(303);
    let led = visitor.post(&format!("{path}/conversion"), &undo).await.headers["location"].clone();
    let page = visitor.get(led.to_str().unwrap()).await.text;
    assert!(page.contains("Nothing was undone: somebody has decided anew"), "{page}");
    assert_eq!(visitor.app.value(&decided).await, "false");
    visitor.post(&format!("{path}/conversion"), &[("converted", "1")]).await.assert_status(303);
    let led = visitor.post(&format!("{path}/conversion"), &undo).await.headers["location"].clone();
    assert!(visitor.get(led.to_str().unwrap()).await.text.contains("The conversion is what it was."));
    assert_eq!(visitor.app.value(&decided).await, "nobody");
    visitor.post(&format!("{path}/notes"), &[("note", "Wants <b>two</b>")]).await.assert_status(303);
    let page = visitor.get(&path).await.text;
    assert!(page.contains("Wants &#60;b&#62;two") || page.contains("Wants &lt;b&gt;two"), "{page}");
    visitor.post(&format!("{path}/notes"), &[("note", " ")]).await.assert_status(422);
    visitor.post(&format!("{path}/conversion"), &[("converted", "maybe")]).await.assert_status(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_in_parts_and_only_by_who_may() {
    let app = with_calls().await;
    let recording = Uuid::from_u128(7);
    app.execute(&format!(
        "insert into recordings (id, call_id, audio, audio_type)
         values ('{recording}', '{}', convert_to(repeat('0123456789', 10), 'UTF8'), 'text/html')",
        call(1)
    ))
    .await;
    let visitor = Visitor::come(app, Role::Agent).await;
    let path = format!("/calls/{}/recordings/{recording}", call(1));
    let part = visitor.client.get(format!("{}{path}", visitor.app.base)).bearer_auth(&visitor.token);
    let part = TestApp::answer(part.header("range", "bytes=10-14")).await;
    assert_eq!((part.status, part.text.as_str()), (206, "01234"));
    assert_eq!(part.headers["content-range"], "bytes 10-14/100");
    assert_eq!(part.headers["content-type"], "audio/mpeg", "what a platform calls it is not believed");
    assert_eq!(visitor.get(&path).await.assert_status(200).text.len(), 100);
    visitor.get(&format!("/calls/{}/recordings/{recording}", call(2))).await.assert_status(404);
    let ranges = [
        ("bytes=-30", 206, Some("bytes 70-99/100"), 30),
        ("bytes=90-500", 206, Some("bytes 90-99/100"), 10),
        ("bytes=0-", 206, Some("bytes 0-99/100"), 100),
        ("bytes=10-5", 200, None, 100),
        ("bytes=0-1,5-6", 200, None, 100),
        ("bytes=100-", 416, Some("bytes */100"), 0),
        ("bytes=-0", 416, Some("bytes */100"), 0),
    ];
    for (range, status, content_range, length) in ranges {
        let part = visitor.client.get(format!("{}{path}", visitor.app.base)).bearer_auth(&visitor.token);
        let part = TestApp::answer(part.header("range", range)).await;
        assert_eq!((part.status, part.text.len()), (status, length), "{range}");
        assert_eq!(part.headers.get("content-range").map(|value| value.to_str().unwrap()), content_range, "{range}");
    }
    let viewer = Visitor::come(visitor.app, Role::Viewer).await;
    viewer.get(&path).await.assert_status(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_recording_is_sent_whole_and_who_got_none_has_heard_nothing() {
    let app = with_calls().await;
    let recording = Uuid::from_u128(7);
    app.execute(&format!(
        "insert into recordings (id, call_id, audio) values ('{recording}', '{}', convert_to(repeat('0123456789', 250000), 'UTF8'))",
        call(1)
    ))
    .await;
    let visitor = Visitor::come(app, Role::Agent).await;
    let heard = "select count(*) from operator_log where action = 'reveal_call'";
    for nothing in
        [format!("/calls/{}/recordings/{recording}", call(2)), format!("/calls/{}/recordings/{}", call(1), call(1))]
    {
        visitor.get(&nothing).await.assert_status(404);
    }
    assert_eq!(visitor.app.value(heard).await, 0);
    let path = format!("/calls/{}/recordings/{recording}", call(1));
    let whole = visitor.get(&path).await;
    assert_eq!(whole.headers["content-length"], "2500000");
    assert!(whole.assert_status(200).text == "0123456789".repeat(250_000), "{} bytes", whole.text.len());
    assert_eq!(visitor.app.value(heard).await, 1);
    let part = visitor.client.get(format!("{}{path}", visitor.app.base)).bearer_auth(&visitor.token);
    let part = TestApp::answer(part.header("range", "bytes=10-")).await;
    assert_eq!(part.headers["content-range"], "bytes 10-1048585/2500000", "a player asks for the next one");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_call_was_set_by_one_of_its_events() {
    let app = TestApp::spawn().await;
    for fixture in fixtures().into_iter().filter(|fixture| fixture.provider.name() == "retell") {
        app.post(fixture.provider, fixture.body).await;
    }
    app.run_until_idle().await;
    let calls = app.value("select jsonb_agg(to_jsonb(c)) from calls c where provider = 'retell'").await;
    let visitor = Visitor::come(app, Role::Agent).await;
    let mut told = 0;
    for call in calls.as_array().unwrap() {
        let answer = visitor.get(&format!("/api/v1/calls/{}/events", call["id"].as_str().unwrap())).await;
        let events: serde_json::Value = serde_json::from_str(&answer.assert_status(200).text).unwrap();
        let sets: Vec<&str> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|event| event["sets"].as_array().unwrap())
            .map(|name| name.as_str().unwrap())
            .collect();
        for (column, field) in
            [("status", "status"), ("direction", "direction"), ("ended_at", "ended at"), ("transcript", "transcript")]
        {
            let times = sets.iter().filter(|name| **name == field).count();
            assert_eq!(times, usize::from(!call[column].is_null()), "{column} of {call}: {events}");
            told += times;
        }
    }
    assert!(told > 10, "only {told} fields");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_call_are_found_among_many_of_others_or_it_is_said_that_there_are_more() {
    let app = with_calls().await;
    let events = |provider: &str, key: &str, many: u32| {
        format!(
            "insert into webhook_events (connection_id, event_type, external_event_id, payload)
             select '{}', 'made_up', '{key}' || n, '{{}}' from generate_series(1, {many}) n",
            app.connection_id(provider)
        )
    };
    app.execute(&events("dialpad", "others-", 6_000)).await;
    app.execute(&events("retell", "c1:", 1)).await;
    let visitor = Visitor::come(app, Role::Agent).await;
    let found = async |n: u32| {
        let answer = visitor.get(&format!("/api/v1/calls/{}/events", call(n))).await;
        let events: serde_json::Value = serde_json::from_str(&answer.assert_status(200).text).unwrap();
        (events["items"].as_array().unwrap().len(), events["complete"].as_bool().unwrap())
    };
    assert_eq!((found(1).await, found(59).await), ((1, true), (0, true)));
    assert!(visitor.get(&format!("/calls/{}", call(59))).await.text.contains("None is kept any more"));
    let connection = visitor.app.connection_id("retell");
    visitor
        .app
        .execute(&format!(
            "insert into webhook_events (connection_id, event_type, external_event_id, payload)
             select '{connection}', 'made_up', 'x' || n, '{{}}' from generate_series(1, 5001) n"
        ))
        .await;
    assert_eq!(found(59).await, (0, false));
    let page = visitor.get(&format!("/calls/{}", call(59))).await.text;
    assert!(page.contains("more events were received around the call than can be looked through"), "{page}");
}
