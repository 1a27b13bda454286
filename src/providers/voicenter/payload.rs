//! The wire format: CDRs and popups, read by lower-case keys through lists of aliases, the surest first.
//!
//! The webhook is lower case with islands of CamelCase (`DepartmentID`, `aiData`); the Call Log, which one asks for, is
//! CamelCase with other names; some installations mix the two.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::super::Reader;
use crate::domain::{Analysis, Direction, Disposition, Sentiment, Transcript, Turn};
use crate::redact::{Hidden, PersonName, Spoken};

pub(super) const CALLER: &[&str] = &["callerphone", "caller", "callernumber", "phone"];
/// What was shown to the called, which on an outbound call is our number.
pub(super) const SHOWN: &[&str] = &["caller", "callernumber"];
pub(super) const TARGET: &[&str] = &["target", "targetnumber"];
pub(super) const DID: &[&str] = &["did"];
pub(super) const STATUS: &[&str] = &["status", "statuscall", "dialstatus"];
pub(super) const RECORDING: &[&str] = &["record", "recordurl"];
pub(super) const REPRESENTATIVE_CODE: &[&str] = &["representative_code", "representativecode"];
pub(super) const REPRESENTATIVE_NAME: &[&str] = &["representative_name", "representativename"];
const IVR_ID: &[&str] = &["ivruniqueid", "ivr_unique_id", "ivrid"];
const START: &[&str] = &["time", "dateepoch", "date"];
const RING: &[&str] = &["actualcalldialtime", "dialtime", "ringtime", "seconds_waiting_in_queue"];
/// The words of a popup's status.
const POPUP_WORDS: &[&str] = &["dialing", "ringing", "talking", "hangup"];
/// Only calls of the dialer have these; their `CallID` is an item of the dialer's queue.
const OF_THE_DIALER: &[&str] =
    &["campaignid", "campaigncode", "campaignname", "campaigntypeid", "dialerdata", "retrynum", "retryamount"];
/// A longer call is a mistake of the sender, and its end would stand for ever.
const MAX_CALL_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What a delivery is.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// A call that is over.
    Cdr,
    /// A ring, an answer or a hang-up at one extension, by its word in lower case.
    Popup(String),
    /// The IVR asks how to go on.
    ExternalLayer,
    /// The answer of the Call Log, which somebody hands on.
    CallLog,
}

/// The object with its keys in lower case. Of two that differ in case only, one with a value beats one without, and
/// the lower-case one the other. `aiData` is an object, if it can be.
pub(super) fn lower_keys(value: &Value) -> Value {
    let mut lower = Map::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let name = key.to_lowercase();
        let is_free = lower.get(&name).is_none_or(is_blank);
        if is_free || (*key == name && !is_blank(value)) {
            lower.insert(name, value.clone());
        }
    }
    // Some send an object as a text that holds one.
    if let Some(Value::String(text)) = lower.get("aidata")
        && let Ok(data) = serde_json::from_str(text)
    {
        lower.insert("aidata".to_owned(), data);
    }
    Value::Object(lower)
}

/// The first of these fields that has something to say.
pub(super) fn first<'a, T>(
    reader: &Reader<'a>,
    names: &[&str],
    read: impl Fn(&Reader<'a>, &str) -> Option<T>,
) -> Option<T> {
    names.iter().find_map(|name| read(reader, name))
}

/// What this is, by its fields: nothing else tells.
pub(super) fn kind(body: &Reader<'_>) -> Option<Kind> {
    let has = |names: &[&str]| names.iter().any(|name| body.value(name).is_some());
    if has(&["cdr_list"]) {
        return Some(Kind::CallLog);
    }
    if has(&["method"]) && has(&["data"]) {
        return Some(Kind::ExternalLayer);
    }
    let word = first(body, STATUS, Reader::text).unwrap_or_default().to_lowercase();
    let looks_like_a_popup = has(&["statuscall"]) || has(&["ivrid"]) && has(&["phone", "currentcall"]);
    if POPUP_WORDS.contains(&word.as_str()) || (looks_like_a_popup && !has(&["ivruniqueid"]) && !word.is_empty()) {
        return Some(Kind::Popup(word));
    }
    let says_how_it_came_out = !word.is_empty() || has(&["type", "cdrtype", "isanswer", "duration"]);
    (says_how_it_came_out && (ivr_id(body).is_some() || has(&["dialstatus", "duration"]))).then_some(Kind::Cdr)
}

