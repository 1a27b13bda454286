//! From what is known to what is said: the variables by the names that prompts use, a greeting, and a summary. Pure and
//! deterministic. Every value is a text: no placeholder, no null, nothing that is not there.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

use super::memory::{Memory, PastCall};
use super::words::{Words, fill, time, words};
use crate::dispatch::TenantView;
use crate::redact::Email;

/// The longest value: what is longer is cut at a word. Prompts are paid for and read while somebody waits.
const VALUE_CHARS_MAX: usize = 800;
/// The longest part of a sentence that is spoken.
const SPOKEN_CHARS_MAX: usize = 240;
/// What models and platforms write where they know nothing.
const NOTHING: &[&str] = &["null", "none", "undefined", "unknown", "n/a", "na", "nil", "-"];

/// All variables of a caller.
pub fn variables(memory: &Memory, tenant: &TenantView) -> BTreeMap<String, String> {
    let teller = Teller { memory, tenant, words: words(tenant.conversation.language) };
    let mut all: BTreeMap<String, String> = teller
        .all()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), plain(&value, VALUE_CHARS_MAX).unwrap_or_default()))
        .collect();
    for (name, value) in &tenant.conversation.variables {
        all.insert(name.clone(), plain(value, VALUE_CHARS_MAX).unwrap_or_default());
    }
    all
}

/// A sentence of the tenant's own with its variables filled in.
pub fn filled(template: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let text = fill(template, |name| variables.get(name).map(String::as_str));
    plain(&text, VALUE_CHARS_MAX)
}

struct Teller<'a> {
    memory: &'a Memory,
    tenant: &'a TenantView,
    words: &'static Words,
}

