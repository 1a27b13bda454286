//! ElevenLabs Agents. Facts: elevenlabs 2.78.0 (`webhooks_custom.py`, `types/*`), elevenlabs-js 2.73.0
//! (`wrapper/webhooks.js`), the docs pages "Post-call webhooks", "Webhooks", "OpenTelemetry traces" and "Twilio
//! personalization" of 2026, and captures of 2025 and 2026.

mod payload;
mod translate;

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::crypto::{hmac_sha256, same};
use super::evidence::refusal;
use super::sample::samples;
use super::{
    Acknowledgement, Attachment, Delivery, Envelope, LiveRequests, Notes, Outgoing, OwnArguments, Provider, Reader,
    Refusal, Sample, function, sha256_hex,
};
use crate::crypto::hex;
use crate::dispatch::Registry;
use crate::domain::{Party, Question, Told};
use crate::redact::Secret;

/// The platform.
#[derive(Debug)]
pub struct ElevenLabs;

/// How old a signature may be; exactly this passes. There is no limit for the future (both SDKs).
const TOLERANCE_S: i64 = 1800;

impl Provider for ElevenLabs {
    fn name(&self) -> &'static str {
        "elevenlabs"
    }

    /// `ElevenLabs-Signature: t=<unix s>,v0=<64 lower-case hex>`, HMAC-SHA256 over the timestamp as written, a full
    /// stop and the body.
    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, now: DateTime<Utc>) -> Result<(), Refusal> {
        let header = delivery
            .header("elevenlabs-signature")
            .filter(|header| !header.is_empty())
            .ok_or(Refusal::NotProven("ElevenLabs-Signature is missing"))?;
        let (written, signed_s) =
            timestamp(header).ok_or(Refusal::NotProven("ElevenLabs-Signature has no t=<unix seconds>, or several"))?;
        let ours = hex(&hmac_sha256(secret, &[written.as_bytes(), b".", delivery.body]));
        let mut digests = header.split(',').filter_map(|part| part.strip_prefix("v0=")).peekable();
        let has_digest = digests.peek().is_some();
        // Of several, the Python SDK takes the last and the JavaScript one the first; each is a proof by itself.
        let fits = digests.any(|digest| same(ours.as_bytes(), digest.as_bytes()));
        let late_s = now.timestamp().saturating_sub(signed_s);
        let told = match late_s > TOLERANCE_S {
            true => "the signature is more than thirty minutes old",
            false if !has_digest => "ElevenLabs-Signature has no v0=<64 hex digits>",
            false if fits => return Ok(()),
            false => "the signature does not fit",
        };
        Err(refusal(fits, told, TimeDelta::try_seconds(late_s)))
    }

    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        if let Some(event_type) = body.text("type") {
            let subject = body.object("data").text("conversation_id");
            return Envelope::new(event_type, subject, body.time_s("event_timestamp"));
        }
        if let Some(event_type) = body.text("event") {
            // The flat form: no source of ElevenLabs has it, relays write it.
            return Envelope::new(event_type, body.text("conversation_id"), payload::flat_ended_at(&body));
        }
        match is_initiation(&body) {
            true => Envelope::new("conversation_initiation", body.text("call_sid"), None),
            false => function::envelope(payload).unwrap_or_else(Envelope::unrecognized),
        }
    }

    /// The audio of `post_call_audio`, which is base64 in the JSON. What is no base64 stays where it is.
    fn detach(&self, payload: &mut Value) -> Option<Attachment> {
        if payload.get("type")? != payload::AUDIO {
            return None;
        }
        let data = payload.get_mut("data")?.as_object_mut()?;
        let bytes = BASE64.decode(data.get("full_audio")?.as_str()?).ok().filter(|bytes| !bytes.is_empty())?;
        data.remove("full_audio");
        data.insert("audio_bytes".to_owned(), json!(bytes.len()));
        data.insert("audio_sha256".to_owned(), json!(sha256_hex(&bytes)));
        Some(Attachment { media_type: "audio/mpeg", bytes })
    }

    fn acknowledge(&self, payload: &Value) -> Acknowledgement {
        let notes = Notes::default();
        match is_initiation(&Reader::new(payload, &notes)) {
            // An answer without variables lets the agent take the call as it is configured.
            true => Acknowledgement::Fixed(
                json!({ "type": "conversation_initiation_client_data", "dynamic_variables": {} }),
            ),
            false => Acknowledgement::Ours,
        }
    }

    fn question(&self, payload: &Value) -> Option<Question> {
        if let Some(call) = function::read(payload) {
            return Some(Question::Function(call));
        }
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        is_initiation(&body).then(|| {
            Question::Caller(Party {
                phone: body.phone("caller_id"),
                claimed_phone: None,
                our_number: body.phone("called_number"),
                agent_id: body.text("agent_id"),
                agent_name: None,
                call_id: body.text("call_sid"),
            })
        })
    }

    /// Neither the initiation webhook nor a tool carries the signature of the post-call webhook ("Twilio
    /// personalization"): one configures headers.
    fn live_requests(&self) -> LiveRequests {
        LiveRequests::Unsigned
    }

    /// The system variables, which a tool's parameter takes in place of the model's words.
    fn own_arguments(&self) -> &'static OwnArguments {
        &OwnArguments {
            caller: &["system__caller_id"],
            ours: &["system__called_number"],
            call_id: &["system__conversation_id"],
            agent: &["system__agent_id", "system__current_agent_id"],
        }
    }

    fn tell(&self, _payload: &Value, told: &Told) -> Value {
        let mut answer = json!({
            "type": "conversation_initiation_client_data",
            "dynamic_variables": told.variables.expose(),
        });
        if let Some(message) = &told.first_message {
            answer["conversation_config_override"] = json!({ "agent": { "first_message": message } });
        }
        answer
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("elevenlabs")
            .on("post_call_transcription", translate::transcription)
            .on("post_call_transcription_otel", translate::traces)
            .on(payload::AUDIO, translate::audio)
            .on("call_initiation_failure", translate::initiation_failure)
            .on("conversation.ended", translate::flat)
            .on("unrecognized", translate::unrecognized)
            .ignore(
                "conversation_initiation",
                "a question before the call; the call itself is reported when it is over",
            )
            .ignore("function", "done and answered during the call, in the transaction that stored it")
            .ignore(
                "answering_machine_detection",
                "what it says has no documented form; post_call_transcription says how the call came out",
            )
            .ignore("unredacted_transcript", "the twin of post_call_transcription, which is kept as redacted")
            .ignore("unredacted_audio", "the twin of post_call_audio, which is kept as redacted")
            .ignore("voice_removal_notice", "about a voice of the library, not a call")
            .ignore("voice_removal_notice_withdrawn", "about a voice of the library, not a call")
            .ignore("voice_removed", "about a voice of the library, not a call");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, now: DateTime<Utc>) -> Outgoing {
        let at = now.timestamp().to_string();
        let headers = secret.map(|secret| {
            let digest = hmac_sha256(secret, &[at.as_bytes(), b".", body.as_bytes()]);
            ("ElevenLabs-Signature".to_owned(), format!("t={at},v0={}", hex(&digest)))
        });
        Outgoing { body: body.to_owned(), content_type: "application/json", headers: headers.into_iter().collect() }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "elevenlabs":
            "01_transcription_docs_2026.json",
            "02_audio_docs.json",
            "03_call_initiation_failure_twilio_docs.json",
            "04_call_initiation_failure_sip_docs.json",
            "05_transcription_real_twilio_inbound_2025_11.json",
            "06_transcription_real_data_collection_2025_11.json",
            "07_conversation_initiation_request.json",
            "09_transcription_otel_docs.json",
            "10_transcription_tools_sip.json",
            "11_transcription_docs_2025_03.json",
            "12_transcription_real_greeting_only_2025_11.json",
            "13_flat_conversation_ended.json",
            "14_transcription_status_failed.json",
            "15_call_initiation_failure_bare.json",
            "derived_answering_machine_detection.json",
            "derived_audio_valid_base64.json",
            "derived_function.json",
            "derived_unrecognized.json",
            "derived_unredacted_audio.json",
            "derived_unredacted_transcript.json",
            "derived_voice_removal_notice.json",
            "derived_voice_removal_notice_withdrawn.json",
            "derived_voice_removed.json",
        )
    }
}

/// `t=`: as written, which is what was signed, and as a number. Something else than digits would never grow old.
fn timestamp(header: &str) -> Option<(&str, i64)> {
    let mut found = header.split(',').filter_map(|part| part.strip_prefix("t="));
    let written = found.next().filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    // With several it would be open which of them was signed.
    found.next().is_none().then_some((written, written.parse().ok()?))
}

/// "Twilio personalization": the request for the variables of an inbound call has neither a type nor a signature.
fn is_initiation(body: &Reader<'_>) -> bool {
    let has = |key| body.value(key).is_some();
    !has("type") && !has("event") && !has("args") && has("caller_id") && has("agent_id") && has("called_number")
}
