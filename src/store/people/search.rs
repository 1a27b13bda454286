//! What somebody types to find calls and people: an id, a number or its last digits, a name, words that were said.

use std::cmp::Reverse;

use sqlx::PgConnection;
use thiserror::Error;
use uuid::Uuid;

use super::{Place, Within};
use crate::access::{Right, Scope, TenantScope};
use crate::redact::Hidden;

/// A longer text is no search.
const CHARS_MAX: usize = 200;
/// Fewer digits are a word that was said: too many numbers end in them.
const DIGITS_MIN: usize = 4;
/// People whose calls are collected; where more have the name, it is looked for among the newest calls.
const PEOPLE_MAX: i64 = 100;
/// Calls with these words that are collected and sorted; where there are more, they are looked for among the newest.
const SPOKEN_MAX: i64 = 2_000;
/// Calls of one number that are collected at once: one person's calls are few. A list goes on from there.
const CALLS_OF_NUMBER_MAX: i64 = 2_000;

/// What is searched for. It may be a person's name or number, so it prints as nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// Our id of a call or a lead.
    Id(Uuid),
    /// A number, or its last digits.
    Digits(Hidden<Digits>),
    /// Words.
    Text(Hidden<Text>),
}

/// Digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Digits {
    /// As they were typed: some platforms' ids of calls are numbers.
    typed: String,
    /// As the index has them.
    backwards: String,
}

/// Words, in the forms that Postgres wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// As it was typed: it may be the platform's id of a call.
    typed: String,
    /// For `websearch_to_tsquery`: all of them, in any order unless within quotes.
    spoken: String,
    /// For `to_tsquery`: all of them, each perhaps only begun.
    name: String,
}

/// Why a text is not searched for.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unsearchable {
    /// Who sees masks only could find out what is behind them, by trying.
    #[error("who sees masks only can search by the id of a call or a lead")]
    Masked,
    /// Nothing to look for.
    #[error("search has no word or number in it")]
    Empty,
    /// Too long.
    #[error("search has {CHARS_MAX} characters at most")]
    Long,
}

impl Search {
    /// Understands what was typed, if who asks may search for it.
    pub fn read(scope: &Scope, typed: &str) -> Result<Self, Unsearchable> {
        let typed = typed.trim();
        if typed.chars().count() > CHARS_MAX {
            return Err(Unsearchable::Long);
        }
        if let Ok(id) = typed.parse() {
            return Ok(Self::Id(id));
        }
        if !scope.may(Right::SeeWhole) || !scope.may(Right::ReadTranscripts) {
            return Err(Unsearchable::Masked);
        }
        if let Some(backwards) = digits(typed) {
            return Ok(Self::Digits(Hidden::new(Digits { typed: typed.to_owned(), backwards })));
        }
        let words: Vec<&str> =
            typed.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err(Unsearchable::Empty);
        }
        // Quotes hold words together; a minus would ask for all calls but some, which no index finds.
        let keep = |char: char| if char.is_alphanumeric() || char == '"' { char } else { ' ' };
        Ok(Self::Text(Hidden::new(Text {
            typed: typed.to_owned(),
            spoken: typed.chars().map(keep).collect(),
            name: words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & "),
        })))
    }
}

/// The digits of a number, backwards, if it is one: a national number begins with a zero that the whole one has not.
fn digits(typed: &str) -> Option<String> {
    let is_part = |char: char| char.is_ascii_digit() || " +-().".contains(char);
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0');
    let digits = if significant.len() < DIGITS_MIN { &digits } else { significant };
    (typed.chars().all(is_part) && digits.len() >= DIGITS_MIN).then(|| digits.chars().rev().collect())
}

/// Where the calls of a search are to be looked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Candidates {
    /// These calls are all that there are of the people who were followed.
    Calls(Calls),
    /// Too many have it: among the newest.
    Frequent,
}

/// Calls, newest of each person.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calls {
    pub(super) ids: Vec<Uuid>,
    /// The place beyond which somebody has more.
    pub(super) until: Option<Place>,
    /// Whether some people were not followed.
    pub(super) left_out: bool,
}

/// The people that a search finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct People {
    /// Their numbers; `None`: too many have the name.
    pub(super) numbers: Option<Vec<String>>,
    /// Whether more numbers end in the digits than these: one types another digit.
    pub(super) left_out: bool,
}

/// The parts of a search that match_calls.sql looks at row by row.
pub(super) type Words<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