/// The universal id of the call: `ivruniqueid` of a CDR, `ivrid` of a popup, the Call Log's `CallID`.
pub(super) fn ivr_id(body: &Reader<'_>) -> Option<String> {
    first(body, IVR_ID, Reader::text).or_else(|| {
        let is_of_the_dialer = OF_THE_DIALER.iter().any(|field| body.value(field).is_some());
        body.text("callid").filter(|_| !is_of_the_dialer)
    })
}

/// The type of a CDR, in lower case: its name, or its number.
fn cdr_type(cdr: &Reader<'_>) -> String {
    first(cdr, &["type", "cdrtype"], Reader::text).unwrap_or_default().to_lowercase()
}

/// Which leg of a call that Voicenter set up between two sides. Both legs may have one id.
pub(super) fn leg(cdr: &Reader<'_>) -> Option<&'static str> {
    match cdr_type(cdr).as_str() {
        "9" | "14" | "21" => Some("leg1"),
        "10" | "15" | "22" => Some("leg2"),
        name if name.ends_with("leg1") => Some("leg1"),
        name if name.ends_with("leg2") => Some("leg2"),
        _ => None,
    }
}

/// `direction` (newer accounts), else what the type says, else a called number of ours: `did` is filled for incoming
/// calls only.
pub(super) fn direction(cdr: &Reader<'_>) -> Option<Direction> {
    let cdr_type = cdr_type(cdr);
    if matches!(cdr_type.as_str(), "click2call leg1" | "9" | "productivecall leg1" | "14") {
        // It rings our own extension, whatever `direction` says of the whole.
        return Some(Direction::Internal);
    }
    if let Some(direction) = direction_field(cdr) {
        return Some(direction);
    }
    match cdr_type.as_str() {
        "incoming call"
        | "incoming"
        | "1"
        | "cc"
        | "2"
        | "queue"
        | "8"
        | "voicemail"
        | "11"
        | "click 2 ivr incoming"
        | "18"
        | "click 2 queue incoming"
        | "19" => Some(Direction::Inbound),
        "extension outgoing"
        | "outgoing"
        | "4"
        | "click2call leg2"
        | "10"
        | "productivecall leg2"
        | "15"
        | "click 2 ivr"
        | "17" => Some(Direction::Outbound),
        _ => first(cdr, DID, Reader::text).map(|_| Direction::Inbound),
    }
}

/// `direction` itself.
pub(super) fn direction_field(body: &Reader<'_>) -> Option<Direction> {
    match body.text("direction")?.to_lowercase().as_str() {
        "incoming" | "inbound" => Some(Direction::Inbound),
        "outgoing" | "outbound" => Some(Direction::Outbound),
        "internal" => Some(Direction::Internal),
        _ => None,
    }
}

/// How a call came out. A machine's answer is no answer, whatever `isAnswer` says; else `isAnswer` (newer accounts)
/// is believed before `status`. A word that is newer than this list claims nothing.
pub(super) fn disposition(cdr: &Reader<'_>) -> Option<Disposition> {
    let status = first(cdr, STATUS, Reader::text).unwrap_or_default().to_uppercase();
    let by_status = match status.as_str() {
        "ANSWER" => Some(Disposition::Answered),
        // ABANDONE is their spelling: hung up while waiting in the queue.
        "NOANSWER" | "TIMEOUT" | "ABANDONE" | "ABANDON" | "EXIT" | "JOINEMPTY" | "FULL" | "NOTCALLED" | "NOTDIALED" => {
            Some(Disposition::NoAnswer)
        }
        "BUSY" => Some(Disposition::Busy),
        "CANCEL" => Some(Disposition::Canceled),
        "VOICEMAIL" | "VOEND" => Some(Disposition::Voicemail),
        "TE" | "CONGESTION" | "CHANUNAVAIL" | "INVALIDARGS" | "SSWPREAUTH" => Some(Disposition::Failed),
        _ => None,
    };
    if by_status == Some(Disposition::Voicemail) || matches!(cdr_type(cdr).as_str(), "voicemail" | "11") {
        return Some(Disposition::Voicemail);
    }
    match cdr.boolean("isanswer") {
        Some(true) => Some(Disposition::Answered),
        Some(false) => by_status.filter(|it| *it != Disposition::Answered).or(Some(Disposition::NoAnswer)),
        None => by_status,
    }
}

/// When, and how long.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Times {
    pub started: Option<DateTime<Utc>>,
    /// The end of ringing or waiting: when it was answered, if it was.
    pub rung: Option<DateTime<Utc>>,
    pub ended: Option<DateTime<Utc>>,
    pub total_ms: Option<i64>,
    pub talk_ms: Option<i64>,
}

