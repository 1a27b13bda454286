//! Who has looked at what of a person, in the operator log.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Right, Scope};
use crate::store::operator_log::{Action, Line};

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
    fn line(self, scope: &Scope) -> Line {
        match self {
            Self::List(name) => Line::of(scope, Action::RevealList).with("list", name),
            Self::Call(id) => Line::of(scope, Action::RevealCall).with("call_id", id),
            Self::Lead(id) => Line::of(scope, Action::RevealLead).with("lead_id", id),
            Self::Payload(id) => Line::of(scope, Action::RevealPayload).with("event_id", id),
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
    revealed.line(scope).rows(rows as u64).write_hourly(connection).await
}
