//! Claiming: a number or an agent belongs to one tenant of the installation, and leads the calls of shared sources to it. So
//! where there are several tenants, a tenant's own administrator claims nothing: the number may be another tenant's, now or
//! when it gets one, and an answer that depends on that would tell of other tenants.

use sqlx::PgConnection;

use super::AdminError;
use crate::access::TenantScope;
use crate::store::roster::tenants;

/// Whether this actor may claim something for the tenant. In an installation of one tenant there is nobody to claim from.
pub(super) async fn check(connection: &mut PgConnection, scope: &TenantScope) -> Result<(), AdminError> {
    if scope.is_of_all() || !tenants::has_others(connection, scope.tenant()).await? {
        return Ok(());
    }
    Err(AdminError::NeedsAllTenants(
        "only an administrator of all tenants can add this: there are several tenants, and it may be another one's",
    ))
}
