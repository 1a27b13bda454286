//! Retell AI. Facts: retell-sdk 6.2.13 (`lib/webhook_auth.py`, `types/*`) and the docs pages "Retell webhooks
//! overview", "Secure the webhook" and "Inbound call & SMS webhook" of 2026.

mod live;
mod payload;
mod translate;

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::crypto::{hmac_sha256, same};
use super::evidence::refusal;
use super::function;
use super::sample::samples;
use super::{Acknowledgement, Delivery, Envelope, LiveRequests, Notes, Outgoing, Provider, Reader, Refusal, Sample};
use crate::crypto::hex;
use crate::dispatch::Registry;
use crate::domain::{Question, Told};
use crate::redact::Secret;

/// The platform.
#[derive(Debug)]
pub struct Retell;

/// How far `v=` may be from our clock, both ways; exactly this passes (SDK: `abs(now - v) > 300000` is refused).
const TOLERANCE_MS: u64 = 300_000;

impl Provider for Retell {
    fn name(&self) -> &'static str {
        "retell"
    }

    /// `X-Retell-Signature: v=<unix ms>,d=<64 lower-case hex>`, HMAC-SHA256 over the body and the decimal timestamp.
    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, now: DateTime<Utc>) -> Result<(), Refusal> {
        let header =
            delivery.header("x-retell-signature").ok_or(Refusal::NotProven("X-Retell-Signature is missing"))?;
        let (signed_ms, digest) =
            parse(header).ok_or(Refusal::NotProven("X-Retell-Signature is not v=<ms>,d=<64 hex digits>"))?;
        // The SDKs rebuild the number, so a leading zero in the header is not signed.
        let ours = hmac_sha256(secret, &[delivery.body, signed_ms.to_string().as_bytes()]);
        let fits = same(hex(&ours).as_bytes(), digest.as_bytes());
        let late_ms = now.timestamp_millis().saturating_sub(signed_ms);
        let told = match late_ms.unsigned_abs() > TOLERANCE_MS {
            true => "the signature's timestamp is more than five minutes away",
            false if fits => return Ok(()),
            false => "the signature does not fit",
        };
        Err(refusal(fits, told, TimeDelta::try_milliseconds(late_ms)))
    }

    /// Inbound webhooks and tools carry the same signature, which covers the body and the time, not the URL.
    fn live_requests(&self) -> LiveRequests {
        LiveRequests::Signed
    }

    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        let at = body.time_ms("event_timestamp");
        let Some(event) = body.text("event") else {
            // A custom function: `{name, args, call}` and no event.
            return function::envelope(payload).unwrap_or_else(Envelope::unrecognized);
        };
        let (subject, alternative) = match event.as_str() {
            "call_inbound" => (body.object("call_inbound").text("call_id"), None),
            "chat_inbound" => (body.object("chat_inbound").text("chat_id"), None),
            "alert_triggered" | "alert_resolved" => {
                let alert = body.object("alert");
                let key = if event == "alert_triggered" { "triggered_timestamp" } else { "resolved_timestamp" };
                (alert.text("alert_incident_id"), alert.time_ms(key))
            }
            event if event.starts_with("chat_") || payload::is_chat(&body) => {
                let chat = body.object("chat");
                (chat.text("chat_id"), payload::happened_at(event, &chat))
            }
            event => {
                let call = body.object("call");
                (call.text("call_id"), payload::happened_at(event, &call))
            }
        };
        Envelope::new(event, subject, at.or(alternative))
    }

    fn acknowledge(&self, payload: &Value) -> Acknowledgement {
        // An answer without overrides lets the number's own agent take the call.
        match payload.get("event").and_then(Value::as_str) {
            Some("call_inbound") => Acknowledgement::Fixed(json!({ "call_inbound": {} })),
            Some("chat_inbound") => Acknowledgement::Fixed(json!({ "chat_inbound": {} })),
            _ => Acknowledgement::Ours,
        }
    }

    fn question(&self, payload: &Value) -> Option<Question> {
        live::question(payload)
    }

    fn tell(&self, payload: &Value, told: &Told) -> Value {
        live::tell(payload, told)
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("retell")
            .on("call_started", translate::call_started)
            .on("call_ended", translate::call_ended)
            .on("call_analyzed", translate::call_ended)
            .on_each(
                &["transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended"],
                translate::call_ongoing,
            )
            .on("transcript_updated", translate::call_ongoing)
            .on("unrecognized", translate::unrecognized)
            .ignore("chat_started", "a text chat, not a call")
            .ignore("chat_ended", "a text chat, not a call")
            .ignore("chat_analyzed", "a text chat, not a call")
            .ignore("call_inbound", "a question before the call; the call itself is reported by call_started")
            .ignore("chat_inbound", "a question before the chat")
            .ignore("context_request", "a question before the call")
            .ignore("function", "done and answered during the call, in the transaction that stored it")
            .ignore("alert_triggered", "an alert of the Retell workspace, about no call in particular")
            .ignore("alert_resolved", "an alert of the Retell workspace, about no call in particular");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, now: DateTime<Utc>) -> Outgoing {
        let at = now.timestamp_millis();
        let headers = secret.map(|secret| {
            let digest = hmac_sha256(secret, &[body.as_bytes(), at.to_string().as_bytes()]);
            ("X-Retell-Signature".to_owned(), format!("v={at},d={}", hex(&digest)))
        });
        Outgoing { body: body.to_owned(), content_type: "application/json", headers: headers.into_iter().collect() }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "retell":
            "01_call_started_phone.json",
            "02_call_ended_docs_sample.json",
            "03_call_analyzed_full_phone.json",
            "04_call_analyzed_real_german_flow.json",
            "05_transfer_started_docs.json",
            "06_transcript_updated.json",
            "07_call_inbound_request.json",
            "10_chat_inbound_request.json",
            "11_custom_function_request.json",
            "12_alert_triggered.json",
            "13_call_analyzed_real_not_connected.json",
            "14_call_ended_web_call.json",
            "15_chat_analyzed.json",
            "16_call_ended_real_german_flow.json",
            "17_call_analyzed_custom_data_types.json",
            "18_call_ended_real_outbound.json",
            "19_call_inbound_request_2025.json",
            "derived_alert_resolved.json",
            "derived_chat_ended.json",
            "derived_chat_started.json",
            "derived_context_request.json",
            "derived_transfer_bridged.json",
            "derived_transfer_cancelled.json",
            "derived_transfer_ended.json",
            "derived_unrecognized.json",
        )
    }
}

/// `v=<digits>,d=<64 lower-case hex>` and nothing else.
fn parse(header: &str) -> Option<(i64, &str)> {
    let (v, d) = header.strip_prefix("v=")?.split_once(",d=")?;
    let decimal = !v.is_empty() && v.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = d.len() == 64 && d.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (decimal && hexadecimal).then_some((v.parse().ok()?, d))
}
