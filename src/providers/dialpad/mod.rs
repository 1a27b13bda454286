//! Dialpad. Facts: `dialpad_api_spec.json` of dialpad-python-sdk (March 2026) and the pages "Call Events", "SMS
//! Events", "Agent Status Events", "Contact Events", "Change Log Events" and "Webhook delivery failures" of
//! developers.dialpad.com.
//!
//! There is no common envelope and no event id: the kinds of event are told apart by their fields. With a secret the
//! body itself is a JWT whose claims are the event. Dialpad never repeats what was answered with 4xx.

mod payload;
#[cfg(test)]
mod tests;
mod translate;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::crypto::{hmac_sha256, same};
use super::envelope::json_text;
use super::evidence::refusal;
use super::sample::samples;
use super::{Delivery, Envelope, Notes, Outgoing, Provider, Reader, Refusal, Sample};
use crate::dispatch::Registry;
use crate::domain::secret_strength::SecretMaker;
use crate::redact::Secret;

/// The platform.
#[derive(Debug)]
pub struct Dialpad;

/// How far Dialpad's clock may be from ours where the claims have a time (it documents none): a refused event is lost.
const LEEWAY_S: f64 = 60.0;

/// Every state of a call that Dialpad reports (`CallEventSubscription.call_states` of the API specification).
const CALL_STATES: &[&str] = &[
    "call.calling",
    "call.ringing",
    "call.preanswer",
    "call.queued",
    "call.connected",
    "call.hold",
    "call.merged",
    "call.parked",
    "call.barge",
    "call.monitor",
    "call.takeover",
    "call.eavesdrop",
    "call.hangup",
    "call.missed",
    "call.blocked",
    "call.postcall",
    "call.voicemail",
    "call.voicemail_uploaded",
    "call.recording",
    "call.admin",
    "call.admin_recording",
    "call.transcription",
    "call.call_transcription",
    "call.csat",
    "call.pcsat",
    "call.dispositions",
    "call.ai_playbook",
    "call.recap_summary",
    "call.recap_outcome",
    "call.recap_purposes",
    "call.recap_action_items",
];

/// The events of `{event_type, payload: {call}}`, which no Dialpad page has but some installations send.
const IN_HOUSE: &[&str] = &["call.started", "call.ring", "call.ended", "call.recording.completed"];

