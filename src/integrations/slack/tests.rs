//! Against a stand-in that refuses what Slack refuses, and every sample of its errors.

use std::time::Duration;

use super::*;
use crate::integrations::stubs::SlackStub;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// Longer than any answer takes on a busy machine.
const PATIENT: Duration = Duration::from_secs(10);
const HASTY: Duration = Duration::from_secs(1);

fn client(webhook_url: &str, timeout: Duration) -> Client {
    let transport = Transport::new(timeout).unwrap();
    Client::new(&Settings { webhook_url: Secret::new(webhook_url) }, transport)
}

async fn post(slack: &SlackStub, text: &str) -> Result<(), Error> {
    client(&slack.webhook_url, PATIENT).post(&Spoken::new(text), NOW).await
}

async fn verdict_of(slack: &SlackStub) -> Verdict {
    post(slack, "a lead worth calling").await.unwrap_err().verdict()
}

#[actix_web::test]
async fn a_text_arrives_with_its_three_special_characters_escaped() {
    let slack = SlackStub::start().await;
    post(&slack, "*Cohen & Sons* <!channel> שלום").await.unwrap();
    assert_eq!(slack.texts(), ["*Cohen &amp; Sons* &lt;!channel&gt; שלום"]);
    assert_eq!(slack.requests()[0].json()["unfurl_links"], false);
}

#[actix_web::test]
async fn a_long_text_is_cut_and_never_within_an_entity() {
    let slack = SlackStub::start().await;
    post(&slack, &"&".repeat(TEXT_CHARS_MAX + 1)).await.unwrap();
    assert_eq!(slack.texts()[0], format!("{}…", "&amp;".repeat(TEXT_CHARS_MAX)));
}

#[actix_web::test]
async fn every_sample_has_its_verdict() {
    let slack = SlackStub::start().await;
    slack.play_next(include_str!("../../../tests/outbound/slack/01_send_ok.json"));
    post(&slack, "text").await.unwrap();
    for (file, verdict) in [
        (include_str!("../../../tests/outbound/slack/02_error_400_invalid_payload.json"), Verdict::Stop),
        (include_str!("../../../tests/outbound/slack/03_error_403_action_prohibited.json"), Verdict::Refused),
        (include_str!("../../../tests/outbound/slack/04_error_404_no_service.json"), Verdict::Refused),
        (include_str!("../../../tests/outbound/slack/05_error_410_channel_is_archived.json"), Verdict::Refused),
        (include_str!("../../../tests/outbound/slack/06_error_429.json"), Verdict::Wait(Duration::from_secs(30))),
        (include_str!("../../../tests/outbound/slack/07_error_500_rollup.json"), Verdict::Retry),
        (include_str!("../../../tests/outbound/slack/08_error_404_channel_not_found.json"), Verdict::Refused),
    ] {
        slack.play_next(file);
        assert_eq!(verdict_of(&slack).await, verdict, "{file}");
    }
}

#[actix_web::test]
async fn every_class_of_error_has_its_verdict() {
    let slack = SlackStub::start().await;
    let no_words = [
        (302, "", Verdict::Refused),
        (400, "something_new", Verdict::Stop),
        (403, "something_new", Verdict::Refused),
        (404, "<html>not slack</html>", Verdict::Refused),
        (405, "", Verdict::Refused),
        (429, "rate_limited", Verdict::Retry),
        (500, "oops", Verdict::Unknown),
        (503, "", Verdict::Unknown),
        (200, "{\"garbage\":true}", Verdict::Unknown),
        (204, "", Verdict::Unknown),
    ];
    for (status, body, verdict) in WORDS.iter().chain(&no_words) {
        slack.answer_next(*status, &[], body);
        assert_eq!(verdict_of(&slack).await, *verdict, "{status} {body}");
    }
}

#[actix_web::test]
async fn what_may_have_arrived_is_unknown_and_what_never_left_is_not() {
    let slack = SlackStub::start().await;
    slack.drop_next();
    assert_eq!(verdict_of(&slack).await, Verdict::Unknown);
    slack.hang_next();
    let error = client(&slack.webhook_url, HASTY).post(&Spoken::new("text"), NOW).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Unknown);
    assert_eq!(slack.requests().len(), 2);
    let error = client("http://127.0.0.1:1/services/a/b/c", PATIENT).post(&Spoken::new("text"), NOW).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Retry);
    let error = client("not a url", PATIENT).post(&Spoken::new("text"), NOW).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Refused);
}

#[test]
fn no_error_names_the_url_or_what_was_sent() {
    let error = Error::Refused { status: 404, word: "no_service" };
    assert_eq!(error.to_string(), "slack: status 404 no_service");
    let settings: Settings = serde_json::from_str("{\"webhook_url\": \"https://hooks.example.com/secret\"}").unwrap();
    assert!(settings.is_configured());
    let transport = Transport::new(Duration::from_secs(1)).unwrap();
    assert!(!format!("{settings:?} {:?}", Client::new(&settings, transport)).contains("secret"));
}
