//! The names that belong to calls: of the person and of the campaign.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::TenantScope;

/// The names of a call.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say what each is")]
pub struct CallNames {
    pub call_id: Uuid,
    pub lead_id: Option<Uuid>,
    pub person: Option<String>,
    pub campaign: Option<String>,
}

/// The names of these calls of a tenant.
pub async fn of_calls(
    connection: &mut PgConnection,
    scope: &TenantScope,
    calls: &[Uuid],
) -> Result<Vec<CallNames>, sqlx::Error> {
    let mut names = sqlx::query_file_as!(CallNames, "sql/people/call_names.sql", calls, scope.tenant())
        .fetch_all(connection)
        .await?;
    names.iter_mut().for_each(|names| scope.scope().name(&mut names.person));
    Ok(names)
}
