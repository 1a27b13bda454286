//! Voicenter. Facts: Voicenter's own documents on GitHub (`docs/skills/{cdr-notification, popup-screen, call-log,
//! external-layer}`), VoicenterWebSDK (`CdrRequest.json`, `libs/*`) and www.voicenter.com/API.
//!
//! Voicenter signs nothing: the URL is the secret. It posts a CDR once a call is over, and, where configured, tells a
//! popup screen of every ring. Either comes as JSON, as a form or as a query, so values may be texts throughout, and
//! no field but the id is certain.

mod payload;
#[cfg(test)]
mod tests;
mod translate;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::envelope::json_text;
use super::evidence::shared_token;
use super::sample::samples;
use super::{Acknowledgement, Delivery, Envelope, Notes, Outgoing, Provider, Reader, Refusal, Sample, query};
use crate::dispatch::Registry;
use crate::domain::secret_strength::SecretMaker;
use crate::redact::Secret;
use payload::Kind;

/// The platform.
#[derive(Debug)]
pub struct Voicenter;

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// Query parameters that are not the event's: our proof of the sender, and a mark that people put into the URL.
const NOT_OF_THE_EVENT: &[&str] = &["token", "src"];

impl Provider for Voicenter {
    fn name(&self) -> &'static str {
        "voicenter"
    }

    /// An Israeli operator.
    fn home_region(&self) -> Option<&'static str> {
        Some("IL")
    }

    fn signs(&self) -> bool {
        false
    }

    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, _now: DateTime<Utc>) -> Result<(), Refusal> {
        shared_token(delivery, secret)
    }

    fn accepts(&self, media_type: Option<&str>) -> bool {
        media_type.is_none_or(|media_type| {
            matches!(media_type, FORM | "application/octet-stream" | "text/plain") || media_type.ends_with("json")
        })
    }

    /// The older popup screen is a GET.
    fn reads_query(&self) -> bool {
        true
    }

    /// JSON whatever the media type says, else a form; without a body the query.
    fn read(&self, delivery: &Delivery<'_>) -> Result<String, Refusal> {
        let body = delivery.body.trim_ascii_start();
        match body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body) {
            [] if !delivery.query.is_empty() => form(delivery.query, NOT_OF_THE_EVENT),
            [b'<', ..] => Err(Refusal::Unreadable("XML-RPC is not read; choose JSON in the panel".to_owned())),
            [b'{' | b'[', ..] | [] => json_text(delivery.body),
            body if body.contains(&b'=') => form(&String::from_utf8_lossy(body), &[]),
            _ => json_text(delivery.body),
        }
    }

    fn secret_maker(&self) -> SecretMaker {
        SecretMaker::Us
    }

    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let body = payload::lower_keys(payload);
        let body = Reader::new(&body, &notes);
        match payload::kind(&body) {
            Some(Kind::Cdr) => Envelope::new("cdr", payload::ivr_id(&body), payload::times(&body).ended),
            Some(Kind::Popup(word)) => {
                let at = match word.as_str() {
                    "talking" => body.time_s("callanswered"),
                    // The end of a call is not in it.
                    "hangup" => None,
                    _ => body.time_s("callstarted"),
                };
                Envelope::new(format!("popup.{word}"), payload::ivr_id(&body), at)
            }
            Some(Kind::ExternalLayer) => {
                Envelope::new("external_layer", body.object("data").text("IVR_UNIQUE_ID"), None)
            }
            // Many calls of many times.
            Some(Kind::CallLog) => Envelope::new("call_log", None, None),
            None => Envelope::unrecognized(),
        }
    }

    fn acknowledge(&self, payload: &Value) -> Acknowledgement {
        let notes = Notes::default();
        let body = payload::lower_keys(payload);
        match payload::kind(&Reader::new(&body, &notes)) {
            Some(Kind::Cdr | Kind::CallLog) => Acknowledgement::Fixed(json!({ "Err": 0, "Errdesc": "OK" })),
            Some(Kind::Popup(_)) => Acknowledgement::Fixed(
                json!({ "STATUS": "OK", "URL": "", "CLIENTNAME": "", "TOTAL": "", "COMPANY": "" }),
            ),
            // No routing action of ours: the call goes its way.
            Some(Kind::ExternalLayer) => Acknowledgement::Fixed(json!({ "STATUS": 1 })),
            None => Acknowledgement::Ours,
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("voicenter")
            .on("cdr", translate::cdr)
            .on("call_log", translate::call_log)
            .on_each(&["popup.dialing", "popup.ringing", "popup.talking", "popup.hangup"], translate::popup)
            .on("unrecognized", translate::unrecognized)
            .ignore("external_layer", "a question of the IVR during the call; the call itself is reported by the CDR");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, _now: DateTime<Utc>) -> Outgoing {
        Outgoing {
            body: body.to_owned(),
            content_type: if body.trim_start().starts_with(['{', '[']) { "application/json" } else { FORM },
            headers: secret
                .map(|secret| ("X-Webhook-Token".to_owned(), secret.expose().to_owned()))
                .into_iter()
                .collect(),
        }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "voicenter":
            "01_cdr_incoming_answer_ivr_string.json",
            "02_cdr_extension_outgoing_answer.json",
            "03_cdr_queue_answer_ivr_array.json",
            "04_cdr_incoming_answer_aidata.json",
            "05_cdr_incoming_noanswer_thirdparty.json",
            "06_cdr_queue_abandone.json",
            "07_popup_ringing.json",
            "08_popup_get_query.txt",
            "09_external_layer_request.json",
            "10_cdr_form_busy.txt",
            "11_cdr_outgoing_sparse.json",
            "12_cdr_click2call_leg1.json",
            "13_cdr_click2call_leg2.json",
            "14_cdr_voicemail.json",
            "15_popup_talking.json",
            "16_popup_hangup.json",
            "17_calllog_camelcase_envelope.json",
            "derived_cdr_inhouse_mix.json",
            "derived_popup_dialing.json",
            "derived_unrecognized.json",
        )
    }
}

/// A form or a query as the JSON object that it means: texts throughout. What is not UTF-8 becomes U+FFFD.
fn form(text: &str, without: &[&str]) -> Result<String, Refusal> {
    let fields: Map<String, Value> = query::pairs(text.trim())
        .filter(|(name, _)| !name.is_empty() && !without.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    if fields.is_empty() {
        return Err(Refusal::Unreadable("neither a body nor a query with fields".to_owned()));
    }
    Ok(Value::Object(fields).to_string())
}
