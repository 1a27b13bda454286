//! Conversations: which calls are one. Worked out by `conversation_of` in migrations/0015_conversations.sql whenever it
//! is read; here is what people decide over it.

use sqlx::PgPool;
use uuid::Uuid;

use super::operator_log::{Action, Line};
use crate::access::Scope;

/// What is decided of two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They are one conversation.
    Same,
    /// They are two.
    Two,
    /// Their numbers and times decide.
    Auto,
}

/// Decides it. `false`: they are not two calls of one tenant, or there was no decision to take back.
pub async fn decide(
    pool: &PgPool,
    call_id: Uuid,
    other_id: Uuid,
    decision: Decision,
    scope: &Scope,
) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let (actor, is_same) = (scope.actor().to_string(), decision == Decision::Same);
    let result = match decision {
        Decision::Auto => {
            sqlx::query_file!("sql/store/unset_conversation_link.sql", call_id, other_id)
                .execute(&mut *transaction)
                .await?
        }
        Decision::Same | Decision::Two => {
            sqlx::query_file!("sql/store/set_conversation_link.sql", call_id, other_id, is_same, actor)
                .execute(&mut *transaction)
                .await?
        }
    };
    let action = match decision {
        Decision::Same => Action::JoinCalls,
        Decision::Two => Action::PartCalls,
        Decision::Auto => Action::LeaveCalls,
    };
    let line = Line::of(scope, action).rows(result.rows_affected());
    line.with("call_id", call_id).with("other_id", other_id).write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(result.rows_affected() > 0)
}
