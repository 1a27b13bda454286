//! The wire format: the execution record, read field by field ("Get execution"; captures have more keys, and any may
//! be null, empty or absent).

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::super::person::{self, Person};
use super::super::{Reader, sanitize};
use crate::domain::{
    Analysis, CallStatus, Direction, Disposition, Durations, Hangup, RecordingKind, RecordingReport, Transcript, Turn,
};
use crate::redact::{Hidden, Phone, Spoken};

/// No call is longer; what says so is a mistake of the sender.
const LONGEST_CALL_MS: i64 = 86_400_000;

/// An execution record.
pub(super) struct Execution<'a> {
    pub(super) body: Reader<'a>,
    pub(super) telephony: Reader<'a>,
}

impl<'a> Execution<'a> {
    pub(super) fn new(body: Reader<'a>) -> Self {
        let telephony = body.object("telephony_data");
        Self { body, telephony }
    }

    /// `execution_id` is what one page of the docs writes for `id`; either may be a number.
    pub(super) fn id(&self) -> Option<String> {
        self.body.text("id").or_else(|| self.body.text("execution_id"))
    }

    /// Which attempt this is. An auto-retry goes on under the same id with `retry_count` raised.
    pub(super) fn attempt(&self) -> i64 {
        self.body.integer("retry_count").unwrap_or(0).max(0)
    }

    /// The status in one spelling: older pages write `balance_low` for `balance-low`.
    pub(super) fn status(&self) -> Option<String> {
        self.body.text("status").map(|status| status.to_ascii_lowercase().replace(['_', ' '], "-"))
    }

    /// How far the call has come.
    pub(super) fn lifecycle(&self) -> Option<CallStatus> {
        Some(match self.status()?.as_str() {
            "scheduled" | "rescheduled" | "prepared" => CallStatus::Scheduled,
            "queued" => CallStatus::Queued,
            "initiated" => CallStatus::Initiated,
            "ringing" => CallStatus::Ringing,
            "in-progress" => CallStatus::InProgress,
            _ => CallStatus::Ended,
        })
    }

