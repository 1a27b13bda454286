//! Results, and what becomes of them; answers that break their bounds.

use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::translate::{call_analyzed, lead_analyzed};
use crate::domain::{AnalysisReport, LeadStage, Sentiment, Weight};
use crate::inbox::Event;
use crate::redact::{Email, Hidden, PersonName};

fn event(payload: &Value) -> Event {
    Event {
        payload_removed: false,
        id: Uuid::from_u128(1),
        connection_id: Uuid::from_u128(2),
        tenant_id: Some(Uuid::from_u128(3)),
        provider: "switchhook".to_owned(),
        event_type: "result".to_owned(),
        external_event_id: "external".to_owned(),
        occurred_at: Some(DateTime::UNIX_EPOCH),
        received_at: DateTime::UNIX_EPOCH,
        attempts: 0,
        campaign_rank: None,
        connection_region: None,
        tenant_region: None,
        tenant_outreach_delay_ms: None,
        payload: Hidden::new(payload.to_string()),
    }
}

fn of_call(analysis: &Value) -> AnalysisReport {
    let payload = json!({
        "call": { "provider": "retell", "provider_call_id": "c1" }, "phone": "+15550100001", "source": "openai",
        "qualified_score": 70.0, "analysis": analysis,
    });
    call_analyzed(&event(&payload)).unwrap().analyses.remove(0)
}

#[test]
fn an_individual_analysis() {
    let report = of_call(&json!({
        "summary": "They want two.", "outcome": "sale", "name": "Sam Sample", "email": "sam@example.com",
        "sentiment": "mixed", "behaviour": { "certainty": 7 }, "lead_score": 71,
    }));
    assert_eq!(report.call, Some(("retell".to_owned(), "c1".to_owned())));
    assert_eq!(report.name, Some((Weight::WHOLE, PersonName::new("Sam Sample"))));
    assert_eq!(report.email, Some((Weight::WHOLE, Email::new("sam@example.com"))));
    assert_eq!((report.stage, report.analysis.score), (Some(LeadStage::Qualified), Some(71.0)));
    assert_eq!((report.analysis.sentiment, report.analysis.successful), (Some(Sentiment::Neutral), Some(true)));
    assert_eq!(report.profile, Some(Hidden::new(json!({ "certainty": 7 }))));
}

#[test]
fn an_answer_out_of_its_bounds_is_brought_back() {
    let report =
        of_call(&json!({ "lead_score": 1_000, "topics": vec!["x"; 99], "behaviour": "strong", "outcome": {} }));
    assert_eq!(report.analysis.score, Some(100.0));
    assert_eq!(report.analysis.data.unwrap().expose()["topics"].as_array().unwrap().len(), 10);
    assert_eq!((report.profile, report.analysis.successful), (None, None));
    assert_eq!(of_call(&json!({ "lead_score": 69 })).stage, None);
    assert_eq!(of_call(&json!([])).analysis.score, None);
}

#[test]
fn a_complete_analysis_says_what_was_counted() {
    let payload = json!({
        "phone": "+15550100001", "counted": { "interactions": 2, "average_score": 70.5 },
        "analysis": { "interactions": 99, "average_score": 1.0, "overall_sentiment": "positive", "summary": "Ready." },
    });
    let report = lead_analyzed(&event(&payload)).unwrap().analyses.remove(0);
    let data = report.analysis.data.unwrap();
    assert_eq!((data.expose()["interactions"].as_i64(), report.analysis.score), (Some(2), Some(70.5)));
    assert_eq!((report.call, report.analysis.sentiment), (None, Some(Sentiment::Positive)));
    assert!(lead_analyzed(&event(&json!({ "analysis": {} }))).is_err(), "about nobody");
}
