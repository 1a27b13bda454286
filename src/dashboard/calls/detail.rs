//! `/calls/{id}`: one call, whole. A page of its own; with script also a dialog over the list.

use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::shell::{Shell, page};
use super::super::show;
use super::row;
use crate::access::Right;
use crate::console::{Console, Entry};
use crate::inbox;
use crate::providers::Trace;
use crate::store::people::{self, CallDetail, CallEvent, CallNote, EditOfCall, Revealed};
use crate::store::roster::campaigns::{self, CampaignRow};

/// One turn of the conversation.
struct Turn {
    role: String,
    class: &'static str,
    text: String,
    at_ms: Option<i64>,
}

/// How far a call has come.
struct Stage {
    name: &'static str,
    at: Option<DateTime<Utc>>,
}

#[derive(Template)]
#[template(path = "call.html", config = "src/dashboard/askama.toml")]
struct Page {
    shell: Shell,
    person: String,
    lead_id: Option<Uuid>,
    outcome: (String, &'static str),
    stages: Vec<Stage>,
    turns: Vec<Turn>,
    sound: Option<String>,
    sound_elsewhere: Option<(String, String)>,
    campaigns: Vec<CampaignRow>,
    events: Vec<CallEvent>,
    has_all_causes: bool,
    edits: Vec<EditOfCall>,
    notes: Vec<CallNote>,
    data: Vec<(String, String)>,
    raw: String,
    said: Option<&'static str>,
    /// What the conversion was set to just now, and what it was before, for undoing it.
    undo: Option<(String, String)>,
    call: CallDetail,
}

impl Page {
    fn path(&self, rest: &str) -> String {
        self.shell.to(&format!("/calls/{}{rest}", self.call.id))
    }

    fn conversion(&self) -> &'static str {
        match self.call.converted {
            Some(true) => "1",
            Some(false) => "0",
            None => "none",
        }
    }

    fn is_campaign(&self, id: &Uuid) -> bool {
        self.call.campaign_id_by_hand.as_ref() == Some(id)
    }

    fn cost(&self) -> String {
        match (self.call.cost, self.call.cost_unit.as_deref()) {
            (Some(cost), Some("usd_cents")) => format!("{:.4} USD", cost / 100.0),
            (Some(cost), Some("ils_agorot")) => format!("{:.2} ILS", cost / 100.0),
            (Some(cost), Some(unit)) => format!("{cost} {}", unit.replace('_', " ")),
            (Some(cost), None) => cost.to_string(),
            (None, _) => show::NOTHING.to_owned(),
        }
    }

    fn payload(&self, id: &Uuid) -> String {
        self.shell.to(&format!("/operations/events/{id}"))
    }
}

/// The page.
pub(in crate::dashboard) async fn show(
    request: HttpRequest,
    entry: ReqData<Entry>,
    console: Data<Console>,
    trace: Data<Trace>,
    id: Path<Uuid>,
) -> Result<HttpResponse, Fault> {
    let mut shell = Shell::of(&request, &entry, &console, "/calls", "Call").await?;
    let scope = shell.scope;
    let mut transaction = console.begin().await?;
    let call = people::find_call(&mut transaction, &scope, *id).await?.ok_or(Fault::NotFound)?;
    shell.show_tenant(&mut *transaction, &call.tenant).await?;
    let names = people::call_names(&mut transaction, shell.within(), &[*id]).await?.pop().unwrap_or_default();
    let (mut events, has_all_causes) = people::events_of_call(&mut transaction, &scope, *id).await?.unwrap_or_default();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let mut fields = trace.fields(*id, &inbox::load(&mut transaction, &ids).await?);
    events.iter_mut().for_each(|event| event.sets = fields.remove(&event.id).unwrap_or_default());
    let edits = people::edits_of_call(&mut transaction, &scope, *id).await?;
    let notes = people::notes_of_call(&mut transaction, &scope, *id).await?;
    let campaigns = campaigns::list(&mut *transaction, Some(shell.tenant.id)).await?;
    console.log_reveal(&mut transaction, &scope, Revealed::Call(*id), 1).await?;
    transaction.commit().await?;
    let person = names.person.clone().or_else(|| call.contact_number.clone());
    let person = person.or_else(|| call.from_raw.clone()).unwrap_or_else(|| "Unknown".to_owned());
    shell.title = format!("Call with {person}");
    let is_missed = call.direction.as_deref() == Some("inbound") && call.answered_at.is_none();
    let is_missed =
        is_missed && call.status.as_deref() == Some("ended") && call.disposition.as_deref() != Some("answered");
    page(&Page {
        person,
        lead_id: names.lead_id,
        outcome: row::outcome(is_missed, call.status.as_deref(), call.disposition.as_deref()),
        stages: stages(&call),
        turns: turns(&call),
        sound: sound(&shell, &call),
        sound_elsewhere: sound_elsewhere(&shell, &call),
        campaigns,
        events,
        has_all_causes,
        edits,
        notes,
        data: data(&call.analysis),
        raw: serde_json::to_string_pretty(&call).unwrap_or_default(),
        said: said(shell.params.get("said")),
        undo: undo(&shell),
        call,
        shell,
    })
}