    /// When the record was last changed: of an intermediate status, when it was reached.
    pub(super) fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.body.time_ms("updated_at")
    }

    /// When this delivery's news happened.
    pub(super) fn occurred_at(&self) -> Option<DateTime<Utc>> {
        let keys = ["updated_at", "initiated_at", "created_at", "scheduled_at"];
        keys.iter().find_map(|key| self.body.time_ms(key))
    }

    /// When this attempt was begun. A retry keeps `created_at`, and perhaps for a while `initiated_at`, of the first
    /// attempt, but cannot begin before the time that it was scheduled for.
    pub(super) fn began_at(&self) -> Option<DateTime<Utc>> {
        let initiated = self.body.time_ms("initiated_at");
        match self.attempt() {
            0 => initiated.or_else(|| self.body.time_ms("created_at")),
            _ => initiated.max(self.body.time_ms("scheduled_at")),
        }
    }

    /// When the call was taken, going by how long it took to dial and ring; only from a known beginning.
    pub(super) fn taken_at(&self) -> Option<DateTime<Utc>> {
        self.body.value("initiated_at")?;
        let rang_ms = self.telephony.seconds_as_ms("ring_duration")?;
        let dialled_ms = self.telephony.seconds_as_ms("post_dial_delay").unwrap_or(0);
        after(self.began_at()?, dialled_ms.checked_add(rang_ms)?)
    }

    /// When the conversation that a `call-disconnected` has just ended began, which is never before it was taken.
    pub(super) fn conversation_began_at(&self) -> Option<DateTime<Utc>> {
        after(self.updated_at()?, -self.talk_ms().filter(|ms| *ms > 0)?)
    }

    /// When the call was over, from a record that was completed minutes later: the beginning and what followed it, as
    /// far as that is known. It may come out too early (nobody says how long it rang) but not too late, so that the
    /// time of a `call-disconnected`, which is exact, wins over it: the latest does.
    pub(super) fn ended_at_by_durations(&self) -> Option<DateTime<Utc>> {
        let updated_at = self.updated_at();
        let Some(began_at) = self.began_at() else { return updated_at };
        let parts = [
            self.telephony.seconds_as_ms("post_dial_delay"),
            self.telephony.seconds_as_ms("ring_duration"),
            self.total_ms().filter(|ms| *ms > 0).or_else(|| self.talk_ms()),
        ];
        let took_ms = parts.into_iter().flatten().fold(0, i64::saturating_add);
        match (after(began_at, took_ms), updated_at) {
            (Some(ended_at), Some(updated_at)) => Some(ended_at.min(updated_at)),
            (ended_at, updated_at) => ended_at.or(updated_at),
        }
    }

    /// How long, with the whole once the carrier has said it: until then `duration` is "0.0".
    pub(super) fn durations(&self, is_final: bool) -> Option<Durations> {
        let total_ms = self.total_ms().filter(|ms| is_final || *ms > 0);
        Some(Durations { total_ms, talk_ms: self.talk_ms() }).filter(|durations| *durations != Durations::default())
    }

    pub(super) fn direction(&self) -> Option<Direction> {
        match self.telephony.text("call_type")?.to_ascii_lowercase().as_str() {
            "inbound" => Some(Direction::Inbound),
            "outbound" => Some(Direction::Outbound),
            _ => None,
        }
    }

    /// Our number: `agent_number` goes by role, not by direction.
    pub(super) fn our_number(&self) -> Option<Phone> {
        self.body.phone("agent_number")
    }

    /// Their number. The recipient of an inbound call is we.
    pub(super) fn contact_number(&self) -> Option<Phone> {
        let recipient = || match self.direction() {
            Some(Direction::Inbound) => None,
            _ => self.body.object("context_details").phone("recipient_phone_number"),
        };
        self.body.phone("user_number").or_else(recipient).filter(|number| Some(number) != self.our_number().as_ref())
    }

    /// Who calls whom: as the carrier says, else by role and direction.
    pub(super) fn caller_and_called(&self) -> (Option<Phone>, Option<Phone>) {
        let (caller, called) = match self.direction() {
            Some(Direction::Inbound) => (self.contact_number(), self.our_number()),
            Some(Direction::Outbound) => (self.our_number(), self.contact_number()),
            _ => (None, None),
        };
        (self.telephony.phone("from_number").or(caller), self.telephony.phone("to_number").or(called))
    }

    /// How the call came out. `completed` says that everything is filled in, not that somebody talked; until then
    /// only what the other side said shows that it was taken.
    pub(super) fn disposition(&self) -> Option<Disposition> {
        let status = self.status()?;
        if self.body.boolean("answered_by_voice_mail") == Some(true) {
            return Some(Disposition::Voicemail);
        }
        let talk_ms = self.talk_ms();
        let has_user = self.transcript().is_some_and(|talk| talk.turns.iter().any(|turn| turn.role == "user"));
        let talked = match status.as_str() {
            "completed" => talk_ms.is_some_and(|ms| ms > 0) || has_user || (talk_ms.is_none() && self.has_transcript()),
            _ => has_user && talk_ms != Some(0),
        };
        if talked {
            return Some(Disposition::Answered);
        }
        let by_reason = || by_reason(&self.telephony.text("hangup_reason")?);
        match status.as_str() {
            "completed" => by_reason().or(talk_ms.map(|_| Disposition::NoAnswer)),
            "no-answer" => by_reason().or(Some(Disposition::NoAnswer)),
            "failed" | "error" => by_reason().or(Some(Disposition::Failed)),
            "balance-low" => Some(Disposition::Failed),
            "busy" => Some(Disposition::Busy),
            "canceled" | "stopped" => Some(Disposition::Canceled),
            _ => None,
        }
    }

    /// Who hung up and why. `Caller` and `Callee` go by direction, as from and to do.
    pub(super) fn hangup(&self) -> Option<Hangup> {
        let reason = self.telephony.text("hangup_reason").or_else(|| self.body.text("error_message"));
        let by = self.telephony.text("hangup_by");
        let by = match (by.unwrap_or_default().to_ascii_lowercase().as_str(), reason.as_deref(), self.direction()) {
            (_, Some("llm_prompted_hangup" | "inactivity_timeout"), _) => Some("agent"),
            ("caller", _, Some(Direction::Inbound)) | ("callee", _, Some(Direction::Outbound)) => Some("contact"),
            ("caller", _, Some(Direction::Outbound)) | ("callee", _, Some(Direction::Inbound)) => Some("agent"),
            ("carrier" | "plivo" | "twilio" | "exotel" | "vobiz", ..) => Some("carrier"),
            ("error" | "api request", ..) => Some("platform"),
            _ => None,
        };
        Some(Hangup { by: by.map(str::to_owned), reason }).filter(|hangup| *hangup != Hangup::default())
    }

    /// The recording; its link is an empty text until the record is completed.
    pub(super) fn recording(&self) -> Option<RecordingReport> {
        let url = self.telephony.text("recording_url").filter(|url| url.starts_with("http"))?;
        Some(RecordingReport {
            kind: RecordingKind::Call,
            // A signature in the query would make the same recording another one each time.
            key: url.split('?').next().unwrap_or(&url).to_owned(),
            stored: None,
            url: Some(url),
            duration_ms: self.total_ms().filter(|ms| *ms > 0),
            started_at: None,
        })
    }

    /// `transcript`: lines of `assistant: …` and `user: …`; a line without a speaker goes on with the one before.
    pub(super) fn transcript(&self) -> Option<Transcript> {
        let text = self.body.spoken("transcript")?;
        let mut turns: Vec<(&str, String)> = Vec::new();
        for line in text.expose().lines() {
            match (speaker(line), turns.last_mut()) {
                (Some((role, said)), _) => turns.push((role, said.trim().to_owned())),
                (None, Some((_, said))) => said.extend(["\n", line.trim()]),
                (None, None) => {}
            }
        }
        let turns = turns
            .into_iter()
            .filter(|(_, said)| !said.trim().is_empty())
            .map(|(role, said)| Turn { role: role.to_owned(), text: Spoken::new(said), at_ms: None })
            .collect();
        Some(Transcript { text, turns })
    }

    /// The summary, and what the agent was told to extract: flat in older agents, by category in newer ones.
    pub(super) fn analysis(&self) -> Option<Analysis> {
        let mut data = Map::new();
        for key in ["extracted_data", "agent_extraction", "custom_extractions"] {
            if let Some(value) = self.body.value(key).map(unwrap_json).filter(is_filled) {
                data.insert(key.to_owned(), value);
            }
        }
        let data = (!data.is_empty()).then(|| Hidden::new(Value::Object(data)));
        Some(Analysis { summary: self.body.spoken("summary"), data, ..Analysis::default() })
            .filter(|analysis| *analysis != Analysis::default())
    }

    /// Who they are, as they said or as the batch's list has it.
    pub(super) fn person(&self) -> Person {
        let said = self.analysis().and_then(|analysis| analysis.data);
        let known = self.body.object("context_details").value("recipient_data");
        person::find(said.as_ref().map(Hidden::expose), known)
    }

    fn has_transcript(&self) -> bool {
        self.body.text("transcript").is_some()
    }

    fn total_ms(&self) -> Option<i64> {
        self.telephony.seconds_as_ms("duration")
    }

    /// `conversation_time` is the older name.
    fn talk_ms(&self) -> Option<i64> {
        self.body.seconds_as_ms("conversation_duration").or_else(|| self.body.seconds_as_ms("conversation_time"))
    }
}

