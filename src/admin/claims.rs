//! Claiming: a number or an agent that a tenant registers leads calls of shared sources to that tenant. So where sources
//! are shared, a tenant's own administrator claims nothing: the number may be another tenant's.

use sqlx::PgConnection;

use super::AdminError;
use crate::access::TenantScope;
use crate::store::roster::tenants;

/// The one refusal, whether a source is shared or another tenant has it: it tells nothing of other tenants.
const REFUSED: AdminError = AdminError::NeedsAllTenants(
    "only an administrator of all tenants can add this: its calls may come in over a source that tenants share",
);

/// Whether this actor may claim something for the tenant. `provider`: the platform of an agent; `None`: a number, which
/// any platform may name. In an installation of one tenant there is nobody to claim from.
pub(super) async fn check(
    connection: &mut PgConnection,
    scope: &TenantScope,
    provider: Option<&str>,
) -> Result<(), AdminError> {
    if scope.is_of_all() || !tenants::shares_sources(connection, scope.tenant(), provider).await? {
        return Ok(());
    }
    Err(REFUSED)
}

/// What one hears whose claim found an owner: `is_theirs` if it is the same tenant. Another tenant's is refused in the
/// words of [`check`], unless the actor may see it.
pub(super) fn taken(scope: &TenantScope, is_theirs: bool, what: &'static str) -> AdminError {
    if is_theirs || scope.is_of_all() { AdminError::Conflict(what.into()) } else { REFUSED }
}