/// The times of a CDR. `time` is the start, in seconds since 1970.
pub(super) fn times(cdr: &Reader<'_>) -> Times {
    let length = |name: &str| {
        let ms = cdr.seconds_as_ms(name)?;
        (ms <= MAX_CALL_MS).then_some(ms).or_else(|| {
            cdr.skipped(name, "shorter than a week");
            None
        })
    };
    let started = first(cdr, START, Reader::time_s);
    let after = |ms: Option<i64>| started?.checked_add_signed(TimeDelta::milliseconds(ms?));
    let ring_ms = RING.iter().find_map(|name| length(name));
    // The whole call by the documents; the conversation alone by the SDK. It can only be the latter where the ringing
    // took longer.
    let duration_ms = length("duration");
    let total_ms = duration_ms.map(|ms| match ring_ms {
        Some(ring_ms) if ring_ms > ms => ring_ms + ms,
        _ => ms,
    });
    let talk_ms = length("actualcallduration");
    Times { started, rung: after(ring_ms), ended: after(total_ms), total_ms, talk_ms }
}

/// What was said: `Speaker0` is the agent, `Speaker1` the customer.
pub(super) fn transcript(ai: &Reader<'_>) -> Option<Transcript> {
    let turns: Vec<Turn> = ai.list("transcript").iter().filter_map(turn).collect();
    let line = |turn: &Turn| format!("{}: {}", if turn.role == "agent" { "Agent" } else { "User" }, turn.text.expose());
    let text = turns.iter().map(line).collect::<Vec<_>>().join("\n");
    (!turns.is_empty()).then(|| Transcript { text: Spoken::new(text), turns })
}

fn turn(item: &Reader<'_>) -> Option<Turn> {
    let role = if is_agent(item) { "agent" } else { "user" };
    Some(Turn { role: role.to_owned(), text: item.spoken("text")?, at_ms: item.seconds_as_ms("startTime") })
}

fn is_agent(item: &Reader<'_>) -> bool {
    item.text("speaker").as_deref() == Some("Speaker0")
}

/// What Voicenter's AI made of the call: the summary, the answers to the account's own questions by their keys, and
/// the mood.
pub(super) fn analysis(ai: &Reader<'_>) -> Option<Analysis> {
    let insights = ai.object("insights");
    let answers: Map<String, Value> = insights
        .list("questions")
        .iter()
        .filter_map(|item| Some((item.text("key").or_else(|| item.text("question"))?, item.value("answer")?.clone())))
        .collect();
    let analysis = Analysis {
        summary: insights.spoken("summary"),
        sentiment: sentiment(ai),
        successful: None,
        score: None,
        data: (!answers.is_empty()).then(|| Hidden::new(Value::Object(answers))),
    };
    (analysis != Analysis::default()).then_some(analysis)
}

/// The mood of the sentences that are not the agent's, where they agree.
fn sentiment(ai: &Reader<'_>) -> Option<Sentiment> {
    let of_the_agent: HashSet<i64> = ai
        .list("transcript")
        .iter()
        .filter(|item| is_agent(item))
        .filter_map(|item| item.integer("sentence_id"))
        .collect();
    let directions: Vec<f64> = ai
        .object("emotions")
        .list("sentences")
        .iter()
        .filter(|item| item.integer("sentence_id").is_none_or(|id| !of_the_agent.contains(&id)))
        .filter_map(|item| item.number("emotion_direction"))
        .collect();
    let up = directions.iter().any(|direction| *direction > 0.0);
    let down = directions.iter().any(|direction| *direction < 0.0);
    match (up, down) {
        (true, false) => Some(Sentiment::Positive),
        (false, true) => Some(Sentiment::Negative),
        (false, false) if !directions.is_empty() => Some(Sentiment::Neutral),
        _ => None,
    }
}

/// The name of the other side, as it was said in the call.
pub(super) fn said_name(ai: &Reader<'_>, direction: Option<Direction>) -> Option<PersonName> {
    let participants = ai.object("insights").object("participants");
    match direction? {
        Direction::Inbound => participants.object("caller").name("name"),
        Direction::Outbound => participants.object("callee").name("name"),
        Direction::Internal => None,
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
