//! Whose caller it is: found anew for every question, so that what was changed a moment ago counts.

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::dispatch::TenantView;
use crate::domain::{AppointmentSettings, ConversationSettings, Party, phone};
use crate::redact::{PersonName, Phone};

/// Lays a tenant's own settings over the configuration; the error says which key is wrong.
pub type Overlay = Arc<dyn Fn(&Value) -> Result<TenantParts, String> + Send + Sync>;

/// What counts for a tenant, as far as it is spoken about.
#[derive(Clone, Debug)]
pub struct TenantParts {
    /// `[appointments]`.
    pub appointments: AppointmentSettings,
    /// `[conversation]`.
    pub conversation: ConversationSettings,
    /// The time zone of tenants without one.
    pub time_zone: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The connection.
    pub connection_id: Uuid,
    /// Its tenant; `None`: shared.
    pub tenant_id: Option<Uuid>,
    /// The platform.
    pub provider: &'static str,
}

/// Finds the tenant. `None`: the connection is shared, and nobody owns the number or the agent.
pub(super) async fn find(
    connection: &mut PgConnection,
    asker: Asker,
    party: &mut Party,
    overlay: &Overlay,
    default_region: &str,
) -> Result<Option<TenantView>, sqlx::Error> {
    // As the directory has it: the tenant's own region is not known yet, and platforms that ask write E.164.
    let ours = party.our_number.as_ref().and_then(|raw| phone::e164(raw, default_region));
    let found = sqlx::query_file!(
        "sql/live/tenant.sql",
        asker.connection_id,
        asker.tenant_id,
        ours.as_ref().map(Phone::expose),
        asker.provider,
        party.agent_id,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = found else { return Ok(None) };
    party.agent_name = party.agent_name.take().or(row.agent_name.map(PersonName::new));
    let own: Value = serde_json::from_str(&row.settings).unwrap_or_default();
    // The caller must not hear silence for a setting that somebody has written into the table by hand.
    let parts = overlay(&own).or_else(|reason| {
        tracing::warn!(tenant_id = %row.id, reason, "the tenant's own settings are wrong; the configuration's count");
        overlay(&Value::Null)
    });
    let Ok(parts) = parts else { return Ok(None) };
    Ok(Some(TenantView {
        id: row.id,
        name: row.name,
        time_zone: row.time_zone.unwrap_or(parts.time_zone),
        region: row.region.unwrap_or_else(|| default_region.to_owned()),
        appointments: parts.appointments,
        conversation: parts.conversation,
    }))
}
