//! What a job works with: the database, the time, the vendors.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::TenantSettings;
use crate::clock::Clock;
use crate::crypto::{DigestKey, Keys};
use crate::db::Link;
use crate::integrations::Transport;
use crate::outbox::{self, Allowance, Job};
use crate::telemetry::Metrics;

/// Lays a tenant's own settings over the configuration; the error says which key is wrong.
pub type TenantOverlay = Arc<dyn Fn(&Value) -> Result<TenantSettings, String> + Send + Sync>;

/// What a job works with.
#[derive(Clone)]
pub struct Desk {
    /// The database.
    pub pool: PgPool,
    /// The way to it.
    pub link: Link,
    /// What secrets are sealed under.
    pub keys: Keys,
    /// The time.
    pub clock: Clock,
    /// HTTP to vendors.
    pub transport: Transport,
    /// Where counts go.
    pub metrics: Arc<Metrics>,
    /// The configuration, as it counts for a tenant.
    pub overlay: TenantOverlay,
}

/// A tenant as jobs see it.
pub struct Tenant {
    /// Its id.
    pub id: Uuid,
    /// What counts for it.
    pub settings: TenantSettings,
    /// Its time zone.
    pub time_zone: String,
}

/// Whether a vendor may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Yes, and it is written down.
    Yes,
    /// No: somebody else may have the job by now.
    LeaseLost,
    /// No: this one of the bounds would be exceeded. Nothing was taken.
    UsedUp(usize),
}

/// Why a tenant's jobs cannot run.
pub enum TenantError {
    /// The database failed.
    Database(sqlx::Error),
    /// Its settings are wrong: a person must mend them.
    Settings(String),
}

impl Desk {
    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// What ids and digests are made with.
    pub async fn ids(&self) -> Result<&DigestKey, sqlx::Error> {
        self.keys.load(&self.pool).await
    }

    /// The time for statements that otherwise take the database's: `None`, except in tests.
    pub fn frozen_now(&self) -> Option<DateTime<Utc>> {
        self.clock.is_frozen().then(|| self.clock.now())
    }

    /// Writes down that a vendor is about to be asked for what cannot be taken back. `false`: it must not be.
    pub async fn begin(&self, job: &Job) -> Result<bool, sqlx::Error> {
        Ok(self.begin_within(job, &[]).await? == Begun::Yes)
    }

    /// The same, and takes what it uses up of daily bounds: all of it or nothing, whenever the program is killed.
    pub async fn begin_within(&self, job: &Job, bounds: &[(Allowance, f64)]) -> Result<Begun, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if !outbox::begin(&mut transaction, job, self.frozen_now()).await? {
            return Ok(Begun::LeaseLost);
        }
        for (place, (allowance, most)) in bounds.iter().enumerate() {
            if !outbox::take(&mut *transaction, allowance, *most).await? {
                return Ok(Begun::UsedUp(place));
            }
        }
        transaction.commit().await?;
        Ok(Begun::Yes)
    }

    /// Gives back what was taken and certainly not used. What the vendor said counts more than that this succeeds:
    /// otherwise it is as if it had been used.
    pub async fn give_back(&self, allowances: &[Allowance]) {
        for allowance in allowances {
            if let Err(error) = outbox::give_back(&self.pool, allowance).await {
                tracing::warn!(error = %crate::db::describe(&error), subject = "allowance", "not given back");
            }
        }
    }

    /// Whether this attempt has begun to send.
    pub async fn has_begun(&self, job: &Job) -> Result<bool, sqlx::Error> {
        let begun = sqlx::query_file_scalar!("sql/outbox/has_begun.sql", job.id, job.claim);
        Ok(begun.fetch_optional(&self.pool).await?.unwrap_or(false))
    }

    /// A tenant and what counts for it.
    pub async fn tenant(&self, tenant_id: Uuid) -> Result<Tenant, TenantError> {
        let row = sqlx::query_file!("sql/jobs/tenant.sql", tenant_id)
            .fetch_one(&self.pool)
            .await
            .map_err(TenantError::Database)?;
        let own: Value = serde_json::from_str(&row.settings).unwrap_or_default();
        let settings = (self.overlay)(&own).map_err(TenantError::Settings)?;
        let time_zone = row.time_zone.unwrap_or_else(|| settings.outreach.time_zone.clone());
        Ok(Tenant { id: tenant_id, settings, time_zone })
    }

    /// The same; what concerns no tenant in particular has the configuration alone.
    pub async fn tenant_or_house(&self, tenant_id: Uuid) -> Result<Tenant, TenantError> {
        if !tenant_id.is_nil() {
            return self.tenant(tenant_id).await;
        }
        let settings = (self.overlay)(&Value::Null).map_err(TenantError::Settings)?;
        Ok(Tenant { id: tenant_id, time_zone: settings.outreach.time_zone.clone(), settings })
    }

    /// The tenant's day, and the end of its quiet hours if it is in them.
    pub async fn local_time(&self, tenant: &Tenant) -> Result<(NaiveDate, Option<DateTime<Utc>>), sqlx::Error> {
        let quiet = &tenant.settings.outreach.quiet_hours;
        let (from, until) = match quiet.as_slice() {
            [from, until] => (*from, *until),
            _ => (NaiveTime::MIN, NaiveTime::MIN),
        };
        let row = sqlx::query_file!("sql/jobs/local_time.sql", self.now(), tenant.time_zone, from, until)
            .fetch_one(&self.pool)
            .await?;
        Ok((row.day, row.quiet_until))
    }

    /// Credentials, permissions or money were refused: somebody must act.
    pub async fn alarm(&self, job: &Job, kind: &'static str, reason: &str) {
        tracing::error!(job_id = %job.id, kind, reason, "a vendor refuses; a person must act");
    }
}