impl Provider for Dialpad {
    fn name(&self) -> &'static str {
        "dialpad"
    }

    /// The body is a compact JWT: HS256 over the segments as received, keyed with the secret's UTF-8 bytes. Plain JSON
    /// is no fallback, or leaving the signature away would be one.
    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, now: DateTime<Utc>) -> Result<(), Refusal> {
        if secret.expose().is_empty() {
            return Err(Refusal::NotProven("the secret is empty"));
        }
        let jwt = Jwt::split(delivery.body).ok_or(Refusal::NotProven("the body is not a compact JWT"))?;
        let header = jwt.header().ok_or(Refusal::NotProven("the JWT's header is not JSON in base64url"))?;
        if header.get("alg").and_then(Value::as_str) != Some("HS256") {
            return Err(Refusal::NotProven("the JWT's algorithm is not HS256"));
        }
        if header.get("crit").is_some() {
            return Err(Refusal::NotProven("the JWT demands an extension (RFC 7515, 4.1.11)"));
        }
        let signature =
            decode(jwt.signature).ok_or(Refusal::NotProven("the JWT's signature is not strict base64url"))?;
        if !same(&hmac_sha256(secret, &[jwt.signed.as_bytes()]), &signature) {
            return Err(Refusal::NotProven("the signature does not fit"));
        }
        jwt.in_time(now)
    }

    /// Dialpad does not say what media type it sends a JWT with: the bytes tell.
    fn accepts(&self, _media_type: Option<&str>) -> bool {
        true
    }

    fn read(&self, delivery: &Delivery<'_>) -> Result<String, Refusal> {
        match Jwt::split(delivery.body) {
            Some(jwt) => {
                let claims = decode(jwt.claims)
                    .ok_or_else(|| Refusal::Unreadable("the JWT's claims are not base64url".to_owned()))?;
                json_text(&claims)
            }
            None => json_text(delivery.body),
        }
    }

    fn secret_maker(&self) -> SecretMaker {
        SecretMaker::Us
    }

    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        let has = |key: &str| body.value(key).is_some();
        let at = body.time_ms("event_timestamp");
        if let (true, Some(state)) = (has("call_id"), body.text("state")) {
            let at = at.or_else(|| payload::happened_at(&state, &body));
            return Envelope::new(format!("call.{state}"), body.text("call_id"), at);
        }
        if has("message_status") || has("from_number") && has("to_number") {
            return match body.text("direction").as_deref() {
                Some(way @ ("inbound" | "outbound")) => {
                    let at = at.or_else(|| body.time_ms("created_date"));
                    Envelope::new(format!("sms.{way}"), body.text("id"), at)
                }
                _ => Envelope::unrecognized(),
            };
        }
        if has("on_duty_status") {
            let at = at.or_else(|| body.time_ms("date"));
            return Envelope::new("agent_status", body.object("target").text("id"), at);
        }
        if let (true, Some(what @ ("Created" | "Updated" | "Deleted"))) =
            (has("contact"), body.text("event").as_deref())
        {
            let id = body.object("contact").text("id");
            return Envelope::new(format!("contact.{}", what.to_ascii_lowercase()), id, at);
        }
        if has("action") && has("changed_by") {
            let at = at.or_else(|| body.time_ms("date"));
            return Envelope::new("change_log", body.object("target").text("id"), at);
        }
        if let Some(event_type) = body.text("event_type") {
            let call = body.object("payload").object("call");
            let at = at.or_else(|| payload::in_house_happened_at(&event_type, &call));
            return Envelope::new(event_type, call.text("id"), at);
        }
        Envelope::unrecognized()
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("dialpad")
            .on_each(CALL_STATES, translate::call)
            .on_each(IN_HOUSE, translate::in_house)
            .on_each(&["sms.inbound", "sms.outbound"], translate::sms)
            .on_each(&["contact.created", "contact.updated"], translate::contact)
            .on("unrecognized", translate::unrecognized)
            .ignore("contact.deleted", "a person who left the address book stays a lead")
            .ignore("agent_status", "whether one of us is on duty, about no call")
            .ignore("change_log", "a change of settings, about no call");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, _now: DateTime<Utc>) -> Outgoing {
        let Some(secret) = secret else {
            return Outgoing { body: body.to_owned(), content_type: "application/json", headers: Vec::new() };
        };
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body));
        let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, &[signed.as_bytes()]));
        Outgoing { body: format!("{signed}.{signature}"), content_type: "application/jwt", headers: Vec::new() }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "dialpad":
            "01_call_hangup_outbound.json",
            "02_call_hangup_inbound_unanswered.json",
            "03_sms_inbound.json",
            "04_call_ringing_blocked_internal.json",
            "05_call_calling.json",
            "06_call_ringing_inbound.json",
            "07_call_connected_operator_leg.json",
            "08_call_recording.json",
            "09_call_missed.json",
            "10_call_voicemail_uploaded.json",
            "11_contact_created.json",
            "12_agent_status.json",
            "13_sms_outbound_failed.json",
            "14_call_recap_summary.json",
            "15_call_transcription.json",
            "16_call_queued.json",
            "17_inhouse_call_started.json",
            "18_inhouse_call_ended.json",
            "derived_call_admin.json",
            "derived_call_admin_recording.json",
            "derived_call_ai_playbook.json",
            "derived_call_barge.json",
            "derived_call_blocked.json",
            "derived_call_call_transcription.json",
            "derived_call_csat.json",
            "derived_call_dispositions.json",
            "derived_call_eavesdrop.json",
            "derived_call_hold.json",
            "derived_call_merged.json",
            "derived_call_monitor.json",
            "derived_call_parked.json",
            "derived_call_pcsat.json",
            "derived_call_postcall.json",
            "derived_call_preanswer.json",
            "derived_call_recap_action_items.json",
            "derived_call_recap_outcome.json",
            "derived_call_recap_purposes.json",
            "derived_call_takeover.json",
            "derived_call_voicemail.json",
            "derived_change_log.json",
            "derived_contact_deleted.json",
            "derived_contact_updated.json",
            "derived_inhouse_call_recording_completed.json",
            "derived_inhouse_call_ring.json",
            "derived_unrecognized.json",
        )
    }
}

/// The three segments of a compact JWT, as received.
struct Jwt<'a> {
    /// Header and claims with the dot between: what is signed.
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Jwt<'a> {
    /// Three segments of base64url letters; the last may be empty. JSON never looks like that.
    fn split(body: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let letters = |segment: &str| segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let is_jwt = !header.is_empty() && letters(header) && letters(claims) && letters(signature);
        is_jwt.then_some(Self { signed, header, claims, signature })
    }

    fn header(&self) -> Option<Value> {
        serde_json::from_slice(&decode(self.header)?).ok()
    }

    /// `exp` and `nbf` where there are any. Claims that are no JSON have neither; reading them fails later, as 400.
    fn in_time(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let claims: Value =
            decode(self.claims).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let now_s = now.timestamp_millis() as f64 / 1000.0;
        let outside = |name: &str, is_outside: fn(f64, f64) -> bool| match claims.get(name) {
            None => false,
            // A time that is no number bounds nothing that we could keep.
            Some(time) => time.as_f64().is_none_or(|time| is_outside(now_s, time)),
        };
        // The signature fits: that was looked at before.
        let off = |name: &str, told| {
            let late_s = claims.get(name).and_then(Value::as_f64).map(|time| (now_s - time) as i64);
            refusal(true, told, late_s.and_then(TimeDelta::try_seconds))
        };
        if outside("exp", |now_s, exp| now_s >= exp + LEEWAY_S) {
            return Err(off("exp", "the JWT has expired"));
        }
        if outside("nbf", |now_s, nbf| now_s + LEEWAY_S < nbf) {
            return Err(off("nbf", "the JWT is not valid yet"));
        }
        Ok(())
    }
}

/// Strict: no padding, no spare bits, no other alphabet.
fn decode(segment: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}
