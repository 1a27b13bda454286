//! The watch: one incident, one alert, one end; and the next channel where one fails.

use chrono::TimeDelta;
use serde_json::json;
use switchhook::config::Config;
use switchhook::jobs::Watcher;
use switchhook::providers;

use crate::support::TestApp;
use crate::support::story::Story;
use crate::support::vendors::{SlackStub, SmtpStub, TwilioStub};

pub async fn look(app: &TestApp) {
    let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
    Watcher::new(app.desk.clone(), settings).look().await.unwrap();
    app.runner.drain().await.unwrap();
}

async fn spawn(slack: &SlackStub, more: &[(&str, &str)]) -> TestApp {
    let url = slack.webhook_url.clone();
    let own = [("INTEGRATIONS__SLACK__WEBHOOK_URL", url.as_str())];
    let all: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
    let app = TestApp::spawn_with(&all, providers::registry()).await;
    // The watch compares with times that the database gave.
    let now: chrono::DateTime<chrono::Utc> = app.value("now()").await.as_str().unwrap().parse().unwrap();
    app.clock.advance(now - app.clock.now());
    app
}

async fn die(app: &TestApp) {
    app.execute(
        "insert into webhook_events (connection_id, event_type, external_event_id, payload)
         select id, 'call_ended', uuid_v7()::text, '{\"event\": \"call_ended\"}' from connections where provider = 'retell'",
    )
    .await;
    app.run_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_incident_is_one_alert_until_it_is_over() {
    let slack = SlackStub::start().await;
    let app = spawn(&slack, &[]).await;
    look(&app).await;
    assert_eq!(slack.texts().len(), 0, "all is well");
    for n in 0..5 {
        die(&app).await;
        app.clock.advance(TimeDelta::minutes(1));
        look(&app).await;
        assert_eq!(slack.texts().len(), 1, "after {} dead events", n + 1);
    }
    assert!(slack.texts()[0].starts_with("[CRITICAL] dead events (all tenants)"), "{}", slack.texts()[0]);
    assert!(slack.texts()[0].contains("call.call_id is missing"));
    app.clock.advance(TimeDelta::hours(4));
    look(&app).await;
    assert_eq!(slack.texts().len(), 2, "it lasts: once more after the cool-down");
    app.execute("update webhook_events set outcome = 'ignored' where outcome = 'dead'").await;
    app.clock.advance(TimeDelta::minutes(1));
    look(&app).await;
    app.clock.advance(TimeDelta::minutes(1));
    look(&app).await;
    let texts = slack.texts();
    assert!(texts.len() == 3 && texts[2].starts_with("[RESOLVED] dead events"), "{texts:?}");
    die(&app).await;
    app.clock.advance(TimeDelta::minutes(1));
    look(&app).await;
    assert_eq!(slack.texts().len(), 4, "a new trouble is a new incident");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_channel_fails_the_next_is_taken() {
    let (slack, smtp, twilio) = (SlackStub::start().await, SmtpStub::start().await, TwilioStub::start().await);
    let (smtp_url, ca_file) = (smtp.smtp_url("smtp", "?tls=required"), smtp.ca_file.display().to_string());
    let base_url = twilio.base_url.clone();
    let settings = [
        ("INTEGRATIONS__EMAIL__SMTP_URL", smtp_url.as_str()),
        ("INTEGRATIONS__EMAIL__CA_FILE", ca_file.as_str()),
        ("INTEGRATIONS__EMAIL__FROM", "alerts@example.com"),
        ("INTEGRATIONS__EMAIL__TO", "people@example.com"),
        ("INTEGRATIONS__TWILIO__BASE_URL", base_url.as_str()),
    ];
    let app = spawn(&slack, &settings).await;
    slack.answer_next(404, &[], "no_service");
    die(&app).await;
    look(&app).await;
    let job = app.rows("select to_jsonb(j) from jobs j where kind = 'send_alert'").await.remove(0);
    assert_eq!((slack.requests().len(), smtp.mails().len(), twilio.sent().len()), (1, 1, 0), "{job}");
    assert_eq!(app.value("select note from jobs where kind = 'send_alert'").await, "told by email, after 1 failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_seen() {
    let slack = SlackStub::start().await;
    let app = spawn(&slack, &[]).await;
    app.set_rate("6", 1, 0).await;
    app.execute(
        "insert into jobs (tenant_id, kind, key, due_at, settled_at, outcome, last_error)
             select id, 'start_outreach', 'dead', now(), now(), 'dead', 'template' from tenants;
         insert into jobs (tenant_id, kind, key, due_at, needs_person, last_error)
             select id, 'analyze_call', 'refused', now() + interval '1 hour', true, 'openai: status 401' from tenants;
         insert into jobs (tenant_id, kind, key, due_at)
             select id, 'analyze_lead', 'late', now() - interval '1 hour' from tenants;
         insert into rejections (at, provider, connection, reason, status, repeats)
             values (now(), 'retell', 'default', 'not_proven', 401, 40);
         insert into webhook_events (connection_id, event_type, external_event_id, payload, received_at, next_attempt_at)
             select id, 'call_ended', 'late', '{}', now() - interval '1 hour', now() - interval '1 hour'
             from connections where provider = 'retell';
         insert into connection_hours (connection_id, hour)
             select c.id, date_trunc('hour', now()) - h * interval '1 hour'
             from connections c, generate_series(10, 60) h where c.provider = 'bolna';
         insert into jobs (tenant_id, kind, key, due_at, last_error)
             select id, 'analyze_call', 'budget', now() + interval '1 hour', 'the day''s budget of analyses is used up'
             from tenants;
         insert into credits (tenant_id, amount, currency, added_by) select id, 5, 'USD', 'test' from tenants;
         update tenants set low_credit = 10;
         insert into tenants (slug, name) values ('other', 'Other');
         insert into jobs (tenant_id, kind, key, due_at, settled_at, outcome, last_error)
             select id, 'start_outreach', 'dead too', now(), now(), 'dead', 'template' from tenants where slug = 'other'",
    )
    .await;
    // Looking is all that is done here: nothing is carried out.
    let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
    Watcher::new(app.desk.clone(), settings).look().await.unwrap();
    let causes = app
        .rows(
            "select to_jsonb(cause || ' ' || regexp_replace(subject, ' of .*', ' of ' || coalesce(slug, ''))) from incidents
             left join tenants t on t.id = tenant_id order by 1",
        )
        .await;
    let bolna = app.value("select id from connections where provider = 'bolna'").await;
    let silence = format!("silence {}", bolna.as_str().unwrap());
    let default = app.value("select id from tenants where slug = 'default'").await;
    let budget = format!("budget {}", default.as_str().unwrap());
    let expected = [
        &budget,
        "credit USD of default",
        "dead_jobs start_outreach of default",
        "dead_jobs start_outreach of other",
        "lag events",
        "lag jobs",
        "refused_senders retell/default",
        silence.as_str(),
        "vendor_refuses analyze_call of default",
    ];
    assert_eq!(causes, expected.map(|text| json!(text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_the_platform_has_not_followed_is_told_and_is_over_when_it_has() {
    let slack = SlackStub::start().await;
    let app = spawn(&slack, &[]).await;
    app.execute(
        "insert into connections (id, tenant_id, provider, slug)
             select '00000000-0000-0000-0000-0000000000c1', id, 'dialpad', 'desk' from tenants;
         insert into connection_secrets (connection_id, secret, created_at, expires_at, last_used_at)
             select id, 'sealed', now() - interval '9 days', now() + interval '20 hours', now()
             from connections where slug = 'desk';
         insert into connection_secrets (connection_id, secret, created_at)
             select id, 'sealed', now() - interval '30 minutes' from connections where slug = 'desk'",
    )
    .await;
    let settings = Config::from_parts(None, &Default::default()).unwrap().alerts;
    let watcher = Watcher::new(app.desk.clone(), settings);
    let told = "incidents where cause = 'unused_secret'";
    let open = async || app.value(&format!("select count(*) from {told} and resolved_at is null")).await;
    watcher.look().await.unwrap();
    assert_eq!(open().await, 0, "an hour is time to paste it");
    app.execute("update connection_secrets set created_at = now() - interval '2 hours' where last_used_at is null")
        .await;
    watcher.look().await.unwrap();
    assert_eq!(open().await, 1);
    let summary = app.value(&format!("select to_jsonb(summary) from {told}")).await;
    let summary = summary.as_str().unwrap();
    assert!(
        summary.starts_with("the newest secret of dialpad/desk has never verified anything; the one that works ends")
    );
    app.execute("update connection_secrets set last_used_at = now()").await;
    app.clock.advance(TimeDelta::minutes(1));
    watcher.look().await.unwrap();
    assert_eq!(open().await, 0, "the platform has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_worth_calling_is_told_and_without_channels_it_runs_dry() {
    let payload = json!({
        "event": "call_analyzed", "call": { "provider": "retell", "provider_call_id": "c1" }, "phone": "+15550100123",
        "source": "openai", "qualified_score": 70, "analysis": { "lead_score": 90, "summary": "Wants two.", "name": "Sam" },
    });
    for is_configured in [true, false] {
        let slack = SlackStub::start().await;
        let mut app =
            spawn(&slack, if is_configured { &[] } else { &[("INTEGRATIONS__SLACK__WEBHOOK_URL", "")] }).await;
        // A result without its call.
        app.allow_broken_rows();
        app.execute(&format!(
            "insert into webhook_events (connection_id, tenant_id, event_type, external_event_id, payload)
             select c.id, t.id, 'call_analyzed', 'x', '{payload}' from connections c, tenants t where c.provider = 'switchhook'"
        ))
        .await;
        app.run_until_idle().await;
        app.clock.advance(TimeDelta::minutes(1));
        app.runner.drain().await.unwrap();
        let job = app.rows("select to_jsonb(j) from jobs j where kind = 'send_alert'").await.remove(0);
        if is_configured {
            let text = slack.texts().remove(0);
            assert!(text.contains("score 90") && text.contains("Sam, +15550100123"), "{text}");
        } else {
            let preview = job["preview"].as_str().unwrap();
            assert!(job["outcome"] == "skipped" && !preview.contains("Sam") && preview.contains("score 90"), "{job}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credit_that_runs_out_is_told_again_when_it_has_run_out() {
    let slack = SlackStub::start().await;
    let app = spawn(&slack, &[]).await;
    app.set_rate("6", 1, 0).await;
    let pay = |amount: i32| {
        format!(
            "insert into credits (tenant_id, amount, currency, added_by) select id, {amount}, 'USD', 'test' from tenants"
        )
    };
    app.execute("update tenants set low_credit = 10").await;
    app.execute(&pay(20)).await;
    look(&app).await;
    assert_eq!(slack.texts().len(), 0);
    for (spent, texts, start) in [(12, 1, "[WARNING] credit"), (8, 2, "[CRITICAL] credit"), (1, 2, "[CRITICAL] credit")]
    {
        app.execute(&pay(-spent)).await;
        app.clock.advance(TimeDelta::minutes(1));
        look(&app).await;
        let told = slack.texts();
        assert!(told.len() == texts && told[texts - 1].starts_with(start), "{spent}: {told:?}");
    }
    app.execute(&pay(100)).await;
    app.clock.advance(TimeDelta::minutes(1));
    look(&app).await;
    assert!(slack.texts()[2].starts_with("[RESOLVED] credit"), "{:?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outreach_is_told_when_it_is_sent_and_ends_when_it_is_answered() {
    for (told, answered) in [("sent,answered", true), ("answered", true), ("sent", false)] {
        let slack = SlackStub::start().await;
        let url = slack.webhook_url.clone();
        let settings = [("INTEGRATIONS__SLACK__WEBHOOK_URL", url.as_str()), ("ALERTS__OUTREACH", told)];
        let story = Story::new(&settings).await;
        let now: chrono::DateTime<chrono::Utc> = story.app.value("now()").await.as_str().unwrap().parse().unwrap();
        let noon = now.date_naive().and_hms_opt(12, 0, 0).unwrap().and_utc();
        story.app.clock.advance(noon - story.app.clock.now());
        story.missed_call("c1").await;
        story.app.clock.advance(TimeDelta::minutes(2));
        story.jobs().await;
        look(&story.app).await;
        assert_eq!(slack.texts().len(), usize::from(told.starts_with("sent")), "{told}");
        if answered {
            story.app.clock.advance(TimeDelta::minutes(2));
            story.reply("yes please").await;
            story.app.clock.advance(TimeDelta::minutes(1));
            look(&story.app).await;
            look(&story.app).await;
            let last = slack.texts().pop().unwrap();
            assert!(last.starts_with("Outreach answered (") && last.contains("they have written meanwhile"), "{last}");
            assert_eq!(slack.texts().len(), told.split(',').count(), "once each");
            let ends = story.ends("send_reminder").await;
            let end = "cancelled: the outreach has ended: they have written meanwhile";
            assert_eq!(ends, [end, end], "not left until they are due");
            assert_eq!(story.app.value("select end_reason from outreaches").await, "they have written meanwhile");
        } else {
            assert_eq!(story.app.value("select count(*) from outreaches where ended_at is null").await, 1);
        }
    }
}
