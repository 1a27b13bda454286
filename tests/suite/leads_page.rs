//! The pages of leads over HTTP: the list and its CSV, one person, and what people decide about them.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;

use crate::support::{Answer, TENANT, TestApp};

const LEAD: &str = "00000000-0000-0000-0000-00001ead0001";
const OTHERS: &str = "00000000-0000-0000-0000-00001ead0002";

async fn with_leads() -> TestApp {
    let mut app =
        TestApp::spawn_with(&[("CONSOLE__REQUESTS_PER_MINUTE", "100000")], switchhook::providers::registry()).await;
    app.allow_broken_rows();
    app.execute(&format!(
        "insert into tenants (slug, name) values ('other', 'Other');
         insert into leads (id, tenant_id, phone, name, stage, tags, first_seen_at)
         select case n when 1 then '{LEAD}'::uuid else gen_random_uuid() end, '{TENANT}', '+1555010' || lpad(n::text, 4, '0'),
                case n when 1 then '=1+1 Dana' else 'Person ' || n end, case when n % 2 = 0 then 'won' else 'new' end::lead_stage,
                case n when 2 then array['a, \"b\"', '@c'] else '{{}}' end, now()
         from generate_series(1, 1100) n;
         insert into leads (id, tenant_id, phone, name) select '{OTHERS}', id, '+15550100001', 'Strange'
         from tenants where slug = 'other';
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number, summary)
         select uuid_v7(), '{TENANT}', 'retell', 'c' || n, 'inbound', 'ended', now() - n * interval '1 hour',
                '+1555010' || lpad(n::text, 4, '0'), 'said in call ' || n from generate_series(1, 3) n"
    ))
    .await;
    app
}

/// Somebody with a session: the cookie, and the secret for forms.
async fn sign_in(app: &TestApp, role: Role) -> (String, String) {
    let token =
        tokens::add(&app.pool, app.keys.digests().unwrap(), Some(TENANT), role, "the laptop", None).await.unwrap().1;
    let body = json!({ "token": token.expose() });
    let answer = TestApp::answer(app.client.post(format!("{}/api/v1/session", app.base)).json(&body)).await;
    answer.assert_status(200);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let who: Value = serde_json::from_str(&answer.text).unwrap();
    (cookie, who["csrf_token"].as_str().unwrap().to_owned())
}

async fn get(app: &TestApp, cookie: &str, path: &str) -> Answer {
    TestApp::answer(app.client.get(format!("{}{path}", app.base)).header("cookie", cookie)).await
}

async fn post(app: &TestApp, cookie: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    TestApp::answer(app.client.post(format!("{}{path}", app.base)).header("cookie", cookie).form(form)).await
}

fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing or too early"));
        rest = &rest[at + part.len()..];
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_has_exactly_the_rows_of_the_filter_and_no_formula() {
    let app = with_leads().await;
    let (cookie, _) = sign_in(&app, Role::Agent).await;
    let answer = get(&app, &cookie, "/leads.csv?order=number&stage=won").await;
    answer.assert_status(200);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("leads.csv"));
    let ids: Vec<&str> = answer.text.lines().skip(1).map(|line| &line[..36]).collect();
    let expected = app.value("select jsonb_agg(id order by phone) from leads where stage = 'won'").await;
    assert_eq!(json!(ids), expected, "more than one page of them, each once, in order");
    assert!(
        answer
            .text
            .starts_with("id,phone,name,email,stage,source,tags,first_seen_at,opted_out,calls,missed,last_call_at\r\n")
    );
    assert!(answer.text.contains(",'+15550100002,Person 2,,won,,\"a, \"\"b\"\", @c\","), "{}", &answer.text[..400]);
    let recent = get(&app, &cookie, "/leads.csv?bom=1").await.text;
    assert!(recent.starts_with("\u{feff}id,") && recent.contains(",'=1+1 Dana,"));
    assert_eq!(recent.lines().count(), 4, "who called, the last first");
    in_order(&recent, &["15550100001", "15550100002", "15550100003"]);
    let (viewer, _) = sign_in(&app, Role::Viewer).await;
    let masked = get(&app, &viewer, "/leads.csv").await.text;
    assert!(masked.contains("***0001") && !masked.contains("15550100001") && !masked.contains("Dana"));
    let logged = "select jsonb_build_array(sum(row_count), bool_or((details->>'masked')::boolean)) from operator_log
                  where action = 'export' group by coalesce(operation_id, id) order by min(at)";
    let expected = [json!([550, false]), json!([3, false]), json!([3, true])];
    assert_eq!(app.rows(logged).await, expected, "each file, with all its rows");
    get(&app, &cookie, "/leads.csv?stage=rich").await.assert_status(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_in_the_middle_of_a_file_had_as_many_rows_as_the_log_says() {
    let app = with_leads().await;
    // More than fits into the buffers between us: 44 MB.
    app.execute("update leads set tags = array[repeat('x', 40000)]").await;
    let (cookie, _) = sign_in(&app, Role::Agent).await;
    let request = app.client.get(format!("{}/leads.csv?order=number", app.base)).header("cookie", &cookie);
    let mut answer = request.send().await.unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"id,phone"));
    drop(answer);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let rows = "select sum(row_count) from operator_log where action = 'export'";
    let logged = app.value(rows).await.as_i64().unwrap();
    assert!([500, 1000].contains(&logged), "whole pages, and not all of 1,100 leads: {logged}");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(app.value(rows).await, json!(logged), "nobody goes on reading for nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_goes_on_where_it_ended_and_finds_people() {
    let app = with_leads().await;
    let (cookie, _) = sign_in(&app, Role::Agent).await;
    let mut path = "/leads?order=number".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = get(&app, &cookie, &path).await;
        page.assert_status(200);
        seen.extend(page.text.split("data-id=\"").skip(1).map(|row| row[..36].to_owned()));
        let Some(at) = page.text.find("rel=\"next\" href=\"") else { break };
        path = page.text[at + 17..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    let expected =
        app.value(&format!("select jsonb_agg(id order by phone) from leads where tenant_id = '{TENANT}'")).await;
    assert_eq!(json!(seen), expected);
    let found = get(&app, &cookie, "/leads?search=person+7").await.text;
    assert!(found.contains("Person 7<") && !found.contains("Person 8<"));
    let (viewer, _) = sign_in(&app, Role::Viewer).await;
    get(&app, &viewer, "/leads?search=dana").await.assert_status(422);
    app.execute("delete from calls").await;
    let page = get(&app, &cookie, "/leads").await.text;
    assert!(page.contains("Person 2"), "where nobody has called, all are shown");
    app.execute("delete from leads").await;
    assert!(get(&app, &cookie, "/leads").await.text.contains("Nobody has called or written yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_stands_in_one_line_of_time() {
    let app = with_leads().await;
    app.execute(&format!(
        "insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body, sent_at)
         values (gen_random_uuid(), '{TENANT}', 'whatsapp', 'm', 'whatsapp', 'inbound', '+15550100001', 'please call', now() - interval '30 minutes');
         insert into lead_notes (id, tenant_id, phone, kind, body, author, at)
         values (gen_random_uuid(), '{TENANT}', '+15550100001', 'flag', 'angry about the roof', 'Agent 7', now() - interval '50 minutes');
         insert into calendars (tenant_id) values ('{TENANT}');
         insert into appointments (id, tenant_id, calendar, seat, starts_at, ends_at, busy_until, phone, name, purpose, created_at)
         select gen_random_uuid(), '{TENANT}', number, 0, now() + interval '1 day', now() + interval '25 hours', now() + interval '25 hours',
                '+15550100001', 'Dana', 'measure the roof', now() - interval '20 minutes' from calendars;
         insert into jobs (id, tenant_id, kind, key, payload, due_at, settled_at, outcome, note)
         select gen_random_uuid(), '{TENANT}', 'start_outreach', id::text, '{{}}', now() - interval '40 minutes',
                now() - interval '40 minutes', 'done', 'written to' from calls where contact_number = '+15550100001';
         insert into lead_analytics (tenant_id, kind, call_id, phone, source, analysed_at, summary, score, data, rank)
         values ('{TENANT}', 'complete', null, '+15550100001', 'openai', now(), 'wants a roof', 80, '{{\"decision_factors\": [\"the price\"]}}', '1')"
    ))
    .await;
    let (cookie, _) = sign_in(&app, Role::Agent).await;
    let page = get(&app, &cookie, &format!("/leads/{LEAD}")).await;
    page.assert_status(200);
    in_order(
        &page.text,
        &[
            "Booked for Dana",
            "measure the roof",
            "They wrote over WhatsApp",
            "please call",
            "Outreach after a missed call",
            "written to",
            "Flag",
            "Open",
            "Agent 7",
            "angry about the roof",
            "They called",
            "Missed",
            "said in call 1",
            "Appointment</dt>",
            "wants a roof",
            "Decision factors",
            "the price",
        ],
    );
    let (viewer, _) = sign_in(&app, Role::Viewer).await;
    let masked = get(&app, &viewer, &format!("/leads/{LEAD}")).await.text;
    for hidden in [
        "please call",
        "angry",
        "measure",
        "wants a roof",
        "the price",
        "15550100001",
        "Dana",
        "said in call",
        "<form method=\"post\" action=\"/leads",
    ] {
        assert!(!masked.contains(hidden), "{hidden}");
    }
    assert!(masked.contains("They wrote over WhatsApp") && masked.contains("[hidden]"));
    get(&app, &cookie, &format!("/leads/{OTHERS}")).await.assert_status(404);
    // More than a page: what is older comes on the next one.
    app.execute(&format!(
        "insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body, sent_at)
         select gen_random_uuid(), '{TENANT}', 'whatsapp', 'm' || n, 'whatsapp', 'inbound', '+15550100001', 'again', now() - n * interval '10 seconds'
         from generate_series(1, 120) n"
    ))
    .await;
    let page = get(&app, &cookie, &format!("/leads/{LEAD}")).await.text;
    assert!(page.contains("again") && !page.contains("said in call 1"));
    let (_, older) = story(&page);
    let page = get(&app, &cookie, &older.expect("the older page")).await.text;
    in_order(
        &page,
        &["again", "please call", "Outreach after a missed call", "angry about the roof", "said in call 1"],
    );
    assert!(page.contains("That is how it began.") && !page.contains("rel=\"next\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_decide_is_set_once_logged_and_shown() {
    let app = with_leads().await;
    let (cookie, csrf) = sign_in(&app, Role::Agent).await;
    let path = format!("/leads/{LEAD}/edit");
    let form = |csrf: &str| {
        let fields = [
            ("csrf", csrf),
            ("name", "Dana Levi"),
            ("was_name", ""),
            ("stage", "won"),
            ("was_stage", ""),
            ("tags", "vip, roof"),
            ("was_tags", ""),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let send = async |cookie: &str, csrf: &str, path: &str| {
        let fields = form(csrf);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        post(&app, cookie, path, &fields).await
    };
    send(&cookie, "", &path).await.assert_status(403);
    let (viewer, secret) = sign_in(&app, Role::Viewer).await;
    send(&viewer, &secret, &path).await.assert_status(403);
    send(&cookie, &csrf, &format!("/leads/{OTHERS}/edit")).await.assert_status(404);
    assert_eq!(
        app.value("select count(*) from leads where name_by_hand is not null or stage_by_hand is not null").await,
        json!(0)
    );
    let page = send(&cookie, &csrf, &path).await;
    page.assert_status(200);
    in_order(&page.text, &["Dana Levi", "Won", "vip", "Saved.", "Set by hand: name, stage to won, tags", "the laptop"]);
    // Who saves a form that was opened before changes what they changed, and nothing else.
    let fields = [("csrf", csrf.as_str()), ("name", "Dana"), ("was_name", "Dana L"), ("stage", ""), ("was_stage", "")];
    post(&app, &cookie, &path, &fields).await.assert_status(200);
    let row = app
        .value(&format!("select jsonb_build_array(name_by_hand, stage_by_hand, tags) from leads where id = '{LEAD}'"))
        .await;
    assert_eq!(row, json!(["Dana", "won", ["vip", "roof"]]));
    let wrong = [("csrf", csrf.as_str()), ("email", "nobody"), ("was_email", "")];
    post(&app, &cookie, &path, &wrong).await.assert_status(422);
    let same = [("csrf", csrf.as_str()), ("name", "Dana"), ("was_name", "Dana")];
    assert!(post(&app, &cookie, &path, &same).await.text.contains("Nothing was changed."));
    let contact = format!("/leads/{LEAD}/do-not-contact");
    let page = post(&app, &cookie, &contact, &[("csrf", &csrf), ("choice", "on")]).await.text;
    in_order(
        &page,
        &["Do not contact", "Set by hand: never to be written to", "They are not written to", "the laptop"],
    );
    assert_eq!(app.value(&format!("select opted_out_by_hand from leads where id = '{LEAD}'")).await, json!(true));
    post(&app, &cookie, &contact, &[("csrf", &csrf), ("choice", "auto")]).await.assert_status(200);
    post(&app, &cookie, &contact, &[("csrf", &csrf), ("choice", "perhaps")]).await.assert_status(422);
    let log = app
        .value("select jsonb_agg(details - 'lead_id' order by at) from operator_log where action = 'edit_lead'")
        .await;
    let expected = json!([
        { "fields": ["name", "stage", "tags"], "stage": "won" },
        { "fields": ["name"] },
        { "fields": ["do_not_contact"], "do_not_contact": true },
        { "fields": ["do_not_contact"], "do_not_contact": null },
    ]);
    assert_eq!(log, expected, "no name, no tag");
}

/// The times and titles of a line of time, and where it goes on.
fn story(page: &str) -> (Vec<String>, Option<String>) {
    let list = page.split("<ol class=\"timeline\">").nth(1).unwrap_or_default().split("</ol>").next().unwrap();
    let texts = list.split("<div class=\"speech\">").skip(1);
    let texts = texts.map(|text| text.split("</div>").next().unwrap().to_owned()).collect();
    let older = page.split("rel=\"next\" href=\"").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    (texts, older.map(|href| href.replace("&#38;", "&").replace("#story", "")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_thousands_of_calls_is_read_to_the_beginning() {
    let app = with_leads().await;
    // Calls of which many began in the same second, messages at the same times, some without any, and a note of each kind.
    app.execute(&format!(
        "delete from calls;
         insert into calls (id, tenant_id, provider, provider_call_id, direction, status, initiated_at, contact_number, summary)
         select gen_random_uuid(), '{TENANT}', 'retell', 'd' || n, 'inbound', 'ended',
                case when n % 1000 > 0 then now() - (n / 30) * interval '1 hour' end, '+15550100001', 'call ' || n
         from generate_series(1, 5000) n;
         insert into messages (id, tenant_id, provider, provider_message_id, channel, direction, contact_number, body, sent_at)
         select gen_random_uuid(), '{TENANT}', 'whatsapp', 'm' || n, 'whatsapp', 'inbound', '+15550100001', 'message ' || n,
                case when n % 100 > 0 then now() - n * interval '1 hour' end from generate_series(1, 300) n;
         insert into lead_notes (id, tenant_id, phone, kind, body, author, at)
         select gen_random_uuid(), '{TENANT}', '+15550100001', 'note', 'note ' || n, 'Agent 7', now() - n * interval '1 hour'
         from generate_series(1, 150) n"
    ))
    .await;
    let (cookie, _) = sign_in(&app, Role::Agent).await;
    let mut path = format!("/leads/{LEAD}");
    let mut seen: Vec<String> = Vec::new();
    let mut pages = 0;
    loop {
        let page = get(&app, &cookie, &path).await;
        page.assert_status(200);
        assert_eq!(page.text.contains("The newest</a>"), pages > 0);
        let (texts, older) = story(&page.text);
        assert!(texts.len() <= 100, "{} on one page", texts.len());
        seen.extend(texts);
        pages += 1;
        let Some(older) = older else { break };
        path = older;
    }
    assert_eq!((seen.len(), pages), (5_450, 55));
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len(), "each once");
    let place = |what: &str| seen.iter().position(|text| text == what).unwrap();
    assert!(place("call 29") < place("call 31") && place("message 99") < place("call 3001"));
    assert!(place("call 4999") < place("call 2000") && place("message 299") < place("message 100"), "no time: last");
    get(&app, &cookie, &format!("/leads/{LEAD}?after=nowhere")).await.assert_status(404);
    // A script reads the same.
    let (mut told, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/leads/{LEAD}/timeline{after}");
        let page: Value = serde_json::from_str(&get(&app, &cookie, &path).await.assert_status(200).text).unwrap();
        let text = |item: &Value| {
            let what = &item["what"];
            what.get("summary").or(what.get("body")).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        told.extend(page["items"].as_array().unwrap().iter().map(text));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("?after={next}");
    }
    assert!(told == seen, "{} against {}", told.len(), seen.len());
    // The list of their calls, in either order.
    for order in ["newest", "oldest"] {
        let mut ids: Vec<String> = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/calls?number=%2B15550100001&limit=500&order={order}{after}");
            let page: Value = serde_json::from_str(&get(&app, &cookie, &path).await.text).unwrap();
            ids.extend(page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        if order == "oldest" {
            ids.reverse();
        }
        let expected = app.value("select jsonb_agg(id order by started_at desc nulls last, id) from calls").await;
        assert!(json!(ids) == expected, "{order}: {} calls", ids.len());
    }
}
