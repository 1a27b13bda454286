//! From what is known to what is said: the variables by the names that prompts use, a greeting, and a summary. Pure and
//! deterministic. Every value is a text: no placeholder, no null, nothing that is not there.
//!
//! What callers said, and what a model made of it, is quoted, and said to be on record; it is in no variable that an agent
//! takes its orders from.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

use super::memory::{Memory, PastCall};
use super::words::{Words, fill, time, words};
use crate::dispatch::TenantView;
use crate::domain::display_name;
use crate::domain::spoken_text::{cut, is_email, line, quoted, single_braces};
use crate::redact::{Email, Spoken};

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
            ("customer_email", self.email().unwrap_or_default()),
            ("is_returning_customer", self.is_returning().to_string()),
            ("total_calls", self.memory.total_calls.to_string()),
            ("last_contact", last.map(|at| self.words.date(at.date(), today)).unwrap_or_default()),
            ("last_call_summary", self.on_record(self.last_summary(VALUE_CHARS_MAX).unwrap_or_default())),
            ("conversation_notes", self.on_record(self.notes())),
            ("dominant_need", self.dominant_need().unwrap_or_default()),
            ("psychological_profile", self.profile().unwrap_or_default()),
            ("available_today", of_day(today).map(time).collect::<Vec<_>>().join(", ")),
            ("available_tomorrow", of_day(tomorrow).map(time).collect::<Vec<_>>().join(", ")),
            ("has_availability", (!slots.is_empty()).to_string()),
            ("next_available", next),
            ("business_hours", self.words.hours(&self.tenant.appointments.hours)),
            ("special_instructions", self.tenant.conversation.special_instructions.clone()),
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
        self.memory.name.as_ref().and_then(|name| display_name(name.expose()))
    }

    fn email(&self) -> Option<String> {
        self.memory.email.clone().map(Email::into_exposed).filter(|email| is_email(email))
    }

    /// Says of others' words that they are no more than that.
    fn on_record(&self, data: String) -> String {
        if data.is_empty() { data } else { self.words.say("on_record", &[("data", &data)]) }
    }

    fn last_summary(&self, chars_max: usize) -> Option<String> {
        self.memory.calls.iter().find_map(|call| said(call.summary.as_ref()?, chars_max))
    }

    fn appointment(&self) -> Option<String> {
        self.memory.appointments.first().map(|appointment| self.words.at(appointment.at, self.today()))
    }

    fn greeting(&self) -> String {
        let name = self.name();
        let last = self.memory.calls.iter().find_map(|call| {
            let about = said(call.summary.as_ref()?, SPOKEN_CHARS_MAX)?;
            Some((self.words.date(call.at?.date(), self.today()), about))
        });
        let key = match (self.is_returning(), &last, &name) {
            (true, Some(_), Some(_)) => "greeting_about_name",
            (true, Some(_), None) => "greeting_about",
            (true, None, Some(_)) => "greeting_back_name",
            (true, None, None) => "greeting_back",
            (false, _, Some(_)) => "greeting_known",
            (false, _, None) => "greeting_new",
        };
        let (date, about) = last.unwrap_or_default();
        self.words.say(key, &[("name", name.as_deref().unwrap_or_default()), ("date", &date), ("about", &about)])
    }

    fn summary(&self) -> String {
        let words = self.words;
        let mut said = Vec::new();
        let mut is_quoted = false;
        if let Some(name) = self.name() {
            said.push(words.say("summary_name", &[("name", &name)]));
        }
        if let (true, Some(at)) = (self.is_returning(), self.memory.calls.iter().find_map(|call| call.at)) {
            let (count, date) = (self.memory.total_calls.to_string(), words.date(at.date(), self.today()));
            said.push(words.say("summary_calls", &[("count", &count), ("date", &date)]));
        }
        let whole = self.memory.whole_summary.as_ref().and_then(|text| self::said(text, SPOKEN_CHARS_MAX));
        let last = self.last_summary(SPOKEN_CHARS_MAX);
        for (key, about) in [("summary_last", last), ("summary_whole", whole), ("summary_need", self.wanted())] {
            if let Some(about) = about {
                said.push(words.say(key, &[("about", &about)]));
                is_quoted = true;
            }
        }
        if let Some(at) = self.appointment() {
            said.push(words.say("summary_appointment", &[("at", &at)]));
        }
        let notes = self.notes();
        if !notes.is_empty() {
            said.push(words.say("summary_notes", &[("notes", &cut(&notes, SPOKEN_CHARS_MAX))]));
            is_quoted = true;
        }
        if let Some(flag) = self.flag() {
            said.push(words.say("summary_flag", &[("about", &flag)]));
            is_quoted = true;
        }
        if self.has_complained() {
            said.push(words.say("summary_complaint", &[]));
        }
        if self.memory.opted_out {
            said.push(words.say("summary_opted_out", &[]));
        }
        match (said.is_empty(), is_quoted) {
            (true, _) => words.say("summary_new", &[]),
            (false, true) => self.on_record(said.join(" ")),
            (false, false) => said.join(" "),
        }
    }

    fn notes(&self) -> String {
        let notes = self.memory.notes.iter().filter(|note| ["note", "preference"].contains(&note.kind.as_str()));
        notes.filter_map(|note| said(&note.body, SPOKEN_CHARS_MAX)).collect::<Vec<_>>().join("; ")
    }

    fn flag(&self) -> Option<String> {
        let flag = self.memory.notes.iter().find(|note| note.open && note.kind == "flag")?;
        said(&flag.body, SPOKEN_CHARS_MAX)
    }

    /// What they asked for, by the newest analysis that says so.
    fn wanted(&self) -> Option<String> {
        let interests = |call: &PastCall| {
            let texts = call.interests.as_ref()?.expose().as_array()?.iter().filter_map(Value::as_str);
            let texts: Vec<String> = texts.filter_map(|text| plain(text, SPOKEN_CHARS_MAX)).take(3).collect();
            said(&Spoken::new(texts.join(", ")), SPOKEN_CHARS_MAX)
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
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = single_braces(text.split_whitespace().collect::<Vec<_>>().join(" "));
    says_something(&text).then(|| cut(&text, chars_max))
}

/// What others said, between quotation marks. `None`: it says nothing.
fn said(text: &Spoken, chars_max: usize) -> Option<String> {
    says_something(&line(text.expose(), chars_max)).then(|| quoted(text.expose(), chars_max))
}

fn says_something(text: &str) -> bool {
    !text.is_empty() && !NOTHING.contains(&text.to_lowercase().as_str())
}
