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

/// Whether so many rows reveal anything to them: who sees masks only sees nobody.
pub fn reveals(scope: &Scope, rows: usize) -> bool {
    rows > 0 && scope.may(Right::SeeWhole)
}

/// Logs that somebody saw people whole; who sees masks only has revealed nothing. Once an hour for each subject.
pub async fn log(
    connection: &mut PgConnection,
    scope: &Scope,
    revealed: Revealed,
    rows: usize,
) -> Result<(), sqlx::Error> {
    if !reveals(scope, rows) {
        return Ok(());
    }
    revealed.line(scope).rows(rows as u64).write_hourly(connection).await
}