/// What `hangup_reason`, which is free text in practice, says more exactly than the status.
fn by_reason(reason: &str) -> Option<Disposition> {
    let reason = reason.to_lowercase();
    let says = |word: &str| reason.contains(word);
    match () {
        () if says("busy") || says("rejected") => Some(Disposition::Busy),
        () if says("unanswered") => Some(Disposition::NoAnswer),
        () if says("cancel") => Some(Disposition::Canceled),
        () if says("invalid") => Some(Disposition::Failed),
        () => None,
    }
}

/// `agent_extraction` is an object here and the JSON text of one there. A text that is no JSON stays a text.
fn unwrap_json(value: &Value) -> Value {
    // What the text escapes has not passed the door yet.
    let inner = value.as_str().and_then(|text| serde_json::from_str(&sanitize(text.to_owned())).ok());
    inner.unwrap_or_else(|| value.clone())
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Object(object) => !object.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.trim().is_empty(),
        _ => false,
    }
}

fn speaker(line: &str) -> Option<(&'static str, &str)> {
    let (who, said) = line.split_once(':')?;
    match who.trim().to_ascii_lowercase().as_str() {
        "assistant" | "agent" => Some(("agent", said)),
        "user" => Some(("user", said)),
        _ => None,
    }
}

fn after(at: DateTime<Utc>, ms: i64) -> Option<DateTime<Utc>> {
    let ms = (-LONGEST_CALL_MS..=LONGEST_CALL_MS).contains(&ms).then_some(ms)?;
    at.checked_add_signed(TimeDelta::milliseconds(ms))
}