impl Search {
    /// Its words, if it has some.
    pub(super) fn words(&self) -> Words<'_> {
        match self {
            Self::Text(text) => {
                let Text { typed, spoken, name } = text.expose();
                (Some(spoken.as_str()), Some(name.as_str()), Some(typed.as_str()))
            }
            Self::Digits(digits) => (None, None, Some(digits.expose().typed.as_str())),
            Self::Id(_) => (None, None, None),
        }
    }

    /// The calls that it finds, started within these times.
    pub(super) async fn calls(
        &self,
        connection: &mut PgConnection,
        scope: &TenantScope,
        within: Within,
        oldest_first: bool,
    ) -> Result<Candidates, sqlx::Error> {
        if let Self::Id(id) = self {
            return Ok(Candidates::Calls(Calls { ids: vec![*id], ..Calls::default() }));
        }
        let (spoken, _, typed) = self.words();
        let People { numbers, left_out } = self.people(&mut *connection, scope, PEOPLE_MAX).await?;
        let Some(numbers) = numbers else { return Ok(Candidates::Frequent) };
        let mut calls = calls_of(&mut *connection, scope, &numbers, typed, within, oldest_first).await?;
        calls.left_out = left_out;
        if let Some(spoken) = spoken {
            let found = sqlx::query_file_scalar!("sql/people/find_spoken.sql", scope.tenant(), spoken, SPOKEN_MAX + 1)
                .fetch_all(connection)
                .await?;
            if found.len() > usize::try_from(SPOKEN_MAX).unwrap_or(usize::MAX) {
                return Ok(Candidates::Frequent);
            }
            calls.ids.extend(found);
        }
        Ok(Candidates::Calls(calls))
    }

    /// The people that it finds, so many at most.
    pub(super) async fn people(
        &self,
        connection: &mut PgConnection,
        scope: &TenantScope,
        most: i64,
    ) -> Result<People, sqlx::Error> {
        let digits = match self {
            Self::Digits(digits) => Some(digits.expose().backwards.as_str()),
            Self::Id(_) | Self::Text(_) => None,
        };
        let (_, name, _) = self.words();
        let mut numbers =
            sqlx::query_file_scalar!("sql/people/find_people.sql", scope.tenant(), digits, name, most + 1)
                .fetch_all(connection)
                .await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_too_many = numbers.len() > most;
        numbers.truncate(most);
        // Of numbers that end alike some do, since one can type another digit; of a name one mostly cannot say more.
        let numbers = (!is_too_many || digits.is_some()).then_some(numbers);
        Ok(People { numbers, left_out: is_too_many && digits.is_some() })
    }
}

/// The newest calls of these numbers, or the oldest, and the one that the platform calls so.
pub(super) async fn calls_of(
    connection: &mut PgConnection,
    scope: &TenantScope,
    numbers: &[String],
    provider_call_id: Option<&str>,
    within: Within,
    oldest_first: bool,
) -> Result<Calls, sqlx::Error> {
    let rows = sqlx::query_file!(
        "sql/people/find_calls.sql",
        scope.tenant(),
        numbers,
        provider_call_id,
        within.0,
        within.1,
        CALLS_OF_NUMBER_MAX,
        oldest_first,
    )
    .fetch_all(connection)
    .await?;
    let last = rows.iter().filter(|row| row.nth == CALLS_OF_NUMBER_MAX).map(|row| (row.started_at, row.id));
    // The place nearest to the beginning of the list, where somebody's calls end first.
    let newness = |(started_at, id): &Place| (*started_at, Reverse(*id));
    let until = if oldest_first { last.min_by_key(newness) } else { last.max_by_key(newness) };
    Ok(Calls { ids: rows.into_iter().map(|row| row.id).collect(), until, left_out: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Actor, ActorKind, Role};

    fn read(role: Role, typed: &str) -> Result<Search, Unsearchable> {
        Search::read(&Scope::new(Actor { kind: ActorKind::User, id: Uuid::nil() }, role, None), typed)
    }

    fn backwards(typed: &str) -> Option<String> {
        match read(Role::Agent, typed) {
            Ok(Search::Digits(digits)) => Some(digits.expose().backwards.clone()),
            _ => None,
        }
    }

    #[test]
    fn what_is_typed_is_an_id_a_number_or_words() {
        let id = Uuid::from_u128(7);
        assert_eq!(read(Role::Viewer, &format!(" {id} ")), Ok(Search::Id(id)));
        assert_eq!(backwards("+1 (555) 010-0123").as_deref(), Some("32100105551"));
        assert_eq!(backwards("0123").as_deref(), Some("3210"), "last digits may begin with a zero");
        assert_eq!(backwards("05550100123").as_deref(), Some("3210010555"), "a national number has one more");
        assert_eq!(backwards("42"), None);
        let words = read(Role::Agent, "Dana -levi \"half past\" it's").unwrap();
        let (spoken, name, typed) = words.words();
        assert_eq!(spoken, Some("Dana  levi \"half past\" it s"));
        assert_eq!(name, Some("'Dana':* & 'levi':* & 'half':* & 'past':* & 'it':* & 's':*"));
        assert_eq!(typed, Some("Dana -levi \"half past\" it's"));
        assert!(!format!("{words:?}").contains("Dana"));
    }

    #[test]
    fn who_sees_masks_only_does_not_find_out_by_trying() {
        for typed in ["Dana", "+15550100123", "0123"] {
            assert_eq!(read(Role::Viewer, typed), Err(Unsearchable::Masked), "{typed}");
        }
        assert_eq!(read(Role::Agent, "?!"), Err(Unsearchable::Empty));
        assert_eq!(read(Role::Agent, &"a".repeat(201)), Err(Unsearchable::Long));
    }
}
