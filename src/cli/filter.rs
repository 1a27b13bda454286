//! The filters that lists, replay, skip, redrive and discard share.

use sqlx::PgPool;
use uuid::Uuid;

use super::input::When;
use super::owner;
use crate::clock::Clock;
use crate::inbox::Filter;

/// Which events; every condition that is given must hold.
#[derive(Clone, Debug, clap::Args)]
pub struct FilterArgs {
    /// Of this platform
    #[arg(long)]
    provider: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Of this tenant
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Received then or later: a time, a day, or how long ago (2h)
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Received earlier than that
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// This event; may be repeated
    #[arg(long = "id", value_name = "UUID")]
    ids: Vec<Uuid>,
}

impl FilterArgs {
    /// The filter, with the tenant looked up and the times counted from now.
    pub(super) async fn resolve(self, pool: &PgPool) -> anyhow::Result<Filter> {
        let now = Clock::system().now();
        Ok(Filter {
            tenant_id: owner::maybe_tenant(pool, self.tenant.as_deref()).await?,
            provider: self.provider,
            event_type: self.event_type,
            since: self.since.map(|when| when.resolve(now)),
            until: self.until.map(|when| when.resolve(now)),
            ids: self.ids,
            ..Filter::default()
        })
    }
}
