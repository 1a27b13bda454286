//! Bolna. Facts: the docs pages "Polling call status webhooks", "Get execution", "List phone call status",
//! "Auto-retry", "Security" and "Workflow webhooks" of 2026, bolna-ai/skills `references/execution-payload.md`, and
//! captures of 2025 and 2026.

mod payload;
mod translate;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::evidence::shared_token;
use super::sample::samples;
use super::{
    Delivery, Envelope, LiveRequests, Notes, Outgoing, OwnArguments, Provider, Reader, Refusal, Sample, function, query,
};
use crate::dispatch::Registry;
use crate::domain::secret_strength::SecretMaker;
use crate::domain::{Party, Question, Told};
use crate::redact::Secret;
use payload::Execution;

/// The platform.
#[derive(Debug)]
pub struct Bolna;

/// The one event of the workflow product that is documented.
const WORKFLOW_ENDED: &str = "execution.terminal";
/// Our name for the question that the inbound tab's URL is asked by GET.
const CALLER_LOOKUP: &str = "caller_lookup";
/// What that question says.
const LOOKUP_KEYS: [&str; 3] = ["contact_number", "agent_id", "execution_id"];

impl Provider for Bolna {
    fn name(&self) -> &'static str {
        "bolna"
    }

    /// Bolna has no signature ("Security" says so in so many words).
    fn signs(&self) -> bool {
        false
    }

    fn check(&self, delivery: &Delivery<'_>, secret: &Secret, _now: DateTime<Utc>) -> Result<(), Refusal> {
        shared_token(delivery, secret)
    }

    /// Its caller look-up and its tools carry a bearer token or headers of one's own.
    fn live_requests(&self) -> LiveRequests {
        LiveRequests::Unsigned
    }

    fn secret_maker(&self) -> SecretMaker {
        SecretMaker::Us
    }

    /// There is no event name: a delivery is the execution record, sent once for each status, and the status is what
    /// tells them apart. The webhook before a tool runs is the same record with the status `in-progress`.
    fn envelope(&self, payload: &Value) -> Envelope {
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        if body.text("event").as_deref() == Some(WORKFLOW_ENDED) {
            let id = body.text("execution_id");
            let mut envelope = Envelope::new(WORKFLOW_ENDED, id.clone(), body.time_ms("occurred_at"));
            // "Resend": the execution id stays the same and is the key.
            envelope.event_id = id.map(|id| format!("{id}:{WORKFLOW_ENDED}"));
            return envelope;
        }
        if body.text("event").as_deref() == Some(CALLER_LOOKUP) {
            return Envelope::new(CALLER_LOOKUP, body.text("execution_id"), None);
        }
        if let Some(envelope) = function::envelope(payload) {
            return envelope;
        }
        let execution = Execution::new(body.clone());
        match (execution.status(), execution.id()) {
            (None, _) => Envelope::unrecognized(),
            (Some(_), None) if body.value("batch_id").is_some() => {
                Envelope::new("batch", body.text("batch_id"), execution.occurred_at())
            }
            (Some(status), id) => Envelope::new(status, id, execution.occurred_at()),
        }
    }

    fn question(&self, payload: &Value) -> Option<Question> {
        if let Some(call) = function::read(payload) {
            return Some(Question::Function(call));
        }
        let notes = Notes::default();
        let body = Reader::new(payload, &notes);
        (body.text("event").as_deref() == Some(CALLER_LOOKUP)).then(|| {
            Question::Caller(Party {
                phone: body.phone("contact_number"),
                agent_id: body.text("agent_id"),
                call_id: body.text("execution_id"),
                ..Party::default()
            })
        })
    }

    /// A plus is a plus here: it begins a telephone number.
    fn lookup(&self, query: &str) -> Option<String> {
        let mut asked = Map::new();
        for (key, value) in query::pairs_with_plus(query) {
            if LOOKUP_KEYS.contains(&key.as_str()) {
                asked.insert(key, json!(value));
            }
        }
        if asked.is_empty() {
            return None;
        }
        asked.insert("event".to_owned(), json!(CALLER_LOOKUP));
        Some(Value::Object(asked).to_string())
    }

    /// What Bolna adds to the parameters of a custom function.
    fn own_arguments(&self) -> &'static OwnArguments {
        &OwnArguments {
            caller: &["from_number", "user_number"],
            ours: &["to_number", "agent_number"],
            call_id: &["execution_id"],
            agent: &["agent_id"],
        }
    }

    /// All of it goes into the prompt.
    fn tell(&self, _payload: &Value, told: &Told) -> Value {
        json!(told.variables.expose())
    }

    fn register(&self, registry: &mut Registry) {
        registry
            .provider("bolna")
            .on_each(
                &["scheduled", "rescheduled", "prepared", "queued", "initiated", "ringing", "in-progress"],
                translate::ongoing,
            )
            .on("call-disconnected", translate::disconnected)
            .on_each(
                &["completed", "no-answer", "busy", "failed", "canceled", "stopped", "error", "balance-low"],
                translate::finished,
            )
            .on("unrecognized", translate::unrecognized)
            .ignore(CALLER_LOOKUP, "a question before the call; the call itself is reported by its execution")
            .ignore("function", "done and answered during the call, in the transaction that stored it")
            .ignore("batch", "about a batch; each call of it is reported by its own execution")
            .ignore(WORKFLOW_ENDED, "about a workflow; its calls are reported by their own executions");
    }

    fn sign(&self, body: &str, secret: Option<&Secret>, _now: DateTime<Utc>) -> Outgoing {
        let token = secret.map(|secret| ("X-Webhook-Token".to_owned(), secret.expose().to_owned()));
        Outgoing { body: body.to_owned(), content_type: "application/json", headers: token.into_iter().collect() }
    }

    fn samples(&self) -> &'static [Sample] {
        samples!(
            "bolna":
            "01_completed_docs_get_execution.json",
            "02_completed_docs_status_page.json",
            "03_completed_sample_activepieces.json",
            "04_busy_real_2025_08.json",
            "05_call_disconnected_real_2025_08.json",
            "06_completed_real_hindi_inbound_2026_01.json",
            "07_completed_hindi_outbound_2026_01.json",
            "08_scheduled_retry_docs.json",
            "09_in_progress_pre_call_transfer.json",
            "10_sequence_1_initiated.json",
            "11_sequence_2_ringing.json",
            "12_sequence_3_in_progress.json",
            "13_sequence_4_call_disconnected.json",
            "14_sequence_5_completed.json",
            "15_no_answer_rejected.json",
            "16_extraction_docs_execution_id.json",
            "derived_balance_low.json",
            "derived_batch.json",
            "derived_caller_lookup.json",
            "derived_canceled.json",
            "derived_error.json",
            "derived_execution_terminal.json",
            "derived_failed.json",
            "derived_function.json",
            "derived_prepared.json",
            "derived_queued.json",
            "derived_rescheduled.json",
            "derived_stopped.json",
            "derived_unrecognized.json",
        )
    }
}