fn said(word: Option<&str>) -> Option<&'static str> {
    match word? {
        "converted" => Some("The conversion is set."),
        "undone" => Some("The conversion is what it was."),
        "anew" => Some("Nothing was undone: somebody has decided anew meanwhile."),
        "campaign" => Some("The campaign is set."),
        "noted" => Some("The note is kept."),
        _ => None,
    }
}

fn undo(shell: &Shell) -> Option<(String, String)> {
    let word = |name: &str| shell.params.owned(name).filter(|word| ["1", "0", "none"].contains(&word.as_str()));
    word("set").zip(word("was"))
}

fn stages(call: &CallDetail) -> Vec<Stage> {
    [
        ("First sign", call.initiated_at),
        ("Ringing", call.ringing_at),
        ("Answered", call.answered_at),
        ("Ended", call.ended_at),
        ("Analysed", call.analysis_at),
    ]
    .map(|(name, at)| Stage { name, at })
    .into()
}

fn turns(call: &CallDetail) -> Vec<Turn> {
    let turns = call.transcript_turns.as_ref().and_then(Value::as_array);
    let turn = |turn: &Value| {
        let role = turn["role"].as_str().unwrap_or("tool");
        let class = match role {
            "user" => "theirs",
            "agent" => "",
            _ => "tool",
        };
        let text = turn["text"].as_str().map_or_else(|| turn["text"].to_string(), str::to_owned);
        let name = match role {
            "user" => "Caller".to_owned(),
            "tool" => "Tool call".to_owned(),
            other => show::words(other),
        };
        Turn { role: name, class, text, at_ms: turn["at_ms"].as_i64() }
    };
    turns.map(|turns| turns.iter().map(turn).collect()).unwrap_or_default()
}

/// Where the recording that is kept here is heard.
fn sound(shell: &Shell, call: &CallDetail) -> Option<String> {
    let kept = call.recordings.iter().find(|recording| recording.audio_bytes.is_some());
    let kept = kept.filter(|_| shell.may(Right::Listen))?;
    Some(shell.to(&format!("/calls/{}/recordings/{}", call.id, kept.id)))
}

/// The recording that the platform keeps, and the host that it is on. It is a link and no player: a page that loaded it
/// would tell that host who looks at the call, and when.
fn sound_elsewhere(shell: &Shell, call: &CallDetail) -> Option<(String, String)> {
    if !shell.may(Right::Listen) || sound(shell, call).is_some() {
        return None;
    }
    let links = call.recordings.iter().filter_map(|recording| recording.url.clone());
    let url = call.recording_url.clone().into_iter().chain(links).find(|url| is_web(url))?;
    let host = url.split('/').nth(2).and_then(|authority| authority.rsplit('@').next()).unwrap_or_default().to_owned();
    Some((url, host))
}

/// Whether it is a link that may be followed: what platforms send may be anything.
fn is_web(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))
}

/// The fields of what was extracted, one by one.
fn data(analysis: &Option<Value>) -> Vec<(String, String)> {
    let Some(Value::Object(fields)) = analysis else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        other => other.to_string(),
    };
    fields.iter().map(|(name, value)| (show::words(name), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_links_of_the_web_are_followed() {
        assert!(is_web("https://example.com/a.wav"));
        for other in ["javascript:alert(1)", "data:text/html,x", " https://example.com", "file:///etc/passwd"] {
            assert!(!is_web(other), "{other}");
        }
    }
}
