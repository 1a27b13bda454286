//! `fold` in Rust and the ON CONFLICT in SQL are the same function, and it commutes: held together by random pieces.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use switchhook::domain::{
    Analysis, AnalyticsRow, CallRow, CallStatus, CompleteRow, Cost, Direction, Disposition, Durations, Hangup, LeadRow,
    LeadStage, MessageRow, MessageStatus, Ranked, RecordingKind, RecordingRow, Sentiment, Transcript, Turn, Weight,
    Writes,
};
use switchhook::redact::{Email, Hidden, PersonName, Phone, Spoken};
use switchhook::store;
use uuid::Uuid;

use crate::support::{Dice, TestApp};

/// Few values, so that they often meet and tie.
fn word() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.6, "[a-cא]{0,2}")
}

fn phone() -> impl Strategy<Value = Option<Phone>> {
    word().prop_map(|word| word.map(Phone::new))
}

fn time() -> impl Strategy<Value = Option<DateTime<Utc>>> {
    proptest::option::weighted(
        0.7,
        // Of one millisecond, too: ranks hold no less, columns do.
        (0_i64..2, 0_i64..3).prop_map(|(millis, micros)| {
            DateTime::from_timestamp_micros(1_788_254_100_000_000 + millis * 1_000 + micros).unwrap()
        }),
    )
}

fn few() -> impl Strategy<Value = Option<i64>> {
    proptest::option::weighted(0.7, 0_i64..3)
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.7, proptest::sample::select(all))
}

fn ranked<T: serde::Serialize + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<Ranked<T>>> {
    proptest::option::weighted(
        0.7,
        (1_u8..5, time(), value).prop_map(|(weight, at, value)| Ranked::new(Weight(weight), at, value)),
    )
}

fn spoken() -> impl Strategy<Value = Spoken> {
    "[a-c]{0,2}".prop_map(Spoken::new)
}

fn analysis() -> impl Strategy<Value = Analysis> {
    let score = proptest::option::of((0_u8..3).prop_map(f64::from));
    (proptest::option::of(spoken()), one_of(Sentiment::ALL), proptest::option::of(any::<bool>()), score, word())
        .prop_map(|(summary, sentiment, successful, score, data)| Analysis {
            summary,
            sentiment,
            successful,
            score,
            data: data.map(|data| Hidden::new(serde_json::json!({ "k": data }))),
        })
}

fn call() -> impl Strategy<Value = CallRow> {
    let words = (word(), phone(), phone(), phone(), phone(), phone(), phone(), word(), word(), word());
    let enums = (one_of(Direction::ALL), one_of(CallStatus::ALL), one_of(Disposition::ALL));
    let times = (time(), time(), time(), time());
    let transcript = (spoken(), spoken()).prop_map(|(text, turn)| Transcript {
        text,
        turns: vec![Turn { role: "user".to_owned(), text: turn, at_ms: None }],
    });
    let groups = (
        ranked("[a-c]{0,2}"),
        ranked((few(), few()).prop_map(|(total_ms, talk_ms)| Durations { total_ms, talk_ms })),
        ranked((word(), word()).prop_map(|(by, reason)| Hangup { by, reason })),
        ranked("[a-c]{0,2}"),
        ranked(transcript),
        ranked(analysis()),
        ranked((0_u8..3).prop_map(|n| Cost { amount: f64::from(n), unit: "credits" })),
    );
    (words, enums, times, groups).prop_map(|(words, enums, times, groups)| CallRow {
        id: Uuid::from_u128(7),
        tenant_id: Uuid::from_u128(1),
        provider: "retell".to_owned(),
        provider_call_id: "c1".to_owned(),
        parent_call_id: words.0,
        from_raw: words.1,
        from_number: words.2,
        to_raw: words.3,
        to_number: words.4,
        our_number: words.5,
        contact_number: words.6,
        agent_id: words.7,
        agent_name: words.8.map(PersonName::new),
        campaign_rank: words.9.map(|word| format!("{}:{}", word.len(), Uuid::from_u128(word.len() as u128))),
        direction: enums.0,
        status: enums.1,
        disposition: enums.2,
        initiated_at: times.0,
        ringing_at: times.1,
        answered_at: times.2,
        ended_at: times.3,
        provider_status: groups.0,
        durations: groups.1,
        hangup: groups.2,
        recording_url: groups.3,
        transcript: groups.4,
        analysis: groups.5,
        cost: groups.6,
    })
}

fn lead() -> impl Strategy<Value = LeadRow> {
    let source = (1_u8..3, time(), "[a-c]{1,2}").prop_map(|(weight, at, word)| Ranked::new(Weight(weight), at, word));
    let profile = ranked((0_u8..3).prop_map(|n| Hidden::new(serde_json::json!({ "certainty": n }))));
    let (name, email) = ("[a-c]{0,2}".prop_map(PersonName::new), "[a-c]{0,2}".prop_map(Email::new));
    let opted_out = proptest::option::of((time(), any::<bool>()).prop_map(|(at, value)| Ranked::latest(at, value)));
    (time(), ranked(name), ranked(email), source, one_of(LeadStage::ALL), profile, opted_out).prop_map(
        |(first_seen_at, name, email, source, stage, profile, opted_out)| LeadRow {
            id: Uuid::from_u128(8),
            tenant_id: Uuid::from_u128(1),
            phone: Phone::new("+15550100001"),
            first_seen_at,
            name,
            email,
            source,
            stage,
            profile,
            opted_out,
        },
    )
}

