//! A call as a row of a page: with the names that belong to it, and words for what it is.

use std::collections::HashMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::show;
use crate::access::TenantScope;
use crate::store::people::{self, CallItem, CallNames};

/// A row.
#[derive(Debug)]
pub(in crate::dashboard) struct Row {
    pub(in crate::dashboard) call: CallItem,
    pub(in crate::dashboard) names: CallNames,
}

/// The calls of one day, for dividers.
#[derive(Debug)]
pub(in crate::dashboard) struct Day {
    pub(in crate::dashboard) name: String,
    pub(in crate::dashboard) rows: Vec<Row>,
}

impl Row {
    /// What became of it, in a word, and how that is to be seen.
    pub(in crate::dashboard) fn outcome(&self) -> (String, &'static str) {
        outcome(self.call.is_missed, self.call.status.as_deref(), self.call.disposition.as_deref())
    }

    /// Theirs, or what the platform wrote where it is no number.
    pub(in crate::dashboard) fn from(&self) -> String {
        show::or_dash(&self.call.from_number.clone().or_else(|| self.call.from_raw.clone()))
    }

    pub(in crate::dashboard) fn to(&self) -> String {
        show::or_dash(&self.call.to_number.clone().or_else(|| self.call.to_raw.clone()))
    }

    pub(in crate::dashboard) fn agent(&self) -> String {
        show::or_dash(&self.call.agent_name.clone().or_else(|| self.call.agent_id.clone()))
    }

    /// Who it is with, shortly.
    pub(in crate::dashboard) fn person(&self) -> String {
        let raw =
            if self.call.direction.as_deref() == Some("inbound") { &self.call.from_raw } else { &self.call.to_raw };
        let known = self.names.person.clone().or_else(|| self.call.contact_number.clone());
        known.or_else(|| raw.clone()).unwrap_or_else(|| "Unknown".to_owned())
    }

    pub(in crate::dashboard) fn direction(&self) -> (&'static str, &'static str) {
        match self.call.direction.as_deref() {
            Some("inbound") => ("↙", "Inbound"),
            Some("outbound") => ("↗", "Outbound"),
            Some("internal") => ("↔", "Internal"),
            _ => ("·", "Direction unknown"),
        }
    }
}

/// What became of a call, in a word, and how that is to be seen.
pub(in crate::dashboard) fn outcome(
    is_missed: bool,
    status: Option<&str>,
    disposition: Option<&str>,
) -> (String, &'static str) {
    match (is_missed, status, disposition) {
        (true, _, Some("voicemail")) => ("Voicemail".to_owned(), "warn"),
        (true, ..) => ("Missed".to_owned(), "bad"),
        (_, Some("ended"), Some("answered")) => ("Answered".to_owned(), "good"),
        (_, Some("ended"), Some("voicemail")) => ("Voicemail".to_owned(), "warn"),
        (_, Some("ended"), Some("failed")) => ("Failed".to_owned(), "bad"),
        (_, Some("ended"), Some(word)) => (show::words(word), ""),
        (_, Some(word), _) => (show::words(word), if word == "ended" { "" } else { "on" }),
        (_, None, Some(word)) => (show::words(word), ""),
        _ => ("Unknown".to_owned(), "warn"),
    }
}

/// How a sentiment is to be seen.
pub(in crate::dashboard) fn sentiment_class(word: &str) -> &'static str {
    match word {
        "positive" => "good",
        "negative" => "bad",
        _ => "",
    }
}

/// Rows with their names: one statement more for a page.
pub(in crate::dashboard) async fn named(
    connection: &mut PgConnection,
    scope: &TenantScope,
    calls: Vec<CallItem>,
) -> Result<Vec<Row>, sqlx::Error> {
    let ids: Vec<Uuid> = calls.iter().map(|call| call.id).collect();
    let names = people::call_names(connection, scope, &ids).await?;
    let mut names: HashMap<Uuid, CallNames> = names.into_iter().map(|names| (names.call_id, names)).collect();
    let row = |call: CallItem| Row { names: names.remove(&call.id).unwrap_or_default(), call };
    Ok(calls.into_iter().map(row).collect())
}

/// Rows under the days that they are of, there; the order stays.
pub(in crate::dashboard) fn by_day(rows: Vec<Row>, zone: Tz, today: NaiveDate) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for row in rows {
        let name = match &row.call.started_at {
            Some(at) => show::day_name(show::day(at, zone), today),
            None => "Without a time".to_owned(),
        };
        match days.last_mut() {
            Some(day) if day.name == name => day.rows.push(row),
            _ => days.push(Day { name, rows: vec![row] }),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::outcome;

    #[test]
    fn what_became_of_a_call_is_said_in_a_word() {
        let word = |missed, status, disposition| outcome(missed, status, disposition).0;
        assert_eq!(word(true, Some("ended"), Some("no_answer")), "Missed");
        assert_eq!(word(false, Some("ended"), Some("answered")), "Answered");
        assert_eq!(word(false, Some("in_progress"), None), "In progress");
        assert_eq!(word(false, Some("ended"), None), "Ended");
        assert_eq!(word(false, None, None), "Unknown");
    }
}
