//! The story of one lead from missed call to second reminder, and every way it ends early.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use switchhook::providers;

use crate::support::story::{CALLER, DIGITS, Story};
use crate::support::{Binary, url_of};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_missed_call_to_the_second_reminder() {
    let story = Story::new(&[]).await;
    story.missed_call("c1").await;
    story.jobs().await;
    assert_eq!(story.sent(), 0, "not before two minutes have passed");
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    let message = story.whatsapp.accepted().remove(0);
    assert_eq!((&message["to"], &message["type"]), (&json!(DIGITS), &json!("template")), "{message}");
    assert_eq!(message.pointer("/template/components/0/parameters/0/text"), Some(&json!("there")));
    assert_eq!(story.app.value("select stage::text from leads").await, "contacted");
    let row = story.app.rows("select to_jsonb(m) from messages m").await.remove(0);
    assert_eq!((&row["status"], &row["contact_number"]), (&json!("sent"), &json!(CALLER)), "{row}");
    story.pass(23);
    story.jobs().await;
    assert_eq!(story.sent(), 1, "the first reminder is not due");
    story.pass(1);
    story.jobs().await;
    assert_eq!(story.sent(), 2);
    story.pass(48);
    story.jobs().await;
    assert_eq!(story.sent(), 3);
    story.pass(1_000);
    story.jobs().await;
    assert_eq!(story.sent(), 3, "two reminders at most");
    assert_eq!(story.ends("send_reminder").await, ["done: sent", "done: sent"]);
    assert_eq!(story.app.value("select end_reason from outreaches").await, "the last reminder was sent");
    // A replay of everything that happened sends nothing and changes nothing.
    let before = story.app.dump().await;
    story.app.execute("update webhook_events set processed_at = null").await;
    story.jobs().await;
    assert_eq!((story.app.dump().await, story.sent()), (before, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_missed_calls_of_one_person_make_one_message() {
    let story = Story::new(&[("OUTREACH__PER_PERSON_PER_DAY", "9")]).await;
    for n in 0..10 {
        story.missed_call(&format!("c{n}")).await;
    }
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.sent(), 1);
    let ends = story.ends("start_outreach").await;
    assert_eq!(ends.iter().filter(|end| *end == "skipped: an outreach to this person is under way").count(), 9);
    // After an outage both reminders are due. They are not sent at once.
    story.pass(100);
    story.jobs().await;
    assert_eq!(story.sent(), 2);
    story.pass(100);
    story.jobs().await;
    assert_eq!(story.sent(), 3);
    // Once it is over, a new missed call begins a new one.
    story.missed_call("later").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    let before = story.sent();
    story.jobs().await;
    assert_eq!(story.sent(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_reached_or_has_written_meanwhile_is_left_in_peace() {
    for ending in ["answered before", "written before", "answered after", "written after"] {
        let story = Story::new(&[]).await;
        story.missed_call("c1").await;
        story.app.clock.advance(TimeDelta::minutes(1));
        match ending {
            "answered before" => story.call("c2", CALLER, "ended", true).await,
            "written before" => story.reply("hello").await,
            _ => {}
        }
        story.app.clock.advance(TimeDelta::minutes(1));
        story.jobs().await;
        if ending.ends_with("before") {
            assert_eq!(story.sent(), 0, "{ending}");
            assert!(story.ends("start_outreach").await[0].as_str().unwrap().starts_with("skipped: they "), "{ending}");
            continue;
        }
        assert_eq!(story.sent(), 1, "{ending}");
        match ending {
            "answered after" => story.call("c2", CALLER, "ended", true).await,
            _ => story.reply("yes please").await,
        }
        story.pass(100);
        story.jobs().await;
        story.pass(1);
        story.jobs().await;
        assert_eq!(story.sent(), 1, "{ending}");
        let ends = story.ends("send_reminder").await;
        assert!(ends.iter().all(|end| end.as_str().unwrap().starts_with("cancelled: ")), "{ending}: {ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_missed_long_ago_makes_no_message() {
    for (hours, sent) in [(23, 1), (25, 0)] {
        let story = Story::new(&[("OUTREACH__QUIET_HOURS", "")]).await;
        story.missed_call("c1").await;
        story.pass(hours);
        story.jobs().await;
        assert_eq!(story.sent(), sent, "{hours} hours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_nobodys_get_no_message() {
    let story = Story::new(&[]).await;
    story.app.execute("insert into phone_numbers (number, tenant_id) select '+15550100150', id from tenants").await;
    for (call_id, from) in [("withheld", "anonymous"), ("short", "12345"), ("ours", "+15550100150")] {
        story.call(call_id, from, "not_connected", false).await;
    }
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.sent(), 0);
    assert_eq!(story.ends("start_outreach").await, ["skipped: the caller's number is one of ours"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_and_caps_are_kept() {
    // Noon in UTC is 23:00 in Noumea, which knows no summer time.
    let story = Story::new(&[("OUTREACH__TIME_ZONE", "Pacific/Noumea"), ("OUTREACH__PER_PERSON_PER_DAY", "1")]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.sent(), 0);
    let due = story.app.value("select due_at from jobs").await;
    let due: DateTime<Utc> = due.as_str().unwrap().parse().unwrap();
    assert_eq!(due, "2026-11-01T21:00:00Z".parse::<DateTime<Utc>>().unwrap(), "eight in the morning there");
    assert_eq!(story.app.value("select attempts from jobs").await, 0);
    story.pass(9);
    story.jobs().await;
    assert_eq!(story.sent(), 1);
    // Another story of the same person on the same day.
    story.app.execute("update outreaches set ended_at = started_at").await;
    story.missed_call("c2").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.sent(), 1);
    let ends = story.ends("start_outreach").await;
    assert_eq!(ends[1], "skipped: the person's messages of a day are used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_within_the_window_and_the_template_where_it_is_closed_after_all() {
    let story = Story::new(&[("OUTREACH__TEXT", "Hello {name|there}, we missed your call.")]).await;
    story.reply("are you there?").await;
    story.app.clock.advance(TimeDelta::minutes(10));
    story.whatsapp.open_window(DIGITS);
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.whatsapp.accepted()[0]["text"]["body"], "Hello there, we missed your call.");

    let story = Story::new(&[("OUTREACH__TEXT", "Hello {name|there}, we missed your call.")]).await;
    story.reply("are you there?").await;
    story.app.clock.advance(TimeDelta::minutes(10));
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    let accepted = story.whatsapp.accepted();
    assert_eq!((accepted.len(), &accepted[0]["type"]), (1, &json!("template")), "refused as text, sent as template");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_sent_again() {
    let story = Story::new(&[]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.whatsapp.drop_next();
    story.jobs().await;
    story.pass(500);
    story.jobs().await;
    assert_eq!(story.sent(), 1, "it was sent, though nobody heard so");
    let ends = story.ends("start_outreach").await;
    assert!(ends[0].as_str().unwrap().contains("nobody knows whether it was sent"), "{ends:?}");
    assert_eq!(story.app.value("select unknown_outcomes from jobs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_perhaps_sent_stands_before_the_next_one_and_one_that_was_not_does_not() {
    for (is_lost, first) in [(true, "dead: WhatsApp: the connection broke"), (false, "dead: WhatsApp refused it")] {
        let story = Story::new(&[]).await;
        story.missed_call("c1").await;
        story.app.clock.advance(TimeDelta::minutes(2));
        if is_lost {
            story.whatsapp.drop_next();
        } else {
            // The last attempt of a line that was busy all the time.
            story.app.execute("update jobs set attempts = 11").await;
            story.whatsapp.answer_next(400, &[], json!({ "error": { "code": 130_429 } }));
        }
        story.jobs().await;
        story.missed_call("c2").await;
        story.app.clock.advance(TimeDelta::minutes(2));
        story.jobs().await;
        let ends = story.ends("start_outreach").await;
        assert!(ends[0].as_str().unwrap().starts_with(first), "{ends:?}");
        assert_eq!(ends[1], if is_lost { "skipped: an outreach to this person is under way" } else { "done: sent" });
        assert_eq!(story.sent(), 1, "lost: {is_lost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_for_a_while_is_sent_later_and_counts_once() {
    let story = Story::new(&[("OUTREACH__PER_PERSON_PER_DAY", "1")]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    let busy = json!({ "error": { "message": "(#130429)", "type": "OAuthException", "code": 130_429 } });
    story.whatsapp.answer_next(400, &[], busy);
    story.jobs().await;
    assert_eq!((story.sent(), story.app.value("select attempts from jobs").await), (0, json!(1)));
    story.app.clock.advance(TimeDelta::minutes(1));
    story.jobs().await;
    assert_eq!(story.sent(), 1);
    assert_eq!(story.app.value("select max(used)::int from allowances").await, 1, "what was refused is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_after_it_was_accepted_goes_the_same_way() {
    for (code, sent_in_the_end, end) in [
        (131_026, 1, "dead: whatsapp refuses it: recipient (131026)"),
        (131_047, 2, "done: sent again"),
        (131_016, 2, "done: sent again"),
    ] {
        let story = Story::new(&[]).await;
        story.missed_call("c1").await;
        story.app.clock.advance(TimeDelta::minutes(2));
        story.jobs().await;
        let row = story.app.rows("select to_jsonb(m) from messages m").await.remove(0);
        let (id, at) = (row["provider_message_id"].clone(), story.app.clock.now().timestamp().to_string());
        let job_id = row["job_id"].clone();
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages",
            "value": { "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": "15550100199", "phone_number_id": "106540352242922" },
                "statuses": [{ "id": id, "status": "failed", "timestamp": at, "recipient_id": DIGITS,
                    "biz_opaque_callback_data": job_id, "errors": [{ "code": code, "title": "x" }] }] } }] }] });
        story.app.post(providers::find("whatsapp").unwrap(), &body.to_string()).await.assert_outcome("accepted");
        story.jobs().await;
        assert_eq!(story.sent(), 1, "{code}: another device may yet report");
        story.pass(1);
        story.jobs().await;
        assert_eq!((story.sent(), story.ends("resend_message").await), (sent_in_the_end, vec![json!(end)]), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_stop_gets_nothing_more() {
    let story = Story::new(&[]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    let at = story.app.clock.now().timestamp().to_string();
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [{ "field": "messages",
        "value": { "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550100199", "phone_number_id": "106540352242922" },
            "contacts": [{ "profile": { "name": "Sam" }, "wa_id": DIGITS }],
            "messages": [{ "from": DIGITS, "id": "wamid.stop", "timestamp": at, "type": "text", "text": { "body": "STOP" } }]
        } }] }] });
    story.app.post(providers::find("whatsapp").unwrap(), &body.to_string()).await.assert_outcome("accepted");
    story.pass(200);
    story.jobs().await;
    story.pass(1);
    story.jobs().await;
    assert_eq!(story.sent(), 1, "no reminder");
    story.app.execute("update outreaches set ended_at = started_at").await;
    story.missed_call("c2").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!((story.sent(), &story.ends("start_outreach").await[1]), (1, &json!("skipped: they want no messages")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_decide_counts_over_what_somebody_said() {
    let story = Story::new(&[]).await;
    let database = story.app.value("current_database()").await;
    let url = url_of(database.as_str().unwrap());
    let decide = |arguments: &[&str]| {
        let all: Vec<&str> = ["leads", "do-not-contact"].iter().chain(arguments).copied().collect();
        let output = Binary::run(&url, &all);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(decide(&[CALLER]).0, 1, "nobody knows them");
    assert_eq!(decide(&[CALLER, "--tenant", "default"]), (0, "***0123 will not be written to\n".to_owned()));
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.ends("start_outreach").await, ["skipped: they want no messages"]);
    assert_eq!(story.app.value("select source from leads").await, "retell", "a platform's counts over a hand's");
    story.app.execute("update leads set opted_out = true, opted_out_rank = '2'").await;
    assert_eq!(decide(&["(555) 010-0123", "off"]).0, 0);
    story.missed_call("c2").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    assert_eq!(story.sent(), 1);
    assert_eq!(decide(&[CALLER, "auto"]).0, 0);
    assert_eq!(story.app.value("select opted_out_by_hand is null from leads").await, true);
    assert_eq!(story.app.value("select count(*) from operator_log where action = 'do_not_contact'").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_it_runs_dry_and_shows_what_it_would_have_sent() {
    let story = Story::new(&[("INTEGRATIONS__WHATSAPP__TOKEN", "")]).await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    let job = story.app.rows("select to_jsonb(j) from jobs j").await.remove(0);
    assert_eq!(job["outcome"], "skipped");
    let preview = job["preview"].as_str().unwrap();
    assert!(preview.contains("template missed_call") && !preview.contains(CALLER), "{preview}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_words_delays_and_senders_of_its_own() {
    let story = Story::new(&[]).await;
    story.whatsapp.approve("bienvenida", "es", 1);
    story
        .app
        .execute(
            r#"update tenants set outreach_delay = '10 minutes',
                settings = '{"integrations": {"whatsapp": {"template": "bienvenida", "language": "es"}},
                             "outreach": {"reminders": [], "template_parameters": ["{name|amigo}"]}}';
               insert into phone_numbers (number, tenant_id, sender) select '+15550100199', id, '555000111222' from tenants"#,
        )
        .await;
    story.missed_call("c1").await;
    story.app.clock.advance(TimeDelta::minutes(9));
    story.jobs().await;
    assert_eq!(story.sent(), 0);
    story.app.clock.advance(TimeDelta::minutes(1));
    story.jobs().await;
    let message = story.whatsapp.accepted().remove(0);
    assert_eq!(message.pointer("/template/name"), Some(&json!("bienvenida")));
    assert!(story.whatsapp.requests()[0].path.contains("555000111222"), "{}", story.whatsapp.requests()[0].path);
    assert_eq!(story.app.value("select count(*) from jobs where kind = 'send_reminder'").await, 0);
    // A mistake in them holds the messages back, and says which key it is.
    story.app.execute(r#"update tenants set settings = '{"outreach": {"delya": "1m"}}', outreach_delay = null"#).await;
    story.app.execute("update outreaches set ended_at = started_at").await;
    story.missed_call("c2").await;
    story.app.clock.advance(TimeDelta::minutes(2));
    story.jobs().await;
    let error = story.app.value("select last_error from jobs where settled_at is null").await;
    assert!(error.as_str().unwrap().contains("unknown key outreach.delya"), "{error}");
}
