//! Who has looked at what of a person, in the operator log.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Right, Scope};

/// What was revealed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Revealed {
    /// Whole numbers, names or messages of a list of this name.
    List(&'static str),
    /// A call with its transcript and recordings.
    Call(Uuid),
    /// A lead.
    Lead(Uuid),
    /// What a platform sent.
    Payload(Uuid),
}

impl Revealed {
    fn action(self) -> &'static str {
        match self {
            Self::List(_) => "reveal_list",
            Self::Call(_) => "reveal_call",
            Self::Lead(_) => "reveal_lead",
            Self::Payload(_) => "reveal_payload",
        }
    }

    fn details(self) -> Value {
        match self {
            Self::List(name) => json!({ "list": name }),
            Self::Call(id) => json!({ "call_id": id }),
            Self::Lead(id) => json!({ "lead_id": id }),
            Self::Payload(id) => json!({ "event_id": id }),
        }
    }
}

/// Logs that somebody saw people whole; who sees masks only has revealed nothing. Once an hour for each subject.
pub async fn log(
    connection: &mut PgConnection,
    scope: &Scope,
    revealed: Revealed,
    rows: usize,
) -> Result<(), sqlx::Error> {
    if rows == 0 || !scope.may(Right::SeeWhole) {
        return Ok(());
    }
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let (actor, details) = (scope.actor().to_string(), revealed.details().to_string());
    sqlx::query_file!("sql/people/log_reveal.sql", actor, revealed.action(), rows, details).execute(connection).await?;
    Ok(())
}
