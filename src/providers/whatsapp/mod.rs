//! WhatsApp Cloud API. Facts: developers.facebook.com "Webhooks", "messages", "user_preferences", "smb_message_echoes"
//! and "Business-scoped user IDs" of 2026; WhatsApp-Nodejs-SDK `src/utils.ts`.
//!
//! Before Meta sends anything it asks by GET whether the URL is ours. Then one POST may hold several entries, changes,
//! messages and statuses; it is one event, which reports on each of them. It has no id of its own, so it is known by its
//! digest. Meta sends again for seven days what was not answered, perhaps put together in another way: then it is
//! another event, and the messages in it merge with themselves.

mod payload;
#[cfg(test)]
mod tests;
mod translate;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::crypto::{hmac_sha256, same, sha256_hex};
use super::sample::samples;
use super::{Delivery, Envelope, Handshake, Notes, Outgoing, Provider, Reader, Refusal, Sample, query};
use crate::crypto::hex;
use crate::dispatch::Registry;
use crate::redact::Secret;

/// The platform.
#[derive(Debug)]
pub struct WhatsApp;

/// Longest challenge that is given back; Meta's are a dozen digits.
const MAX_CHALLENGE_BYTES: usize = 1_024;
/// Digits of a subject: 96 bits, as of the digest of an event's text.
const SUBJECT_DIGITS: usize = 24;

impl Provider for WhatsApp {
    fn name(&self) -> &'static str {
        "whatsapp"
    }

    /// `X-Hub-Signature-256: sha256=<64 lower-case hex>`, HMAC-SHA256 over the body with the secret of the Meta app. It is
    /// made over the bytes as sent, in which Meta escapes what is not ASCII. No time is signed: a delivery that is sent
    /// again is a duplicate.
    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, _now: DateTime<Utc>) -> Result<(), Refusal> {
        let header =
            delivery.header("x-hub-signature-256").ok_or(Refusal::NotProven("X-Hub-Signature-256 is missing"))?;
        let digest =
            header.strip_prefix("sha256=").ok_or(Refusal::NotProven("X-Hub-Signature-256 is not sha256=<hex>"))?;
        match same(hex(&hmac_sha256(secret, &[delivery.body])).as_bytes(), digest.as_bytes()) {
            true => Ok(()),
            false => Err(Refusal::NotProven("the signature does not fit")),
        }
    }

    fn shakes_hands(&self) -> bool {
        true
    }

    /// `?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`, in any order.
    fn handshake(&self, query: &str) -> Option<Result<Handshake, Refusal>> {
        let hub = |name: &str| query::pairs(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let (mode, challenge, token) = (hub("hub.mode"), hub("hub.challenge"), hub("hub.verify_token"));
        if mode.is_none() && challenge.is_none() && token.is_none() {
            return None;
        }
        Some(match (mode.as_deref(), challenge, token) {
            (Some("subscribe"), Some(challenge), Some(token)) if challenge.len() <= MAX_CHALLENGE_BYTES => {
                Ok(Handshake { token: Secret::new(token), challenge })
            }
            _ => Err(Refusal::NotProven("hub.mode=subscribe, hub.challenge and hub.verify_token were expected")),
        })
    }

    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let changes = payload::changes(&Reader::new(payload, &notes));
        let Some(event_type) = payload::event_type(&changes) else { return Envelope::unrecognized() };
        let items = || changes.iter().flat_map(payload::items);
        // What a delivery tells of has happened by the time of its last item.
        let occurred_at = items().filter_map(|item| item.time_s("timestamp")).max();
        // By its digest: Meta's ids hold the person's number in base64, and an event keeps its subject when a person is
        // erased.
        let subject = items().find_map(|item| payload::subject(&item));
        let subject = subject.map(|id| sha256_hex(id.as_bytes())[..SUBJECT_DIGITS].to_owned());
        Envelope::new(event_type, subject, occurred_at)
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("whatsapp")
            .on_each(payload::READ, translate::delivery)
            .on("unrecognized", translate::unrecognized)
            .ignore("account_update", "about the business account, about no message")
            .ignore("message_template_status_update", "about a template, about no message")
            .ignore("calls", "calls by WhatsApp are not read");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, _now: DateTime<Utc>) -> Outgoing {
        let headers = secret.map(|secret| {
            let digest = hmac_sha256(secret, &[body.as_bytes()]);
            ("X-Hub-Signature-256".to_owned(), format!("sha256={}", hex(&digest)))
        });
        Outgoing { body: body.to_owned(), content_type: "application/json", headers: headers.into_iter().collect() }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "whatsapp":
            "01_text.json",
            "02_text_hebrew.json",
            "03_status_failed.json",
            "derived_account_update.json",
            "derived_batch.json",
            "derived_button_stop.json",
            "derived_calls.json",
            "derived_edit.json",
            "derived_interactive.json",
            "derived_message_template_status_update.json",
            "derived_reaction.json",
            "derived_revoke.json",
            "derived_smb_message_echoes.json",
            "derived_status_delivered.json",
            "derived_status_opted_out.json",
            "derived_status_played.json",
            "derived_status_read.json",
            "derived_status_sent.json",
            "derived_system.json",
            "derived_text_start.json",
            "derived_text_stop.json",
            "derived_unrecognized.json",
            "derived_unsupported.json",
            "derived_user_preferences.json",
            "derived_username.json",
        )
    }
}
