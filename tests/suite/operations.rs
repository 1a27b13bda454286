//! The operations pages, as people use them: what is seen, what is done, whose it is, and that replay from the page is
//! replay from SQL.

use serde_json::{Value, json};
use switchhook::access::Role;
use switchhook::store::tokens;
use uuid::Uuid;

use crate::access::{MARK, OTHER, one_of_everything_in};
use crate::support::{Answer, TENANT, TestApp, fixtures};

/// Somebody with a token: forms need no secret of a session.
pub struct Person {
    token: String,
    /// One that does not go where it is sent.
    client: reqwest::Client,
}

impl Person {
    pub async fn of(app: &TestApp, role: Role, tenant_id: Option<Uuid>) -> Self {
        let token = tokens::add(&app.pool, app.keys.digests().unwrap(), tenant_id, role, "test", None).await.unwrap().1;
        let client = crate::support::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { token: token.into_exposed(), client }
    }

    pub async fn get(&self, app: &TestApp, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", app.base)).header("accept", "text/html");
        TestApp::answer(request.bearer_auth(&self.token)).await
    }

    pub async fn post(&self, app: &TestApp, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.client.post(format!("{}{path}", app.base)).body(body.join("&"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        TestApp::answer(request.bearer_auth(&self.token)).await
    }

    pub async fn post_json(&self, app: &TestApp, path: &str, body: &Value) -> Answer {
        let request = self.client.post(format!("{}{path}", app.base)).json(body);
        TestApp::answer(request.bearer_auth(&self.token)).await
    }

    /// Confirms on the page and goes on until it is done; returns where it led, and in how many steps.
    async fn confirm(&self, app: &TestApp, path: &str) -> (String, u32) {
        let mut page = self.get(app, path).await;
        page.assert_status(200);
        for step in 1..100 {
            let (action, fields) = form(&page.text);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            page = self.post(app, &action, &fields).await;
            if page.status == 303 {
                return (page.headers["location"].to_str().unwrap().to_owned(), step);
            }
            page.assert_status(200);
            assert!(page.text.contains("<progress"), "{}", page.text);
        }
        panic!("it never ends");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The action and the hidden fields of a page's last form that is posted.
fn form(page: &str) -> (String, Vec<(String, String)>) {
    let main = page.split("<main").nth(1).unwrap();
    let form = main.rsplit("method=\"post\" action=\"").next().unwrap();
    let plain = |text: &str| {
        let text = text.split('"').next().unwrap();
        text.replace("&#38;", "&")
            .replace("&#39;", "'")
            .replace("&#34;", "\"")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
    };
    let fields = form
        .split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|field| (plain(field), plain(field.split("value=\"").nth(1).unwrap())));
    (plain(form), fields.filter(|(name, _)| name != "csrf").collect())
}

/// What happened to an event, without when.
async fn events(app: &TestApp) -> Vec<Value> {
    app.rows(
        "select jsonb_build_array(provider, event_type, external_event_id, outcome, attempts, last_error, note,
                                  processed_at is null)
         from webhook_events order by provider, external_event_id",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_from_the_page_is_replay_from_sql() {
    let apps = [TestApp::spawn().await, TestApp::spawn().await];
    for app in &apps {
        for fixture in fixtures() {
            app.post(fixture.provider, fixture.body).await.assert_outcome("accepted");
        }
        app.run_until_idle().await;
    }
    let [by_page, by_sql] = &apps;
    let person = Person::of(by_page, Role::Operator, None).await;
    let before = events(by_page).await;
    let dumps = [by_page.dump().await, by_sql.dump().await];
    for (query, condition) in [
        ("provider=retell", "provider = 'retell'"),
        ("provider=dialpad&outcome=processed", "provider = 'dialpad' and outcome = 'processed'"),
        ("type=call_ended&from=2020-01-01", "event_type = 'call_ended'"),
        ("outcome=dead", "outcome = 'dead'"),
        ("from=2020-01-01", "true"),
    ] {
        let fit = by_sql.value(&format!("select count(*) from webhook_events where {condition}")).await;
        let (led, _) = person.confirm(by_page, &format!("/operations/confirm?do=replay&{query}")).await;
        assert!(led.starts_with("/operations?") && led.contains(&format!("rows={fit}")), "{query}: {led}, not {fit}");
        if condition == "true" {
            // What is not there is made anew, by both alike.
            for app in &apps {
                app.execute("truncate calls, leads, lead_analytics, messages, charges").await;
            }
        }
        by_sql.execute(&format!("update webhook_events set processed_at = null where {condition}")).await;
        let (page, sql) = (events(by_page).await, events(by_sql).await);
        assert!(page.iter().any(|event| event[7] == json!(true)), "{query}");
        assert_eq!(page, sql, "{query}: in the queue");
        for app in &apps {
            app.run_until_idle().await;
        }
        assert_eq!((events(by_page).await, events(by_sql).await), (before.clone(), before.clone()), "{query}: settled");
        assert_eq!([by_page.dump().await, by_sql.dump().await], dumps, "{query}");
    }
    let logged =
        by_page.value("select count(*) from operator_log where action = 'replay' and actor like 'token %'").await;
    assert_eq!(logged, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_dead_events_are_redriven_step_by_step_and_others_are_left_alone() {
    let mut app = TestApp::spawn().await;
    app.allow_broken_rows();
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
         insert into webhook_events (connection_id, tenant_id, event_type, external_event_id, payload, processed_at,
                                     outcome, last_error)
         select '{connection}', case when n % 12 = 0 then '{OTHER}'::uuid else '{TENANT}' end, 'made_up', 'd' || n, '{{}}',
                now(), 'dead', case n % 2 when 0 then 'even & \"odd\"' else 'odd' end
         from generate_series(1, 15600) as n",
        connection = app.connection_id("retell"),
    ))
    .await;
    let person = Person::of(&app, Role::Operator, Some(TENANT)).await;
    let page = person.get(&app, "/operations").await;
    assert!(page.text.contains("7,800") && page.text.contains("6,500") && page.text.contains("even"), "by cause");
    let path = "/operations/confirm?do=redrive&provider=retell&type=made_up&error=even%20%26%20%22odd%22";
    assert!(person.get(&app, path).await.text.contains("Redrive 6,500 events?"));
    let (led, steps) = person.confirm(&app, path).await;
    assert!(led.contains("said=redrive") && led.contains("rows=6500"), "{led}");
    assert!(steps >= 2, "{steps}");
    assert!(person.get(&app, &led).await.text.contains("Back in the queue, no longer dead: 6,500 events."));
    let count = |condition: &str| format!("select count(*) from webhook_events where {condition}");
    assert_eq!(app.value(&count("outcome is null")).await, 6_500);
    assert_eq!(app.value(&count(&format!("outcome = 'dead' and tenant_id = '{OTHER}'"))).await, 1_300);
    assert_eq!(app.value(&count("outcome = 'dead' and last_error = 'odd'")).await, 7_800);
    let logged = app.value("select sum(row_count) from operator_log where action = 'redrive'").await;
    assert_eq!(logged, 6_500);
    // What is pending is skipped along the queue, with the reason.
    let (led, _) = person.confirm(&app, "/operations/confirm?do=skip&note=a+test&type=made_up").await;
    assert!(led.contains("rows=6500"), "{led}");
    assert_eq!(app.value(&count("note = 'skipped by hand'")).await, 6_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_after_the_question_is_not_skipped_with_the_rest() {
    let app = TestApp::spawn().await;
    let event = |key: &str| {
        format!(
            "insert into webhook_events (connection_id, event_type, external_event_id, payload)
             values ('{}', 'made_up', '{key}', '{{}}')",
            app.connection_id("retell")
        )
    };
    app.execute(&event("before")).await;
    let person = Person::of(&app, Role::Operator, Some(TENANT)).await;
    let (action, fields) = form(&person.get(&app, "/operations/confirm?do=skip&type=made_up").await.text);
    app.execute(&event("after")).await;
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    person.post(&app, &action, &fields).await.assert_status(303);
    let left = app.rows("select to_jsonb(external_event_id) from webhook_events where processed_at is null").await;
    assert_eq!(left, ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_is_discarded_with_its_reason_and_nothing_of_others() {
    let app = one_of_everything_in(TestApp::spawn().await).await;
    let event = Uuid::from_u128(0x1006);
    let path = format!("/operations/confirm?do=discard&id={event}");
    let foreign = Person::of(&app, Role::Admin, Some(OTHER)).await;
    assert!(foreign.get(&app, &path).await.text.contains("Nothing fits"));
    for path in ["/operations", "/operations/events", "/operations/events?state=dead", "/operations/jobs?state=dead"] {
        let page = foreign.get(&app, path).await;
        page.assert_status(200);
        assert!(!page.text.contains(MARK), "{path}");
    }
    foreign.get(&app, &format!("/operations/events/{event}")).await.assert_status(404);
    let wide = Person::of(&app, Role::Operator, None).await;
    assert!(wide.get(&app, "/operations?tenant=other").await.text.contains(MARK), "of all tenants");
    assert!(!wide.get(&app, "/operations?tenant=other&of=tenant").await.text.contains(MARK), "of one");
    let person = Person::of(&app, Role::Operator, Some(TENANT)).await;
    let (action, mut fields) = form(&person.get(&app, &path).await.text);
    fields.push(("note".to_owned(), "a test of +15550100123".to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    // Whoever forges the form of another tenant's person does it to their own events.
    foreign.post(&app, &action, &fields).await.assert_status(303);
    assert_eq!(app.value("select count(*) from dead_letters").await, 1);
    person.post(&app, &action, &fields).await.assert_status(303);
    let note = app.value(&format!("select note from webhook_events where id = '{event}'")).await;
    assert_eq!(note, "discarded by hand: a test of ***");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_sent_is_shown_to_who_asks_and_that_is_logged() {
    let app = one_of_everything_in(TestApp::spawn().await).await;
    let path = format!("/operations/events/{}", Uuid::from_u128(0x1006));
    let person = Person::of(&app, Role::Operator, Some(TENANT)).await;
    let seen = person.get(&app, &path).await.text;
    assert!(!seen.contains("&#34;of&#34;") && seen.contains("Show it"));
    let logged = "select count(*) from operator_log where action = 'reveal_payload'";
    assert_eq!(app.value(logged).await, 0);
    assert!(person.get(&app, &format!("{path}?payload=1")).await.text.contains("&#34;of&#34;"));
    assert_eq!(app.value(logged).await, 1);
    Person::of(&app, Role::Agent, Some(TENANT)).await.get(&app, &path).await.assert_status(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_begin_afresh_are_called_off_and_kinds_are_paused() {
    let app = one_of_everything_in(TestApp::spawn().await).await;
    let job = Uuid::from_u128(0x1007).to_string();
    let state = "select coalesce(outcome, 'pending') from jobs";
    let person = Person::of(&app, Role::Operator, Some(TENANT)).await;
    let foreign = Person::of(&app, Role::Operator, Some(OTHER)).await;
    foreign.post(&app, "/operations/jobs/retry", &[("id", &job)]).await.assert_status(303);
    assert_eq!(app.value(state).await, "dead");
    person.post(&app, "/operations/jobs/retry", &[]).await.assert_status(422);
    person.post(&app, "/operations/jobs/retry", &[("id", &job)]).await.assert_status(303);
    assert_eq!(app.value(state).await, "pending");
    let form = [("id", job.as_str()), ("reason", "no need")];
    person.post(&app, "/operations/jobs/cancel", &form).await.assert_status(303);
    assert_eq!(app.value("select outcome || ': ' || note from jobs").await, "cancelled: no need");
    // One of them, and what it was given, which is logged.
    app.execute("update jobs set payload = '{\"of\": \"a call\"}'").await;
    let path = format!("/operations/jobs/{job}");
    let page = person.get(&app, &path).await.text;
    assert!(page.contains("no need") && page.contains("Cancelled") && !page.contains("a call"), "{page}");
    let logged =
        format!("select count(*) from operator_log where action = 'reveal_payload' and details::text like '%{job}%'");
    assert_eq!(app.value(&logged).await, 0);
    assert!(person.get(&app, &format!("{path}?payload=1")).await.text.contains("a call"));
    assert_eq!(app.value(&logged).await, 1);
    foreign.get(&app, &path).await.assert_status(404);
    // All of a cause: nothing of another tenant, in steps.
    app.execute(&format!(
        "update jobs set outcome = 'dead', last_error = 'x';
         insert into jobs (id, tenant_id, kind, key, due_at, settled_at, outcome, last_error)
         select gen_random_uuid(), case n % 5 when 0 then '{OTHER}'::uuid else '{TENANT}' end, 'start_outreach', 'j' || n,
                now(), now(), 'dead', case n % 2 when 0 then 'refused' else 'x' end
         from generate_series(1, 3000) as n"
    ))
    .await;
    let path = "/operations/jobs/confirm?kind=start_outreach&error=refused";
    assert!(person.get(&app, path).await.text.contains("Retry 1,200 dead jobs?"));
    let (led, steps) = person.confirm(&app, path).await;
    assert!(led.contains("rows=1200") && steps >= 2, "{led} {steps}");
    assert_eq!(app.value("select count(*) from jobs where outcome is null").await, 1_200);
    // A pause is for all tenants.
    let pause = "/operations/kinds/start_outreach/pause";
    person.post(&app, pause, &[]).await.assert_status(403);
    let wide = Person::of(&app, Role::Operator, None).await;
    wide.post(&app, "/operations/kinds/nothing/pause", &[]).await.assert_status(404);
    wide.post(&app, pause, &[("reason", "looking into it")]).await.assert_status(303);
    assert!(person.get(&app, "/operations").await.text.contains("looking into it"));
    wide.post(&app, "/operations/kinds/start_outreach/resume", &[]).await.assert_status(303);
    assert_eq!(app.value("select count(*) from job_pauses").await, 0);
    let actions = app.rows("select to_jsonb(action) from operator_log group by action order by action").await;
    assert_eq!(actions, ["cancel_jobs", "pause_jobs", "resume_jobs", "retry_jobs", "reveal_payload"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_seen_by_whose_connection_it_was() {
    let app = TestApp::spawn().await;
    app.execute(&format!(
        "insert into tenants (id, slug, name) values ('{OTHER}', 'other', 'Other');
         insert into rejections (provider, connection, address, reason, status)
         values ('retell', 'default', '192.0.2.1', 'the signature does not fit', 401),
                ('retell', null, '192.0.2.9', 'no such connection', 404)"
    ))
    .await;
    for (tenant_id, own, nobodys) in [(Some(TENANT), true, false), (Some(OTHER), false, false), (None, true, true)] {
        let person = Person::of(&app, Role::Operator, tenant_id).await;
        for path in ["/operations", "/operations/rejections"] {
            let seen = person.get(&app, path).await.text;
            assert_eq!(seen.contains("signature does not fit"), own, "{path} {tenant_id:?}");
            assert_eq!(seen.contains("no such connection"), nobodys, "{path} {tenant_id:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pulse_counts_what_came_what_went_and_what_waits() {
    use switchhook::inbox::pulse;
    let app = TestApp::spawn().await;
    let person = Person::of(&app, Role::Operator, None).await;
    assert!(person.get(&app, "/operations").await.text.contains("No event has come yet"));
    app.execute(&format!(
        "insert into webhook_events (id, connection_id, event_type, external_event_id, payload, received_at, processed_at,
                                     outcome)
         select uuid_v7(), '{}', 'made_up', 'p' || n, '{{}}', now() - interval '150 seconds',
                case when n > 10 then now() - interval '90 seconds' end, case when n > 10 then 'ignored' end
         from generate_series(1, 40) as n",
        app.connection_id("retell")
    ))
    .await;
    let mut connection = app.pool.acquire().await.unwrap();
    let beats = pulse::beats(&mut connection, None, 60.0, 60).await.unwrap();
    assert_eq!(beats.len(), 60);
    let of = |place: usize| (beats[place].received, beats[place].settled);
    assert_eq!([57, 58, 59].map(of), [(40, 0), (0, 30), (0, 0)]);
    assert!((59.0..61.0).contains(&beats[57].p50_seconds.unwrap()) && beats[57].max_seconds.unwrap() >= 150.0);
    let foreign = pulse::beats(&mut connection, Some(OTHER), 60.0, 60).await.unwrap();
    assert_eq!(foreign.iter().map(|beat| beat.received + beat.settled).sum::<i64>(), 0);
    let standing = pulse::standing(&mut connection, None).await.unwrap();
    assert_eq!((standing.pending, standing.dead, standing.has_events), (10, 0, true));
    assert_eq!(pulse::standing(&mut connection, Some(OTHER)).await.unwrap().pending, 0);
    let senders = pulse::senders(&mut connection, None, 3600.0).await.unwrap();
    assert_eq!((senders[0].received, senders[0].pending, senders[0].ignored), (40, 10, 30));
    drop(connection);
    let page = person.get(&app, "/operations").await.text;
    assert!(!page.contains("No event has come yet") && page.contains("40 came, 30 were settled"), "{page}");
    app.execute("update webhook_events set processed_at = now() where processed_at is null").await;
}
