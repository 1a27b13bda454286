//! OpenAI: every published exchange against a server that checks what it is sent, the tables, lost answers, schemas.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Class, Client, Error, Request, Response, Settings, Usage, class_of};
use crate::integrations::stubs::openai::{API_KEY, MODEL, OpenAiStub, strict_schema_faults};
use crate::integrations::{Transport, TransportError, Verdict};
use crate::jobs::prompts;
use crate::redact::{Secret, Spoken};

/// Not in the order of the alphabet.
const SCHEMA: &str = concat!(
    r#"{"type":"object","properties":{"zeal":{"type":"string"},"age":{"type":["integer","null"]}},"#,
    r#""required":["zeal","age"],"additionalProperties":false}"#
);
/// What the published answers used.
const USED: Option<Usage> = Some(Usage { input_tokens: 412, cached_tokens: 0, output_tokens: 96 });

type Headers = &'static [(&'static str, &'static str)];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn settings(base_url: &str) -> Settings {
    Settings {
        base_url: base_url.to_owned(),
        api_key: Secret::new(API_KEY),
        model: MODEL.to_owned(),
        prompt_id: String::new(),
        max_output_tokens: 800,
        timeout: Duration::from_secs(10),
    }
}

fn client(settings: Settings) -> Client {
    Client::new(settings, Transport::new(Duration::from_secs(60)).unwrap())
}

fn request() -> Request<'static> {
    Request {
        instructions: "Tell the zeal.",
        stored_prompt: false,
        input: Spoken::new("I am on fire."),
        schema_name: "zeal",
        schema: SCHEMA,
        metadata: &[],
    }
}

/// A response whose status is `completed`, with these items.
fn completed(output: &Value) -> Value {
    json!({ "id": "resp_1", "status": "completed", "model": MODEL, "output": output, "usage": {
        "input_tokens": 412, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 96,
    }})
}

fn message(phase: &Value, parts: &Value) -> Value {
    json!({ "type": "message", "role": "assistant", "phase": phase, "content": parts })
}

fn text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text })
}

macro_rules! exchanges {
    ($($name:literal => $expected:expr),* $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../../tests/outbound/openai-responses/", $name, ".json")),
            $expected as Option<(Verdict, Option<Usage>)>,
        )),*]
    };
}