fn analytics() -> impl Strategy<Value = AnalyticsRow> {
    (phone(), 1_u8..4, time(), analysis()).prop_map(|(phone, weight, at, analysis)| AnalyticsRow {
        tenant_id: Uuid::from_u128(1),
        call_id: Uuid::from_u128(7),
        phone,
        source: "retell".to_owned(),
        analysis: Ranked::new(Weight(weight), at, analysis),
    })
}

fn recording() -> impl Strategy<Value = RecordingRow> {
    let kind = proptest::sample::select(RecordingKind::ALL);
    (kind, word(), proptest::option::of(0_i64..3), time()).prop_map(|(kind, url, duration_ms, started_at)| {
        RecordingRow {
            id: Uuid::from_u128(10),
            tenant_id: Uuid::from_u128(1),
            call_id: Uuid::from_u128(7),
            kind,
            url,
            duration_ms,
            started_at,
        }
    })
}

fn message() -> impl Strategy<Value = MessageRow> {
    let kind = (
        proptest::sample::select(&["sms", "whatsapp"][..]),
        proptest::sample::select(&[Direction::Inbound, Direction::Outbound][..]),
    );
    let job = proptest::option::of((0_u128..3).prop_map(Uuid::from_u128));
    (kind, phone(), phone(), phone(), ranked(spoken()), one_of(MessageStatus::ALL), word(), time(), job).prop_map(
        |((channel, direction), from_number, to_number, contact_number, body, status, error, sent_at, job_id)| {
            MessageRow {
                id: Uuid::from_u128(11),
                tenant_id: Uuid::from_u128(1),
                provider: "dialpad".to_owned(),
                provider_message_id: "m1".to_owned(),
                channel,
                direction,
                from_number,
                to_number,
                contact_number,
                body,
                status,
                error,
                sent_at,
                job_id,
            }
        },
    )
}

/// Takes rows apart and together: each piece a statement in this order, in the reverse order and each twice; all
/// folded into one statement; all must leave the same row.
async fn same_every_way<R: Clone + std::fmt::Debug>(
    strategy: impl Strategy<Value = R>,
    fold: impl Fn(R, R) -> R,
    writes: impl Fn(R) -> Writes,
) {
    let app = TestApp::spawn().await;
    let mut app = app;
    // A call without its events breaks the invariants, and that is not what is looked at here.
    app.allow_broken_rows();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut dice = Dice::new(1);
    for _ in 0..120 {
        let pieces: Vec<R> =
            (0..2 + dice.below(4)).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
        let one = pieces.iter().cloned().reduce(&fold).unwrap();
        let folded = write_all(&app, [writes(one)]).await;
        let forth = write_all(&app, pieces.iter().cloned().map(&writes)).await;
        let back_and_twice = pieces.iter().rev().chain(pieces.iter()).cloned().map(&writes);
        let back_and_twice = write_all(&app, back_and_twice).await;
        assert_eq!(folded, forth, "fold in Rust and ON CONFLICT differ for {pieces:?}");
        assert_eq!(forth, back_and_twice, "the order or the repetition counts for {pieces:?}");
    }
}

async fn write_all(app: &TestApp, all: impl IntoIterator<Item = Writes>) -> Value {
    app.clear().await;
    let mut connection = app.pool.acquire().await.unwrap();
    for writes in all {
        store::write(&mut connection, &writes).await.unwrap();
    }
    app.dump().await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_merge_alike() {
    same_every_way(call(), CallRow::fold, |row| Writes { calls: vec![row], ..Writes::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_merge_alike() {
    same_every_way(lead(), LeadRow::fold, |row| Writes { leads: vec![row], ..Writes::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_merge_alike() {
    same_every_way(analytics(), AnalyticsRow::fold, |row| Writes { analytics: vec![row], ..Writes::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_merge_alike() {
    same_every_way(recording(), RecordingRow::fold, |row| Writes { recordings: vec![row], ..Writes::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_merge_alike() {
    same_every_way(message(), MessageRow::fold, |row| Writes { messages: vec![row], ..Writes::default() }).await;
}

fn complete() -> impl Strategy<Value = CompleteRow> {
    (1_u8..4, time(), analysis()).prop_map(|(weight, at, analysis)| CompleteRow {
        lead_id: Uuid::from_u128(8),
        tenant_id: Uuid::from_u128(1),
        phone: Phone::new("+15550100001"),
        source: "openai".to_owned(),
        // A complete analysis never says whether the call was successful: there is none.
        analysis: Ranked::new(Weight(weight), at, Analysis { successful: None, ..analysis }),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_analyses_merge_alike() {
    same_every_way(complete(), CompleteRow::fold, |row| Writes { complete: vec![row], ..Writes::default() }).await;
}
