//! What people decide about calls: whether it was a success, and whose campaign it was. Columns of their own, which no
//! event writes.

use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use crate::access::Scope;
use crate::store::forgotten;
use crate::store::operator_log::{Action, Line};

/// What is to be set; the outer `None`: it stays, the inner one: nobody has decided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallEdit {
    /// Whether it was a success.
    pub converted: Option<Option<bool>>,
    /// Whose campaign it was, whatever was derived.
    pub campaign_id: Option<Option<Uuid>>,
    /// Nothing is set unless this is still the conversion: else somebody has decided anew.
    pub if_converted: Option<Option<bool>>,
}

/// Sets it. False: there is no such call, it is not theirs, the campaign is another tenant's, or the conversion is not what
/// it must be.
pub async fn edit(pool: &PgPool, scope: &Scope, id: Uuid, edit: CallEdit) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    forgotten::hold_off_erasure(&mut transaction).await?;
    let tenant_id = sqlx::query_file_scalar!(
        "sql/people/edit_call.sql",
        id,
        scope.tenant_id(),
        edit.converted.is_some(),
        edit.converted.flatten(),
        edit.campaign_id.is_some(),
        edit.campaign_id.flatten(),
        edit.if_converted.is_some(),
        edit.if_converted.flatten(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if tenant_id.is_some() {
        let mut line = Line::of(scope, Action::EditCall).tenant(tenant_id).with("call_id", id);
        if let Some(converted) = edit.converted {
            line = line.with("converted", converted);
        }
        if let Some(campaign_id) = edit.campaign_id {
            line = line.with("campaign_id", campaign_id);
        }
        line.write(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(tenant_id.is_some())
}

/// Whether a campaign is theirs.
pub async fn has_campaign(executor: impl PgExecutor<'_>, scope: &Scope, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/people/campaign_exists.sql", id, scope.tenant_id()).fetch_one(executor).await
}

/// Whether a call is theirs.
pub async fn has_call(executor: impl PgExecutor<'_>, scope: &Scope, id: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("sql/people/call_exists.sql", id, scope.tenant_id()).fetch_one(executor).await
}