#[tokio::test]
async fn every_published_exchange_is_played() {
    let stub = OpenAiStub::start().await;
    let exchanges = exchanges![
        "01_prompt_json_schema" => None,
        "02_inline_instructions_json_schema" => None,
        "03_refusal" => Some((Verdict::Stop, USED)),
        "04_incomplete_truncated_json" => Some((Verdict::Stop, USED)),
        "05_failed_in_body" => Some((Verdict::Retry, None)),
        "06_error_429_rate_limit" => Some((Verdict::Wait(Duration::from_millis(1840)), None)),
        "07_error_429_insufficient_quota" => Some((Verdict::Refused, None)),
        "08_error_400_invalid_request" => Some((Verdict::Stop, None)),
        "09_error_401_invalid_key" => Some((Verdict::Refused, None)),
        "10_error_503_overloaded" => Some((Verdict::Wait(Duration::from_secs(10)), None)),
        "11_error_500" => Some((Verdict::Retry, None)),
        "12_error_404_prompt_gone" => Some((Verdict::Refused, None)),
    ];
    for (name, exchange, expected) in exchanges {
        let mut exchange: Value = serde_json::from_str(exchange).unwrap();
        let response = exchange["response"].take();
        let headers: Vec<_> = response["headers"].as_object().unwrap().iter().collect();
        let headers: Vec<_> =
            headers.into_iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        stub.answer_next(u16::try_from(response["status"].as_u64().unwrap()).unwrap(), &headers, &response["body"]);
        let published = &exchange["request"]["body"];
        let prompt = &published["prompt"];
        let settings =
            Settings { prompt_id: prompt["id"].as_str().unwrap_or_default().to_owned(), ..settings(&stub.base_url) };
        let schema = published["text"]["format"]["schema"].to_string();
        let words = [&published["input"][0]["content"][0]["text"], &prompt["variables"]["transcript"]];
        let outcome = client(settings)
            .respond(
                now(),
                &Request {
                    instructions: published["instructions"].as_str().unwrap_or("left out where a prompt is stored"),
                    stored_prompt: true,
                    input: Spoken::new(words.into_iter().find_map(Value::as_str).unwrap()),
                    schema_name: "call_summary",
                    schema: &schema,
                    metadata: &[("call_id", "20200728EXAMPLE")],
                },
            )
            .await;

        let sent = stub.requests().pop().unwrap().body;
        for key in ["model", "instructions", "input", "max_output_tokens", "store", "metadata"] {
            let expected = published.get(key).filter(|_| !prompt.is_object() || key != "input");
            assert!(expected.is_none() || sent.get(key) == expected, "{name}: {key}");
        }
        assert_eq!(sent["text"]["format"], published["text"]["format"], "{name}");
        assert_eq!(sent["prompt"]["id"], prompt["id"], "{name}");
        assert_eq!(sent.get("instructions").is_none(), prompt.is_object(), "{name}");
        match (outcome, expected) {
            (Ok(Response { output, model, usage, response_id }), None) => {
                assert_eq!(output.expose()["summary"], "הלקוח שאל על מחיר.", "{name}");
                assert_eq!(
                    (model.as_str(), usage, response_id.as_str()),
                    (MODEL, USED, "resp_0a1b2cEXAMPLE"),
                    "{name}"
                );
            }
            (Err(error), Some((verdict, usage))) => {
                assert_eq!((error.verdict(), error.usage()), (verdict, usage), "{name}: {error}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn every_refusal_has_its_class_and_every_class_its_verdict() {
    let verdicts = [
        (Class::Limited, Verdict::Retry),
        (Class::Overloaded, Verdict::Retry),
        (Class::Money, Verdict::Refused),
        (Class::Credentials, Verdict::Refused),
        (Class::Configuration, Verdict::Refused),
        (Class::Request, Verdict::Stop),
    ];
    for (class, verdict) in verdicts {
        assert_eq!(class.verdict(), verdict, "{class}");
    }
    let table: &[(Class, u16, &[&str])] = &[
        (Class::Request, 400, &["", "invalid_json_schema", "context_length_exceeded", "invalid_service_tier"]),
        (Class::Credentials, 401, &["", "invalid_api_key", "no_organization"]),
        (Class::Credentials, 403, &["", "unsupported_country_region_territory"]),
        (Class::Configuration, 404, &["", "model_not_found"]),
        (Class::Configuration, 301, &[""]),
        (Class::Request, 422, &[""]),
        (Class::Overloaded, 408, &[""]),
        (Class::Overloaded, 409, &[""]),
        (Class::Limited, 429, &["", "rate_limit_exceeded", "slow_down", "words_that_are_new"]),
        (Class::Money, 429, &["insufficient_quota", "credit_balance_exhausted", "project_spend_limit_reached"]),
        (Class::Overloaded, 500, &["", "server_error"]),
        (Class::Overloaded, 502, &["", "server_error"]),
        (Class::Overloaded, 504, &["", "server_error"]),
        (Class::Overloaded, 503, &["", "server_is_overloaded"]),
        (Class::Overloaded, 529, &[""]),
        // Inside a response that failed.
        (Class::Overloaded, 200, &["server_error"]),
        (Class::Limited, 200, &["rate_limit_exceeded"]),
        (Class::Request, 200, &["", "invalid_prompt", "data_residency_mismatch", "bio_policy"]),
        (Class::Request, 200, &["misalignment_policy_violation", "vector_store_timeout", "invalid_image"]),
    ];
    for (class, status, codes) in table {
        for code in *codes {
            assert_eq!(class_of(*status, code, "invalid_request_error"), *class, "{status} {code}");
        }
    }
    assert_eq!(class_of(429, "", "insufficient_quota"), Class::Money);
    assert_eq!(class_of(429, "a_finer_word", "insufficient_quota"), Class::Money);
    assert_eq!(class_of(429, "rate_limit_exceeded", "tokens"), Class::Limited);
}

#[tokio::test]
async fn the_wait_is_the_one_that_is_asked_for_within_reason() {
    let stub = OpenAiStub::start().await;
    let client = client(settings(&stub.base_url));
    let ms = |ms| Verdict::Wait(Duration::from_millis(ms));
    let cases: &[(u16, Headers, Verdict)] = &[
        (429, &[("retry-after-ms", "1840.5"), ("retry-after", "9")], Verdict::Wait(Duration::from_micros(1_840_500))),
        (429, &[("retry-after", "9"), ("x-ratelimit-reset-tokens", "1m0s")], ms(9000)),
        (429, &[("retry-after", "Mon, 21 Sep 2026 14:13:40 GMT")], ms(20_000)),
        (429, &[("retry-after", "Mon, 21 Sep 2026 14:00:00 GMT")], ms(1000)),
        (429, &[("retry-after-ms", "junk"), ("retry-after", "86400")], ms(3_600_000)),
        (
            429,
            &[
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "6m0s"),
                ("x-ratelimit-reset-requests", "12ms"),
            ],
            ms(360_000),
        ),
        (429, &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "12ms")], ms(1000)),
        (429, &[("x-ratelimit-remaining-requests", "7"), ("x-ratelimit-reset-requests", "6m0s")], Verdict::Retry),
        (429, &[], Verdict::Retry),
        (503, &[("x-ratelimit-reset-tokens", "1m0s")], Verdict::Retry),
        (500, &[("x-should-retry", "false")], Verdict::Stop),
        (400, &[("x-should-retry", "true")], Verdict::Retry),
        (401, &[("x-should-retry", "true"), ("retry-after", "1")], Verdict::Refused),
    ];
    for (status, headers, verdict) in cases {
        stub.answer_next(*status, headers, "<html>");
        let error = client.respond(now(), &request()).await.unwrap_err();
        assert_eq!(error.verdict(), *verdict, "{status} {headers:?}");
    }
}

#[tokio::test]
async fn the_text_is_that_of_the_final_messages() {
    let stub = OpenAiStub::start().await;
    let client = client(settings(&stub.base_url));
    let stop = Verdict::Stop;
    let refusal = json!({ "type": "refusal", "refusal": "no" });
    let (none, last, aside) = (Value::Null, json!("final_answer"), json!("commentary"));
    let parts = json!([text("{\"zeal\":"), { "type": "new" }, text("\"high\"}")]);
    let cases: Vec<(Value, Result<&str, Verdict>)> = vec![
        (completed(&json!([{ "type": "reasoning" }, message(&none, &parts)])), Ok("high")),
        (completed(&json!([message(&aside, &json!([text("let me see")])), message(&last, &parts)])), Ok("high")),
        (completed(&json!([message(&aside, &json!([refusal])), message(&last, &parts)])), Ok("high")),
        (
            completed(&json!([message(&none, &json!([text("{\"zeal\":")])), message(&last, &json!([text("\"a\"}")]))])),
            Ok("a"),
        ),
        (completed(&json!([message(&last, &json!([text("{}"), refusal]))])), Err(stop)),
        (completed(&json!([message(&aside, &parts)])), Err(Verdict::Unknown)),
        (completed(&json!([])), Err(Verdict::Unknown)),
        (completed(&json!([message(&none, &json!([text("[1]")]))])), Err(Verdict::Unknown)),
        (completed(&json!("text")), Err(Verdict::Unknown)),
        (json!({ "status": "incomplete", "incomplete_details": { "reason": "content_filter" } }), Err(stop)),
        (json!({ "status": "failed", "error": { "code": "rate_limit_exceeded" } }), Err(Verdict::Retry)),
        (json!({ "status": "failed", "error": { "code": "invalid_prompt" } }), Err(stop)),
        (json!({ "status": "failed", "error": { "code": "insufficient_quota" } }), Err(Verdict::Refused)),
        (json!({ "status": "failed", "error": null }), Err(stop)),
        (json!({ "status": "cancelled" }), Err(Verdict::Retry)),
        (json!({ "status": "queued" }), Err(Verdict::Unknown)),
        (json!({ "status": "in_progress" }), Err(Verdict::Unknown)),
        (json!({ "status": "+15550100123 said so" }), Err(Verdict::Unknown)),
        (json!("garbage"), Err(Verdict::Unknown)),
    ];
    for (body, expected) in cases {
        stub.answer_next(200, &[], &body);
        match (client.respond(now(), &request()).await, expected) {
            (Ok(response), Ok(zeal)) => assert_eq!(response.output.expose()["zeal"], zeal, "{body}"),
            (Err(error), Err(verdict)) => {
                assert_eq!(error.verdict(), verdict, "{body}");
                assert!(!error.to_string().contains("0123"), "{error}");
            }
            (outcome, _) => panic!("{body}: {outcome:?}"),
        }
    }
    stub.answer_next(200, &[], "<html>");
    assert_eq!(client.respond(now(), &request()).await.unwrap_err(), Error::Unreadable { usage: None });
    stub.answer_next(400, &[], json!({ "error": { "code": "call +15550100123 now", "message": "+15550100123" } }));
    assert!(!client.respond(now(), &request()).await.unwrap_err().to_string().contains("0123"));
}

#[tokio::test]
async fn the_schema_goes_out_in_its_own_order_and_nothing_more_than_needed() {
    let stub = OpenAiStub::start().await;
    let unbound = client(Settings { max_output_tokens: 0, ..settings(&stub.base_url) });
    let response = unbound.respond(now(), &request()).await.unwrap();
    assert_eq!(response.output.expose(), &json!({ "zeal": "(stub)", "age": null }));
    let printed = format!("{response:?} {:?} {:?}", request(), unbound.settings());
    assert!(!printed.contains("stub)") && !printed.contains("fire") && !printed.contains(API_KEY), "{printed}");
    let seen = stub.requests().remove(0);
    assert!(seen.text.contains(SCHEMA), "{}", seen.text);
    let keys: Vec<_> = seen.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["input", "instructions", "model", "store", "text"]);
    stub.answer_with("zeal", json!({ "zeal": "none" }));
    assert_eq!(unbound.respond(now(), &request()).await.unwrap().output.expose()["zeal"], "none");

    // A stored prompt only where the request allows it; then it may bring the model along.
    let stored = client(Settings { prompt_id: "pmpt_1".to_owned(), model: String::new(), ..settings(&stub.base_url) });
    stored.respond(now(), &Request { stored_prompt: true, ..request() }).await.unwrap();
    let error = stored.respond(now(), &request()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Refused);
    let error = unbound.respond(now(), &Request { schema: "{", ..request() }).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop);
    assert_eq!(stub.requests().len(), 3);
    let error = unbound.respond(now(), &Request { schema: r#"{"type":"object"}"#, ..request() }).await.unwrap_err();
    assert!(error.to_string().contains("invalid_json_schema"), "{error}");
    let stranger = client(Settings { api_key: Secret::new("sk-other"), ..settings(&stub.base_url) });
    assert_eq!(stranger.respond(now(), &request()).await.unwrap_err().verdict(), Verdict::Refused);
    assert!(!Settings { api_key: Secret::default(), ..settings("") }.is_configured() && settings("").is_configured());
}

#[tokio::test]
async fn our_schemas_are_strict() {
    let stub = OpenAiStub::start().await;
    let client = client(settings(&stub.base_url));
    for prompt in [prompts::ANALYZE_CALL, prompts::ANALYZE_LEAD] {
        let schema = serde_json::from_str(prompt.schema).unwrap();
        assert_eq!(strict_schema_faults(&schema), Vec::<String>::new(), "{}", prompt.name);
        let request = Request {
            instructions: prompt.instructions,
            schema_name: prompt.name,
            schema: prompt.schema,
            metadata: &[("call", "1")],
            ..request()
        };
        client.respond(now(), &request).await.unwrap();
    }
    let object = |property: Value| json!({ "type": "object", "properties": { "a": property }, "required": ["a"], "additionalProperties": false });
    let optional = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": [],
        "additionalProperties": false });
    for spoilt in [
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "object", "properties": {}, "required": [] }),
        optional.clone(),
        object(optional),
        object(json!({})),
        object(json!({ "type": "array" })),
        object(json!({ "type": "integer", "minimum": 0 })),
        object(json!({ "$ref": "#/$defs/b" })),
    ] {
        assert_eq!(strict_schema_faults(&spoilt).len(), 1, "{spoilt}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_no_connection_is_not() {
    let stub = OpenAiStub::start().await;
    let hasty = client(Settings { timeout: Duration::from_millis(400), ..settings(&stub.base_url) });
    stub.drop_next();
    let error = hasty.respond(now(), &request()).await.unwrap_err();
    assert_eq!((error.verdict(), error), (Verdict::Unknown, Error::Transport(TransportError::Broken)));
    stub.hang_next();
    let error = hasty.respond(now(), &request()).await.unwrap_err();
    assert_eq!((error.verdict(), error), (Verdict::Unknown, Error::Transport(TransportError::TimedOut)));
    assert!(stub.requests().len() == 2 && stub.requests().iter().all(|seen| seen.accepted));

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(settings(&format!("http://{nobody}"))).respond(now(), &request()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Retry);
}