impl Teller<'_> {
    fn all(&self) -> Vec<(&'static str, String)> {
        let Memory { slots, calls, .. } = self.memory;
        let (today, tomorrow) = (self.today(), self.today() + TimeDelta::days(1));
        let of_day = |day: NaiveDate| slots.iter().filter(move |slot| slot.date() == day).copied();
        let next = slots.first().map(|slot| self.words.at(*slot, today)).unwrap_or_default();
        let appointment = self.appointment();
        let last = calls.iter().find_map(|call| call.at);
        vec![
            ("greeting_context", self.greeting()),
            ("customer_summary", self.summary()),
            ("customer_name", self.name().unwrap_or_default()),
            ("customer_email", self.memory.email.clone().map(Email::into_exposed).unwrap_or_default()),
            ("is_returning_customer", self.is_returning().to_string()),
            ("total_calls", self.memory.total_calls.to_string()),
            ("last_contact", last.map(|at| self.words.date(at.date(), today)).unwrap_or_default()),
            ("last_call_summary", self.last_summary().unwrap_or_default()),
            ("conversation_notes", self.notes()),
            ("dominant_need", self.dominant_need().unwrap_or_default()),
            ("psychological_profile", self.profile().unwrap_or_default()),
            ("available_today", of_day(today).map(time).collect::<Vec<_>>().join(", ")),
            ("available_tomorrow", of_day(tomorrow).map(time).collect::<Vec<_>>().join(", ")),
            ("has_availability", (!slots.is_empty()).to_string()),
            ("next_available", next),
            ("business_hours", self.words.hours(&self.tenant.appointments.hours)),
            ("special_instructions", self.instructions()),
            ("stage", self.memory.stage.clone().unwrap_or_default()),
            ("tags", self.memory.tags.join(", ")),
            ("open_appointment", appointment.unwrap_or_default()),
            ("has_appointment", (!self.memory.appointments.is_empty()).to_string()),
            ("sentiment_trend", self.trend().unwrap_or_default()),
            ("has_complained", self.has_complained().to_string()),
            ("opted_out", self.memory.opted_out.to_string()),
            ("crm_link", self.memory.crm_link.as_ref().map(|link| link.expose().clone()).unwrap_or_default()),
            ("business_name", self.tenant.name.clone()),
            ("language", self.tenant.conversation.language.code().to_owned()),
            ("current_date", today.format("%Y-%m-%d").to_string()),
            ("current_time", time(self.memory.now)),
        ]
    }

    fn today(&self) -> NaiveDate {
        self.memory.now.date()
    }

    fn is_returning(&self) -> bool {
        self.memory.total_calls > 0
    }

    fn name(&self) -> Option<String> {
        self.memory.name.as_ref().and_then(|name| plain(name.expose(), SPOKEN_CHARS_MAX))
    }

    fn last_summary(&self) -> Option<String> {
        self.memory
            .calls
            .iter()
            .find_map(|call| call.summary.as_ref().and_then(|text| plain(text.expose(), VALUE_CHARS_MAX)))
    }

    fn appointment(&self) -> Option<String> {
        self.memory.appointments.first().map(|appointment| self.words.at(appointment.at, self.today()))
    }

    fn greeting(&self) -> String {
        let name = self.name();
        let said = self.memory.calls.iter().find_map(|call| {
            let about = plain(call.summary.as_ref()?.expose(), SPOKEN_CHARS_MAX)?;
            Some((self.words.date(call.at?.date(), self.today()), about))
        });
        let key = match (self.is_returning(), &said, &name) {
            (true, Some(_), Some(_)) => "greeting_about_name",
            (true, Some(_), None) => "greeting_about",
            (true, None, Some(_)) => "greeting_back_name",
            (true, None, None) => "greeting_back",
            (false, _, Some(_)) => "greeting_known",
            (false, _, None) => "greeting_new",
        };
        let (date, about) = said.unwrap_or_default();
        self.words.say(key, &[("name", name.as_deref().unwrap_or_default()), ("date", &date), ("about", &about)])
    }

    fn summary(&self) -> String {
        let words = self.words;
        let mut said = Vec::new();
        if let Some(name) = self.name() {
            said.push(words.say("summary_name", &[("name", &name)]));
        }
        if let (true, Some(at)) = (self.is_returning(), self.memory.calls.iter().find_map(|call| call.at)) {
            let (count, date) = (self.memory.total_calls.to_string(), words.date(at.date(), self.today()));
            said.push(words.say("summary_calls", &[("count", &count), ("date", &date)]));
        }
        let whole = self.memory.whole_summary.as_ref().and_then(|text| plain(text.expose(), SPOKEN_CHARS_MAX));
        let last = self.last_summary().and_then(|text| plain(&text, SPOKEN_CHARS_MAX));
        for (key, about) in [("summary_last", last), ("summary_whole", whole), ("summary_need", self.wanted())] {
            if let Some(about) = about {
                said.push(words.say(key, &[("about", &about)]));
            }
        }
        if let Some(at) = self.appointment() {
            said.push(words.say("summary_appointment", &[("at", &at)]));
        }
        let notes = self.notes();
        if let Some(notes) = plain(&notes, SPOKEN_CHARS_MAX) {
            said.push(words.say("summary_notes", &[("notes", &notes)]));
        }
        if let Some(flag) = self.flag() {
            said.push(words.say("summary_flag", &[("about", &flag)]));
        }
        if self.has_complained() {
            said.push(words.say("summary_complaint", &[]));
        }
        if self.memory.opted_out {
            said.push(words.say("summary_opted_out", &[]));
        }
        if said.is_empty() { words.say("summary_new", &[]) } else { said.join(" ") }
    }

    fn notes(&self) -> String {
        let notes = self.memory.notes.iter().filter(|note| ["note", "preference"].contains(&note.kind.as_str()));
        let said = notes.filter_map(|note| plain(note.body.expose(), SPOKEN_CHARS_MAX));
        said.collect::<Vec<_>>().join("; ")
    }

    fn flag(&self) -> Option<String> {
        let flag = self.memory.notes.iter().find(|note| note.open && note.kind == "flag")?;
        plain(flag.body.expose(), SPOKEN_CHARS_MAX)
    }

    fn instructions(&self) -> String {
        let house = plain(&self.tenant.conversation.special_instructions, VALUE_CHARS_MAX);
        let flag = self.flag().map(|about| self.words.say("summary_flag", &[("about", &about)]));
        house.into_iter().chain(flag).collect::<Vec<_>>().join(" ")
    }

    /// What they asked for, by the newest analysis that says so.
    fn wanted(&self) -> Option<String> {
        let interests = |call: &PastCall| {
            let texts = call.interests.as_ref()?.expose().as_array()?.iter().filter_map(Value::as_str);
            let texts: Vec<String> = texts.filter_map(|text| plain(text, SPOKEN_CHARS_MAX)).take(3).collect();
            plain(&texts.join(", "), SPOKEN_CHARS_MAX)
        };
        self.memory.calls.iter().find_map(interests)
    }

    /// The behaviour score that stands out, the first in the order of the list where several do.
    fn dominant_need(&self) -> Option<String> {
        let scores = self.scores();
        let most = scores.iter().map(|(_, score)| *score).max().filter(|most| *most > 0)?;
        let (need, _) = scores.into_iter().find(|(_, score)| *score == most)?;
        Some(self.words.say(need, &[]))
    }

    fn profile(&self) -> Option<String> {
        let scores = self.scores();
        let one = |(need, score): &(&'static str, i64)| format!("{} {score}", self.words.say(need, &[]));
        let scores = scores.iter().map(one).collect::<Vec<_>>().join(", ");
        (!scores.is_empty()).then(|| self.words.say("profile", &[("scores", &scores)]))
    }

    fn scores(&self) -> Vec<(&'static str, i64)> {
        const NEEDS: [(&str, &str); 6] = [
            ("certainty", "need_certainty"),
            ("variety", "need_variety"),
            ("significance", "need_significance"),
            ("connection", "need_connection"),
            ("growth", "need_growth"),
            ("contribution", "need_contribution"),
        ];
        let Some(profile) = &self.memory.profile else { return Vec::new() };
        let score =
            |name: &str| profile.expose().get(name)?.as_f64().map(|score| score.clamp(0.0, 10.0).round() as i64);
        NEEDS.iter().filter_map(|(name, word)| Some((*word, score(name)?))).collect()
    }

    fn has_complained(&self) -> bool {
        let is_complaint = |call: &PastCall| matches!(call.complaint.as_deref(), Some("complaint" | "dispute"));
        self.memory.calls.iter().any(is_complaint)
    }

    /// How the newest feeling is beside the average of those before.
    fn trend(&self) -> Option<String> {
        let value = |call: &PastCall| match call.sentiment.as_deref()? {
            "positive" => Some(1.0),
            "neutral" => Some(0.0),
            "negative" => Some(-1.0),
            _ => None,
        };
        let felt: Vec<f64> = self.memory.calls.iter().filter_map(value).collect();
        let (newest, before) = felt.split_first().filter(|(_, before)| !before.is_empty())?;
        let average = before.iter().sum::<f64>() / before.len() as f64;
        let key = match newest - average {
            change if change > 0.5 => "trend_better",
            change if change < -0.5 => "trend_worse",
            _ => "trend_steady",
        };
        Some(self.words.say(key, &[]))
    }
}

/// A text as it can be spoken and put into a prompt: one line, without braces in pairs, which platforms take for
/// placeholders, and cut at a word. `None`: it says nothing.
pub(super) fn plain(text: &str, chars_max: usize) -> Option<String> {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    const PAIRS: [(&str, &str); 5] = [("{{", "{"), ("}}", "}"), ("{%", "%"), ("%}", "%"), ("${", "{")];
    // Each round makes the text shorter, and one pair may leave another.
    while let Some((pair, single)) = PAIRS.iter().find(|(pair, _)| line.contains(pair)) {
        line = line.replace(pair, single);
    }
    if line.is_empty() || NOTHING.contains(&line.to_lowercase().as_str()) {
        return None;
    }
    if line.chars().count() <= chars_max {
        return Some(line);
    }
    let head: String = line.chars().take(chars_max).collect();
    let cut = head.rsplit_once(' ').map_or(head.as_str(), |(head, _)| head);
    Some(format!("{cut}…"))
}
